"""User data streams: written once per unit, wrapped per subscription, in order; and what fault plans do to them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from fillwright.core.types import SECOND
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.fault_plan import EventFate, StreamEventFault
from fillwright.exchange.server.user_streams import (
    HELD_MAX,
    NUMBERS_MAX,
    SUBSCRIPTIONS_MAX,
    Subscriptions,
    UserStreams,
)
from tests.exchange.server.boxes import START, frozen_box, limit_order


class Session:
    def __init__(self, streams: UserStreams, *, microseconds: bool = False) -> None:
        self.microseconds = microseconds
        self.frames: list[bytes] = []
        self.subscriptions = Subscriptions(streams, self)

    def send(self, message: bytes) -> None:
        self.frames.append(message)

    def read(self) -> list[Any]:
        frames, self.frames = self.frames, []
        return [json.loads(frame) for frame in frames]

    def kinds(self) -> list[str]:
        return [told["event"]["e"] for told in self.read()]


@pytest.fixture
def box() -> Box:
    return frozen_box()


@pytest.fixture
def streams(box: Box) -> UserStreams:
    streams = UserStreams(box)
    box.user_streams = streams
    return streams


def deposit(box: Box, amount: int = 1, account_id: str = "main") -> None:
    box.exchange.deposit(account_id, "USDT", Decimal(amount), box.now)
    box.settle()


def test_events_reach_whoever_listens_in_their_unit(box: Box, streams: UserStreams) -> None:
    coarse, fine, nobody = Session(streams), Session(streams, microseconds=True), Session(streams)
    assert coarse.subscriptions.start("main", is_of_session=False) == 0
    assert fine.subscriptions.start("main", is_of_session=True) == 0
    assert streams.listeners("main") == 2
    box.exchange.execute("main", limit_order("40000", client_order_id="one"), box.now)
    box.settle()
    told = coarse.read()
    assert [one["event"]["e"] for one in told] == ["executionReport", "outboundAccountPosition"]
    assert [one["subscriptionId"] for one in told] == [0, 0]
    assert told[0]["event"]["E"] == START // 1000
    assert fine.read()[0]["event"]["E"] == START
    assert nobody.read() == []


def test_only_the_own_account_is_heard(box: Box, streams: UserStreams) -> None:
    box.exchange.open_account("other", {}, maker_fee=Decimal(0), taker_fee=Decimal(0))
    session = Session(streams)
    assert session.subscriptions.start("other", is_of_session=False) == 0
    assert session.subscriptions.start("main", is_of_session=False) == 1
    deposit(box)
    deposit(box, account_id="other")
    assert [(one["subscriptionId"], one["event"]["e"]) for one in session.read()] == [
        (1, "balanceUpdate"),
        (1, "outboundAccountPosition"),
        (0, "balanceUpdate"),
        (0, "outboundAccountPosition"),
    ]


def test_a_subscription_ends_with_a_last_word(box: Box, streams: UserStreams) -> None:
    session = Session(streams)
    session.subscriptions.start("main", is_of_session=True)
    session.subscriptions.stop(0)
    assert session.read() == [
        {"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": START // 1000}}
    ]
    deposit(box)
    assert session.read() == []
    assert streams.listeners("main") == 0
    assert session.subscriptions.start("main", is_of_session=False) == 1


def test_what_may_not_be(streams: UserStreams) -> None:
    subscriptions = Session(streams).subscriptions
    with pytest.raises(ExchangeError, match="-2036 User Data Stream subscription not active"):
        subscriptions.stop(None)
    subscriptions.start("main", is_of_session=False)
    with pytest.raises(ExchangeError, match="-2035 User Data Stream subscription already active"):
        subscriptions.start("main", is_of_session=True)
    with pytest.raises(ExchangeError, match="-2036"):
        subscriptions.stop(7)


def test_a_session_has_so_many_subscriptions_and_numbers(streams: UserStreams) -> None:
    subscriptions = Session(streams).subscriptions
    for number in range(SUBSCRIPTIONS_MAX):
        subscriptions.start(f"account {number}", is_of_session=False)
    with pytest.raises(ExchangeError, match="-1034"):
        subscriptions.start("main", is_of_session=False)
    subscriptions.stop(None)
    for _ in range(NUMBERS_MAX - SUBSCRIPTIONS_MAX):
        subscriptions.stop(subscriptions.start("main", is_of_session=False))
    with pytest.raises(ExchangeError, match="-2042"):
        subscriptions.start("main", is_of_session=False)


def test_a_log_out_ends_what_the_log_on_began(streams: UserStreams) -> None:
    session = Session(streams)
    session.subscriptions.start("main", is_of_session=True)
    session.subscriptions.start("other", is_of_session=False)
    session.subscriptions.end_session()
    assert session.kinds() == ["eventStreamTerminated"]
    assert [one.account_id for one in session.subscriptions] == ["other"]
    session.subscriptions.drop()
    assert len(session.subscriptions) == 0
    assert session.read() == []
    assert streams.listeners("other") == 0


def faulty(box: Box, outcome: EventFate, event: str = "balanceUpdate", **changes: Any) -> None:
    box.faults.install(StreamEventFault(outcome=outcome, event=event, **changes))


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (EventFate.DROPPED, ["outboundAccountPosition"]),
        (EventFate.DUPLICATED, ["balanceUpdate", "balanceUpdate", "outboundAccountPosition"]),
        (EventFate.REORDERED, ["outboundAccountPosition", "balanceUpdate"]),
        (EventFate.DELAYED, ["balanceUpdate", "outboundAccountPosition"]),
    ],
)
def test_faults_of_events(box: Box, streams: UserStreams, outcome: EventFate, expected: list[str]) -> None:
    session = Session(streams)
    session.subscriptions.start("main", is_of_session=False)
    faulty(box, outcome)
    deposit(box)
    assert session.kinds() == expected
    deposit(box)
    assert session.kinds() == ["balanceUpdate", "outboundAccountPosition"]


def test_a_delayed_event_is_overtaken(box: Box, streams: UserStreams) -> None:
    session = Session(streams)
    session.subscriptions.start("main", is_of_session=False)
    faulty(box, EventFate.DELAYED, delay_us=SECOND)
    faulty(box, EventFate.DUPLICATED, event="outboundAccountPosition", delay_us=2 * SECOND)
    deposit(box)
    assert session.kinds() == ["outboundAccountPosition"]
    box.clock.step(SECOND)
    box.tick()
    assert session.kinds() == ["balanceUpdate"]
    box.clock.step(SECOND)
    box.tick()
    assert session.kinds() == ["outboundAccountPosition"]


def test_what_is_held_back_is_bounded_and_dies_with_its_listeners(box: Box, streams: UserStreams) -> None:
    session = Session(streams)
    session.subscriptions.start("main", is_of_session=False)
    faulty(box, EventFate.REORDERED, event="*", times=None)
    for _ in range(HELD_MAX // 2):
        deposit(box)
    assert session.read() == []
    deposit(box)
    assert len(session.read()) == HELD_MAX + 1
    session.subscriptions.drop()
    box.faults.remove()
    session.subscriptions.start("main", is_of_session=False)
    deposit(box)
    assert session.kinds() == ["balanceUpdate", "outboundAccountPosition"]
