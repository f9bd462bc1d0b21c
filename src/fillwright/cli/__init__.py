"""The command line: options and their words. What commands do is in ``fillwright.commands``.

Exit codes: 0 done; 1 a bug of ours; 2 bad input (a tape, file, option or setting); 3 the trader's own code raised;
4 the journal cannot be read or written (disk full, broken, locked); 5 the port is in use; 6 another service works on
the data folder; 7 there is no service, or it does not answer; 8 the service refused; 130 interrupted.
"""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from fillwright import __version__
from fillwright.cli import exchange, position, remote, rollout, runs, service, shadow

app = typer.Typer(
    name="fillwright",
    help="Signals in, protected positions out.\n\nExit codes: 0 done, 1 a bug, 2 bad input,"
    " 3 the trader's code raised, 4 the journal cannot be read or written, 5 the port is in use,"
    " 6 another service works on the data folder, 7 no service answers, 8 the service refused, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


app.command(short_help="Run the service: live paper trading, API and page.")(service.run)
app.command(short_help="Make a new token for the service's API.")(service.token)
app.command(short_help="Write a settings file and make the data folder.")(service.init)
app.command(short_help="Look whether the service can run here.")(service.doctor)
app.add_typer(remote.signals)
app.add_typer(position.position)
app.command(short_help="Stop entries at once; with --flatten sell everything.")(remote.emergency_stop)
app.command(short_help="Take entries again after a halt.")(remote.resume)
app.command(short_help="Tell the trading mode, or switch it.")(remote.mode)
app.command(short_help="Prove an account by ten clean trades: testnet, demo, mainnet.")(rollout.rollout)
app.command(short_help="Tell how the service is doing.")(remote.status)
app.add_typer(exchange.exchange)
app.command(short_help="Replay recorded market data: journal, figures, report.")(runs.replay)
app.command(short_help="Tell why a signal was or was not traded.")(runs.why)
app.command()(runs.positions)
app.command()(runs.orders)
app.command()(runs.trades)
app.add_typer(shadow.shadow)
app.command(short_help="Write the report of a finished replay again.")(runs.report)
app.command(short_help="Show every setting and where it came from.")(runs.show_config)


def main() -> None:
    """Run the command line; ends the process with one of the fixed exit codes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show ✓ gets ? rather than an error
            stream.reconfigure(errors="replace")
    app()
