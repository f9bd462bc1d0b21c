"""Unmodified ccxt against the server: REST and its WebSocket half, a whole life of orders, and its own exceptions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import ccxt.pro as ccxt_pro
import pytest
from ccxt.base import errors

from tests.e2e.exchange.box import Box

pytestmark = pytest.mark.filterwarnings("default")  # the library's own
SYMBOL = "BTC/USDT"
MARKET = "BTCUSDT"
WAIT_MAX_S = 30.0


def client(box: Box, **config: Any) -> Any:
    """ccxt as its manual has it, with the addresses of the server."""
    exchange = ccxt_pro.binance(
        {
            "apiKey": box.api_key,
            "secret": box.secret,
            "enableRateLimit": False,
            "options": {
                "defaultType": "spot",
                "fetchMarkets": {"types": ["spot"]},
                "fetchCurrencies": False,
                "fetchMargins": False,
            },
            **config,
        }
    )
    for name, url in exchange.urls["api"].items():
        if isinstance(url, str):  # what is not Spot is nowhere, so that nothing outside is ever asked
            exchange.urls["api"][name] = f"{box.rest}/nowhere"
    exchange.urls["api"]["public"] = exchange.urls["api"]["private"] = f"{box.rest}/api/v3"
    exchange.urls["api"]["ws"]["spot"] = f"{box.ws}/stream"
    exchange.urls["api"]["ws"]["ws-api"]["spot"] = f"{box.ws}/ws-api/v3"
    return exchange


def run(box: Box, scenario: Callable[[Any], Awaitable[None]], **config: Any) -> None:
    """Play a scenario with a client that knows the markets."""

    async def play() -> None:
        exchange = client(box, **config)
        try:
            await exchange.load_markets()
            await asyncio.wait_for(scenario(exchange), WAIT_MAX_S)
        finally:
            await exchange.close()

    asyncio.run(play())


async def amend(exchange: Any, order_id: str, quantity: str) -> Any:
    """ccxt has no method of its own for amendments."""
    request = {"symbol": MARKET, "orderId": order_id, "newQty": quantity}
    return await exchange.request("order/amend/keepPriority", ["private"], "PUT", request)


def test_markets_and_prices(box: Box) -> None:
    async def scenario(exchange: Any) -> None:
        market = exchange.markets[SYMBOL]
        assert market["spot"]
        assert market["active"]
        assert market["precision"] == {**market["precision"], "price": 0.01, "amount": 0.00001}
        assert market["limits"]["cost"]["min"] == 5
        assert abs(await exchange.fetch_time() - exchange.milliseconds()) < 60_000
        book = await exchange.fetch_order_book(SYMBOL, 5)
        assert book["bids"][0] == [59_990.0, 2.0]
        assert book["asks"][0] == [60_010.0, 2.0]
        box.trade(MARKET, "60000", "0.25")
        assert (await exchange.fetch_trades(SYMBOL))[-1]["amount"] == 0.25
        ticker = await exchange.fetch_ticker(SYMBOL)
        assert (ticker["last"], ticker["bid"], ticker["ask"]) == (60_000.0, 59_990.0, 60_010.0)
        assert SYMBOL in await exchange.fetch_tickers([SYMBOL])
        assert (await exchange.fetch_bids_asks([SYMBOL]))[SYMBOL]["bid"] == 59_990.0
        candle = (await exchange.fetch_ohlcv(SYMBOL, "1m"))[-1]
        assert candle[4] == 60_000.0
        assert len(candle) == 6

    run(box, scenario)


def test_orders_of_every_type(box: Box) -> None:
    async def scenario(exchange: Any) -> None:
        before = await exchange.fetch_balance()
        assert before["USDT"]["free"] == 1_000_000
        assert before["BTC"]["free"] == 10

        bought = await exchange.create_order(SYMBOL, "market", "buy", 0.01)
        assert (bought["status"], bought["filled"], bought["average"]) == ("closed", 0.01, 60_010.0)
        assert bought["fees"][0]["currency"] == "BTC"
        assert bought["trades"][0]["takerOrMaker"] is None
        by_cost = await exchange.create_market_buy_order_with_cost(SYMBOL, 600.1)
        assert by_cost["filled"] == 0.01
        assert by_cost["cost"] == 600.1

        resting = await exchange.create_order(
            SYMBOL, "limit", "buy", 0.02, 59_000, {"newClientOrderId": "mine-1"}
        )
        assert (resting["status"], resting["clientOrderId"]) == ("open", "mine-1")
        assert (await exchange.fetch_balance())["USDT"]["used"] == 1_180
        found = await exchange.fetch_order(resting["id"], SYMBOL)
        assert (found["price"], found["remaining"], found["timeInForce"]) == (59_000, 0.02, "GTC")
        moved = await exchange.edit_order(resting["id"], SYMBOL, "limit", "buy", 0.02, 58_000)
        assert moved["id"] != resting["id"]
        assert moved["price"] == 58_000
        assert (await exchange.fetch_order(resting["id"], SYMBOL))["status"] == "canceled"
        amended = await amend(exchange, moved["id"], "0.01")
        assert amended["amendedOrder"]["qty"] == "0.01000000"
        assert [one["amount"] for one in await exchange.fetch_open_orders(SYMBOL)] == [0.01]
        assert (await exchange.cancel_order(moved["id"], SYMBOL))["status"] == "canceled"

        waiting = [
            ("STOP_LOSS", None, {"stopPrice": 58_000}),
            ("STOP_LOSS_LIMIT", 57_900, {"stopPrice": 58_000}),
            ("TAKE_PROFIT", None, {"stopPrice": 62_000}),
            ("TAKE_PROFIT_LIMIT", 62_000, {"stopPrice": 62_000}),
        ]
        for kind, price, params in waiting:
            placed = await exchange.create_order(SYMBOL, kind, "sell", 0.001, price, params)
            seen = await exchange.fetch_order(placed["id"], SYMBOL)
            assert (seen["info"]["type"], seen["status"]) == (kind, "open")
            assert seen["triggerPrice"] == params["stopPrice"]
        trailing = await exchange.create_order(
            SYMBOL, "STOP_LOSS", "sell", 0.001, None, {"trailingDelta": 100}
        )
        assert (await exchange.fetch_order(trailing["id"], SYMBOL))["info"]["trailingDelta"] == 100
        maker = await exchange.create_order(SYMBOL, "limit", "sell", 0.001, 61_000, {"postOnly": True})
        assert (await exchange.fetch_order(maker["id"], SYMBOL))["info"]["type"] == "LIMIT_MAKER"
        assert len(await exchange.fetch_open_orders(SYMBOL)) == 6
        await exchange.cancel_all_orders(SYMBOL)
        assert await exchange.fetch_open_orders(SYMBOL) == []

        instant = await exchange.create_order(SYMBOL, "limit", "buy", 5, 60_010, {"timeInForce": "IOC"})
        assert (instant["status"], instant["filled"]) == ("expired", 1.98)
        killed = await exchange.create_order(SYMBOL, "limit", "buy", 5, 59_000, {"timeInForce": "FOK"})
        assert (killed["status"], killed["filled"]) == ("expired", 0)

    run(box, scenario)


def test_partial_fill_and_history(box: Box) -> None:
    async def scenario(exchange: Any) -> None:
        order = await exchange.create_order(SYMBOL, "limit", "sell", 0.5, 60_005)
        box.trade(MARKET, "60006", "0.2")
        seen = await exchange.fetch_order(order["id"], SYMBOL)
        assert (seen["status"], seen["filled"], seen["remaining"]) == ("open", 0.2, 0.3)
        box.trade(MARKET, "60006", "1")
        seen = await exchange.fetch_order(order["id"], SYMBOL)
        assert (seen["status"], seen["average"]) == ("closed", 60_005)
        trades = await exchange.fetch_my_trades(SYMBOL)
        assert [(one["amount"], one["price"], one["takerOrMaker"]) for one in trades] == [
            (0.2, 60_005, "maker"),
            (0.3, 60_005, "maker"),
        ]
        assert {one["fee"]["currency"] for one in trades} == {"USDT"}
        assert [one["id"] for one in await exchange.fetch_closed_orders(SYMBOL)] == [order["id"]]
        assert len(await exchange.fetch_order_trades(order["id"], SYMBOL)) == 2
        assert len(await exchange.fetch_orders(SYMBOL)) == 1
        commission = await exchange.privateGetAccountCommission({"symbol": MARKET})
        assert commission["standardCommission"]["maker"] == "0.00100000"

    run(box, scenario)


def test_order_lists(box: Box) -> None:
    async def scenario(exchange: Any) -> None:
        oco = await exchange.privatePostOrderListOco(
            {
                "symbol": MARKET,
                "side": "SELL",
                "quantity": "0.01",
                "aboveType": "LIMIT_MAKER",
                "abovePrice": "62000",
                "belowType": "STOP_LOSS",
                "belowStopPrice": "58000",
            }
        )
        assert (oco["contingencyType"], oco["listOrderStatus"]) == ("OCO", "EXECUTING")
        assert [one["type"] for one in oco["orderReports"]] == ["STOP_LOSS", "LIMIT_MAKER"]
        asked = await exchange.privateGetOrderList({"orderListId": oco["orderListId"]})
        assert [one["orderId"] for one in asked["orders"]] == [one["orderId"] for one in oco["orders"]]
        assert len(await exchange.privateGetOpenOrderList()) == 1
        cancelled = await exchange.privateDeleteOrderList(
            {"symbol": MARKET, "orderListId": oco["orderListId"]}
        )
        assert cancelled["listOrderStatus"] == "ALL_DONE"

        working = {
            "symbol": MARKET,
            "workingType": "LIMIT",
            "workingSide": "BUY",
            "workingPrice": "59000",
            "workingQuantity": "0.01",
            "workingTimeInForce": "GTC",
        }
        below = {"pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": "58000"}
        pair = {"pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": "62000", **below}
        stop = {"pendingType": "STOP_LOSS", "pendingStopPrice": "58000", "pendingSide": "SELL"}
        made = [
            await exchange.privatePostOrderListOto({**working, **stop, "pendingQuantity": "0.009"}),
            await exchange.privatePostOrderListOtoco(
                {**working, **pair, "pendingSide": "SELL", "pendingQuantity": "0.009"}
            ),
            await exchange.privatePostOrderListOpo({**working, **stop}),
            await exchange.privatePostOrderListOpoco({**working, **pair, "pendingSide": "SELL"}),
        ]
        assert [len(one["orders"]) for one in made] == [2, 3, 2, 3]
        assert {one["contingencyType"] for one in made} == {"OTO"}
        assert "origQty" not in made[3]["orderReports"][1]
        box.trade(MARKET, "58500", "100")
        legs = [await exchange.fetch_open_orders(SYMBOL)][0]
        assert sorted(one["info"]["type"] for one in legs) == ["LIMIT_MAKER"] * 2 + ["STOP_LOSS"] * 4
        opoco = next(one for one in legs if one["info"]["orderListId"] == made[3]["orderListId"])
        assert opoco["amount"] == 0.00999
        await exchange.cancel_all_orders(SYMBOL)

    run(box, scenario)


def test_its_own_exceptions(box: Box) -> None:
    async def scenario(exchange: Any) -> None:
        cases: list[tuple[type[Exception], Awaitable[Any]]] = [
            (errors.InsufficientFunds, exchange.create_order(SYMBOL, "limit", "buy", 100, 59_000)),
            (errors.OrderNotFound, exchange.fetch_order("99999999", SYMBOL)),
            (errors.OrderNotFound, exchange.cancel_order("99999999", SYMBOL)),
            # What ccxt makes of -1013 hangs on Binance's own host names; elsewhere it is a bad request.
            (errors.BadRequest, exchange.create_order(SYMBOL, "limit", "buy", 0.00001, 59_000)),
            (errors.BadSymbol, exchange.publicGetTickerPrice({"symbol": "NOSUCH"})),
            (
                errors.BadRequest,
                exchange.privateGetOrder({"symbol": MARKET, "origClientOrderId": "a bad id"}),
            ),
        ]
        for expected, call in cases:
            with pytest.raises(expected):
                await call

    run(box, scenario)

    async def stranger(exchange: Any) -> None:
        with pytest.raises(errors.AuthenticationError):
            await exchange.fetch_balance()

    run(box, stranger, apiKey="x" * 64)
    run(box, stranger, secret="wrong")

    async def late(exchange: Any) -> None:
        exchange.nonce = lambda: exchange.milliseconds() - 60_000
        with pytest.raises(errors.InvalidNonce):
            await exchange.fetch_balance()

    run(box, late)


def test_streams_of_prices(box: Box) -> None:
    async def scenario(exchange: Any) -> None:
        async def pulse() -> None:
            for step in range(1_000):
                box.depth(MARKET, bids=[("59990", str(2 + step % 7))], asks=[("60010", str(2 + step % 5))])
                box.trade(MARKET, "60000", "0.1")
                await asyncio.sleep(0.05)

        pulsing = asyncio.create_task(pulse())
        try:
            book = await exchange.watch_order_book(SYMBOL)
            for _ in range(5):
                book = await exchange.watch_order_book(SYMBOL)
            assert book["bids"][0][0] == 59_990
            assert book["asks"][0][0] == 60_010
            assert (await exchange.watch_trades(SYMBOL))[-1]["price"] == 60_000
            assert (await exchange.watch_ticker(SYMBOL))["last"] == 60_000
            assert (await exchange.watch_ohlcv(SYMBOL, "1m"))[-1][4] == 60_000
            assert (await exchange.watch_bids_asks([SYMBOL]))[SYMBOL]["ask"] == 60_010
        finally:
            pulsing.cancel()
        await asyncio.sleep(0.3)
        kept = exchange.orderbooks[SYMBOL]
        asked = await exchange.fetch_order_book(SYMBOL, 100)
        assert [list(one) for one in kept["bids"]] == asked["bids"]
        assert [list(one) for one in kept["asks"]] == asked["asks"]

    run(box, scenario)


def test_user_stream_and_websocket_orders(box: Box) -> None:
    async def scenario(exchange: Any) -> None:
        orders = asyncio.create_task(exchange.watch_orders(SYMBOL))
        trades = asyncio.create_task(exchange.watch_my_trades(SYMBOL))
        await box.subscribed()
        placed = await exchange.create_order_ws(SYMBOL, "limit", "sell", 0.5, 60_005)
        assert (await orders)[-1]["id"] == placed["id"]
        box.trade(MARKET, "60006", "0.2")
        fill = (await trades)[-1]
        assert (fill["amount"], fill["order"], fill["takerOrMaker"]) == (0.2, placed["id"], "maker")
        while exchange.orders.hashmap[SYMBOL][placed["id"]]["filled"] != 0.2:
            await exchange.watch_orders(SYMBOL)
        moved = await exchange.edit_order_ws(placed["id"], SYMBOL, "limit", "sell", 0.3, 60_007)
        assert (await exchange.fetch_order_ws(moved["id"], SYMBOL))["price"] == 60_007
        assert [one["id"] for one in await exchange.fetch_open_orders_ws(SYMBOL)] == [moved["id"]]
        assert (await exchange.cancel_order_ws(moved["id"], SYMBOL))["status"] == "canceled"
        held = (await exchange.fetch_balance_ws())["info"][
            "balances"
        ]  # ccxt itself reads none of Spot's here
        assert {one["asset"]: one["locked"] for one in held}["BTC"] == "0.00000000"
        assert len(await exchange.fetch_my_trades_ws(SYMBOL)) == 1
        with pytest.raises(errors.InsufficientFunds):
            await exchange.create_order_ws(SYMBOL, "limit", "buy", 100, 59_000)

    run(box, scenario)
