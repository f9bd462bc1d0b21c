"""Orders: every cell of the table, and what each step does besides."""

from __future__ import annotations

from typing import Any

import pytest

from fillwright.core.orders import TRANSITIONS, Doubt, IllegalOrderStep, Order, Step
from fillwright.core.types import FINAL_STATES, Leg, OrderState, OrderType, Side
from tests.core.builders import NOW, D, make_fill

S, T = OrderState, Step
ANY_NEWS = {
    T.PENDED: S.PENDING_NEW,
    T.PLACED: S.ACCEPTED,
    T.PART_FILLED: S.PARTIALLY_FILLED,
    T.FILLED: S.FILLED,
    T.CANCELLED: S.CANCELLED,
    T.REJECTED: S.REJECTED,
    T.EXPIRED: S.EXPIRED,
}
OURS = {T.CANCEL_REQUESTED: S.CANCEL_PENDING, T.DOUBTED: S.UNKNOWN}
WORKING = {step: state for step, state in ANY_NEWS.items() if step not in (T.PENDED, T.PLACED)}
EXPECTED: dict[OrderState, dict[Step, OrderState]] = {
    S.SUBMITTED: {**ANY_NEWS, **OURS},
    S.UNKNOWN: {**ANY_NEWS, **OURS},
    S.PENDING_NEW: {**ANY_NEWS, **OURS},
    S.ACCEPTED: {**WORKING, **OURS},
    S.PARTIALLY_FILLED: {**WORKING, **OURS},
    S.CANCEL_PENDING: {
        T.PENDED: S.CANCEL_PENDING,
        T.PLACED: S.CANCEL_PENDING,
        T.PART_FILLED: S.CANCEL_PENDING,
        T.CANCEL_REQUESTED: S.CANCEL_PENDING,
        T.CANCEL_REFUSED: S.ACCEPTED,
        T.DOUBTED: S.CANCEL_PENDING,
        T.FILLED: S.FILLED,
        T.CANCELLED: S.CANCELLED,
        T.REJECTED: S.REJECTED,
        T.EXPIRED: S.EXPIRED,
    },
    S.CANCELLED: {T.PART_FILLED: S.CANCELLED, T.FILLED: S.FILLED},
    S.EXPIRED: {T.PART_FILLED: S.EXPIRED, T.FILLED: S.FILLED},
    S.FILLED: {},
    S.REJECTED: {},
}


def make_order(**changes: Any) -> Order:
    fields: dict[str, Any] = {
        "id": "RT_t_1_E_1",
        "position_id": 1,
        "leg": Leg.ENTRY,
        "attempt": 1,
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "submitted_at": NOW,
        "updated_at": NOW,
        "quantity": D(1),
        "accepted_at": NOW,
        "exchange_order_id": 1,
    }
    return Order(**{**fields, **changes})


@pytest.mark.parametrize("state", OrderState)
@pytest.mark.parametrize("step", Step)
def test_every_cell_of_the_table(state: OrderState, step: Step) -> None:
    """§2: the table admits what venues do; an illegal step of ours is a bug and changes nothing."""
    order = make_order(state=state)
    wanted = EXPECTED[state].get(step)
    assert order.may(step) == (wanted is not None)
    if wanted is None:
        with pytest.raises(IllegalOrderStep):
            order.move(step)
        assert order.state is state
    else:
        order.move(step)
        assert order.state is wanted


def test_the_table_knows_every_state() -> None:
    assert TRANSITIONS.keys() == set(OrderState)


@pytest.mark.parametrize("step", ANY_NEWS)
def test_an_order_that_never_arrived_may_come_back(step: Step) -> None:
    """§2: rejected(never_arrived) to any; a real rejection is the end."""
    order = make_order(state=S.REJECTED, never_arrived=True)
    order.move(step)
    assert order.state is ANY_NEWS[step]


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"executed_quantity": D("0.5")}, S.PARTIALLY_FILLED),
        ({}, S.ACCEPTED),
        ({"accepted_at": 0}, S.PENDING_NEW),
        ({"accepted_at": 0, "exchange_order_id": 0}, S.SUBMITTED),
    ],
)
def test_a_refused_cancel_leaves_the_order_as_it_was(changes: dict[str, Any], state: OrderState) -> None:
    """§2: cancel_pending to accepted (cancel refused), or to what it was before."""
    order = make_order(state=S.CANCEL_PENDING, **changes)
    order.move(T.CANCEL_REFUSED)
    assert order.state is state


@pytest.mark.parametrize(
    ("state", "step", "resolved"),
    [
        (S.UNKNOWN, T.PLACED, True),
        (S.UNKNOWN, T.FILLED, True),
        (S.UNKNOWN, T.CANCEL_REQUESTED, False),
        (S.CANCEL_PENDING, T.CANCELLED, True),
        (S.CANCEL_PENDING, T.CANCEL_REFUSED, True),
        (S.CANCEL_PENDING, T.PART_FILLED, False),
    ],
)
def test_news_ends_a_doubt_when_it_answers_it(state: OrderState, step: Step, resolved: bool) -> None:
    order = make_order(state=state, doubt=Doubt(request="place", since=NOW, reason="-1007"))
    order.move(step)
    assert (order.doubt is None) == resolved


def test_executions_add_up() -> None:
    order = make_order(state=S.SUBMITTED)
    assert order.average_price is None
    order.add_fill(make_fill(D(100), D("0.25"), trade_id=7), complete=False)
    order.add_fill(make_fill(D(104), D("0.75"), trade_id=8), complete=True)
    assert order.state is S.FILLED
    assert (order.executed_quantity, order.executed_quote, order.remaining) == (1, 103, 0)
    assert order.average_price == 103
    assert (order.has_fill(7), order.has_fill(9)) == (True, False)


@pytest.mark.parametrize("state", OrderState)
def test_what_is_final_and_what_is_live(state: OrderState) -> None:
    """§4: a pending leg (PENDING_NEW) is not a live stop."""
    order = make_order(state=state)
    assert order.is_final == (state in FINAL_STATES)
    assert order.is_live == (state in (S.ACCEPTED, S.PARTIALLY_FILLED))


def test_a_leg_without_a_size_has_nothing_open() -> None:
    assert make_order(quantity=None).remaining == 0
