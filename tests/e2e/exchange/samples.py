"""What our server answers and says, under the same names as the recordings: a tour of everything it has."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.e2e.exchange.box import Box
from tests.e2e.exchange.raw import RawClient, RawSocket

MARKET = "BTCUSDT"
LIMIT = {"symbol": MARKET, "type": "LIMIT", "timeInForce": "GTC"}
SELL_PAIR = {
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "62000",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "58000",
    "belowPrice": "57900",
    "belowTimeInForce": "GTC",
}
WORKING = {
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "59000",
    "workingQuantity": "0.01",
    "workingTimeInForce": "GTC",
}
PENDING_PAIR = {
    "pendingSide": "SELL",
    "pendingAboveType": "LIMIT_MAKER",
    "pendingAbovePrice": "62000",
    "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": "58000",
}
STREAMS = (
    "trade", "aggTrade", "bookTicker", "depth@100ms", "depth5@100ms", "kline_1m", "miniTicker", "ticker",
    "ticker_1h", "avgPrice",
)  # fmt: skip
FRAMES_MAX = 400

Samples = dict[str, list[Any]]


def samples(box: Box) -> Samples:
    """Everything asked once at least; orders of every type, so that conditional fields show."""
    found: Samples = defaultdict(list)
    with (
        RawClient(box.rest, box.api_key, box.secret) as client,
        RawSocket(f"{box.ws}/ws-api/v3", box.api_key, box.secret) as socket,
        RawSocket(
            f"{box.ws}/stream?streams=" + "/".join(f"{MARKET.lower()}@{one}" for one in STREAMS)
        ) as feed,
    ):
        socket.signed("userDataStream.subscribe.signature")
        box.trade(MARKET, "60000", "0.25")
        box.set_reference_price(MARKET, "60000")
        _orders(found, client)
        _lists(found, client)
        _prevented(found, client)
        _account(found, client)
        _prices(found, client)
        _websocket(found, socket)
        box.deposit("USDT", "100")
        _events(found, socket)
        box.trade(MARKET, "60001", "0.5")
        box.depth(MARKET, bids=[("59991", "1")], asks=[("60010", "3")])
        _streams(found, feed)
    return found


def _keep(found: Samples, name: str, answer: Any) -> Any:
    assert answer.status == 200, f"{name}: {answer.body!r}"
    found[name].append(answer.json)
    return answer.json


def _orders(found: Samples, client: RawClient) -> None:
    def place(**params: Any) -> Any:
        response_type = {"newOrderRespType": "FULL"}
        return _keep(found, "POST /api/v3/order", client.signed("POST", "order", **response_type, **params))

    place(symbol=MARKET, side="BUY", type="MARKET", quantity="0.5")
    resting = place(**LIMIT, side="BUY", quantity="0.02", price="59000", strategyId=1, strategyType=1_000_000)
    place(**LIMIT, side="BUY", quantity="0.02", price="58500", icebergQty="0.01")
    stop = {"symbol": MARKET, "side": "SELL", "quantity": "0.01"}
    place(**stop, type="STOP_LOSS", stopPrice="58000")
    trailing = place(**stop, type="STOP_LOSS", trailingDelta="100", strategyId=1, strategyType=1_000_000)
    mine = {"symbol": MARKET, "orderId": trailing["orderId"]}
    _keep(found, "GET /api/v3/order", client.signed("GET", "order", **mine))
    _keep(found, "DELETE /api/v3/order", client.signed("DELETE", "order", **mine))
    place(**stop, type="TAKE_PROFIT_LIMIT", stopPrice="61000", price="61000", timeInForce="GTC")
    place(**{**LIMIT, "timeInForce": "FOK"}, side="BUY", quantity="5", price="59000")
    _keep(
        found,
        "POST /api/v3/order/test",
        client.signed("POST", "order/test", **LIMIT, side="BUY", quantity="1", price="59000"),
    )
    rated = {**LIMIT, "side": "BUY", "quantity": "1", "price": "59000", "computeCommissionRates": "true"}
    _keep(found, "POST /api/v3/order/test", client.signed("POST", "order/test", **rated))
    amend = {"symbol": MARKET, "orderId": resting["orderId"], "newQty": "0.01"}
    _keep(
        found,
        "PUT /api/v3/order/amend/keepPriority",
        client.signed("PUT", "order/amend/keepPriority", **amend),
    )
    _keep(
        found,
        "GET /api/v3/order/amendments",
        client.signed("GET", "order/amendments", symbol=MARKET, orderId=resting["orderId"]),
    )
    _keep(found, "GET /api/v3/openOrders", client.signed("GET", "openOrders", symbol=MARKET))
    _keep(
        found, "GET /api/v3/order", client.signed("GET", "order", symbol=MARKET, orderId=resting["orderId"])
    )
    replace = {
        **LIMIT,
        "side": "BUY",
        "quantity": "0.01",
        "price": "58900",
        "cancelReplaceMode": "STOP_ON_FAILURE",
        "cancelOrderId": resting["orderId"],
        "newOrderRespType": "FULL",
    }
    replaced = _keep(
        found, "POST /api/v3/order/cancelReplace", client.signed("POST", "order/cancelReplace", **replace)
    )
    gone = replaced["newOrderResponse"]["orderId"]
    _keep(found, "DELETE /api/v3/order", client.signed("DELETE", "order", symbol=MARKET, orderId=gone))


def _lists(found: Samples, client: RawClient) -> None:
    oco = {"symbol": MARKET, "side": "SELL", "quantity": "0.01", "newOrderRespType": "FULL", **SELL_PAIR}
    made = _keep(found, "POST /api/v3/orderList/oco", client.signed("POST", "orderList/oco", **oco))
    number = made["orderListId"]
    _keep(found, "GET /api/v3/orderList", client.signed("GET", "orderList", orderListId=number))
    _keep(found, "GET /api/v3/openOrderList", client.signed("GET", "openOrderList"))
    _keep(
        found,
        "DELETE /api/v3/orderList",
        client.signed("DELETE", "orderList", symbol=MARKET, orderListId=number),
    )
    old = {
        "symbol": MARKET,
        "side": "SELL",
        "quantity": "0.01",
        "price": "62000",
        "stopPrice": "58000",
        "stopLimitPrice": "57900",
        "stopLimitTimeInForce": "GTC",
    }
    _keep(found, "POST /api/v3/order/oco", client.signed("POST", "order/oco", **old))
    oto = {
        "symbol": MARKET,
        **WORKING,
        "pendingType": "STOP_LOSS",
        "pendingSide": "SELL",
        "pendingStopPrice": "58000",
        "pendingQuantity": "0.009",
    }
    _keep(found, "POST /api/v3/orderList/oto", client.signed("POST", "orderList/oto", **oto))
    _keep(found, "DELETE /api/v3/openOrders", client.signed("DELETE", "openOrders", symbol=MARKET))
    three = {"symbol": MARKET, **WORKING, **PENDING_PAIR}
    _keep(
        found,
        "POST /api/v3/orderList/otoco",
        client.signed("POST", "orderList/otoco", **three, pendingQuantity="0.009"),
    )
    _keep(found, "POST /api/v3/orderList/opoco", client.signed("POST", "orderList/opoco", **three))
    _keep(found, "DELETE /api/v3/openOrders", client.signed("DELETE", "openOrders", symbol=MARKET))
    _keep(found, "GET /api/v3/allOrderList", client.signed("GET", "allOrderList"))


def _prevented(found: Samples, client: RawClient) -> None:
    client.signed("POST", "order", **LIMIT, side="SELL", quantity="0.01", price="60005")
    taker = {
        **LIMIT,
        "side": "BUY",
        "quantity": "0.01",
        "price": "60005",
        "selfTradePreventionMode": "EXPIRE_BOTH",
    }
    hit = client.signed("POST", "order", **taker).json
    asked = client.signed("GET", "myPreventedMatches", symbol=MARKET, orderId=hit["orderId"])
    _keep(found, "GET /api/v3/myPreventedMatches", asked)


def _account(found: Samples, client: RawClient) -> None:
    for path, params in (
        ("account", {}),
        ("account/commission", {"symbol": MARKET}),
        ("allOrders", {"symbol": MARKET}),
        ("myTrades", {"symbol": MARKET}),
        ("rateLimit/order", {}),
        ("myFilters", {"symbol": MARKET}),
    ):
        _keep(found, f"GET /api/v3/{path}", client.signed("GET", path, **params))


def _prices(found: Samples, client: RawClient) -> None:
    one, many = {"symbol": MARKET}, {"symbols": f'["{MARKET}"]'}
    for path, params in (
        ("ping", {}),
        ("time", {}),
        ("exchangeInfo", {}),
        ("executionRules", one),
        ("referencePrice", one),
        ("referencePrice/calculation", one),
        ("depth", one),
        ("trades", one),
        ("historicalTrades", one),
        ("aggTrades", one),
        ("klines", {**one, "interval": "1m"}),
        ("uiKlines", {**one, "interval": "1m"}),
        ("avgPrice", one),
        ("ticker/24hr", one),
        ("ticker/24hr", {}),
        ("ticker/tradingDay", one),
        ("ticker/tradingDay", many),
        ("ticker", many),
        ("ticker/price", one),
        ("ticker/price", {}),
        ("ticker/bookTicker", one),
        ("ticker/bookTicker", {}),
        ("ticker", one),
    ):
        _keep(found, f"GET /api/v3/{path}", client.get(path, **params))


def _websocket(found: Samples, socket: RawSocket) -> None:
    def keep(reply: Any, method: str) -> Any:
        assert reply["status"] == 200, f"{method}: {reply}"
        found["ws reply"].append({**reply, "result": None})
        found[f"ws {method}"].append(reply["result"])
        return reply["result"]

    def ask(method: str, **params: Any) -> Any:
        return keep(socket.ask(method, params), method)

    def signed(method: str, **params: Any) -> Any:
        return keep(socket.signed(method, **params), method)

    one = {"symbol": MARKET}
    for method in (
        "avgPrice", "depth", "exchangeInfo", "ticker", "ticker.24hr", "ticker.book", "trades.aggregate",
        "trades.historical", "trades.recent",
    ):  # fmt: skip
        ask(method, **one)
    for method in ("ticker", "ticker.24hr", "ticker.book"):
        ask(method, symbols=[MARKET])
    ask("klines", **one, interval="1m")
    ask("uiKlines", **one, interval="1m")
    placed = signed(
        "order.place", **LIMIT, side="BUY", quantity="0.02", price="59000", newOrderRespType="FULL"
    )
    signed("order.place", symbol=MARKET, side="BUY", type="MARKET", quantity="0.01")
    test = {**LIMIT, "side": "BUY", "quantity": "0.01", "price": "59000"}
    signed("order.test", **test)
    signed("order.test", **test, computeCommissionRates="true")
    mine = {"symbol": MARKET, "orderId": placed["orderId"]}
    signed("order.status", **mine)
    stop = {"symbol": MARKET, "side": "SELL", "type": "STOP_LOSS", "quantity": "0.001", "trailingDelta": 100}
    named = {"strategyId": 1, "strategyType": 1_000_000, "newOrderRespType": "RESULT"}
    trailing = signed("order.place", **stop, **named)
    signed("order.status", symbol=MARKET, orderId=trailing["orderId"])
    signed("openOrders.status", **one)
    signed("order.amend.keepPriority", **mine, newQty="0.01")
    new = {
        **LIMIT,
        "side": "BUY",
        "quantity": "0.01",
        "price": "58900",
        "cancelReplaceMode": "STOP_ON_FAILURE",
    }
    replaced = signed("order.cancelReplace", **new, cancelOrderId=placed["orderId"])
    signed("order.cancel", symbol=MARKET, orderId=replaced["newOrderResponse"]["orderId"])
    oco = signed("orderList.place.oco", symbol=MARKET, side="SELL", quantity="0.01", **SELL_PAIR)
    signed("orderList.status", orderListId=oco["orderListId"])
    signed("openOrderLists.status")
    signed("orderList.cancel", symbol=MARKET, orderListId=oco["orderListId"])
    signed("orderList.place.oco", symbol=MARKET, side="SELL", quantity="0.01", **SELL_PAIR)
    signed("order.place", **LIMIT, side="BUY", quantity="0.02", price="59000")
    signed("openOrders.cancelAll", **one)
    signed("account.status")
    signed("account.rateLimits.orders")
    signed("myTrades", **one)
    own = signed("order.place", **LIMIT, side="SELL", quantity="0.01", price="60005")
    crossing = {**LIMIT, "side": "BUY", "quantity": "0.01", "price": "60005"}
    signed("order.place", **crossing, selfTradePreventionMode="EXPIRE_BOTH")
    signed("myPreventedMatches", symbol=MARKET, orderId=own["orderId"])
    signed("order.status", symbol=MARKET, orderId=own["orderId"])


def _events(found: Samples, socket: RawSocket) -> None:
    """All that the user stream said; the last of it is the deposit."""
    for _ in range(FRAMES_MAX):
        event = socket.event()["event"]
        found[f"event {event['e']}"].append(event)
        if event["e"] == "balanceUpdate":
            return
    raise AssertionError("the deposit was never told")


def _streams(found: Samples, feed: RawSocket) -> None:
    wanted = set(STREAMS)
    for _ in range(FRAMES_MAX):
        frame = feed.event()
        stream = frame["stream"].partition("@")[2]
        wanted.discard(stream)
        data = frame["data"]
        name = data.get("e", "bookTicker" if stream == "bookTicker" else "partial depth")
        found[f"event {name}"].append(data)
        if not wanted:
            return
    raise AssertionError(f"nothing came of {sorted(wanted)}")
