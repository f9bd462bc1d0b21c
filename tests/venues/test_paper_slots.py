"""Slots: average prices of the last minutes, and which books may wait."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core.types import MINUTE, SymbolStatus
from fillwright.exchange.market import AVERAGE_MINUTES_MAX, INFINITY
from fillwright.venues.paper_slots import Slot
from tests.exchange.builders import BUY, SELL, SYMBOL, an_exchange, limit, stop

D = Decimal


def a_slot(*, last: str | None = "100", requests: tuple[object, ...] = ()) -> Slot:
    exchange = an_exchange(last=last)
    for request in requests:
        exchange.execute("a", request, 5)  # type: ignore[arg-type]
    return Slot(SYMBOL, exchange._state.market(SYMBOL))


def trade(slot: Slot, minute: int, price: int, quantity: int) -> None:
    if slot.minute != minute:
        slot.begin_minute(minute * MINUTE)
    slot.value += D(price) * quantity
    slot.volume += D(quantity)


def test_the_average_counts_volume_and_forgets() -> None:
    slot = a_slot()
    assert slot.average(5) is None
    trade(slot, 100, 100, 3)
    trade(slot, 100, 104, 1)
    assert slot.average(5) == D(101)
    trade(slot, 102, 97, 4)
    assert slot.average(5) == D(99)
    assert slot.average(1) == D(97)
    assert slot.average(3) == D(99)
    trade(slot, 105, 50, 1)
    assert slot.average(5) == D(438) / 5
    trade(slot, 110, 60, 1)
    assert slot.average(5) == D(60)


def test_minutes_do_not_pile_up() -> None:
    slot = a_slot()
    for minute in range(1, 3 * AVERAGE_MINUTES_MAX):
        trade(slot, minute, 100, 1)
    assert len(slot.minutes) == AVERAGE_MINUTES_MAX


def test_bounds_are_those_of_the_exchange_while_the_symbol_trades() -> None:
    slot = a_slot(
        requests=(limit(BUY, "1", "90", "l"), stop(SELL, "1", "95", "s"), limit(SELL, "1", "110", "h"))
    )
    assert (slot.low, slot.high, slot.has_trades) == (D(95), D(110), True)
    slot.market.status = SymbolStatus.HALT
    slot.renew()
    assert (slot.low, slot.high) == (D(0), INFINITY)
    slot.forget()
    assert (slot.low, slot.high, slot.is_known) == (INFINITY, D(0), False)


LEVELS = [(D(99), D(5)), (D(98), D(7)), (D(96), D(3))]


@pytest.mark.parametrize(
    ("price", "ahead", "waits"),
    [
        ("90", "50", True),  # beyond what is displayed: nobody knows
        ("98", "7", True),
        ("98", "8", False),
        ("97", "1", False),  # nothing is displayed there
        ("97", "0", True),
        ("98", None, False),
    ],
)
def test_a_book_waits_unless_it_shortens_a_queue(price: str, ahead: str | None, waits: bool) -> None:
    slot = a_slot(requests=(limit(BUY, "1", price, "l"),))
    (entry,) = slot.market.bids.entries
    entry[2].queue_ahead = None if ahead is None else D(ahead)
    assert slot.depth_may_wait(LEVELS, []) is waits


def test_a_queue_of_sellers() -> None:
    slot = a_slot(requests=(limit(SELL, "1", "102", "l"),))
    (entry,) = slot.market.asks.entries
    entry[2].queue_ahead = D(5)
    assert slot.depth_may_wait([], [(D(101), D(1)), (D(102), D(5)), (D(103), D(1))])
    assert not slot.depth_may_wait([], [(D(101), D(1)), (D(102), D(4)), (D(103), D(1))])
    assert slot.depth_may_wait([], [(D(101), D(1)), (D(102), D(0))])  # its worst level is no level


def test_without_trades_the_first_book_and_one_that_leaves_the_bounds_matter() -> None:
    slot = a_slot(last=None, requests=())
    assert not slot.depth_may_wait(LEVELS, [(D(100), D(1))])
    exchange = an_exchange(last=None)
    exchange.on_depth(SYMBOL, LEVELS, [(D(100), D(1))], 5, snapshot=True)
    exchange.execute("a", stop(SELL, "1", "95", "s"), 6)
    slot = Slot(SYMBOL, exchange._state.market(SYMBOL))
    assert slot.depth_may_wait([(D(96), D(1))], [(D(97), D(1))])
    assert not slot.depth_may_wait([(D(95), D(1))], [(D(97), D(1))])
    assert not slot.depth_may_wait([], [(D(97), D(1))])
