"""Waiting: orders whose news is due."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.requests import CancelListRequest, CancelReplaceRequest, OrderListRequest, OrderRequest
from fillwright.core.settings import VenueProfile
from fillwright.core.types import SECOND, ExpiryReason, Leg, OrderState, OrderType, PositionStatus, Side
from fillwright.core.waiting import NEVER, soonest
from tests.core.builders import NOW, D
from tests.core.desk import Desk, V, make_settings


@pytest.mark.parametrize(("times", "first"), [((), NEVER), ((0, 0), NEVER), ((0, 7, 3), 3), ((5,), 5)])
def test_the_soonest_time_where_nought_is_never(times: tuple[int, ...], first: int) -> None:
    assert soonest(*times) == first


def test_an_order_without_an_answer_is_in_doubt() -> None:
    """§2 Timeouts: an order not confirmed within stale_order_timeout_s is in doubt."""
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
    desk.wait("9.9")
    assert desk.asked() == []
    desk.wait("0.1")
    assert desk.asked() == ["RT_t_0_M_1"]
    assert desk.order("RT_t_0_M_1").state is OrderState.UNKNOWN


def test_a_cancel_without_an_answer_is_in_doubt() -> None:
    desk = Desk()
    desk.enter()
    desk.command(inp.ClosePosition(position_id=1, by="ada"))
    desk.only(CancelReplaceRequest)
    desk.wait(10)
    assert set(desk.asked()) == {"RT_t_1_S_1", "RT_t_1_T_1", "RT_t_1_X_1"}
    assert desk.order("RT_t_1_S_1").state is OrderState.CANCEL_PENDING


def test_legs_whose_end_is_not_told_are_cancelled_which_will_tell() -> None:
    desk = Desk()
    desk.signal()
    desk.accept(desk.only(OrderListRequest))
    desk.expired("RT_t_1_E_1", ExpiryReason.UNFILLED_FOK_ORDER_EXPIRED)
    assert desk.sent() == []
    desk.wait(1)
    assert isinstance(desk.only(CancelListRequest), CancelListRequest)
    desk.cancelled("RT_t_1_S_1", "RT_t_1_T_1")
    assert isinstance(desk.only(OrderListRequest), OrderListRequest)  # and the entry is tried again


def test_a_sibling_whose_end_is_not_told_does_not_keep_a_position_open() -> None:
    desk = Desk()
    position = desk.enter()
    desk.fill("RT_t_1_S_1", price=49_000)
    desk.wait(1)
    cancel = desk.only(CancelListRequest)
    desk.refuse(cancel, -2011, "Unknown order sent.")
    assert desk.asked() == ["RT_t_1_T_1"]
    desk.expired("RT_t_1_T_1", ExpiryReason.OCO_TRIGGER)
    assert position.status is PositionStatus.CLOSED


def test_a_market_order_that_is_not_told_of_is_asked_about() -> None:
    desk = Desk()
    desk.enter()
    desk.command(inp.ClosePosition(position_id=1, by="ada"))
    sale = desk.only(CancelReplaceRequest).order
    desk.cancelled("RT_t_1_S_1", "RT_t_1_T_1")
    desk.report(sale.client_order_id, V.NEW)
    desk.wait(10)
    assert desk.asked() == [sale.client_order_id]
    desk.expired(sale.client_order_id, ExpiryReason.INSUFFICIENT_LIQUIDITY)
    assert desk.only(OrderRequest).client_order_id == "RT_t_1_X_2"
    assert {order.leg for order in desk.engine.ledger.open_orders.values()} == {Leg.EXIT}


# -- how long, and how often -------------------------------------------------------------------------------------

QUIET = VenueProfile(protection_read_s=0, reconciliation=False)


def make_desk(**execution: object) -> Desk:
    return Desk(settings=make_settings(execution, venue=QUIET))


@pytest.mark.parametrize("stale", [3, 10])
def test_an_entry_of_which_nothing_is_heard_is_in_doubt_in_time(stale: int) -> None:
    """§2 Timeouts: not confirmed within stale_order_timeout_s is in doubt; §6: asked about, never resent."""
    desk = make_desk(stale_order_timeout_s=D(stale))
    desk.signal()
    desk.sent()
    names = list(desk.position.open_order_ids)
    desk.wait(stale - 1)
    assert desk.events(ev.OrderUnknown) == []
    assert desk.engine.next_deadline == NOW + stale * SECOND
    desk.wait(1)
    assert {(event.id, event.request) for event in desk.events(ev.OrderUnknown)} == {
        (name, "place") for name in names
    }
    assert desk.asked() == names
    assert desk.sent() == []
    assert desk.signal(trader_id="bob").code == "SYMBOL_IN_DOUBT"
    desk.check()


def test_an_order_that_is_confirmed_is_waited_for_no_more() -> None:
    desk = make_desk()
    desk.signal(entry=inp.Entry("limit", D(49_950)))
    desk.accept(desk.only(OrderListRequest))
    desk.wait(29)
    assert desk.events(ev.OrderUnknown) == []


def test_a_timed_out_entrys_cancel_is_asked_about_too() -> None:
    """§2: a working entry older than entry_timeout_s is cancelled; §6: cancels are asked about."""
    desk = make_desk()
    desk.signal(entry=inp.Entry("limit", D(49_950)))
    desk.accept(desk.only(OrderListRequest))
    desk.wait(30)
    assert desk.only(CancelListRequest).list_client_order_id == "RT_t_1_L_1"
    desk.wait(9)
    assert desk.asked() == []
    desk.wait(1)
    assert "RT_t_1_E_1" in desk.asked()
    assert {event.request for event in desk.events(ev.OrderUnknown)} == {"cancel"}


def test_doubts_are_asked_about_again_and_again() -> None:
    """§6: at once and with backoff, at most 10 s apart; §12: in doubt for over 60 s a person is told."""
    desk = make_desk()
    desk.signal()
    desk.lose(desk.only(OrderListRequest))
    desk.wait(60)
    entry = [event.next_at for event in desk.events(ev.OrderQueried) if event.id == "RT_t_1_E_1"]
    gaps = [later - sooner for sooner, later in pairwise(entry)]
    assert gaps[:5] == [SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND, 10 * SECOND]
    assert set(gaps[5:]) == {10 * SECOND}
    assert "IN_DOUBT" not in desk.alerts()
    desk.wait(20)
    assert "IN_DOUBT" in desk.alerts()


def test_the_other_legs_ends_settle_a_failed_entry_at_once() -> None:
    desk = make_desk(reprice_attempts=0)
    desk.signal()
    desk.accept(desk.only(OrderListRequest))
    desk.expired("RT_t_1_E_1", ExpiryReason.UNFILLED_FOK_ORDER_EXPIRED)
    assert desk.position.status is PositionStatus.SUBMITTING
    for name in ("RT_t_1_S_1", "RT_t_1_T_1"):
        desk.expired(name, ExpiryReason.OTO_PHASE_ONE_EXPIRED)
    assert desk.position.status is PositionStatus.FAILED
    assert desk.position.failure_reason == "ENTRY_UNFILLED"
    assert desk.sent() == []


def test_a_stop_that_is_being_executed_is_left_to_it_and_asked_about() -> None:
    desk = make_desk()
    position = desk.enter()
    desk.fill("RT_t_1_S_1", quantity=D("0.001"), price=D(49_000))
    assert position.status is PositionStatus.CLOSING
    assert desk.sent() == []
    desk.wait(10)
    assert "RT_t_1_S_1" in desk.asked()
    assert desk.events(ev.OrderUnknown)[-1].request == "end"


def test_a_target_whose_release_is_not_told_is_asked_about_while_its_stop_works() -> None:
    """§4 Armed or not: the legs of a list are released together; with a live stop nothing has failed."""
    desk = Desk()
    desk.signal()
    desk.accept(desk.only(OrderListRequest))
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    desk.wait(1)
    assert len(desk.asked()) == 2
    desk.alerts()
    desk.report("RT_t_1_S_1", V.NEW, quantity=D("0.00198"), order_list_id=7)
    assert desk.asked() == []
    desk.wait(1)
    assert desk.asked() == ["RT_t_1_T_1"]
    assert desk.alerts() == []
    assert len(desk.events(ev.ProtectionFailed)) == 1
    desk.wait(20)
    assert desk.sent() == []
