"""Candles of one symbol: made of trades as they happen, kept as seconds, minutes and hours, folded into what is asked.

Numbers are whole units of the symbol's smallest step (``Units``), columns are numpy's. An interval without trades has
a flat candle, as at Binance. Everything is read through ``fold``, which merges rows of one interval: a candle that
history and live trades share needs no care.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from fillwright.core.instruments import Instrument
from fillwright.core.types import DAY, HOUR, MINUTE, SECOND, Time
from fillwright.market.intervals import Interval

Rows = npt.NDArray[np.int64]
"""Candles: a row each, columns as named below."""
(OPEN_TIME, OPEN, HIGH, LOW, CLOSE, VOLUME, QUOTE, COUNT, TAKER_VOLUME, TAKER_QUOTE, FIRST_ID, LAST_ID) = (
    range(12)
)
COLUMNS = 12
SECONDS_KEPT = 3_600
MINUTES_KEPT = 30_240
"""Three weeks: more than a thousand candles of half an hour."""
HOURS_KEPT = 26_304
"""Three years: more than a thousand days."""
_UNITS_MAX = 2**63 - 1
_SUM_MAX = float(2**62)
_NO_ID = -1
_DECIMALS = 8


class Units(msgspec.Struct, frozen=True):
    """Decimals in which a symbol's numbers are counted; amounts of quote have eight at most."""

    price_decimals: int
    quantity_decimals: int

    @classmethod
    def of(cls, instrument: Instrument) -> Units:
        """The decimals of tick and lot step, eight where there is none."""
        return cls(_decimals(instrument.price_filter.tick), _decimals(instrument.lot_size.step))

    @property
    def quote_decimals(self) -> int:
        """Decimals of price × quantity as far as they are shown."""
        return min(_DECIMALS, self.price_decimals + self.quantity_decimals)

    def price(self, price: Decimal) -> int:
        """A price in units, what is finer cut off."""
        return int(price.scaleb(self.price_decimals))

    def quantity(self, quantity: Decimal) -> int:
        """A quantity in units, what is finer cut off."""
        return int(quantity.scaleb(self.quantity_decimals))

    def quote(self, amount: Decimal) -> int:
        """An amount of quote in units, what is finer cut off."""
        return int(amount.scaleb(self.quote_decimals))


