from __future__ import annotations

import asyncio
import random

from fillwright.binance.pacing import Backoff, RateWindow


def test_waits_grow_up_to_a_cap_and_are_spread() -> None:
    waits: list[list[float]] = [[] for _ in range(12)]
    for seed in range(200):
        backoff = Backoff(0.5, 30.0, random.Random(seed))
        for number in range(12):
            waits[number].append(backoff.next_s())
    for number, drawn in enumerate(waits):
        bound = min(30.0, 0.5 * 2**number)
        assert 0.0 <= min(drawn) < bound / 10
        assert bound * 0.9 < max(drawn) <= bound


def test_a_success_begins_anew_and_many_failures_do_not_overflow() -> None:
    backoff = Backoff(0.5, 30.0)
    for _ in range(5_000):
        assert backoff.next_s() <= 30.0
    backoff.reset()
    assert backoff.next_s() <= 0.5


def test_a_window_lets_so_many_through() -> None:
    async def story() -> list[float]:
        window, loop, times = RateWindow(3, 0.1), asyncio.get_running_loop(), list[float]()

        async def one() -> None:
            await window.enter()
            times.append(loop.time())

        await asyncio.gather(*(one() for _ in range(9)))
        return times

    times = asyncio.run(story())
    for first, fourth in zip(times, times[3:], strict=False):
        assert fourth - first >= 0.099
