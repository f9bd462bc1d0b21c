"""What the venue says of orders: in any order, twice, late; refusals; and what cannot be."""

from __future__ import annotations

import pytest

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.requests import CancelListRequest, CancelReplaceRequest, CancelRequest, OrderListRequest
from fillwright.core.types import (
    ErrorClass,
    ExecutionType,
    ExpiryReason,
    Leg,
    OrderState,
    OrderType,
    PositionDecision,
    PositionStatus,
    Side,
)
from tests.core.builders import D, make_instrument
from tests.core.desk import Desk, V


def entered() -> tuple[Desk, str]:
    """An entry under way."""
    desk = Desk()
    desk.signal()
    desk.accept(desk.only(OrderListRequest))
    return desk, desk.live(Leg.ENTRY).id


def test_an_execution_may_come_before_the_acknowledgement() -> None:
    """§2: submitted to filled (fill before ack)."""
    desk = Desk()
    desk.signal()
    desk.fill("RT_t_1_E_1")
    assert desk.order("RT_t_1_E_1").state is OrderState.FILLED
    assert desk.position.status is PositionStatus.OPEN
    desk.report("RT_t_1_E_1", V.NEW, executed_quantity=D(0))  # late and harmless
    assert desk.order("RT_t_1_E_1").state is OrderState.FILLED
    assert desk.events(ev.Anomaly) == []


def test_the_same_execution_twice_is_booked_once() -> None:
    """§2: repeated reports."""
    desk, name = entered()
    news = desk.news(
        name,
        V.FILLED,
        executed_quantity=D("0.00199"),
        fills=(desk.fill_report(name, D("0.00199"), D(50_000), D(0), "BTC"),),
    )
    desk.step(news)
    before = desk.position.quantity
    desk.step(news, news)
    assert desk.position.quantity == before == D("0.00199")
    desk.check()


def test_the_venue_sizes_a_leg_and_any_of_its_reports_may_say_so() -> None:
    """§4: the exit's quantity is read from the leg, never computed; here its NEW report was lost."""
    desk, name = entered()
    desk.fill(name, commission_in_base=True)
    stop = "RT_t_1_S_1"
    fill = desk.fill_report(stop, D("0.00198"), D(49_000), D(0), "USDT")
    desk.report(stop, V.FILLED, quantity=D("0.00198"), executed_quantity=D("0.00198"), fills=(fill,))
    assert desk.order(stop).state is OrderState.FILLED
    assert desk.order(stop).quantity == D("0.00198")


def test_executions_that_are_not_told_in_detail_are_asked_for() -> None:
    """§7: nothing is invented; until the details come the order has not ended."""
    desk, name = entered()
    desk.report(name, V.CANCELED, executed_quantity=D("0.001"))
    assert desk.order(name).state is OrderState.UNKNOWN
    assert desk.asked() == [name]
    assert desk.position.status is PositionStatus.SUBMITTING
    fill = desk.fill_report(name, D("0.001"), D(50_000), D(0), "BTC")
    desk.report(name, V.CANCELED, executed_quantity=D("0.001"), fills=(fill,))
    assert desk.order(name).state is OrderState.CANCELLED
    assert desk.position.quantity == D("0.001")


def test_an_exit_may_be_told_before_its_entry() -> None:
    """Coins that an exit sold before the entry's execution was heard of are not sold again."""
    desk, name = entered()
    stop, target = "RT_t_1_S_1", "RT_t_1_T_1"
    fill = desk.fill_report(stop, D("0.00199"), D(49_000), D(0), "USDT")
    desk.report(stop, V.FILLED, quantity=D("0.00199"), executed_quantity=D("0.00199"), fills=(fill,))
    desk.sent()
    desk.fill(name)
    desk.expired(target, ExpiryReason.OCO_TRIGGER)
    assert desk.sent() == []
    assert desk.position.quantity == 0
    assert desk.position.status is PositionStatus.CLOSED
    desk.check()


@pytest.mark.parametrize(
    "changes",
    [
        {"side": Side.SELL},
        {"order_id": 999},
        {"executed_quantity": D(1)},
        {"fills": (inp.FillReport(1, D(1), D(-1), D(0), "BTC", False, 0),)},
        {"fills": (inp.FillReport(1, D(0), D(1), D(0), "BTC", False, 0),)},
        {"fills": (inp.FillReport(1, D(1), D(1), D(0), "BTC", False, 0),)},
    ],
)
def test_what_cannot_be_is_an_anomaly_and_changes_nothing(changes: dict[str, object]) -> None:
    """§2: an impossible report changes nothing, is journaled as an anomaly and forces reconciliation."""
    desk, name = entered()
    before = desk.order(name).state, desk.order(name).executed_quantity
    desk.report(name, V.PARTIALLY_FILLED, **changes)
    assert (desk.order(name).state, desk.order(name).executed_quantity) == before
    assert len(desk.events(ev.Anomaly)) == 1
    assert [snapshot.cause for snapshot in desk.snapshots()] == ["anomaly"]


