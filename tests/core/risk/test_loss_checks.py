"""Losses, rates and counts: where the limits lie exactly. The breaker's own story is told in test_breaker."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core.types import SECOND
from tests.core.builders import NOW, Book, D, check_of, later, make_instrument, make_signal


def verdict(code: str, book: Book, **changes: Any) -> ev.Check:
    return check_of(book.assess(**changes), code)


def two_symbols() -> Book:
    return Book(make_instrument(), make_instrument("ETHUSDT"))


# -- losses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("risk", "equity", "passed", "value", "limit"),
    [
        ({}, "9950.01", True, "49.99", "50"),
        ({}, "9950", False, "50", "50"),
        ({}, "10100", True, "-100", "50"),
        ({"max_daily_loss_percent": D("0.3")}, "9970.01", True, "29.99", "30"),
        ({"max_daily_loss_percent": D("0.3")}, "9970", False, "30", "30"),
        ({"max_daily_loss_usdt": D(0)}, "10000", True, "0", "0"),
        ({"max_daily_loss_usdt": D(0)}, "9999.99", False, "0.01", "0"),
    ],
)
def test_the_days_loss(risk: dict[str, Any], equity: str, passed: bool, value: str, limit: str) -> None:
    book = Book()
    book.set_risk(**risk)
    book.mark(D(equity))
    check = verdict("DAILY_LOSS", book)
    assert (check.passed, check.value, check.limit) == (passed, D(value), D(limit))


def test_the_days_loss_ends_with_the_day() -> None:
    book = Book()
    book.mark(D(9_900))
    assert not verdict("DAILY_LOSS", book).passed
    book.push(ev.TradingDayStarted(1, D(9_900)))
    assert verdict("DAILY_LOSS", book).passed


@pytest.mark.parametrize(("equity", "passed"), [("9000.01", True), ("9000", False)])
def test_the_drawdown(equity: str, passed: bool) -> None:
    book = Book()
    book.set_risk(max_drawdown_percent=D(10))
    book.mark(D(equity))
    check = verdict("DRAWDOWN_MAX", book)
    assert check.passed is passed
    assert check.value == pytest.approx(100 - D(equity) / 100, abs=D("0.0001"))


def test_the_cool_down_tells_what_is_left_and_ends() -> None:
    book = Book()
    book.set_risk(max_consecutive_losses=1, cooldown_minutes=1)
    book.close_position(book.open_position(), D(49_990))
    book.now = later(45)
    assert verdict("COOLDOWN_LOSSES", book) == ev.Check("COOLDOWN_LOSSES", False, D(15), D(0), "seconds left")
    book.now = later(60)
    assert verdict("COOLDOWN_LOSSES", book).passed


# -- counts ------------------------------------------------------------------------------------------------------


def test_entries_under_way_count_as_trades_of_the_day() -> None:
    book = two_symbols()
    book.set_risk(max_daily_trades=3)
    book.close_position(book.open_position("ETHUSDT"), D(50_000))
    book.create_position("ETHUSDT")
    check = verdict("DAILY_TRADES_MAX", book)
    assert (check.passed, check.value, check.limit) == (True, 3, 3)
    book.submit(book.create_position("ETHUSDT"))
    check = verdict("DAILY_TRADES_MAX", book)
    assert (check.passed, check.value) == (False, 4)


def approve(book: Book, symbol: str = "ETHUSDT") -> None:
    record = book.receive(make_signal(symbol=symbol, created_at=book.now))
    book.push(ev.SignalApproved(record.id, ()))


@pytest.mark.parametrize(("microseconds", "passed"), [(SECOND, True), (SECOND - 1, False)])
def test_the_least_time_between_entries(microseconds: int, passed: bool) -> None:
    book = two_symbols()
    approve(book)
    book.now = NOW + microseconds
    check = verdict("ORDER_RATE", book)
    assert check.passed is passed
    if not passed:
        assert check == ev.Check(
            "ORDER_RATE", False, Decimal("0.999999"), D(1), "seconds since the last entry"
        )


def test_entries_within_ten_seconds_are_counted() -> None:
    book = two_symbols()
    book.set_risk(max_orders_per_10s=3)
    for second in (0, 4, 8):
        book.now = later(second)
        approve(book)
    book.now = later(9)
    assert (verdict("ORDER_RATE", book).passed, verdict("ORDER_RATE", book).value) == (False, 4)
    book.now = later(10)
    assert (verdict("ORDER_RATE", book).passed, verdict("ORDER_RATE", book).value) == (True, 3)


def test_a_doubt_blocks_its_own_symbol_until_it_is_gone() -> None:
    book = two_symbols()
    name = book.submit(book.create_position("ETHUSDT"))
    book.push(ev.OrderUnknown(name, "timeout"))
    assert verdict("SYMBOL_IN_DOUBT", book).passed
    other = {"signal": make_signal(symbol="ETHUSDT")}
    assert verdict("SYMBOL_IN_DOUBT", book, **other).note == name
    book.place(name)
    assert verdict("SYMBOL_IN_DOUBT", book, **other).passed


def test_positions_count_until_they_end() -> None:
    book = two_symbols()
    book.set_risk(max_positions=2, max_positions_per_symbol=2)
    first = book.open_position(quantity=D("0.0001"))
    check = verdict("POSITIONS_PER_SYMBOL_MAX", book)
    assert (check.passed, check.value) == (True, 2)
    book.create_position("ETHUSDT")
    assert not verdict("POSITIONS_MAX", book).passed
    assert verdict("POSITIONS_PER_SYMBOL_MAX", book).passed
    book.close_position(first, D(50_000))
    assert verdict("POSITIONS_MAX", book).passed
    assert verdict("POSITIONS_PER_SYMBOL_MAX", book).value == 1
