"""Exit prices, own orders in the way, slots and order counts: where the limits lie exactly."""

from __future__ import annotations

from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core.inputs import PlaceOrder, Quote
from fillwright.core.settings import Settings, VenueProfile
from fillwright.core.types import SECOND, ZERO, Leg, ListKind, OrderType, Side
from tests.core.builders import NOW, Book, D, check_of, make_draft, make_instrument, wide_limits


def verdict(code: str, book: Book | None = None, **changes: Any) -> ev.Check:
    return check_of((book or wide_book()).assess(**changes), code)


def wide_book(**instrument: Any) -> Book:
    return Book(
        make_instrument(**instrument), make_instrument("ETHUSDT"), settings=Settings(risk=wide_limits())
    )


# -- exit prices -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bid", "last", "stop", "passed"),
    [
        ("50000", "50000", "49999.98", True),
        ("50000", "50000", "49999.99", False),
        ("50000", "49990", "49989.98", True),
        ("50000", "49990", "49989.99", False),
        ("49990", "50000", "49989.99", False),
    ],
)
def test_a_stop_keeps_two_ticks_below_bid_and_last_trade(
    bid: str, last: str, stop: str, passed: bool
) -> None:
    quote = Quote("BTCUSDT", D(bid), D(50_001), D(last), NOW)
    check = verdict("EXIT_PRICES", quote=quote, draft=make_draft(stop_loss=D(stop)))
    assert (check.passed, check.limit) == (passed, D("0.02"))
    assert check.value == min(D(bid), D(last)) - D(stop)


@pytest.mark.parametrize(("target", "passed"), [("50250.02", True), ("50250.01", False), ("50250", False)])
def test_a_target_keeps_two_ticks_above_the_entrys_limit(target: str, passed: bool) -> None:
    check = verdict("EXIT_PRICES", draft=make_draft(take_profit=D(target)))
    assert check.passed is passed
    if not passed:
        assert check.note == "target above the entry's limit price"


def test_an_entry_without_exits_has_no_exit_prices() -> None:
    draft = make_draft(stop_loss=None, take_profit=None, target_type=None, algo_slots=0)
    assert verdict("EXIT_PRICES", draft=draft) == ev.Check("EXIT_PRICES", True)
    draft.take_profit = D(52_000)
    assert verdict("EXIT_PRICES", draft=draft).passed
    draft.take_profit = D("50250.01")
    assert not verdict("EXIT_PRICES", draft=draft).passed


# -- own orders --------------------------------------------------------------------------------------------------


def rest(book: Book, leg: Leg, order_type: OrderType, *, pending: bool = False, **changes: Any) -> str:
    """An order of a position rests at the venue."""
    name = book.submit(
        book.open_position(changes.pop("symbol", "BTCUSDT")), leg, order_type=order_type, **changes
    )
    book.place(name, pending=pending)
    return name


@pytest.mark.parametrize(
    ("changes", "passed"),
    [
        ({"price": D("50250")}, False),
        ({"price": D("50250.01")}, True),
        ({"price": D("50250"), "pending": True}, True),
        ({"price": D("50250"), "symbol": "ETHUSDT"}, True),
    ],
)
def test_an_entry_must_not_meet_a_resting_sale_of_ours(changes: dict[str, Any], passed: bool) -> None:
    book = wide_book()
    name = rest(book, Leg.TAKE_PROFIT, OrderType.LIMIT_MAKER, **changes)
    check = verdict("OWN_ORDER_CROSSED", book)
    assert check.passed is passed
    if not passed:
        assert (check.value, check.limit, check.note) == (D(50_250), D(50_250), name)


def test_a_sale_that_waits_for_its_trigger_does_not_rest() -> None:
    book = wide_book()
    rest(book, Leg.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT, price=D(50_200), stop_price=D(50_300))
    assert verdict("OWN_ORDER_CROSSED", book).passed


def test_an_order_that_has_ended_is_in_nobodys_way() -> None:
    book = wide_book()
    book.push(ev.OrderCancelled(rest(book, Leg.TAKE_PROFIT, OrderType.LIMIT_MAKER, price=D(50_000))))
    assert verdict("OWN_ORDER_CROSSED", book).passed


@pytest.mark.parametrize(("price", "passed"), [("49999.99", True), ("50000", False)])
def test_a_manual_sale_must_not_meet_a_resting_purchase(price: str, passed: bool) -> None:
    book = wide_book()
    book.place(book.submit(book.create_position(), price=D(price)))
    order = PlaceOrder(by="ada", symbol="BTCUSDT", side=Side.SELL, type=OrderType.LIMIT, price=D(50_000))
    assert (
        verdict("OWN_ORDER_CROSSED", book, order=order, draft=make_draft(limit_price=D(50_000))).passed
        is passed
    )


# -- slots -------------------------------------------------------------------------------------------------------


def see_external(book: Book, number: int, order_type: OrderType, symbol: str = "BTCUSDT") -> None:
    book.push(ev.ExternalOrderSeen(symbol, "by hand", number, Side.SELL, order_type, D(1), ZERO, "NEW"))


