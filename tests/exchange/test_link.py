"""Links: latency, order of arrival, faults seen from the client, and dumps of what is under way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.requests import CancelReplaceRequest, CancelRequest
from fillwright.core.types import SECOND, CancelReplaceMode, SymbolStatus
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.faults import (
    EventFault,
    EventOutcome,
    EventRule,
    FaultPlan,
    Maintenance,
    Outcome,
    Rates,
    RequestFault,
    Rule,
    StreamOutage,
)
from fillwright.exchange.link import Delivery, DeliveryKind, Failure, Link, advance_together
from fillwright.exchange.messages import (
    AccountPosition,
    CancelReplaceResponse,
    ExecutionReport,
    OrderResponse,
)
from fillwright.exchange.queries import AccountQuery, OpenOrdersQuery, OrderQuery
from tests.exchange.builders import BUY, SELL, SYMBOL, D, an_exchange, an_opoco, limit, market, stop

FAR = 10**12


def kinds(deliveries: list[Delivery]) -> list[tuple[int, str, object]]:
    return [(one.time, one.kind.value, one.request_id) for one in deliveries]


def scripted(outcome: Outcome, **fields: object) -> FaultPlan:
    return FaultPlan(rules=[Rule(fault=RequestFault(outcome, **fields))])  # type: ignore[arg-type]


# -- latency -----------------------------------------------------------------------------------------------------


def test_a_request_takes_half_a_round_trip_each_way() -> None:
    exchange = an_exchange()
    link = Link(exchange, "a", 1000)
    link.send("r", limit(BUY, "1", "90"), 100)
    assert link.next_time() == 600
    assert link.advance(599) == []
    assert exchange.open_orders("a") == ()
    assert link.advance(600) == []
    assert exchange.open_orders("a")[0].time == 600
    assert link.next_time() == 1100
    deliveries = link.advance(1100)
    assert kinds(deliveries) == [(1100, "response", "r"), (1100, "event", None), (1100, "event", None)]
    assert isinstance(deliveries[0].payload, OrderResponse)
    assert isinstance(deliveries[1].payload, ExecutionReport)
    assert isinstance(deliveries[2].payload, AccountPosition)
    assert link.next_time() is None


def test_an_odd_latency_is_whole_again_after_both_ways() -> None:
    link = Link(an_exchange(), "a", 7)
    link.send(1, limit(BUY, "1", "90"), 100)
    assert {one.time for one in link.advance(FAR)} == {107}


def test_without_latency_the_next_advance_delivers() -> None:
    link = Link(an_exchange(), "a")
    link.send(1, market(BUY, "1"), 100)
    assert kinds(link.advance(100))[0] == (100, "response", 1)


def test_requests_are_carried_out_in_order_of_arrival() -> None:
    exchange = an_exchange()
    link = Link(exchange, "a", 10)
    link.send(1, limit(BUY, "1", "90", "first"), 100)
    link.send(2, limit(BUY, "1", "90", "second"), 100)
    link.send(3, limit(BUY, "1", "90", "third"), 99)
    link.advance(FAR)
    assert [order.client_order_id for order in exchange.open_orders("a")] == ["third", "first", "second"]


def test_what_the_market_sets_off_arrives_half_a_round_trip_later() -> None:
    exchange = an_exchange()
    link = Link(exchange, "a", 1000)
    link.send(1, stop(SELL, "1", "90"), 0)
    link.advance(1000)
    exchange.on_trade(SYMBOL, D(89), D(1), 2000)
    link.collect(2000)
    assert link.next_time() == 2500
    assert {one.time for one in link.advance(2500)} == {2500}


def test_queries_are_answered_as_of_their_arrival() -> None:
    exchange = an_exchange()
    link = Link(exchange, "a", 1000)
    link.query("before", OpenOrdersQuery(), 0)
    link.send("order", limit(BUY, "1", "90"), 1)
    link.query("after", OrderQuery(SYMBOL, client_order_id="x"), 2)
    link.query("absent", OrderQuery(SYMBOL, client_order_id="y"), 3)
    answers = {one.request_id: one for one in link.advance(FAR)}
    assert answers["before"].payload == ()
    assert answers["after"].payload == exchange.open_orders("a")[0]
    failure = answers["absent"].payload
    assert isinstance(failure, Failure)
    assert failure.code == -2013


def test_a_refusal_is_an_error_delivery_with_its_data() -> None:
    link = Link(an_exchange(), "a")
    cancel = CancelRequest(symbol=SYMBOL, order_id=99)
    request = CancelReplaceRequest(
        mode=CancelReplaceMode.ALLOW_FAILURE, cancel=cancel, order=limit(BUY, "1", "90")
    )
    link.send(1, request, 5)
    error = next(one for one in link.advance(5) if one.request_id == 1)
    assert error.kind is DeliveryKind.ERROR
    assert isinstance(error.payload, Failure)
    assert (error.payload.code, error.payload.http_status) == (-2021, 409)
    assert isinstance(error.payload.data, CancelReplaceResponse)


def test_a_stream_only_link_leaves_answers_out_but_not_errors() -> None:
    link = Link(an_exchange(), "a", stream_only=True)
    link.send(1, limit(BUY, "1", "90"), 5)
    link.send(2, limit(BUY, "1", "90"), 5)
    link.query(3, AccountQuery(), 5)
    assert [(one.kind.value, one.request_id) for one in link.advance(5)] == [
        ("event", None),
        ("event", None),
        ("error", 2),
        ("response", 3),
    ]


def test_times_are_not_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        Link(an_exchange(), "a", -1)


# -- faults ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "executed", "kind", "time"),
    [
        (Outcome.LOST, False, DeliveryKind.TIMEOUT, 10 * SECOND),
        (Outcome.ANSWER_LOST, True, DeliveryKind.TIMEOUT, 10 * SECOND),
        (Outcome.REFUSED, False, DeliveryKind.ERROR, 1000),
        (Outcome.MASKED, True, DeliveryKind.ERROR, 1000),
    ],
)
def test_what_a_client_sees_is_not_what_happened(
    outcome: Outcome, executed: bool, kind: DeliveryKind, time: int
) -> None:
    exchange = an_exchange()
    link = Link(exchange, "a", 1000, scripted(outcome, code=-1007))
    link.send(1, limit(BUY, "1", "90"), 0)
    deliveries = link.advance(FAR)
    assert bool(exchange.open_orders("a")) is executed
    (answer,) = [one for one in deliveries if one.request_id == 1]
    assert (answer.kind, answer.time) == (kind, time)
    assert any(one.kind is DeliveryKind.EVENT for one in deliveries) is executed


def test_an_error_without_a_body() -> None:
    link = Link(an_exchange(), "a", 0, scripted(Outcome.REFUSED, http_status=503))
    link.send(1, limit(BUY, "1", "90"), 0)
    assert link.advance(0)[0].payload == Failure(None, "", 503)


def test_a_delayed_request_is_overtaken() -> None:
    exchange = an_exchange()
    link = Link(exchange, "a", 10, scripted(Outcome.DELAYED, delay_us=500))
    link.send(1, limit(BUY, "1", "90", "late"), 0)
    link.send(2, limit(BUY, "1", "90", "prompt"), 100)
    link.advance(FAR)
    assert [order.client_order_id for order in exchange.open_orders("a")] == ["prompt", "late"]


@pytest.mark.parametrize(("outcome", "times"), [("dropped", []), ("duplicated", [5, 55]), ("delayed", [55])])
def test_events_are_dropped_doubled_or_late(outcome: str, times: list[int]) -> None:
    fault = EventFault(EventOutcome(outcome), 50)
    plan = FaultPlan(event_rules=[EventRule(fault=fault, kind="ExecutionReport")])
    link = Link(an_exchange(), "a", 0, plan)
    link.send(1, limit(BUY, "1", "90"), 5)
    seen = [one.time for one in link.advance(FAR) if isinstance(one.payload, ExecutionReport)]
    assert seen == times


def test_a_stream_that_drops_says_so_and_one_that_is_mute_does_not() -> None:
    exchange = an_exchange()
    plan = FaultPlan(outages=(StreamOutage(100, 200), StreamOutage(300, 400, is_mute=True)))
    link = Link(exchange, "a", 0, plan)
    assert link.next_time() == 100
    for number, time in enumerate((50, 150, 250, 350, 450)):
        link.send(number, limit(BUY, "1", "90", f"n{number}"), time)
    deliveries = link.advance(FAR)
    states = [(one.time, one.payload) for one in deliveries if one.kind is DeliveryKind.STREAM_STATE]
    assert states == [(100, False), (200, True)]
    events = [one.time for one in deliveries if isinstance(one.payload, ExecutionReport)]
    assert events == [50, 250, 450]
    assert len(exchange.open_orders("a")) == 5


def test_maintenance_halts_a_symbol_for_its_time() -> None:
    exchange = an_exchange()
    link = Link(exchange, "a", 0, FaultPlan(maintenance=(Maintenance(SYMBOL, 100, 200),)))
    for number, time in enumerate((50, 150, 250)):
        link.send(number, limit(BUY, "1", "90", f"n{number}"), time)
    errors = [one for one in link.advance(160) if one.kind is DeliveryKind.ERROR]
    assert [one.request_id for one in errors] == [1]
    assert exchange.status(SYMBOL) is SymbolStatus.HALT
    assert not [one for one in link.advance(FAR) if one.kind is DeliveryKind.ERROR]
    assert exchange.status(SYMBOL) is SymbolStatus.TRADING


# -- several clients, and going on ---------------------------------------------------------------------------


def test_several_links_share_one_order_of_arrival() -> None:
    exchange = an_exchange()
    slow, fast = Link(exchange, "a", 100), Link(exchange, "b", 10)
    slow.send(1, limit(SELL, "1", "99", "slow"), 0)
    fast.send(2, limit(SELL, "1", "99", "fast"), 20)
    for link in (slow, fast):
        link.send(3, limit(BUY, "1", "90", "rests"), 0)
    deliveries = advance_together([slow, fast], FAR)
    assert [exchange.order(name, SYMBOL, client_order_id=own).order_id for name, own in (
        ("b", "rests"), ("b", "fast"), ("a", "slow"), ("a", "rests")
    )] == [1, 2, 3, 4]  # fmt: skip
    for link, delivery in deliveries:
        if delivery.kind is DeliveryKind.EVENT:
            assert delivery.payload.account_id == link.account_id  # type: ignore[union-attr]


def test_a_link_goes_on_from_its_dump() -> None:
    exchange = an_exchange()
    plan = FaultPlan(
        seed=3, rates=Rates(delayed=0.5, request_delay_us=500, event_delayed=0.5, event_delay_us=900)
    )
    link = Link(exchange, "a", 1000, plan)
    link.send(1, an_opoco(), 0)
    link.send("text", market(BUY, "1", "m"), 10)
    link.query(2, AccountQuery(), 20)
    link.send(3, CancelRequest(symbol=SYMBOL, order_id=99), 900)
    received = link.advance(1000)
    data = (exchange.dump(), link.dump())
    again = Link(
        Exchange.load(data[0], [exchange._state.markets[SYMBOL].instrument], exchange._state.settings),
        "a",
        1000,
    )
    again.load(data[1])
    assert (again.exchange.dump(), again.dump()) == data
    rest = link.advance(FAR)
    assert again.advance(FAR) == rest
    assert {one.request_id for one in [*received, *rest]} == {None, 1, "text", 2, 3}


@pytest.mark.parametrize("data", [b"", b"nonsense"])
def test_a_damaged_dump_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a link's dump"):
        Link(an_exchange(), "a").load(data)


@given(
    seed=st.integers(0, 1000),
    latency=st.sampled_from([0, 1, 7, 1000]),
    steps=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3000)), max_size=30),
    cut=st.integers(0, 30),
)
def test_every_request_is_answered_once_whatever_goes_wrong(
    seed: int, latency: int, steps: list[tuple[int, int]], cut: int
) -> None:
    rates = Rates(
        lost=0.1, answer_lost=0.1, refused=0.1, masked=0.1, delayed=0.2, request_delay_us=2000,
        event_dropped=0.1, event_duplicated=0.1, event_delayed=0.2, event_delay_us=2000,
    )  # fmt: skip
    exchange = an_exchange()
    outages = (StreamOutage(5000, 9000), StreamOutage(20_000, 21_000, is_mute=True))
    link = Link(exchange, "a", latency, FaultPlan(seed=seed, rates=rates, outages=outages))
    received: list[Delivery] = []
    now = 10
    for number, (what, pause) in enumerate(steps):
        if number == cut:
            settings, data = exchange._state.settings, (exchange.dump(), link.dump())
            exchange = Exchange.load(data[0], [exchange.instrument(SYMBOL)], settings)
            link = Link(exchange, "a", latency)
            link.load(data[1])
            assert (exchange.dump(), link.dump()) == data
        if what == 0:
            link.send(number, limit(BUY, "0.1", "99", f"n{number}"), now)
        elif what == 1:
            link.send(number, an_opoco("0.1", name=f"n{number}"), now)
        elif what == 2:
            link.query(number, OpenOrdersQuery(), now)
        elif what == 3:
            link.send(number, CancelRequest(symbol=SYMBOL, order_id=number), now)
        else:
            exchange.on_trade(SYMBOL, D(95 + what * 2), D("0.05"), now)
            link.collect(now)
        now += pause
        received += link.advance(now)
    received += link.advance(FAR)
    assert link.next_time() is None
    assert [one.time for one in received] == sorted(one.time for one in received)
    answered = [one.request_id for one in received if one.request_id is not None]
    assert sorted(answered) == [number for number, (what, _) in enumerate(steps) if what < 4]  # type: ignore[type-var]
    assert exchange.audit() == ()
