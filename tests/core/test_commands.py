"""What traders and operators want: decisions, manual orders, cancels, pauses, stops."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.context import ENTRY_LANE, EXIT_LANE
from fillwright.core.effects import Send
from fillwright.core.requests import (
    AmendRequest,
    CancelListRequest,
    CancelReplaceRequest,
    CancelRequest,
    OrderListRequest,
    OrderRequest,
)
from fillwright.core.settings import VenueProfile
from fillwright.core.types import (
    ZERO,
    Leg,
    OrderState,
    OrderType,
    PositionDecision,
    PositionStatus,
    Side,
    SymbolStatus,
    TimeInForce,
)
from tests.core.builders import CASH, NOW, D, make_instrument, wide_limits
from tests.core.desk import Desk, V, make_settings

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


# -- every refusal -----------------------------------------------------------------------------------------------

QUIET = VenueProfile(protection_read_s=0, reconciliation=False)


def held(**changes: Any) -> Desk:
    """A position of 100 USDT: 0.00198 BTC and dust, protected at 49,000 and 52,000."""
    desk = Desk(settings=make_settings(venue=QUIET, **changes))
    desk.enter(size=inp.Size(quote=D(100)))
    return desk


@pytest.mark.parametrize("decision", list(PositionDecision))
def test_a_position_that_is_not_open_takes_no_decision(decision: PositionDecision) -> None:
    desk = Desk()
    assert decide(desk, decision, price=D(49_500)) == "position 1 is unknown"
    desk.signal()
    assert decide(desk, decision, price=D(49_500)) == "position 1 is submitting"
    assert len(desk.sent()) == 1


@pytest.mark.parametrize(
    ("decision", "price", "why"),
    [
        (PositionDecision.ADJUST_STOP_LOSS, "49999.98", ""),
        (PositionDecision.ADJUST_STOP_LOSS, "53000", "the stop must stay two ticks under the price"),
        (PositionDecision.ADJUST_TAKE_PROFIT, "50000.02", ""),
        (PositionDecision.ADJUST_TAKE_PROFIT, "50000.01", "the target must stay two ticks over the price"),
        (PositionDecision.ADJUST_TAKE_PROFIT, "2000000", "PRICE_FILTER"),
    ],
)
def test_levels_keep_their_distance(decision: PositionDecision, price: str, why: str) -> None:
    """§4 Move: new level ≥ 2 ticks from last."""
    desk = held()
    assert decide(desk, decision, price=D(price)) == why
    assert bool(desk.sent()) is not bool(why)


def test_levels_are_rounded_to_less_risk() -> None:
    """§4: stops up to tick, targets down."""
    desk = held()
    decide(desk, PositionDecision.ADJUST_STOP_LOSS, price=D("49400.001"))
    decide(desk, PositionDecision.ADJUST_TAKE_PROFIT, price=D("53000.019"))
    assert (desk.position.stop_loss, desk.position.take_profit) == (D("49400.01"), D("53000.01"))


def test_levels_do_not_cross_each_other() -> None:
    desk = held()
    desk.price(60_000)
    assert (
        decide(desk, PositionDecision.ADJUST_STOP_LOSS, price=D(52_000))
        == "the stop must stay under the target"
    )
    desk.price(48_000)
    assert (
        decide(desk, PositionDecision.ADJUST_TAKE_PROFIT, price=D(48_500))
        == "the target must stay over the stop"
    )


def test_no_level_moves_where_nothing_can_be_seen_or_done() -> None:
    """§4 Move: not unless status TRADING, clock and stream healthy."""
    desk = held()
    desk.step(inp.UpdateInstruments((make_instrument(status=SymbolStatus.HALT),)))
    assert decide(desk, PositionDecision.ADJUST_STOP_LOSS, price=D(49_500)) == "BTCUSDT is not trading"
    desk.engine.quotes.clear()
    assert decide(desk, PositionDecision.ADJUST_STOP_LOSS, price=D(49_500)) == "no quote"
    assert desk.position.stop_loss == 49_000


def test_both_levels_are_taken_or_none() -> None:
    desk = held()
    wrong = inp.AdjustProtection(position_id=1, by="ada", stop_loss=D(49_500), take_profit=D(49_900))
    assert desk.command(wrong).code == "REFUSED"
    assert (desk.position.stop_loss, desk.position.take_profit) == (49_000, 52_000)
    right = inp.AdjustProtection(position_id=1, by="ada", stop_loss=D(49_500), take_profit=D(53_000))
    assert desk.command(right).ok
    assert (desk.position.stop_loss, desk.position.take_profit) == (49_500, 53_000)
    assert isinstance(desk.only(CancelListRequest), CancelListRequest)


@pytest.mark.parametrize("levels", [{}, {"stop_loss": D(-1)}, {"take_profit": ZERO}, {"stop_loss": ZERO}])
def test_an_adjustment_names_levels_that_are_prices(levels: dict[str, Decimal]) -> None:
    desk = held()
    answer = desk.command(inp.AdjustProtection(position_id=1, by="ada", widen=True, **levels))
    assert (answer.code, answer.message) == ("REFUSED", "a level needs a price")
    assert desk.events(ev.PositionUpdated) == []


def test_a_venues_trailing_stop_moved_by_hand_becomes_a_fixed_one() -> None:
    desk = Desk()
    desk.enter(trailing=True)
    assert desk.position.trailing_delta == 200
    assert decide(desk, PositionDecision.ADJUST_STOP_LOSS, price=D(49_500)) == ""
    assert (desk.position.trailing_delta, desk.position.stop_loss) == (None, D(49_500))


# -- reduce and add ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "freed"),
    [
        ("0.00009", "too small to be sold"),  # 4.50 at the bid
        ("0.000999", "0.00099"),
        ("0.00187", "0.00187"),  # what is left is worth 5.39 at the stop
        ("0.0019", "close"),  # what is left is worth 3.92 there
        ("5", "close"),
    ],
)
def test_a_part_and_its_rest_are_both_worth_something(quantity: str, freed: str) -> None:
    """A part that cannot be sold is refused; a rest that could not be protected goes with it."""
    desk = held()
    why = decide(desk, PositionDecision.REDUCE, quantity=D(quantity))
    if freed == "close":
        assert desk.position.status is PositionStatus.CLOSING
        assert desk.only(CancelReplaceRequest).order.quantity == D("0.00198")
    elif why:
        assert (why, desk.sent(), desk.position.reduce_quantity) == (freed, [], ZERO)
    else:
        assert desk.position.reduce_quantity == D(freed)
        assert desk.only(AmendRequest).new_quantity == D("0.00198") - D(freed)


def test_an_addition_sets_money_aside_and_keeps_the_position_open() -> None:
    """§3: ``add`` keeps the position open; its quantity, average and protection follow."""
    desk = held(risk=wide_limits(max_position_size_usdt=D(200)))
    before = desk.position.quantity
    assert decide(desk, PositionDecision.ADD, quote=D(50)) == ""
    request = desk.only(OrderRequest)
    assert (request.side, request.time_in_force, request.quantity) == (
        Side.BUY,
        TimeInForce.FOK,
        D("0.00099"),
    )
    assert request.price == D("50250.01")
    assert desk.order(request.client_order_id).reserved == D("0.00099") * D("50250.01")
    desk.report(request.client_order_id, V.NEW)
    desk.fill(request.client_order_id, commission_in_base=True)
    assert desk.position.status is PositionStatus.OPEN
    assert desk.position.quantity == before + D("0.00099") * D("0.999")
    assert desk.state.portfolio.reserved == ZERO
    desk.check()


def test_additions_stop_at_the_limit_and_at_a_halt() -> None:
    """§10: no advisor can exceed a limit; §5: a halt denies entries, additions too."""
    desk = held()  # the position has the largest size already
    code = decide(desk, PositionDecision.ADD, quote=D(50))
    denied = desk.events(ev.OrderDenied)[-1]
    assert (denied.code, denied.position_id) == (code, 1)
    assert next(check.code for check in denied.checks if not check.passed) == code
    desk = held(risk=wide_limits(max_position_size_usdt=D(200)))
    desk.command(inp.EmergencyStop(by="ada"))
    assert decide(desk, PositionDecision.ADD, quote=D(50)) == "HALTED"


# -- manual orders and cancels -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reserve"),
    [
        ({"type": OrderType.MARKET, "price": None, "quantity": None, "quote_quantity": D(60)}, D(60)),
        ({"type": OrderType.MARKET, "price": None}, D("50.00001")),
        ({"type": OrderType.STOP_LOSS, "price": None, "stop_price": D(50_500)}, D("50.5")),
        ({"side": Side.SELL, "price": D(50_500)}, ZERO),
    ],
)
def test_what_a_manual_order_sets_aside(changes: dict[str, Any], reserve: Decimal) -> None:
    desk = Desk(settings=make_settings(venue=QUIET), balances=(("USDT", CASH, ZERO), ("BTC", D(1), ZERO)))
    step = desk.step(
        inp.PlaceOrder(
            **{
                "by": "ada",
                "symbol": "BTCUSDT",
                "side": Side.BUY,
                "type": OrderType.LIMIT,
                "quantity": D("0.001"),
                "price": D(49_900),
                **changes,
            }
        )
    )
    assert [effect.lane for effect in step.effects if isinstance(effect, Send)] == [ENTRY_LANE]
    assert desk.state.portfolio.reserved == reserve
    desk.accept(desk.only(OrderRequest))
    desk.cancelled("RT_t_0_M_1")
    assert desk.state.portfolio.reserved == ZERO
    desk.check()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": D("0.00002")}, "FILTER_NOTIONAL"),
        ({"quantity": D("0.003")}, "ORDER_SIZE_MAX"),
        ({"price": D("49900.001")}, "FILTER_PRICE_FILTER"),
        ({"quantity": D("0.001001")}, "FILTER_LOT_SIZE"),
    ],
)
def test_manual_orders_are_judged_save_by_what_is_about_a_signal(changes: dict[str, Any], code: str) -> None:
    """§2: the same risk checks, save those about a signal."""
    desk = Desk(settings=make_settings(risk=wide_limits(max_order_size_usdt=D(120))))
    assert place(desk, **changes).code == code
    ran = [check.code for check in desk.events(ev.OrderDenied)[-1].checks]
    for about_a_signal in (
        "SHORT_NOT_SUPPORTED",
        "SIGNAL_STALE",
        "STOP_LOSS_REQUIRED",
        "TAKE_PROFIT_WRONG_SIDE",
    ):
        assert about_a_signal not in ran
    assert {"HALTED", "QUOTE_STALE", "BALANCE_INSUFFICIENT", "RATE_RESERVE"} <= set(ran)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"price": None}, "LIMIT needs a price"),
        ({"stop_price": D(49_000)}, "LIMIT takes no stop_price"),
        ({"quantity": None}, "LIMIT needs a quantity, and takes no quote_quantity"),
        ({"quote_quantity": D(10)}, "LIMIT needs a quantity, and takes no quote_quantity"),
        (
            {"type": OrderType.LIMIT_MAKER, "time_in_force": TimeInForce.GTC},
            "LIMIT_MAKER takes no time_in_force",
        ),
        ({"type": OrderType.STOP_LOSS}, "STOP_LOSS takes no price"),
        ({"type": OrderType.STOP_LOSS, "price": None}, "STOP_LOSS needs a stop_price"),
        ({"type": OrderType.TAKE_PROFIT_LIMIT}, "TAKE_PROFIT_LIMIT needs a stop_price"),
        ({"type": OrderType.MARKET}, "MARKET takes no price"),
        (
            {"type": OrderType.MARKET, "price": None, "quote_quantity": D(10)},
            "MARKET needs a quantity or a quote_quantity, not both",
        ),
        (
            {"type": OrderType.MARKET, "price": None, "quantity": None},
            "MARKET needs a quantity or a quote_quantity, not both",
        ),
        ({"price": ZERO}, "prices and quantities must be greater than 0"),
        ({"quantity": D(-1)}, "prices and quantities must be greater than 0"),
    ],
)
def test_what_makes_no_order_is_refused_before_it_is_judged(changes: dict[str, Any], why: str) -> None:
    """The fields that each type needs, and no others; what is judged is what would be sent."""
    desk = Desk()
    answer = place(desk, **changes)
    assert (answer.ok, answer.code, answer.message) == (False, "ORDER_INVALID", why)
    assert (desk.sent(), desk.state.orders, desk.events(ev.OrderDenied)) == ([], {}, [])


@pytest.mark.parametrize(
    ("changes", "time_in_force"),
    [
        ({"type": OrderType.STOP_LOSS_LIMIT, "price": D(50_200), "stop_price": D(50_100)}, TimeInForce.GTC),
        ({"time_in_force": TimeInForce.IOC}, TimeInForce.IOC),
        ({"type": OrderType.LIMIT_MAKER}, None),
    ],
)
def test_orders_with_a_limit_rest_until_cancelled_unless_said_otherwise(
    changes: dict[str, Any], time_in_force: TimeInForce | None
) -> None:
    desk = Desk()
    answer = place(desk, **changes)
    assert answer.ok, answer
    assert desk.only(OrderRequest).time_in_force is time_in_force


def test_a_cancel_is_sent_once_by_number_with_an_id_of_its_own() -> None:
    """§6: by order id where known; each cancel carries a deterministic id."""
    desk = Desk()
    place(desk)
    desk.accept(desk.only(OrderRequest))
    step = desk.step(inp.CancelOrder(client_order_id="RT_t_0_M_1", by="ada"))
    assert [effect.lane for effect in step.effects if isinstance(effect, Send)] == [EXIT_LANE]
    request = desk.only(CancelRequest)
    assert (request.order_id, request.cancel_client_order_id) == (desk.order_id("RT_t_0_M_1"), "RT_t_0_C_1")
    assert desk.order("RT_t_0_M_1").cancel_reason == "ada: cancel"
    assert desk.command(inp.CancelOrder(client_order_id="RT_t_0_M_1", by="ada")).ok
    assert desk.sent() == []


@pytest.mark.parametrize("state", ["cancelled", "filled", "expired"])
def test_whatever_its_end_an_ended_order_names_it(state: str) -> None:
    desk = Desk()
    place(desk)
    desk.accept(desk.only(OrderRequest))
    {"cancelled": desk.cancelled, "filled": desk.fill, "expired": desk.expired}[state]("RT_t_0_M_1")
    answer = desk.command(inp.CancelOrder(client_order_id="RT_t_0_M_1", by="ada"))
    assert (answer.code, answer.message) == ("ORDER_ENDED", f"order RT_t_0_M_1 is {state}")


def test_an_entry_is_cancelled_with_its_whole_list() -> None:
    desk = Desk()
    desk.signal(entry=LIMIT)
    desk.accept(desk.only(OrderListRequest))
    assert desk.command(inp.CancelOrder(client_order_id="RT_t_1_E_1", by="ada")).ok
    assert desk.only(CancelListRequest).list_client_order_id == "RT_t_1_L_1"
    assert {desk.order(name).state for name in desk.position.open_order_ids} == {OrderState.CANCEL_PENDING}


# -- stops -------------------------------------------------------------------------------------------------------


def test_a_stop_reaches_what_is_still_on_its_way() -> None:
    """§8: the gate is shut; an entry that has been sent is cancelled although nothing was heard of it yet."""
    desk = Desk()
    desk.signal(entry=LIMIT)
    desk.sent()
    answer = desk.command(inp.EmergencyStop(by="ada"))
    assert answer.orders == ("RT_t_1_E_1",)
    assert isinstance(desk.only(CancelListRequest), CancelListRequest)


def test_a_stop_may_be_pressed_again_and_harder() -> None:
    desk = held()
    desk.command(inp.EmergencyStop(by="ada", reason="smoke"))
    safety = desk.state.safety
    assert (safety.halted_cause, safety.halted_reason, safety.halted_by) == ("emergency_stop", "smoke", "ada")
    assert desk.position.status is PositionStatus.OPEN
    desk.command(inp.EmergencyStop(by="ada", flatten=True))
    desk.command(inp.EmergencyStop(by="ada", flatten=True))
    assert isinstance(desk.only(CancelReplaceRequest), CancelReplaceRequest)
    desk.check()


def test_while_halted_exits_and_moves_still_pass() -> None:
    """§8: while halted, protection, exits and cancels still pass; manual orders do not."""
    desk = held()
    desk.command(inp.EmergencyStop(by="ada"))
    assert place(desk).code == "HALTED"
    assert decide(desk, PositionDecision.ADJUST_STOP_LOSS, price=D(49_500)) == ""
    assert isinstance(desk.only(CancelListRequest), CancelListRequest)


def test_a_resume_lifts_a_pause_and_a_shutdown_too() -> None:
    desk = Desk()
    desk.command(inp.Pause(until=NOW + 60_000_000, by="ada", cause="news"))
    desk.command(inp.Shutdown())
    assert desk.signal(key="1").code == "PAUSED"
    desk.command(inp.Resume(by="ada", reason="over"))
    assert desk.signal(key="2").ok