@pytest.mark.parametrize(("slots", "passed"), [(1, True), (2, False)])
def test_one_trigger_slot_stays_free(slots: int, passed: bool) -> None:
    """Five slots, of which a stop of ours and two external orders take three."""
    book = wide_book()
    rest(book, Leg.STOP_LOSS, OrderType.STOP_LOSS, price=None)
    rest(book, Leg.TAKE_PROFIT, OrderType.LIMIT_MAKER, price=D(60_000))
    rest(book, Leg.STOP_LOSS, OrderType.STOP_LOSS, price=None, symbol="ETHUSDT")
    see_external(book, 1, OrderType.STOP_LOSS_LIMIT)
    see_external(book, 2, OrderType.TAKE_PROFIT)
    see_external(book, 3, OrderType.LIMIT)
    see_external(book, 4, OrderType.STOP_LOSS, "ETHUSDT")
    check = verdict("ALGO_SLOTS", book, draft=make_draft(algo_slots=slots))
    assert (check.passed, check.value, check.limit) == (passed, 3 + slots, 4)


def test_without_a_bound_or_a_trigger_no_slot_is_needed() -> None:
    assert verdict("ALGO_SLOTS", wide_book(algo_orders_max=None)).value is None
    full = wide_book(algo_orders_max=1)
    assert not verdict("ALGO_SLOTS", full).passed
    assert verdict("ALGO_SLOTS", full, draft=make_draft(algo_slots=0)).passed


@pytest.mark.parametrize(("orders", "passed"), [(2, True), (3, False)])
def test_open_orders_of_the_symbol_are_bounded(orders: int, passed: bool) -> None:
    book = wide_book(orders_max=4)
    rest(book, Leg.TAKE_PROFIT, OrderType.LIMIT_MAKER, price=D(60_000))
    rest(book, Leg.TAKE_PROFIT, OrderType.LIMIT_MAKER, price=D(60_000), symbol="ETHUSDT")
    see_external(book, 1, OrderType.LIMIT)
    check = verdict("ORDER_SLOTS", book, draft=make_draft(orders=orders))
    assert (check.passed, check.value, check.limit, check.note) == (passed, 2 + orders, 4, "orders")


def test_order_lists_of_the_symbol_are_bounded() -> None:
    book = wide_book(order_lists_max=2)
    position = book.open_position()
    for number in (1, 2):
        for leg in (Leg.STOP_LOSS, Leg.TAKE_PROFIT):
            book.submit(
                position,
                leg,
                order_type=OrderType.LIMIT_MAKER,
                price=D(60_000),
                list_id=f"RT_t_1_L_{number}",
                list_kind=ListKind.OCO,
            )
    check = verdict("ORDER_SLOTS", book)
    assert (check.passed, check.value, check.limit, check.note) == (False, 3, 2, "order lists")
    assert verdict("ORDER_SLOTS", book, draft=make_draft(lists=0)).passed
    assert verdict("ORDER_SLOTS", wide_book(order_lists_max=1)).passed


def test_without_a_bound_there_are_always_order_slots() -> None:
    book = wide_book(orders_max=None, order_lists_max=None)
    assert verdict("ORDER_SLOTS", book) == ev.Check("ORDER_SLOTS", True)


# -- order counts ------------------------------------------------------------------------------------------------


def send_orders(book: Book, count: int) -> None:
    position = book.create_position("ETHUSDT")
    for _ in range(count):
        book.push(ev.OrderCancelled(book.submit(position)))


@pytest.mark.parametrize(("sent", "passed"), [(57, True), (58, False)])
def test_entries_leave_part_of_every_window_to_exits(sent: int, passed: bool) -> None:
    """A hundred orders in ten seconds, sixty of them for entries; an entry with both exits takes three."""
    book = wide_book()
    send_orders(book, sent)
    check = verdict("RATE_RESERVE", book)
    assert (check.passed, check.value, check.limit) == (passed, sent + 3, 60)
    book.now = NOW + 10 * SECOND
    assert verdict("RATE_RESERVE", book).value == 3


def test_every_window_counts() -> None:
    book = wide_book()
    book.set(venue=VenueProfile(order_limits=((10, 100), (86_400, 100))))
    for step in range(4):
        book.now = NOW + step * 10 * SECOND
        send_orders(book, 15)
    check = verdict("RATE_RESERVE", book)
    assert (check.passed, check.value, check.limit) == (False, 63, 60)
    assert check.note == "orders in 86400 s, 60 % are for entries"


def test_a_window_smaller_than_an_entry_never_lets_it_pass() -> None:
    book = wide_book()
    book.set(venue=VenueProfile(order_limits=((10, 4),)))
    assert not verdict("RATE_RESERVE", book).passed


def test_a_venue_without_windows_has_no_bound() -> None:
    book = wide_book()
    book.set(venue=VenueProfile(order_limits=()))
    assert verdict("RATE_RESERVE", book) == ev.Check("RATE_RESERVE", True)


def test_a_venue_that_asked_to_slow_down_is_left_alone() -> None:
    book = wide_book()
    book.push(ev.RateLimited(NOW + 60 * SECOND, 429))
    book.now = NOW + 59 * SECOND
    assert verdict("RATE_RESERVE", book).value == 1
    book.now = NOW + 60 * SECOND
    assert verdict("RATE_RESERVE", book).passed
