"""What traders and operators want: decisions, manual orders, cancels, pauses, stops."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.requests import (
    CancelListRequest,
    CancelReplaceRequest,
    CancelRequest,
    OrderListRequest,
    OrderRequest,
)
from fillwright.core.types import (
    Leg,
    OrderState,
    OrderType,
    PositionDecision,
    PositionStatus,
    Side,
    TimeInForce,
)
from tests.core.builders import D, make_instrument
from tests.core.desk import Desk, V

LIMIT = inp.Entry("limit", D(49_990))


def decide(desk: Desk, decision: PositionDecision, **changes: Any) -> str:
    """Take a decision about the first position; why it was refused, or ''."""
    answer = desk.command(inp.Decision(position_id=1, decision=decision, reasoning="so", **changes))
    assert answer.ok == (not answer.message)
    made = desk.events(ev.DecisionMade)[-1]
    assert (made.outcome, made.reasoning) == (answer.message or "accepted", "so")
    return answer.message


def place(desk: Desk, **changes: Any) -> Any:
    """Place a manual order."""
    fields: dict[str, Any] = {
        "by": "ada",
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": D("0.001"),
        "price": D(49_900),
    }
    return desk.command(inp.PlaceOrder(**{**fields, **changes}))


# -- decisions ---------------------------------------------------------------------------------------------------


def test_hold_changes_nothing() -> None:
    desk = Desk()
    desk.enter()
    assert decide(desk, PositionDecision.HOLD) == ""
    assert desk.sent() == []


def test_a_decision_about_nothing_is_refused() -> None:
    desk = Desk()
    assert decide(desk, PositionDecision.CLOSE) == "position 1 is unknown"
    desk.enter()
    decide(desk, PositionDecision.CLOSE)
    assert decide(desk, PositionDecision.CLOSE) == "position 1 is closing"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "a level needs a price"),
        ({"price": D(-1)}, "a level needs a price"),
        ({"price": D(48_000)}, "a stop is never widened"),
        ({"price": D("49999.99")}, "the stop must stay two ticks under the price"),
    ],
)
def test_advice_never_widens_a_stop(changes: dict[str, Decimal], why: str) -> None:
    """§10: no advisor can widen a stop; §4 Move: new level ≥ 2 ticks from last."""
    desk = Desk()
    position = desk.enter()
    assert decide(desk, PositionDecision.ADJUST_STOP_LOSS, **changes) == why
    assert position.stop_loss == 49_000


def test_an_operator_may_widen_by_saying_so() -> None:
    """§4 Move: it never widens risk unless an operator says so."""
    desk = Desk()
    position = desk.enter()
    adjust = inp.AdjustProtection(position_id=1, by="ada", stop_loss=D(48_000))
    assert desk.command(adjust).code == "REFUSED"
    answer = desk.command(inp.AdjustProtection(position_id=1, by="ada", stop_loss=D(48_000), widen=True))
    assert answer.ok
    assert position.stop_loss == 48_000


@pytest.mark.parametrize(
    ("price", "why"),
    [(53_000, ""), (50_000, "the target must stay two ticks over the price"), (0, "a level needs a price")],
)
def test_a_target_may_move_either_way(price: int, why: str) -> None:
    desk = Desk()
    position = desk.enter()
    assert decide(desk, PositionDecision.ADJUST_TAKE_PROFIT, price=D(price)) == why
    assert position.take_profit == (price if not why else 52_000)


def test_levels_rest_while_the_stream_is_down() -> None:
    """§4 Move: not unless status TRADING, clock and stream healthy."""
    desk = Desk()
    desk.enter()
    desk.step(inp.StreamChanged(False))
    assert decide(desk, PositionDecision.ADJUST_STOP_LOSS, price=D(49_500)) == "the user data stream is down"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "reduce needs a quantity, or a fraction from 0 to 1"),
        ({"fraction": D("1.5")}, "reduce needs a quantity, or a fraction from 0 to 1"),
        ({"fraction": D("0.001")}, "too small to be sold"),
        ({"quantity": D("-1")}, "too small to be sold"),
        ({"fraction": D("0.5")}, ""),
    ],
)
def test_a_reduction_must_be_sellable(changes: dict[str, Decimal], why: str) -> None:
    desk = Desk()
    desk.enter()
    assert decide(desk, PositionDecision.REDUCE, **changes) == why


def test_a_reduction_that_leaves_only_dust_is_a_close() -> None:
    desk = Desk()
    position = desk.enter()
    assert decide(desk, PositionDecision.REDUCE, fraction=D("0.97")) == ""
    assert position.status is PositionStatus.CLOSING


def test_one_reduction_at_a_time() -> None:
    desk = Desk()
    desk.enter()
    decide(desk, PositionDecision.REDUCE, fraction=D("0.3"))
    assert decide(desk, PositionDecision.REDUCE, fraction=D("0.3")) == "a reduction is under way"


def test_an_addition_passes_the_same_checks() -> None:
    """§10: no advisor can exceed a limit."""
    desk = Desk()
    desk.enter()
    desk.price(49_000)  # at the stop
    assert decide(desk, PositionDecision.ADD, quote=D(10)) != ""
    assert desk.events(ev.OrderDenied)[-1].by == "trader"


# -- operators ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        inp.ClosePosition(position_id=9, by="ada"),
        inp.AdjustProtection(position_id=9, by="ada", stop_loss=D(1)),
    ],
)
def test_commands_about_positions_that_are_not_open(command: inp.Input) -> None:
    assert Desk().command(command).code == "POSITION_NOT_OPEN"


def test_a_manual_order_sets_its_money_aside() -> None:
    desk = Desk()
    assert place(desk).orders == ("RT_t_0_M_1",)
    request = desk.only(OrderRequest)
    assert request.time_in_force is TimeInForce.GTC
    assert desk.state.portfolio.reserved == D("49.9")
    answer = place(desk, type=OrderType.MARKET, quantity=None, price=None, quote_quantity=D(20))
    assert answer.ok, answer
    assert desk.only(OrderRequest).quote_order_quantity == 20
    assert desk.state.portfolio.reserved == D("69.9")


def test_a_manual_order_passes_the_risk_checks() -> None:
    """§2: manual orders go through the same checks; a denied intent makes no order (OrderDenied)."""
    desk = Desk()
    answer = place(desk, price=D(60_000))
    assert (answer.ok, answer.code) == (False, "PRICE_DEVIATION")
    assert desk.events(ev.OrderDenied)[0].code == "PRICE_DEVIATION"
    assert desk.state.orders == {}
    assert place(desk, symbol="NOUSDT").code == "SYMBOL_NOT_ALLOWED"


def test_cancel_of_a_final_order_names_its_state() -> None:
    """§2: cancel of a final order is an error that names its state."""
    desk = Desk()
    place(desk)
    desk.refuse(desk.only(OrderRequest))
    answer = desk.command(inp.CancelOrder(client_order_id="RT_t_0_M_1", by="ada"))
    assert (answer.code, answer.message) == ("ORDER_ENDED", "order RT_t_0_M_1 is rejected")
    assert desk.command(inp.CancelOrder(client_order_id="x", by="ada")).code == "ORDER_UNKNOWN"


def test_protection_is_not_cancelled_by_hand() -> None:
    desk = Desk()
    desk.enter()
    stop = desk.live(Leg.STOP_LOSS).id
    assert desk.command(inp.CancelOrder(client_order_id=stop, by="ada")).code == "ORDER_PROTECTS"


def test_cancel_all_takes_entries_and_manual_orders_of_a_symbol() -> None:
    """§2: cancel_all(symbol?) reports each outcome."""
    desk = Desk(make_instrument(), make_instrument("ETHUSDT"))
    desk.enter()
    desk.price(49_999)
    place(desk)
    desk.signal(symbol="ETHUSDT", entry=LIMIT)
    desk.sent()
    answer = desk.command(inp.CancelAll(by="ada", symbol="BTCUSDT"))
    assert answer.orders == ("RT_t_0_M_1",)
    assert isinstance(desk.only(CancelRequest), CancelRequest)
    answer = desk.command(inp.CancelAll(by="ada"))
    assert "RT_t_2_E_1" in answer.orders


def test_a_pause_ends_by_itself() -> None:
    """§5: PAUSED is an operator's timed pause."""
    desk = Desk()
    desk.command(inp.Pause(until=desk.now + 60_000_000, by="ada"))
    assert desk.signal(key="1").code == "PAUSED"
    desk.wait(61)
    assert desk.signal(key="2").ok


