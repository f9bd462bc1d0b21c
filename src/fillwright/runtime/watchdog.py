"""The loop's watchdog: how late the loop comes to what is due, and a warning when that is too late.

Nothing of ours may hold the loop for long: a slow disk, a trader that computes, a large answer.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

LOOK_EVERY_S = 0.1
WARN_S = 0.25
LOOKS_KEPT = 100


class Watchdog:
    """Measures the loop's lag; ``steady`` tells seconds, ``sleep`` waits for some."""

    def __init__(
        self,
        *,
        look_every_s: float = LOOK_EVERY_S,
        warn_s: float = WARN_S,
        steady: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.warnings = 0
        self._look_every_s = look_every_s
        self._warn_s = warn_s
        self._steady = steady
        self._sleep = sleep
        self._lags: deque[float] = deque(maxlen=LOOKS_KEPT)
        self._log = structlog.get_logger()

    @property
    def lag_ms(self) -> float:
        """The worst lag of the last hundred looks (ten seconds), in milliseconds."""
        return max(self._lags, default=0.0) * 1_000

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            due = self._steady() + self._look_every_s
            await self._sleep(self._look_every_s)
            lag = max(self._steady() - due, 0.0)
            self._lags.append(lag)
            if lag >= self._warn_s:
                self.warnings += 1
                self._log.warning("the loop was held", lag_ms=round(lag * 1_000))
