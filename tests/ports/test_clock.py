from __future__ import annotations

from fillwright.ports import Clock
from fillwright.runtime.clock import SystemClock
from tests.runtime.builders import ManualClock


def test_the_systems_clock_and_that_of_tests_are_clocks() -> None:
    clocks: list[Clock] = [SystemClock(), ManualClock(5)]
    for clock in clocks:
        first = clock.now()
        assert clock.now() >= first > 0
