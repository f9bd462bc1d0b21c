"""Several files as one tape: parts of a symbol's tape one after another, different ones interleaved by time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from fillwright.core.instruments import Instrument
from fillwright.core.types import Symbol, Time
from fillwright.market.columns import CandleColumns, Columns, TradeColumns
from fillwright.market.events import CandleClosed, Event, EventChunk, Quote, Trade
from fillwright.market.tapes.checks import moment
from fillwright.market.tapes.errors import TapeError
from fillwright.market.tapes.opening import open_tape
from fillwright.market.tapes.tape import EVENT_CHUNK_ROWS, Chunk, Tape, TapeKind

OpenAt = Callable[[int], Tape]
"""Opens a tape at a row."""

PROGRESS_STEPS = 10_000
"""What one part of a merged tape counts for: bytes of one and rows of another do not add up."""


def open_tapes(
    paths: Sequence[Path | str],
    symbol: Symbol | None,
    instruments: Mapping[Symbol, Instrument],
    *,
    start_row: int = 0,
    sort: bool = False,
) -> Tape:
    """Open files as one tape, whatever order they are named in; TapeError as ``open_tape`` raises it.

    Files of the same kind, symbol (and interval) follow each other without overlap and stay columnar; otherwise
    all become events, interleaved by time, and at the same time in the order of the files.
    """
    openers = [_opener(path, symbol, instruments, sort) for path in paths]
    if len(openers) == 1:
        return openers[0](start_row)
    groups: dict[object, list[OpenAt]] = {}
    for place, opener in enumerate(openers):
        tape = opener(0)
        own = place if tape.kind is TapeKind.EVENTS else None
        groups.setdefault((tape.kind, tape.symbols, tape.interval, own), []).append(opener)
    chained = [_chained(group) for group in groups.values()]
    return chained[0](start_row) if len(chained) == 1 else MergedTape(chained, start_row)


def _opener(
    path: Path | str, symbol: Symbol | None, instruments: Mapping[Symbol, Instrument], sort: bool
) -> OpenAt:
    return lambda start_row: open_tape(path, symbol, instruments, start_row=start_row, sort=sort)


def _chained(group: list[OpenAt]) -> OpenAt:
    if len(group) == 1:
        return group[0]
    ordered = sorted(group, key=_first_time)
    return lambda start_row: ChainedTape(ordered, start_row)


def _first_time(opener: OpenAt) -> Time:
    for chunk in opener(0).chunks():
        assert not isinstance(chunk, EventChunk)
        return _times(chunk)[0]
    return 0


def _times(chunk: Columns) -> tuple[Time, Time]:
    times = chunk.open_time_us if isinstance(chunk, CandleColumns) else chunk.time_us
    return int(times[0]), int(times[-1])


class ChainedTape(Tape):
    """Columnar tapes of one kind and symbol, one after another."""

    def __init__(self, openers: Sequence[OpenAt], start_row: int = 0) -> None:
        first = openers[0](0)
        super().__init__(first.path, first.kind, start_row)
        self.symbols, self.scales, self.interval = first.symbols, first.scales, first.interval
        self._openers = openers
        self._done = 0
        self._totals = [opener(0).total for opener in openers]
        self._part: Tape | None = None

    @property
    def consumed(self) -> int:
        """What the parts count, added up."""
        return self._done + (0 if self._part is None else self._part.consumed)

    @property
    def total(self) -> int:
        """What the parts count, added up."""
        return sum(self._totals)

    def chunks(self) -> Iterator[Chunk]:
        """The rows from ``start_row`` on."""
        base, last = 0, -1
        before: Path | None = None
        for opener, total in zip(self._openers, self._totals, strict=True):
            part = self._part = opener(max(0, self.start_row - base))
            self.path = part.path
            gaps, missing = self.gaps, self.missing
            for chunk in part.chunks():
                assert not isinstance(chunk, EventChunk)
                first, end = _times(chunk)
                if first < last or (first == last and isinstance(chunk, CandleColumns)):
                    what = f"begins at {moment(first)}, before {before} ends"
                    raise TapeError(part.path, what)
                last = end
                chunk.row += base
                self.gaps, self.missing = gaps + part.gaps, missing + part.missing
                self.row = chunk.row + len(chunk)
                yield chunk
            base += part.row
            before = part.path
            self._done += total
            self._part = None


class MergedTape(Tape):
    """Any tapes as events, interleaved by time."""

    def __init__(self, openers: Sequence[OpenAt], start_row: int = 0) -> None:
        self._parts = [opener(0) for opener in openers]
        super().__init__(self._parts[0].path, TapeKind.EVENTS, start_row)
        for part in self._parts:
            self.scales |= part.scales
        self.symbols = tuple(self.scales)

    @property
    def consumed(self) -> int:
        """Shares of the parts, in PROGRESS_STEPS each."""
        return sum(PROGRESS_STEPS * part.consumed // max(1, part.total) for part in self._parts)

    @property
    def total(self) -> int:
        """PROGRESS_STEPS for each part."""
        return PROGRESS_STEPS * len(self._parts)

    def chunks(self) -> Iterator[Chunk]:
        """The events from ``start_row`` on; those before it are read, because depth needs them."""
        row, held = 0, list[Event]()
        for event in heapq.merge(*map(events_of, self._parts), key=_time_of):
            row += 1
            if row <= self.start_row:
                continue
            held.append(event)
            if row % EVENT_CHUNK_ROWS == 0:
                self._passed(row)
                yield EventChunk(held, row - len(held))
                held = []
        self._passed(row)
        if held:
            yield EventChunk(held, row - len(held))

    def _passed(self, row: int) -> None:
        self.row = row
        self.gaps = sum(part.gaps for part in self._parts)
        self.missing = sum(part.missing for part in self._parts)
        for part in self._parts:
            self.scales |= part.scales
        self.symbols = tuple(self.scales)


def _time_of(event: Event) -> Time:
    return event.time_us


def events_of(tape: Tape) -> Iterator[Event]:
    """A tape's rows as events: candles at their close."""
    for chunk in tape.chunks():
        yield from chunk.events if isinstance(chunk, EventChunk) else events_of_columns(chunk)


def events_of_columns(chunk: Columns) -> Iterator[Event]:
    """Rows of columns as events, with exact numbers; candles at their close."""
    symbol, price, quantity = chunk.symbol, chunk.scale.price, chunk.scale.quantity
    if isinstance(chunk, CandleColumns):
        for index, time_us in enumerate(chunk.close_time_us.tolist()):
            yield CandleClosed(time_us, chunk.candle(index))
        return
    columns = (getattr(chunk, name).tolist() for name in chunk.COLUMNS)
    if isinstance(chunk, TradeColumns):
        for time_us, units, size, maker, trade_id in zip(*columns, strict=True):
            yield Trade(symbol, time_us, trade_id, price(units), quantity(size), maker)
        return
    for number, (time_us, bid, bid_size, ask, ask_size) in enumerate(zip(*columns, strict=True), chunk.row):
        yield Quote(symbol, time_us, number, price(bid), quantity(bid_size), price(ask), quantity(ask_size))
