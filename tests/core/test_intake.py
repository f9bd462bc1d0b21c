"""Signals come in: idempotency, waiting, entering by plan, trying again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.apply.signals import body_hash
from fillwright.core.effects import Send
from fillwright.core.plans import algo_slots_awaited
from fillwright.core.requests import OrderListRequest, OrderRequest
from fillwright.core.types import (
    DAY,
    ZERO,
    ErrorClass,
    ExpiryReason,
    ListKind,
    PositionDecision,
    PositionStatus,
    Protection,
    SignalDecision,
    SignalStatus,
    TimeInForce,
)
from tests.core.builders import NOW, PRICE, D, make_instrument, make_quote, make_signal
from tests.core.desk import Desk, V, make_settings

# -- once and again ----------------------------------------------------------------------------------------------


def test_the_same_key_and_body_give_the_first_answer_again() -> None:
    """§1: same key and body, the first answer again; nothing is done twice."""
    desk = Desk()
    first = desk.signal(key="k")
    desk.sent()
    again = desk.signal(key="k")
    assert (again.repeated, again.ok, again.signal_id, again.position_id) == (True, True, 1, 1)
    assert (first.repeated, first.position_id) == (False, 1)
    assert desk.sent() == []
    assert len(desk.events(ev.SignalReceived)) == 1


def test_the_same_key_with_another_body_is_a_conflict() -> None:
    """§1: same key, other body: conflict."""
    desk = Desk()
    desk.signal(key="k")
    answer = desk.signal(key="k", stop_loss=D(49_500))
    assert (answer.ok, answer.code, answer.signal_id) == (False, "KEY_CONFLICT", 1)


def test_keys_are_each_traders_own() -> None:
    desk = Desk()
    assert desk.signal(key="k").signal_id == 1
    assert desk.signal(key="k", trader_id="bob").signal_id == 2


def test_without_a_key_one_is_derived_from_trader_symbol_side_and_candle() -> None:
    """§1: no key, one is derived from trader, symbol, side, candle."""
    desk = Desk()
    desk.signal()
    assert desk.signal(stop_loss=D(49_100)).code == "KEY_CONFLICT"
    desk.wait(15 * 60)
    assert desk.signal().signal_id == 2


def test_another_key_for_the_same_candle_is_a_duplicate_signal() -> None:
    """§1: DUPLICATE_SIGNAL is a different key for the same trader, symbol, side and candle."""
    desk = Desk()
    desk.signal(key="a")
    assert desk.signal(key="b").code == "DUPLICATE_SIGNAL"


def test_a_denied_signal_is_denied_again() -> None:
    desk = Desk()
    assert desk.signal(key="k", confidence=D("0.1")).code == "CONFIDENCE_TOO_LOW"
    again = desk.signal(key="k", confidence=D("0.1"))
    assert (again.ok, again.code, again.repeated) == (False, "CONFIDENCE_TOO_LOW", True)


def test_a_denied_signal_is_denied_again_after_it_was_forgotten() -> None:
    desk = Desk()
    confidence = D("0.1")
    signal = make_signal(key="k", confidence=confidence, created_at=desk.now)
    desk.step(inp.SubmitSignal(signal))
    desk.now += 3 * DAY
    desk.step(inp.TimeReached())
    assert desk.state.signals == {}
    again = desk.command(inp.SubmitSignal(signal))
    assert (again.ok, again.code, again.repeated) == (False, "CONFIDENCE_TOO_LOW", True)


def test_another_body_is_a_conflict_after_the_first_was_forgotten() -> None:
    """§1: same key, other body: conflict, for as long as the key is kept."""
    desk = Desk()
    signal = make_signal(key="k", decision=SignalDecision.BAD_SETUP, created_at=desk.now)
    desk.step(inp.SubmitSignal(signal))
    assert desk.state.key_hashes == {}
    desk.now += 3 * DAY
    desk.step(inp.TimeReached())
    assert desk.state.signals == {}
    assert desk.state.key_hashes == {"ada|k": body_hash(signal)}
    other = msgspec.structs.replace(signal, stop_loss=D(49_500))
    assert desk.command(inp.SubmitSignal(other)).code == "KEY_CONFLICT"
    assert desk.command(inp.SubmitSignal(signal)).repeated


def test_keys_are_kept_for_seven_days() -> None:
    """§1: kept 7 days in State."""
    desk = Desk()
    desk.signal(key="k", decision=SignalDecision.BAD_SETUP)
    desk.now += 7 * DAY
    desk.step(inp.TimeReached())
    assert "ada|k" in desk.state.keys
    desk.now += DAY
    desk.step(inp.TimeReached())
    assert "ada|k" not in desk.state.keys
    assert desk.state.key_hashes == desk.state.key_codes == {}


# -- waiting -----------------------------------------------------------------------------------------------------


def test_a_bad_setup_is_abandoned() -> None:
    """§1: bad_setup ends it as abandoned."""
    desk = Desk()
    desk.signal(decision=SignalDecision.BAD_SETUP)
    assert desk.state.signals[1].status is SignalStatus.ABANDONED
    assert desk.sent() == []


@pytest.mark.parametrize(
    ("decision", "status"),
    [
        (SignalDecision.WAIT, SignalStatus.MONITORING),
        (SignalDecision.BAD_SETUP, SignalStatus.ABANDONED),
        (SignalDecision.ENTER_TRADE, SignalStatus.ENTERING),
    ],
)
def test_a_waiting_signal_follows_its_analysis(decision: SignalDecision, status: SignalStatus) -> None:
    """§1: monitored until enter, abandon or expiry; its age counts from the decision to enter."""
    desk = Desk()
    desk.signal(decision=SignalDecision.WAIT)
    desk.wait(600)
    answer = desk.command(inp.SignalAdvice(signal_id=1, decision=decision, reasoning="because"))
    assert answer.ok
    assert desk.state.signals[1].status is status
    assert desk.events(ev.DecisionMade)[-1].reasoning == "because"


def test_a_waiting_signal_expires() -> None:
    desk = Desk()
    desk.signal(decision=SignalDecision.WAIT, expires_at=desk.now + 60_000_000)
    desk.wait(59)
    assert desk.state.signals[1].status is SignalStatus.MONITORING
    desk.wait(1)
    assert desk.state.signals[1].status is SignalStatus.EXPIRED
    assert (
        desk.command(inp.SignalAdvice(signal_id=1, decision=SignalDecision.ENTER_TRADE)).code
        == "NOT_MONITORED"
    )


# -- entering ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "target", "kind"),
    [
        ({}, 52_000, ListKind.OPOCO),
        ({}, None, ListKind.OPO),
        ({"opo_allowed": False}, 52_000, ListKind.OTOCO),
        ({"opo_allowed": False}, None, ListKind.OTO),
        ({"oto_allowed": False}, 52_000, None),
        ({"oto_allowed": False, "oco_allowed": False}, 52_000, None),
    ],
)
def test_the_entry_leaves_by_its_plan(
    allowed: dict[str, bool], target: int | None, kind: ListKind | None
) -> None:
    """§4 Entry plans: one request where the symbol allows it; market signals are FOK, all or nothing."""
    desk = Desk(make_instrument(**allowed))
    desk.signal(take_profit=D(target) if target else None)
    (request,) = desk.sent()
    if kind is None:
        assert isinstance(request, OrderRequest)
        entry = request
    else:
        assert isinstance(request, OrderListRequest)
        assert request.kind is kind
        entry = request.legs[0]
        fee_left = {leg.quantity for leg in request.legs[1:]}
        net = make_instrument().floor_quantity((entry.quantity or D(0)) * D("0.999"))
        assert fee_left == ({net} if kind in (ListKind.OTO, ListKind.OTOCO) else {None})
    assert (entry.time_in_force, entry.price) == (TimeInForce.FOK, D("50250.01"))
    assert desk.position.status is PositionStatus.SUBMITTING
    assert desk.events(ev.PositionCreated)[0].plan_reason


def test_the_intent_is_recorded_with_its_quote_and_its_reservation() -> None:
    """§4: sizing and reservation use the limit price."""
    desk = Desk()
    desk.signal()
    intent = desk.events(ev.OrderSubmitted)[0]
    assert intent.quote is not None
    assert intent.reserve == (intent.quantity or D(0)) * D("50250.01")
    assert desk.state.portfolio.reserved == intent.reserve == desk.state.portfolio.in_flight


def unfilled(desk: Desk) -> None:
    """The FOK entry finds no price; its list ends with it."""
    position = desk.position
    for name in list(position.open_order_ids):
        entry = name == position.entry_order_ids[-1]
        desk.expired(
            name, ExpiryReason.UNFILLED_FOK_ORDER_EXPIRED if entry else ExpiryReason.OTO_PHASE_ONE_EXPIRED
        )


def test_an_unfilled_entry_goes_once_more_at_a_fresh_quote_and_then_ends() -> None:
    """§4: an unfilled FOK goes once more with a fresh quote, fresh ids and all checks again, then ENTRY_UNFILLED."""
    desk = Desk()
    desk.signal()
    desk.accept(desk.only(OrderListRequest))
    desk.price(50_100)
    unfilled(desk)
    again = desk.only(OrderListRequest)
    assert again.legs[0].client_order_id == "RT_t_1_E_2"
    assert again.legs[0].price == D("50350.51")
    assert desk.position.reprices == 1
    desk.accept(again)
    unfilled(desk)
    assert desk.sent() == []
    assert (desk.position.status, desk.position.failure_reason) == (PositionStatus.FAILED, "ENTRY_UNFILLED")
    assert desk.state.signals[1].status is SignalStatus.EXPIRED
    assert desk.state.portfolio.reserved == 0


def test_all_checks_are_made_again_before_the_second_try() -> None:
    desk = Desk()
    desk.signal()
    desk.accept(desk.only(OrderListRequest))
    desk.price(48_900)  # the stop would lie above the price
    unfilled(desk)
    assert desk.sent() == []
    assert desk.events(ev.OrderDenied)[0].by == "retry"
    assert desk.position.status is PositionStatus.FAILED


def test_reprice_attempts_may_be_none() -> None:
    desk = Desk(settings=make_settings({"reprice_attempts": 0}))
    desk.signal()
    desk.accept(desk.only(OrderListRequest))
    unfilled(desk)
    assert desk.position.status is PositionStatus.FAILED


@pytest.mark.parametrize(
    ("error", "tries"),
    [(ErrorClass.RETRYABLE, 2), (ErrorClass.RATE, 1), (ErrorClass.CLOCK, 2), (ErrorClass.PERMANENT, 1)],
)
def test_a_retryable_refusal_is_tried_at_most_twice(error: ErrorClass, tries: int) -> None:
    """§2: retryable errors: entries at most 2 tries within the signal's age (none after a rate limit: §5)."""
    desk = Desk()
    desk.signal()
    for _ in range(tries):
        desk.refuse(desk.only(OrderListRequest), -1003, "no", error)
    assert desk.sent() == []
    assert desk.position.failure_status == "rejected"
    assert desk.state.signals[1].status is SignalStatus.FAILED


