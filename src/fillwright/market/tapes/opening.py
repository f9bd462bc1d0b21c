"""Open a tape: the file's content tells what it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from fillwright.core.instruments import Instrument
from fillwright.core.types import Symbol
from fillwright.market.tapes.arrow_tape import ArrowFile, ArrowTape, layout_of
from fillwright.market.tapes.csv_tape import CsvTape
from fillwright.market.tapes.depth_tape import BookTape, LevelTape
from fillwright.market.tapes.errors import TapeError
from fillwright.market.tapes.layouts import Content, Layout, by_names, by_shape, is_row
from fillwright.market.tapes.recording import RecordingTape
from fillwright.market.tapes.source import Packing, head_of, packing_of
from fillwright.market.tapes.tape import Tape

_RECORDED = re.compile(rb"\{|[0-9]{9,19}(\.[0-9]+)?:? \{|https?://|wss?://|configuration: ")
_LINES_TO_JUDGE = 20
"""A dump without header is told by its first row that looks right: the one before it may be what is broken."""
_DEPTH_LEVELS = frozenset({Content.DEPTH_UPDATES, Content.DEPTH_LEVELS})


def open_tape(
    path: Path | str,
    symbol: Symbol | None,
    instruments: Mapping[Symbol, Instrument],
    *,
    start_row: int = 0,
    sort: bool = False,
) -> Tape:
    """Open recorded market data of any format we read, at a row.

    Args:
        path: CSV (trades, aggTrades, klines, bookTicker, depth) or raw stream recording, plain, gzip, zstd or zip;
            parquet or feather (trades, klines, books).
        symbol: wanted when neither rows nor file name tell it, or to pick one of a recording of several.
        instruments: the exchange info; symbols that it does not know are refused.
        start_row: rows (events of a recording) to pass over: what was consumed before.
        sort: put the rows of a table in order instead of refusing unsorted ones; holds them all in memory.

    Raises:
        TapeError: missing, empty or broken file, unknown format or symbol, a broken first row; later rows raise it
            while they are read.
    """
    path = Path(path)
    packing = packing_of(path)
    if packing in (Packing.PARQUET, Packing.FEATHER):
        file = ArrowFile(path, packing)
        layout = layout_of(file)
        if layout.content is Content.BOOKS:
            return BookTape(file, layout, symbol, instruments, start_row)
        if layout.content in _DEPTH_LEVELS:
            raise TapeError(path, f"{layout.content} are read from CSV only")
        return ArrowTape(file, layout, symbol, instruments, start_row, sort)
    lines = head_of(path)
    if _RECORDED.match(lines[0]):
        return RecordingTape(path, lines, symbol, instruments, start_row)
    layout = _csv_layout(path, lines)
    rows = lines[layout.header_lines :]
    if layout.content in _DEPTH_LEVELS:
        return LevelTape(path, layout, rows, symbol, instruments, start_row)
    return CsvTape(path, layout, rows, symbol, instruments, start_row, sort)


def _csv_layout(path: Path, lines: list[bytes]) -> Layout:
    """The layout of a text's rows; TapeError when they are none that we read."""
    if any(b"\0" in line for line in lines[:_LINES_TO_JUDGE]):
        raise TapeError(path, "unknown format: neither a text nor a file of a kind that is read")
    notes = 0
    while notes < len(lines) and lines[notes].startswith(b"#"):
        notes += 1
    if notes == len(lines):
        raise TapeError(path, "has no rows")
    text = [line.decode("utf-8", "replace").removeprefix("\ufeff") for line in lines[notes:]]
    fields = [field.strip().strip('"') for field in text[0].split(",")]
    if len(fields) > 1 and not is_row(fields):
        layout = by_names(tuple(fields), notes + 1)
        if layout is None:
            raise TapeError(path, f"unknown format: columns {', '.join(fields)[:200]}", line=notes + 1)
        return layout
    for line in text[:_LINES_TO_JUDGE]:
        layout = by_shape(line.split(","))
        if layout is not None:
            return Layout(layout.content, layout.columns, layout.roles, notes)
    raise TapeError(path, f"unknown format: {text[0][:80]!r}", line=notes + 1)
