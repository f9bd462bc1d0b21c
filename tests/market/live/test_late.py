from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from fillwright.market.live.late import LateMarket
from fillwright.ports import MarketData, MarketSink

SINK = cast(MarketSink, object())


class Source:
    source = "tape"

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def history(self, symbol: str, interval: str, count: int) -> list[Any]:
        self.asked.append((symbol, interval, count))
        return ["candles"]

    async def run(self, sink: MarketSink) -> None:
        self.asked.append(sink)


def test_whoever_asks_waits_until_it_is_chosen() -> None:
    async def story() -> None:
        late, source = LateMarket(), Source()
        market: MarketData = late
        tasks = [
            asyncio.create_task(market.history("BTCUSDT", "1m", 3)),
            asyncio.create_task(market.run(SINK)),
        ]
        await asyncio.wait(tasks, timeout=0)
        assert (market.source, source.asked, [task.done() for task in tasks]) == ("", [], [False, False])
        late.take(cast(MarketData, source))
        assert await tasks[0] == ["candles"]
        await tasks[1]
        assert (market.source, source.asked) == ("tape", [("BTCUSDT", "1m", 3), SINK])
        assert await market.history("BTCUSDT", "1m", 1) == ["candles"]

    asyncio.run(story())


def test_it_is_chosen_once() -> None:
    late = LateMarket()
    late.take(cast(MarketData, Source()))
    with pytest.raises(RuntimeError, match="once"):
        late.take(cast(MarketData, Source()))
