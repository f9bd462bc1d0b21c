"""Commands for whoever runs the service: ``run``, ``token``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fillwright.cli.words import ConfigFiles, Data, Json, services_of
from fillwright.commands import service
from fillwright.commands.doctor import doctor as examine
from fillwright.commands.failures import ending
from fillwright.commands.init import init as write_files
from fillwright.options import ExitCode


class Feed(StrEnum):
    """Where prices come from."""

    AUTO = "auto"
    BINANCE = "binance"
    SYNTHETIC = "synthetic"
    TAPE = "tape"


def run(
    context: typer.Context,
    config: ConfigFiles = None,
    data: Data = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (server.host).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port (server.port); 0: any that is free.")
    ] = None,
    feed: Annotated[Feed | None, typer.Option(help="Where prices come from (market.feed).")] = None,
    symbol: Annotated[
        list[str] | None, typer.Option(metavar="SYMBOL", help="Symbols (market.symbols); may be repeated.")
    ] = None,
    tape: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Recorded market data to play (market.tapes); may be repeated."),
    ] = None,
    speed: Annotated[
        str | None, typer.Option(metavar="N", help="How many seconds of a tape pass in a second.")
    ] = None,
    trader: Annotated[
        str | None,
        typer.Option(help="module:Class, file.py:Class, or one of [traders]; default: all, or the example."),
    ] = None,
    no_trader: Annotated[
        bool, typer.Option("--no-trader", help="Run no trader: signals come from outside alone.")
    ] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON when the service is up.")
    ] = False,
) -> None:
    """Run the service: live paper trading on Binance's prices (or synthetic ones, or a tape), API and page."""
    with ending(json):
        wishes = service.Wishes(
            data=data,
            host=host,
            port=port,
            feed=None if feed is None else feed.value,
            symbols=tuple(symbol or ()),
            tapes=tuple(tape or ()),
            speed=speed,
            trader=trader,
            no_trader=no_trader,
        )
        service.run(services_of(context), config or (), wishes, json_wanted=json, open_page=open_page)


def token(context: typer.Context, config: ConfigFiles = None, data: Data = None, json: Json = False) -> None:
    """Make a new token for the service's API, show it once, and forget the one before."""
    with ending(json):
        service.token(services_of(context), service.service_config(config or (), data), json)


def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to.")] = Path(),
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="Data folder, within it.")] = Path(
        "data"
    ),
    force: Annotated[bool, typer.Option("--force", help="Write over a settings file that is there.")] = False,
    json: Json = False,
) -> None:
    """Write fillwright.toml, with every setting in it and what it may be, and make the data folder."""
    with ending(json):
        write_files(folder, data, force, json)


def doctor(context: typer.Context, config: ConfigFiles = None, data: Data = None, json: Json = False) -> None:
    """Look whether the service can run here: clock, disk, database, prices, port, permissions; each with a remedy."""
    with ending(json):
        well = examine(services_of(context), service.service_config(config or (), data), json)
    if not well:
        raise typer.Exit(int(ExitCode.BAD_INPUT))
