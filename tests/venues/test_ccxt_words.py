"""ccxt's structures as the core's words, exactly; requests as ccxt's arguments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.requests import OrderRequest
from fillwright.core.types import (
    OrderType,
    SelfTradePrevention,
    Side,
    SymbolStatus,
    TimeInForce,
    VenueOrderStatus,
)
from fillwright.venues.ccxt_words import (
    DECIMAL_PLACES,
    SIGNIFICANT_DIGITS,
    TICK_SIZE,
    NotOffered,
    balances_of,
    fill_of,
    instrument_of,
    number,
    order_types_of,
    placing,
    report_of,
    symbol_of,
    whole_id,
)
from fillwright.wire.codec import WireError

D = Decimal
ORDER: dict[str, Any] = {
    "id": "O-ABC",
    "clientOrderId": "RT_a",
    "symbol": "BTC/USDT",
    "type": "limit",
    "side": "buy",
    "status": "open",
    "amount": "2.0",
    "filled": "0",
    "price": "100.10",
    "cost": None,
    "average": None,
    "timestamp": 1_700_000_000_000,
    "timeInForce": "GTC",
    "info": {},
}
TRADE: dict[str, Any] = {
    "id": "t-1",
    "order": "O-ABC",
    "price": "100.05",
    "amount": "0.5",
    "timestamp": 1_700_000_000_500,
    "takerOrMaker": "maker",
    "fee": {"currency": "USDT", "cost": "0.05"},
}
MARKET: dict[str, Any] = {
    "id": "XXBTZUSD",
    "symbol": "BTC/USD",
    "base": "BTC",
    "quote": "USD",
    "spot": True,
    "active": True,
    "precision": {"price": "0.1", "amount": "0.00000001"},
    "limits": {"amount": {"min": "0.0001", "max": None}, "cost": {"min": "0.5"}},
    "info": {"altname": "XBTUSD"},
}


@given(st.text(min_size=1, max_size=40))
def test_ids_are_whole_and_always_the_same(text: str) -> None:
    found = whole_id(text)
    assert 0 < found < 2**63 + 1
    assert whole_id(text) == found


@pytest.mark.parametrize(("text", "same"), [("17", True), (17, True), ("017", False), ("a", False)])
def test_digits_stay_what_they_are(text: object, same: bool) -> None:
    assert (whole_id(text) == 17) is same


@pytest.mark.parametrize("value", ["NaN", "x", float("inf"), "", {}])
def test_what_is_no_number(value: object) -> None:
    with pytest.raises(WireError):
        number(value)


def test_numbers_are_exact() -> None:
    assert number("0.1") == number(0.1) == D("0.1")
    assert number(None) is None


def test_an_order() -> None:
    report = report_of(ORDER, "BTCUSDT", (), 5, "query")
    assert (report.client_order_id, report.order_id) == ("RT_a", whole_id("O-ABC"))
    assert (report.status, report.type) == (VenueOrderStatus.NEW, OrderType.LIMIT)
    assert (report.quantity, report.price, report.time) == (D(2), D("100.10"), 1_700_000_000_000_000)
    assert report.time_in_force is TimeInForce.GTC


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"filled": "1"}, VenueOrderStatus.PARTIALLY_FILLED),
        ({"filled": "2", "status": "closed"}, VenueOrderStatus.FILLED),
        ({"filled": "1", "status": "canceled"}, VenueOrderStatus.CANCELED),
        ({"status": "expired", "info": {"status": "EXPIRED_IN_MATCH"}}, VenueOrderStatus.EXPIRED_IN_MATCH),
        ({"status": "open", "info": {"X": "PENDING_NEW"}}, VenueOrderStatus.PENDING_NEW),
        ({"status": "canceled", "info": {"status": "FILLED"}}, VenueOrderStatus.CANCELED),
        ({"status": None, "filled": "2"}, VenueOrderStatus.FILLED),
        ({"status": None}, VenueOrderStatus.NEW),
        ({"status": "rejected"}, VenueOrderStatus.REJECTED),
    ],
)
def test_statuses(changes: dict[str, Any], status: VenueOrderStatus) -> None:
    assert report_of({**ORDER, **changes}, "BTCUSDT", (), 5, "query").status is status


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"type": "market"}, OrderType.MARKET),
        ({"postOnly": True}, OrderType.LIMIT_MAKER),
        ({"type": "market", "triggerPrice": "90"}, OrderType.STOP_LOSS),
        ({"stopLossPrice": "90"}, OrderType.STOP_LOSS_LIMIT),
        ({"type": "market", "takeProfitPrice": "110"}, OrderType.TAKE_PROFIT),
        ({"takeProfitPrice": "110"}, OrderType.TAKE_PROFIT_LIMIT),
        ({"info": {"type": "TAKE_PROFIT"}, "triggerPrice": "110"}, OrderType.TAKE_PROFIT),
    ],
)
def test_types(changes: dict[str, Any], kind: OrderType) -> None:
    report = report_of({**ORDER, **changes}, "BTCUSDT", (), 5, "query")
    assert report.type is kind
    assert (report.stop_price is not None) == ("Price" in "".join(changes))


@pytest.mark.parametrize("changes", [{"side": None}, {"status": "whatever"}, {"filled": "many"}])
def test_what_is_not_understood_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        report_of({**ORDER, **changes}, "BTCUSDT", (), 5, "query")


def test_executions() -> None:
    fill = fill_of(TRADE, 5)
    assert (fill.price, fill.quantity, fill.commission, fill.commission_asset) == (
        D("100.05"),
        D("0.5"),
        D("0.05"),
        "USDT",
    )
    assert fill.is_maker
    assert fill.time == 1_700_000_000_500_000
    report = report_of({**ORDER, "average": "100.05"}, "BTCUSDT", (fill,), 5, "stream")
    assert (report.executed_quantity, report.executed_quote) == (D("0.5"), D("50.025"))
    assert report.status is VenueOrderStatus.PARTIALLY_FILLED
    several = [{"currency": "USDT", "cost": "0.02"}, {"currency": "USDT", "cost": "0.03"}]
    assert fill_of({**TRADE, "fees": several}, 5).commission == D("0.05")
    unnamed = fill_of({**TRADE, "id": None, "timestamp": None, "fee": None}, 5)
    assert (unnamed.time, unnamed.commission, unnamed.commission_asset) == (5, 0, "")
    with pytest.raises(WireError):
        fill_of({**TRADE, "price": None}, 5)


def test_balances_that_are_told_in_part_are_left_out() -> None:
    told = {"free": {"A": "1", "B": "2"}, "used": {"A": "0.5", "B": None}}
    assert balances_of(told) == (("A", D(1), D("0.5")),)


def test_a_market() -> None:
    found = instrument_of(MARKET, TICK_SIZE, (OrderType.LIMIT,))
    assert symbol_of(MARKET) == found.symbol == "BTCUSD"
    assert (found.price_filter.tick, found.lot_size.step) == (D("0.1"), D("0.00000001"))
    assert (found.lot_size.minimum, found.notional_min) == (D("0.0001"), D("0.5"))
    assert found.status is SymbolStatus.TRADING
    lacking = (found.oco_allowed, found.oto_allowed, found.opo_allowed, found.trailing_allowed)
    assert not any((*lacking, found.cancel_replace_allowed, found.amend_allowed, found.iceberg_allowed))
    assert instrument_of({**MARKET, "active": False}, TICK_SIZE, ()).status is SymbolStatus.HALT
    places = {**MARKET, "precision": {"price": 1, "amount": 3}}
    assert instrument_of(places, DECIMAL_PLACES, ()).lot_size.step == D("0.001")
    for lost in ({"price": None, "amount": "1"}, {"price": "1"}):
        with pytest.raises(WireError):
            instrument_of({**MARKET, "precision": lost}, TICK_SIZE, ())
    with pytest.raises(WireError):
        instrument_of(MARKET, SIGNIFICANT_DIGITS, ())


def test_types_of_an_exchange() -> None:
    few = order_types_of({}, {"createMarketOrder": False})
    assert few == (OrderType.LIMIT,)
    features = {"stopLossPrice": True, "takeProfitPrice": True}
    assert set(order_types_of(features, {"createPostOnlyOrder": True})) == set(OrderType)


def order(kind: OrderType, **changes: Any) -> OrderRequest:
    values: dict[str, Any] = {"symbol": "BTCUSDT", "side": Side.SELL, "client_order_id": "x"}
    return OrderRequest(type=kind, quantity=D("1.50"), **values | changes)


def test_orders_in_its_words() -> None:
    market = placing(order(OrderType.MARKET), is_binance=True)
    assert market.arguments == ("market", "sell", "1.5", None, {"clientOrderId": "x"})
    fok = placing(order(OrderType.LIMIT, price=D("9.0"), time_in_force=TimeInForce.FOK), is_binance=True)
    assert (fok.type, fok.price, fok.params["timeInForce"]) == ("limit", "9", "FOK")
    maker = placing(order(OrderType.LIMIT_MAKER, price=D(9)), is_binance=True)
    assert maker.params == {"clientOrderId": "x", "postOnly": True}
    stop = order(OrderType.STOP_LOSS, stop_price=D(8), stp=SelfTradePrevention.EXPIRE_MAKER)
    assert placing(stop, is_binance=True).params == {
        "clientOrderId": "x",
        "stopLossPrice": "8",
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }
    assert placing(stop, is_binance=False, has_stop_prices=False).params["triggerPrice"] == "8"
    target = order(OrderType.TAKE_PROFIT_LIMIT, stop_price=D(12), price=D(12))
    assert placing(target, is_binance=False).params["takeProfitPrice"] == "12"
    by_cost = OrderRequest("BTCUSDT", Side.BUY, OrderType.MARKET, "x", quote_order_quantity=D(50))
    assert placing(by_cost, is_binance=False).params["cost"] == "50"


@pytest.mark.parametrize("changes", [{"trailing_delta": 100}, {"iceberg_quantity": D(1)}])
def test_what_ccxt_has_no_word_for(changes: dict[str, Any]) -> None:
    with pytest.raises(NotOffered):
        placing(order(OrderType.STOP_LOSS, **changes), is_binance=True)
