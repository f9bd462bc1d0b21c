"""The system's time in microseconds, never running backwards whatever is done to the system's clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from fillwright.core.types import SECOND, Time

SLEEP_MAX: Time = 5 * SECOND
"""A sleep looks at the clock this often: it may have been set."""
NANOSECONDS = 1_000
SLOWER = 2
"""While the system's clock is behind what was told already, time passes at half its pace until it has caught up."""


class SystemClock:
    """``ports.Clock`` on the system's clock; ``wall_ns`` and ``steady_ns`` read it in nanoseconds.

    ``told``: the latest time that is known to have been told before, by another process.
    """

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        steady_ns: Callable[[], int] = time.monotonic_ns,
        *,
        told: Time = 0,
    ) -> None:
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self._told: Time = told
        self._turned_back: tuple[Time, int] | None = None
        """The time told when the clock was found set back, and the steady clock's then."""

    def now(self) -> Time:
        """Microseconds UTC; never earlier than the time told before."""
        wall = self._wall_ns() // NANOSECONDS
        if wall >= self._told:
            self._told = wall
            self._turned_back = None
            return wall
        if self._turned_back is None:
            self._turned_back = (self._told, self._steady_ns())
        told, steady = self._turned_back
        self._told = told + (self._steady_ns() - steady) // NANOSECONDS // SLOWER
        return self._told

    async def sleep_until(self, time: Time) -> None:
        """Wait; returns at once when the time has come."""
        while (left := time - self.now()) > 0:  # noqa: ASYNC110 - time is what is waited for
            await asyncio.sleep(min(left, SLEEP_MAX) / SECOND)
