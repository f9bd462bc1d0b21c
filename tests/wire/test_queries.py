from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from fillwright.exchange.server.box import Box
from fillwright.exchange.server.operations import Call
from fillwright.wire import queries
from fillwright.wire.requests import WireRequest
from fillwright.wire.signing import query
from tests.wire.spelling import operation, over_rest, over_websocket

SIGNED = [
    (queries.account_status(), {"omitZeroBalances": True}),
    (queries.account_commission("BTCUSDT"), {"symbol": "BTCUSDT"}),
    (queries.order_counts(), {}),
    (queries.order_status("BTCUSDT", order_id=7), {"symbol": "BTCUSDT", "orderId": 7}),
    (
        queries.order_status("BTCUSDT", client_order_id="RT_a_1_E_1"),
        {"symbol": "BTCUSDT", "origClientOrderId": "RT_a_1_E_1"},
    ),
    (queries.open_orders("BTCUSDT"), {"symbol": "BTCUSDT"}),
    (queries.open_orders(), {}),
    (queries.all_orders("BTCUSDT", from_order_id=3), {"symbol": "BTCUSDT", "orderId": 3, "limit": 1_000}),
    (queries.order_list_status(order_list_id=4), {"orderListId": 4}),
    (queries.order_list_status(list_client_order_id="RT_a_1_L_1"), {"origClientOrderId": "RT_a_1_L_1"}),
    (queries.open_order_lists(), {}),
    (queries.my_trades("BTCUSDT"), {"symbol": "BTCUSDT", "limit": 1_000}),
    (
        queries.my_trades("BTCUSDT", order_id=7, from_id=9, limit=5),
        {"symbol": "BTCUSDT", "orderId": 7, "fromId": 9, "limit": 5},
    ),
]


@pytest.mark.parametrize(("sent", "values"), SIGNED)
def test_the_exchange_reads_what_was_asked(sent: WireRequest, values: dict[str, object]) -> None:
    assert sent.is_signed
    assert not sent.changes
    by_rest, by_websocket = over_rest(sent), over_websocket(sent)
    assert by_rest.values == by_websocket.values == values
    weight = operation(sent).weight
    box = cast(Box, SimpleNamespace())
    assert sent.weight == (
        weight if isinstance(weight, int) else weight(Call(box, operation(sent), values, 0))
    )


@pytest.mark.parametrize(
    "sent",
    [
        queries.ping(),
        queries.server_time(),
        queries.exchange_information(),
        queries.exchange_information(["A"]),
    ],
)
def test_what_is_public_is_served_unsigned(sent: WireRequest) -> None:
    found = operation(sent)
    assert not sent.is_signed
    assert not found.is_signed
    assert found.weight == sent.weight


def test_symbols_are_a_list_of_names() -> None:
    sent = queries.exchange_information(["BTCUSDT", "ETHUSDT"])
    assert sent.parameters == (("symbols", ("BTCUSDT", "ETHUSDT")),)
    assert query(sent.parameters) == "symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D"


def test_the_rights_of_a_key_are_asked_over_rest_alone() -> None:
    sent = queries.key_rights()
    assert sent.method == ""
    assert sent.rest == ("GET", "/sapi/v1/account/apiRestrictions")


def test_something_must_be_named() -> None:
    with pytest.raises(ValueError, match="neither orderId"):
        queries.order_status("BTCUSDT")
    with pytest.raises(ValueError, match="one of orderListId"):
        queries.order_list_status()
    with pytest.raises(ValueError, match="one of orderListId"):
        queries.order_list_status(order_list_id=1, list_client_order_id="a")
