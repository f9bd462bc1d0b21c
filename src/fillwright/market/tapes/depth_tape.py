"""Depth in tables: updates or snapshots with a level in each row (CSV), or a whole book in each row (parquet)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fillwright.core.instruments import Instrument
from fillwright.core.types import Symbol
from fillwright.market.columns import Integers, Scale
from fillwright.market.events import DepthSnapshot, DepthUpdate, EventChunk, Levels
from fillwright.market.tapes.arrays import integers_of, times_of, units_of
from fillwright.market.tapes.arrow_tape import ArrowFile, failing
from fillwright.market.tapes.checks import TIME_MAX, TIME_MIN, Fail, first_true, moment
from fillwright.market.tapes.csv_tape import column_types, csv_batches
from fillwright.market.tapes.depth import DepthError, DepthSequence
from fillwright.market.tapes.errors import TapeError
from fillwright.market.tapes.layouts import Content, Layout
from fillwright.market.tapes.source import ByteStream, LineSkippingStream
from fillwright.market.tapes.symbols import tape_symbol
from fillwright.market.tapes.tables import first_symbol
from fillwright.market.tapes.tape import EVENT_CHUNK_LEVELS, EVENT_CHUNK_ROWS, Chunk, Tape, TapeKind

BOOK_BATCH_ROWS = 64
LEVELS_PER_EVENT_MAX = 20_000

Depth = DepthSnapshot | DepthUpdate


class DepthTape(Tape):
    """Common to both: depth events of one symbol, bounded chunks."""

    def __init__(self, path: Path, layout: Layout, symbol: Symbol, scale: Scale, start_row: int) -> None:
        super().__init__(path, TapeKind.EVENTS, start_row)
        self._layout = layout
        self._symbol = symbol
        self._scale = scale
        self.symbols = (symbol,)
        self.scales = {symbol: scale}

    @abstractmethod
    def events(self) -> Iterator[Depth]:
        """All events from the start."""

    def chunks(self) -> Iterator[Chunk]:
        """The events from ``start_row`` on."""
        row, held, levels = 0, list[Any](), 0
        for event in self.events():
            row += 1
            if row <= self.start_row:
                continue
            held.append(event)
            levels += len(event.bids) + len(event.asks)
            if row % EVENT_CHUNK_ROWS == 0 or levels >= EVENT_CHUNK_LEVELS:
                self.row = row
                yield EventChunk(held, row - len(held))
                held, levels = [], 0
        self.row = row
        if held:
            yield EventChunk(held, row - len(held))

    def _levels(self, prices: list[int], quantities: list[int]) -> Levels:
        price, quantity = self._scale.price, self._scale.quantity
        return tuple((price(p), quantity(q)) for p, q in zip(prices, quantities, strict=True))


class LevelTape(DepthTape):
    """Depth updates or snapshots in a CSV file with one level in each row.

    A file of updates has no snapshot: the book starts empty and holds the levels seen since.
    """

    def __init__(
        self,
        path: Path,
        layout: Layout,
        sample: list[bytes],
        symbol: Symbol | None,
        instruments: Mapping[Symbol, Instrument],
        start_row: int = 0,
    ) -> None:
        if not sample:
            raise TapeError(path, "has no rows", line=layout.header_lines or None)
        self._fields = sample[0].decode("utf-8", "replace").split(",")
        if len(self._fields) != len(layout.columns):
            what = f"{len(self._fields)} columns where {len(layout.columns)} are expected"
            raise TapeError(path, what, line=layout.header_lines + 1)
        column = layout.roles.get("symbol")
        in_rows = None if column is None else self._fields[layout.columns.index(column)]
        found = tape_symbol(path, symbol, in_rows, instruments)
        super().__init__(path, layout, found, Scale.of(instruments[found]), start_row)
        self._stream: ByteStream | None = None
        self._total = path.stat().st_size

    @property
    def consumed(self) -> int:
        """File bytes read."""
        return 0 if self._stream is None else self._stream.consumed

    @property
    def total(self) -> int:
        """File bytes."""
        return self._total

    def events(self) -> Iterator[Depth]:
        """All events from the start."""
        updates = self._layout.content is Content.DEPTH_UPDATES
        sequence, last_time = DepthSequence(), 0
        group: list[tuple[int, ...]] = []
        group_line = 0
        for line, row in self._rows():
            if group and row[:2] != group[0][:2]:
                yield from self._grouped(group, group_line, sequence, updates)
                group = []
            if not group:
                group_line = line
            elif row[2] != group[0][2]:
                raise TapeError(
                    self.path, "the time differs from the rows of the same depth before it", line=line
                )
            if row[2] < last_time:
                what = f"unsorted: {moment(row[2])} comes after {moment(last_time)}"
                raise TapeError(self.path, what, line=line)
            if len(group) == LEVELS_PER_EVENT_MAX:
                raise TapeError(self.path, f"more than {LEVELS_PER_EVENT_MAX} levels at once", line=line)
            last_time = row[2]
            group.append(row)
        if group:
            yield from self._grouped(group, group_line, sequence, updates)

    def _grouped(
        self, rows: list[tuple[int, ...]], line: int, sequence: DepthSequence, updates: bool
    ) -> list[Any]:
        first, final, time_us = rows[0][:3]
        bids, asks = (
            self._levels(
                [row[4] for row in rows if row[3] == side], [row[5] for row in rows if row[3] == side]
            )
            for side in (0, 1)
        )
        try:
            if updates:
                start: list[Any] = []
                if not sequence.started:
                    start = list(sequence.snapshot(DepthSnapshot(self._symbol, time_us, first - 1, (), ())))
                update = DepthUpdate(self._symbol, time_us, first, final, bids, asks)
                return start + list(sequence.update(update))
            snapshot = DepthSnapshot(self._symbol, time_us, final, bids, asks)
            complaint = book_complaint(snapshot)
            if complaint:
                raise DepthError(complaint)
            return list(sequence.snapshot(snapshot))
        except DepthError as error:
            raise TapeError(self.path, str(error), line=line) from error

    def _rows(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Line and (first id, final id, time, is ask, price, quantity) of each row."""
        roles, first_line = self._layout.roles, self._layout.header_lines
        types = column_types(self._layout, self._scale, self._fields)
        stream = self._stream = ByteStream(self.path)
        try:
            skipping, line = LineSkippingStream(stream, first_line), first_line
            for batch in csv_batches(skipping, self._layout, types, self.path, first_line):
                fail = self._failing(line)
                columns = self._columns(batch, fail)
                if "symbol" in roles:
                    symbols = np.asarray(batch.column(roles["symbol"]).to_pylist())
                    bad = first_true(symbols != self._symbol)
                    if bad is not None:
                        fail(bad, f"is of {symbols[bad]!s:.40}, the rows before of {self._symbol}")
                yield from enumerate(
                    zip(*(column.tolist() for column in columns), strict=True), start=line + 1
                )
                line += batch.num_rows
        finally:
            stream.close()

    def _failing(self, lines_before: int) -> Fail:
        def fail(row: int, what: str) -> Any:
            raise TapeError(self.path, what, line=lines_before + row + 1)

        return fail

    def _columns(self, batch: Any, fail: Fail) -> list[Integers]:
        roles = self._layout.roles

        def ids(role: str) -> Integers:
            return integers_of(batch.column(roles[role]), role.replace("_", " "), fail)

        if self._layout.content is Content.DEPTH_UPDATES:
            first, final = ids("first_update_id"), ids("final_update_id")
            times = times_of(batch.column(roles["event_time"]), "event time", fail)
        else:
            first = final = ids("last_update_id")
            times = times_of(batch.column(roles["receive_time"]), "time of receipt", fail)
        is_ask = ids("is_ask")
        price = units_of(batch.column(roles["price"]), self._scale.price_decimals, "price", fail)
        quantity = units_of(batch.column(roles["quantity"]), self._scale.quantity_decimals, "quantity", fail)
        check_levels(times, is_ask, price, quantity, fail)
        return [first, final, times, is_ask, price, quantity]


