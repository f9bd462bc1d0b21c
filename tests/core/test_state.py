"""State: its queue, its bytes, and the indexes that are derived from it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.orders import Doubt
from fillwright.core.state import Fifo, Ledger
from fillwright.core.types import Leg, OrderState, SignalDecision
from tests.core.builders import Book, D
from tests.core.desk import Desk
from tests.core.test_orders import make_order


@given(st.lists(st.integers(0, 50), max_size=60), st.lists(st.integers(0, 60), max_size=30))
def test_the_queue_gives_up_what_is_old_in_order(times: list[int], cuts: list[int]) -> None:
    queue, times = Fifo(), sorted(times)
    for index, time in enumerate(times):
        queue.push(time, str(index))
    taken = []
    for cut in sorted(cuts):
        while (key := queue.pop_before(cut)) is not None:
            taken.append(int(key))
        assert all(time >= cut for time in times[len(taken) :])
    assert taken == list(range(len(taken)))


def test_the_queue_does_not_keep_what_it_gave_up() -> None:
    queue = Fifo()
    for number in range(10_000):
        queue.push(number, str(number))
        queue.pop_before(number)
    assert len(queue.items) < 5_000


def test_a_state_is_its_bytes() -> None:
    desk = Desk()
    position = desk.enter()
    data = desk.engine.ledger.dump()
    again = Ledger.load(data)
    assert again.dump() == data
    assert again.state == desk.state
    assert again.state.positions[position.id].cost == position.cost


def test_indexes_are_made_from_the_state_alone() -> None:
    desk = Desk()
    desk.enter()
    desk.signal(symbol="BTCUSDT", decision=SignalDecision.WAIT, key="w")
    ours, again = desk.engine.ledger, Ledger.load(desk.engine.ledger.dump())
    assert sorted(again.open_orders) == sorted(ours.open_orders) != []
    assert list(again.open_positions) == list(ours.open_positions) == [1]
    assert again.entering == ours.entering == {}
    assert list(again.waiting_signals) == list(ours.waiting_signals) == [2]
    assert again.by_exchange_id == ours.by_exchange_id
    name = desk.live(Leg.STOP_LOSS).id
    assert again.open_orders[name] is again.state.orders[name]


def test_a_position_is_entering_until_something_is_bought() -> None:
    desk = Desk()
    desk.enter(key="1")
    desk.signal(key="2", trader_id="bob")
    ledger = desk.engine.ledger
    assert list(ledger.open_positions) == [1, 2]
    assert list(Ledger.load(ledger.dump()).entering) == list(ledger.entering) == [2]


def test_an_order_stands_in_the_index_that_its_state_asks_for() -> None:
    book = Book()
    order = make_order()
    book.state.orders[order.id] = order
    order.state, order.doubt = OrderState.UNKNOWN, Doubt(request="place", since=0, reason="")
    book.ledger.index_order(order)
    assert order.id in book.ledger.open_orders
    assert order.id in book.ledger.doubts
    order.state, order.doubt = OrderState.FILLED, None
    book.ledger.index_order(order)
    assert order.id not in book.ledger.open_orders
    assert order.id not in book.ledger.doubts


def test_orders_of_a_position_are_those_that_have_not_ended() -> None:
    book = Book()
    position = book.open_position()
    name = book.submit(position, Leg.STOP_LOSS, quantity=D("0.002"))
    assert [order.id for order in book.ledger.orders_of(position)] == [name]
