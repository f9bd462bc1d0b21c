"""How requests end, in the core's words: answered, refused, unknown, never sent."""

from __future__ import annotations

import pytest

from fillwright.binance.outcomes import Answered, Outcome, Refused, Unknown, Unsent, from_http
from fillwright.core.inputs import OrderReport, RequestFailed
from fillwright.core.requests import (
    AmendRequest,
    CancelListRequest,
    CancelOpenOrdersRequest,
    CancelReplaceRequest,
    CancelRequest,
    Request,
)
from fillwright.core.types import CancelReplaceMode, ErrorClass
from fillwright.venues.binance_answers import from_outcome
from fillwright.wire.answers import RetryTimes
from tests.exchange.builders import BUY, SYMBOL, D, an_opoco, limit

NOW = 1_795_168_800_000_000
ORDER = limit(BUY, "1", "90", "l")
CANCEL = CancelRequest(symbol=SYMBOL, orig_client_order_id="l")
REQUESTS: list[Request] = [
    ORDER,
    an_opoco(),
    CANCEL,
    CancelListRequest(symbol=SYMBOL, list_client_order_id="x"),
    CancelOpenOrdersRequest(symbol=SYMBOL),
    CancelReplaceRequest(mode=CancelReplaceMode.STOP_ON_FAILURE, cancel=CANCEL, order=ORDER),
    AmendRequest(symbol=SYMBOL, new_quantity=D("0.5"), orig_client_order_id="l"),
]
RESPONSE = (
    b'{"symbol":"BTCUSDT","orderId":7,"orderListId":-1,"clientOrderId":"l","transactTime":1795168800001,'
    b'"price":"90","origQty":"1","executedQty":"0","origQuoteOrderQty":"0","cummulativeQuoteQty":"0",'
    b'"status":"NEW","timeInForce":"GTC","type":"LIMIT","side":"BUY","workingTime":1795168800001,'
    b'"selfTradePreventionMode":"NONE","fills":[]}'
)


def failed(outcome: Outcome, request: Request = ORDER) -> RequestFailed:
    (told,) = from_outcome(request, outcome)
    assert isinstance(told, RequestFailed)
    assert told.request is request
    return told


def test_an_answer_is_a_report() -> None:
    (report,) = from_outcome(ORDER, Answered(RESPONSE, NOW))
    assert isinstance(report, OrderReport)
    assert (report.client_order_id, report.order_id, report.source) == ("l", 7, "response")


def test_an_acknowledgement_tells_nothing() -> None:
    body = b'{"symbol":"BTCUSDT","orderId":7,"orderListId":-1,"clientOrderId":"l","transactTime":1}'
    assert list(from_outcome(ORDER, Answered(body, NOW))) == []


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'"x"', b"<html>", b'[{"a":1}]'])
def test_an_answer_that_cannot_be_read_is_unknown(request_: Request, body: bytes) -> None:
    told = failed(Answered(body, NOW), request_)
    assert told.error_class is ErrorClass.UNKNOWN
    assert told.message.startswith("an unreadable answer")


def test_a_word_that_is_not_known_is_unknown() -> None:
    told = failed(Answered(RESPONSE.replace(b'"NEW"', b'"ASLEEP"'), NOW))
    assert told.error_class is ErrorClass.UNKNOWN
    assert "ASLEEP" in told.message


def test_a_refusal_keeps_code_class_and_wait() -> None:
    told = failed(Refused(-1003, "Too much.", 429, ErrorClass.RATE, 2_000))
    assert (told.code, told.message, told.error_class) == (-1003, "Too much.", ErrorClass.RATE)
    assert told.retry_after_ms == 2_000


def test_half_a_replacement_tells_what_the_cancelled_order_had_executed() -> None:
    cancelled = (
        b'{"symbol":"BTCUSDT","origClientOrderId":"l","orderId":7,"orderListId":-1,"clientOrderId":"c",'
        b'"transactTime":1795168800001,"price":"90","origQty":"1","executedQty":"0.25",'
        b'"origQuoteOrderQty":"0","cummulativeQuoteQty":"22.5","status":"CANCELED","timeInForce":"GTC",'
        b'"type":"LIMIT","side":"BUY","selfTradePreventionMode":"NONE"}'
    )
    body = (
        b'{"code":-2021,"msg":"Order cancel-replace partially failed.","data":{"cancelResult":"SUCCESS",'
        b'"newOrderResult":"FAILURE","cancelResponse":%s,'
        b'"newOrderResponse":{"code":-2010,"msg":"Order would trigger immediately."}}}'
    )
    request = REQUESTS[5]
    report, told = from_outcome(request, from_http(409, body % cancelled, None, NOW))
    assert isinstance(report, OrderReport)
    assert (report.client_order_id, report.status, report.executed_quantity) == ("l", "CANCELED", D("0.25"))
    assert isinstance(told, RequestFailed)
    assert (told.code, told.cancel_done) == (-2021, True)
    strange = from_http(409, body % cancelled.replace(b"CANCELED", b"RETIRED"), None, NOW)
    (told,) = from_outcome(request, strange)
    assert isinstance(told, RequestFailed)
    assert told.cancel_done


def test_the_longer_wait_counts() -> None:
    times = RetryTimes(server_time=1795168800000, retry_after=1795168805000)
    assert failed(Refused(-1003, "", 429, ErrorClass.RATE, 1_000, times)).retry_after_ms == 5_000


def test_a_refusal_without_a_body_of_binances_has_the_status_for_a_code() -> None:
    told = failed(Refused(None, "the firewall refuses", 403, ErrorClass.RATE))
    assert (told.code, told.error_class) == (403, ErrorClass.RATE)


def test_what_nobody_can_say_is_unknown() -> None:
    assert failed(Unknown("no answer")).code == 0
    told = failed(Unknown("Timeout (-1007)", -1007, 408))
    assert (told.code, told.error_class, told.message) == (-1007, ErrorClass.UNKNOWN, "Timeout (-1007)")


def test_what_was_never_sent_may_be_sent_again() -> None:
    told = failed(Unsent("no session"))
    assert (told.error_class, told.code) == (ErrorClass.RETRYABLE, 0)
    assert told.message == "not sent: no session"
    told = failed(Unsent("too much", ErrorClass.RATE, 700))
    assert (told.error_class, told.retry_after_ms) == (ErrorClass.RATE, 700)
    told = failed(Unsent("too much", ErrorClass.RATE, 700, http_status=429))
    assert told.code == 0


def test_what_was_not_sent_for_a_ban_has_the_bans_status_for_a_code() -> None:
    """So that the core halts, whoever met the ban first: reads do, placing weighs nothing."""
    told = failed(Unsent("IP banned", ErrorClass.RATE, 700, http_status=418))
    assert (told.code, told.error_class, told.message) == (418, ErrorClass.RATE, "not sent: IP banned")