def test_a_preview_records_nothing() -> None:
    """§5: the same checker answers preview: every check, its value, its limit."""
    desk = Desk()
    before = desk.engine.ledger.dump()
    verdict = desk.engine.preview(make_signal(created_at=desk.now), desk.now)
    assert verdict.code is None
    assert len(verdict.checks) > 30
    assert desk.engine.ledger.dump() == before


def test_an_addition_is_a_second_entry_and_its_protection_follows() -> None:
    """§3: add keeps the position open; its quantity, average and protection follow."""
    desk = Desk(settings=make_settings(risk=make_settings().risk))
    position = desk.enter(size=inp.Size(quote=D(40)))
    held = position.quantity
    answer = desk.command(inp.Decision(position_id=1, decision=PositionDecision.ADD, quote=D(30)))
    assert answer.ok, answer
    entry = desk.only(OrderRequest)
    assert (entry.client_order_id, entry.time_in_force) == ("RT_t_1_E_2", TimeInForce.FOK)
    desk.report(entry.client_order_id, V.NEW)
    desk.fill(entry.client_order_id, commission_in_base=True)
    assert position.quantity > held
    assert position.status is PositionStatus.OPEN
    desk.cancelled(*position.open_order_ids[:])
    (oco,) = (request for request in desk.sent() if isinstance(request, OrderListRequest))
    sizes: set[Decimal | None] = {leg.quantity for leg in oco.legs}
    assert sizes == {make_instrument().floor_quantity(position.quantity)}


