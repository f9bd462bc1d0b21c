"""Bookkeeping: events in order, generated ids, and memory that stays flat."""

from __future__ import annotations

import msgspec
import pytest

from fillwright.core.requests import CancelRequest
from fillwright.core.types import DAY
from fillwright.exchange.messages import AccountPosition, CancelResponse, ListStatusReport
from tests.exchange.builders import (
    BUY,
    EXACT,
    SYMBOL,
    D,
    an_exchange,
    an_opoco,
    limit,
    market,
    refused,
    trade,
)


def test_reports_come_first_then_lists_then_one_position_per_account() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_opoco(), 5)
    exchange.drain()
    exchange.on_trade(SYMBOL, D(80), D(1), 6)
    kinds = [type(event).__name__ for event in exchange.drain()]
    assert kinds == ["ExecutionReport"] * 3 + ["ListStatusReport", "AccountPosition"]


def test_events_of_a_transaction_share_their_time_and_rise_in_number() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_opoco(), 77)
    events = exchange.drain()
    assert {event.time for event in events} == {77}
    numbers = [
        event.execution_id for event in events if not isinstance(event, ListStatusReport | AccountPosition)
    ]  # type: ignore[union-attr]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_time_never_runs_backwards() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "90"), 100)
    exchange.execute("a", limit(BUY, "1", "90", "y"), 50)
    assert [order.time for order in exchange.open_orders("a")] == [100, 100]


def test_a_cancel_without_an_id_gets_one() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "90"), 5)
    answer = exchange.execute("a", CancelRequest(symbol=SYMBOL, order_id=1), 6)
    assert isinstance(answer, CancelResponse)
    assert len(answer.client_order_id) == 22


@pytest.mark.parametrize("by", ["number", "age"])
def test_final_orders_are_forgotten(by: str) -> None:
    kept = 4 if by == "number" else 10_000
    exchange = an_exchange(msgspec.structs.replace(EXACT, final_orders_max=kept))
    for number in range(10):
        exchange.execute("a", market(BUY, "0.1", f"m{number}"), 5)
    exchange.execute("a", an_opoco("0.1"), 6)
    trade(exchange, "80", now=7)
    exchange.set_market(SYMBOL, last=D(100))
    exchange.execute("a", limit(BUY, "0.1", "90", "open"), 8)
    assert len(exchange.trades("a", SYMBOL)) == (5 if by == "number" else 12)
    if by == "age":
        assert len(exchange.all_orders("a", SYMBOL)) == 14
        exchange.execute("a", market(BUY, "0.1", "tomorrow"), DAY + 100)
        left = ["open", "tomorrow"]
    else:
        left = ["m7", "m8", "m9", "opoco-entry", "opoco-stop", "opoco-target", "open"]
    assert [order.client_order_id for order in exchange.all_orders("a", SYMBOL)] == left
    assert refused(lambda: exchange.order("a", SYMBOL, client_order_id="m0"))[0] == -2013
    assert exchange.audit() == ()


def test_a_leg_is_remembered_as_long_as_its_list_is_open() -> None:
    exchange = an_exchange(msgspec.structs.replace(EXACT, final_orders_max=0))
    exchange.execute("a", an_opoco("1"), 5)
    for number in range(5):
        exchange.execute("a", market(BUY, "0.1", f"m{number}"), 6)
    assert exchange.order("a", SYMBOL, client_order_id="opoco-entry").status == "FILLED"
    trade(exchange, "80")
    assert exchange.all_orders("a", SYMBOL) == ()


@pytest.mark.parametrize("renames", [False, True])
def test_forgotten_orders_leave_no_names_behind(renames: bool) -> None:
    exchange = an_exchange(msgspec.structs.replace(EXACT, final_orders_max=0, cancel_renames=renames))
    for number in range(3):
        exchange.execute("a", limit(BUY, "1", "90", f"n{number}"), 5)
        cancel = CancelRequest(
            symbol=SYMBOL, orig_client_order_id=f"n{number}", cancel_client_order_id=f"c{number}"
        )
        exchange.execute("a", cancel, 6)
        exchange.execute("a", an_opoco(name=f"list{number}"), 7)
        trade(exchange, "80")
        exchange.set_market(SYMBOL, last=D(100))
    account = exchange._state.accounts["a"]
    assert account.by_client_id == {}
    assert account.lists_by_client_id == {}
    assert exchange._state.orders == {}
    assert exchange._state.lists == {}
