from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.types import MINUTE, SECOND, money
from fillwright.runtime.averages import WINDOW, LiveAverages
from tests.runtime.builders import D, ManualClock


def test_nobody_knows_the_average_of_what_was_never_traded() -> None:
    assert LiveAverages(ManualClock()).get("AAAUSDT") is None


def test_the_average_is_weighted_by_volume() -> None:
    clock = ManualClock()
    averages = LiveAverages(clock)
    averages.add("AAAUSDT", D(100), D(1), clock.now())
    averages.add("BBBUSDT", D(7), D(1), clock.now())
    clock.move(2 * SECOND)
    averages.add("AAAUSDT", D(103), D(2), clock.now())
    assert averages.get("AAAUSDT") == D(102)
    assert averages.get("BBBUSDT") == D(7)


def test_what_is_older_than_five_minutes_counts_no_more() -> None:
    clock = ManualClock()
    averages = LiveAverages(clock)
    averages.add("AAAUSDT", D(100), D(1), clock.now())
    clock.move(5 * MINUTE - SECOND)
    averages.add("AAAUSDT", D(200), D(1), clock.now())
    assert averages.get("AAAUSDT") == D(150)
    clock.move(SECOND)
    assert averages.get("AAAUSDT") == D(200)
    clock.move(WINDOW)
    assert averages.get("AAAUSDT") == D(200)  # the last price, where nothing was traded


def test_memory_is_bounded_by_the_window() -> None:
    clock = ManualClock()
    averages = LiveAverages(clock)
    for _ in range(2_000):
        clock.move(SECOND)
        averages.add("AAAUSDT", D(1), D(1), clock.now())
        averages.add("AAAUSDT", D(1), D(1), clock.now())
    assert len(averages._seconds["AAAUSDT"]) == WINDOW // SECOND + 1


Number = st.decimals("0.0001", "90000", places=4, allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(Number, Number, st.integers(0, 40)), min_size=1, max_size=30))
def test_it_is_exact(trades: list[tuple[Decimal, Decimal, int]]) -> None:
    clock = ManualClock()
    averages = LiveAverages(clock)
    made = []
    for price, quantity, seconds in trades:
        clock.move(seconds * SECOND)
        averages.add("AAAUSDT", price, quantity, clock.now())
        made.append((clock.now() // SECOND * SECOND, price, quantity))
    counted = [(p, q) for begin, p, q in made if begin > clock.now() - WINDOW]
    total = sum(Fraction(p) * Fraction(q) for p, q in counted)
    exact = total / sum(Fraction(q) for _, q in counted)
    assert abs(Fraction(averages.get("AAAUSDT") or 0) - exact) <= Fraction(1, 10**18)
    assert averages.get("AAAUSDT") == money(averages.get("AAAUSDT") or D(0))
