"""``position close``, ``reduce``, ``add`` and ``adjust``: commands about one position of a running service."""

from __future__ import annotations

from typing import Annotated

import typer

from fillwright.cli.remote import TokenFile, Url, target_of
from fillwright.cli.words import ConfigFiles, Data, Json
from fillwright.commands import position as commands
from fillwright.commands.failures import ending

Number = Annotated[int, typer.Argument(metavar="POSITION", min=1, help="Its number.")]
Key = Annotated[
    str | None,
    typer.Option(help="Idempotency key: sent again with it, nothing happens twice. Default: drawn."),
]

position = typer.Typer(
    name="position",
    help="Close, reduce, add to or adjust a position.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@position.command(short_help="Close a position at the market.")
def close(
    number: Number,
    reason: Annotated[str, typer.Option(help="Kept in the journal.")] = "operator",
    key: Key = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigFiles = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Close a position at the market."""
    with ending(json):
        commands.close(target_of(config, data, url, token_file), number, reason, key, json)


@position.command(short_help="Sell a part of a position; the rest stays protected.")
def reduce(
    number: Number,
    part: Annotated[str, typer.Argument(metavar="N%|QUANTITY", help="How much is sold.")],
    key: Key = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigFiles = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Sell a part of a position: percent of it, or a quantity; the rest stays protected."""
    with ending(json):
        commands.reduce(target_of(config, data, url, token_file), number, part, key, json)


@position.command(short_help="Buy more of a position.")
def add(
    number: Number,
    quote: Annotated[str, typer.Option(metavar="AMOUNT", help="For how much, in quote.")],
    key: Key = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigFiles = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Buy more of a position, after the same checks as an entry."""
    with ending(json):
        commands.add(target_of(config, data, url, token_file), number, quote, key, json)


@position.command(short_help="Move a position's stop or target.")
def adjust(
    number: Number,
    stop_loss: Annotated[str | None, typer.Option(metavar="PRICE", help="The new stop.")] = None,
    take_profit: Annotated[str | None, typer.Option(metavar="PRICE", help="The new target.")] = None,
    widen: Annotated[bool, typer.Option("--widen", help="Allow a stop that risks more.")] = False,
    key: Key = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigFiles = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Move a position's stop or target; a stop that risks more needs --widen."""
    with ending(json):
        wanted = target_of(config, data, url, token_file)
        commands.adjust(wanted, number, stop_loss, take_profit, widen, key, json)
