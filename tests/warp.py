"""An event loop whose time passes only while nothing happens: real sockets on loopback, and no waiting.

When nothing is ready to run and nothing has arrived, time goes on to the next timer at once. What was written to a
socket of this machine arrives within a blink, which is waited for before time moves. So a story of minutes takes a
fraction of a second, and timers go off in the order in which they were set.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fillwright.core.types import SECOND, Time

START: Time = 1_795_168_800_000_000
"""2026-11-20 10:00 UTC."""
BLINK_S = 0.000_03
"""What was sent over loopback has arrived by then: the kernel hands it over while it is sent."""
CAREFUL_BLINK_S = 0.001
"""Before a leap of time nothing is left to chance."""
LEAP_S = 0.9
HANG_S = 20.0
"""With no timer at all, a loop that waits for this long hangs."""
T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Looks whether anything has arrived; instead of waiting it lets time pass."""

    warp: Callable[[float], None]

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is not None and timeout < LEAP_S:
            time.sleep(BLINK_S)
            ready = super().select(0)
        else:
            ready = super().select(CAREFUL_BLINK_S)
        if ready:
            return ready
        if timeout is None:
            ready = super().select(HANG_S)
            if not ready:
                raise AssertionError("nothing happens any more, and no timer is set")
            return ready
        self.warp(timeout)
        return []


class WarpLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self, start: Time = START) -> None:
        selector = _Selector()
        super().__init__(selector)
        self._start = start
        self._passed_s = 0.0
        selector.warp = self._warp

    def _warp(self, by_s: float) -> None:
        self._passed_s += by_s

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._passed_s

    def now(self) -> Time:
        """Microseconds UTC."""
        return self._start + round(self._passed_s * SECOND)


class WarpClock:
    """``ports.Clock`` on such a loop."""

    def __init__(self) -> None:
        self._loop = the_loop()

    def now(self) -> Time:
        return self._loop.now()

    async def sleep_until(self, time: Time) -> None:
        while (left := time - self.now()) > 0:  # noqa: ASYNC110 - time is what is waited for
            await asyncio.sleep(left / SECOND)


def warped(story: Coroutine[Any, Any, T], loop: WarpLoop | None = None) -> T:
    """Run a story on a loop of its own, and end what it left behind."""
    loop = loop or WarpLoop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(story)
    finally:
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        if pending:
            loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        loop.close()


def the_loop() -> WarpLoop:
    """The loop that the caller runs on."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, WarpLoop)
    return loop
