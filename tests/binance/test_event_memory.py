from __future__ import annotations

from typing import Any

import pytest

from fillwright.binance.event_memory import REMEMBERED_MAX, EventMemory
from fillwright.wire.stream import KnownEvent, UnknownEvent, decode_event
from tests.wire.samples import LIST_STATUS, LOCK, POSITION, REPORT, UPDATE, text

OLD, NEW, NEXT = "old", "new", "next"


def event(body: dict[str, Any], **changes: Any) -> KnownEvent | UnknownEvent:
    return decode_event(text(body | changes))


@pytest.mark.parametrize(
    "body",
    [REPORT, POSITION, UPDATE, LIST_STATUS, LOCK, {"e": "brandNew", "x": 1}],
    ids=lambda body: body["e"],
)
def test_what_two_connections_tell_is_told_once(body: dict[str, Any]) -> None:
    memory = EventMemory()

    assert memory.is_new(OLD, event(body))
    assert not memory.is_new(NEW, event(body))


def test_when_it_was_sent_makes_no_difference() -> None:
    memory = EventMemory()

    assert memory.is_new(OLD, event(REPORT, E=1))
    assert not memory.is_new(NEW, event(REPORT, E=2))


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        (REPORT, {"I": 7}),
        (REPORT, {"i": 7}),
        (REPORT, {"s": "ETHUSDT"}),
        (POSITION, {"B": []}),
        (POSITION, {"u": 7}),
        (UPDATE, {"d": "1.0"}),
        (UPDATE, {"T": 7}),
        (LIST_STATUS, {"l": "ALL_DONE", "T": 9}),
        (LOCK, {"T": 7}),
    ],
)
def test_another_event_is_told(body: dict[str, Any], changes: dict[str, Any]) -> None:
    memory = EventMemory()
    memory.is_new(OLD, event(body))

    assert memory.is_new(NEW, event(body, **changes))


def test_what_one_connection_says_twice_is_not_judged() -> None:
    memory = EventMemory()

    assert memory.is_new(OLD, event(UPDATE))
    assert memory.is_new(OLD, event(UPDATE))
    assert not memory.is_new(NEW, event(UPDATE))
    assert not memory.is_new(NEW, event(UPDATE))
    assert memory.is_new(NEW, event(UPDATE))
    assert not memory.is_new(OLD, event(UPDATE))


def test_balances_that_go_there_and_back_are_told_each_time() -> None:
    memory = EventMemory()
    less = event(POSITION, B=[])
    story = [event(POSITION), less, event(POSITION)]

    assert [memory.is_new(OLD, one) for one in story] == [True, True, True]
    assert [memory.is_new(NEW, one) for one in story] == [False, False, False]


def test_a_connection_that_is_long_gone_is_forgotten() -> None:
    memory = EventMemory()
    for line in (OLD, NEW, NEXT):
        memory.is_new(line, event(REPORT))

    assert list(memory._lines) == [NEW, NEXT]


def test_what_is_remembered_is_bounded() -> None:
    memory = EventMemory()
    for number in range(REMEMBERED_MAX + 10):
        assert memory.is_new(OLD, event(REPORT, I=number))

    assert len(memory._told) == len(memory._order) == len(memory._lines[OLD]) == REMEMBERED_MAX
    assert not memory.is_new(NEW, event(REPORT, I=REMEMBERED_MAX))
    assert memory.is_new(NEW, event(REPORT, I=3))
    memory.clear()
    assert memory.is_new(NEW, event(REPORT, I=REMEMBERED_MAX))
