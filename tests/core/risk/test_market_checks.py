"""Quote, spread and distance from the market: where the limits lie exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core.inputs import Entry, Quote
from fillwright.core.risk.checks import assess
from fillwright.core.types import SECOND, ZERO
from tests.core.builders import NOW, Book, D, check_of, make_draft, make_quote, make_signal


@pytest.mark.parametrize(
    ("age", "passed"), [(0, True), (2 * SECOND, True), (2 * SECOND + 1, False), (60 * SECOND, False)]
)
def test_the_age_of_a_quote(age: int, passed: bool) -> None:
    check = check_of(Book().assess(quote=make_quote(time=NOW - age)), "QUOTE_STALE")
    assert (check.passed, check.value, check.limit) == (passed, Decimal(age) / SECOND, 2)


@pytest.mark.parametrize(
    "quote",
    [
        None,
        Quote("BTCUSDT", ZERO, D(50_000), D(50_000), NOW),
        Quote("BTCUSDT", D(50_000), ZERO, D(50_000), NOW),
        Quote("BTCUSDT", D(50_000), D(50_001), ZERO, NOW),
    ],
)
def test_a_quote_without_its_parts_is_none(quote: Quote | None) -> None:
    assessment = Book().assess(quote=quote)
    for code in ("QUOTE_STALE", "SPREAD_TOO_WIDE", "PRICE_DEVIATION"):
        check = check_of(assessment, code)
        assert (check.passed, check.note) == (False, "no quote")


@pytest.mark.parametrize(("ask", "passed"), [("200.5", True), ("200.51", False), ("200", True)])
def test_the_spread_in_percent_of_the_mid_price(ask: str, passed: bool) -> None:
    """Bid 199.5 and ask 200.5: a spread of 1 around a mid price of 200."""
    quote = Quote("BTCUSDT", D("199.5"), D(ask), D(200), NOW)
    check = check_of(Book().assess(quote=quote), "SPREAD_TOO_WIDE")
    assert check.passed is passed
    assert check.value == pytest.approx((D(ask) - D("199.5")) / (D(ask) + D("199.5")) * 200, abs=D("0.00001"))


def test_no_spread_at_all_is_narrow() -> None:
    quote = Quote("BTCUSDT", D(50_000), D(50_000), D(50_000), NOW)
    check = check_of(Book().assess(quote=quote), "SPREAD_TOO_WIDE")
    assert (check.passed, check.value) == (True, 0)


@pytest.mark.parametrize(
    ("price", "passed", "percent"),
    [("49000", True, "2"), ("48999.99", False, "2.00002"), ("51000", True, "2"), ("50000", True, "0")],
)
def test_the_distance_of_a_limit_price_from_the_mid_price(price: str, passed: bool, percent: str) -> None:
    quote = Quote("BTCUSDT", D(49_999), D(50_001), D(50_000), NOW)
    signal = make_signal(entry=Entry("limit", D(price)), stop_loss=D(48_000))
    draft = make_draft(entry_market=False, limit_price=D(price))
    check = check_of(Book().assess(signal=signal, draft=draft, quote=quote), "PRICE_DEVIATION")
    assert (check.passed, check.value, check.limit) == (passed, D(percent), 2)


def test_what_goes_at_the_market_asks_for_no_price() -> None:
    check = check_of(Book().assess(draft=make_draft(limit_price=D(60_000))), "PRICE_DEVIATION")
    assert (check.passed, check.value) == (True, None)


@pytest.mark.parametrize("at_market", [False, True])
def test_an_addition_at_a_limit_is_held_against_the_market(at_market: bool) -> None:
    book = Book()
    situation = book.situation(draft=make_draft(entry_market=at_market, limit_price=D(45_000)))
    situation.signal, situation.position = None, book.open_position()
    assert check_of(assess(situation), "PRICE_DEVIATION").passed is at_market
