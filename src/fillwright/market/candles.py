"""Candles from trades or from smaller candles: a chunk at a time for tapes, a trade at a time for live streams.

Both ways give the same candles. An interval without trades has no candle.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from fillwright.core.inputs import Candle
from fillwright.core.types import Symbol, Time
from fillwright.market.columns import CandleColumns, Integers, Scale, ScaleError, TradeColumns
from fillwright.market.intervals import Interval, IntervalError


class CandleAggregator:
    """Makes candles of one symbol and interval from chunks of trades or of smaller candles, vectorised.

    A candle is complete when a row of a later one arrives, or with the last smaller candle inside it; ``push`` returns
    the ones that a chunk completes, ``flush`` the unfinished rest.
    """

    def __init__(self, symbol: Symbol, interval: Interval, scale: Scale) -> None:
        self.symbol = symbol
        self.interval = interval
        self.scale = scale
        self._row = 0
        self._open: CandleColumns = self._candles([np.empty(0, dtype=np.int64)] * 6)

    def push(self, rows: TradeColumns | CandleColumns) -> CandleColumns:
        """Add the next rows and return the candles completed by them, which may be none.

        Raises IntervalError when smaller candles do not add up to the interval, ScaleError when volumes do not fit.
        """
        if not len(rows):
            return self._completed(self._open.slice(0, 0))
        if isinstance(rows, CandleColumns):
            if not rows.interval.divides(self.interval):
                raise IntervalError(f"{rows.interval} candles do not add up to {self.interval} candles")
            times, last_time = rows.open_time_us, int(rows.close_time_us[-1])
            candles = self._folded(times, rows.open, rows.high, rows.low, rows.close, rows.volume)
        else:
            times, last_time = rows.time_us, int(rows.time_us[-1])
            candles = self._folded(times, rows.price, rows.price, rows.price, rows.price, rows.quantity)
        if len(self._open):
            candles = self._continued(candles)
        is_complete = isinstance(rows, CandleColumns) and last_time >= int(candles.close_time_us[-1])
        border = len(candles) if is_complete else len(candles) - 1
        self._open = candles.slice(border, len(candles))
        return self._completed(candles.slice(0, border))

    def flush(self) -> CandleColumns:
        """The candle that is not complete yet, if any, as it stands; the aggregator is empty afterwards."""
        rest, self._open = self._open, self._open.slice(0, 0)
        return self._completed(rest)

    def _completed(self, candles: CandleColumns) -> CandleColumns:
        candles.row = self._row
        self._row += len(candles)
        return candles

    def _folded(
        self,
        times: Integers,
        open: Integers,
        high: Integers,
        low: Integers,
        close: Integers,
        volume: Integers,
    ) -> CandleColumns:
        """One candle for each run of rows inside one interval."""
        if float(volume.max()) * len(volume) >= 2.0**63 and float(volume.sum(dtype=np.float64)) >= 2.0**62:
            raise ScaleError(f"the volume of a chunk of {self.symbol} does not fit 64 bits")
        starts = self._starts(times)
        last = np.append(starts[1:], len(times)) - 1
        return self._candles(
            [
                self.interval.open_times(times[starts]),
                open[starts],
                np.maximum.reduceat(high, starts),
                np.minimum.reduceat(low, starts),
                close[last],
                np.add.reduceat(volume, starts),
            ]
        )

    def _starts(self, times: Integers) -> Integers:
        """The first row of each candle: found by bisection where intervals have a length and are few."""
        length = self.interval.length_us
        if length is None or (int(times[-1]) - int(times[0])) // length > len(times) // 64:
            open_times = self.interval.open_times(times)
            return np.flatnonzero(np.diff(open_times, prepend=open_times[0] - 1))
        first = self.interval.next_open_time(int(times[0]))
        borders = np.searchsorted(times, np.arange(first, int(times[-1]) + 1, length))
        return np.unique(np.concatenate([np.zeros(1, dtype=np.int64), borders]))

    def _continued(self, candles: CandleColumns) -> CandleColumns:
        """The candles with the open one before them, or inside the first of them."""
        held = self._open
        if int(held.open_time_us[0]) != int(candles.open_time_us[0]):
            return CandleColumns.join([held, candles])
        candles.open[0] = held.open[0]
        candles.high[0] = max(held.high[0], candles.high[0])
        candles.low[0] = min(held.low[0], candles.low[0])
        candles.volume[0] += held.volume[0]
        return candles

    def _candles(self, columns: list[npt.NDArray[Any]]) -> CandleColumns:
        open_time, opened, high, low, closed, volume = columns
        close_time = self.interval.close_times(open_time)
        return CandleColumns(
            self.symbol, self.interval, self.scale, open_time, close_time, opened, high, low, closed, volume
        )


BuilderState = tuple[bool, Time, Time, Decimal, Decimal, Decimal, Decimal, Decimal]
"""An open candle: whether there is one, open and close time, prices, volume."""


class CandleBuilder:
    """Makes candles of one symbol and interval from trades as they happen."""

    def __init__(self, symbol: Symbol, interval: Interval) -> None:
        self.symbol = symbol
        self.interval = interval
        self.late = 0
        """Trades that came after their candle had closed; they are left out."""
        self._close_time: Time = -1
        self._open_time: Time = 0
        self._open = self._high = self._low = self._close = self._volume = Decimal(0)
        self._is_open = False

    def add(self, time_us: Time, price: Decimal, quantity: Decimal) -> Candle | None:
        """Add a trade; returns the candle that it shows to be complete, if any."""
        if time_us <= self._close_time:
            if not self._is_open or time_us < self._open_time:
                self.late += 1
                return None
            self._high = max(self._high, price)
            self._low = min(self._low, price)
            self._close = price
            self._volume += quantity
            return None
        done = self._finished()
        self._open_time = self.interval.open_time(time_us)
        self._close_time = self.interval.close_time(time_us)
        self._open = self._high = self._low = self._close = price
        self._volume = quantity
        self._is_open = True
        return done

    def close_due(self, now_us: Time) -> Candle | None:
        """The candle whose interval has passed by the clock, if any; for markets where nobody trades for a while."""
        return self._finished() if now_us > self._close_time else None

    def flush(self) -> Candle | None:
        """The candle that is not complete yet, if any, as it stands."""
        return self._finished()

    def state(self) -> BuilderState:
        """The open candle, to go on from."""
        prices = (self._open, self._high, self._low, self._close)
        return (self._is_open, self._open_time, self._close_time, *prices, self._volume)

    def restore(self, state: BuilderState) -> None:
        """Go on from an open candle."""
        self._is_open, self._open_time, self._close_time = state[:3]
        self._open, self._high, self._low, self._close, self._volume = state[3:]

    def _finished(self) -> Candle | None:
        if not self._is_open:
            return None
        self._is_open = False
        return Candle(
            self.symbol,
            self.interval.value,
            self._open_time,
            self._close_time,
            self._open,
            self._high,
            self._low,
            self._close,
            self._volume,
        )


class CandleFolder:
    """Makes candles of one interval from smaller ones, one at a time and in order.

    The interval inside which the first of them lies has no candle unless it begins with it; later on a smaller one that
    is missing leaves its part out.
    """

    def __init__(self, interval: Interval) -> None:
        self.interval = interval
        self._open: Candle | None = None
        self._cut: Time | None = None
        """The close of the interval that it began inside of."""

    def add(self, smaller: Candle) -> list[Candle]:
        """Add a closed candle; those that it completes, none as a rule and two at most.

        Raises IntervalError when it does not lie inside one interval.
        """
        close_time = self.interval.close_time(smaller.open_time)
        if smaller.close_time > close_time:
            raise IntervalError(f"{smaller.interval} candles do not add up to {self.interval} candles")
        open_time = self.interval.open_time(smaller.open_time)
        if self._cut is None:
            self._cut = close_time if smaller.open_time != open_time else -1
        if close_time == self._cut:
            return []
        done: list[Candle] = []
        held = self._open
        if held is not None and held.close_time != close_time:
            done.append(held)
            held = None
        if held is None:
            held = Candle(
                smaller.symbol,
                self.interval.value,
                open_time,
                close_time,
                smaller.open,
                smaller.high,
                smaller.low,
                smaller.close,
                smaller.volume,
            )
        else:
            held = Candle(
                held.symbol,
                held.interval,
                held.open_time,
                close_time,
                held.open,
                max(held.high, smaller.high),
                min(held.low, smaller.low),
                smaller.close,
                held.volume + smaller.volume,
            )
        self._open = held
        if smaller.close_time == close_time:
            done.append(held)
            self._open = None
        return done
