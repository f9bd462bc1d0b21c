"""What makes a box go by itself: the event loop's timer, set for when something is due next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fillwright.core.types import SECOND
from fillwright.exchange.server.box import Box

SOONEST_S = 0.001
"""Busy markets are moved on this often at most; requests move them on by themselves."""
LONGEST_S = 60.0
"""Looked again after this long at the latest."""


class Pump:
    """Ticks a box whenever something is due, as long as its clock runs.

    An error in what is due is a bug: ``on_failure`` gets it, and the pump stands still.
    """

    def __init__(self, box: Box, on_failure: Callable[[BaseException], None]) -> None:
        self._box = box
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._is_on = False

    def start(self) -> None:
        """Go; a second start changes nothing."""
        self._is_on = True
        self._box.on_wake = self.wake
        self.wake()

    def stop(self) -> None:
        """Stand still."""
        self._is_on = False
        self._box.on_wake = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def wake(self) -> None:
        """Reckon anew when something is due: it became due earlier, or somebody moved the clock."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        clock = self._box.clock
        if not self._is_on or clock.is_frozen:
            return
        wait_s = (self._box.next_due - clock.now()) / SECOND
        self._handle = self._loop.call_later(min(max(wait_s, SOONEST_S), LONGEST_S), self._tick)

    def _tick(self) -> None:
        self._handle = None
        try:
            self._box.tick()
        except Exception as error:  # noqa: BLE001 - told to whoever runs the server, who ends it
            self._is_on = False
            self._on_failure(error)
            return
        self.wake()
