from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from fillwright.binance import clock_sync
from fillwright.binance.clock_sync import ROUND_MAX_S, ClockSync, ClockSyncError
from fillwright.core.types import MILLISECOND, MINUTE, SECOND, Time
from tests.warp import the_loop, warped

START: Time = 1_795_168_800_000_000
AHEAD = 700 * MILLISECOND


class World:
    """This machine's clocks, Binance's, and the way between them; time passes by hand."""

    def __init__(self) -> None:
        self.steady = 5 * SECOND
        self.wall_lead = START
        self.lead = START + AHEAD
        """Binance's clock before the steady one."""
        self.trips: list[tuple[Time, Time]] = []
        """There and back, of the questions to come; then a millisecond each."""
        self.asked = 0
        self.fails = 0
        """Questions to come that get no answer."""

    def wall(self) -> Time:
        return self.steady + self.wall_lead

    async def read(self) -> Time:
        self.asked += 1
        await asyncio.sleep(0)
        if self.fails:
            self.fails -= 1
            raise ClockSyncError("no answer")
        there, back = self.trips.pop(0) if self.trips else (MILLISECOND, MILLISECOND)
        self.steady += there
        told = self.steady + self.lead
        self.steady += back
        return told

    @property
    def time(self) -> Time:
        return self.steady + self.lead


def run(story: Callable[[World, ClockSync], Coroutine[Any, Any, None]]) -> None:
    async def tell() -> None:
        world = World()
        await story(world, ClockSync(world.wall, lambda: world.steady))

    asyncio.run(tell())


# -- rounds --------------------------------------------------------------------------------------------------------


def test_before_it_asked_it_tells_this_machines_time() -> None:
    async def story(world: World, clock: ClockSync) -> None:
        assert clock.now() == world.wall()
        assert not clock.state.is_synced
        assert clock.state.skew_ms == 0

    run(story)


def test_the_shortest_round_trip_tells() -> None:
    async def story(world: World, clock: ClockSync) -> None:
        world.trips = [(90_000, 10_000), (3_000, 3_000), (10_000, 90_000), (400, 90_000), (50_000, 1_000)]
        await clock.sync(world.read)
        assert world.asked == 5
        assert clock.now() == world.time
        assert clock.now_ms() == world.time // 1_000
        state = clock.state
        assert (state.is_synced, state.skew_ms, state.round_trip_us) == (True, 700, 6_000)
        assert state.problem == ""

    run(story)


def test_the_error_is_at_most_half_the_round_trip() -> None:
    async def story(world: World, clock: ClockSync) -> None:
        world.trips = [(20_000, 0)] * 5
        await clock.sync(world.read)
        assert abs(clock.now() - world.time) <= 10_000

    run(story)


def test_setting_this_machines_clock_moves_nothing_but_the_skew() -> None:
    async def story(world: World, clock: ClockSync) -> None:
        await clock.sync(world.read)
        world.wall_lead += 3 * SECOND
        assert clock.now() == world.time
        assert clock.state.skew_ms == -2_300

    run(story)


def test_a_round_ends_in_time_whatever_its_questions_do() -> None:
    """Whoever was refused for his time (an exit, say) waits for the round, and five questions may hang for a minute."""

    async def tell() -> None:
        loop = the_loop()
        clock = ClockSync(loop.now, loop.now)
        answers = [True, False, False]

        async def read() -> Time:
            if answers and answers.pop(0):
                return START
            await asyncio.sleep(12)
            raise ClockSyncError("no answer")

        began = loop.time()
        await clock.sync(read)
        assert clock.state.is_synced
        with pytest.raises(ClockSyncError, match="no answers within 5 s"):
            await ClockSync(loop.now, loop.now).sync(read)
        assert loop.time() - began <= 2 * ROUND_MAX_S

    warped(tell())


def test_some_answers_suffice() -> None:
    async def story(world: World, clock: ClockSync) -> None:
        world.fails = 4
        await clock.sync(world.read)
        assert clock.now() == world.time

    run(story)


