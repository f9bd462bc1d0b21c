"""Time, as the live shell sees it: the only place it may be asked for."""

from __future__ import annotations

from typing import Protocol

from fillwright.core.types import Time


class Clock(Protocol):
    """Tells and waits."""

    def now(self) -> Time:
        """Microseconds UTC; never earlier than the time told before."""

    async def sleep_until(self, time: Time) -> None:
        """Wait; returns at once when the time has come."""