# -- what is left in the journal ---------------------------------------------------------------------------------


def test_an_approved_signal_leaves_its_story_in_order_before_anything_is_sent() -> None:
    """Verdict, position, one intent per leg, then the request: the journal knows all that the venue may have."""
    desk = Desk()
    step = desk.step(inp.SubmitSignal(make_signal(key="k")))
    assert [type(record.event) for record in step.records] == [
        ev.SignalReceived,
        ev.SignalApproved,
        ev.PositionCreated,
        ev.OrderSubmitted,
        ev.OrderSubmitted,
        ev.OrderSubmitted,
    ]
    (effect,) = step.effects
    assert isinstance(effect, Send)
    assert effect.lane == "entry"
    request = effect.request
    assert isinstance(request, OrderListRequest)
    intents = [record.event for record in step.records if isinstance(record.event, ev.OrderSubmitted)]
    assert [intent.id for intent in intents] == [leg.client_order_id for leg in request.legs]
    assert [intent.pending for intent in intents] == [False, True, True]
    assert [intent.reserve > 0 for intent in intents] == [True, False, False]
    created = desk.events(ev.PositionCreated)[0]
    assert (created.signal_id, created.plan, created.quote) == (1, Protection.OPOCO, make_quote())
    assert created.max_loss_quote == created.quantity * (D("50250.01") - 49_000)
    assert step.answer is not None
    assert (step.answer.ok, step.answer.signal_id, step.answer.position_id) == (True, 1, 1)
    assert desk.state.signals[1].status is SignalStatus.ENTERING
    desk.check()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"stop_loss": None}, "STOP_LOSS_REQUIRED"),
        ({"symbol": "NOPEUSDT"}, "SYMBOL_NOT_ALLOWED"),
        ({"created_at": NOW - 3_600_000_000}, "SIGNAL_STALE"),
    ],
)
def test_a_denied_signal_leaves_a_verdict_and_nothing_else(changes: dict[str, Any], code: str) -> None:
    """§5: every check runs and every result is journaled; the first failure is the code. No order, no position."""
    desk = Desk()
    answer = desk.signal(**changes)
    assert (answer.ok, answer.code, answer.message, answer.position_id) == (False, code, code, 0)
    (denied,) = desk.events(ev.SignalDenied)
    assert next(check.code for check in denied.checks if not check.passed) == code
    assert (desk.state.positions, desk.state.orders, desk.sent()) == ({}, {}, [])
    assert desk.state.portfolio.reserved == ZERO
    assert desk.state.signals[1].status is SignalStatus.DENIED
    desk.check()


