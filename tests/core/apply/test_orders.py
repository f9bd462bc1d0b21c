"""What events of orders do: the order, its reservation, its position, the ledger."""

from __future__ import annotations

from fillwright.core import events as ev
from fillwright.core.settings import VenueProfile
from fillwright.core.state import Ledger
from fillwright.core.types import SECOND, Leg, OrderState, OrderType, PositionStatus, Side
from tests.core.builders import NOW, PRICE, QUANTITY, Book, D


def test_an_intent_reserves_its_money_at_once() -> None:
    """State.apply reserves the funds at once, so the next check sees them."""
    book = Book()
    position = book.create_position()
    name = book.submit(position, reserve=D(100))
    portfolio = book.state.portfolio
    assert position.status is PositionStatus.SUBMITTING
    assert (portfolio.reserved, portfolio.in_flight) == (100, 100)
    assert portfolio.reserved_by_symbol == {"BTCUSDT": 100}
    assert portfolio.reserved_by_trader == {"ada": 100}
    assert portfolio.available() == D(9_900)
    book.place(name)
    assert (portfolio.reserved, portfolio.in_flight) == (100, 0)
    book.fill(name, PRICE, QUANTITY / 4)
    assert portfolio.reserved == 75
    book.push(ev.OrderCancelled(name))
    assert portfolio.reserved == 0
    assert portfolio.reserved_by_trader == {"ada": 0}


def test_an_execution_moves_order_position_and_ledger() -> None:
    book = Book()
    position = book.open_position()
    portfolio = book.state.portfolio
    assert portfolio.balance_of("BTC").ledger == QUANTITY
    assert portfolio.balance_of("USDT").ledger == D(9_900)
    assert portfolio.owned == {"BTCUSDT": QUANTITY}
    assert position.unprotected_since == position.last_entry_fill_at == NOW
    assert position.open_order_ids == []


def test_an_order_counts_in_every_window_of_the_venue() -> None:
    """§5: order-count windows."""
    book = Book()
    for _ in range(3):
        book.submit()
    assert [window[1] for window in book.state.safety.order_windows] == [3, 3]
    book.now += 10 * SECOND
    book.submit()
    assert [window[1] for window in book.state.safety.order_windows] == [1, 4]


def test_windows_of_another_length_begin_at_once() -> None:
    book = Book()
    book.set(venue=VenueProfile(order_limits=((600, 100),)))
    book.submit()
    book.now += 30 * SECOND
    book.set(venue=VenueProfile(order_limits=((10, 100),)))
    book.submit()
    assert book.state.safety.order_windows == [[book.now // (10 * SECOND), 1]]


def test_a_loaded_ledger_counts_on_in_the_same_windows() -> None:
    book = Book()
    book.submit()
    book.ledger = Ledger.load(book.ledger.dump())
    book.submit()
    assert [window[1] for window in book.ledger.state.safety.order_windows] == [2, 2]


def test_an_amendment_waits_for_its_answer() -> None:
    book = Book()
    name = book.submit(quantity=D(1))
    book.place(name)
    order = book.state.orders[name]
    book.push(ev.OrderAmendRequested(name, D("0.5"), "reduce"))
    assert order.amend_to == D("0.5")
    book.push(ev.OrderAmendRefused(name, -2038, "no", final=True))
    assert (order.amend_to, order.amend_refused, order.quantity) == (None, True, 1)
    book.push(ev.OrderAmended(name, D("0.5")))
    assert order.quantity == D("0.5")


def test_a_doubt_is_indexed_until_it_is_resolved() -> None:
    book = Book()
    name = book.submit()
    book.push(ev.OrderUnknown(name, "-1007"))
    doubt = book.state.orders[name].doubt
    assert doubt is not None
    assert name in book.ledger.doubts
    book.push(ev.OrderQueried(name, 1, NOW + SECOND), ev.OrderNotFound(name, 1))
    assert (doubt.tries, doubt.next_at, doubt.not_found) == (1, NOW + SECOND, 1)
    book.place(name)
    assert book.ledger.doubts == {}


def test_news_for_a_doubt_that_is_gone_is_nothing() -> None:
    book = Book()
    name = book.submit()
    book.push(ev.OrderQueried(name, 1, NOW), ev.OrderNotFound(name, 1))
    assert book.state.orders[name].doubt is None


def test_an_order_that_comes_back_is_its_positions_again() -> None:
    """§2: rejected(never_arrived) to any."""
    book = Book()
    position = book.create_position()
    name = book.submit(position)
    book.push(ev.OrderRejected(name, 0, "never arrived", never_arrived=True))
    assert position.open_order_ids == []
    book.place(name)
    assert position.open_order_ids == [name]
    assert name in book.ledger.open_orders


def test_the_same_request_again_is_the_same_order() -> None:
    """§6: resting protection may go again with the same ids."""
    book = Book()
    position = book.open_position()
    name = book.submit(position, Leg.STOP_LOSS)
    book.submit(position, Leg.STOP_LOSS, id=name, attempt=1, resent=True)
    assert book.state.orders[name].resends == 1
    assert position.open_order_ids == [name]


def test_cancels_have_ids_of_their_own() -> None:
    """§6: each cancel carries a deterministic id."""
    book = Book()
    position = book.open_position()
    name = book.submit(position, Leg.STOP_LOSS)
    book.place(name)
    book.push(ev.OrderCancelRequested(name, "RT_t_1_C_1", "close"))
    order = book.state.orders[name]
    assert (order.state, order.cancel_id) == (OrderState.CANCEL_PENDING, "RT_t_1_C_1")
    assert position.next_attempt("C") == 2
    book.push(ev.OrderCancelRefused(name, -1, "no", retry_at=NOW + SECOND))
    assert (order.state, position.retry_at, position.setbacks) == (OrderState.ACCEPTED, NOW + SECOND, 1)


def test_an_adopted_order_is_known_from_then_on() -> None:
    book = Book()
    position = book.open_position()
    book.push(
        ev.OrderAdopted(
            "RT_t_1_S_4", position.id, Leg.STOP_LOSS, 4, "BTCUSDT", Side.SELL, OrderType.STOP_LOSS, D(1), 77
        )
    )
    assert position.exit_order_ids == ["RT_t_1_S_4"]
    assert position.next_attempt("S") == 5
    assert book.ledger.by_exchange_id["BTCUSDT", 77] == "RT_t_1_S_4"


def test_a_reduction_is_done_when_its_part_is_sold() -> None:
    book = Book()
    position = book.open_position()
    book.push(ev.PositionReduceRequested(position.id, QUANTITY / 2, "trader"))
    name = book.submit(position, Leg.EXIT, quantity=QUANTITY / 2)
    book.fill(name, PRICE, QUANTITY / 2)
    assert position.reduce_quantity == 0