class BookTape(DepthTape):
    """Whole books in a parquet or feather file, one in each row, as lists of prices and quantities.

    The first becomes a snapshot, each later one an update of what has changed: the same books at a fraction of
    the levels. A row without change is no event.
    """

    def __init__(
        self,
        file: ArrowFile,
        layout: Layout,
        symbol: Symbol | None,
        instruments: Mapping[Symbol, Instrument],
        start_row: int = 0,
    ) -> None:
        self._columns = list(dict.fromkeys(layout.roles.values()))
        sample = file.sample(self._columns, 1)
        found = tape_symbol(file.path, symbol, first_symbol(layout, sample), instruments)
        super().__init__(file.path, layout, found, Scale.of(instruments[found]), start_row)
        self._file = file
        self._rows_read = 0

    @property
    def consumed(self) -> int:
        """Rows read."""
        return self._rows_read

    @property
    def total(self) -> int:
        """Rows of the file."""
        return self._file.rows

    def events(self) -> Iterator[Depth]:
        """All events from the start."""
        roles = self._layout.roles
        last_time, last_id = TIME_MIN, 0
        book: tuple[Side, Side] | None = None
        try:
            for row, batch in self._file.batches(self._columns, 0, BOOK_BATCH_ROWS):
                fail = failing(self.path, row)
                times = times_of(batch.column(roles["time"]), "time", fail).tolist()
                ids = integers_of(batch.column(roles["last_update_id"]), "update id", fail).tolist()
                bids = self._sides(batch, "bids", "bid_quantities", -1, fail)
                asks = self._sides(batch, "asks", "ask_quantities", 1, fail)
                for index, (time_us, update_id) in enumerate(zip(times, ids, strict=True)):
                    if not last_time <= time_us <= TIME_MAX:
                        fail(index, f"unsorted: {time_us} µs comes after {last_time} µs, or is no time")
                    if update_id < last_id:
                        fail(index, f"unsorted: update id {update_id} comes after {last_id}")
                    new = bids[index], asks[index]
                    self._uncrossed(new, index, fail)
                    self._rows_read = row + index + 1
                    if book is None or update_id == last_id and not _same(book, new):
                        levels = [
                            self._levels(side.prices.tolist(), side.quantities.tolist()) for side in new
                        ]
                        yield DepthSnapshot(self._symbol, time_us, update_id, levels[0], levels[1])
                    elif update_id > last_id:
                        levels = [self._changes(*sides) for sides in zip(book, new, strict=True)]
                        yield DepthUpdate(self._symbol, time_us, last_id + 1, update_id, levels[0], levels[1])
                    book, last_time, last_id = new, time_us, update_id
        finally:
            self._file.close()

    def _uncrossed(self, book: tuple[Side, Side], row: int, fail: Fail) -> None:
        bids, asks = book
        if len(bids.prices) and len(asks.prices) and bids.prices[0] >= asks.prices[0]:
            bid, ask = self._scale.price(int(bids.prices[0])), self._scale.price(int(asks.prices[0]))
            fail(row, f"the bid {bid} is not below the ask {ask}")

    def _changes(self, old: Side, new: Side) -> Levels:
        """Levels that are new or have another quantity, and those that are gone, with 0."""
        places = np.searchsorted(old.keys, new.keys)
        inside = np.minimum(places, len(old.keys) - 1)
        known = old.keys[inside] == new.keys if len(old.keys) else np.zeros(len(new.keys), dtype=np.bool_)
        changed = ~known
        changed[known] = old.quantities[inside[known]] != new.quantities[known]
        gone = np.ones(len(old.keys), dtype=np.bool_)
        gone[inside[known]] = False
        left = old.prices[gone].tolist()
        return self._levels(
            left + new.prices[changed].tolist(), [0] * len(left) + new.quantities[changed].tolist()
        )

    def _sides(self, batch: Any, prices: str, quantities: str, direction: int, fail: Fail) -> list[Side]:
        """One side of each book of a batch."""
        price_lists = batch.column(self._layout.roles[prices])
        quantity_lists = batch.column(self._layout.roles[quantities])
        starts = price_lists.offsets.to_numpy()
        bad = first_true(np.diff(starts) != np.diff(quantity_lists.offsets.to_numpy()))
        if bad is not None:
            fail(bad, f"{prices} has another number of prices than of quantities")
        starts = starts - starts[0]

        def fail_level(level: int, what: str) -> Any:
            row = int(np.searchsorted(starts, level, side="right")) - 1
            fail(row, f"{prices}, level {level - int(starts[row]) + 1}: {what}")

        price = units_of(price_lists.flatten(), self._scale.price_decimals, "price", fail_level)
        quantity = units_of(quantity_lists.flatten(), self._scale.quantity_decimals, "quantity", fail_level)
        check_levels(None, None, price, quantity, fail_level)
        steps = np.diff(price * direction) <= 0
        borders = starts[1:-1]
        steps[borders[(borders > 0) & (borders <= len(steps))] - 1] = False
        bad = first_true(steps)
        if bad is not None:
            fail_level(
                bad + 1, f"the price does not {'fall' if direction < 0 else 'rise'} from level to level"
            )
        return [
            Side(price[begin:end], quantity[begin:end], price[begin:end] * direction)
            for begin, end in pairwise(starts.tolist())
        ]