def test_after_it_was_filled_an_order_does_not_end_in_another_way() -> None:
    desk, name = entered()
    desk.fill(name)
    desk.report(name, V.CANCELED)
    assert desk.order(name).state is OrderState.FILLED
    assert len(desk.events(ev.Anomaly)) == 1


def test_a_rejected_order_does_not_come_back() -> None:
    desk = Desk()
    desk.signal()
    desk.refuse(desk.only(OrderListRequest))
    desk.report("RT_t_1_E_1", V.NEW)
    assert desk.order("RT_t_1_E_1").state is OrderState.REJECTED
    assert len(desk.events(ev.Anomaly)) == 1


def test_a_late_execution_of_an_ended_entry_opens_the_position() -> None:
    """§3: failed to open, a late fill of its entry: protect at once, the signal is in_position."""
    desk, name = entered()
    for order in list(desk.position.open_order_ids):
        desk.cancelled(order)
    assert desk.position.status is PositionStatus.FAILED
    desk.fill(name, commission_in_base=True)
    assert desk.position.status is PositionStatus.OPEN
    assert desk.state.signals[1].status.value == "in_position"
    oco = desk.only(OrderListRequest)
    assert oco.legs[0].quantity == D("0.00198")
    desk.check()


def test_the_end_in_a_match_is_an_expiry_of_that_name() -> None:
    """§2: EXPIRED_IN_MATCH is expired with that expiry reason; §4: on an exit: unprotected now."""
    desk = Desk()
    position = desk.enter()
    stop, target = desk.live(Leg.STOP_LOSS).id, desk.live(Leg.TAKE_PROFIT).id
    desk.expired(stop, status=V.EXPIRED_IN_MATCH)
    desk.only(CancelListRequest)  # what is left of the list holds the coins
    desk.expired(target, ExpiryReason.OCO_TRIGGER)
    assert desk.order(stop).expiry_reason == "EXPIRED_IN_MATCH"
    assert desk.only(OrderListRequest).legs[0].quantity == D("0.00198")
    assert position.status is PositionStatus.OPEN


@pytest.mark.parametrize("price", [600, None])
def test_a_commission_in_bnb_is_valued_in_quote_at_the_fill(price: int | None) -> None:
    """§3: BNB fees at the value stored with the fill; nobody knows a value: nothing is invented."""
    desk = Desk(make_instrument(), make_instrument("BNBUSDT"))
    if price is None:
        del desk.engine.quotes["BNBUSDT"]
    else:
        desk.price(price, "BNBUSDT")
    desk.signal()
    desk.accept(desk.only(OrderListRequest))
    desk.fill("RT_t_1_E_1", commission=D("0.0001"), asset="BNB")
    fill = desk.order("RT_t_1_E_1").fills[0]
    assert fill.commission_quote == (D("0.06") if price else 0)
    assert desk.position.quantity == D("0.00199")
    assert desk.position.cost == fill.quote + fill.commission_quote
    assert desk.position.commissions == {"BNB": D("0.0001")}


# -- refusals ----------------------------------------------------------------------------------------------------


def test_a_refusal_after_the_report_says_less_than_the_report() -> None:
    desk = Desk()
    desk.signal()
    request = desk.only(OrderListRequest)
    desk.accept(request)
    desk.refuse(request)
    assert desk.order("RT_t_1_E_1").state is OrderState.ACCEPTED


def test_a_cancel_that_loses_to_the_fill_is_asked_about() -> None:
    """§4: the cancel may lose to the fill (-2011): query; then the legs are live."""
    desk = Desk()
    desk.signal(entry=inp.Entry("limit", D(49_900)))
    desk.accept(desk.only(OrderListRequest))
    desk.command(inp.CancelAll(by="ada"))
    (request,) = desk.sent()
    desk.refuse(request, -2011, "Unknown order sent.")
    assert set(desk.asked()) == {"RT_t_1_E_1", "RT_t_1_S_1", "RT_t_1_T_1"}
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    for name in ("RT_t_1_S_1", "RT_t_1_T_1"):
        desk.report(name, V.NEW, quantity=D("0.00199"))
    desk.wait(1.1)
    for name in desk.asked():
        desk.report(name, V.NEW, quantity=D("0.00199"))
    assert desk.sent() == []
    assert desk.live(Leg.STOP_LOSS).is_live
    assert desk.live(Leg.STOP_LOSS).quantity == D("0.00199")


def test_a_refused_cancel_is_asked_again_later() -> None:
    desk = Desk()
    position = desk.enter()
    desk.command(inp.ClosePosition(position_id=1, by="ada"))
    request = desk.only(CancelReplaceRequest)
    desk.refuse(request, -1003, "Too many requests", ErrorClass.RATE)
    assert desk.sent() == []
    assert position.retry_at > desk.now
    desk.wait(1.1)
    assert isinstance(desk.only(CancelReplaceRequest), CancelReplaceRequest)


def test_insufficient_coins_for_an_exit_have_the_books_read() -> None:
    desk = Desk(make_instrument(oto_allowed=False))
    desk.signal()
    (entry,) = desk.sent()
    desk.accept(entry)
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    desk.refuse(desk.only(OrderListRequest))
    assert "coins are missing" in [snapshot.cause for snapshot in desk.snapshots()]


