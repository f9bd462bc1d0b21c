from __future__ import annotations

import asyncio

import pytest

from fillwright.core.types import MILLISECOND, SECOND
from fillwright.ports import (
    CorruptStoreError,
    DiskFullError,
    SeqConflictError,
    StorageError,
    VenueUnavailableError,
)
from fillwright.runtime.trials import PAUSE_MAX, STORE_TRIES_MAX, Trials, the_trouble
from tests.runtime.builders import NOW, ManualClock, run, turns

FULL = DiskFullError("no room")
AWAY = VenueUnavailableError("away")


async def paused(trials: Trials, clock: ManualClock, trouble: StorageError | VenueUnavailableError) -> int:
    """How long one pause lasts."""
    began = clock.now()
    task = asyncio.create_task(trials.pause(trouble))
    await turns()
    while not task.done():
        (until,) = clock.sleeping_until
        clock.move(until - clock.now())
        await turns()
    task.result()
    return clock.now() - began


def test_each_pause_is_longer_up_to_a_bound() -> None:
    async def check() -> None:
        clock = ManualClock()
        trials = Trials(clock)
        pauses = [await paused(trials, clock, AWAY) for _ in range(30)]
        assert pauses[:4] == [250 * MILLISECOND, 500 * MILLISECOND, SECOND, 2 * SECOND]
        assert set(pauses[5:]) == {PAUSE_MAX}
        trials.reset()
        assert await paused(trials, clock, AWAY) == 250 * MILLISECOND

    run(check())


def test_a_store_that_fails_again_and_again_is_given_up() -> None:
    async def check() -> None:
        clock = ManualClock()
        trials = Trials(clock)
        for _ in range(STORE_TRIES_MAX - 1):
            await paused(trials, clock, FULL)
            await paused(trials, clock, AWAY)  # that counts for itself
        with pytest.raises(DiskFullError):
            await trials.pause(FULL)
        trials.reset()
        await paused(trials, clock, FULL)

    run(check())


@pytest.mark.parametrize("error", [SeqConflictError("paper", 1, 2), CorruptStoreError("torn")])
def test_what_waiting_does_not_mend_is_raised_at_once(error: StorageError) -> None:
    with pytest.raises(type(error)):
        run(Trials(ManualClock()).pause(error))


def test_stopping_ends_the_pause() -> None:
    async def check() -> None:
        clock = ManualClock()
        trials = Trials(clock)
        task = asyncio.create_task(trials.pause(AWAY))
        await turns()
        assert not task.done()
        trials.stop()
        await task
        await trials.pause(AWAY)  # and those to come
        assert clock.now() == NOW
        with pytest.raises(DiskFullError):
            await trials.pause(FULL)  # nobody will try again

    run(check())


def test_waiting_for_something_ends_with_it_or_with_the_stop() -> None:
    async def value() -> int:
        await asyncio.sleep(0)
        return 7

    async def never() -> int:
        await asyncio.Event().wait()
        return 0

    async def wrong() -> int:
        raise VenueUnavailableError("no")

    async def check() -> None:
        trials = Trials(ManualClock())
        assert await trials.unless_stopped(value()) == 7
        with pytest.raises(VenueUnavailableError):
            await trials.unless_stopped(wrong())
        task = asyncio.create_task(trials.unless_stopped(never()))
        await turns()
        trials.stop()
        assert await task is None
        await turns()
        assert len(asyncio.all_tasks()) == 1

    run(check())


def test_the_gravest_trouble_of_several_counts() -> None:
    lost = SeqConflictError("paper", 1, 2)
    assert the_trouble(ExceptionGroup("", [AWAY, FULL])) is FULL
    assert the_trouble(ExceptionGroup("", [FULL, ExceptionGroup("", [AWAY, lost])])) is lost
    assert the_trouble(ExceptionGroup("", [AWAY])) is AWAY


def test_a_bug_is_no_trouble_to_be_got_over() -> None:
    with pytest.raises(ZeroDivisionError):
        the_trouble(ExceptionGroup("", [FULL, ExceptionGroup("", [ZeroDivisionError()])]))
