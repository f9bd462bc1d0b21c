from __future__ import annotations

import json
from typing import Any

import pytest

from fillwright.binance.outcomes import (
    Answered,
    Outcome,
    Refused,
    Unknown,
    Unsent,
    from_http,
    from_reply,
    read,
)
from fillwright.core.types import ErrorClass
from fillwright.wire.answers import CancelReplaceReply, decode_reply
from fillwright.wire.orders import decode_order_list
from tests.exchange.server.boxes import START


def told(status: int, body: Any, retry_after: str | None = None) -> Outcome:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return from_http(status, text, retry_after, START)


def error(code: int, **more: Any) -> dict[str, Any]:
    return {"code": code, "msg": "The message.", **more}


# -- REST ----------------------------------------------------------------------------------------------------------


def test_an_answer_is_kept_as_it_came() -> None:
    assert told(200, b'{"a": 1}') == Answered(b'{"a": 1}', START)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, -2010, ErrorClass.PERMANENT),
        (400, -9999, ErrorClass.PERMANENT),
        (401, -2015, ErrorClass.PERMANENT),
        (400, -1021, ErrorClass.CLOCK),
        (429, -1003, ErrorClass.RATE),
        (429, -1015, ErrorClass.RATE),
        (400, -1112, ErrorClass.RETRYABLE),
    ],
)
def test_a_refusal_has_its_class(status: int, code: int, kind: ErrorClass) -> None:
    assert told(status, error(code)) == Refused(code, "The message.", status, kind)


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, -1000), (400, -1001), (400, -1006), (408, -1007), (503, -1008), (500, -2010), (502, -1003)],
)
def test_what_may_have_been_executed_is_unknown(status: int, code: int) -> None:
    outcome = told(status, error(code))
    assert isinstance(outcome, Unknown)
    assert (outcome.code, outcome.http_status) == (code, status)
    assert "The message." in outcome.why


HTML = b"<html><body>nginx</body></html>"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, ErrorClass.RATE),
        (404, ErrorClass.PERMANENT),
        (410, ErrorClass.PERMANENT),
        (418, ErrorClass.RATE),
        (429, ErrorClass.RATE),
        (451, ErrorClass.PERMANENT),
    ],
)
def test_what_stands_before_the_exchange_refuses_without_a_code(status: int, kind: ErrorClass) -> None:
    outcome = told(status, HTML, "30")
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.error_class, outcome.retry_after_ms) == (None, kind, 30_000)
    assert str(status) in outcome.message
    assert "html" not in outcome.message
    assert outcome.error.code == status


@pytest.mark.parametrize("status", [302, 400, 408, 409, 500, 503])
def test_an_unreadable_answer_is_unknown(status: int) -> None:
    outcome = told(status, HTML)
    assert isinstance(outcome, Unknown)
    assert (outcome.code, outcome.http_status) == (None, status)


@pytest.mark.parametrize(("header", "wait_ms"), [("7", 7_000), (None, 0), ("soon", 0), ("-1", 0)])
def test_the_wait_is_read_from_the_header(header: str | None, wait_ms: int) -> None:
    outcome = told(429, error(-1003), header)
    assert isinstance(outcome, Refused)
    assert outcome.retry_after_ms == wait_ms


# -- cancelReplace -------------------------------------------------------------------------------------------------

CANCELLED = {
    "symbol": "BTCUSDT", "orderId": 1, "clientOrderId": "c", "origClientOrderId": "o", "price": "1",
    "origQty": "1", "executedQty": "0", "cummulativeQuoteQty": "0", "status": "CANCELED", "type": "LIMIT",
    "side": "SELL",
}  # fmt: skip


def half_failed(code: int) -> dict[str, Any]:
    return error(
        -2021,
        data={
            "cancelResult": "SUCCESS",
            "newOrderResult": "FAILURE",
            "cancelResponse": CANCELLED,
            "newOrderResponse": {"code": code, "msg": "Half."},
        },
    )


def test_halves_are_kept_with_a_refusal() -> None:
    outcome = told(409, half_failed(-2010))
    assert isinstance(outcome, Refused)
    assert isinstance(outcome.data, CancelReplaceReply)
    assert outcome.error.data is outcome.data


@pytest.mark.parametrize("data", [{"serverTime": 1, "retryAfter": "soon"}, ["x"], "x", {"retryAfter": 1.5}])
def test_a_ban_whose_data_cannot_be_read_is_a_ban(data: Any) -> None:
    reply = {"id": 1, "status": 418, "error": error(-1003, data=data)}
    outcome = from_reply(decode_reply(json.dumps(reply).encode()), START)
    assert isinstance(outcome, Refused)
    assert (outcome.error_class, outcome.http_status) == (ErrorClass.RATE, 418)


def test_a_replacement_whose_halves_cannot_be_read_is_unknown() -> None:
    odd = {"cancelResult": "SUCCESS", "newOrderResult": "FAILURE", "cancelResponse": {"orderId": "?"}}
    assert isinstance(told(409, error(-2021, data=odd)), Unknown)


def test_half_a_replacement_that_does_not_say_which_half_is_unknown() -> None:
    assert isinstance(told(409, error(-2021)), Unknown)


def test_a_half_that_nobody_knows_makes_the_whole_unknown() -> None:
    assert isinstance(told(409, half_failed(-1007)), Unknown)


# -- the WebSocket API ---------------------------------------------------------------------------------------------


def replied(**fields: Any) -> Outcome:
    return from_reply(decode_reply(json.dumps({"id": 1, **fields}).encode()), START)


def test_a_reply_is_judged_like_an_answer() -> None:
    answered = replied(status=200, result={"a": 1})
    assert isinstance(answered, Answered)
    assert bytes(answered.result) == b'{"a": 1}'
    assert replied(status=400, error=error(-2011)) == Refused(
        -2011, "The message.", 400, ErrorClass.PERMANENT
    )
    assert isinstance(replied(status=504, error=error(-1007)), Unknown)


def test_a_reply_names_the_time_from_which_requests_are_served() -> None:
    outcome = replied(
        status=418,
        error=error(-1003, data={"serverTime": START // 1000, "retryAfter": START // 1000 + 4_500}),
    )
    assert isinstance(outcome, Refused)
    assert outcome.retry_after_ms == 4_500


# -- reading -------------------------------------------------------------------------------------------------------


def test_an_answer_that_is_not_what_it_should_be_is_unknown() -> None:
    outcome = read(Answered(b'{"symbol": "BTCUSDT"}', START), decode_order_list)
    assert isinstance(outcome, Unknown)
    assert "not an order list" in outcome.why


def test_what_is_no_answer_stays_what_it_is() -> None:
    for outcome in (Unsent("no connection"), Unknown("lost"), Refused(-1, "", 400, ErrorClass.PERMANENT)):
        assert read(outcome, decode_order_list) is outcome
