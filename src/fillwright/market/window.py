"""The last closed candles of a symbol as float columns: what strategies look at."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from fillwright.core.inputs import Candle
from fillwright.core.types import Symbol
from fillwright.market.columns import CandleColumns
from fillwright.market.intervals import Interval

Floats = npt.NDArray[np.float64]
_FIELDS = ("open", "high", "low", "close", "volume")


class CandleWindow:
    """The last candles, newest at the end of each column; columns are read-only and stay as they were when taken.

    Floats are for indicators; ``last`` and ``last_close`` are exact.
    """

    def __init__(self, symbol: Symbol, interval: Interval, size: int) -> None:
        assert size > 0, size
        self.symbol = symbol
        self.interval = interval
        self.size = size
        self._end = 0
        self._last: Candle | None = None
        self._last_row: tuple[CandleColumns, int] | None = None
        self._renew(np.empty((len(_FIELDS), 0)), np.empty((2, 0), dtype=np.int64))

    def _renew(self, values: npt.NDArray[Any], times: npt.NDArray[Any]) -> None:
        """A new buffer that begins with some candles; views of the old one stay valid."""
        self._values = np.empty((len(_FIELDS), 2 * self.size))
        self._times = np.empty((2, 2 * self.size), dtype=np.int64)
        self._end = values.shape[1]
        self._values[:, : self._end] = values
        self._times[:, : self._end] = times
        self._values_seen = self._values.view()
        self._times_seen = self._times.view()
        self._values_seen.flags.writeable = False
        self._times_seen.flags.writeable = False

    def _room(self, count: int) -> None:
        if self._end + count > self._values.shape[1]:
            keep = min(len(self), self.size)
            part = slice(self._end - keep, self._end)
            self._renew(self._values[:, part], self._times[:, part])

    def append(self, candle: Candle) -> None:
        """Add a closed candle."""
        self._room(1)
        values = (candle.open, candle.high, candle.low, candle.close, candle.volume)
        self._values[:, self._end] = [float(value) for value in values]
        self._times[:, self._end] = candle.open_time, candle.close_time
        self._end += 1
        self._last, self._last_row = candle, None

    def extend(self, candles: CandleColumns, start: int = 0, stop: int | None = None) -> None:
        """Add rows of columns, in one go."""
        stop = len(candles) if stop is None else stop
        if start >= stop:
            return
        first = max(start, stop - self.size)
        count = stop - first
        self._room(count)
        part = slice(first, stop)
        factor = 10.0**candles.scale.price_decimals
        factors = (factor, factor, factor, factor, 10.0**candles.scale.quantity_decimals)
        for row, (name, divisor) in enumerate(zip(_FIELDS, factors, strict=True)):
            self._values[row, self._end : self._end + count] = getattr(candles, name)[part] / divisor
        self._times[0, self._end : self._end + count] = candles.open_time_us[part]
        self._times[1, self._end : self._end + count] = candles.close_time_us[part]
        self._end += count
        self._last, self._last_row = None, (candles, stop - 1)

    def __len__(self) -> int:
        return min(self._end, self.size)

    @property
    def is_full(self) -> bool:
        """Whether as many candles are there as the window can hold."""
        return len(self) == self.size

    @property
    def last(self) -> Candle:
        """The newest candle, exact; the window must not be empty."""
        if self._last is None:
            assert self._last_row is not None, "the window is empty"
            candles, row = self._last_row
            self._last = candles.candle(row)
        return self._last

    @property
    def last_close(self) -> Decimal:
        """The newest close, exact."""
        return self.last.close

    def _column(self, row: int) -> Floats:
        return self._values_seen[row, self._end - len(self) : self._end]

    @property
    def open(self) -> Floats:
        """Opening prices."""
        return self._column(0)

    @property
    def high(self) -> Floats:
        """Highest prices."""
        return self._column(1)

    @property
    def low(self) -> Floats:
        """Lowest prices."""
        return self._column(2)

    @property
    def close(self) -> Floats:
        """Closing prices."""
        return self._column(3)

    @property
    def volume(self) -> Floats:
        """Volumes in base."""
        return self._column(4)

    @property
    def open_time(self) -> npt.NDArray[np.int64]:
        """When the candles began, microseconds."""
        return self._times_seen[0, self._end - len(self) : self._end]

    @property
    def close_time(self) -> npt.NDArray[np.int64]:
        """Their last microseconds."""
        return self._times_seen[1, self._end - len(self) : self._end]