def test_without_a_quote_nothing_is_entered() -> None:
    desk = Desk()
    desk.engine.quotes.clear()
    assert desk.signal().code == "QUOTE_STALE"


def test_the_whole_body_counts() -> None:
    """§1: kept with a hash of the body; whatever differs makes it another signal, and the first one stays."""
    desk = Desk()
    desk.signal(key="k", metadata={"from": "chart"})
    seq = desk.state.seq
    for changes in (
        {"metadata": {"from": "news"}},
        {"metadata": {}},
        {"trailing": True},
        {"reasoning": "so"},
    ):
        answer = desk.signal(key="k", **{"metadata": {"from": "chart"}, **changes})
        assert (answer.code, answer.repeated) == ("KEY_CONFLICT", False)
    assert desk.state.seq == seq
    assert desk.signal(key="k", metadata={"from": "chart"}).repeated


def test_without_a_fixed_candle_the_time_of_creation_makes_the_key() -> None:
    """Months have no fixed length: two signals a moment apart are two."""
    desk = Desk()
    assert desk.signal(interval="1M", decision=SignalDecision.WAIT).signal_id == 1
    assert desk.signal(interval="1M", decision=SignalDecision.WAIT).repeated
    desk.now += 1
    assert desk.signal(interval="1M", decision=SignalDecision.WAIT).signal_id == 2
    assert desk.state.signals[1].key == f"ada|auto:BTCUSDT|long|{NOW}"