def test_without_any_answer_it_says_so_and_keeps_what_it_knew() -> None:
    async def story(world: World, clock: ClockSync) -> None:
        await clock.sync(world.read)
        world.fails = 5
        with pytest.raises(ClockSyncError, match="no answer"):
            await clock.sync(world.read)
        assert clock.state.problem == "no answer"
        assert clock.now() == world.time

    run(story)


def test_those_who_ask_together_share_an_answer() -> None:
    async def story(world: World, clock: ClockSync) -> None:
        await asyncio.gather(*[clock.sync(world.read) for _ in range(10)])
        assert world.asked == 5

    run(story)


# -- drift and steps -----------------------------------------------------------------------------------------------


def drifting(world: World, minutes: int, ppm: int) -> None:
    world.steady += minutes * MINUTE
    world.lead += minutes * MINUTE * ppm // 1_000_000


def test_drift_is_followed_between_rounds() -> None:
    async def story(world: World, clock: ClockSync) -> None:
        await clock.sync(world.read)
        for _ in range(3):
            drifting(world, 1, 100)
            await clock.sync(world.read)
        assert clock.state.drift_ppm == 100
        drifting(world, 10, 100)
        assert abs(clock.now() - world.time) < 5 * MILLISECOND

    run(story)


def test_what_the_round_trip_explains_is_no_drift() -> None:
    async def story(world: World, clock: ClockSync) -> None:
        world.trips = [(30_000, 0)] * 5
        await clock.sync(world.read)
        drifting(world, 1, 0)
        world.trips = [(0, 30_000)] * 5
        await clock.sync(world.read)
        assert clock.state.drift_ppm == 0

    run(story)


def test_a_step_is_no_drift() -> None:
    async def story(world: World, clock: ClockSync) -> None:
        await clock.sync(world.read)
        drifting(world, 1, 0)
        world.lead -= 2 * SECOND
        await clock.sync(world.read)
        assert clock.state.drift_ppm == 0
        assert clock.now() == world.time

    run(story)


def test_drift_is_bounded() -> None:
    async def story(world: World, clock: ClockSync) -> None:
        await clock.sync(world.read)
        drifting(world, 1, 3_000)
        await clock.sync(world.read)
        assert clock.state.drift_ppm == clock_sync.DRIFT_MAX_PPM

    run(story)


# -- running -------------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting but for what is waited for."""
    monkeypatch.setattr(clock_sync, "GAP_S", 0.0)
    monkeypatch.setattr(clock_sync, "LOOK_S", 0.001)
    monkeypatch.setattr(clock_sync, "RETRY_BASE_S", 0.001)
    monkeypatch.setattr(clock_sync, "RETRY_CAP_S", 0.001)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0)


def keep(story: Callable[[World, ClockSync], Awaitable[None]]) -> None:
    async def running(world: World, clock: ClockSync) -> None:
        task = asyncio.create_task(clock.run(world.read))
        await until(lambda: clock.state.is_synced)
        await story(world, clock)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    run(running)


@pytest.mark.usefixtures("quick")
def test_doubt_is_answered_at_once() -> None:
    async def story(world: World, clock: ClockSync) -> None:
        world.lead += 5 * SECOND
        clock.doubt()
        await until(lambda: clock.now() == world.time)
        assert world.asked == 10

    keep(story)


@pytest.mark.usefixtures("quick")
def test_a_clock_that_was_set_is_noticed() -> None:
    async def story(world: World, clock: ClockSync) -> None:
        world.wall_lead += 5 * SECOND
        await until(lambda: world.asked == 10)

    keep(story)


@pytest.mark.usefixtures("quick")
def test_failures_are_tried_again() -> None:
    async def story(world: World, clock: ClockSync) -> None:
        world.fails = 12
        world.lead += 5 * SECOND
        clock.doubt()
        await until(lambda: clock.now() == world.time)
        assert clock.state.problem == ""

    keep(story)


@pytest.mark.usefixtures("quick")
def test_time_alone_is_reason_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_sync, "PERIOD_S", 0.001)

    async def story(world: World, clock: ClockSync) -> None:
        await until(lambda: world.asked >= 15)

    keep(story)
