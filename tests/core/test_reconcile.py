"""Reconciliation: the venue's books against ours."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.types import ZERO, OrderState, OrderType, PositionStatus, Side
from tests.core.builders import D, make_instrument
from tests.core.desk import Desk, V


def snapshot(desk: Desk, *orders: inp.OrderReport, **changes: Any) -> None:
    """The venue's books arrive."""
    fields: dict[str, Any] = {"symbol": None, "orders": orders, "time": desk.now, "cause": "test"}
    desk.step(inp.VenueSnapshot(**{**fields, **changes}))


def coins(desk: Desk, free: Decimal, locked: Decimal = ZERO) -> None:
    """The venue's coins are read."""
    snapshot(desk, balances=(("BTC", free, locked),))


def remedies(desk: Desk) -> list[str]:
    return [event.remedy for event in desk.events(ev.Discrepancy)]


def test_books_that_agree_have_no_discrepancies() -> None:
    desk = Desk()
    desk.enter()
    snapshot(desk, *(desk.news(name, V.NEW) for name in desk.position.open_order_ids))
    assert desk.events(ev.ReconciliationComplete)[-1].discrepancies == 0
    assert remedies(desk) == []


@pytest.mark.parametrize(
    ("executed", "status", "remedy"),
    [("0.001", V.PARTIALLY_FILLED, "fill back-filled"), ("0", V.CANCELED, "state corrected")],
)
def test_what_the_stream_lost_is_filled_in(executed: str, status: V, remedy: str) -> None:
    """§7: each discrepancy is an event with cause and remedy."""
    desk = Desk()
    desk.signal(entry=inp.Entry("limit", D(49_990)))
    desk.accept(desk.sent()[0])
    total = D(executed)
    fills = (desk.fill_report("RT_t_1_E_1", total, D(49_990), D(0), "BTC"),) if total else ()
    snapshot(desk, desk.news("RT_t_1_E_1", status, executed_quantity=total, fills=fills))
    assert remedies(desk) == [remedy]
    assert desk.order("RT_t_1_E_1").executed_quantity == total


def test_a_stale_snapshot_never_moves_an_order_backwards() -> None:
    """§7: fills and final states are monotone; reads lag writes."""
    desk = Desk()
    desk.signal()
    desk.accept(desk.sent()[0])
    old = desk.news("RT_t_1_E_1", V.NEW)
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    snapshot(desk, old)
    assert desk.order("RT_t_1_E_1").state is OrderState.FILLED
    assert desk.position.quantity == D("0.00198801")
    assert remedies(desk) == []


def test_an_order_that_never_reached_the_venue_is_found_out() -> None:
    desk = Desk()
    desk.signal()
    desk.sent()
    names = ("RT_t_1_E_1", "RT_t_1_S_1", "RT_t_1_T_1")
    snapshot(desk, absent=names)
    assert desk.order("RT_t_1_E_1").state is OrderState.SUBMITTED  # it may be under way
    desk.now += 16_000_000
    snapshot(desk, absent=names)
    assert desk.order("RT_t_1_E_1").state is OrderState.UNKNOWN  # once proves nothing
    desk.now += 1_000_000
    snapshot(desk, absent=names)
    assert desk.order("RT_t_1_E_1").never_arrived
    assert remedies(desk) == ["none: asked about again"] * 3 + ["never arrived"] * 3


def test_an_order_cancelled_before_it_was_heard_of_may_be_under_way_as_well() -> None:
    """§6: "not found" is proof only when the request's window has passed, whatever was sent after it."""
    desk = Desk()
    desk.signal()
    desk.command(inp.CancelAll(by="ada"))
    snapshot(desk, absent=("RT_t_1_E_1", "RT_t_1_S_1", "RT_t_1_T_1"))
    assert desk.order("RT_t_1_E_1").state is OrderState.CANCEL_PENDING
    assert remedies(desk) == []


def test_a_known_order_that_is_absent_stays_unknown() -> None:
    """§7: nothing is invented: what cannot be read stays unknown."""
    desk = Desk()
    desk.enter()
    desk.now += 60_000_000
    snapshot(desk, absent=("RT_t_1_S_1",))
    assert not desk.order("RT_t_1_S_1").is_final
    assert remedies(desk) == ["none: asked about again"]


def test_an_order_with_our_tag_is_adopted() -> None:
    """§7: orders with our tag that we do not know are adopted into their position."""
    desk = Desk()
    desk.enter()
    known = desk.news("RT_t_1_S_1", V.NEW)
    lost = inp.OrderReport(
        symbol="BTCUSDT",
        client_order_id="RT_t_1_S_7",
        order_id=777,
        status=V.NEW,
        side=Side.SELL,
        type=OrderType.STOP_LOSS,
        time=desk.now,
        quantity=D("0.001"),
        stop_price=D(49_000),
    )
    snapshot(desk, known, lost)
    assert remedies(desk) == ["adopted"]
    assert desk.order("RT_t_1_S_7").position_id == 1
    assert "ORDER_ADOPTED" in desk.alerts()