def _decimals(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent if step else -_DECIMALS
    assert isinstance(exponent, int)
    return min(_DECIMALS, max(0, -exponent))


class Past(Protocol):
    """What was before the first trade, in two parts, for most never look further back than a day or two."""

    def recent(self) -> tuple[Rows, Rows]:
        """Seconds and minutes, ascending, up to the same moment; asked for first, and once."""

    def older(self) -> tuple[Rows, Rows]:
        """Minutes before those, and all hours; asked for once."""


class Line:
    """Candles of one length: the closed ones in a growing array, bounded, and the one that is being made."""

    __slots__ = ("_kept", "_rows", "_used", "length_us", "live")

    def __init__(self, length_us: Time, kept: int) -> None:
        self.length_us = length_us
        self.live: list[int] | None = None
        self._kept = kept
        self._rows: Rows = np.empty((16, COLUMNS), dtype=np.int64)
        self._used = 0

    def add(
        self, time: Time, price: int, quantity: int, quote: int, trade_id: int, buyer_is_maker: bool
    ) -> None:
        """Add a trade to the candle that it belongs to; those before it are closed."""
        live = self.live
        if live is None or time >= live[OPEN_TIME] + self.length_us:
            self.roll(time)
            live = self.live
            if live is None:
                live = self.live = flat(time - time % self.length_us, price)
        if not live[COUNT]:
            live[OPEN] = live[HIGH] = live[LOW] = price
            live[FIRST_ID] = trade_id
        elif price > live[HIGH]:
            live[HIGH] = price
        elif price < live[LOW]:
            live[LOW] = price
        live[CLOSE] = price
        live[VOLUME] += quantity
        live[QUOTE] += quote
        live[COUNT] += 1
        live[LAST_ID] = trade_id
        if not buyer_is_maker:
            live[TAKER_VOLUME] += quantity
            live[TAKER_QUOTE] += quote

    def begin(self, time: Time, price: int) -> None:
        """Begin with a flat candle at a price, unless it has begun."""
        if self.live is None:
            self.live = flat(time - time % self.length_us, price)

    def roll(self, now: Time) -> None:
        """Close what has passed by now; where nobody traded candles are flat, as many as are kept."""
        live, length = self.live, self.length_us
        if live is None or now < live[OPEN_TIME] + length:
            return
        self._append(np.array([[min(value, _UNITS_MAX) for value in live]], dtype=np.int64))
        price, current = live[CLOSE], now - now % length
        first = max(live[OPEN_TIME] + length, current - self._kept * length)
        count = (current - first) // length
        if count > 0:
            rows = np.zeros((count, COLUMNS), dtype=np.int64)
            rows[:, OPEN_TIME] = np.arange(first, current, length)
            rows[:, OPEN : CLOSE + 1] = price
            rows[:, FIRST_ID:] = _NO_ID
            self._append(rows)
        self.live = flat(current, price)

    def put_before(self, rows: Rows) -> None:
        """Put history before what there is."""
        own = self._rows[: self._used]
        self._rows, self._used = np.empty((16, COLUMNS), dtype=np.int64), 0
        self._append(np.concatenate([rows, own]))

    def between(self, start: Time, end: Time) -> Rows:
        """Rows that begin in [start, end], the one that is being made among them; not to be written to."""
        times = self._rows[: self._used, OPEN_TIME]
        low, high = np.searchsorted(times, start), np.searchsorted(times, end, side="right")
        rows = self._rows[low:high]
        live = self.live
        if live is None or not start <= live[OPEN_TIME] <= end:
            return rows
        last = np.array([[min(value, _UNITS_MAX) for value in live]], dtype=np.int64)
        return np.concatenate([rows, last])

    @property
    def first_time(self) -> Time:
        """When the first candle begins that is known; 0 when there is none."""
        if self._used:
            return int(self._rows[0, OPEN_TIME])
        return 0 if self.live is None else self.live[OPEN_TIME]

    def _append(self, rows: Rows) -> None:
        rows = rows[-self._kept :]
        needed = self._used + len(rows)
        if needed > len(self._rows):
            keep = min(self._used, self._kept)
            room = np.empty((2 * (keep + len(rows)), COLUMNS), dtype=np.int64)
            room[:keep] = self._rows[self._used - keep : self._used]
            self._rows, self._used = room, keep
            needed = keep + len(rows)
        self._rows[self._used : needed] = rows
        self._used = needed


def flat(open_time: Time, price: int) -> list[int]:
    """A candle in which nobody traded."""
    return [open_time, price, price, price, price, 0, 0, 0, 0, 0, _NO_ID, _NO_ID]


class Candles:
    """All candles of one symbol; of its past as much is asked for as somebody reads."""

    def __init__(self, units: Units, past: Past | None = None) -> None:
        self.units = units
        self.seconds = Line(SECOND, SECONDS_KEPT)
        self.minutes = Line(MINUTE, MINUTES_KEPT)
        self.hours = Line(HOUR, HOURS_KEPT)
        self._lines = (self.seconds, self.minutes, self.hours)
        self._past = past
        self._known_since: Time | None = None
        """The first minute that is known; None before anything of the past is."""

    def add(
        self, time: Time, price: Decimal, quantity: Decimal, trade_id: int, *, buyer_is_maker: bool
    ) -> None:
        """Add a trade."""
        units = self.units
        row = (
            units.price(price), units.quantity(quantity), units.quote(price * quantity), trade_id, buyer_is_maker,
        )  # fmt: skip
        for line in self._lines:
            line.add(time, *row)

    def begin(self, time: Time, price: Decimal) -> None:
        """Begin with flat candles at a price, where history ends."""
        for line in self._lines:
            line.begin(time, self.units.price(price))

    def roll(self, now: Time) -> None:
        """Close what has passed."""
        for line in self._lines:
            line.roll(now)

    def between(self, line: Line, start: Time, end: Time) -> Rows:
        """Rows of one of the lines that begin in [start, end]."""
        self._look_back(line, start)
        return line.between(start, end)

    def _look_back(self, line: Line, start: Time) -> None:
        """Ask for as much of the past as reading a line from a time on takes."""
        past = self._past
        if past is None:
            return
        if self._known_since is None:
            seconds, minutes = past.recent()
            self.seconds.put_before(seconds)
            self.minutes.put_before(minutes)
            self._known_since = int(minutes[0, OPEN_TIME])
        if line is self.hours or line is self.minutes and start < self._known_since:
            minutes, hours = past.older()
            self.minutes.put_before(minutes)
            self.hours.put_before(hours)
            self._past = None

    def read(
        self,
        interval: Interval,
        now: Time,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int = 500,
        offset_us: Time = 0,
    ) -> Rows:
        """Candles of an interval by open time, ascending: from ``start`` on, else the newest up to ``end``.

        Intervals begin on the calendar of a zone ``offset_us`` east of UTC.
        """
        self.roll(now)
        line = self._line_of(interval, offset_us)
        last = now if end is None else min(end, now)
        if last < 0 or start is not None and start > last:
            return line.between(0, 0)
        longest = interval.length_us or 31 * DAY
        if start is None:
            first = open_time(interval, last, offset_us) - limit * longest
        else:
            self._look_back(line, start)
            first = open_time(interval, max(start, line.first_time), offset_us)
            last = min(last, first + (limit + 2) * longest)
        closing = interval.next_open_time(last + offset_us) - offset_us - 1
        rows = fold(self.between(line, first, closing), interval, offset_us)
        times = rows[:, OPEN_TIME]
        rows = rows[(times <= last) if start is None else (times >= start) & (times <= last)]
        return rows[-limit:] if start is None else rows[:limit]

    def _line_of(self, interval: Interval, offset_us: Time) -> Line:
        length = interval.length_us
        if length is not None and length < MINUTE:
            return self.seconds
        if length is not None and length < HOUR or offset_us % HOUR:
            return self.minutes
        return self.hours


def open_time(interval: Interval, time: Time, offset_us: Time) -> Time:
    """When the candle that contains a time begins, by the calendar of a zone."""
    return interval.open_time(time + offset_us) - offset_us


def fold(rows: Rows, interval: Interval, offset_us: Time = 0) -> Rows:
    """Candles of a longer interval, ascending: one for each run of rows inside of it.

    Flat rows tell nothing of a candle in which somebody traded: it opens with its first trade.
    """
    if not len(rows):
        return rows
    times = interval.open_times(rows[:, OPEN_TIME] + offset_us) - offset_us
    starts = np.flatnonzero(np.diff(times, prepend=times[0] - 1))
    if len(starts) == len(rows):
        whole = rows.copy()
        whole[:, OPEN_TIME] = times
        return whole
    runs = np.diff(np.append(starts, len(rows)))
    is_flat = np.repeat(np.add.reduceat(rows[:, COUNT], starts) == 0, runs)
    kept = is_flat | (rows[:, COUNT] > 0)
    rows, times = rows[kept], times[kept]
    starts = np.flatnonzero(np.diff(times, prepend=times[0] - 1))
    ends = np.append(starts[1:], len(rows)) - 1
    folded = np.empty((len(starts), COLUMNS), dtype=np.int64)
    folded[:, OPEN_TIME] = times[starts]
    folded[:, OPEN] = rows[starts, OPEN]
    folded[:, HIGH] = np.maximum.reduceat(rows[:, HIGH], starts)
    folded[:, LOW] = np.minimum.reduceat(rows[:, LOW], starts)
    folded[:, CLOSE] = rows[ends, CLOSE]
    for column in (VOLUME, QUOTE, COUNT, TAKER_VOLUME, TAKER_QUOTE):
        folded[:, column] = sums(rows[:, column], starts)
    folded[:, LAST_ID] = np.maximum.reduceat(rows[:, LAST_ID], starts)
    first = np.where(rows[:, FIRST_ID] < 0, _UNITS_MAX, rows[:, FIRST_ID])
    lowest = np.minimum.reduceat(first, starts)
    folded[:, FIRST_ID] = np.where(lowest == _UNITS_MAX, _NO_ID, lowest)
    return folded


def sums(column: Rows, starts: Any) -> Rows:
    """Sums of runs; one that does not fit 64 bits is the largest number that does."""
    if float(column.max()) * len(column) < _SUM_MAX:
        return np.asarray(np.add.reduceat(column, starts), dtype=np.int64)
    exact = np.add.reduceat(column.astype(object), starts)
    return np.array([min(value, _UNITS_MAX) for value in exact], dtype=np.int64)
