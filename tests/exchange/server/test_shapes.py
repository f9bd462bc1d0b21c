from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fillwright.core.types import OrderType
from fillwright.exchange.server.shapes import ResponseType, number, response_type
from tests.exchange.server.asking import Asker
from tests.exchange.server.boxes import frozen_box


@pytest.fixture
def asker() -> Asker:
    return Asker(frozen_box())


def test_numbers_have_eight_decimals_and_are_never_rounded_up() -> None:
    texts = ["0", "-0", "1", "0.1", "0.123456789", "92233720368.54775807", "1E+3", "1E-9", "-2.5"]
    assert [number(Decimal(text)) for text in texts] == [
        "0.00000000",
        "0.00000000",
        "1.00000000",
        "0.10000000",
        "0.12345678",
        "92233720368.54775807",
        "1000.00000000",
        "0.00000000",
        "-2.50000000",
    ]


def test_market_and_limit_orders_are_answered_in_full_unless_asked_otherwise() -> None:
    full = [kind for kind in OrderType if response_type(None, kind) is ResponseType.FULL]
    assert full == [OrderType.MARKET, OrderType.LIMIT]
    assert response_type(None, OrderType.LIMIT_MAKER) is ResponseType.ACK
    assert response_type("ACK", OrderType.MARKET) is ResponseType.ACK


ACK = ["symbol", "orderId", "orderListId", "clientOrderId", "transactTime"]
PROGRESS = [
    "price", "origQty", "executedQty", "origQuoteOrderQty", "cummulativeQuoteQty", "status", "timeInForce", "type",
    "side",
]  # fmt: skip


def test_the_three_answers_to_a_new_order(asker: Asker) -> None:
    assert list(asker.bid("45000", newOrderRespType="ACK")) == ACK
    result = [*ACK, *PROGRESS, "workingTime", "selfTradePreventionMode"]
    assert list(asker.bid("45000", newOrderRespType="RESULT")) == result
    full = asker.place("BUY", "MARKET", quantity="0.01")
    assert set(full) == {*result, "fills"}
    assert full["fills"] == [
        {
            "price": "50000.01000000",
            "qty": "0.01000000",
            "commission": "0.00001000",
            "commissionAsset": "BTC",
            "tradeId": 2,
        }
    ]
    assert (full["price"], full["status"], full["timeInForce"]) == ("0.00000000", "FILLED", "GTC")
    assert list(asker.place("BUY", "LIMIT_MAKER", quantity="0.001", price="45000")) == ACK


def test_what_an_answer_has_only_when_it_applies(asker: Asker) -> None:
    stop = asker.place(
        "SELL", "STOP_LOSS", quantity="0.01", stopPrice="45000", trailingDelta="100", newOrderRespType="RESULT",
        strategyId="7", strategyType="1000000",
    )  # fmt: skip
    more: dict[str, Any] = {name: stop[name] for name in stop if name not in (*ACK, *PROGRESS)}
    assert more == {
        "stopPrice": "45000.00000000",
        "trailingDelta": 100,
        "trailingTime": -1,
        "workingTime": -1,
        "strategyId": 7,
        "strategyType": 1_000_000,
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }
    iceberg = asker.bid("45000", quantity="0.1", icebergQty="0.01")
    assert iceberg["icebergQty"] == "0.01000000"
    unfilled = asker.bid("45000", timeInForce="FOK")
    assert (unfilled["status"], unfilled["expiryReason"]) == ("EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED")


def test_prevented_matches_are_told_in_the_answer_and_shown_by_orders(asker: Asker) -> None:
    asker.bid("49000", newClientOrderId="maker")
    asker.box.quote("BTCUSDT", Decimal(48000), Decimal(1), Decimal(50000), Decimal(1), asker.box.now)
    taker = asker.place("SELL", "LIMIT", quantity="0.002", price="49000")
    assert taker["preventedMatches"] == [
        {
            "preventedMatchId": 1,
            "makerOrderId": 1,
            "price": "49000.00000000",
            "makerPreventedQuantity": "0.00100000",
        }
    ]
    maker = asker.ask("order.status", symbol="BTCUSDT", origClientOrderId="maker")
    assert maker["status"] == "EXPIRED_IN_MATCH"
    assert (maker["preventedMatchId"], maker["preventedQuantity"]) == (1, "0.00100000")


def test_queries_always_show_stop_price_and_iceberg_quantity(asker: Asker) -> None:
    asker.bid("45000", newClientOrderId="mine")
    shown = asker.ask("order.status", symbol="BTCUSDT", origClientOrderId="mine")
    assert list(shown) == [
        "symbol", "orderId", "orderListId", "clientOrderId", "price", "origQty", "executedQty",
        "cummulativeQuoteQty", "status", "timeInForce", "type", "side", "stopPrice", "icebergQty", "time",
        "updateTime", "isWorking", "workingTime", "origQuoteOrderQty", "selfTradePreventionMode",
    ]  # fmt: skip
    assert (shown["stopPrice"], shown["icebergQty"], shown["isWorking"]) == ("0.00000000", "0.00000000", True)


def test_a_cancel_has_its_own_id_and_the_orders(asker: Asker) -> None:
    asker.bid("45000", newClientOrderId="mine")
    gone = asker.ask(
        "order.cancel", symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="the-cancel"
    )
    assert list(gone) == [
        "symbol", "origClientOrderId", "orderId", "orderListId", "clientOrderId", "transactTime", *PROGRESS,
        "selfTradePreventionMode",
    ]  # fmt: skip
    assert (gone["origClientOrderId"], gone["clientOrderId"]) == ("mine", "the-cancel")
    assert gone["status"] == "CANCELED"


def test_an_amendment_has_names_of_its_own(asker: Asker) -> None:
    order = asker.bid("45000", quantity="0.002")
    amended = asker.ask(
        "order.amend.keepPriority",
        symbol="BTCUSDT",
        orderId=order["orderId"],
        newQty="0.001",
        newClientOrderId="b",
    )
    shown = amended["amendedOrder"]
    assert list(shown) == [
        "symbol", "orderId", "orderListId", "origClientOrderId", "clientOrderId", "price", "qty", "executedQty",
        "preventedQty", "quoteOrderQty", "cumulativeQuoteQty", "status", "timeInForce", "type", "side",
        "workingTime", "selfTradePreventionMode",
    ]  # fmt: skip
    assert (shown["qty"], shown["origClientOrderId"], shown["clientOrderId"]) == (
        "0.00100000",
        order["clientOrderId"],
        "b",
    )
    (row,) = asker.ask("order.amendments", symbol="BTCUSDT", orderId=order["orderId"])
    assert row == {
        "symbol": "BTCUSDT",
        "orderId": order["orderId"],
        "executionId": amended["executionId"],
        "origClientOrderId": order["clientOrderId"],
        "newClientOrderId": "b",
        "origQty": "0.00200000",
        "newQty": "0.00100000",
        "time": amended["transactTime"],
    }
    assert list(amended) == ["transactTime", "executionId", "amendedOrder"]
