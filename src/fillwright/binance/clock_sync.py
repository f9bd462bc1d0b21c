"""Binance's clock as we know it: asked several times at once, followed between, and asked anew when it is in doubt.

Of several questions the one with the shortest round trip tells best: the error is at most half of it. What is kept is
the distance to the steady clock, so that nobody who sets this machine's clock moves it; how far that one is off is
told as the skew. Source: Binance Spot REST "Timing security": a request may not be dated more than a second ahead.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec

from fillwright.binance.pacing import Backoff
from fillwright.core.types import MILLISECOND, SECOND, Time

SAMPLES = 5
PERIOD_S = 60.0
"""Between two rounds of questions."""
ROUND_MAX_S = 5.0
"""Of the questions of one round together: a request that was refused for its time waits for them."""
GAP_S = 1.0
"""Between two rounds at least, however many doubt the clock."""
LOOK_S = 5.0
"""How often it is looked whether this machine's clock was set, or the machine slept."""
RETRY_BASE_S, RETRY_CAP_S = 0.5, 15.0
STEP: Time = 250 * MILLISECOND
"""A change within one period that is no drift: a clock was set."""
DRIFT_SPAN: Time = 55 * SECOND
"""Drift is told from rounds at least so far apart."""
DRIFT_MAX_PPM = 500
ROUNDS_KEPT = 10
_MILLION = 1_000_000

ReadTime = Callable[[], Awaitable[Time]]
"""Asks Binance for its time, microseconds UTC; raises ClockSyncError when that cannot be had."""


class ClockSyncError(Exception):
    """Binance's time cannot be had; the text says why."""


class ClockState(msgspec.Struct, frozen=True):
    """How well Binance's clock is known."""

    is_synced: bool
    skew_ms: int
    """How far Binance's clock is ahead of this machine's."""
    round_trip_us: Time
    """Of the best question of the last round."""
    drift_ppm: int
    """How much faster Binance's clock goes than this machine's."""
    age_us: Time
    """Since the last round."""
    problem: str
    """Why the last round failed; empty when it did not."""


class _Round(msgspec.Struct, frozen=True):
    """The best sample of one round: at the steady time ``at`` Binance's clock was ``offset`` ahead of it."""

    at: Time
    offset: Time
    round_trip: Time


def _wall() -> Time:
    return time.time_ns() // 1_000


def _steady() -> Time:
    return time.monotonic_ns() // 1_000


class ClockSync:
    """One for each place (mainnet, testnet) in a process; before the first round it tells this machine's time."""

    def __init__(
        self,
        wall: Callable[[], Time] = _wall,
        steady: Callable[[], Time] = _steady,
        draw: random.Random | None = None,
    ) -> None:
        self._wall, self._steady = wall, steady
        self._backoff = Backoff(RETRY_BASE_S, RETRY_CAP_S, draw)
        self._rounds: deque[_Round] = deque(maxlen=ROUNDS_KEPT)
        self._turn = asyncio.Lock()
        self._doubted = asyncio.Event()
        self._drift_ppm = 0
        self._problem = ""
        self._wall_lead: Time = 0
        """How far this machine's clock was ahead of the steady one at the last round."""

    def now(self) -> Time:
        """Binance's time, microseconds UTC."""
        if not self._rounds:
            return self._wall()
        last, steady = self._rounds[-1], self._steady()
        return steady + last.offset + (steady - last.at) * self._drift_ppm // _MILLION

    def now_ms(self) -> int:
        """Binance's time as timestamps have it."""
        return self.now() // MILLISECOND

    def doubt(self) -> None:
        """Binance found our time wrong (-1021): ``run`` asks at once."""
        self._doubted.set()

    @property
    def state(self) -> ClockState:
        """How well it is known."""
        last = self._rounds[-1] if self._rounds else None
        return ClockState(
            is_synced=last is not None,
            skew_ms=round((self.now() - self._wall()) / MILLISECOND),
            round_trip_us=0 if last is None else last.round_trip,
            drift_ppm=self._drift_ppm,
            age_us=0 if last is None else self._steady() - last.at,
            problem=self._problem,
        )

    # -- asking ----------------------------------------------------------------------------------------------------

    async def sync(self, read: ReadTime) -> None:
        """Ask anew, unless somebody did meanwhile; ClockSyncError when not one question was answered."""
        since = self._steady()
        async with self._turn:
            if self._rounds and self._rounds[-1].at > since:
                return
            samples: list[_Round] = []
            try:
                async with asyncio.timeout(ROUND_MAX_S):
                    for _ in range(SAMPLES):
                        await self._sample(read, samples)
            except TimeoutError:
                self._problem = f"no answers within {ROUND_MAX_S:g} s"
            if not samples:
                raise ClockSyncError(self._problem)
            self._take(min(samples, key=lambda sample: sample.round_trip))

    async def _sample(self, read: ReadTime, samples: list[_Round]) -> None:
        asked = self._steady()
        try:
            told = await read()
        except ClockSyncError as error:
            self._problem = str(error)
            return
        heard = self._steady()
        samples.append(_Round(heard, told - (asked + heard) // 2, heard - asked))

    def _take(self, best: _Round) -> None:
        if self._rounds:
            expected = self._rounds[-1].offset + (best.at - self._rounds[-1].at) * self._drift_ppm // _MILLION
            if abs(best.offset - expected) > STEP:
                self._rounds.clear()
                self._drift_ppm = 0
        self._rounds.append(best)
        first = self._rounds[0]
        span, change = best.at - first.at, best.offset - first.offset
        if span >= DRIFT_SPAN and abs(change) > (first.round_trip + best.round_trip) // 2:
            ppm = round(change * _MILLION / span)
            self._drift_ppm = max(-DRIFT_MAX_PPM, min(ppm, DRIFT_MAX_PPM))
        self._wall_lead = self._wall() - self._steady()
        self._problem = ""
        self._doubted.clear()

    async def run(self, read: ReadTime) -> None:
        """Keep it known until cancelled: each minute, in doubt at once, after a failure with growing waits."""
        while True:
            try:
                await self.sync(read)
            except ClockSyncError:
                await asyncio.sleep(self._backoff.next_s())
                continue
            self._backoff.reset()
            await asyncio.sleep(GAP_S)
            await self._rest(PERIOD_S - GAP_S)

    async def _rest(self, seconds: float) -> None:
        """Wait until a round is due: in time, in doubt, or because this machine's clock was set."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        while (left := due - loop.time()) > 0:
            if abs(self._wall() - self._steady() - self._wall_lead) > STEP:
                return
            try:
                async with asyncio.timeout(min(left, LOOK_S)):
                    await self._doubted.wait()
                    return
            except TimeoutError:
                continue
