"""What commands print: tables for people, one JSON document for programs, and nothing that a terminal would obey."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import IO, Any

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fillwright.core.types import CONTEXT, Time, plain
from fillwright.reports.summary import timestamp

WIDTH_WITHOUT_TERMINAL = 200
COLUMN_GAP = 2
_CENT = Decimal("0.01")
_TIME_NAMES = frozenset({"time", "timestamp", "since", "unprotected_since", "paused_until", "until"})


def console(stream: IO[str] | None = None) -> Console:
    """A console on standard output (or another stream): as wide as the terminal, wide enough for tables without one."""
    stream = stream or sys.stdout
    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, width=width, highlight=False, soft_wrap=False, emoji=False, markup=False)


def table(title: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]]) -> Table:
    """A table; columns are (heading, left or right)."""
    made = Table(title=clean(title), title_justify="left", box=None, pad_edge=False, header_style="bold")
    for heading, justify in columns:
        made.add_column(
            heading,
            justify="right" if justify == "right" else "left",
            overflow="fold",
            no_wrap=justify == "right",
        )
    for row in rows:
        made.add_row(*(value if isinstance(value, Text) else Text(shown(value)) for value in row))
    return made


def fitting(
    columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]], spare: Sequence[str], width: int
) -> list[int]:
    """Which columns fit into a width: all, or those that stay when spare ones go, in their order."""
    widths = [
        max(
            len(heading),
            *(cell_len(value.plain if isinstance(value, Text) else shown(value)) for value in cells),
        )
        for (heading, _), cells in zip(columns, zip(*rows, strict=True), strict=True)
    ]
    kept = list(range(len(columns)))
    for name in spare:
        if sum(widths[i] for i in kept) + COLUMN_GAP * (len(kept) - 1) <= width:
            break
        kept = [i for i in kept if columns[i][0] != name]
    return kept


def shown(value: object) -> str:
    """A value in a table's cell: numbers exactly, times by the caller, nothing as a dash."""
    if value is None or value == "":
        return "–"
    if isinstance(value, Decimal):
        return plain(value)
    return clean(str(value))


def clean(text: str) -> str:
    """A text of others without what a terminal would obey: control characters become question marks."""
    return "".join(char if char.isprintable() else "?" for char in text)


def money(value: Decimal | None) -> Text:
    """An amount to the cent, coloured by its sign."""
    if value is None:
        return Text("–")
    style = "green" if value > 0 else "red" if value < 0 else ""
    # In a context of our own: libraries change how the current one rounds.
    return Text(f"{CONTEXT.quantize(value, _CENT):+,.2f}" if value else "0.00", style=style)


def price(value: Decimal | None) -> str:
    """A price with 8 decimals at most: averages have more than anybody reads."""
    return "–" if value is None else plain(round(value, 8))


def moment(time: Time | None) -> str:
    """A time to the second, UTC."""
    return "–" if not time else timestamp(time)[:19].replace("T", " ")


def print_json(content: Any) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(plain_json(content)), indent=2).decode() + "\n")


def plain_json(value: Any, name: str = "") -> Any:
    """Structs as objects, decimals as text, times (by their names) in RFC 3339: as the API spells records."""
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        fields = {key: getattr(value, key) for key in value.__struct_fields__}
        return plain_json({"kind": tag, **fields} if isinstance(tag, str) else fields)
    if isinstance(value, Mapping):
        return {str(key): plain_json(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_json(item, name) for item in value]
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, int) and not isinstance(value, bool) and is_time(name):
        return timestamp(value)
    return value


def is_time(name: str) -> bool:
    """Whether a field of this name holds a time."""
    return name.endswith(("_at", "_time")) or name in _TIME_NAMES
