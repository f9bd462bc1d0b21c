"""Orders and lists as values: what remains, what they must lock, what they show."""

from __future__ import annotations

import msgspec
import pytest

from fillwright.core.types import Contingency, ListKind, OrderType, Side, VenueOrderStatus
from fillwright.exchange.orders import OrderList, order_view
from tests.exchange.builders import D
from tests.exchange.test_shelf import an_order


@pytest.mark.parametrize(
    ("fields", "needed"),
    [
        ({}, 30),
        ({"side": Side.SELL}, 3),
        ({"type": OrderType.MARKET}, 0),
        ({"executed": D(1), "prevented": D("0.5")}, 15),
        ({"price": D(0), "type": OrderType.STOP_LOSS, "lock_price": D(12)}, 36),
        ({"price": D(0), "type": OrderType.STOP_LOSS, "lock_price": D(12), "is_triggered": True}, 0),
        ({"price": D(0), "type": OrderType.STOP_LOSS, "side": Side.SELL, "is_triggered": True}, 3),
    ],
)
def test_locks(fields: dict[str, object], needed: int) -> None:
    order = msgspec.structs.replace(an_order(1, "10"), quantity=D(3), **fields)
    assert order.lock_needed() == needed


@pytest.mark.parametrize("status", list(VenueOrderStatus))
def test_three_statuses_are_open(status: VenueOrderStatus) -> None:
    order = msgspec.structs.replace(an_order(1, "10"), status=status)
    assert order.is_open is (status.value in ("NEW", "PARTIALLY_FILLED", "PENDING_NEW"))


def test_an_order_waits_until_it_is_triggered() -> None:
    order = an_order(1, "10")
    assert not order.is_contingent
    order.type = OrderType.TAKE_PROFIT_LIMIT
    assert order.is_contingent
    assert order.is_profit_taking
    order.is_triggered = True
    assert not order.is_contingent


@pytest.mark.parametrize(
    ("kind", "contingency", "working", "pending", "takes"),
    [
        (ListKind.OCO, Contingency.OCO, -1, (7, 8, 9), False),
        (ListKind.OTOCO, Contingency.OTO, 7, (8, 9), False),
        (ListKind.OPOCO, Contingency.OTO, 7, (8, 9), True),
    ],
)
def test_roles_of_legs(
    kind: ListKind, contingency: Contingency, working: int, pending: tuple[int, ...], takes: bool
) -> None:
    order_list = OrderList(
        order_list_id=1, account_id="a", symbol="BTCUSDT", kind=kind, list_client_order_id="l", legs=(7, 8, 9),
        transaction_time=0,
    )  # fmt: skip
    assert order_list.contingency is contingency
    assert (order_list.working, order_list.pending) == (working, pending)
    assert order_list.takes_received is takes


def test_views_show_trailing_only_where_there_is_some() -> None:
    order = an_order(1, "10")
    assert order_view(order).trailing_delta is None
    assert order_view(order).trailing_time is None
    order.trailing_delta = 100
    assert (order_view(order).trailing_delta, order_view(order).trailing_time) == (100, -1)
