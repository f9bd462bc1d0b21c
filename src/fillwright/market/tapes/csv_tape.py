"""Tapes in CSV, as Binance publishes them and as others write them: Arrow parses, straight into exact integers."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.csv as pa_csv

from fillwright.core.instruments import Instrument
from fillwright.core.types import Symbol
from fillwright.market.columns import DECIMALS_MAX, Columns, Scale
from fillwright.market.tapes.arrays import NOT_CONVERTED
from fillwright.market.tapes.errors import TapeError
from fillwright.market.tapes.layouts import Content, Layout
from fillwright.market.tapes.source import ByteStream, LineSkippingStream, line_at
from fillwright.market.tapes.symbols import tape_symbol
from fillwright.market.tapes.tables import (
    TableReader,
    first_symbol,
    interval_of,
    record_batch,
    sorted_rows,
)
from fillwright.market.tapes.tape import Chunk, Tape, TapeKind, cut_into_chunks

BLOCK_BYTES = 4 << 20
"""What Arrow parses at once; also the longest row it can take."""
SAMPLE_ROWS = 100

_PRECISION = 38
_TEXT_ROLES = frozenset({"symbol", "taker_side"})
_QUANTITY_ROLES = frozenset({"quantity", "bid_quantity", "ask_quantity", "volume"})
_TIME_ROLES = frozenset({"time", "open_time", "close_time"})
_ID_ROLES = frozenset({"trade_id"})
_INTEGER_ROLES = frozenset(
    {"is_ask", "receive_time", "event_time", "first_update_id", "final_update_id", "last_update_id"}
)
_TRUE = ["true", "True", "TRUE", "t", "T", "1"]
_FALSE = ["false", "False", "FALSE", "f", "F", "0"]
_ZONE = re.compile(r"(Z|[-+][0-9]{2}:?[0-9]{2})$")
_CONVERSION = re.compile(r"In CSV column #(\d+): (?:Row #(\d+): )?(.*)", re.DOTALL)
_STRUCTURE = re.compile(r"CSV parse error: (?:Row #(\d+): )?Expected (\d+) columns?, got (\d+)")


def csv_batches(
    stream: Any, layout: Layout, types: dict[str, Any], path: Path, lines_before: int
) -> Iterator[Any]:
    """Record batches of a CSV stream without header; Arrow's complaints become TapeErrors with their line."""
    wanted = list(dict.fromkeys(layout.roles.values()))
    try:
        reader = pa_csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=BLOCK_BYTES, column_names=list(layout.columns)
            ),
            parse_options=pa_csv.ParseOptions(ignore_empty_lines=False),
            convert_options=pa_csv.ConvertOptions(
                include_columns=wanted,
                column_types=types,
                null_values=[],
                true_values=_TRUE,
                false_values=_FALSE,
            ),
        )
        yield from reader
    except NOT_CONVERTED as error:
        if str(error) == "Empty CSV file":
            return
        raise _told(error, layout, path, lines_before) from error


def _told(error: Exception, layout: Layout, path: Path, lines_before: int) -> TapeError:
    """Arrow's complaint with the line it is about."""
    text = str(error)
    if (match := _STRUCTURE.match(text)) is not None:
        row, expected, got = match.groups()
        line = lines_before + int(row) if row else None
        return TapeError(path, f"{got} columns where {expected} are expected", line=line)
    if (match := _CONVERSION.match(text)) is None:
        return TapeError(path, text)
    column, row, why = match.groups()
    name = layout.columns[int(column)] if int(column) < len(layout.columns) else column
    if row is None:
        return TapeError(path, f"{name}: {why}")
    line = lines_before + int(row)
    fields = line_at(path, line).decode("utf-8", "replace").split(",")
    value = fields[int(column)].strip() if int(column) < len(fields) else ""
    if len(fields) < len(layout.columns):
        return TapeError(path, "an empty line" if fields == [""] else "too few columns", line=line)
    if not value:
        return TapeError(path, f"{name} is missing", line=line)
    what = "has too many decimals" if "data loss" in why else "is not valid"
    return TapeError(path, f"{name} {value!r:.60} {what}", line=line)


def column_types(layout: Layout, scale: Scale, sample: list[str]) -> dict[str, Any]:
    """How Arrow shall read the columns that have a role; the sample row tells how times are written."""
    types: dict[str, Any] = {}
    for role, column in layout.roles.items():
        if role in _TEXT_ROLES:
            types[column] = pa.string()
        elif role in _TIME_ROLES:
            types[column] = _time_type(sample[layout.columns.index(column)])
        elif role in _ID_ROLES or role in _INTEGER_ROLES:
            types[column] = pa.int64()
        elif role == "maker":
            types[column] = pa.bool_()
        else:
            decimals = scale.quantity_decimals if role in _QUANTITY_ROLES else scale.price_decimals
            types[column] = pa.decimal128(_PRECISION, decimals)
    return types


