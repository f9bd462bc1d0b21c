"""The server's time: real, frozen, stepped by hand; and the wrong time that it may tell its clients.

Box time never runs backwards. Skew moves only what clients are told and what their timestamps are compared with.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from fillwright.core.types import Time


def real_time() -> Time:
    """Microseconds UTC by the machine's clock."""
    return time.time_ns() // 1_000


class BoxClock:
    """A clock that can be frozen and stepped.

    Args:
        start: where it stands when it begins frozen; None: at the real time.
        is_frozen: whether it moves by ``step`` alone.
        real: the machine's time, microseconds UTC.
    """

    __slots__ = ("_frozen_at", "_lead", "_now", "_real", "skew_us")

    def __init__(
        self, start: Time | None = None, *, is_frozen: bool = False, real: Callable[[], Time] = real_time
    ) -> None:
        self._real = real
        self._now: Time = real() if start is None else start
        self._lead = 0 if start is None else start - real()
        self._frozen_at: Time | None = self._now if is_frozen else None
        self.skew_us = 0
        """Added to every time that clients are told."""

    def now(self) -> Time:
        """Box time; never earlier than the time told before."""
        if self._frozen_at is not None:
            return self._frozen_at
        now = self._real() + self._lead
        if now > self._now:
            self._now = now
        return self._now

    def served(self, now: Time) -> Time:
        """A box time as clients are told it."""
        return now + self.skew_us

    @property
    def is_frozen(self) -> bool:
        """Whether only ``step`` moves it."""
        return self._frozen_at is not None

    def freeze(self) -> None:
        """Stand still from now on."""
        self._frozen_at = self._now = self.now()

    def begin_at(self, time: Time) -> None:
        """Never be earlier than this: the time at which a server that goes on was saved."""
        behind = time - self.now()
        if behind > 0:
            self.step(behind)

    def step(self, by_us: Time) -> None:
        """Move forward: a frozen clock stands there, a running one goes on from there. ValueError if backwards."""
        if by_us < 0:
            raise ValueError("time cannot run backwards")
        if self._frozen_at is not None:
            self._frozen_at = self._now = self._frozen_at + by_us
        else:
            self._lead += by_us

    def resume(self) -> None:
        """Run again: with the real time, or from where it stands if it is ahead of the real time."""
        if self._frozen_at is None:
            return
        self._lead = max(0, self._frozen_at - self._real())
        self._frozen_at = None
