from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.exchange.server.order_parameters import NO_PEGS
from tests.exchange.server.asking import Asker, names
from tests.exchange.server.boxes import frozen_box

WORKING = {
    "symbol": "BTCUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "45000",
    "workingQuantity": "0.01", "workingTimeInForce": "GTC", "workingClientOrderId": "w",
}  # fmt: skip
PAIR = {
    "pendingSide": "SELL", "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": "60000",
    "pendingAboveClientOrderId": "up", "pendingBelowType": "STOP_LOSS_LIMIT", "pendingBelowStopPrice": "44000",
    "pendingBelowPrice": "43000", "pendingBelowTimeInForce": "GTC", "pendingBelowClientOrderId": "down",
}  # fmt: skip
ONE = {"pendingSide": "SELL", "pendingType": "MARKET", "pendingClientOrderId": "p"}
OCO = {
    "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "aboveType": "TAKE_PROFIT", "aboveStopPrice": "60000",
    "belowType": "STOP_LOSS", "belowStopPrice": "45000",
}  # fmt: skip
OLD_OCO = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "price": "60000", "stopPrice": "45000"}


@pytest.fixture
def asker() -> Asker:
    return Asker(frozen_box())


@pytest.mark.parametrize(
    ("name", "params", "legs"),
    [
        ("oto", WORKING | ONE | {"pendingQuantity": "0.01"}, ["w", "p"]),
        ("otoco", WORKING | PAIR | {"pendingQuantity": "0.01"}, ["w", "down", "up"]),
        ("opo", WORKING | ONE | {"pendingType": "TAKE_PROFIT", "pendingStopPrice": "60000"}, ["w", "p"]),
        ("opoco", WORKING | PAIR, ["w", "down", "up"]),
    ],
)
def test_lists_with_a_working_order(asker: Asker, name: str, params: dict[str, str], legs: list[str]) -> None:
    placed = asker.ask(f"orderList.place.{name}", **params, listClientOrderId="list")
    assert (placed["contingencyType"], placed["listClientOrderId"]) == ("OTO", "list")
    assert names(placed["orders"]) == legs
    assert [one["status"] for one in placed["orderReports"]] == ["NEW"] + ["PENDING_NEW"] * (len(legs) - 1)
    asker.box.trade("BTCUSDT", Decimal(44_900), Decimal(1), True, asker.box.now)
    assert asker.ask("order.status", symbol="BTCUSDT", origClientOrderId="w")["status"] == "FILLED"
    last = asker.ask("order.status", symbol="BTCUSDT", origClientOrderId=legs[-1])
    assert last["status"] in ("NEW", "FILLED")
    assert Decimal(last["origQty"]) in (Decimal("0.01"), Decimal("0.00999"))


def test_a_pair_that_buys_has_its_stop_above_and_reports_it_first(asker: Asker) -> None:
    params = {
        "aboveType": "STOP_LOSS",
        "aboveStopPrice": "55000",
        "belowType": "LIMIT_MAKER",
        "belowPrice": "45000",
    }
    placed = asker.ask("orderList.place.oco", symbol="BTCUSDT", side="BUY", quantity="0.01", **params)
    assert [one["type"] for one in placed["orderReports"]] == ["STOP_LOSS", "LIMIT_MAKER"]
    assert [one["orderId"] for one in placed["orders"]] == [1, 2]


def test_the_deprecated_request_places_the_same_pair(asker: Asker) -> None:
    placed = asker.ask(
        "orderList.place", **OLD_OCO, stopLimitPrice="44000", stopLimitTimeInForce="GTC",
        limitClientOrderId="limit", stopClientOrderId="stop", stopStrategyId=4, stopStrategyType=1_000_000,
    )  # fmt: skip
    stop, limit = placed["orderReports"]
    assert (stop["clientOrderId"], stop["type"], stop["price"]) == (
        "stop",
        "STOP_LOSS_LIMIT",
        "44000.00000000",
    )
    assert (limit["clientOrderId"], limit["type"], limit["price"]) == (
        "limit",
        "LIMIT_MAKER",
        "60000.00000000",
    )
    assert stop["strategyId"] == 4
    buying = asker.ask(
        "orderList.place", **(OLD_OCO | {"side": "BUY", "price": "45000", "stopPrice": "60000"})
    )
    assert [one["type"] for one in buying["orderReports"]] == ["STOP_LOSS", "LIMIT_MAKER"]


def test_the_deprecated_requests_errors_have_its_own_names(asker: Asker) -> None:
    text = "Mandatory parameter 'stopLimitTimeInForce' was not sent, was empty/null, or malformed."
    assert asker.refused("orderList.place", **OLD_OCO, stopLimitPrice="44000") == (-1102, text)
    text = "Parameter 'stopLimitTimeInForce' sent when not required."
    assert asker.refused("orderList.place", **OLD_OCO, stopLimitTimeInForce="GTC") == (-1106, text)
    fine = OLD_OCO | {"price": "60000.123456789"}
    assert asker.refused("orderList.place", **fine) == (-1111, "Parameter 'price' has too much precision.")
    fine = OLD_OCO | {"stopPrice": "45000.123456789"}
    assert asker.refused("orderList.place", **fine) == (
        -1111,
        "Parameter 'stopPrice' has too much precision.",
    )


def test_names_of_legs_stand_in_errors(asker: Asker) -> None:
    text = "Parameter 'abovePrice' sent when not required."
    assert asker.refused("orderList.place.oco", **OCO, abovePrice="60000") == (-1106, text)
    pegged = OCO | {"belowPegPriceType": "MARKET_PEG"}
    assert asker.refused("orderList.place.oco", **pegged) == (-1013, NO_PEGS)
    low = OCO | {"belowStrategyType": "5"}
    assert asker.refused("orderList.place.oco", **low) == (-1134, "strategyType was less than 1000000.")


def test_a_list_is_cancelled_by_either_id(asker: Asker) -> None:
    placed = asker.ask("orderList.place.oco", **OCO, listClientOrderId="mine")
    cancel = "orderList.cancel"
    assert asker.refused(cancel, symbol="BTCUSDT")[0] == -1102
    assert asker.refused(cancel, symbol="BTCUSDT", listClientOrderId="other")[0] == -2011
    wrong = {"orderListId": placed["orderListId"], "listClientOrderId": "other"}
    assert asker.refused(cancel, symbol="BTCUSDT", **wrong)[0] == -2011
    gone = asker.ask(cancel, symbol="BTCUSDT", orderListId=placed["orderListId"], newClientOrderId="c")
    assert names(gone["orderReports"]) == ["c", "c"]
    assert gone["listStatusType"] == "ALL_DONE"
