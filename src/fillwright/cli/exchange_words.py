"""What the commands of ``fillwright exchange`` share: the group, options, and which server is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fillwright.commands import exchange as commands
from fillwright.commands.service import service_config

exchange = typer.Typer(
    name="exchange",
    help="A Binance Spot of your own: the exchange over Binance's protocol, and its admin door.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Url = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Where the exchange is; default: by --data.")
]
Token = Annotated[
    str | None,
    typer.Option("--token", envvar="FILLWRIGHT_EXCHANGE_TOKEN", metavar="TOKEN", help="Its admin token."),
]
SymbolName = Annotated[str, typer.Argument(metavar="SYMBOL", help="Such as BTCUSDT.")]
AccountName = Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account's name.")]
Balance = Annotated[
    list[str] | None,
    typer.Option("--balance", metavar="ASSET=AMOUNT", help="What a new account has; may be repeated."),
]


def services_of(context: typer.Context) -> Any:
    """The composition root's part: what a test brought along, else the real one."""
    if context.obj is not None:
        return context.obj
    from fillwright.bootstrap import exchange_server

    return exchange_server


def door_of(
    context: typer.Context, data: Path | None, url: str | None, token: str | None, json: bool
) -> commands.Door:
    """The admin door of the server that is meant."""
    folder = service_config((), data).data.dir
    return commands.Door(services=services_of(context), data=folder, url=url, token=token, json=json)


def given(**wishes: Any) -> dict[str, Any]:
    """Those that were named."""
    return {name: value for name, value in wishes.items() if value is not None and value != {}}
