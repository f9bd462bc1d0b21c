from __future__ import annotations

import asyncio

import uvloop

from fillwright.core.types import MILLISECOND
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.pump import Pump
from fillwright.exchange.server.settings import ClockSettings
from tests.exchange.server.boxes import frozen_box

WAIT_S = 5.0


def running_box() -> Box:
    return frozen_box(clock=ClockSettings())


class Bell:
    """Rings when it was struck so many times."""

    def __init__(self, times: int = 1) -> None:
        self._left = times
        self._rung = asyncio.Event()

    def strike(self, _: object) -> None:
        self._left -= 1
        if self._left <= 0:
            self._rung.set()

    @property
    def has_rung(self) -> bool:
        return self._rung.is_set()

    async def wait(self) -> None:
        await asyncio.wait_for(self._rung.wait(), WAIT_S)


def test_what_is_due_happens_by_itself() -> None:
    async def play() -> None:
        box, bell = running_box(), Bell(3)
        pump = Pump(box, failures.append)
        pump.start()
        box.every(5 * MILLISECOND, bell.strike)
        await bell.wait()
        pump.stop()

    failures: list[BaseException] = []
    uvloop.run(play())
    assert failures == []


def test_something_due_earlier_than_anything_wakes_it() -> None:
    async def play() -> None:
        box, bell = running_box(), Bell()
        pump = Pump(box, failures.append)
        pump.start()
        box.at(box.now + 3_600_000 * MILLISECOND, failures.append)
        await asyncio.sleep(0)
        box.at(box.now + 5 * MILLISECOND, bell.strike)
        await bell.wait()
        pump.stop()

    failures: list[BaseException] = []
    uvloop.run(play())
    assert failures == []


def test_a_frozen_clock_stops_it_until_somebody_resumes() -> None:
    async def play() -> None:
        box, bell = running_box(), Bell()
        pump = Pump(box, lambda _: None)
        pump.start()
        box.clock.freeze()
        box.tick()
        box.at(box.now + MILLISECOND, bell.strike)
        await asyncio.sleep(0.02)
        assert not bell.has_rung
        box.clock.resume()
        pump.wake()
        await bell.wait()
        pump.stop()

    uvloop.run(play())


def test_a_bug_in_what_is_due_is_told_and_stops_it() -> None:
    async def play() -> None:
        box = running_box()
        bell = Bell()
        pump = Pump(box, lambda error: (failures.append(error), bell.strike(error)))
        pump.start()
        box.every(MILLISECOND, lambda _: 1 / 0)
        await bell.wait()
        await asyncio.sleep(0.01)
        pump.stop()

    failures: list[BaseException] = []
    uvloop.run(play())
    assert [type(one) for one in failures] == [ZeroDivisionError]
