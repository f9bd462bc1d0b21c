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
from tests.wire.test_orders import text

REPORT: dict[str, Any] = {
    "e": "executionReport", "E": 1795168861007, "s": "BTCUSDT", "c": "rt-cxl-1c0a5b", "S": "BUY", "o": "LIMIT",
    "f": "GTC", "q": "0.00200000", "p": "91250.00000000", "P": "0.00000000", "F": "0.00000000", "g": -1,
    "C": "rt-9f2c4e1a77b04d53", "x": "CANCELED", "X": "CANCELED", "r": "NONE", "i": 48211907734,
    "l": "0.00000000", "z": "0.00080000", "L": "0.00000000", "n": "0", "N": None, "T": 1795168861006, "t": -1,
    "I": 102883399870, "w": False, "m": False, "M": False, "O": 1795168799310, "Z": "73.00000000",
    "Y": "0.00000000", "Q": "0.00000000", "W": 1795168799310, "V": "EXPIRE_MAKER",
}  # fmt: skip
CONDITIONAL: dict[str, Any] = {
    "d": 4, "D": 1668680518494, "j": 1, "J": 1000000, "v": 3, "A": "3.000000", "B": "2.000000", "u": 1, "U": 37,
    "Cs": "BTCUSDT", "pl": "2.123456", "pL": "0.10000001", "pY": "0.21234562", "b": "ONE_PARTY_TRADE_REPORT",
    "a": 1234, "k": "SOR", "uS": True, "gP": "PRIMARY_PEG", "gOT": "PRICE_LEVEL", "gOV": 5,
    "gp": "1.00000000", "eR": "OCO_TRIGGER",
}  # fmt: skip
POSITION = {
    "e": "outboundAccountPosition",
    "E": 1795168800123,
    "u": 1795168800121,
    "B": [
        {"a": "BTC", "f": "0.00079920", "l": "0.00000000"},
        {"a": "USDT", "f": "817.50000000", "l": "109.50000000"},
    ],
}
UPDATE = {"e": "balanceUpdate", "E": 1795169000511, "a": "USDT", "d": "-250.00000000", "T": 1795169000498}
LIST = {
    "e": "listStatus", "E": 1795168902455, "s": "BTCUSDT", "g": 7731205, "c": "OCO", "l": "ALL_DONE",
    "L": "ALL_DONE", "r": "NONE", "C": "rt-oco-2b9d", "T": 1795168902454,
    "O": [{"s": "BTCUSDT", "i": 48211955002, "c": "rt-sl-77aa01"}],
}  # fmt: skip
LOCK = {"e": "externalLockUpdate", "E": 1795169100200, "a": "BTC", "d": "0.00050000", "T": 1795169100188}
TERMINATED = {"e": "eventStreamTerminated", "E": 1795169200000}
SHUTDOWN = {"e": "serverShutdown", "E": 1795169300000}

EVENTS = [
    (REPORT, ExecutionReport),
    ({**REPORT, **CONDITIONAL}, ExecutionReport),
    (POSITION, AccountPosition),
    (UPDATE, BalanceUpdate),
    (LIST, ListStatusUpdate),
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
