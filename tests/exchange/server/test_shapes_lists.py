from __future__ import annotations

import pytest

from tests.exchange.server.asking import Asker, names
from tests.exchange.server.boxes import frozen_box

LIST = [
    "orderListId", "contingencyType", "listStatusType", "listOrderStatus", "listClientOrderId", "transactionTime",
    "symbol", "orders",
]  # fmt: skip
OCO = {
    "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "aboveType": "LIMIT_MAKER", "abovePrice": "60000",
    "belowType": "STOP_LOSS", "belowStopPrice": "45000",
}  # fmt: skip


@pytest.fixture
def asker() -> Asker:
    return Asker(frozen_box())


def test_a_list_names_its_orders_and_a_new_one_reports_them(asker: Asker) -> None:
    placed = asker.ask("orderList.place.oco", **OCO, aboveClientOrderId="up", belowClientOrderId="down")
    assert list(placed) == [*LIST, "orderReports"]
    assert (placed["contingencyType"], placed["listStatusType"]) == ("OCO", "EXEC_STARTED")
    assert names(placed["orders"]) == names(placed["orderReports"]) == ["down", "up"]
    assert [one["fills"] for one in placed["orderReports"]] == [[], []]
    shown = asker.ask("orderList.status", orderListId=placed["orderListId"])
    assert list(shown) == LIST
    assert shown["orders"][0] == {"symbol": "BTCUSDT", "orderId": 1, "clientOrderId": "down"}


def test_reports_are_as_short_as_asked_for(asker: Asker) -> None:
    placed = asker.ask("orderList.place.oco", **OCO, newOrderRespType="ACK")
    assert {len(one) for one in placed["orderReports"]} == {5}


def test_cancelling_one_order_shows_the_list(asker: Asker) -> None:
    placed = asker.ask("orderList.place.oco", **OCO)
    gone = asker.ask("order.cancel", symbol="BTCUSDT", orderId=placed["orders"][0]["orderId"])
    assert list(gone) == [*LIST, "orderReports"]
    assert (gone["listStatusType"], gone["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    assert len({one["clientOrderId"] for one in gone["orderReports"]}) == 1
    assert names(gone["orderReports"], "origClientOrderId") == names(gone["orders"])
    code = asker.refused("order.cancel", symbol="BTCUSDT", orderId=placed["orders"][1]["orderId"])[0]
    assert code == -2011


def test_pending_legs_that_wait_for_what_is_received_show_no_quantity(asker: Asker) -> None:
    placed = asker.ask(
        "orderList.place.opo", symbol="BTCUSDT", workingType="LIMIT", workingSide="BUY", workingPrice="45000",
        workingQuantity="0.01", workingTimeInForce="GTC", pendingSide="SELL", pendingType="LIMIT_MAKER",
        pendingPrice="60000",
    )  # fmt: skip
    working, pending = placed["orderReports"]
    assert working["origQty"] == "0.01000000"
    assert "origQty" not in pending
    assert (pending["status"], pending["workingTime"]) == ("PENDING_NEW", -1)


def test_an_amendment_in_a_list_shows_the_list(asker: Asker) -> None:
    placed = asker.ask("orderList.place.oco", **OCO)
    number = placed["orders"][1]["orderId"]
    amended = asker.ask("order.amend.keepPriority", symbol="BTCUSDT", orderId=number, newQty="0.005")
    assert list(amended["listStatus"]) == [
        name for name in LIST if name not in ("listStatusType", "transactionTime")
    ]


def test_both_halves_of_a_replacement_are_shown(asker: Asker) -> None:
    old = asker.bid("45000")
    params = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "44000"}
    answer = asker.ask(
        "order.cancelReplace",
        **params, quantity="0.001", cancelOrderId=old["orderId"], cancelReplaceMode="STOP_ON_FAILURE",
    )  # fmt: skip
    assert list(answer) == ["cancelResult", "newOrderResult", "cancelResponse", "newOrderResponse"]
    assert (answer["cancelResult"], answer["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert answer["cancelResponse"]["status"] == "CANCELED"
    assert answer["newOrderResponse"]["fills"] == []
