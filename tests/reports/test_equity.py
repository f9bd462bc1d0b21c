from __future__ import annotations

import math
import statistics
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.types import DAY, HOUR
from fillwright.ports import EquityPoint
from fillwright.reports.equity import (
    annual_return_percent,
    complete_curve,
    daily,
    day_returns,
    drawdown,
    equity_figures,
    sharpe,
    sortino,
)
from tests.reports.sample import START, trade

D = Decimal


def curve_of(*values: int | str, step: int = DAY) -> list[tuple[int, Decimal]]:
    return [(START + i * step, D(value)) for i, value in enumerate(values)]


# -- the curve ---------------------------------------------------------------------------------------------------


def test_a_curve_without_trades_is_flat() -> None:
    curve = complete_curve([], [], {}, initial=D(100), start=START, end=START + DAY, final=D(100))
    assert curve == [(START, D(100)), (START + DAY, D(100))]


def test_a_close_shows_at_once_and_dust_counts_at_cost() -> None:
    one = trade(1, "5", opened=START + HOUR, closed=START + 2 * HOUR)
    mark = EquityPoint(3, START + HOUR + 1, D(104), D(0))
    curve = complete_curve(
        [mark], [one], {1: D("0.5")}, initial=D(100), start=START, end=START + DAY, final=D("104.5")
    )
    assert curve == [
        (START, D(100)),
        (START + HOUR + 1, D(104)),
        (START + 2 * HOUR, D("104.5")),
        (START + DAY, D("104.5")),
    ]


def test_a_close_beside_an_open_trade_adds_no_point() -> None:
    one = trade(1, "5", opened=START + HOUR, closed=START + 2 * HOUR)
    other = trade(2, None, opened=START + HOUR)
    curve = complete_curve([], [one, other], {}, initial=D(100), start=START, end=START + DAY, final=D(110))
    assert curve == [(START, D(100)), (START + DAY, D(110))]


def test_trades_that_meet_leave_no_flat_moment() -> None:
    one = trade(1, "5", opened=START + HOUR, closed=START + 2 * HOUR)
    other = trade(2, "1", opened=START + 2 * HOUR, closed=START + 3 * HOUR)
    curve = complete_curve([], [one, other], {}, initial=D(100), start=START, end=START + DAY, final=D(106))
    assert [time for time, _ in curve] == [START, START + 3 * HOUR, START + DAY]


# -- days --------------------------------------------------------------------------------------------------------


def test_days_without_a_mark_carry_the_last_one_on() -> None:
    curve = [(START, D(100)), (START + HOUR, D(110)), (START + 3 * DAY + HOUR, D(99))]
    days = daily(curve)
    assert [(day.equity, day.change) for day in days] == [(110, 10), (110, 0), (110, 0), (99, -11)]
    assert [day.start for day in days] == [START + i * DAY for i in range(4)]
    assert day_returns(days) == pytest.approx([0.1, 0, 0, -0.1])


def test_midnight_belongs_to_the_day_that_ends() -> None:
    assert [day.equity for day in daily(curve_of(100, 101, 102))] == [101, 102]


def test_an_empty_curve_has_no_days() -> None:
    assert daily([]) == []


# -- drawdown ----------------------------------------------------------------------------------------------------


def test_the_deepest_fall_is_found_with_its_times() -> None:
    fall = drawdown(curve_of(100, 120, 90, 130, 125, 104, 131))
    assert (fall.value, fall.percent) == (30, 25)
    assert fall.peak_time == START + DAY
    assert fall.trough_time == START + 2 * DAY
    assert fall.recovered_time == START + 3 * DAY
    assert fall.longest_us == 2 * DAY


def test_a_fall_that_is_not_recovered() -> None:
    fall = drawdown(curve_of(100, 80, 90))
    assert (fall.value, fall.percent, fall.recovered_time, fall.longest_us) == (20, 20, None, 2 * DAY)


def test_a_rising_curve_never_falls() -> None:
    fall = drawdown(curve_of(100, 100, 101))
    assert (fall.value, fall.percent, fall.peak_time, fall.longest_us) == (0, 0, None, 0)
    assert drawdown([]).percent == 0


@given(st.lists(st.integers(1, 1_000), min_size=1, max_size=30))
def test_drawdown_is_the_worst_of_all_pairs(values: list[int]) -> None:
    fall = drawdown(curve_of(*values))
    worst = max(
        (D(values[i] - later) * 100 / values[i] for i in range(len(values)) for later in values[i:]),
        default=D(0),
    )
    assert abs(fall.percent - max(worst, D(0))) < D("1e-15")


# -- ratios ------------------------------------------------------------------------------------------------------


def test_sharpe_and_sortino_by_hand() -> None:
    returns = [0.01, -0.02, 0.03, 0.0]
    mean = 0.005
    assert sharpe(returns) == pytest.approx(mean / statistics.stdev(returns) * math.sqrt(365))
    assert sortino(returns) == pytest.approx(mean / math.sqrt(0.0004 / 4) * math.sqrt(365))


@pytest.mark.parametrize("returns", [[], [0.01], [0.0, 0.0], [0.01, 0.01, 0.01], [0.1] * 50])
def test_ratios_of_what_does_not_vary_are_none(returns: list[float]) -> None:
    assert sharpe(returns) is None


def test_sortino_without_losses_is_none() -> None:
    assert sortino([0.01, 0.02]) is None
    assert sortino([-0.01, -0.01]) == pytest.approx(-math.sqrt(365))


def test_annual_return() -> None:
    assert annual_return_percent(D(100), D(110), 365 * DAY) == pytest.approx(10)
    assert annual_return_percent(D(100), D(200), 730 * DAY) == pytest.approx(41.4213562)
    assert annual_return_percent(D(100), D(110), 6 * DAY) is None
    assert annual_return_percent(D(100), D(0), 365 * DAY) is None
    assert annual_return_percent(D(1), D("1e300"), 7 * DAY) is None


def test_figures_of_a_curve() -> None:
    figures = equity_figures(curve_of(100, 110, 99, 121))
    assert (figures.start, figures.end, figures.change, figures.return_percent) == (100, 121, 21, 21.0)
    assert (figures.days, figures.best_day, figures.worst_day) == (3, 22, -11)
    assert figures.annual_return_percent is None
    assert figures.calmar is None


def test_figures_of_one_point() -> None:
    figures = equity_figures([(START, D(0))])
    assert (figures.return_percent, figures.sharpe, figures.sortino, figures.days) == (None, None, None, 0)
