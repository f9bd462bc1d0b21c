"""Candle intervals in Binance's spelling, and where their candles begin.

Besides Binance's own there are 5s, 10s, 15s and 30s, which are made of smaller candles or trades. Intervals start
at multiples of their length since 1970, weeks on Monday, months on the calendar's first day, all in UTC (Binance Spot
"Kline/Candlestick data").
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum, unique

import numpy as np
import numpy.typing as npt

from fillwright.core.types import DAY, HOUR, MINUTE, SECOND, Time

WEEK: Time = 7 * DAY
_MONDAY: Time = 4 * DAY
"""1970-01-01 was a Thursday: the first Monday is the fifth of January."""


class IntervalError(ValueError):
    """A text is not one of the intervals, or a length is none of theirs."""


@unique
class Interval(StrEnum):
    """Candle intervals; case matters (1m is a minute, 1M a month)."""

    S1 = "1s"
    S5 = "5s"
    S10 = "10s"
    S15 = "15s"
    S30 = "30s"
    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H8 = "8h"
    H12 = "12h"
    D1 = "1d"
    D3 = "3d"
    W1 = "1w"
    MO1 = "1M"

    @classmethod
    def parse(cls, text: str) -> Interval:
        """Read the spelling; IntervalError otherwise."""
        try:
            return cls(text)
        except ValueError:
            known = " ".join(interval.value for interval in cls)
            raise IntervalError(f"{text!r:.40} is not an interval; known are {known}") from None

    @classmethod
    def of_length(cls, length_us: Time) -> Interval:
        """The interval of a length; 28 to 31 days are a month; IntervalError when none has it."""
        if 28 * DAY <= length_us <= 31 * DAY and length_us % DAY == 0:
            return cls.MO1
        for interval, length in _LENGTHS.items():
            if length == length_us:
                return interval
        raise IntervalError(f"{length_us} µs is not the length of an interval")

    @property
    def is_binance(self) -> bool:
        """Whether Binance has candles of this interval."""
        return self not in _OURS

    @property
    def length_us(self) -> Time | None:
        """The length in microseconds; None for the month, whose length varies."""
        return _LENGTHS.get(self)

    def open_time(self, time_us: Time) -> Time:
        """When the candle that contains a time begins."""
        length = _LENGTHS.get(self)
        if length is None:
            moment = _utc(time_us)
            return _time(datetime(moment.year, moment.month, 1, tzinfo=UTC))
        offset = _MONDAY if self is Interval.W1 else 0
        return time_us - (time_us - offset) % length

    def next_open_time(self, time_us: Time) -> Time:
        """When the candle after the one that contains a time begins."""
        length = _LENGTHS.get(self)
        if length is None:
            moment = _utc(time_us)
            year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)
            return _time(datetime(year, month, 1, tzinfo=UTC))
        return self.open_time(time_us) + length

    def close_time(self, time_us: Time) -> Time:
        """The last microsecond of the candle that contains a time."""
        return self.next_open_time(time_us) - 1

    def open_times(self, times_us: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """``open_time`` of a column of times."""
        length = _LENGTHS.get(self)
        if length is None:
            return _months(times_us).astype("datetime64[us]").astype(np.int64)
        offset = _MONDAY if self is Interval.W1 else 0
        return times_us - (times_us - offset) % length

    def close_times(self, times_us: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """``close_time`` of a column of times."""
        length = _LENGTHS.get(self)
        if length is None:
            return (_months(times_us) + np.timedelta64(1, "M")).astype("datetime64[us]").astype(np.int64) - 1
        return self.open_times(times_us) + (length - 1)

    def divides(self, larger: Interval) -> bool:
        """Whether candles of this interval add up to candles of a larger one."""
        length, larger_length = _LENGTHS.get(self), _LENGTHS.get(larger)
        if length is None:
            return larger is self
        if larger_length is None:
            return DAY % length == 0
        if larger is Interval.W1 and length > DAY or self is Interval.W1:
            return larger is self
        return larger_length % length == 0


_OURS = frozenset({Interval.S5, Interval.S10, Interval.S15, Interval.S30})
_LENGTHS: dict[Interval, Time] = {
    Interval.S1: SECOND,
    Interval.S5: 5 * SECOND,
    Interval.S10: 10 * SECOND,
    Interval.S15: 15 * SECOND,
    Interval.S30: 30 * SECOND,
    Interval.M1: MINUTE,
    Interval.M3: 3 * MINUTE,
    Interval.M5: 5 * MINUTE,
    Interval.M15: 15 * MINUTE,
    Interval.M30: 30 * MINUTE,
    Interval.H1: HOUR,
    Interval.H2: 2 * HOUR,
    Interval.H4: 4 * HOUR,
    Interval.H6: 6 * HOUR,
    Interval.H8: 8 * HOUR,
    Interval.H12: 12 * HOUR,
    Interval.D1: DAY,
    Interval.D3: 3 * DAY,
    Interval.W1: WEEK,
}


def _utc(time_us: Time) -> datetime:
    return datetime.fromtimestamp(time_us // SECOND, tz=UTC)


def _time(moment: datetime) -> Time:
    return int(moment.timestamp()) * SECOND


def _months(times_us: npt.NDArray[np.int64]) -> npt.NDArray[np.datetime64]:
    return times_us.astype("datetime64[us]").astype("datetime64[M]")
