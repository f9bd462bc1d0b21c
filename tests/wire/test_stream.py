from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.wire.codec import WireError, encode
from fillwright.wire.stream import (
    AccountPosition,
    BalanceUpdate,
    EventStreamTerminated,
    ExecutionReport,
    ExternalLockUpdate,
    KnownEvent,
    ListStatusUpdate,
    ServerShutdown,
    UnknownEvent,
    decode_event,
    decode_frame,
    wrapped,
)
from tests.wire.messages import messages
from tests.wire.samples import (
    CONDITIONAL,
    LIST_STATUS,
    LOCK,
    POSITION,
    REPORT,
    SHUTDOWN,
    TERMINATED,
    UPDATE,
    text,
)

EVENTS = [
    (REPORT, ExecutionReport),
    ({**REPORT, **CONDITIONAL}, ExecutionReport),
    (POSITION, AccountPosition),
    (UPDATE, BalanceUpdate),
    (LIST_STATUS, ListStatusUpdate),
    (LOCK, ExternalLockUpdate),
    (TERMINATED, EventStreamTerminated),
    (SHUTDOWN, ServerShutdown),
]


@pytest.mark.parametrize(("body", "kind"), EVENTS)
def test_events_are_read_bare_and_wrapped_without_loss(body: dict[str, Any], kind: type) -> None:
    event = decode_event(text(body))
    assert type(event) is kind
    assert not isinstance(event, UnknownEvent)
    assert json.loads(encode(event)) == body
    assert decode_frame(text(body)).event == event

    frame = {"subscriptionId": 65535, "event": body}
    found = decode_frame(text(frame))
    assert (found.event, found.subscription_id) == (event, 65535)
    assert json.loads(encode(wrapped(event, 65535))) == frame
    assert decode_frame(text({"event": body})).subscription_id is None
    assert decode_frame(text({"stream": "key", "data": body})).event == event


def test_letters_are_told_apart_by_case() -> None:
    report = decode_event(text({**REPORT, **CONDITIONAL}))
    assert isinstance(report, ExecutionReport)
    assert (report.client_order_id, report.orig_client_order_id) == ("rt-cxl-1c0a5b", "rt-9f2c4e1a77b04d53")
    assert (report.executed_quantity, report.executed_quote) == (Decimal("0.0008"), 73)
    assert (report.prevented_execution_quantity, report.prevented_execution_price) == (
        Decimal("2.123456"),
        Decimal("0.10000001"),
    )
    assert (report.peg_price_type, report.pegged_price) == ("PRIMARY_PEG", 1)
    assert (report.trade_group_id, report.counter_order_id, report.used_sor) == (1, 37, True)
    assert (report.trailing_delta, report.trailing_time) == (4, 1668680518494)
    assert (report.prevented_match_id, report.stp) == (3, "EXPIRE_MAKER")
    assert (report.working_time, report.is_working) == (1795168799310, False)
    assert report.expiry_reason == "OCO_TRIGGER"


def test_an_event_that_is_not_known_is_kept_as_it_came() -> None:
    body = text({"e": "listenKeyExpired", "E": 1, "listenKey": "x"})
    assert decode_event(body) == UnknownEvent(name="listenKeyExpired", body=body)
    assert decode_frame(b'{"subscriptionId":1,"event":' + body + b"}").event == decode_event(body)
    strange = b'{"e":"news","E":"tomorrow","price":NaN}'
    with pytest.raises(WireError):
        decode_event(strange)


@pytest.mark.parametrize("name", sorted(set(REPORT) - {"M", "W", "V"}))
def test_a_report_without_what_it_must_have_is_refused(name: str) -> None:
    body = {letter: value for letter, value in REPORT.items() if letter != name}
    with pytest.raises(WireError, match=f"not an event of the user data stream: .*`{name}`"):
        decode_event(text(body))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"[]",
        b"null",
        b'{"id":1,"status":200,"result":{"subscriptionId":0}}',
        b'{"subscriptionId":0,"event":null}',
        b'{"subscriptionId":0,"event":{"e":7}}',
        b'{"subscriptionId":"0","event":{"e":"serverShutdown","E":1}}',
        text({**REPORT, "q": "NaN"}),
        text({**REPORT, "w": "true"}),
        text({**POSITION, "B": [{"a": "BTC", "f": "1e400", "l": "0"}]}),
    ],
)
def test_what_is_no_event_is_refused(frame: bytes) -> None:
    with pytest.raises(WireError, match="not an event of the user data stream"):
        decode_frame(frame)


@given(st.one_of([messages(kind) for kind in get_args(KnownEvent)]), st.integers(0, 65535))
def test_any_event_comes_back(event: KnownEvent, subscription_id: int) -> None:
    assert decode_event(encode(event)) == event
    frame = decode_frame(encode(wrapped(event, subscription_id)))
    assert (frame.event, frame.subscription_id) == (event, subscription_id)
    assert encode(decode_event(encode(event))) == encode(event)
