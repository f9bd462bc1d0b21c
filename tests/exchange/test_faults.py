"""Fault plans: scripts hit what they name, seeds repeat themselves, rates are what they say."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from fillwright.exchange.faults import (
    QUERY,
    EventFault,
    EventOutcome,
    EventRule,
    FaultPlan,
    Outcome,
    Rates,
    RequestFault,
    Rule,
    StreamOutage,
)

LOST = RequestFault(Outcome.ANSWER_LOST)


def test_no_plan_no_fault() -> None:
    plan = FaultPlan()
    assert plan.for_request("a", "OrderRequest", "x") is None
    assert plan.for_event("a", "ExecutionReport") is None
    assert plan.counter == 0


def test_a_rule_hits_the_next_order_of_one_account() -> None:
    plan = FaultPlan(rules=[Rule(fault=LOST, account_id="a", kind="OrderRequest")])
    assert plan.for_request("b", "OrderRequest", "x") is None
    assert plan.for_request("a", "CancelRequest", "x") is None
    assert plan.for_request("a", "OrderRequest", "x") is LOST
    assert plan.for_request("a", "OrderRequest", "y") is None


def test_a_rule_counts_what_it_lets_pass_and_how_often_it_hits() -> None:
    plan = FaultPlan(rules=[Rule(fault=LOST, client_order_id="RT_x_", skip=1, times=2)])
    hits = [plan.for_request("a", "OrderRequest", f"RT_x_{number}") is LOST for number in range(5)]
    assert hits == [False, True, True, False, False]
    assert plan.for_request("a", "OrderRequest", "other") is None


def test_event_rules() -> None:
    drop = EventFault(EventOutcome.DROPPED)
    plan = FaultPlan(event_rules=[EventRule(fault=drop, kind="ExecutionReport", skip=1)])
    hits = [plan.for_event("a", kind) for kind in ("AccountPosition", "ExecutionReport", "ExecutionReport")]
    assert hits == [None, None, drop]
    assert EventRule(fault=drop, account_id="b").hits("a", "ExecutionReport") is False


def test_a_seed_repeats_itself_and_another_differs() -> None:
    rates = Rates(lost=0.2, refused=0.2, delayed=0.2, request_delay_us=1000)
    runs = [
        [FaultPlan.for_request(plan, "a", "OrderRequest", "x") for _ in range(50)]
        for plan in (
            FaultPlan(seed=7, rates=rates),
            FaultPlan(seed=7, rates=rates),
            FaultPlan(seed=8, rates=rates),
        )
    ]
    assert runs[0] == runs[1] != runs[2]


def test_a_plan_continues_where_it_was_written_down() -> None:
    plan = FaultPlan(seed=7, rates=Rates(lost=0.5), rules=[Rule(fault=LOST, skip=3)])
    for _ in range(2):
        plan.for_request("a", "OrderRequest", "x")
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(plan), type=FaultPlan)
    for _ in range(20):
        assert again.for_request("a", "Order", "x") == plan.for_request("a", "Order", "x")


def test_rates_are_what_they_say() -> None:
    plan = FaultPlan(
        rates=Rates(lost=0.1, answer_lost=0.2, masked=0.3, event_dropped=0.25, event_duplicated=0.25)
    )
    outcomes = Counter(
        None if fault is None else fault.outcome
        for fault in (plan.for_request("a", "OrderRequest", "x") for _ in range(4000))
    )
    assert outcomes[Outcome.LOST] == pytest.approx(400, rel=0.2)
    assert outcomes[Outcome.ANSWER_LOST] == pytest.approx(800, rel=0.2)
    assert outcomes[Outcome.MASKED] == pytest.approx(1200, rel=0.2)
    events = Counter(
        None if fault is None else fault.outcome
        for fault in (plan.for_event("a", "ExecutionReport") for _ in range(4000))
    )
    assert events[EventOutcome.DROPPED] == pytest.approx(1000, rel=0.2)
    assert events[EventOutcome.DUPLICATED] == pytest.approx(1000, rel=0.2)


def test_a_kind_may_have_rates_of_its_own() -> None:
    plan = FaultPlan(rates=Rates(lost=1.0), rates_by_kind={QUERY: Rates()})
    assert plan.for_request("a", QUERY, "") is None
    assert plan.for_request("a", "OrderRequest", "") == RequestFault(Outcome.LOST)


def test_errors_carry_their_usual_status_and_text() -> None:
    assert RequestFault(Outcome.REFUSED, -1015).status == 429
    assert RequestFault(Outcome.REFUSED, -1021).text.startswith("Timestamp for this request")
    assert RequestFault(Outcome.MASKED, None).status == 503
    assert RequestFault(Outcome.REFUSED, -1003, 418).status == 418
    assert RequestFault(Outcome.REFUSED, None, 502).text == ""


def test_outages_cover_their_time() -> None:
    plan = FaultPlan(outages=(StreamOutage(10, 20), StreamOutage(30, 31, is_mute=True)))
    assert [time for time in range(35) if plan.loses_events(time)] == [*range(10, 20), 30]
