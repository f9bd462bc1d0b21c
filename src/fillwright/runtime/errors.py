"""What the live shell cannot do at the moment, as types that its callers are told.

```
UnavailableError        ask again later: nothing is half done
├── LaneFullError       too much is waiting
├── NotReadyError       the account is being recovered, or the service stops
├── EngineStoppedError  the account's engine has stopped for good
└── NotStoredError      the journal or the read models could not be written
ModeUnavailableError    the user has no account in that mode
```
"""

from __future__ import annotations

from fillwright.core.types import Mode
from fillwright.ports import UnknownAccountError

__all__ = [
    "EngineStoppedError",
    "LaneFullError",
    "ModeUnavailableError",
    "NotReadyError",
    "NotStoredError",
    "UnavailableError",
    "UnknownAccountError",
    "first_of",
]


class UnavailableError(Exception):
    """An input was not taken, or what became of it cannot be told now; asking again with the same key is safe."""


class LaneFullError(UnavailableError):
    """A lane of the inbox is at its bound; the input was not taken."""

    def __init__(self, lane: str, bound: int) -> None:
        super().__init__(f"{bound} {lane} are waiting already; try again in a moment")
        self.lane, self.bound = lane, bound


class NotReadyError(UnavailableError):
    """The account takes no such input now; the text says why."""


class EngineStoppedError(UnavailableError):
    """The account's engine has stopped; the text says why."""


class NotStoredError(UnavailableError):
    """The store could not be written.

    ``recorded`` tells whether the journal has the input: if not, nothing of it took place; if so it stands, and is
    answered again once the account is recovered.
    """

    def __init__(self, message: str, *, recorded: bool) -> None:
        super().__init__(message)
        self.recorded = recorded


class ModeUnavailableError(Exception):
    """A user has no account in a mode."""

    def __init__(self, user_id: str, mode: Mode) -> None:
        super().__init__(f"user {user_id} has no {mode} account")
        self.user_id, self.mode = user_id, mode


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first failure in a group of tasks."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
