"""Protection: a live stop for every sellable coin, placed, measured, moved and trailed."""

from __future__ import annotations

import pytest

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.protection import covered, trail_trigger, wants_move
from fillwright.core.requests import CancelListRequest, CancelReplaceRequest, OrderListRequest, OrderRequest
from fillwright.core.types import CancelRestriction, Leg, OrderState, OrderType, Protection
from tests.core.builders import D, make_instrument
from tests.core.desk import Desk, V


def move_stop(desk: Desk, level: int) -> None:
    answer = desk.command(inp.AdjustProtection(position_id=1, by="ada", stop_loss=D(level)))
    assert answer.ok, answer


def test_only_live_stops_cover() -> None:
    """§4: a pending leg (PENDING_NEW) is not a live stop."""
    desk = Desk()
    position = desk.enter()
    orders = desk.engine.ledger.orders_of(position)
    assert covered(orders) == D("0.00198")
    desk.live(Leg.STOP_LOSS).state = OrderState.PENDING_NEW
    assert covered(orders) == 0


def test_how_a_position_is_protected_is_recorded() -> None:
    desk = Desk(make_instrument(oto_allowed=False))
    desk.enter()
    assert desk.events(ev.PositionProtected)[-1].protection is Protection.OCO
    assert desk.position.stop_order_id == "RT_t_1_S_1"


# -- moving ------------------------------------------------------------------------------------------------------


def test_a_lone_stop_moves_in_one_request() -> None:
    """§4 Move: a lone stop by cancelReplace STOP_ON_FAILURE (only while it is untouched)."""
    desk = Desk()
    desk.enter(take_profit=None)
    move_stop(desk, 49_500)
    request = desk.only(CancelReplaceRequest)
    assert (request.order.type, request.order.stop_price) == (OrderType.STOP_LOSS, D(49_500))
    assert request.cancel.restriction is CancelRestriction.ONLY_NEW
    desk.cancelled("RT_t_1_S_1")
    desk.report("RT_t_1_S_2", V.NEW)
    assert desk.position.stop_order_id == "RT_t_1_S_2"
    assert desk.sent() == []
    desk.check()


def test_a_pair_moves_by_cancelling_its_list_first() -> None:
    """§4 Move: an OCO by cancelling the list, awaiting the ack, placing the new OCO; the gap is measured."""
    desk = Desk()
    desk.enter()
    move_stop(desk, 49_500)
    desk.only(CancelListRequest)
    desk.now += 40_000
    desk.cancelled("RT_t_1_S_1", "RT_t_1_T_1")
    oco = desk.only(OrderListRequest)
    assert (oco.legs[0].stop_price, oco.legs[1].stop_price) == (D(49_500), D(52_000))
    desk.now += 10_000
    desk.accept(oco)
    assert desk.position.unprotected_last_us == 50_000


def test_a_refused_move_of_a_lone_stop_leaves_the_old_level() -> None:
    """§4 Move: refused = the old level."""
    desk = Desk()
    position = desk.enter(take_profit=None)
    move_stop(desk, 49_500)
    desk.refuse(desk.only(CancelReplaceRequest), -1013, "Filter failure: PRICE_FILTER")
    assert position.stop_loss == 49_000
    desk.wait(5)
    assert desk.sent() == []
    assert desk.live(Leg.STOP_LOSS).is_live


def test_a_refused_move_of_a_pair_goes_back_to_the_old_level() -> None:
    """§4 Move: refused = the old level."""
    desk = Desk()
    position = desk.enter()
    move_stop(desk, 49_500)
    desk.only(CancelListRequest)
    desk.cancelled("RT_t_1_S_1", "RT_t_1_T_1")
    desk.refuse(
        desk.only(OrderListRequest), -2010, "The relationship of the prices for the orders is not correct."
    )
    assert position.stop_loss == 49_000
    assert desk.only(OrderRequest).stop_price == D(49_000)