def _time_type(text: str) -> Any:
    text = text.strip()
    if text.isdecimal():
        return pa.int64()
    return pa.timestamp("us", tz="UTC" if _ZONE.search(text[10:]) else None)


class CsvTape(Tape):
    """Trades, candles or quotes of one symbol in a CSV file, packed or not."""

    def __init__(
        self,
        path: Path,
        layout: Layout,
        sample: list[bytes],
        symbol: Symbol | None,
        instruments: Mapping[Symbol, Instrument],
        start_row: int = 0,
        sort: bool = False,
    ) -> None:
        kinds = {
            Content.TRADES: TapeKind.TRADES,
            Content.CANDLES: TapeKind.CANDLES,
            Content.QUOTES: TapeKind.QUOTES,
        }
        super().__init__(path, kinds[layout.content], start_row)
        if not sample:
            raise TapeError(path, "has no rows", line=layout.header_lines or None)
        self._layout = layout
        self._sort = sort
        self._fields = sample[0].decode("utf-8", "replace").split(",")
        if len(self._fields) != len(layout.columns):
            what = f"{len(self._fields)} columns where {len(layout.columns)} are expected"
            raise TapeError(path, what, line=layout.header_lines + 1)
        loose = self._sampled(sample[:1], {"symbol"} & layout.roles.keys())
        self._symbol = tape_symbol(path, symbol, first_symbol(layout, loose), instruments)
        self._scale = Scale.of(instruments[self._symbol])
        self.symbols = (self._symbol,)
        self.scales = {self._symbol: self._scale}
        if layout.content is Content.CANDLES:
            times = self._sampled(sample[:SAMPLE_ROWS], _TIME_ROLES & layout.roles.keys())
            self.interval = interval_of(layout, times, self._fail_at(layout.header_lines))
        self._stream: ByteStream | None = None
        self._total = path.stat().st_size

    def _sampled(self, lines: list[bytes], roles: set[str] | frozenset[str]) -> Any:
        """Some columns of the first rows."""
        names = {role: self._layout.roles[role] for role in sorted(roles)}
        if not names:
            return pa.table({})
        part = Layout(self._layout.content, self._layout.columns, names, self._layout.header_lines)
        types = column_types(part, Scale(DECIMALS_MAX, DECIMALS_MAX), self._fields)
        text = io.BytesIO(b"\n".join(lines) + b"\n")
        batches = list(csv_batches(text, part, types, self.path, self._layout.header_lines))
        return record_batch(pa.Table.from_batches(batches))

    def _fail_at(self, lines_before: int) -> Any:
        def fail(row: int, what: str) -> NoReturn:
            raise TapeError(self.path, what, line=lines_before + row + 1)

        return fail

    @property
    def consumed(self) -> int:
        """File bytes read."""
        return 0 if self._stream is None else self._stream.consumed

    @property
    def total(self) -> int:
        """File bytes."""
        return self._total

    def chunks(self) -> Iterator[Chunk]:
        """The rows from ``start_row`` on."""
        pieces = self._sorted() if self._sort else self._pieces()
        for chunk in cut_into_chunks(pieces, self.start_row):
            self.row = chunk.row + len(chunk)
            yield chunk

    def _pieces(self) -> Iterator[Columns]:
        # The row before the first one wanted is read, too, so that order is checked across the border.
        lead = 1 if self.start_row else 0
        reader = TableReader(self._layout, self._symbol, self._scale, self.interval)
        types = column_types(self._layout, self._scale, self._fields)
        stream = self._stream = ByteStream(self.path)
        try:
            skip = self._layout.header_lines + self.start_row - lead
            skipping = LineSkippingStream(stream, skip)
            if skipping.skipped < skip:
                self.row = max(0, skipping.skipped - self._layout.header_lines)
                return
            lines = skip
            for batch in csv_batches(skipping, self._layout, types, self.path, skip):
                piece = reader.read(batch, self._fail_at(lines))
                lines += len(piece)
                self.gaps, self.missing = reader.gaps
                yield piece.slice(lead, len(piece)) if lead else piece
                lead = 0
            self.row = lines - self._layout.header_lines
        finally:
            stream.close()

    def _sorted(self) -> Iterator[Columns]:
        reader = TableReader(self._layout, self._symbol, self._scale, self.interval)
        types = column_types(self._layout, self._scale, self._fields)
        first = self._layout.header_lines
        stream = self._stream = ByteStream(self.path)

        def converted() -> Iterator[Columns]:
            lines = first
            for batch in csv_batches(
                LineSkippingStream(stream, first), self._layout, types, self.path, first
            ):
                yield reader.convert(batch, self._fail_at(lines))
                lines += batch.num_rows

        try:
            whole = sorted_rows(converted(), reader, self._fail_at(first))
        finally:
            stream.close()
        if whole is not None:
            self.gaps, self.missing = reader.gaps
            self.row = len(whole)
            yield whole.slice(self.start_row, len(whole))
