from __future__ import annotations

import asyncio

import pytest
import structlog

from fillwright.runtime.watchdog import LOOKS_KEPT, Watchdog
from tests.runtime.builders import run


class Loop:
    """A loop that is held for some seconds at each look, as planned."""

    def __init__(self, *held_s: float) -> None:
        self.now = 100.0
        self.held = list(held_s)

    async def sleep(self, seconds: float) -> None:
        if not self.held:
            raise asyncio.CancelledError
        self.now += seconds + self.held.pop(0)


def watch(loop: Loop) -> Watchdog:
    watchdog = Watchdog(steady=lambda: loop.now, sleep=loop.sleep)
    with pytest.raises(asyncio.CancelledError):
        run(watchdog.run())
    return watchdog


def test_it_measures_the_worst_lag() -> None:
    assert watch(Loop(0.001, 0.02, 0.003)).lag_ms == pytest.approx(20)


def test_a_lag_is_forgotten_after_a_while() -> None:
    assert watch(Loop(9.0, *[0.001] * LOOKS_KEPT)).lag_ms == pytest.approx(1)


def test_it_has_nothing_to_say_at_first() -> None:
    assert Watchdog().lag_ms == 0


def test_a_loop_that_was_held_is_told_of() -> None:
    with structlog.testing.capture_logs() as logs:
        watchdog = watch(Loop(0.1, 0.5, 0.0, 0.3))
    assert watchdog.warnings == 2
    assert [(log["event"], log["lag_ms"]) for log in logs] == [
        ("the loop was held", 500),
        ("the loop was held", 300),
    ]


def test_it_notices_who_holds_a_real_loop() -> None:
    async def check() -> float:
        import time

        watchdog = Watchdog(look_every_s=0.001, warn_s=60)
        task = asyncio.create_task(watchdog.run())
        await asyncio.sleep(0)
        time.sleep(0.05)  # noqa: ASYNC251 - that is what is to be noticed
        while not watchdog.lag_ms:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        task.cancel()
        return watchdog.lag_ms

    assert run(check()) >= 40
