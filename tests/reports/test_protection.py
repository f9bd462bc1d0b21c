from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.reports.protection import at_quantile, classes, label, protection_figures
from tests.reports.sample import position, trade

D = Decimal


def test_positions_that_never_held_a_coin_do_not_count() -> None:
    held = position(trade(1, "1"), "0")
    unfilled = position(trade(2, "0"), "0", entry_price=None)
    assert protection_figures([held, unfilled]).positions == 1
    assert protection_figures([unfilled]).positions == 0


def test_the_distribution() -> None:
    times = ["0", "0", "50", "51.5", "1000", "20000"]
    figures = protection_figures(position(trade(i, "1"), ms) for i, ms in enumerate(times, start=1))
    assert (figures.positions, figures.always_protected, figures.spells) == (6, 2, 4)
    assert (figures.median_ms, figures.p99_ms, figures.maximum_ms, figures.maximum_id) == (
        50,
        20000,
        20000,
        6,
    )
    counts = dict(figures.classes)
    assert counts["none"] == 2
    assert counts["≤ 50 ms"] == counts["≤ 100 ms"] == counts["≤ 1 s"] == counts["> 10 s"] == 1
    assert sum(counts.values()) == 6


def test_a_position_that_is_naked_now_is_said() -> None:
    naked = position(trade(1, None), "5", unprotected_since=1)
    assert protection_figures([naked]).still_unprotected == 1


def test_nothing_worst_where_all_were_protected() -> None:
    assert protection_figures([position(trade(1, "1"))]).maximum_id is None


@pytest.mark.parametrize(("percent", "expected"), [(50, 2), (51, 3), (99, 4), (100, 4), (1, 1)])
def test_quantiles_are_values_that_occurred(percent: int, expected: int) -> None:
    assert at_quantile([D(1), D(2), D(3), D(4)], percent) == expected


def test_labels() -> None:
    assert [label(D(ms)) for ms in (1, 250, 1000, 2500)] == ["1 ms", "250 ms", "1 s", "2.5 s"]
    assert [name for name, _ in classes([])][:2] == ["none", "≤ 1 ms"]
