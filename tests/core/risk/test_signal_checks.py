"""The account, the symbol and the signal: what the checks say, and where their limits lie exactly."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core.inputs import Entry
from fillwright.core.types import SECOND, Direction, Time
from tests.core.builders import NOW, Book, D, check_of, later, make_draft, make_instrument, make_signal


def verdict(code: str, book: Book | None = None, **changes: Any) -> ev.Check:
    """What one check says of a signal."""
    return check_of((book or Book()).assess(signal=make_signal(**changes)), code)


# -- the account -------------------------------------------------------------------------------------------------


def test_a_halt_names_its_cause_and_lasts_until_it_is_resumed() -> None:
    book = Book()
    book.push(ev.Halted("emergency_stop", "too much news", "ada"))
    assert verdict("HALTED", book).note == "emergency_stop: too much news"
    book.now = later(10**7)
    assert not verdict("HALTED", book).passed
    book.push(ev.Resumed("all is quiet", "ada"))
    assert verdict("HALTED", book).passed


def test_a_pause_ends_by_itself() -> None:
    book = Book()
    book.push(ev.Paused("operator", later(60), "ada"))
    book.now = later(59) + SECOND // 2
    assert verdict("PAUSED", book) == ev.Check("PAUSED", False, None, None, "operator, 1 s left")
    book.now = later(60)
    assert verdict("PAUSED", book).passed


def test_a_service_that_stops_takes_no_entries() -> None:
    book = Book()
    book.push(ev.ShutdownBegun("service"))
    assert verdict("PAUSED", book).note == "the service is shutting down"


@pytest.mark.parametrize(
    ("settings", "instrument", "note"),
    [
        ({"symbols": ("ETHUSDT",)}, {}, "BTCUSDT: not on the account's list"),
        ({"quote_asset": "EUR"}, {}, "BTCUSDT: quoted in USDT, the account in EUR"),
        ({}, {"spot_allowed": False}, "BTCUSDT: not for Spot"),
    ],
)
def test_why_a_symbol_is_not_allowed(settings: dict[str, Any], instrument: dict[str, Any], note: str) -> None:
    book = Book(make_instrument(**instrument))
    book.set(**settings)
    assert verdict("SYMBOL_NOT_ALLOWED", book) == ev.Check("SYMBOL_NOT_ALLOWED", False, None, None, note)


def test_a_listed_symbol_is_allowed() -> None:
    book = Book()
    book.set(symbols=("ETHUSDT", "BTCUSDT"))
    assert book.assess().code is None


# -- the signal --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "first"),
    [
        ({}, False),
        ({"trader_id": "bob"}, True),
        ({"symbol": "ETHUSDT"}, True),
        ({"created_at": later(15 * 60)}, True),
        ({"interval": "1m", "created_at": later(60)}, True),
    ],
)
def test_one_signal_per_trader_symbol_side_and_candle(other: dict[str, Any], first: bool) -> None:
    book = Book(make_instrument(), make_instrument("ETHUSDT"))
    book.push(ev.SignalApproved(book.receive().id, ()))
    book.now = later(15 * 60)
    check = verdict("DUPLICATE_SIGNAL", book, **{"created_at": later(1), **other})
    assert check.passed is first
    assert check.note == ("" if first else "signal 1 came before")


def test_a_denied_signal_leaves_its_candle_free() -> None:
    book = Book()
    book.push(ev.SignalDenied(book.receive().id, "SPREAD_TOO_WIDE", ()))
    assert verdict("DUPLICATE_SIGNAL", book).passed


@pytest.mark.parametrize(
    ("created_at", "expires_at", "passed", "note"),
    [
        (NOW - 60 * SECOND, None, True, ""),
        (NOW - 60 * SECOND - 1, None, False, ""),
        (NOW, NOW + 1, True, ""),
        (NOW, NOW, False, "expired"),
        (NOW + SECOND, None, True, ""),
        (NOW + SECOND + 1, None, False, "created in the future"),
    ],
)
def test_the_age_of_a_signal(created_at: Time, expires_at: Time | None, passed: bool, note: str) -> None:
    check = verdict("SIGNAL_STALE", created_at=created_at, expires_at=expires_at)
    assert (check.passed, check.note, check.limit) == (passed, note, 60)
    assert check.value == Decimal(NOW - created_at) / SECOND


def test_a_monitored_signal_ages_from_the_decision_to_enter() -> None:
    book = Book()
    record = book.receive()
    record.decided_at = later(600)
    book.now = later(630)
    check = check_of(book.assess(signal=record), "SIGNAL_STALE")
    assert (check.passed, check.value) == (True, 30)


def test_confidence_may_equal_the_least() -> None:
    check = verdict("CONFIDENCE_TOO_LOW", confidence=D("0.5"))
    assert check == ev.Check("CONFIDENCE_TOO_LOW", True, D("0.5"), D("0.5"))
    assert not verdict("CONFIDENCE_TOO_LOW", confidence=D("0.49")).passed


# -- stop and target ---------------------------------------------------------------------------------------------


def test_a_stop_may_be_left_out_where_none_is_required() -> None:
    book = Book()
    book.set_risk(require_stop_loss=False)
    assessment = book.assess(signal=make_signal(stop_loss=None, take_profit=None))
    assert assessment.code is None
    assert check_of(assessment, "STOP_LOSS_TOO_FAR").value is None


@pytest.mark.parametrize(
    ("side", "stop", "right_side", "near_enough"),
    [
        (Direction.LONG, "45000.009", True, True),
        (Direction.LONG, "45000.008", True, False),
        (Direction.LONG, "50000.01", False, True),
        (Direction.LONG, "50000.02", False, True),
        (Direction.SHORT, "55000", True, True),
        (Direction.SHORT, "55000.01", True, False),
        (Direction.SHORT, "50000", False, True),
    ],
)
def test_where_a_stop_belongs(side: Direction, stop: str, right_side: bool, near_enough: bool) -> None:
    """Longs enter at the ask of 50,000.01, shorts at the bid of 50,000; 10 % are allowed."""
    assessment = Book().assess(signal=make_signal(side=side, stop_loss=D(stop)))
    assert check_of(assessment, "STOP_LOSS_WRONG_SIDE").passed is right_side
    assert check_of(assessment, "STOP_LOSS_TOO_FAR").passed is near_enough


@pytest.mark.parametrize(
    ("side", "target", "passed"),
    [
        (Direction.LONG, "50000.02", True),
        (Direction.LONG, "50000.01", False),
        (Direction.SHORT, "49999.99", True),
        (Direction.SHORT, "50000", False),
    ],
)
def test_where_a_target_belongs(side: Direction, target: str, passed: bool) -> None:
    assert verdict("TAKE_PROFIT_WRONG_SIDE", side=side, take_profit=D(target)).passed is passed


def test_the_distance_is_told_in_percent() -> None:
    check = verdict("STOP_LOSS_TOO_FAR", entry=Entry("limit", D(40_000)), stop_loss=D(39_000))
    assert (check.value, check.limit) == (D("2.5"), 10)


def test_a_limit_signal_is_judged_at_its_own_price() -> None:
    signal = make_signal(entry=Entry("limit", D(49_500)), stop_loss=D(49_600))
    draft = make_draft(entry_market=False, limit_price=D(49_500), stop_loss=D(49_600))
    check = check_of(Book().assess(signal=signal, draft=draft), "STOP_LOSS_WRONG_SIDE")
    assert (check.passed, check.value, check.limit) == (False, 49_600, 49_500)


def test_a_market_signal_is_judged_at_the_quote_whatever_price_it_names() -> None:
    check = verdict("STOP_LOSS_WRONG_SIDE", entry=Entry("market", D(48_000)))
    assert (check.passed, check.limit) == (True, D("50000.01"))


def test_without_a_quote_the_missing_quote_is_the_reason() -> None:
    assessment = Book().assess(quote=None, draft=None)
    assert assessment.code == "QUOTE_STALE"
    assert check_of(assessment, "STOP_LOSS_TOO_FAR").note == "no quote"
    without_stop = Book().assess(signal=make_signal(stop_loss=None), quote=None, draft=None)
    assert without_stop.code == "STOP_LOSS_REQUIRED"
