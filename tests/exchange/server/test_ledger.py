from __future__ import annotations

from typing import Any

import pytest

from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.fault_plan import CallFault, EventFate, StreamEventFault
from fillwright.exchange.server.ledger import ENTRIES_MAX, Ledger, own_id
from fillwright.exchange.server.operations import Call, Operation
from fillwright.exchange.server.security import Security
from tests.exchange.server.boxes import START, frozen_box

BOX = frozen_box()
PLACE = Operation("order.place", "POST", "/api/v3/order", Security.TRADE, (), lambda _: {})


def call(**parameters: Any) -> Call:
    made = Call(BOX, PLACE, parameters, START)
    made.account_id = "main"
    return made


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"newClientOrderId": "a", "origClientOrderId": "b"}, "a"),
        ({"listClientOrderId": "l"}, "l"),
        ({"origClientOrderId": "b"}, "b"),
        ({"cancelOrigClientOrderId": "c"}, "c"),
        ({"newClientOrderId": ""}, ""),
        ({}, ""),
    ],
)
def test_a_request_is_known_by_the_id_it_brings(parameters: dict[str, str], expected: str) -> None:
    assert own_id(call(**parameters)) == expected


def test_an_entry_says_what_was_told_and_whether_it_was_done() -> None:
    ledger = Ledger()
    fault = CallFault(outcome=Outcome.MASKED, number=7)
    ledger.faulted(call(symbol="BTCUSDT", newClientOrderId="a"), 504, -1007, fault)
    ledger.faulted(call(symbol="BTCUSDT"), 0, None, CallFault(outcome=Outcome.LOST))
    first, second = ledger.entries
    assert (first.fault, first.outcome, first.is_executed, first.status, first.code) == (
        7,
        "masked",
        True,
        504,
        -1007,
    )
    assert (first.account_id, first.symbol, first.client_order_id) == ("main", "BTCUSDT", "a")
    assert (second.is_executed, second.status) == (False, 0)
    assert ledger.counts == {"masked": 1, "lost": 1}


def test_events_are_noted_beside_requests() -> None:
    ledger = Ledger()
    fault = StreamEventFault(outcome=EventFate.DROPPED, number=4)
    ledger.event_faulted("executionReport", "main", START, fault)
    (entry,) = ledger.entries
    assert (entry.operation, entry.account_id, entry.fault, entry.outcome) == (
        "executionReport",
        "main",
        4,
        "dropped",
    )
    assert ledger.counts == {"dropped": 1}


def test_old_entries_make_room_and_stay_counted() -> None:
    ledger = Ledger()
    fault = CallFault(outcome=Outcome.LOST)
    for number in range(ENTRIES_MAX + 5):
        ledger.faulted(call(newClientOrderId=str(number)), 0, None, fault)
    assert len(ledger.entries) == ENTRIES_MAX
    assert ledger.entries[0].client_order_id == "5"
    assert ledger.counts == {"lost": ENTRIES_MAX + 5}