def test_a_filter_failure_has_the_symbol_read_again() -> None:
    """§4: exchangeInfo is refreshed on any filter failure."""
    desk = Desk()
    desk.signal()
    desk.refuse(desk.only(OrderListRequest), -1013, "Filter failure: LOT_SIZE")
    assert [effect.symbols for effect in desk.instruments_asked()] == [("BTCUSDT",)]


# -- balances ----------------------------------------------------------------------------------------------------


def test_only_balances_that_changed_are_recorded() -> None:
    desk = Desk()
    count = len(desk.events(ev.BalanceUpdated))
    desk.step(inp.BalanceReport((("USDT", D(10_000), D(0)), ("BTC", D(1), D(0))), desk.now))
    assert desk.events(ev.BalanceUpdated)[count:] == [ev.BalanceUpdated((("BTC", D(1), D(0)),))]
    desk.step(inp.BalanceReport((("USDT", D(9_000), D(0)), ("BTC", D(1), D(0))), desk.now))
    desk.step(inp.BalanceReport((("USDT", D(8_000), D(0)), ("BTC", D(2), D(0))), desk.now))
    assert [len(event.balances) for event in desk.events(ev.BalanceUpdated)[count:]] == [1, 1, 2]


def test_a_report_that_changes_no_balance_is_not_recorded() -> None:
    desk = Desk()
    count = len(desk.records)
    desk.step(inp.BalanceReport((("USDT", D(10_000), D(0)),), desk.now))
    assert len(desk.records) == count


def test_a_transfer_moves_our_own_ledger() -> None:
    desk = Desk()
    desk.step(inp.TransferReport("USDT", D(-500), desk.now))
    portfolio = desk.state.portfolio
    assert (portfolio.balance_of("USDT").ledger, portfolio.transfers) == (9_500, -500)
    assert portfolio.daily_loss == 0


def test_a_list_that_is_done_has_its_position_looked_at() -> None:
    desk = Desk()
    desk.enter()
    assert desk.step(inp.ListDone("BTCUSDT", 7, "RT_t_1_L_1")).records == []
    assert desk.step(inp.ListDone("BTCUSDT", 7, "web_list")).records == []


def test_an_amendment_reduces_both_legs() -> None:
    """§4 Reduce: amend keepPriority of the exit quantity (either OCO leg changes both)."""
    desk = Desk()
    position = desk.enter()
    desk.command(inp.Decision(position_id=1, decision=PositionDecision.REDUCE, fraction=D("0.5")))
    desk.sent()
    desk.report(
        desk.live(Leg.TAKE_PROFIT).id, V.NEW, quantity=D("0.00099"), execution_type=ExecutionType.REPLACED
    )
    sizes = {
        desk.order(name).quantity for name in position.open_order_ids if desk.order(name).leg is not Leg.EXIT
    }
    assert sizes == {D("0.00099")}


def test_a_manual_order_can_be_cancelled_and_be_gone() -> None:
    desk = Desk()
    desk.command(
        inp.PlaceOrder(
            by="ada",
            symbol="BTCUSDT",
            side=Side.BUY,
            type=OrderType.LIMIT,
            quantity=D("0.001"),
            price=D(49_900),
        )
    )
    (order,) = desk.sent()
    desk.accept(order)
    desk.command(inp.CancelOrder(client_order_id="RT_t_0_M_1", by="ada"))
    desk.refuse(desk.only(CancelRequest), -2011, "Unknown order sent.")
    assert desk.asked() == ["RT_t_0_M_1"]
    desk.fill("RT_t_0_M_1")
    assert desk.order("RT_t_0_M_1").state is OrderState.FILLED
    assert desk.state.portfolio.reserved == 0


def test_a_ban_and_an_open_breaker_are_told_to_a_person_at_once() -> None:
    """§12: alerts at once: breaker, halt."""
    desk = Desk()
    desk.signal()
    desk.refuse(desk.only(OrderListRequest), 418, "banned", ErrorClass.RATE)
    assert desk.state.safety.halted_cause == "ip_banned"
    assert desk.alerts() == ["HALTED"]
    desk = Desk()
    desk.signal()
    request = desk.only(OrderListRequest)
    for _ in range(desk.state.settings.breaker.circuit_breaker_errors):
        assert desk.alerts() == []
        desk.refuse(request, 0, "no session", ErrorClass.RETRYABLE)
    assert desk.alerts() == ["CIRCUIT_OPEN"]


def test_a_commission_that_nobody_can_value_is_told_to_a_person() -> None:
    """Paid in BNB whose price is not among those that are watched: results would leave it out unsaid."""
    desk, name = entered()
    fill = desk.fill_report(name, D("0.001"), D(50_000), D("0.0001"), "BNB")
    desk.report(name, V.PARTIALLY_FILLED, executed_quantity=D("0.001"), fills=(fill,))
    assert desk.alerts() == ["FEE_UNVALUED"]
