"""Scripts: actions of the admin door that are to happen later, each at its own box time.

A script is how a plan in time is written: maintenance from then to then, a stream that goes mute for a while, a price
path. All its steps are read and checked when it is handed in; what goes wrong when a step's time has come is remembered
for whoever asks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from fillwright.core.types import Time
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server import admin_accounts, admin_market, admin_service
from fillwright.exchange.server.admin_messages import Done, RunScript, ScriptTold, StepFailed, Wish
from fillwright.exchange.server.box import Box

STEPS_MAX = 10_000
"""Steps that wait at a time; a script that would make more of them is refused."""
FAILURES_KEPT = 100

Handler = Callable[[Box, Any], object]
_PLANNED: dict[str, tuple[Any, Handler]] = {
    path: action
    for table in (admin_accounts.ACTIONS, admin_market.ACTIONS, admin_service.ACTIONS)
    for (method, path), action in table.items()
    if method == "POST"
}


class Scripts:
    """Steps that wait, and those that failed."""

    __slots__ = ("done", "failures", "waiting")

    def __init__(self) -> None:
        self.waiting = 0
        self.done = 0
        self.failures: deque[StepFailed] = deque(maxlen=FAILURES_KEPT)

    def take(self, box: Box, wish: RunScript) -> int:
        """Let every step of a script wait for its time; returns how many. ValueError for one that cannot be read."""
        if self.waiting + len(wish.steps) > STEPS_MAX:
            raise ValueError(f"at most {STEPS_MAX} steps wait at a time; {self.waiting} do")
        read = []
        for number, step in enumerate(wish.steps, 1):
            if step.path not in _PLANNED:
                raise ValueError(f"step {number}: there is no {step.path}; there is {', '.join(_PLANNED)}")
            if step.after_us < 0:
                raise ValueError(f"step {number}: time does not run backwards")
            kind, handle = _PLANNED[step.path]
            try:
                read.append((box.now + step.after_us, step.path, handle, msgspec.convert(step.wish, kind)))
            except msgspec.ValidationError as error:
                raise ValueError(f"step {number}: {error}") from error
        for time, path, handle, one in read:
            self.waiting += 1
            box.at(time, _Step(self, box, path, handle, one).happen)
        return len(read)


class _Step:
    """One action that waits for its time."""

    def __init__(self, scripts: Scripts, box: Box, path: str, handle: Handler, wish: Any) -> None:
        self._scripts = scripts
        self._box = box
        self._path = path
        self._handle = handle
        self._wish = wish

    def happen(self, time: Time) -> None:
        scripts = self._scripts
        scripts.waiting -= 1
        self._box.changes += 1
        try:
            self._handle(self._box, self._wish)
        except (ExchangeError, ValueError) as error:
            scripts.failures.append(StepFailed(time=time, path=self._path, error=str(error)))
        else:
            scripts.done += 1


class ScriptDoor:
    """The admin door's actions on scripts."""

    def __init__(self) -> None:
        self._scripts = Scripts()

    @property
    def actions(self) -> dict[tuple[str, str], tuple[Any, Handler]]:
        """By method and path."""
        return {("POST", "/script"): (RunScript, self._run), ("GET", "/script"): (Wish, self._tell)}

    def _run(self, box: Box, wish: RunScript) -> Done:
        return Done(now=box.now, number=self._scripts.take(box, wish))

    def _tell(self, box: Box, _wish: Wish) -> ScriptTold:
        scripts = self._scripts
        return ScriptTold(
            now=box.now, waiting=scripts.waiting, done=scripts.done, failures=tuple(scripts.failures)
        )
