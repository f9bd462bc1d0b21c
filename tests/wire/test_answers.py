from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.wire.answers import (
    AmendReply,
    CancelReplaceReply,
    ErrorBody,
    PartError,
    RateLimitCount,
    Reply,
    RetryTimes,
    decode_amend,
    decode_cancel_replace,
    decode_error,
    decode_rate_limits,
    decode_reply,
)
from fillwright.wire.codec import WireError, encode
from fillwright.wire.orders import CancelReply, OrderList, OrderResponse, decode_order
from tests.wire.messages import messages
from tests.wire.samples import (
    AMENDED,
    CANCEL,
    COUNT,
    LIST,
    NO_FUNDS,
    RESULT,
    UNKNOWN_ORDER,
    VIEW,
    replaced,
    text,
)


def test_both_halves_of_a_cancel_replace_are_read() -> None:
    body = replaced(CANCEL, {**RESULT, "fills": []})
    reply = decode_cancel_replace(text(body))
    assert isinstance(reply.cancel_response, CancelReply)
    assert isinstance(reply.new_order_response, OrderResponse)
    assert json.loads(encode(reply)) == body
    leg = decode_cancel_replace(text(replaced({**LIST, "orderReports": [CANCEL]}, RESULT)))
    assert isinstance(leg.cancel_response, OrderList)


@pytest.mark.parametrize(
    ("code", "data", "kinds"),
    [
        (
            -2022,
            replaced(UNKNOWN_ORDER, None, "FAILURE", "NOT_ATTEMPTED"),
            (PartError, type(None)),
        ),
        (-2021, replaced(CANCEL, NO_FUNDS, "SUCCESS", "FAILURE"), (CancelReply, PartError)),
        (-2021, replaced(UNKNOWN_ORDER, RESULT, "FAILURE", "SUCCESS"), (PartError, OrderResponse)),
        (-2022, replaced(UNKNOWN_ORDER, NO_FUNDS, "FAILURE", "FAILURE"), (PartError, PartError)),
    ],
)
def test_errors_of_a_cancel_replace_carry_its_halves(
    code: int, data: dict[str, Any], kinds: tuple[type, type]
) -> None:
    body = {"code": code, "msg": "Order cancel-replace failed.", "data": data}
    error = decode_error(text(body))
    assert isinstance(error.data, CancelReplaceReply)
    assert (type(error.data.cancel_response), type(error.data.new_order_response)) == kinds
    assert json.loads(encode(error)) == body


def test_errors_are_read_with_times_without_data_and_with_data_of_no_known_kind() -> None:
    body: dict[str, Any] = {"code": -1121, "msg": "Invalid symbol."}
    assert decode_error(text(body)) == ErrorBody(code=-1121, message="Invalid symbol.")
    assert decode_error(text({**body, "data": {"news": 1}})).data is None
    assert decode_error(text({**body, "data": None})).data is None
    times = {**body, "data": {"serverTime": 1659146426000, "retryAfter": 1659146427500}}
    error = decode_error(text(times))
    assert error.data == RetryTimes(server_time=1659146426000, retry_after=1659146427500)
    assert json.loads(encode(error)) == times


def test_an_amendment_is_read_under_its_own_names() -> None:
    reply = decode_amend(text(AMENDED))
    order = reply.amended_order
    assert order.amended_quantity == 5
    assert order.quantity is None
    assert reply.list_status is not None
    assert reply.list_status.list_status_type is None
    assert json.loads(encode(reply)) == AMENDED


def test_an_amendment_is_read_under_a_querys_names_as_well() -> None:
    body = {"transactTime": 1, "executionId": 2, "amendedOrder": VIEW}
    reply = decode_amend(text(body))
    assert str(reply.amended_order.quantity) == VIEW["origQty"]
    assert reply.amended_order.amended_quantity is None
    assert json.loads(encode(reply)) == body


def test_a_reply_keeps_its_result_for_the_method_that_was_asked() -> None:
    body = {"id": "u1", "status": 200, "result": VIEW, "rateLimits": [COUNT]}
    reply = decode_reply(text(body))
    assert (reply.id, reply.status, reply.error) == ("u1", 200, None)
    assert decode_order(reply.result) == decode_order(text(VIEW))
    assert reply.rate_limits == decode_rate_limits(text([COUNT]))
    assert json.loads(encode(reply)) == body


@pytest.mark.parametrize("request_id", [7, "7", None])
def test_a_reply_keeps_its_id_as_it_was(request_id: object) -> None:
    body = {"id": request_id, "status": 400, "error": NO_FUNDS}
    reply = decode_reply(text(body))
    assert reply.error == ErrorBody(code=-2010, message=NO_FUNDS["msg"])
    assert reply.rate_limits is None
    assert bytes(reply.result) == b""
    assert json.loads(encode(reply)) == body


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"event": {"e": "serverShutdown", "E": 1}}, "`id`"),
        ({"id": 1, "result": {}}, "`status`"),
        ({"id": 1, "status": 503}, "status 503 without an error"),
        ({"id": 1, "status": 400, "error": {"msg": "x"}}, "not an error body: .*`code`"),
        ({"id": 1, "status": 200, "rateLimits": [{}]}, "rateLimits"),
    ],
)
def test_what_is_no_reply_is_refused(body: Any, why: str) -> None:
    with pytest.raises(WireError, match=why):
        decode_reply(text(body))


def test_what_is_something_else_is_refused() -> None:
    with pytest.raises(WireError, match="not a cancelReplace answer"):
        decode_cancel_replace(text(RESULT))
    with pytest.raises(WireError, match="not an answer to a cancel"):
        decode_cancel_replace(text(replaced({"symbol": "X"}, None)))
    with pytest.raises(WireError, match="a half of a cancelReplace answer"):
        decode_cancel_replace(text(replaced([], None)))
    with pytest.raises(WireError, match="not an answer to an amendment"):
        decode_amend(text(VIEW))
    with pytest.raises(WireError, match="not an error body"):
        decode_error(b"<html><head><title>410 Gone</title></head></html>")
    with pytest.raises(WireError, match="not rate limits"):
        decode_rate_limits(text(COUNT))


@given(messages(AmendReply))
def test_any_amendment_comes_back(reply: AmendReply) -> None:
    assert decode_amend(encode(reply)) == reply


@given(messages(CancelReplaceReply))
def test_any_cancel_replace_comes_back(reply: CancelReplaceReply) -> None:
    assert decode_cancel_replace(encode(reply)) == reply


@given(messages(ErrorBody))
def test_any_error_comes_back(error: ErrorBody) -> None:
    assert decode_error(encode(error)) == error


@given(messages(Reply), st.integers(min_value=100, max_value=399))
def test_any_reply_comes_back(reply: Reply, status: int) -> None:
    if reply.error is None:
        reply = Reply(id=reply.id, status=status, result=reply.result, rate_limits=reply.rate_limits)
    back = decode_reply(encode(reply))
    assert bytes(back.result) == bytes(reply.result)
    assert (back.id, back.status, back.error, back.rate_limits) == (
        reply.id,
        reply.status,
        reply.error,
        reply.rate_limits,
    )


@given(st.lists(messages(RateLimitCount), max_size=3))
def test_any_counts_come_back(counts: list[RateLimitCount]) -> None:
    assert decode_rate_limits(encode(counts)) == tuple(counts)