# -- coins -------------------------------------------------------------------------------------------------------


def test_a_difference_counts_only_in_two_reads_apart() -> None:
    """§7: a difference counts only in two reads ≥ 2 s apart; coins are gone only when free + locked says so, twice."""
    desk = Desk()
    position = desk.enter()
    held = position.quantity
    coins(desk, D(0), held - D("0.001"))
    assert desk.events(ev.BalanceDiffers)
    coins(desk, D(0), held - D("0.001"))
    assert position.quantity == held  # the second read came too soon
    desk.now += 2_000_000
    coins(desk, D(0), held - D("0.001"))
    assert position.quantity == held - D("0.001")
    assert desk.events(ev.PositionReduced)[0].reason == "closed_outside"
    assert "CLOSED_OUTSIDE" in desk.alerts()
    desk.check()


def test_what_a_whole_reading_leaves_out_is_not_there() -> None:
    """Binance leaves out what an account has nothing of: coins that went while nobody listened are gone."""
    desk = Desk()
    position = desk.enter()
    quote = desk.state.portfolio.balance_of("USDT")
    for _ in range(2):
        snapshot(desk, balances=(("USDT", quote.free, quote.locked),))
        desk.now += 2_000_000
    snapshot(desk)  # without balances
    assert position.quantity == 0
    assert desk.state.portfolio.balance_of("BTC").free == 0
    assert desk.events(ev.PositionReduced)[0].reason == "closed_outside"


def test_a_difference_has_the_books_read_again_soon() -> None:
    desk = Desk()
    position = desk.enter()
    coins(desk, D(0), position.quantity - D("0.001"))
    desk.snapshots()
    desk.wait(3)
    assert [effect.symbol for effect in desk.snapshots()].count(None) >= 1


def test_a_difference_that_goes_away_is_forgotten() -> None:
    desk = Desk()
    position = desk.enter()
    coins(desk, D(0), position.quantity - D("0.001"))
    desk.now += 3_000_000
    coins(desk, D(0), position.quantity)
    assert desk.state.portfolio.differences == {}
    assert desk.events(ev.PositionReduced) == []


def test_the_users_own_coins_go_first() -> None:
    """§3: coins that no position owns are the user's; only a shortage of owned ones reduces positions."""
    desk = Desk(balances=(("USDT", D(10_000), D(0)), ("BTC", D(1), D(0))))
    position = desk.enter()
    held = position.quantity
    for _ in range(2):
        coins(desk, D("0.5"), held)
        desk.now += 2_000_000
    assert position.quantity == held
    assert desk.state.portfolio.balance_of("BTC").ledger == D("0.5") + held


def test_a_shortage_takes_the_newest_without_a_live_exit_first() -> None:
    """§3: the shortage reduces positions without a live exit order first, then the newest, never below zero."""
    desk = Desk(make_instrument(algo_orders_max=20))
    first = desk.enter(key="1")
    second = desk.enter(key="2", trader_id="bob")
    third = desk.enter(key="3", trader_id="cy")
    desk.cancelled("RT_t_1_S_1", "RT_t_1_T_1")  # the first has no live exit
    total = first.quantity + second.quantity + third.quantity
    left = total - first.quantity - D("0.001")
    for _ in range(2):
        coins(desk, left)
        desk.now += 2_000_000
    assert first.quantity == 0
    assert second.quantity + third.quantity == left
    assert third.quantity < D("0.001") < D("0.00197") < second.quantity


def test_a_position_whose_coins_are_all_gone_is_closed() -> None:
    """§3: open to closed: its coins are gone outside."""
    desk = Desk()
    position = desk.enter()
    for name in list(position.open_order_ids):
        desk.cancelled(name)
    desk.sent()
    for name in list(position.open_order_ids):
        desk.cancelled(name)
    for _ in range(2):
        coins(desk, D(0))
        desk.now += 2_000_000
    for name in list(position.open_order_ids):
        desk.cancelled(name)
    assert position.closed_outside > 0
    assert position.quantity == 0
    assert position.status is PositionStatus.CLOSED
    desk.check()


# -- when --------------------------------------------------------------------------------------------------------


def test_the_books_are_read_periodically_and_on_connecting() -> None:
    """§7: at start, on every stream (re)connect, every 300 s, and on demand."""
    desk = Desk(make_instrument())
    desk.step(inp.StreamChanged(False))
    desk.step(inp.StreamChanged(True))
    assert [effect.cause for effect in desk.snapshots()] == ["stream connected"]
    snapshot(desk)
    desk.wait(299)
    assert desk.snapshots() == []
    desk.wait(1)
    assert [effect.cause for effect in desk.snapshots()] == ["periodic"]
    desk.step(inp.Reconcile(cause="asked"))
    assert [effect.cause for effect in desk.snapshots()] == ["asked"]
