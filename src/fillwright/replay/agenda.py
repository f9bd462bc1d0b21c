"""The agenda: what is to happen at a time of its own — candles that close, signals of a file — in order."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

import msgspec

from fillwright.core.inputs import Candle
from fillwright.core.types import Time
from fillwright.replay.signals import PlannedSignal

CANDLES_AHEAD_MAX = 1_000_000
"""Candles that a chunk may announce; more would mean an interval far too short for the tape."""


class Due(msgspec.Struct, frozen=True, gc=False):
    """Something due: a candle that closed or a signal."""

    time: Time
    candle: Candle | None = None
    signal: PlannedSignal | None = None


class Agenda:
    """Candle closes as chunks announce them, and signals as their file holds them, merged by time.

    At one time candles come first (a signal of that moment may be about them), by symbol, the shortest interval first;
    then signals in file order.
    """

    def __init__(self, signals: Iterator[PlannedSignal], delivered: Time = 0, skip_signals: int = 0) -> None:
        self._candles: list[tuple[Time, str, Time, int, Candle]] = []
        self._announced = 0
        self._signals = signals
        self._delivered = delivered
        self._next: PlannedSignal | None = None
        self._signal_at: Time | None = None
        self.signals_taken = skip_signals
        for _ in range(skip_signals):
            next(self._signals, None)
        self._advance()

    def _advance(self) -> None:
        self._next = next(self._signals, None)
        self._signal_at = self._next.signal.created_at if self._next is not None else None

    def add_candle(self, candle: Candle) -> None:
        """Announce a complete candle; those that were delivered before a resume are passed over."""
        if candle.close_time <= self._delivered:
            return
        assert len(self._candles) < CANDLES_AHEAD_MAX
        self._announced += 1
        key = (candle.close_time + 1, candle.symbol, -candle.open_time, self._announced)
        heappush(self._candles, (*key, candle))

    def next_time(self) -> Time | None:
        """When the next thing is due."""
        signal = self._signal_at
        if not self._candles:
            return signal
        candle = self._candles[0][0]
        return candle if signal is None or candle < signal else signal

    def pop(self, now: Time) -> Due | None:
        """Take the next thing that is due by now."""
        if self._candles and self._candles[0][0] <= now:
            time, *_, candle = heappop(self._candles)
            self._delivered = max(self._delivered, candle.close_time)
            return Due(time, candle=candle)
        planned = self._next
        if planned is not None and planned.signal.created_at <= now:
            self.signals_taken += 1
            self._advance()
            return Due(planned.signal.created_at, signal=planned)
        return None

    @property
    def delivered(self) -> Time:
        """The close time of the last candle delivered; a resumed replay begins after it."""
        return self._delivered
