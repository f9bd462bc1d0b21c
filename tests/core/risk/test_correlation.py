"""Correlations agree with an independent calculation in floats, and are never older than the closes."""

from __future__ import annotations

import statistics
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fillwright.core.risk.correlation import PAIRS_MAX, RETURNS_MIN, Correlations, pearson, returns_of
from fillwright.core.types import Symbol
from tests.core.builders import D

SERIES = st.lists(
    st.tuples(st.decimals(1, 1000, places=2), st.decimals(1, 1000, places=2)), min_size=12, max_size=97
)


def float_returns(closes: list[Decimal]) -> list[float]:
    numbers = [float(close) for close in closes]
    return [now / before - 1 for before, now in pairwise(numbers)]


@given(SERIES)
def test_correlations_agree_with_floats(pairs: list[tuple[Decimal, Decimal]]) -> None:
    left, right = [one for one, _ in pairs], [other for _, other in pairs]
    assume(len(set(left)) > 1 and len(set(right)) > 1)
    correlation = Correlations().of({"A": left, "B": right}, "A", "B", 96)
    assert correlation is not None
    expected = statistics.correlation(float_returns(left), float_returns(right))
    assert float(correlation) == pytest.approx(expected, abs=2e-6)


def closes_of(*numbers: int) -> list[Decimal]:
    return [D(number) for number in numbers]


RISING = closes_of(100, 101, 103, 102, 104, 107, 105, 106, 109, 108, 111, 110)


def test_a_symbol_moves_with_itself_and_against_its_mirror() -> None:
    changes = returns_of(RISING)
    assert pearson(changes, changes) == 1
    assert pearson(changes, [-change for change in changes]) == -1


def test_nothing_is_said_of_too_few_or_unmoving_closes() -> None:
    correlations = Correlations()
    short = RISING[:RETURNS_MIN]
    assert correlations.of({"A": short, "B": short}, "A", "B", 96) is None
    assert correlations.of({"A": RISING}, "A", "B", 96) is None
    assert correlations.of({"A": RISING, "B": closes_of(*[5] * 12)}, "A", "B", 96) is None
    assert pearson([], []) is None


def test_the_window_bounds_the_candles_looked_at() -> None:
    turned = [*RISING[:6], *closes_of(107, 106, 103, 104, 101, 102)]
    closes: dict[Symbol, list[Decimal]] = {"A": RISING, "B": turned}
    correlations = Correlations()
    assert correlations.of(closes, "A", "B", 5) == pearson(returns_of(RISING[-6:]), returns_of(turned[-6:]))
    assert correlations.of(closes, "A", "B", 5) != correlations.of(closes, "A", "B", 11)


def test_the_newest_candles_that_both_have_are_compared() -> None:
    longer = [*RISING[::-1], *RISING]
    expected = pearson(returns_of(RISING), returns_of(longer[-12:]))
    assert Correlations().of({"A": RISING, "B": longer}, "A", "B", 96) == expected == 1
    assert Correlations().of({"A": longer, "B": RISING}, "A", "B", 96) == 1


def test_no_more_pairs_are_kept_than_the_bound() -> None:
    correlations = Correlations()
    for number in range(PAIRS_MAX + 1):
        correlations.of({}, "A", f"S{number}", 96)
    assert len(correlations) == 1
    correlations.of({}, "A", "one more", 96)
    assert len(correlations) == 2


def test_a_window_shorter_than_the_least_count_is_honoured() -> None:
    closes: dict[Symbol, list[Decimal]] = {"A": RISING[:4], "B": RISING[:4]}
    assert Correlations().of(closes, "A", "B", 3) == 1


def test_new_closes_are_seen_even_where_length_and_ends_stay() -> None:
    hundred, ten = D(100), D(10)
    left = [hundred, D(101), D(99), *RISING, hundred, hundred]
    closes: dict[Symbol, list[Decimal]] = {"A": left, "B": [ten, *left[1:-1], ten]}
    correlations = Correlations()
    first = correlations.of(closes, "A", "B", 96)
    assert correlations.of(closes, "A", "B", 96) == first
    closes["A"][1:-1] = reversed(closes["A"][1:-1])
    second = correlations.of(closes, "A", "B", 96)
    assert second != first
    assert second == Correlations().of(closes, "A", "B", 96)


def test_a_close_of_nothing_does_not_divide() -> None:
    assert returns_of(closes_of(0, 5)) == [0]
