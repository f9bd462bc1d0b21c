"""Commands about replays and journals: ``replay``, ``report``, ``why``, the listings, ``show-config``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fillwright.cli.words import (
    Account,
    ConfigFiles,
    Cursor,
    JournalFolder,
    Json,
    Limit,
    Out,
    Status,
    StatusOption,
    SymbolOption,
    TraderOption,
    folder_of,
    listing,
    services_of,
)
from fillwright.commands import journal, settings
from fillwright.commands.failures import ending
from fillwright.commands.why import why as tell_why
from fillwright.config import load
from fillwright.options import ReplayOptions


def replay(
    context: typer.Context,
    tape: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Recorded market data; may be repeated. The format is recognised."),
    ] = None,
    symbol: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SYMBOL",
            help="What the tape is about, or which of its symbols to trade; may be repeated.",
        ),
    ] = None,
    exchange_info: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Binance's exchangeInfo (JSON); default: built in.")
    ] = None,
    trader: Annotated[
        str | None,
        typer.Option(
            help="module:Class, file.py:Class, or one of [traders]; default: the example, breakout."
        ),
    ] = None,
    signals: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Signals, one JSON object per line, instead of a trader."),
    ] = None,
    config: ConfigFiles = None,
    out: Out = Path("out"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a killed run stopped.")] = False,
    sort: Annotated[
        bool,
        typer.Option("--sort", help="Put rows that are out of order in order, instead of refusing the tape."),
    ] = False,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Replay a made-up market instead of a tape.")
    ] = False,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of the made-up market (default 1).")] = None,
    days: Annotated[
        int | None, typer.Option(metavar="N", help="Length of the made-up market (default 30).")
    ] = None,
    open_report: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    json: Json = False,
) -> None:
    """Replay recorded market data through the engine and an exchange; write journal, summary and report."""
    from fillwright.commands.replay import check_options
    from fillwright.commands.replay import replay as run_replay

    with ending(json):
        defaults = ReplayOptions(config=load(config or ()), out=out)
        options = ReplayOptions(
            config=defaults.config,
            out=out,
            tapes=tuple(tape or ()),
            symbols=tuple(symbol or ()),
            exchange_info=exchange_info,
            trader=trader,
            signals=signals,
            resume=resume,
            sort=sort,
            synthetic=synthetic,
            seed=defaults.seed if seed is None else seed,
            days=defaults.days if days is None else days,
        )
        check_options(options, seed_given=seed is not None, days_given=days is not None)
        run_replay(services_of(context), options, json_wanted=json, quiet=quiet, open_report=open_report)


def why(
    context: typer.Context,
    signal: Annotated[str, typer.Argument(metavar="SIGNAL", help="Number or key of the signal.")],
    out: JournalFolder = None,
    account: Account = None,
    json: Json = False,
) -> None:
    """Tell why a signal was or was not traded: every check with its value and limit, and all that followed."""
    with ending(json):
        tell_why(services_of(context), folder_of(out), account, signal, json)


def positions(
    context: typer.Context,
    status: StatusOption = Status.ALL,
    symbol: SymbolOption = None,
    trader: TraderOption = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    out: JournalFolder = None,
    account: Account = None,
    json: Json = False,
) -> None:
    """List positions, the newest first."""
    with ending(json):
        wanted = listing(status, symbol, trader, limit, cursor, json)
        journal.positions(services_of(context), folder_of(out), account, wanted)


def orders(
    context: typer.Context,
    status: StatusOption = Status.ALL,
    symbol: SymbolOption = None,
    trader: TraderOption = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    out: JournalFolder = None,
    account: Account = None,
    json: Json = False,
) -> None:
    """List orders, the newest first."""
    with ending(json):
        wanted = listing(status, symbol, trader, limit, cursor, json)
        journal.orders(services_of(context), folder_of(out), account, wanted)


def trades(
    context: typer.Context,
    status: StatusOption = Status.ALL,
    symbol: SymbolOption = None,
    trader: TraderOption = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    out: JournalFolder = None,
    account: Account = None,
    json: Json = False,
) -> None:
    """List trades, the newest first."""
    with ending(json):
        wanted = listing(status, symbol, trader, limit, cursor, json)
        journal.trades(services_of(context), folder_of(out), account, wanted)


def report(
    context: typer.Context,
    out: Out = Path("out"),
    account: Account = None,
    open_report: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
    json: Json = False,
) -> None:
    """Write the report of a finished replay again, from its journal."""
    from fillwright.commands.replay import show_in_browser
    from fillwright.commands.report import report as write_report  # a service needs none of what draws it

    with ending(json):
        page = write_report(services_of(context), out, account, json)
        if open_report:
            show_in_browser(page)


def show_config(
    config: ConfigFiles = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not at its default.")] = False,
    json: Json = False,
) -> None:
    """Show every setting, its value and where it came from; secrets hidden."""
    with ending(json):
        settings.show_config(config or (), json, changed)
