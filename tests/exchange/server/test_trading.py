from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.exchange.server.trading import NO_SOR
from fillwright.exchange.settings import ExchangeSettings, OrderCountLimit
from tests.exchange.server.asking import OPERATIONS, Asker, names
from tests.exchange.server.boxes import frozen_box


@pytest.fixture
def asker() -> Asker:
    return Asker(frozen_box())


def test_every_type_is_placed(asker: Asker) -> None:
    asker.box.exchange.deposit("main", "BTC", Decimal(5), asker.box.now)
    for side, kind, params in (
        ("BUY", "LIMIT", {"price": "45000"}),
        ("BUY", "LIMIT_MAKER", {"price": "45000"}),
        ("BUY", "MARKET", {}),
        ("SELL", "STOP_LOSS", {"stopPrice": "45000"}),
        ("SELL", "STOP_LOSS_LIMIT", {"stopPrice": "45000", "price": "44900"}),
        ("SELL", "TAKE_PROFIT", {"stopPrice": "55000"}),
        ("SELL", "TAKE_PROFIT_LIMIT", {"stopPrice": "55000", "price": "55100"}),
    ):
        placed = asker.place(side, kind, quantity="0.01", newOrderRespType="RESULT", **params)
        assert (placed["type"], placed["side"]) == (kind, side)
    by_value = asker.ask("order.place", symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="100")
    assert by_value["origQuoteOrderQty"] == "100.00000000"
    assert Decimal(by_value["cummulativeQuoteQty"]) <= 100


def test_an_order_can_be_tried(asker: Asker) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "100"}
    assert asker.ask("order.test", **order) == {}
    assert asker.refused("order.test", **(order | {"quantity": "0.000001"}))[0] == -1013
    rates = asker.ask("order.test", **order, computeCommissionRates="true")
    assert rates == {
        "standardCommissionForOrder": {"maker": "0.00100000", "taker": "0.00100000"},
        "specialCommissionForOrder": {"maker": "0.00000000", "taker": "0.00000000"},
        "taxCommissionForOrder": {"maker": "0.00000000", "taker": "0.00000000"},
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": True,
            "discountAsset": "BNB",
            "discount": "0.25000000",
        },
    }
    weight = OPERATIONS["order.test"].weight
    assert not isinstance(weight, int)
    assert weight(asker.call("order.test", **order)) == 1
    assert weight(asker.call("order.test", **order, computeCommissionRates="true")) == 20
    assert asker.ask("openOrders.status") == []


def test_there_is_no_smart_order_routing(asker: Asker) -> None:
    order = {"side": "BUY", "type": "LIMIT", "quantity": "1", "price": "1", "timeInForce": "GTC"}
    for name in ("sor.order.place", "sor.order.test"):
        assert asker.refused(name, symbol="BTCUSDT", **order) == (-1013, NO_SOR)
        assert asker.refused(name, symbol="NOPE", **order)[0] == -1121


def test_an_order_is_cancelled_by_either_id_or_both(asker: Asker) -> None:
    order = asker.bid("45000", newClientOrderId="a")
    number, cancel = order["orderId"], "order.cancel"
    assert asker.refused(cancel, symbol="BTCUSDT")[0] == -1102
    assert asker.refused(cancel, symbol="BTCUSDT", orderId=number, origClientOrderId="b")[0] == -2039
    assert asker.refused(cancel, symbol="BTCUSDT", orderId=99) == (-2011, "Unknown order sent.")
    restricted = {"symbol": "BTCUSDT", "orderId": number, "cancelRestrictions": "ONLY_PARTIALLY_FILLED"}
    assert asker.refused(cancel, **restricted)[1] == "Order was not canceled due to cancel restrictions."
    gone = asker.ask(cancel, symbol="BTCUSDT", orderId=number, origClientOrderId="a")
    assert len(gone["clientOrderId"]) == 22


