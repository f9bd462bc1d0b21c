"""Trying again: how often an account that failed is brought up anew, and after which pause."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from fillwright.core.types import MILLISECOND, SECOND, Time
from fillwright.ports import (
    Clock,
    CorruptStoreError,
    JournalMismatchError,
    NotADatabaseError,
    SchemaTooNewError,
    SeqConflictError,
    StorageError,
    VenueUnavailableError,
)

Result = TypeVar("Result")

STORE_TRIES_MAX = 8
"""Recoveries after a failure of the store, without one success between; then the account stops."""
PAUSE_FIRST: Time = 250 * MILLISECOND
PAUSE_MAX: Time = 5 * SECOND
FINAL = (
    SeqConflictError,
    JournalMismatchError,
    CorruptStoreError,
    NotADatabaseError,
    SchemaTooNewError,
)
"""What no waiting mends."""


class Trials:
    """Counts and waits. A store may fail so often in a row; a venue is tried for ever."""

    def __init__(self, clock: Clock) -> None:
        self.count = 0
        self._clock = clock
        self._store_failures = 0
        self._stopped = asyncio.Event()

    def reset(self) -> None:
        """It worked."""
        self.count = self._store_failures = 0

    def stop(self) -> None:
        """End the pause, and those to come."""
        self._stopped.set()

    async def pause(self, trouble: StorageError | VenueUnavailableError) -> None:
        """Wait longer each time; raises the StorageError that waiting does not mend, or that came too often."""
        self.count += 1
        if isinstance(trouble, StorageError):
            self._store_failures += 1
            is_final = isinstance(trouble, FINAL) or self._stopped.is_set()
            if is_final or self._store_failures >= STORE_TRIES_MAX:
                raise trouble
        until = self._clock.now() + min(PAUSE_FIRST << min(self.count - 1, 10), PAUSE_MAX)
        await self.unless_stopped(self._clock.sleep_until(until))

    async def unless_stopped(self, coroutine: Coroutine[None, None, Result]) -> Result | None:
        """Await something; None when it is told to stop before it is done, and cancelled therefore."""
        task = asyncio.create_task(coroutine)
        stopper = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait((task, stopper), return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            stopper.cancel()


def the_trouble(group: BaseExceptionGroup[BaseException]) -> StorageError | VenueUnavailableError:
    """What ended a session, the gravest first; raises what is no trouble of store or venue but a bug."""
    leaves = list(_leaves(group))
    for error in leaves:
        if not isinstance(error, StorageError | VenueUnavailableError):
            raise error
    found = [error for error in leaves if isinstance(error, StorageError | VenueUnavailableError)]
    return min(found, key=lambda error: (not isinstance(error, FINAL), not isinstance(error, StorageError)))


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