def test_a_price_that_passed_the_new_stop_is_sold() -> None:
    """§4 Move: price passed = market."""
    desk = Desk()
    desk.enter()
    move_stop(desk, 49_500)
    desk.only(CancelListRequest)
    desk.price(49_400)
    desk.cancelled("RT_t_1_S_1", "RT_t_1_T_1")
    assert desk.only(OrderRequest).type is OrderType.MARKET


def test_no_exit_moves_while_the_stream_is_down() -> None:
    desk = Desk()
    position = desk.enter()
    move_stop(desk, 49_500)
    desk.sent()
    assert wants_move(position, desk.engine.ledger.orders_of(position)) is False  # under way
    desk = Desk()
    position = desk.enter()
    desk.step(inp.StreamChanged(False))
    position.stop_loss = D(49_500)
    desk.step(inp.PriceCrossed("BTCUSDT"))
    assert desk.sent() == []


# -- targets and trailing ----------------------------------------------------------------------------------------


def test_a_target_that_no_order_holds_is_watched() -> None:
    """§4 plan 4: entry, then STOP_LOSS, with the take profit watched by the engine."""
    desk = Desk(make_instrument(oto_allowed=False, oco_allowed=False))
    desk.enter()
    desk.price(D("51999.99"))
    assert desk.sent() == []
    desk.price(52_000)
    assert desk.only(CancelReplaceRequest).order.type is OrderType.MARKET
    assert desk.position.exit_reason == "take_profit"


def test_the_venue_trails_where_it_can() -> None:
    """§4 Trailing: STOP_LOSS with trailingDelta only."""
    desk = Desk()
    desk.enter(trailing=True, take_profit=None)
    assert desk.live(Leg.STOP_LOSS).trailing_delta == 200
    desk.price(51_000)
    assert desk.sent() == []
    move_stop(desk, 50_500)
    request = desk.only(CancelReplaceRequest)
    assert (request.order.trailing_delta, request.order.stop_price) == (None, D(50_500))


@pytest.mark.parametrize(
    ("price", "delta", "stop"), [(49_500, 101, None), (49_020, None, 49_000), (51_000, 200, None)]
)
def test_a_trailing_stop_is_never_placed_wider_than_the_signals(
    price: int, delta: int | None, stop: int | None
) -> None:
    """§4 Trailing: never wider than the signal's stop; else the engine moves a fixed stop."""
    desk = Desk(make_instrument(oto_allowed=False, oco_allowed=False))
    desk.signal(trailing=True, take_profit=None)
    desk.accept(desk.only(OrderRequest))
    desk.price(price)
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    request = desk.only(OrderRequest)
    assert (request.trailing_delta, request.stop_price) == (delta, D(stop) if stop else None)
    desk.report(request.client_order_id, V.NEW)
    assert desk.sent() == []


def test_else_the_engine_trails_in_steps() -> None:
    """§4 Trailing: else the engine moves a fixed stop (steps ≥ 0.3 %, ≥ 10 s apart)."""
    desk = Desk(make_instrument(trailing_allowed=False))
    position = desk.enter(trailing=True, take_profit=None)
    assert trail_trigger(position) == D(50_150)
    desk.price(50_149)
    assert desk.sent() == []
    desk.price(50_150)
    request = desk.only(CancelReplaceRequest)
    assert request.order.stop_price == position.stop_loss == D(49_147)
    desk.cancelled("RT_t_1_S_1")
    desk.report("RT_t_1_S_2", V.NEW)
    desk.price(51_000)
    assert desk.sent() == []  # too soon
    desk.wait(10)
    desk.price(51_000)
    assert desk.only(CancelReplaceRequest).order.stop_price == D(49_980)
    desk.price(50_000)
    assert position.stop_loss == D(49_980)  # it never goes down


@pytest.mark.parametrize("price", [52_000, 53_000])
def test_a_price_beyond_the_target_is_not_made_an_order(price: int) -> None:
    desk = Desk(make_instrument(oto_allowed=False))
    desk.signal()
    desk.accept(desk.only(OrderRequest))
    desk.price(price)
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    assert desk.only(OrderRequest).type is OrderType.STOP_LOSS
