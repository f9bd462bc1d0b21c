"""Prices through ccxt: streams or reading, each trade once, each candle when it is over, and coming back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from fillwright.binance.endpoints import Endpoints
from fillwright.core.inputs import Candle
from fillwright.core.types import MINUTE, Symbol, Time
from fillwright.exchange.server.admin_messages import ChangeConnections, ConnectionAction
from fillwright.exchange.server.admin_service import change_connections
from fillwright.ports import FeedState, Levels, MarketUnavailableError
from fillwright.venues.ccxt_client import CcxtSettings
from fillwright.venues.ccxt_market import CcxtMarketData
from tests.faults.ccxt_world import at_server
from tests.venues.box_kit import BoxKit
from tests.warp import WarpClock, warped

pytestmark = pytest.mark.filterwarnings("default")  # ccxt's own
D = Decimal
SYMBOL = "BTCUSDT"


class Sink:
    """Keeps all that it is told."""

    def __init__(self) -> None:
        self.quotes: list[tuple[Decimal, Decimal]] = []
        self.trades: list[tuple[Decimal, Decimal, bool]] = []
        self.candles: list[Candle] = []
        self.states: list[FeedState] = []

    def quote(
        self, symbol: Symbol, bid: Decimal, bid_size: Decimal, ask: Decimal, ask_size: Decimal, time: Time
    ) -> None:
        self.quotes.append((bid, ask))

    def trade(
        self, symbol: Symbol, price: Decimal, quantity: Decimal, buyer_is_maker: bool, time: Time
    ) -> None:
        self.trades.append((price, quantity, buyer_is_maker))

    def depth(self, symbol: Symbol, bids: Levels, asks: Levels, time: Time) -> None:
        raise AssertionError("no books are asked for")

    def candle(self, candle: Candle) -> None:
        self.candles.append(candle)

    def state(self, state: FeedState) -> None:
        self.states.append(state)


class Market:
    """A source that runs against the box."""

    def __init__(self, kit: BoxKit, **settings: Any) -> None:
        self.kit, self.sink = kit, Sink()
        self.without: tuple[str, ...] = ()
        base = f"127.0.0.1:{kit.server.port}"
        there = at_server(_endpoints(base))

        def prepare(exchange: Any) -> None:
            there(exchange)
            for name in self.without:
                exchange.has[name] = False

        wanted = CcxtSettings(is_throttled=False, **settings)
        self.source = CcxtMarketData(wanted, (SYMBOL,), ("1m",), WarpClock(), prepare)
        self.running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.running = asyncio.ensure_future(self.source.run(self.sink))

    async def price(self, last: str, quantity: str = "1") -> None:
        box = self.kit.box
        box.tick()
        box.quote(SYMBOL, D(last) - D("0.01"), D(5), D(last) + D("0.01"), D(5), box.now)
        await self.kit.trade(last, quantity)

    async def end(self) -> None:
        if self.running is not None:
            self.running.cancel()
            await asyncio.wait((self.running,))
        await self.source._client.close()


def _endpoints(base: str) -> Endpoints:
    return Endpoints(rest=f"http://{base}", streams=f"ws://{base}", websocket_api=f"ws://{base}")


def play(story: Callable[[Market], Awaitable[None]], **settings: Any) -> None:
    async def whole() -> None:
        kit = await BoxKit().start()
        market = Market(kit, **settings)
        try:
            await story(market)
        finally:
            await market.end()
            await kit.end()

    warped(whole())


@pytest.mark.parametrize(
    "without",
    [(), ("watchBidsAsks",), ("watchBidsAsks", "watchTicker", "watchTrades")],
    ids=["streams", "a stream without quotes", "reading"],
)
def test_quotes_and_trades_come_by_stream_or_by_reading(without: tuple[str, ...]) -> None:
    async def story(market: Market) -> None:
        market.without = without
        await market.price("100")
        market.start()
        await asyncio.sleep(3)
        for last in ("101", "102", "102"):
            await market.price(last, "0.5")
        await asyncio.sleep(3)
        sink = market.sink
        assert sink.quotes[-1] == (D("101.99"), D("102.01"))
        assert [one[:2] for one in sink.trades[-3:]] == [(D(101), D("0.5")), *[(D(102), D("0.5"))] * 2]
        assert [one.connected for one in sink.states] == [True]
        assert sink.states[0].source == market.source.source == "binance"

    play(story)


def test_candles_come_once_when_they_are_over_after_those_of_the_past() -> None:
    async def story(market: Market) -> None:
        for last in ("100", "101", "102"):
            await market.price(last)
            await asyncio.sleep(60)
        past = await market.source.history(SYMBOL, "1m", 2)
        assert [one.close for one in past] == [D(101), D(102)]
        market.start()
        for last in ("103", "104"):
            await market.price(last)
            await asyncio.sleep(60)
        await asyncio.sleep(10)
        found = market.sink.candles
        assert [one.close for one in found] == [D(103), D(104)]
        assert found[0].open_time == past[-1].open_time + MINUTE
        assert (found[0].interval, found[0].close_time) == ("1m", found[0].open_time + MINUTE - 1)

    play(story)


def test_a_break_is_told_of_and_got_over() -> None:
    async def story(market: Market) -> None:
        await market.price("100")
        market.start()
        await asyncio.sleep(3)
        change_connections(market.kit.box, ChangeConnections(action=ConnectionAction.CUT))
        await asyncio.sleep(5)
        await market.price("107")
        await asyncio.sleep(3)
        assert [one.connected for one in market.sink.states] == [True, False, True]
        assert market.sink.quotes[-1][1] == D("107.01")

    play(story)


def test_what_the_exchange_does_not_have_is_said() -> None:
    async def story(market: Market) -> None:
        with pytest.raises(MarketUnavailableError, match="no candles of 5s"):
            await market.source.history(SYMBOL, "5s", 2)
        prepare = market.source._client._prepare
        lacking = CcxtMarketData(CcxtSettings(), ("NOSUCH",), ("1m",), WarpClock(), prepare)
        with pytest.raises(MarketUnavailableError, match="does not have NOSUCH"):
            await lacking.run(market.sink)
        with pytest.raises(MarketUnavailableError, match="no exchange"):
            await CcxtMarketData(
                CcxtSettings(exchange_id="nowhere"), (SYMBOL,), ("1m",), WarpClock()
            ).history(SYMBOL, "1m", 1)
        with pytest.raises(MarketUnavailableError):
            CcxtMarketData(CcxtSettings(), (SYMBOL,), ("7q",), WarpClock())

    play(story)


def test_a_minute_without_trades_is_waited_for_a_little_and_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(market: Market) -> None:
        asked: list[Time | None] = []
        await market.source.history(SYMBOL, "1m", 1)

        async def nothing(*arguments: Any) -> list[Candle]:
            asked.append(arguments[2])
            return []

        monkeypatch.setattr(market.source, "_candles", nothing)
        market.start()
        await asyncio.sleep(150)
        assert len(set(asked)) >= 2
        assert max(asked.count(one) for one in asked) <= 5

    play(story)
