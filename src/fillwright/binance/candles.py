"""Closed candles of one symbol and interval, each once and in order, whatever the stream missed.

The stream's messages say more than they seem to: an update of a candle means that those before it are over. What did
not come is fetched over REST; candles that came meanwhile wait for it. Intervals that Binance does not have are made
of its one-second candles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fillwright.core.inputs import Candle
from fillwright.core.types import SECOND, Symbol, Time
from fillwright.market.candles import CandleFolder
from fillwright.market.intervals import Interval

HELD_MAX = 1_000
"""Candles that wait for earlier ones at most; then the hole stays."""
MISSING_MAX = 5_000
"""Candles of one hole that are fetched at most: its last ones."""
TRIES_MAX = 5
"""How often what REST does not have yet is asked for; then it does not exist."""
LATE_MAX: Time = 3 * SECOND
"""How long after its end a candle may come over the stream."""


class CandleLine:
    """One symbol and one interval that is wanted; ``source`` is the interval that Binance is asked for."""

    def __init__(self, symbol: Symbol, interval: Interval, deliver: Callable[[Candle], None]) -> None:
        self.symbol = symbol
        self.interval = interval
        self.source = interval if interval.is_binance else Interval.S1
        self._deliver = deliver
        self._folder = None if interval.is_binance else CandleFolder(interval)
        self._next_open: Time | None = None
        """When the next candle begins; None until something tells."""
        self._held: dict[Time, Candle] = {}
        self._passed: Time = 0
        """All candles that begin before this are over, says the stream."""
        self._tries = 0
        self._has_delivered = False

    def history_given(self, last: Candle) -> None:
        """Candles up to this one were given out as history: those after it come next."""
        if not self._has_delivered:
            self._next_open = last.close_time + 1

    # -- the stream ------------------------------------------------------------------------------------------

    def closed(self, candle: Candle) -> None:
        """A closed candle has come over the stream."""
        if self._next_open is None:
            self._next_open = candle.open_time
        if candle.open_time < self._next_open:
            return
        self._passed = max(self._passed, candle.close_time + 1)
        if candle.open_time == self._next_open:
            self._take(candle)
            self._release()
        elif len(self._held) < HELD_MAX:
            self._held[candle.open_time] = candle

    def working(self, open_time: Time) -> None:
        """A candle is being made: those before it are over."""
        if self._next_open is None:
            self._next_open = open_time
        self._passed = max(self._passed, open_time)

    def is_late(self, now: Time) -> bool:
        """Whether the next candle should have come by now."""
        return self._next_open is not None and self.source.close_time(self._next_open) + LATE_MAX < now

    def look(self, now: Time) -> None:
        """Judge by Binance's clock: what should have come long ago is over."""
        if self._next_open is not None:
            over = self.source.open_time(now - LATE_MAX)
            self._passed = max(self._passed, over)

    # -- what is missing -------------------------------------------------------------------------------------

    @property
    def missing(self) -> tuple[Time, Time] | None:
        """The first and last time at which missing candles begin; None when nothing is missing."""
        start = self._next_open
        if start is None:
            return None
        end = min(self._held, default=self._passed)
        if start >= end:
            return None
        length = self.source.length_us
        if length is not None and (end - start) // length > MISSING_MAX:
            start = end - MISSING_MAX * length
        return start, end - 1

    def fill(self, candles: Sequence[Candle], end: Time, is_all: bool) -> None:
        """Take what was fetched: candles that begin up to ``end``, and whether REST has no more of them."""
        assert self._next_open is not None
        before = self._next_open
        for candle in candles:
            if self._next_open <= candle.open_time <= end:
                self._take(candle)
        self._tries = 0 if self._next_open > before else self._tries + 1
        if is_all and self._next_open <= end and self._tries >= TRIES_MAX:
            self._next_open, self._tries = end + 1, 0
        self._release()

    def _release(self) -> None:
        """Hand on those that waited and whose turn has come."""
        while self._held and self._next_open is not None:
            first = min(self._held)
            if first > self._next_open:
                return
            candle = self._held.pop(first)
            if first == self._next_open:
                self._take(candle)

    def _take(self, candle: Candle) -> None:
        self._next_open = candle.close_time + 1
        self._has_delivered = True
        if self._folder is None:
            self._deliver(candle)
        else:
            for whole in self._folder.add(candle):
                self._deliver(whole)
