"""What events of signals do to the state."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core import events as ev
from fillwright.core.apply.signals import SIGNAL_ENDS, body_hash, candle_key, follow
from fillwright.core.types import MINUTE, SECOND, SignalStatus
from tests.core.builders import NOW, Book, make_signal


def test_a_signal_is_remembered_with_its_key() -> None:
    book = Book()
    record = book.receive(key="ada|k")
    assert (record.status, record.decided_at) == (SignalStatus.RECEIVED, NOW)
    assert book.state.keys == {"ada|k": 1}
    assert book.state.signals_made == 1


def test_a_body_has_one_hash_before_and_after_the_journal() -> None:
    signal = make_signal(
        stop_loss=Decimal("4.9E+4"), confidence=Decimal("1E-7"), metadata={"b": "1", "a": "2"}
    )
    event = ev.SignalReceived(1, signal, "ada|k")
    again = ev.decode("SignalReceived", event.version, ev.encode(event))
    assert isinstance(again, ev.SignalReceived)
    assert str(again.signal.stop_loss) != str(signal.stop_loss)
    assert body_hash(again.signal) == body_hash(signal)
    assert body_hash(make_signal()) != body_hash(signal)


def test_an_approved_signal_takes_its_candle_and_its_turn() -> None:
    """§1: DUPLICATE_SIGNAL: a different key for the same trader, symbol, side and candle."""
    book = Book()
    record = book.receive()
    book.push(ev.SignalApproved(record.id, ()))
    assert record.status is SignalStatus.ENTERING
    assert book.state.candle_signals == {candle_key(book.ledger, record): 1}
    assert book.state.safety.entry_times == [NOW]
    book.now += 11 * SECOND
    book.push(ev.SignalApproved(book.receive().id, ()))
    assert book.state.safety.entry_times == [NOW + 11 * SECOND]
    assert book.state.safety.last_entry_at == NOW + 11 * SECOND


def test_an_entry_while_the_breaker_is_open_is_its_probe() -> None:
    book = Book()
    book.push(ev.CircuitBreakerOpened("errors", NOW))
    book.push(ev.SignalApproved(book.receive().id, ()))
    assert book.state.safety.breaker.probing


def test_a_denied_signal_keeps_its_code() -> None:
    book = Book()
    record = book.receive()
    book.push(ev.SignalDenied(record.id, "HALTED", ()))
    assert (record.code, record.reason, record.status) == ("HALTED", "HALTED", SignalStatus.DENIED)
    assert book.state.candle_signals == {}


def test_the_age_of_a_monitored_signal_counts_from_its_decision() -> None:
    """§1: from its created_at, or, once monitored, from the decision to enter."""
    book = Book()
    record = book.receive()
    book.push(ev.SignalStatusChanged(record.id, SignalStatus.MONITORING))
    assert list(book.ledger.waiting_signals) == [record.id]
    book.now += MINUTE
    book.push(ev.SignalStatusChanged(record.id, SignalStatus.RECEIVED, "enter_trade"))
    assert record.decided_at == NOW + MINUTE
    assert book.ledger.waiting_signals == {}


@pytest.mark.parametrize("status", SIGNAL_ENDS)
def test_ended_signals_are_on_the_way_to_be_forgotten(status: SignalStatus) -> None:
    book = Book()
    record = book.receive()
    follow(book.ledger, record.id, status, "", NOW)
    assert (NOW, f"signal:{record.id}") in book.state.ended.items
    follow(book.ledger, 99, status, "", NOW)  # forgotten already: its position outlived it


@pytest.mark.parametrize(
    ("interval", "minutes", "same"),
    [("15m", 14, True), ("15m", 15, False), ("1h", 59, True), ("1d", 60, True)],
)
def test_what_makes_two_signals_the_same_idea(interval: str, minutes: int, same: bool) -> None:
    book = Book()
    first = book.receive(make_signal(interval=interval))
    second = book.receive(make_signal(interval=interval, created_at=NOW + minutes * MINUTE))
    assert (candle_key(book.ledger, first) == candle_key(book.ledger, second)) == same


def test_an_interval_of_no_fixed_length_has_no_candle() -> None:
    book = Book()
    assert candle_key(book.ledger, book.receive(make_signal(interval="1M"))) == ""
