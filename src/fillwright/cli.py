"""The command line: options and their words. What commands do is in ``fillwright.commands``.

Exit codes: 0 done; 1 a bug of ours; 2 bad input (a tape, file, option or setting); 3 the trader's own code raised;
4 the journal cannot be read or written (disk full, broken, locked); 130 interrupted.
"""

from __future__ import annotations

import io
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fillwright import __version__
from fillwright.commands import journal, settings
from fillwright.commands.failures import ending
from fillwright.commands.replay import check_options, show_in_browser
from fillwright.commands.replay import replay as run_replay
from fillwright.commands.report import report as write_report
from fillwright.commands.services import Services
from fillwright.commands.why import why as tell_why
from fillwright.config import load
from fillwright.options import ReplayOptions

LIMIT_MAX = 1_000_000

app = typer.Typer(
    name="fillwright",
    help="Signals in, protected positions out.\n\nExit codes: 0 done, 1 a bug, 2 bad input,"
    " 3 the trader's code raised, 4 the journal cannot be read or written, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Status(StrEnum):
    """What of a listing is shown."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the run.")]
Account = Annotated[
    str | None, typer.Option("--account", metavar="ID", help="Account, where the journal holds several.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
ConfigFiles = Annotated[
    list[Path] | None,
    typer.Option("--config", metavar="FILE", help="Settings (TOML); may be repeated, later files win."),
]
StatusOption = Annotated[Status, typer.Option("--status", help="Which ones.")]
SymbolOption = Annotated[str | None, typer.Option("--symbol", metavar="SYMBOL", help="Of this symbol only.")]
TraderOption = Annotated[str | None, typer.Option("--trader", metavar="TRADER", help="Of this trader only.")]
Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=LIMIT_MAX, help="At most so many, the newest first.")
]
Cursor = Annotated[
    str | None,
    typer.Option("--cursor", metavar="CURSOR", help="Go on from the next_cursor of an earlier answer."),
]


def services_of(context: typer.Context) -> Services:
    """Give the composition root: what a test brought along, else the real one (loaded when it is needed)."""
    if context.obj is not None:
        found: Services = context.obj
        return found
    from fillwright import bootstrap

    return bootstrap


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fillwright {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Signals in, protected positions out."""


@app.command(short_help="Replay recorded market data: journal, figures, report.")
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


@app.command(short_help="Tell why a signal was or was not traded.")
def why(
    context: typer.Context,
    signal: Annotated[str, typer.Argument(metavar="SIGNAL", help="Number or key of the signal.")],
    out: Out = Path("out"),
    account: Account = None,
    json: Json = False,
) -> None:
    """Tell why a signal was or was not traded: every check with its value and limit, and all that followed."""
    with ending(json):
        tell_why(services_of(context), out, account, signal, json)


@app.command()
def positions(
    context: typer.Context,
    status: StatusOption = Status.ALL,
    symbol: SymbolOption = None,
    trader: TraderOption = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    out: Out = Path("out"),
    account: Account = None,
    json: Json = False,
) -> None:
    """List positions, the newest first."""
    with ending(json):
        wanted = listing(status, symbol, trader, limit, cursor, json)
        journal.positions(services_of(context), out, account, wanted)


@app.command()
def orders(
    context: typer.Context,
    status: StatusOption = Status.ALL,
    symbol: SymbolOption = None,
    trader: TraderOption = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    out: Out = Path("out"),
    account: Account = None,
    json: Json = False,
) -> None:
    """List orders, the newest first."""
    with ending(json):
        wanted = listing(status, symbol, trader, limit, cursor, json)
        journal.orders(services_of(context), out, account, wanted)


@app.command()
def trades(
    context: typer.Context,
    status: StatusOption = Status.ALL,
    symbol: SymbolOption = None,
    trader: TraderOption = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    out: Out = Path("out"),
    account: Account = None,
    json: Json = False,
) -> None:
    """List trades, the newest first."""
    with ending(json):
        wanted = listing(status, symbol, trader, limit, cursor, json)
        journal.trades(services_of(context), out, account, wanted)


@app.command(short_help="Write the report of a finished replay again.")
def report(
    context: typer.Context,
    out: Out = Path("out"),
    account: Account = None,
    open_report: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
    json: Json = False,
) -> None:
    """Write the report of a finished replay again, from its journal."""
    with ending(json):
        page = write_report(services_of(context), out, account, json)
        if open_report:
            show_in_browser(page)


@app.command(short_help="Show every setting and where it came from.")
def show_config(
    config: ConfigFiles = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not at its default.")] = False,
    json: Json = False,
) -> None:
    """Show every setting, its value and where it came from; secrets hidden."""
    with ending(json):
        settings.show_config(config or (), json, changed)


def listing(
    status: Status, symbol: str | None, trader: str | None, limit: int, cursor: str | None, json: bool
) -> journal.Listing:
    """Put the options of a listing together."""
    return journal.Listing(
        status=None if status is Status.ALL else status.value,
        symbol=symbol,
        trader_id=trader,
        limit=limit,
        cursor=cursor,
        json=json,
    )


def main() -> None:
    """Run the command line; ends the process with one of the fixed exit codes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show ✓ gets ? rather than an error
            stream.reconfigure(errors="replace")
    app()
