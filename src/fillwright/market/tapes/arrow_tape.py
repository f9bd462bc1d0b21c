"""Tapes in parquet and feather files: trades, candles or quotes of one symbol, a record batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq

from fillwright.core.instruments import Instrument
from fillwright.core.types import Symbol
from fillwright.market.columns import Columns, Scale
from fillwright.market.tapes.errors import TapeError
from fillwright.market.tapes.layouts import Content, Layout, by_names
from fillwright.market.tapes.source import Packing
from fillwright.market.tapes.symbols import tape_symbol
from fillwright.market.tapes.tables import TableReader, first_symbol, interval_of, record_batch, sorted_rows
from fillwright.market.tapes.tape import Chunk, Tape, TapeKind, cut_into_chunks

BATCH_ROWS = 65_536
SAMPLE_ROWS = 100


class ArrowFile:
    """Record batches of a parquet or feather file from a row on, without decoding what lies before it."""

    def __init__(self, path: Path, packing: Packing) -> None:
        self.path = path
        self._parquet: Any = None
        self._feather: Any = None
        try:
            if packing is Packing.PARQUET:
                self._parquet = pq.ParquetFile(path)
                self.names = tuple(self._parquet.schema_arrow.names)
                self.rows = int(self._parquet.metadata.num_rows)
            else:
                self._feather = pa.ipc.open_file(pa.memory_map(str(path)))
                self.names = tuple(self._feather.schema.names)
                batches = range(self._feather.num_record_batches)
                self.rows = sum(self._feather.get_batch(index).num_rows for index in batches)
        except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
            raise self._broken(error, packing) from error
        if not self.rows:
            raise TapeError(path, "has no rows")

    def _broken(self, error: Exception, packing: Packing | None = None) -> TapeError:
        kind = packing or (Packing.PARQUET if self._parquet is not None else Packing.FEATHER)
        text = str(error).splitlines()[0].rstrip(".")
        return TapeError(self.path, f"truncated or broken {kind} data ({text})")

    def close(self) -> None:
        """Let the file go."""
        if self._parquet is not None:
            self._parquet.close()

    def batches(
        self, columns: list[str], start_row: int = 0, batch_rows: int = BATCH_ROWS
    ) -> Iterator[tuple[int, Any]]:
        """First row and rows of each batch."""
        try:
            source = self._parquet_batches if self._parquet is not None else self._feather_batches
            for row, batch in source(columns, start_row, batch_rows):
                if row < start_row:
                    yield start_row, batch.slice(start_row - row)
                else:
                    yield row, batch
        except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
            raise self._broken(error) from error

    def sample(self, columns: list[str], rows: int) -> Any:
        """The first rows, as one record batch."""
        parts, found = [], 0
        for _, batch in self.batches(columns, 0, rows):
            parts.append(batch)
            found += batch.num_rows
            if found >= rows:
                break
        return record_batch(pa.Table.from_batches(parts))

    def _parquet_batches(
        self, columns: list[str], start_row: int, batch_rows: int
    ) -> Iterator[tuple[int, Any]]:
        metadata, row, first = self._parquet.metadata, 0, 0
        while first < metadata.num_row_groups and row + metadata.row_group(first).num_rows <= start_row:
            row += metadata.row_group(first).num_rows
            first += 1
        groups = list(range(first, metadata.num_row_groups))
        for batch in self._parquet.iter_batches(batch_rows, row_groups=groups, columns=columns):
            if row + batch.num_rows > start_row:
                yield row, batch
            row += batch.num_rows

    def _feather_batches(
        self, columns: list[str], start_row: int, batch_rows: int
    ) -> Iterator[tuple[int, Any]]:
        row = 0
        for index in range(self._feather.num_record_batches):
            batch = self._feather.get_batch(index).select(columns)
            for offset in range(0, batch.num_rows, batch_rows):
                part = batch.slice(offset, batch_rows)
                if row + part.num_rows > start_row:
                    yield row, part
                row += part.num_rows


class ArrowTape(Tape):
    """Trades, candles or quotes of one symbol in a parquet or feather file."""

    def __init__(
        self,
        file: ArrowFile,
        layout: Layout,
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
        super().__init__(file.path, kinds[layout.content], start_row)
        self._file = file
        self._sort = sort
        self._layout = layout
        self._columns = list(dict.fromkeys(layout.roles.values()))
        sample = file.sample(self._columns, SAMPLE_ROWS)
        self._symbol = tape_symbol(file.path, symbol, first_symbol(layout, sample), instruments)
        self._scale = Scale.of(instruments[self._symbol])
        self.symbols = (self._symbol,)
        self.scales = {self._symbol: self._scale}
        if layout.content is Content.CANDLES:
            self.interval = interval_of(layout, sample, failing(file.path, 0))

    @property
    def consumed(self) -> int:
        """Rows read."""
        return self.row

    @property
    def total(self) -> int:
        """Rows of the file."""
        return self._file.rows

    def chunks(self) -> Iterator[Chunk]:
        """The rows from ``start_row`` on."""
        try:
            pieces = self._sorted() if self._sort else self._pieces()
            for chunk in cut_into_chunks(pieces, self.start_row):
                self.row = chunk.row + len(chunk)
                yield chunk
            self.row = self._file.rows
        finally:
            self._file.close()

    def _pieces(self) -> Iterator[Columns]:
        # The row before the first one wanted is read, too, so that order is checked across the border.
        lead = 1 if self.start_row else 0
        reader = TableReader(self._layout, self._symbol, self._scale, self.interval)
        for row, batch in self._file.batches(self._columns, self.start_row - lead):
            piece = reader.read(batch, failing(self.path, row))
            self.gaps, self.missing = reader.gaps
            yield piece.slice(lead, len(piece)) if lead else piece
            lead = 0

    def _sorted(self) -> Iterator[Columns]:
        reader = TableReader(self._layout, self._symbol, self._scale, self.interval)
        batches = self._file.batches(self._columns)
        converted = (reader.convert(batch, failing(self.path, row)) for row, batch in batches)
        whole = sorted_rows(converted, reader, failing(self.path, 0))
        if whole is not None:
            self.gaps, self.missing = reader.gaps
            yield whole.slice(self.start_row, len(whole))


def failing(path: Path, first_row: int) -> Callable[[int, str], NoReturn]:
    """What raises the TapeError of a row of a batch."""

    def fail(row: int, what: str) -> NoReturn:
        raise TapeError(path, what, row=first_row + row + 1)

    return fail


def layout_of(file: ArrowFile) -> Layout:
    """The layout of a file's columns; TapeError when they are of no kind we read."""
    layout = by_names(file.names)
    if layout is None:
        raise TapeError(file.path, f"unknown format: columns {', '.join(file.names)[:200]}")
    return layout