def test_the_answer_given_again_tells_how_things_stand_now() -> None:
    desk = Desk()
    assert desk.signal(key="k", decision=SignalDecision.WAIT).position_id == 0
    desk.step(inp.SignalAdvice(signal_id=1, decision=SignalDecision.ENTER_TRADE))
    again = desk.signal(key="k", decision=SignalDecision.WAIT)
    assert (again.ok, again.repeated, again.position_id) == (True, True, 1)


# -- advice ------------------------------------------------------------------------------------------------------


def test_advice_about_a_signal_that_does_not_wait_is_refused() -> None:
    desk = Desk()
    advice = inp.SignalAdvice(signal_id=1, decision=SignalDecision.ENTER_TRADE)
    assert desk.command(advice).code == "NOT_MONITORED"
    desk.signal()
    desk.sent()
    answer = desk.command(advice)
    assert (answer.ok, answer.message) == (False, "signal 1 is not monitored")
    assert desk.sent() == []
    assert desk.events(ev.DecisionMade) == []


def test_advice_to_enter_is_judged_like_any_entry() -> None:
    """§10: advice is advice: hard limits live in code."""
    desk = Desk()
    desk.signal(decision=SignalDecision.WAIT)
    desk.command(inp.EmergencyStop(by="ada"))
    answer = desk.command(inp.SignalAdvice(signal_id=1, decision=SignalDecision.ENTER_TRADE))
    assert (answer.ok, answer.code) == (False, "HALTED")
    assert desk.state.signals[1].status is SignalStatus.DENIED
    assert desk.engine.ledger.waiting_signals == {}
    assert desk.sent() == []


def test_a_second_try_is_sized_and_priced_anew() -> None:
    """§4: once more with a fresh quote, fresh ids and all checks again; what was set aside follows."""
    desk = Desk()
    desk.signal()
    desk.accept(desk.only(OrderListRequest))
    first = desk.position.requested_quantity
    desk.price(PRICE * D("1.01"))
    unfilled(desk)
    entry = desk.only(OrderListRequest).legs[0]
    assert entry.quantity is not None
    assert entry.price is not None
    assert entry.quantity < first
    assert (desk.position.requested_quantity, desk.position.limit_price) == (entry.quantity, entry.price)
    assert desk.state.portfolio.reserved == entry.quantity * entry.price
    desk.check()


def test_entries_that_work_alone_keep_the_slots_of_their_exits() -> None:
    """§4 Slots: without OTO the exits follow the fill, and a slot stays free for each of them until then."""
    desk = Desk(make_instrument(oto_allowed=False, algo_orders_max=5))
    limit = inp.Entry("limit", D(49_900))
    answers = []
    for number in range(3):
        desk.wait(2)
        answers.append(desk.signal(key=str(number), entry=limit, interval="1s"))
        for request in desk.sent():
            desk.accept(request)
    assert [answer.code for answer in answers] == ["", "", "ALGO_SLOTS"]
    assert algo_slots_awaited(desk.engine.ledger, "BTCUSDT") == 4
