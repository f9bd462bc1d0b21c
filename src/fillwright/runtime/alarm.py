"""An alarm that is set anew after every batch: it moves at no cost unless the time comes earlier than before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fillwright.core.types import Time
from fillwright.ports import Clock


class Alarm:
    """Calls back once when its time has come; the sleeper is a task of a group."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._tasks: asyncio.TaskGroup | None = None
        self._due: Time | None = None
        self._asleep_until: Time = 0
        self._sleeper: asyncio.Task[None] | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Sleep in this group from now on."""
        self._tasks = tasks

    def stop(self) -> None:
        """Never ring again."""
        self._tasks = None
        if self._sleeper is not None:
            self._sleeper.cancel()
            self._sleeper = None

    def set(self, due: Time | None) -> None:
        """Ring at a time, in place of the one before; None: not at all."""
        self._due = due
        if due is None or self._tasks is None:
            return
        if self._sleeper is not None:
            if self._asleep_until <= due:
                return  # it will look again when it wakes
            self._sleeper.cancel()
        self._asleep_until = due
        self._sleeper = self._tasks.create_task(self._sleep(due))

    async def _sleep(self, until: Time) -> None:
        me = asyncio.current_task()
        while True:
            await self._clock.sleep_until(until)
            if self._sleeper is not me:
                return  # another one sleeps in its place
            if self._due is None or self._due <= self._clock.now():
                break
            until = self._asleep_until = self._due
        self._sleeper = None
        if self._due is not None:
            self._due = None
            self._ring()
