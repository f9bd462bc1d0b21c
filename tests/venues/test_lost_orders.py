"""What Binance remembers of a ledger that was lost: which orders are read, and which with their executions."""

from __future__ import annotations

import json
from typing import Any

from fillwright.core.inputs import OrderReport
from fillwright.venues.lost_orders import remembered
from fillwright.venues.wire_reports import from_view
from fillwright.wire.orders import decode_orders
from tests.venues.test_binance_reading import ABSENT, Binance, reading, trade, view


def seen(*views: dict[str, Any]) -> tuple[OrderReport, ...]:
    """Orders that are open."""
    return tuple([from_view(one) for one in decode_orders(json.dumps(views).encode())])


def bought(number: int, name: str) -> dict[str, Any]:
    return view(number, name, executed="0.001", status="FILLED")


def sold(number: int, name: str) -> dict[str, Any]:
    return view(number, name, executed="0.001", status="FILLED", side="SELL")


def test_executions_are_read_of_what_is_held_alone() -> None:
    history = [
        bought(1, "RT_old_1_E_1"),
        sold(2, "RT_old_1_S_1"),
        bought(3, "RT_old_2_E_1"),
        bought(4, "RT_new_9_E_1"),
        bought(5, "by-hand"),
    ]
    binance = Binance(allOrders=history, myTrades=[trade(1)])
    found = reading(binance, lambda reader: remembered(reader, "old", ("BTCUSDT",), ()))
    assert [one.client_order_id for one in found] == ["RT_old_1_E_1", "RT_old_1_S_1", "RT_old_2_E_1"]
    assert [len(one.fills) for one in found] == [0, 0, 1]


def test_an_entry_older_than_the_history_is_asked_for_by_its_name() -> None:
    def named(params: dict[str, Any]) -> Any:
        return bought(1, "RT_old_7_E_2") if params["origClientOrderId"] == "RT_old_7_E_2" else ABSENT

    stop = view(900, "RT_old_7_S_1", side="SELL")
    binance = Binance(allOrders=[stop], order_status=named, myTrades=[trade(1)])
    found = reading(binance, lambda reader: remembered(reader, "old", ("BTCUSDT",), seen(stop)))
    assert [(one.client_order_id, len(one.fills)) for one in found] == [("RT_old_7_E_2", 1)]


def test_open_orders_are_not_told_twice() -> None:
    stop = view(900, "RT_old_7_S_1", side="SELL")
    binance = Binance(allOrders=[bought(1, "RT_old_7_E_1"), stop], myTrades=[trade(1)])
    found = reading(binance, lambda reader: remembered(reader, "old", ("BTCUSDT",), seen(stop)))
    assert [one.client_order_id for one in found] == ["RT_old_7_E_1"]
