"""``fillwright shadow``: the paper account beside a real one."""

from __future__ import annotations

from typing import Annotated

import typer

from fillwright.cli.words import Account, JournalFolder, Json, folder_of, services_of
from fillwright.commands.failures import ending

shadow = typer.Typer(
    name="shadow",
    help="Shadows: paper accounts that get the same signals as real ones (trading.shadow = true).",
    no_args_is_help=True,
)


@shadow.callback()
def _shadow() -> None:
    """Shadows: paper accounts that get the same signals as real ones (trading.shadow = true)."""


@shadow.command()
def report(
    context: typer.Context,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Signals from then on: a day, or RFC 3339."),
    ] = None,
    out: JournalFolder = None,
    account: Account = None,
    json: Json = False,
) -> None:
    """Tell how far a real account and its shadow have drifted apart: prices, fees, latency, missed fills, results."""
    from fillwright.commands.shadow import report as tell

    with ending(json):
        tell(services_of(context), folder_of(out), account, since, json)
