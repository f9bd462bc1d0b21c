"""Settle: whatever has happened, a position is brought nearer to where it should be."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.instruments import LotSize
from fillwright.core.requests import (
    CancelListRequest,
    CancelReplaceRequest,
    OrderListRequest,
    OrderRequest,
)
from fillwright.core.types import (
    SECOND,
    ErrorClass,
    ExpiryReason,
    Leg,
    ListKind,
    OrderState,
    OrderType,
    PositionDecision,
    PositionStatus,
    SymbolStatus,
)
from tests.core.builders import D, make_instrument
from tests.core.desk import Desk, V, make_settings

LIMIT = inp.Entry("limit", D(49_990))
ONLY_STOP_LIMIT = tuple(kind for kind in OrderType if kind is not OrderType.STOP_LOSS)


def closing(desk: Desk) -> OrderRequest:
    """Have the newest position closed; the sale that replaces its stop."""
    desk.sent()
    desk.command(inp.ClosePosition(position_id=desk.position.id, by="ada"))
    return desk.only(CancelReplaceRequest).order


def free(desk: Desk) -> None:
    """The protection was cancelled."""
    for name in list(desk.position.open_order_ids):
        if desk.order(name).leg in (Leg.STOP_LOSS, Leg.TAKE_PROFIT):
            desk.cancelled(name)


# -- the entry ---------------------------------------------------------------------------------------------------


def test_a_partly_filled_entry_is_cancelled_and_what_it_bought_protected() -> None:
    """§4 Partly filled: within partial_protect_s cancel the list, then OCO on fills − base commission."""
    desk = Desk()
    desk.signal(entry=LIMIT)
    desk.accept(desk.only(OrderListRequest))
    desk.fill("RT_t_1_E_1", D("0.001"), commission_in_base=True)
    desk.wait("0.9")
    assert desk.sent() == []
    desk.wait("0.1")
    desk.only(CancelListRequest)
    desk.cancelled("RT_t_1_E_1", "RT_t_1_S_1", "RT_t_1_T_1")
    oco = desk.only(OrderListRequest)
    assert (oco.kind, oco.legs[0].quantity) == (ListKind.OCO, D("0.00099"))
    desk.check()


def test_below_sellable_size_the_entry_goes_on_until_its_timeout_and_the_rest_is_dust() -> None:
    """§4: below sellable size the entry goes on until entry_timeout_s; what stays unsellable is dust."""
    desk = Desk()
    desk.signal(entry=LIMIT)
    desk.accept(desk.only(OrderListRequest))
    desk.fill("RT_t_1_E_1", D("0.00005"), commission_in_base=True)
    desk.wait(29)
    assert desk.sent() == []
    desk.wait(1)
    desk.only(CancelListRequest)
    desk.cancelled("RT_t_1_E_1", "RT_t_1_S_1", "RT_t_1_T_1")
    position = desk.position
    assert (position.status, position.exit_reason) == (PositionStatus.CLOSED, "dust")
    assert position.dust_quantity == D("0.00004995")
    assert position.dust_cost == D("2.4995")
    desk.check()


def test_an_entry_that_nobody_answers_for_is_in_doubt_and_never_sent_again() -> None:
    """§2: an order not confirmed within stale_order_timeout_s is in doubt; §6: entries are never resent."""
    desk = Desk()
    desk.signal()
    desk.sent()
    desk.wait(10)
    assert desk.order("RT_t_1_E_1").state is OrderState.UNKNOWN
    assert set(desk.asked()) == {"RT_t_1_E_1", "RT_t_1_S_1", "RT_t_1_T_1"}
    desk.wait(60)
    assert desk.sent() == []


def test_closing_does_not_wait_for_a_working_entry() -> None:
    desk = Desk()
    desk.signal(entry=LIMIT)
    desk.accept(desk.only(OrderListRequest))
    desk.fill("RT_t_1_E_1", D("0.001"), commission_in_base=True)
    desk.command(inp.ClosePosition(position_id=1, by="ada"))
    desk.only(CancelListRequest)
    desk.cancelled("RT_t_1_E_1", "RT_t_1_S_1", "RT_t_1_T_1")
    sale = desk.only(OrderRequest)
    assert (sale.type, sale.quantity) == (OrderType.MARKET, D("0.00099"))


def test_an_addition_in_doubt_holds_up_no_exit() -> None:
    """§5: exits, protection and cancels always pass."""
    desk = Desk()
    desk.enter(size=inp.Size(quote=D(40)))
    desk.command(inp.Decision(position_id=1, decision=PositionDecision.ADD, quote=D(30)))
    desk.lose(desk.only(OrderRequest))
    assert closing(desk).type is OrderType.MARKET


# -- armed or not ------------------------------------------------------------------------------------------------


def test_legs_that_are_not_released_in_time_are_asked_about_then_replaced() -> None:
    """§4 Armed or not: after the entry is filled the legs must be NEW within arm_timeout_s."""
    desk = Desk()
    desk.signal()
    desk.accept(desk.only(OrderListRequest))
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    desk.wait("0.9")
    assert desk.asked() == []
    desk.wait("0.1")
    assert set(desk.asked()) == {"RT_t_1_S_1", "RT_t_1_T_1"}
    assert "UNPROTECTED" in desk.alerts()
    desk.wait(10)
    desk.only(CancelListRequest)


def test_a_release_that_fails_is_unprotected_now() -> None:
    """§4: a leg EXPIRED (eR REJECTED) while coins remain = unprotected now: else OCO."""
    desk = Desk()
    desk.signal()
    desk.accept(desk.only(OrderListRequest))
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    desk.expired("RT_t_1_S_1", ExpiryReason.REJECTED)
    desk.sent()
    desk.expired("RT_t_1_T_1", ExpiryReason.REJECTED)
    assert desk.only(OrderListRequest).kind is ListKind.OCO


def test_protection_is_tried_as_a_pair_then_alone_then_the_coins_are_sold() -> None:
    """§4: else OCO; else stop; else sell. After two failures sell at market."""
    desk = Desk(make_instrument(oto_allowed=False))
    desk.signal()
    desk.accept(desk.only(OrderRequest))
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    desk.refuse(
        desk.only(OrderListRequest), -2010, "The relationship of the prices for the orders is not correct."
    )
    alone = desk.only(OrderRequest)
    assert alone.type is OrderType.STOP_LOSS
    desk.refuse(alone, -2010, "no")
    sale = desk.only(OrderRequest)
    assert (sale.type, sale.quantity) == (OrderType.MARKET, D("0.00198"))
    assert desk.position.exit_reason == "unprotected"
    assert desk.alerts().count("UNPROTECTED") == 2


def test_protection_of_which_the_venue_counts_too_many_waits_as_long_as_it_says() -> None:
    """§2: until done; a wait that is told takes the place of one that doubles, within a second and a minute."""
    desk = Desk(make_instrument(oto_allowed=False))
    desk.signal()
    desk.accept(desk.only(OrderRequest))
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    for told_ms, waits_s in ((7_000, 7), (7_000, 7), (1, 1), (86_400_000, 60)):
        oco = desk.only(OrderListRequest)
        desk.refuse(oco, -1015, "Too many new orders", ErrorClass.RATE, retry_after_ms=told_ms)
        assert desk.position.retry_at == desk.now + waits_s * SECOND
        desk.wait(waits_s)
    assert isinstance(desk.only(OrderListRequest), OrderListRequest)


def test_a_stop_refused_because_the_venues_price_has_passed_it_is_sold_at_once() -> None:
    """§4: last ≤ stop, sell at market: the venue has said so, though we have not seen that price."""
    desk = Desk(make_instrument(oto_allowed=False, oco_allowed=False))
    desk.signal()
    desk.accept(desk.only(OrderRequest))
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    desk.refuse(desk.only(OrderRequest), -2010, "Stop price would trigger immediately.")
    assert desk.only(OrderRequest).type is OrderType.MARKET
    assert desk.position.exit_reason == "stop_loss"


def test_a_stop_that_was_triggered_and_found_no_buyer_is_sold_on() -> None:
    """§3: a protective order triggered = closing; an exit that ended: sell the rest at market in the same step."""
    desk = Desk()
    position = desk.enter()
    desk.expired("RT_t_1_T_1", ExpiryReason.OCO_TRIGGER)
    assert desk.sent() == []
    desk.expired("RT_t_1_S_1", ExpiryReason.INSUFFICIENT_LIQUIDITY)
    assert desk.only(OrderRequest).type is OrderType.MARKET
    assert (position.status, position.exit_reason) == (PositionStatus.CLOSING, "stop_loss")
    desk.check()


def test_a_price_through_the_stop_is_sold_at_once() -> None:
    """§4: last ≤ stop, sell at market."""
    desk = Desk(make_instrument(oto_allowed=False))
    desk.signal()
    desk.accept(desk.only(OrderRequest))
    desk.price(48_900)
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    assert desk.only(OrderRequest).type is OrderType.MARKET
    assert desk.position.exit_reason == "stop_loss"


def test_a_person_may_be_told_instead_of_selling() -> None:
    """unprotected_action alert: protection is tried on and on, with a back-off."""
    desk = Desk(
        make_instrument(oto_allowed=False, oco_allowed=False),
        settings=make_settings({"unprotected_action": "alert"}),
    )
    desk.signal()
    desk.accept(desk.only(OrderRequest))
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    for _ in range(4):
        stop = desk.only(OrderRequest)
        assert stop.type is OrderType.STOP_LOSS
        desk.refuse(stop, -2010, "no")
        desk.wait(70)
    assert desk.position.status is PositionStatus.OPEN


def test_how_long_coins_were_unprotected_is_measured() -> None:
    """§4: unprotected_ms, from the entry's last fill to the stop leg's NEW."""
    desk = Desk()
    desk.signal()
    desk.accept(desk.only(OrderListRequest))
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    desk.now += 250_000
    desk.release(desk.position)
    assert desk.events(ev.PositionProtected)[0].unprotected_us == 250_000
    assert desk.position.unprotected_us == 250_000


def test_a_position_without_a_stop_has_nothing_to_be_armed() -> None:
    settings = make_settings()
    settings = make_settings(risk=type(settings.risk)(require_stop_loss=False))
    desk = Desk(settings=settings)
    desk.signal(stop_loss=None)
    desk.accept(desk.only(OrderRequest))
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    assert desk.sent() == []
    desk.price(52_000)
    assert desk.only(OrderRequest).type is OrderType.MARKET
    assert desk.position.exit_reason == "take_profit"


# -- closing -----------------------------------------------------------------------------------------------------


def test_a_close_is_one_request_and_the_rest_is_dust() -> None:
    """§4 Close: one cancelReplace on the stop leg; §3: nothing sellable is left, the rest is dust."""
    desk = Desk()
    position = desk.enter()
    sale = closing(desk)
    assert sale.quantity == D("0.00198")
    free(desk)
    desk.report(sale.client_order_id, V.NEW)
    desk.fill(sale.client_order_id, price=50_000, commission=D("0.099"))
    assert position.status is PositionStatus.CLOSED
    assert position.dust_quantity == D("0.00000801")
    assert desk.state.signals[1].status.value == "completed"
    assert desk.sent() == []
    desk.check()


@pytest.mark.parametrize(
    ("average", "is_sold"),
    [(None, True), (D(49_000), False), (D(50_100), True), (D(60_000), True)],
)
def test_near_the_least_notional_bid_and_average_price_must_both_allow_a_sale(
    average: Decimal | None, is_sold: bool
) -> None:
    """§3: the venue values MARKET orders at its average price; 0.0001 BTC are 5.05 USDT at the bid, 5 the least."""

    class Known:
        def get(self, symbol: str) -> Decimal | None:
            return average

    desk = Desk()
    desk.enter()
    sale = closing(desk)
    free(desk)
    desk.report(sale.client_order_id, V.NEW)
    desk.price(50_500)
    desk.engine.averages = Known()
    desk.fill(sale.client_order_id, D("0.00188"), price=50_500)
    desk.expired(sale.client_order_id, ExpiryReason.INSUFFICIENT_LIQUIDITY)
    desk.wait(60)
    assert (desk.position.status is not PositionStatus.CLOSED) is is_sold
    assert [request.quantity for request in desk.sent() if isinstance(request, OrderRequest)] == (
        [D("0.0001")] if is_sold else []
    )


@pytest.mark.parametrize(("average", "is_sold"), [(None, True), (D(45_000), False)])
def test_coins_whose_stop_has_passed_are_sold_if_their_average_price_allows_it_too(
    average: Decimal | None, is_sold: bool
) -> None:
    """§3: 0.00011 BTC are 5.34 USDT at the bid, under the stop they were to have, and 4.95 at the average price."""

    class Known:
        def get(self, symbol: str) -> Decimal | None:
            return average

    desk = Desk(make_instrument(oto_allowed=False, oco_allowed=False))
    desk.signal(entry=inp.Entry("limit", D(49_990)), take_profit=None)
    desk.accept(desk.only(OrderRequest))
    desk.engine.averages = Known()
    desk.fill("RT_t_1_E_1", D("0.00011"), price=49_990)
    desk.price(48_500)
    desk.expired("RT_t_1_E_1", ExpiryReason.EXCHANGE_CANCELED)
    assert [request.quantity for request in desk.sent() if isinstance(request, OrderRequest)] == (
        [D("0.00011")] if is_sold else []
    )
    assert (desk.position.status is PositionStatus.CLOSED) is not is_sold
    assert desk.position.exit_reason == "stop_loss"
    desk.check()


def test_an_exit_that_is_executing_is_not_sold_a_second_time() -> None:
    """§4 Close: -2022 / -2011 = an exit is executing: sell nothing, query."""
    desk = Desk()
    desk.enter()
    desk.command(inp.ClosePosition(position_id=1, by="ada"))
    request = desk.only(CancelReplaceRequest)
    desk.refuse(request, -2022, "Order cancel-replace failed.")
    assert desk.sent() == []
    assert set(desk.asked()) == {"RT_t_1_S_1", "RT_t_1_T_1"}
    desk.fill("RT_t_1_S_1", price=49_000)
    desk.expired("RT_t_1_T_1", ExpiryReason.OCO_TRIGGER)
    assert desk.position.status is PositionStatus.CLOSED
    assert desk.sent() == []


def test_a_cancel_without_its_sale_is_naked_and_sold() -> None:
    """§4 Close: -2021 = naked: sell."""
    desk = Desk()
    desk.enter()
    desk.command(inp.ClosePosition(position_id=1, by="ada"))
    desk.refuse(
        desk.only(CancelReplaceRequest), -2021, "Order cancel-replace partially failed.", cancel_done=True
    )
    sale = desk.only(OrderRequest)
    assert (sale.type, sale.client_order_id) == (OrderType.MARKET, "RT_t_1_X_2")


def test_the_rest_of_an_exit_that_ended_is_sold_three_times_then_protected() -> None:
    """§3: sell the rest at market, at most 3 tries; tries used up: protect the rest."""
    desk = Desk()
    position = desk.enter()
    desk.price(50_000)
    sale = closing(desk)
    free(desk)
    for number in (2, 3):
        desk.expired(sale.client_order_id, ExpiryReason.INSUFFICIENT_LIQUIDITY)
        sale = desk.only(OrderRequest)
        assert sale.client_order_id == f"RT_t_1_X_{number}"
    desk.expired(sale.client_order_id, ExpiryReason.INSUFFICIENT_LIQUIDITY)
    desk.wait(5)
    (protection,) = desk.sent()
    assert isinstance(protection, OrderListRequest)
    assert position.status is PositionStatus.OPEN
    assert "EXIT_FAILED" in desk.alerts()


def test_after_sales_that_failed_a_refused_pair_is_followed_by_a_stop_at_once() -> None:
    """§4: else OCO; else stop; else sell: the sale waits for its time, the stop does not."""
    desk = Desk()
    position = desk.enter()
    sale = closing(desk)
    free(desk)
    for _ in range(3):
        desk.expired(sale.client_order_id, ExpiryReason.INSUFFICIENT_LIQUIDITY)
        (sale,) = desk.sent()
    desk.refuse(sale, -2010, "The relationship of the prices for the orders is not correct.")
    stop = desk.only(OrderRequest)
    assert stop.type is OrderType.STOP_LOSS
    desk.refuse(stop, -2010, "Stop price would trigger immediately.")
    assert desk.sent() == []
    assert position.retry_at > desk.now
    desk.wait(1)
    assert desk.only(OrderRequest).type is OrderType.MARKET


def test_a_stop_that_our_own_sale_has_passed_is_not_placed() -> None:
    """§4: last ≤ stop: a sale that swept the book set the last price, whatever quote we have seen before it."""
    desk = Desk()
    desk.enter()
    sale = closing(desk)
    free(desk)
    desk.now += 1
    desk.fill(sale.client_order_id, D("0.0001"), 48_900)
    for _ in range(3):
        desk.expired(sale.client_order_id, ExpiryReason.INSUFFICIENT_LIQUIDITY)
        sale, *_ = [*desk.sent(), sale]
    assert desk.position.exit_reason == "stop_loss"
    assert [event.order_type for event in desk.events(ev.OrderSubmitted)[-2:]] == [OrderType.MARKET] * 2
    desk.wait(1)
    assert desk.only(OrderRequest).type is OrderType.MARKET


def test_a_price_range_expiry_protects_at_once() -> None:
    """§3: a price-range expiry: protect the rest (then retry)."""
    desk = Desk()
    position = desk.enter()
    sale = closing(desk)
    free(desk)
    desk.expired(sale.client_order_id, ExpiryReason.EXECUTION_RULE_PRICE_RANGE_EXCEEDED)
    assert position.status is PositionStatus.OPEN
    desk.wait(5)
    assert any(isinstance(request, OrderListRequest) for request in desk.sent())


def test_sales_are_split_by_the_market_lot() -> None:
    """§3: split by MARKET_LOT_SIZE."""
    desk = Desk(make_instrument(market_lot_size=LotSize(D(0), D("0.002"), D(0))))
    desk.enter()
    instrument = make_instrument(market_lot_size=LotSize(D(0), D("0.001"), D(0)))
    desk.step(inp.UpdateInstruments((instrument,)))
    sale = closing(desk)
    assert sale.quantity == D("0.001")
    free(desk)
    desk.fill(sale.client_order_id, price=50_000)
    assert desk.only(OrderRequest).quantity == D("0.00098")


def test_a_target_taken_in_part_has_its_rest_sold() -> None:
    """§4: LIMIT_MAKER: its first partial fill expires the stop: cancelReplace the rest to MARKET."""
    desk = Desk(settings=make_settings(take_profit_style="maker"))
    position = desk.enter()
    target = desk.live(Leg.TAKE_PROFIT)
    assert target.type is OrderType.LIMIT_MAKER
    desk.fill(target.id, D("0.001"), 52_000)
    desk.expired("RT_t_1_S_1", ExpiryReason.OCO_TRIGGER)
    request = desk.only(CancelReplaceRequest)
    assert request.order.quantity == D("0.00098")
    assert position.exit_reason == "take_profit"


def test_a_stop_with_a_limit_is_sold_at_market_when_it_does_not_fill() -> None:
    """§4 Stops: STOP_LOSS_LIMIT, unfilled after stop_escalate_s: cancelled and sold at market."""
    desk = Desk(make_instrument(order_types=ONLY_STOP_LIMIT))
    position = desk.enter()
    stop = desk.live(Leg.STOP_LOSS)
    assert (stop.type, stop.stop_price, stop.price) == (OrderType.STOP_LOSS_LIMIT, D(49_000), D(48_755))
    desk.price(48_700)
    assert position.exit_reason == "stop_loss"
    desk.wait("2.9")
    assert desk.sent() == []
    desk.wait("0.1")
    assert desk.only(CancelReplaceRequest).order.type is OrderType.MARKET


def test_a_market_exit_that_falls_silent_is_asked_about() -> None:
    desk = Desk()
    desk.enter()
    sale = closing(desk)
    free(desk)
    desk.report(sale.client_order_id, V.NEW)
    desk.wait(10)
    assert desk.asked() == [sale.client_order_id]


def test_an_exit_refused_for_the_moment_is_tried_again_with_a_back_off() -> None:
    """§2: exits and protection with backoff until done, alarmed."""
    desk = Desk()
    desk.enter()
    sale = closing(desk)
    free(desk)
    desk.refuse(sale, -1003, "Too many requests", ErrorClass.RATE)
    assert desk.sent() == []
    desk.wait(1)
    again = desk.only(OrderRequest)
    assert again.type is OrderType.MARKET
    desk.refuse(again, -1015, "Too many new orders", ErrorClass.RATE, retry_after_ms=9_000)
    desk.wait("8.9")
    assert desk.sent() == []
    desk.wait("0.1")
    assert desk.only(OrderRequest).type is OrderType.MARKET


# -- not trading, late, outside ----------------------------------------------------------------------------------


def test_where_a_symbol_does_not_trade_nothing_is_touched_until_it_does() -> None:
    """§4 Symbol not TRADING: flagged exit_blocked, alarm, exchangeInfo every 10 s; on TRADING protect or sell first."""
    desk = Desk()
    position = desk.enter()
    desk.step(inp.UpdateInstruments((make_instrument(status=SymbolStatus.HALT),)))
    assert position.exit_blocked
    assert desk.alerts() == ["EXIT_BLOCKED"]
    desk.command(inp.ClosePosition(position_id=1, by="ada"))
    desk.instruments_asked()
    desk.wait(20)
    assert desk.sent() == []
    assert len(desk.instruments_asked()) == 2
    desk.step(inp.UpdateInstruments((make_instrument(),)))
    assert not position.exit_blocked
    assert desk.only(CancelReplaceRequest).order.type is OrderType.MARKET


def test_a_late_execution_after_the_close_is_protected_and_its_result_taken_back() -> None:
    """§3: closed to open: a late fill of its entry: protect at once."""
    desk = Desk()
    desk.signal(entry=LIMIT)
    desk.accept(desk.only(OrderListRequest))
    desk.fill("RT_t_1_E_1", D("0.001"), commission_in_base=True)
    desk.wait(1)
    desk.sent()
    desk.cancelled("RT_t_1_E_1", "RT_t_1_S_1", "RT_t_1_T_1")
    (oco,) = desk.sent()
    desk.accept(oco)
    desk.fill("RT_t_1_S_2", price=49_000)
    desk.expired("RT_t_1_T_2", ExpiryReason.OCO_TRIGGER)
    position = desk.position
    assert position.status is PositionStatus.CLOSED
    assert desk.state.portfolio.realized == position.realized
    fill = desk.fill_report("RT_t_1_E_1", D("0.0005"), D(49_990), D(0), "BTC")
    desk.report("RT_t_1_E_1", V.CANCELED, executed_quantity=D("0.0015"), fills=(fill,))
    assert position.status is PositionStatus.OPEN
    assert desk.only(OrderListRequest).legs[0].quantity == D("0.0005")
    assert desk.state.portfolio.realized == 0
    desk.check()


def test_an_order_that_works_for_an_ended_position_is_cancelled() -> None:
    desk = Desk()
    desk.signal()
    desk.refuse(desk.only(OrderListRequest))
    order = desk.order("RT_t_1_S_1")
    order_report = desk.news(order.id, V.NEW)
    assert desk.position.status is PositionStatus.FAILED
    desk.step(order_report)  # impossible: it was rejected
    assert desk.sent() == []
    desk = Desk()
    desk.signal(entry=LIMIT)
    desk.lose(desk.only(OrderListRequest))
    for _ in range(2):
        desk.wait(20)
        for name in desk.asked()[-3:]:
            desk.absent(name)
    assert desk.position.failure_reason == "NEVER_ARRIVED"
    desk.sent()
    desk.report("RT_t_1_E_1", V.NEW)
    assert isinstance(desk.only(CancelListRequest), CancelListRequest)


# -- reducing ----------------------------------------------------------------------------------------------------


def reducing(desk: Desk, fraction: str = "0.5") -> None:
    answer = desk.command(inp.Decision(position_id=1, decision=PositionDecision.REDUCE, fraction=D(fraction)))
    assert answer.ok, answer


def test_a_reduction_amends_the_exits_then_sells_what_is_free() -> None:
    """§4 Reduce: amend keepPriority of the exit quantity, then sell the freed part."""
    desk = Desk()
    position = desk.enter()
    reducing(desk)
    (amend,) = desk.sent()
    assert amend.new_quantity == D("0.00099")  # type: ignore[union-attr]
    desk.wait(1)
    assert desk.sent() == []  # its answer is awaited
    desk.report("RT_t_1_S_1", V.NEW, quantity=D("0.00099"))
    sale = desk.only(OrderRequest)
    assert (sale.type, sale.quantity) == (OrderType.MARKET, D("0.00099"))
    desk.fill(sale.client_order_id, price=50_500)
    assert position.status is PositionStatus.OPEN
    assert position.quantity == D("0.00099801")
    assert position.reduce_quantity == 0
    assert desk.sent() == []
    desk.check()


@pytest.mark.parametrize("refused", [False, True])
def test_where_exits_cannot_be_amended_they_are_placed_anew(refused: bool) -> None:
    """§4 Reduce: where amend is not allowed: cancel list, await ack, OCO on the rest, sell."""
    desk = Desk(make_instrument(amend_allowed=refused))
    desk.enter()
    reducing(desk)
    if refused:
        (amend,) = desk.sent()
        desk.refuse(amend, -2038, "The requested action would change no state; rejecting.")
    desk.only(CancelListRequest)
    free(desk)
    requests = desk.sent()
    kinds = [type(request) for request in requests]
    assert OrderListRequest in kinds
    (oco,) = (request for request in requests if isinstance(request, OrderListRequest))
    assert oco.legs[0].quantity == D("0.00099")
    desk.accept(oco)
    requests += desk.sent()
    (sale,) = (request for request in requests if isinstance(request, OrderRequest))
    assert sale.type is OrderType.MARKET


def test_a_close_supersedes_a_reduction() -> None:
    desk = Desk()
    position = desk.enter()
    reducing(desk)
    desk.sent()
    desk.command(inp.ClosePosition(position_id=1, by="ada"))
    assert position.reduce_quantity == 0
