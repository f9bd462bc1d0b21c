"""Shelves: price first, then time."""

from __future__ import annotations

import pytest

from fillwright.core.types import OrderType, SelfTradePrevention, Side, TimeInForce, VenueOrderStatus
from fillwright.exchange.orders import Order
from fillwright.exchange.shelf import Shelf
from tests.exchange.builders import D


def an_order(number: int, price: str) -> Order:
    return Order(
        order_id=number,
        account_id="a",
        symbol="BTCUSDT",
        client_order_id=f"n{number}",
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=D(1),
        price=D(price),
        stop_price=D(0),
        stp=SelfTradePrevention.NONE,
        time=0,
        status=VenueOrderStatus.NEW,
        sequence=number,
    )


@pytest.mark.parametrize(("descending", "expected"), [(True, [2, 4, 1, 3]), (False, [3, 1, 2, 4])])
def test_best_price_first_then_oldest(descending: bool, expected: list[int]) -> None:
    shelf = Shelf(descending=descending)
    orders = [an_order(1, "10"), an_order(2, "11"), an_order(3, "9"), an_order(4, "11")]
    for order in (orders[3], orders[0], orders[2], orders[1]):
        shelf.add(order.price, order)
    assert [order.order_id for order in shelf.orders()] == expected
    assert shelf.best is not None
    assert shelf.best.order_id == expected[0]


def test_only_the_order_itself_is_taken_away() -> None:
    shelf = Shelf(descending=True)
    one, other = an_order(1, "10"), an_order(2, "10")
    shelf.add(one.price, one)
    shelf.discard(D(10), other)
    shelf.discard(D(11), one)
    assert len(shelf) == 1
    shelf.discard(D(10), one)
    assert shelf.best is None
