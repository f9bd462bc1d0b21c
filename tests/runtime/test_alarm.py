from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fillwright.core.types import SECOND
from fillwright.runtime.alarm import Alarm
from tests.runtime.builders import NOW, ManualClock, run, turns

Check = Callable[[Alarm, ManualClock, list[int]], Awaitable[None]]


def with_alarm(check: Check) -> None:
    async def body() -> None:
        clock, rung = ManualClock(), list[int]()
        alarm = Alarm(clock, lambda: rung.append(clock.now() - NOW))
        async with asyncio.TaskGroup() as tasks:
            alarm.start(tasks)
            await check(alarm, clock, rung)
            alarm.stop()

    run(body())


def test_it_rings_once_when_its_time_has_come() -> None:
    async def check(alarm: Alarm, clock: ManualClock, rung: list[int]) -> None:
        alarm.set(NOW + 5)
        await clock.pass_by(4)
        assert rung == []
        await clock.pass_by(10)
        assert rung == [5]

    with_alarm(check)


def test_a_time_that_has_come_rings_at_once() -> None:
    async def check(alarm: Alarm, clock: ManualClock, rung: list[int]) -> None:
        alarm.set(NOW - SECOND)
        await turns()
        assert rung == [0]

    with_alarm(check)


def test_it_can_be_moved_both_ways() -> None:
    async def check(alarm: Alarm, clock: ManualClock, rung: list[int]) -> None:
        alarm.set(NOW + 50)
        await turns()
        alarm.set(NOW + 10)
        await clock.pass_by(10)
        assert rung == [10]
        alarm.set(NOW + 20)
        await turns()
        alarm.set(NOW + 40)
        await clock.pass_by(20)
        assert rung == [10]
        await clock.pass_by(10)
        assert rung == [10, 40]

    with_alarm(check)


def test_it_can_be_called_off_and_set_again() -> None:
    async def check(alarm: Alarm, clock: ManualClock, rung: list[int]) -> None:
        alarm.set(NOW + 10)
        await turns()
        alarm.set(None)
        await clock.pass_by(50)
        assert rung == []
        alarm.set(NOW + 60)
        await clock.pass_by(10)
        assert rung == [60]

    with_alarm(check)


def test_moving_it_later_again_and_again_makes_no_tasks() -> None:
    async def check(alarm: Alarm, clock: ManualClock, rung: list[int]) -> None:
        alarm.set(NOW + 10)
        await turns()
        before = len(asyncio.all_tasks())
        for later in range(1_000):
            alarm.set(NOW + 20 + later)
        await turns()
        assert len(asyncio.all_tasks()) == before
        assert clock.sleeping_until == [NOW + 10]
        await clock.pass_by(2_000)
        assert rung == [1_019]

    with_alarm(check)


def test_a_stopped_alarm_never_rings() -> None:
    async def body() -> None:
        clock, rung = ManualClock(), list[int]()
        alarm = Alarm(clock, lambda: rung.append(1))
        alarm.set(NOW)  # no group yet
        async with asyncio.TaskGroup() as tasks:
            alarm.start(tasks)
            alarm.set(NOW + 5)
            await turns()
            alarm.stop()
            alarm.set(NOW + 1)
        clock.move(10)
        await turns()
        assert rung == []

    run(body())
