"""How often something may be tried: waits that grow and are spread, and windows that allow so many in so long."""

from __future__ import annotations

import asyncio
import random
from collections import deque


class Backoff:
    """Waits between attempts: drawn evenly from 0 to a bound that doubles up to a cap ("full jitter")."""

    def __init__(self, base_s: float, cap_s: float, draw: random.Random | None = None) -> None:
        assert 0 < base_s <= cap_s, (base_s, cap_s)
        self.attempts = 0
        """Since the last success."""
        self._base_s, self._cap_s = base_s, cap_s
        self._draw = draw or random.Random()

    def next_s(self) -> float:
        """How long to wait before the next attempt."""
        bound = min(self._cap_s, self._base_s * 2.0 ** min(self.attempts, 32))
        self.attempts += 1
        return self._draw.uniform(0.0, bound)

    def reset(self) -> None:
        """It worked."""
        self.attempts = 0


class RateWindow:
    """Lets so many through in any window of so many seconds; who comes too early waits its turn."""

    def __init__(self, count_max: int, window_s: float) -> None:
        assert count_max > 0, count_max
        self._count_max, self._window_s = count_max, window_s
        self._passed: deque[float] = deque(maxlen=count_max)
        self._turn = asyncio.Lock()

    async def enter(self) -> None:
        """Wait until one more may pass."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            if len(self._passed) == self._count_max:
                wait_s = self._passed[0] + self._window_s - loop.time()
                if wait_s > 0:
                    await asyncio.sleep(wait_s)
            self._passed.append(loop.time())
