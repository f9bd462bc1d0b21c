"""What rows of a tape must satisfy, told with the first row that does not: order, range, no duplicates.

Each checker sees the pieces of a tape one after another and remembers the last row of the one before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from fillwright.core.types import DAY, SECOND, Time
from fillwright.market.columns import CandleColumns, QuoteColumns, TradeColumns
from fillwright.market.intervals import Interval

TIME_MIN: Time = 1_230_768_000 * SECOND
"""2009-01-01: nothing was traded before."""
TIME_MAX: Time = 4_102_444_800 * SECOND
"""2100-01-01."""

SORT_HINT = "(--sort puts rows in order)"

Fail = Callable[[int, str], NoReturn]
"""Raises the TapeError of a row of the piece at hand (counted from 0)."""


def first_true(mask: npt.NDArray[np.bool_]) -> int | None:
    """The first index at which a mask holds."""
    if not len(mask):
        return None
    index = int(mask.argmax())
    return index if mask[index] else None


def moment(time_us: Time) -> str:
    """A time as people read it, to the microsecond where it has any."""
    text = datetime.fromtimestamp(time_us // SECOND, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
    fraction = time_us % SECOND
    return f"{text}.{fraction:06d}".rstrip("0") if fraction else text


class TradeChecker:
    """Trades: prices and quantities above 0, times not falling, ids rising; jumps of ids are counted."""

    def __init__(self) -> None:
        self.gaps = 0
        self.missing = 0
        self._time: Time = TIME_MIN
        self._id: int | None = None

    def check(self, trades: TradeColumns, fail: Fail) -> None:
        """Check the next piece."""
        if not len(trades):
            return
        _positive(trades.price, "price", fail)
        _positive(trades.quantity, "quantity", fail)
        _in_order(trades.time_us, self._time, fail)
        ids = trades.trade_id
        steps = np.diff(ids, prepend=ids[0] - 1 if self._id is None else self._id)
        bad = first_true(steps <= 0)
        if bad is not None:
            word = (
                "repeated" if steps[bad] == 0 else f"out of order, after {ids[bad] - steps[bad]} {SORT_HINT}"
            )
            fail(bad, f"trade id {ids[bad]} is {word}")
        jumps = steps[steps > 1]
        self.gaps += len(jumps)
        self.missing += int((jumps - 1).sum())
        self._time, self._id = int(trades.time_us[-1]), int(ids[-1])


class QuoteChecker:
    """Quotes: prices above 0, quantities not below, bid under ask, times not falling."""

    def __init__(self) -> None:
        self._time: Time = TIME_MIN

    def check(self, quotes: QuoteColumns, fail: Fail) -> None:
        """Check the next piece."""
        if not len(quotes):
            return
        _positive(quotes.bid, "bid", fail)
        _positive(quotes.ask, "ask", fail)
        _positive(quotes.bid_quantity, "bid quantity", fail, zero=True)
        _positive(quotes.ask_quantity, "ask quantity", fail, zero=True)
        bad = first_true(quotes.bid >= quotes.ask)
        if bad is not None:
            bid, ask = quotes.scale.price(int(quotes.bid[bad])), quotes.scale.price(int(quotes.ask[bad]))
            fail(bad, f"the bid {bid} is not below the ask {ask}")
        _in_order(quotes.time_us, self._time, fail)
        self._time = int(quotes.time_us[-1])


class CandleChecker:
    """Candles: low ≤ open, close ≤ high, on the interval's grid, each once and in order; holes are counted."""

    def __init__(self, interval: Interval) -> None:
        self.interval = interval
        self.gaps = 0
        self.missing = 0
        self._open_time: Time | None = None

    def check(self, candles: CandleColumns, fail: Fail) -> None:
        """Check the next piece."""
        if not len(candles):
            return
        for name in ("open", "high", "low", "close"):
            _positive(getattr(candles, name), name, fail)
        _positive(candles.volume, "volume", fail, zero=True)
        self._shape(candles, fail)
        times = candles.open_time_us
        bad = first_true((times < TIME_MIN) | (times > TIME_MAX))
        if bad is not None:
            fail(bad, f"open time {times[bad]} µs is not between 2009 and 2100")
        self._order(times, fail)
        bad = first_true(self.interval.open_times(times) != times)
        if bad is not None:
            fail(bad, f"open time {moment(int(times[bad]))} is not where a {self.interval} candle begins")
        self._count_holes(candles)
        self._open_time = int(times[-1])

    def _shape(self, candles: CandleColumns, fail: Fail) -> None:
        bad = first_true(candles.high < candles.low)
        if bad is not None:
            high, low = (candles.scale.price(int(column[bad])) for column in (candles.high, candles.low))
            fail(bad, f"the high {high} is below the low {low}")
        for name in ("open", "close"):
            column = getattr(candles, name)
            bad = first_true((column > candles.high) | (column < candles.low))
            if bad is not None:
                price = candles.scale.price(int(column[bad]))
                fail(bad, f"the {name} {price} is not between low and high")

    def _order(self, times: npt.NDArray[np.int64], fail: Fail) -> None:
        before = times[0] - 1 if self._open_time is None else self._open_time
        steps = np.diff(times, prepend=before)
        bad = first_true(steps <= 0)
        if bad is None:
            return
        now, previous = int(times[bad]), int(times[bad] - steps[bad])
        if now == previous:
            fail(bad, f"the candle of {moment(now)} is repeated")
        fail(
            bad,
            f"the candle of {moment(now)} comes after the one of {moment(previous)}: repeated or unsorted",
        )

    def _count_holes(self, candles: CandleColumns) -> None:
        times = candles.open_time_us
        starts = times if self._open_time is None else np.concatenate(([self._open_time], times))
        expected = self.interval.close_times(starts[:-1]) + 1
        holes = starts[1:] - expected
        holes = holes[holes > 0]
        self.gaps += len(holes)
        self.missing += int((holes // (self.interval.length_us or 30 * DAY)).sum())


def _positive(column: npt.NDArray[np.int64], name: str, fail: Fail, *, zero: bool = False) -> None:
    bad = first_true(column < 0 if zero else column <= 0)
    if bad is not None:
        fail(bad, f"{name} is {'zero' if column[bad] == 0 else 'negative'}")


def _in_order(times: npt.NDArray[np.int64], last: Time, fail: Fail) -> None:
    bad = first_true((times < TIME_MIN) | (times > TIME_MAX))
    if bad is not None:
        fail(bad, f"time {times[bad]} µs is not between 2009 and 2100")
    bad = first_true(np.diff(times, prepend=last) < 0)
    if bad is not None:
        previous = last if bad == 0 else int(times[bad - 1])
        fail(bad, f"unsorted: {moment(int(times[bad]))} comes after {moment(previous)} {SORT_HINT}")
