"""Tapes as moments of a live market: any number of files, interleaved by time, candles as the trades they stand for."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fillwright.core.instruments import Instrument
from fillwright.core.types import Symbol
from fillwright.market.columns import CandleColumns
from fillwright.market.events import CandleClosed, Event, EventChunk, Trade
from fillwright.market.intervals import Interval
from fillwright.market.tapes import Tape, TapeKind, open_tape
from fillwright.market.tapes.merging import events_of_columns


class TapeReel:
    """Files opened as one run of events.

    Raises TapeError when a file cannot be opened, and while it is read.
    """

    def __init__(
        self, paths: Sequence[Path], symbol: Symbol | None, instruments: Mapping[Symbol, Instrument]
    ) -> None:
        assert paths
        self._tapes = [open_tape(path, symbol, instruments) for path in paths]
        self.name = ", ".join(path.name for path in paths)
        self.candles: dict[Symbol, Interval] = {}
        """Symbols of which there are candles only, and their interval."""
        for tape in self._tapes:
            if tape.kind is TapeKind.CANDLES and tape.interval is not None:
                self.candles.update(dict.fromkeys(tape.symbols, tape.interval))

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """Those that are known to be in the files; of recordings they may become more."""
        return tuple(dict.fromkeys(symbol for tape in self._tapes for symbol in tape.symbols))

    def events(self) -> Iterator[Event]:
        """Everything in the order of time; may be called once."""
        return heapq.merge(*map(_events, self._tapes), key=lambda event: event.time_us)


def _events(tape: Tape) -> Iterator[Event]:
    for chunk in tape.chunks():
        if isinstance(chunk, EventChunk):
            yield from chunk.events
        elif isinstance(chunk, CandleColumns):
            yield from candle_events(chunk)
        else:
            yield from events_of_columns(chunk)


def candle_events(chunk: CandleColumns) -> Iterator[Event]:
    """Each candle as four trades over its time, open, extremes, close, and the candle itself when it closes.

    The extreme away from the close comes first; a candle without volume has no trades.
    """
    scale, symbol = chunk.scale, chunk.symbol
    for index in range(len(chunk)):
        begin, end = int(chunk.open_time_us[index]), int(chunk.close_time_us[index])
        opened, high, low, closed = (
            int(column[index]) for column in (chunk.open, chunk.high, chunk.low, chunk.close)
        )
        volume = int(chunk.volume[index])
        if volume:
            quantity = scale.quantity(max(1, volume // 4))
            turns = (low, high) if closed >= opened else (high, low)
            third = (end - begin) // 3
            last = opened
            for step, price in enumerate((opened, *turns, closed)):
                time = end if step == 3 else begin + step * third
                yield Trade(
                    symbol, time, 4 * (chunk.row + index) + step, scale.price(price), quantity, price < last
                )
                last = price
        yield CandleClosed(end, chunk.candle(index))