def test_everything_on_a_symbol_is_cancelled(asker: Asker) -> None:
    asker.bid("45000", newClientOrderId="a")
    asker.ask(
        "orderList.place.oco", symbol="BTCUSDT", side="SELL", quantity="0.01", aboveType="LIMIT_MAKER",
        abovePrice="51000", belowType="STOP_LOSS", belowStopPrice="45000",
    )  # fmt: skip
    single, whole = asker.ask("openOrders.cancelAll", symbol="BTCUSDT")
    assert single["origClientOrderId"] == "a"
    assert len(whole["orderReports"]) == 2
    assert set(names(whole["orderReports"])) == {single["clientOrderId"]}
    assert asker.refused("openOrders.cancelAll", symbol="BTCUSDT") == (-2011, "Unknown order sent.")


NEW = {
    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001",
    "cancelReplaceMode": "STOP_ON_FAILURE",
}  # fmt: skip


def test_halves_of_a_replacement_that_fail_are_in_the_errors_data(asker: Asker) -> None:
    neither = asker.refused("order.cancelReplace", **NEW, price="45000")
    assert neither == (
        -1102,
        "Param 'cancelOrigClientOrderId' or 'cancelOrderId' must be sent, but both were empty/null!",
    )
    failed = asker.refusal("order.cancelReplace", **NEW, price="45000", cancelOrderId=99)
    assert (failed.code, failed.http_status, failed.message) == (-2022, 400, "Order cancel-replace failed.")
    assert failed.data == {
        "cancelResult": "FAILURE",
        "newOrderResult": "NOT_ATTEMPTED",
        "cancelResponse": {"code": -2011, "msg": "Unknown order sent."},
        "newOrderResponse": None,
    }
    allowed = NEW | {"cancelReplaceMode": "ALLOW_FAILURE"}
    half = asker.refusal("order.cancelReplace", **allowed, price="45000", cancelOrderId=99)
    assert (half.code, half.http_status) == (-2021, 409)
    assert half.data["newOrderResponse"]["status"] == "NEW"
    placed = half.data["newOrderResponse"]["orderId"]
    poor = asker.refusal(
        "order.cancelReplace", **(NEW | {"quantity": "3"}), price="45000", cancelOrderId=placed
    )
    assert (poor.code, poor.data["cancelResult"], poor.data["newOrderResult"]) == (
        -2021,
        "SUCCESS",
        "FAILURE",
    )
    assert poor.data["newOrderResponse"]["code"] == -2010
    stop = NEW | {"type": "LIMIT_MAKER"}
    del stop["timeInForce"]
    old = asker.bid("44000")["orderId"]
    answer = asker.ask("order.cancelReplace", **stop, price="43000", cancelOrderId=old)
    assert len(answer["newOrderResponse"]) == 5


def test_a_replacement_beyond_the_order_count() -> None:
    counts = (OrderCountLimit(10_000_000, 1, "10 SECOND"),)
    asker = Asker(frozen_box(exchange=ExchangeSettings(order_counts=counts)))
    old = asker.bid("45000")["orderId"]
    params = NEW | {"price": "44000", "cancelOrderId": old}
    refusal = asker.refusal("order.cancelReplace", **params)
    assert (refusal.code, refusal.http_status, refusal.data) == (-1015, 429, None)
    call = asker.call("order.cancelReplace", **params, orderRateLimitExceededMode="CANCEL_ONLY")
    with pytest.raises(type(refusal)) as caught:
        call.perform()
    assert (caught.value.code, caught.value.http_status) == (-2021, 429)
    assert caught.value.data["newOrderResponse"]["code"] == -1015


def test_an_order_is_amended(asker: Asker) -> None:
    order = asker.bid("45000", quantity="0.002")
    amend = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    text = "Order amend (quantity increase) is not supported."
    assert asker.refused("order.amend.keepPriority", **amend, newQty="0.003") == (-2038, text)
    text = "The requested action would change no state; rejecting"
    assert asker.refused("order.amend.keepPriority", **amend, newQty="0.002") == (-2038, text)
    asker.ask("order.amend.keepPriority", **amend, newQty="0.001")
    assert asker.ask("openOrders.status")[0]["origQty"] == "0.00100000"
