"""Every recorded payload of orders, accounts and user data events is read and written again without loss."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fillwright.wire import accounts, answers, orders, stream
from fillwright.wire.codec import WireError, encode
from tests.wire.messages import differences
from tests.wire.recordings import Recording, kind_of, recordings

DECODERS: dict[str, Callable[[bytes], Any]] = {
    "account": accounts.decode_account,
    "account commission": accounts.decode_account_commission,
    "amendment": answers.decode_amend,
    "cancel": orders.decode_cancel,
    "cancelReplace": answers.decode_cancel_replace,
    "cancels": orders.decode_cancels,
    "error": answers.decode_error,
    "frame": stream.decode_frame,
    "order": orders.decode_order,
    "order commission": accounts.decode_order_commission,
    "order list": orders.decode_order_list,
    "order lists": orders.decode_order_lists,
    "order response": orders.decode_order_response,
    "orders": orders.decode_orders,
    "orders of another shape": orders.decode_orders,
    "prevented matches": orders.decode_prevented_matches,
    "rate limits": answers.decode_rate_limits,
    "reply": answers.decode_reply,
    "trades": accounts.decode_trades,
}

RECORDED = {
    "account": 6,
    "account commission": 1,
    "amendment": 2,
    "cancel": 8,
    "cancelReplace": 2,
    "cancels": 3,
    "error": 5,
    "frame": 17,
    "order": 9,
    "order commission": 2,
    "order list": 15,
    "order lists": 6,
    "order response": 9,
    "orders": 19,
    "orders of another shape": 1,
    "prevented matches": 2,
    "rate limits": 4,
    "reply": 31,
    "trades": 5,
}
"""How many payloads of each kind the fixtures hold."""

NOT_READ = {
    "spot_test_payloads.jsonl:48": "margin: orderId is text there",
    "spot_test_payloads.jsonl:51": "margin: six fields of an order, without side, status or type",
    "Endpoints/Spot/Trading/CancelMarginOrder.txt 0": "margin: orderId is text there",
    "Endpoints/Spot/Trading/PlaceMarginOrder.txt 0": "margin: fills without tradeId",
}
"""Recordings that are refused, and why."""

NOT_OURS = {
    "isIsolated": "margin: which of the margin accounts",
    "marginBuyBorrowAmount": "margin: what was borrowed",
    "marginBuyBorrowAsset": "margin: what was borrowed",
}
"""Fields of recordings that are passed over, and why."""


def written(recording: Recording) -> tuple[Any, Any]:
    """Give a recording's message as it was, and as it is after reading and writing it."""
    body = recording.body
    message = DECODERS[recording.kind](json.dumps(body).encode())
    if recording.kind != "frame":
        return body, json.loads(encode(message))
    assert not isinstance(message.event, stream.UnknownEvent)
    if message.subscription_id is not None:
        return body, json.loads(encode(stream.wrapped(message.event, message.subscription_id)))
    return body.get("data", body), json.loads(encode(message.event))


def test_every_recorded_message_is_read_and_written_without_loss(shared_data: Path) -> None:
    counts: Counter[str] = Counter()
    refused: set[str] = set()
    passed_over: set[str] = set()
    for recording in recordings(shared_data / "fixtures"):
        counts[recording.kind] += 1
        if recording.place in NOT_READ:
            refused.add(recording.place)
            with pytest.raises(WireError):
                written(recording)
            continue
        for field, what in differences(*written(recording)):
            assert field in NOT_OURS, f"{recording.place} ({recording.kind}): {what}"
            passed_over.add(field)
    assert dict(counts) == RECORDED
    assert refused == set(NOT_READ)
    assert passed_over == set(NOT_OURS)


def test_recorded_market_messages_are_no_orders() -> None:
    for body in (
        [{"symbol": "BTCUSDT", "price": "1", "id": 1, "time": 1, "isBuyerMaker": True}],
        {"e": "trade", "E": 1, "s": "BTCUSDT"},
        {"code": 0, "msg": "OK", "success": True},
        [],
        None,
    ):
        assert kind_of(body) == ""


SAMPLES: dict[str, Any] = {
    "order response": {
        "symbol": "BTCUSDT",
        "orderId": 48211907734,
        "orderListId": -1,
        "clientOrderId": "RT_a1_7_E_1",
        "transactTime": 1795168799310,
        "price": "91250.00000000",
        "origQty": "0.00200000",
        "executedQty": "0.00080000",
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": "73.00000000",
        "status": "EXPIRED",
        "timeInForce": "IOC",
        "type": "LIMIT",
        "side": "BUY",
        "workingTime": -1,
        "fills": [
            {
                "price": "91250.00000000",
                "qty": "0.00080000",
                "commission": "0.00000080",
                "commissionAsset": "BTC",
                "tradeId": 5719923311,
            }
        ],
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "expiryReason": "UNFILLED_IOC_QUANTITY_EXPIRED",
    },
    "frame": {
        "subscriptionId": 3,
        "event": {
            "e": "externalLockUpdate",
            "E": 1795169100200,
            "a": "BTC",
            "d": "-0.00050000",
            "T": 1795169100188,
        },
    },
    "reply": {
        "id": None,
        "status": 401,
        "error": {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."},
        "rateLimits": [],
    },
    "cancels": [
        {
            "symbol": "BTCUSDT",
            "origClientOrderId": "RT_a1_7_E_1",
            "orderId": 11,
            "orderListId": -1,
            "clientOrderId": "cancel-1",
            "transactTime": 1684804350068,
            "price": "0.089853",
            "origQty": "0.178622",
            "executedQty": "0.000000",
            "cummulativeQuoteQty": "0.000000",
            "status": "CANCELED",
            "timeInForce": "GTC",
            "type": "LIMIT",
            "side": "BUY",
        }
    ],
}


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_messages_as_documented_are_found_by_shape_and_lose_nothing(kind: str) -> None:
    sample = Recording("sample", kind, SAMPLES[kind])
    assert kind_of(sample.body) == kind
    assert list(differences(*written(sample))) == []


def test_a_lost_field_and_a_lost_digit_are_told() -> None:
    recorded = {"a": [{"price": "1.10", "x": 1}], "b": True}
    assert [what for _, what in differences(recorded, {"a": [{"price": "1.1"}], "b": 1, "c": 0})] == [
        "$.a[0].price: '1.10' became '1.1'",
        "$.a[0].x: 1 is lost",
        "$.b: True became 1",
        "$.c: 0 is invented",
    ]
