"""The market, handed on later and apart."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from fillwright.ports import FeedState
from fillwright.runtime.market import MarketHub
from fillwright.runtime.relay import BATCH_MAX, Relay
from tests.runtime.builders import NOW, SYMBOL, D, ManualClock, make_candle, run, turns, until


def quote(sink: Relay | MarketHub, bid: str) -> None:
    sink.quote(SYMBOL, D(bid), D(1), D(bid) + 1, D(2), NOW)


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def test_everything_is_handed_on_in_its_order() -> None:
    async def story() -> None:
        first, second = MarketHub(ManualClock()), MarketHub(ManualClock())
        candles = []
        second.on_candle = candles.append
        quote(first, "98")
        relay = Relay(second)
        first.add_follower(relay)
        assert second.quotes == {}, "not before the relay runs"
        task = asyncio.create_task(relay.run())
        quote(first, "99")
        first.trade(SYMBOL, D("99.5"), D(1), False, NOW)
        first.candle(make_candle(0))
        first.state(FeedState("synthetic", connected=True))
        assert second.quotes == {}, "nothing happens while the first hub is at it"
        await until(lambda: second.feed.connected)
        assert second.quotes[SYMBOL] == first.quotes[SYMBOL]
        assert (second.ticks, candles, relay.lost) == (3, [make_candle(0)], 0)
        first.remove_follower(relay)
        quote(first, "97")
        await turns()
        assert second.quotes[SYMBOL].bid == D(99)
        await stop(task)

    run(story())


def test_depth_is_handed_on_and_a_follower_begins_with_the_newest_book() -> None:
    async def story() -> None:
        first, second = MarketHub(ManualClock()), MarketHub(ManualClock())
        first.depth(SYMBOL, [(D(98), D(1))], [(D(99), D(1))], NOW)
        relay = Relay(second)
        first.add_follower(relay)
        task = asyncio.create_task(relay.run())
        await until(lambda: second.quotes)
        assert second.quotes[SYMBOL].bid == D(98)
        first.depth(SYMBOL, [(D(97), D(1))], [(D(99), D(1))], NOW)
        await until(lambda: second.quotes[SYMBOL].bid == D(97))
        await stop(task)

    run(story())


def test_at_the_bound_the_oldest_gives_way_and_is_counted() -> None:
    async def story() -> None:
        hub = MarketHub(ManualClock())
        relay = Relay(hub, ticks_max=3)
        for bid in ("1", "2", "3", "4", "5"):
            quote(relay, bid)
        assert relay.lost == 2
        seen = []
        hub.quote = lambda *what: seen.append(what[1])  # type: ignore[method-assign]
        relay = Relay(hub, ticks_max=3)
        for bid in ("1", "2", "3", "4", "5"):
            quote(relay, bid)
        task = asyncio.create_task(relay.run())
        await turns()
        assert seen == [3, 4, 5]
        await stop(task)

    run(story())


def test_many_ticks_leave_others_of_the_loop_their_turn() -> None:
    async def story() -> None:
        hub = MarketHub(ManualClock())
        relay = Relay(hub)
        for _ in range(3 * BATCH_MAX):
            quote(relay, "1")
        task = asyncio.create_task(relay.run())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert 0 < hub.ticks < 3 * BATCH_MAX
        await until(lambda: hub.ticks == 3 * BATCH_MAX)
        await stop(task)

    run(story())
