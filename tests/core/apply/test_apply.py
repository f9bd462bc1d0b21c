"""The only mutator: records in order, and what is forgotten."""

from __future__ import annotations

import pytest

from fillwright.core import events as ev
from fillwright.core.apply import SequenceGapError, apply, forget
from fillwright.core.settings import VenueProfile
from fillwright.core.state import Ledger, State
from fillwright.core.types import DAY, SECOND, Leg
from tests.core.builders import NOW, PRICE, Book
from tests.core.desk import Desk


@pytest.mark.parametrize("seq", [0, 2, 5])
def test_a_gap_in_the_journal_is_never_passed_over(seq: int) -> None:
    ledger = Ledger(State())
    with pytest.raises(SequenceGapError):
        apply(ledger, ev.Record(seq, NOW, 0, ev.Paused("operator", NOW, "ada")))
    assert ledger.state.seq == 0


def test_the_journal_alone_makes_the_state() -> None:
    """Rule: whatever changes state is an event, and apply alone changes state."""
    desk = Desk()
    desk.enter()
    desk.price(50_500)
    desk.wait(120)
    desk.check()


def test_events_that_only_tell_change_nothing_else() -> None:
    book = Book()
    before = book.ledger.dump()
    book.push(ev.Discrepancy("x", "what", "ours", "theirs", "none"))
    book.state.seq -= 1
    assert book.ledger.dump() == before


def test_what_ended_is_forgotten_after_a_day() -> None:
    """§2: final orders leave State after 24 h."""
    book = Book()
    position = book.open_position()
    book.close_position(position, PRICE)
    record = book.receive()
    book.push(ev.SignalDenied(record.id, "HALTED", ()))
    names = list(book.state.orders)
    forget(book.ledger, NOW + DAY)
    assert list(book.state.orders) == names
    forget(book.ledger, NOW + DAY + SECOND)
    assert book.state.orders == {}
    assert book.state.positions == {}
    assert book.state.signals == {}
    assert book.ledger.by_exchange_id == {}


def test_records_find_what_is_due_to_be_forgotten() -> None:
    book = Book()
    first = book.submit(quantity=PRICE)
    book.push(ev.OrderCancelled(first))
    book.now += SECOND
    second = book.submit(quantity=PRICE)
    book.push(ev.OrderCancelled(second))
    book.now = NOW + DAY
    book.push(ev.Paused("operator", NOW, "ada"))
    assert list(book.state.orders) == [first, second]
    book.now += 1
    book.push(ev.Paused("operator", NOW, "ada"))
    assert list(book.state.orders) == [second]
    book.set(venue=VenueProfile(keep_ended_s=60))  # what is too old by that goes with the next moment
    book.now += 1
    book.push(ev.Paused("operator", NOW, "ada"))
    assert book.state.orders == {}


def test_what_has_not_ended_is_kept_for_good() -> None:
    book = Book()
    position = book.open_position()
    stop = book.submit(position, Leg.STOP_LOSS)
    forget(book.ledger, NOW + 30 * DAY)
    assert position.id in book.state.positions
    assert stop in book.state.orders


def test_what_came_late_stays_as_long_again() -> None:
    book = Book()
    name = book.submit(quantity=PRICE)
    book.push(ev.OrderCancelled(name))
    book.now += DAY - SECOND
    book.fill(name, PRICE, PRICE / 2)
    forget(book.ledger, NOW + DAY + SECOND)
    assert name in book.state.orders
    forget(book.ledger, NOW + 2 * DAY + SECOND)
    assert name not in book.state.orders
