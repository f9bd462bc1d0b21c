from __future__ import annotations

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.types import MILLISECOND, SECOND
from fillwright.runtime.clock import SystemClock
from tests.runtime.builders import run


class Hardware:
    """A wall clock that can be set, and a steady one that cannot."""

    def __init__(self, wall_us: int = 1_000_000) -> None:
        self.wall_us = wall_us
        self.steady_us = 7
        self.clock = SystemClock(lambda: self.wall_us * 1_000, lambda: self.steady_us * 1_000)

    def pass_by(self, us: int) -> None:
        self.wall_us += us
        self.steady_us += us


def test_it_tells_microseconds_since_1970() -> None:
    before = time.time_ns() // 1_000
    assert before <= SystemClock().now() <= time.time_ns() // 1_000


def test_it_follows_the_wall_clock_forwards() -> None:
    hardware = Hardware()
    assert hardware.clock.now() == 1_000_000
    hardware.pass_by(5)
    assert hardware.clock.now() == 1_000_005
    hardware.wall_us += 3_600 * SECOND  # somebody sets it
    assert hardware.clock.now() == 3_601_000_005


def test_a_clock_that_is_set_back_makes_time_pass_at_half_its_pace_until_it_has_caught_up() -> None:
    hardware = Hardware()
    first = hardware.clock.now()
    hardware.wall_us -= 1_000
    assert hardware.clock.now() == first
    hardware.pass_by(500)
    assert hardware.clock.now() == first + 250
    hardware.pass_by(1_499)
    assert hardware.clock.now() == first + 999
    hardware.pass_by(2)
    assert hardware.clock.now() == hardware.wall_us == first + 1_001
    hardware.pass_by(10)
    assert hardware.clock.now() == first + 1_011


def test_looking_often_does_not_stop_a_clock_that_was_set_back() -> None:
    hardware = Hardware()
    first = hardware.clock.now()
    hardware.wall_us -= 10_000
    for _ in range(1_000):
        hardware.pass_by(1)
        hardware.clock.now()
    assert hardware.clock.now() == first + 499  # from the first look on


def test_it_goes_on_from_what_another_process_has_told() -> None:
    wall, steady = 1_000_000, 7
    clock = SystemClock(lambda: wall * 1_000, lambda: steady * 1_000, told=1_000_100)
    assert clock.now() == 1_000_100  # the clock was set back while nothing ran
    wall, steady = wall + 50, steady + 50
    assert clock.now() == 1_000_125
    wall, steady = wall + 150, steady + 150
    assert clock.now() == 1_000_200


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(-50_000, 50_000))))
def test_it_never_runs_backwards(steps: list[tuple[int, int]]) -> None:
    hardware = Hardware(10_000_000)
    told = hardware.clock.now()
    for passed, set_by in steps:
        hardware.pass_by(passed)
        hardware.wall_us = max(hardware.wall_us + set_by, 0)
        now = hardware.clock.now()
        assert now >= told
        told = now


def test_sleeping_until_a_time_that_has_come_returns_at_once() -> None:
    async def check() -> None:
        clock = SystemClock()
        await asyncio.wait_for(clock.sleep_until(clock.now() - SECOND), 5)

    run(check())


def test_sleeping_lasts_until_the_time() -> None:
    async def check() -> None:
        clock = SystemClock()
        until = clock.now() + 3 * MILLISECOND
        await clock.sleep_until(until)
        assert clock.now() >= until

    run(check())