def test_an_emergency_stop_halts_first_and_keeps_protection() -> None:
    """§8: durable halt first; without flatten cancel only working entries and manual orders, protection stays."""
    desk = Desk()
    desk.enter()
    place(desk)
    desk.sent()
    desk.records.clear()
    answer = desk.command(inp.EmergencyStop(by="ada"))
    assert isinstance(desk.records[0].event, ev.Halted)
    assert answer.orders == ("RT_t_0_M_1",)
    assert isinstance(desk.only(CancelRequest), CancelRequest)
    assert desk.live(Leg.STOP_LOSS).is_live
    assert desk.signal(key="x").code == "HALTED"
    assert desk.alerts() == ["HALTED"]


def test_flatten_sells_what_positions_own() -> None:
    """§8: with flatten each position by cancelReplace to MARKET."""
    desk = Desk()
    desk.enter()
    desk.command(inp.EmergencyStop(by="ada", flatten=True))
    assert desk.only(CancelReplaceRequest).order.quantity == D("0.00198")
    assert desk.position.exit_reason == "emergency stop"


def test_flatten_sells_what_is_bought_after_it() -> None:
    """§8: a partly filled list entry is then protected, else sold; with flatten sold."""
    desk = Desk()
    desk.signal()
    desk.accept(desk.only(OrderListRequest))
    desk.command(inp.EmergencyStop(by="ada", flatten=True))
    cancel = desk.only(CancelListRequest)
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    desk.refuse(cancel, -2011, "Unknown order sent.")
    for name in ("RT_t_1_S_1", "RT_t_1_T_1"):
        desk.report(name, V.NEW, quantity=D("0.00198"))
    for _ in range(4):
        desk.wait(1)
        for name in desk.asked():
            desk.report(name, V.NEW)
    assert desk.position.status is PositionStatus.CLOSING
    assert desk.only(CancelReplaceRequest).order.type is OrderType.MARKET


def test_resume_needs_a_reason() -> None:
    """§5: a halt needs a resume with a reason."""
    desk = Desk()
    desk.command(inp.EmergencyStop(by="ada"))
    assert desk.command(inp.Resume(by="ada", reason="  ")).code == "REASON_REQUIRED"
    assert desk.signal(key="1").code == "HALTED"
    assert desk.command(inp.Resume(by="ada", reason="checked")).ok
    assert desk.signal(key="2").ok


def test_a_shutdown_takes_no_entries_and_keeps_protection() -> None:
    """§8 Graceful shutdown: no new entries, cancel working entries, keep protection."""
    desk = Desk(make_instrument(), make_instrument("ETHUSDT"))
    desk.enter()
    desk.signal(symbol="ETHUSDT", entry=LIMIT)
    desk.accept(desk.only(OrderListRequest))
    answer = desk.command(inp.Shutdown())
    assert answer.orders == ("RT_t_2_E_1",)
    assert isinstance(desk.only(CancelListRequest), CancelListRequest)
    assert desk.order("RT_t_1_S_1").state is OrderState.ACCEPTED
    assert not desk.signal(key="x").ok
