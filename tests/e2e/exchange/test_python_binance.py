"""Unmodified python-binance (async) against the server: REST, WebSocket API, user socket and its depth cache."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from binance import AsyncClient, BinanceSocketManager
from binance.exceptions import BinanceAPIException
from binance.ws.depthcache import DepthCacheManager
from binance.ws.reconnecting_websocket import ReconnectingWebsocket

from tests.e2e.exchange.box import Box

pytestmark = pytest.mark.filterwarnings("default")  # the library's own
MARKET = "BTCUSDT"
WAIT_MAX_S = 30.0
LIMIT = {"symbol": MARKET, "type": "LIMIT", "timeInForce": "GTC"}


@pytest.fixture(autouse=True)
def closing_without_a_long_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """So long its sockets go on reading, in seconds, before they notice that they were closed; 10 as it comes."""
    monkeypatch.setattr(ReconnectingWebsocket, "TIMEOUT", 0.2)


def run(box: Box, scenario: Callable[[AsyncClient, BinanceSocketManager], Awaitable[None]]) -> None:
    """Play a scenario with a client at the server's addresses, as its manual says they are set."""

    class Client(AsyncClient):  # type: ignore[misc]
        API_URL = f"{box.rest}/api"
        WS_API_URL = f"{box.ws}/ws-api/v3"

    class Sockets(BinanceSocketManager):  # type: ignore[misc]
        STREAM_URL = f"{box.ws}/"

    async def play() -> None:
        client = await Client.create(box.api_key, box.secret)
        try:
            await asyncio.wait_for(scenario(client, Sockets(client)), WAIT_MAX_S)
        finally:
            await client.close_connection()

    asyncio.run(play())


def test_prices_and_account(box: Box) -> None:
    async def scenario(client: AsyncClient, sockets: BinanceSocketManager) -> None:
        info = await client.get_exchange_info()
        assert MARKET in {one["symbol"] for one in info["symbols"]}
        filters = {one["filterType"] for one in (await client.get_symbol_info(MARKET))["filters"]}
        assert {"PRICE_FILTER", "LOT_SIZE", "NOTIONAL", "MAX_NUM_ALGO_ORDERS"} <= filters
        assert (await client.get_order_book(symbol=MARKET))["bids"][0] == ["59990.00000000", "2.00000000"]
        box.trade(MARKET, "60000", "0.25")
        assert (await client.get_recent_trades(symbol=MARKET))[-1]["qty"] == "0.25000000"
        assert (await client.get_aggregate_trades(symbol=MARKET))[-1]["p"] == "60000.00000000"
        assert len((await client.get_klines(symbol=MARKET, interval="1m"))[-1]) == 12
        assert (await client.get_symbol_ticker(symbol=MARKET))["price"] == "60000.00000000"
        assert (await client.get_ticker(symbol=MARKET))["lastPrice"] == "60000.00000000"
        assert (await client.get_orderbook_ticker(symbol=MARKET))["askPrice"] == "60010.00000000"
        assert (await client.get_avg_price(symbol=MARKET))["mins"] == 5
        account = await client.get_account()
        assert account["canTrade"]
        assert account["accountType"] == "SPOT"
        assert (await client.get_asset_balance("BTC"))["free"] == "10.00000000"
        with pytest.raises(BinanceAPIException) as refused:
            await client.get_order_book(symbol="NOSUCH")
        assert (refused.value.code, refused.value.status_code) == (-1121, 400)

    run(box, scenario)


def test_a_life_of_orders(box: Box) -> None:
    async def scenario(client: AsyncClient, sockets: BinanceSocketManager) -> None:
        bought = await client.order_market_buy(symbol=MARKET, quantity="0.01")
        assert (bought["status"], bought["fills"][0]["price"]) == ("FILLED", "60010.00000000")
        assert bought["fills"][0]["commission"] == "0.00001000"
        by_quote = await client.order_market_buy(symbol=MARKET, quoteOrderQty="600.1")
        assert by_quote["executedQty"] == "0.01000000"
        assert await client.create_test_order(**LIMIT, side="BUY", quantity="1", price="59000") == {}

        resting = await client.order_limit_buy(
            symbol=MARKET, quantity="0.02", price="59000", newClientOrderId="mine"
        )
        seen = await client.get_order(symbol=MARKET, origClientOrderId="mine")
        assert (seen["orderId"], seen["status"], seen["isWorking"]) == (resting["orderId"], "NEW", True)
        assert [one["clientOrderId"] for one in await client.get_open_orders(symbol=MARKET)] == ["mine"]
        replaced = await client.cancel_replace_order(
            **LIMIT,
            side="BUY",
            quantity="0.02",
            price="58000",
            cancelReplaceMode="STOP_ON_FAILURE",
            cancelOrderId=resting["orderId"],
        )
        assert (replaced["cancelResult"], replaced["newOrderResult"]) == ("SUCCESS", "SUCCESS")
        cancelled = await client.cancel_order(symbol=MARKET, orderId=replaced["newOrderResponse"]["orderId"])
        assert cancelled["status"] == "CANCELED"
        oco = await client.create_oco_order(
            symbol=MARKET,
            side="SELL",
            quantity="0.01",
            aboveType="LIMIT_MAKER",
            abovePrice="62000",
            belowType="STOP_LOSS_LIMIT",
            belowStopPrice="58000",
            belowPrice="57900",
            belowTimeInForce="GTC",
        )
        assert oco["listStatusType"] == "EXEC_STARTED"
        assert len(await client.get_open_oco_orders()) == 1
        assert len(await client.cancel_all_open_orders(symbol=MARKET)) == 1
        assert len(await client.get_all_orders(symbol=MARKET)) == 6
        assert len(await client.get_my_trades(symbol=MARKET)) == 2
        assert len(await client.get_current_order_count()) == 2

    run(box, scenario)


