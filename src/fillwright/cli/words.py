"""Options that several commands share, and the composition root that they are given."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fillwright.commands import journal
from fillwright.commands.services import Services
from fillwright.config import load
from fillwright.options import JOURNAL_NAME

LIMIT_MAX = 1_000_000


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
Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Data folder (data.dir in the settings).")
]
JournalFolder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Folder of a replay or of a service; default: the service's data, else out.",
    ),
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


def folder_of(out: Path | None) -> Path:
    """Whose journal is meant: the folder named, else the service's data, else the last replay's; raises ConfigError."""
    if out is not None:
        return out
    data, replayed = load().data.dir, Path("out")
    if (replayed / JOURNAL_NAME).is_file() and not (data / JOURNAL_NAME).is_file():
        return replayed
    return data