class Side(NamedTuple):
    """One side of a book, best first; ``keys`` rise."""

    prices: Integers
    quantities: Integers
    keys: Integers


def _same(one: tuple[Side, Side], other: tuple[Side, Side]) -> bool:
    return all(
        np.array_equal(a.prices, b.prices) and np.array_equal(a.quantities, b.quantities)
        for a, b in zip(one, other, strict=True)
    )


def check_levels(
    times: Integers | None,
    is_ask: Integers | None,
    price: Integers,
    quantity: Integers,
    fail: Callable[[int, str], Any],
) -> None:
    """Level rows: a time there can be, a side of 0 or 1, a price above 0, a quantity not below."""
    if times is not None:
        bad = first_true((times < TIME_MIN) | (times > TIME_MAX))
        if bad is not None:
            fail(bad, f"time {times[bad]} µs is not between 2009 and 2100")
    if is_ask is not None:
        bad = first_true((is_ask != 0) & (is_ask != 1))
        if bad is not None:
            fail(bad, f"the side is {is_ask[bad]}, neither 0 nor 1")
    for mask, what in (
        (price <= 0, "the price is not above 0"),
        (quantity < 0, "the quantity is below 0"),
    ):
        bad = first_true(mask)
        if bad is not None:
            fail(bad, what)


def book_complaint(book: DepthSnapshot) -> str | None:
    """What is wrong with a whole book: sides out of order, crossed."""
    if any(upper[0] <= lower[0] for upper, lower in pairwise(book.bids)):
        return "the bids do not fall from level to level"
    if any(upper[0] >= lower[0] for upper, lower in pairwise(book.asks)):
        return "the asks do not rise from level to level"
    if book.bids and book.asks and book.bids[0][0] >= book.asks[0][0]:
        return f"the bid {book.bids[0][0]} is not below the ask {book.asks[0][0]}"
    return None
