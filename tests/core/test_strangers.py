"""Orders at the venue that we do not have: adopted when they are ours, only shown when not."""

from __future__ import annotations

from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.types import DAY, Leg, OrderState, OrderType, Side
from tests.core.builders import D, make_instrument
from tests.core.desk import Desk, V


def stranger(name: str, status: V = V.NEW, **changes: Any) -> inp.OrderReport:
    fields: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "client_order_id": name,
        "order_id": 700,
        "status": status,
        "side": Side.SELL,
        "type": OrderType.STOP_LOSS,
        "time": 0,
        "quantity": D("0.001"),
        "stop_price": D(49_000),
    }
    return inp.OrderReport(**{**fields, **changes})


@pytest.mark.parametrize("name", ["web_1", "RT_old_1_S_1"])
def test_others_orders_are_shown_and_never_touched(name: str) -> None:
    """§2: only our own tag is adopted, another RT_ tag is another installation's; §7: others are external."""
    desk = Desk()
    desk.step(stranger(name))
    assert [external.client_order_id for external in desk.state.externals.values()] == [name]
    assert desk.state.orders == {}
    assert desk.sent() == []
    desk.step(stranger(name))
    assert len(desk.events(ev.ExternalOrderSeen)) == 1
    desk.step(stranger(name, V.CANCELED))
    assert desk.state.externals == {}
    desk.step(stranger(name, V.CANCELED))
    assert len(desk.events(ev.ExternalOrderSeen)) == 2


def test_our_own_order_is_adopted_into_its_position() -> None:
    desk = Desk()
    position = desk.enter()
    desk.step(stranger("RT_t_1_S_5"))
    assert "RT_t_1_S_5" in position.open_order_ids
    assert desk.order("RT_t_1_S_5").state is OrderState.ACCEPTED
    assert desk.engine.ledger.by_exchange_id["BTCUSDT", 700] == "RT_t_1_S_5"
    assert position.next_attempt(Leg.STOP_LOSS.value) == 6
    desk.check()


def test_a_manual_order_of_ours_stands_alone() -> None:
    desk = Desk()
    desk.step(stranger("RT_t_0_M_4", side=Side.BUY, type=OrderType.LIMIT, price=D(49_000)))
    assert desk.order("RT_t_0_M_4").position_id == 0
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
    assert "RT_t_0_M_5" in desk.state.orders  # no id is used twice


@pytest.mark.parametrize("status", [V.CANCELED, V.EXPIRED, V.REJECTED])
def test_a_late_word_of_an_order_that_ended_is_nothing(status: V) -> None:
    desk = Desk()
    assert desk.step(stranger("RT_t_9_S_1", status)).records == []
    done = stranger("RT_t_9_S_1", V.FILLED, executed_quantity=D("0.001"))
    assert desk.step(done).records == []


def test_an_order_that_was_forgotten_is_not_booked_again() -> None:
    """§2: a later report about an order that left State is not taken for external (nor for a new one)."""
    desk = Desk()
    position = desk.enter()
    name = position.entry_order_ids[0]
    fills = (inp.FillReport(1, D(50_000), D("0.00199"), D(0), "BTC", False, 0),)
    late = desk.news(name, V.FILLED, executed_quantity=D("0.00199"), fills=fills)
    for _ in range(3):
        desk.now += DAY
        desk.step(inp.TimeReached())
    assert name not in desk.state.orders
    held = position.quantity
    assert desk.step(late).records == []
    assert position.quantity == held


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("RT_t_1_L_1", {}),
        ("RT_t_1_C_1", {}),
        ("RT_t_1_S_5", {"symbol": "ETHUSDT"}),
        ("RT_t_1_S_1", {"symbol": "ETHUSDT"}),
        ("RT_t_0_M_1", {"symbol": "NOUSDT"}),
    ],
)
def test_what_cannot_be_ours_is_an_anomaly(name: str, changes: dict[str, Any]) -> None:
    desk = Desk(make_instrument(), make_instrument("ETHUSDT"))
    desk.enter()
    before = dict(desk.state.orders)
    desk.step(stranger(name, **changes))
    assert desk.state.orders == before
    anomalies = len(desk.events(ev.Anomaly))
    assert anomalies == (0 if name == "RT_t_1_S_1" else 1)
