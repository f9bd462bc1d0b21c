"""Waiting: orders whose news is due."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fillwright.core import inputs as inp
from fillwright.core.requests import CancelListRequest, CancelReplaceRequest, OrderListRequest, OrderRequest
from fillwright.core.types import ExpiryReason, Leg, OrderState, OrderType, PositionStatus, Side
from fillwright.core.waiting import NEVER, soonest
from tests.core.builders import D
from tests.core.desk import Desk, V


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