def test_its_exceptions_carry_code_and_status(box: Box) -> None:
    async def scenario(client: AsyncClient, sockets: BinanceSocketManager) -> None:
        cases = [
            ((-2010, 400), client.order_limit_buy(symbol=MARKET, quantity="100", price="59000")),
            ((-1013, 400), client.order_limit_buy(symbol=MARKET, quantity="0.00001", price="59000")),
            ((-1111, 400), client.order_limit_buy(symbol=MARKET, quantity="0.1234567891", price="59000")),
            ((-2011, 400), client.cancel_order(symbol=MARKET, orderId=999_999)),
            ((-2013, 400), client.get_order(symbol=MARKET, orderId=999_999)),
            ((-1102, 400), client.create_order(symbol=MARKET, side="BUY", type="LIMIT")),
            ((-1116, 400), client.create_order(symbol=MARKET, side="BUY", type="NOSUCH")),
        ]
        for expected, call in cases:
            with pytest.raises(BinanceAPIException) as refused:
                await call
            assert (refused.value.code, refused.value.status_code) == expected
        client.API_SECRET = "wrong"
        with pytest.raises(BinanceAPIException) as refused:
            await client.get_account()
        assert refused.value.code == -1022
        client.API_KEY = "x" * 64
        client.session.headers["X-MBX-APIKEY"] = client.API_KEY
        with pytest.raises(BinanceAPIException) as refused:
            await client.get_account()
        assert (refused.value.code, refused.value.status_code) == (-2015, 401)

    run(box, scenario)


def test_websocket_api_and_user_socket(box: Box) -> None:
    async def scenario(client: AsyncClient, sockets: BinanceSocketManager) -> None:
        async with sockets.user_socket() as user:
            placed = await client.ws_create_order(**LIMIT, side="SELL", quantity="0.5", price="60005")
            seen: list[dict[str, Any]] = [await user.recv() for _ in range(2)]
            assert [one["e"] for one in seen] == ["executionReport", "outboundAccountPosition"]
            assert (seen[0]["x"], seen[0]["i"]) == ("NEW", placed["orderId"])
            box.trade(MARKET, "60006", "0.2")
            fill = await user.recv()
            assert (fill["x"], fill["X"], fill["l"], fill["m"]) == (
                "TRADE",
                "PARTIALLY_FILLED",
                "0.20000000",
                True,
            )
            await user.recv()
            asked = await client.ws_get_order(symbol=MARKET, orderId=placed["orderId"])
            assert asked["executedQty"] == "0.20000000"
            assert len(await client.ws_get_open_orders(symbol=MARKET)) == 1
            gone = await client.ws_cancel_order(symbol=MARKET, orderId=placed["orderId"])
            event = await user.recv()
            assert (gone["status"], event["x"], event["C"]) == (
                "CANCELED",
                "CANCELED",
                placed["clientOrderId"],
            )
            with pytest.raises(BinanceAPIException) as refused:
                await client.ws_create_order(**LIMIT, side="BUY", quantity="100", price="59000")
            assert refused.value.code == -2010
            account = await client.ws_get_account()
            assert account["balances"]
            assert (await client.ws_get_order_book(symbol=MARKET))["asks"]
            assert (await client.ws_get_time())["serverTime"] > 0

    run(box, scenario)


def test_depth_cache_stays_equal_to_the_book(box: Box) -> None:
    async def scenario(client: AsyncClient, sockets: BinanceSocketManager) -> None:
        async def pulse() -> None:
            for step in range(1_000):
                box.depth(
                    MARKET,
                    bids=[("59990", str(2 + step % 7)), (f"59{900 + step % 50}", "1")],
                    asks=[("60010", str(2 + step % 5))],
                )
                await asyncio.sleep(0.02)

        cache = None
        async with DepthCacheManager(client, MARKET, bm=sockets, ws_interval=100) as depth:
            # Its snapshot does not wait for its socket: what changes in between it would miss, on any exchange.
            pulsing = asyncio.create_task(pulse())
            try:
                for _ in range(12):
                    cache = await depth.recv()
            finally:
                pulsing.cancel()
            with contextlib.suppress(TimeoutError):
                while True:
                    cache = await asyncio.wait_for(depth.recv(), 0.5)
        book = await client.get_order_book(symbol=MARKET, limit=5000)
        assert cache is not None
        assert cache.get_bids() == [[float(price), float(size)] for price, size in book["bids"]]
        assert cache.get_asks() == [[float(price), float(size)] for price, size in book["asks"]]

    run(box, scenario)


def test_market_sockets(box: Box) -> None:
    async def scenario(client: AsyncClient, sockets: BinanceSocketManager) -> None:
        async with (
            sockets.trade_socket(MARKET) as trades,
            sockets.multiplex_socket(
                [f"{MARKET.lower()}@aggTrade", f"{MARKET.lower()}@bookTicker", f"{MARKET.lower()}@kline_1m"]
            ) as many,
        ):
            box.trade(MARKET, "60000", "0.3")
            trade = await trades.recv()
            assert (trade["e"], trade["p"], trade["q"]) == ("trade", "60000.00000000", "0.30000000")
            box.depth(MARKET, bids=[("59991", "1")], asks=[("60010", "3")])
            streams = {(await many.recv())["stream"].partition("@")[2] for _ in range(3)}
            assert {"aggTrade", "bookTicker"} <= streams

    run(box, scenario)
