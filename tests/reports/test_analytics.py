from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.types import DAY, HOUR, MINUTE
from fillwright.reports.analytics import (
    Exposure,
    TradeFigures,
    closed_trades,
    exposure,
    grouped,
    longest_run,
    trade_figures,
)
from tests.reports.sample import START, trade

D = Decimal


def test_no_trades_have_no_figures() -> None:
    figures = trade_figures([])
    assert figures == TradeFigures()
    assert (figures.win_rate_percent, figures.profit_factor, figures.expectancy, figures.best) == (None,) * 4


def test_one_winning_trade_has_no_profit_factor() -> None:
    figures = trade_figures([trade(7, "2.5")])
    assert figures.win_rate_percent == 100
    assert figures.profit == figures.gross_profit == figures.expectancy == D("2.5")
    assert (figures.gross_loss, figures.profit_factor, figures.average_loss, figures.payoff_ratio) == (
        0,
        None,
        None,
        None,
    )
    assert (figures.best_id, figures.worst_id) == (7, 7)


def test_figures_of_a_few_trades() -> None:
    """Worked out by hand: 3 won 6, 2 lost 3, 1 even."""
    trades = [trade(i, pnl) for i, pnl in enumerate(["1", "-2", "3", "-1", "2", "0"], start=1)]
    figures = trade_figures(trades)
    assert (figures.trades, figures.wins, figures.losses, figures.breakeven) == (6, 3, 2, 1)
    assert figures.win_rate_percent == 50
    assert (figures.profit, figures.gross_profit, figures.gross_loss) == (3, 6, -3)
    assert figures.profit_factor == 2
    assert figures.expectancy == D("0.5")
    assert (figures.average_win, figures.average_loss) == (2, D("-1.5"))
    assert figures.payoff_ratio == pytest.approx(4 / 3)
    assert (figures.best, figures.best_id, figures.worst, figures.worst_id) == (3, 3, -2, 2)
    assert (figures.consecutive_wins_max, figures.consecutive_losses_max) == (1, 1)
    assert figures.fees == D("1.2")
    assert figures.slippage == D("0.06")
    assert figures.slippage_bps == pytest.approx(1)
    assert figures.volume == 1203
    assert figures.duration_average_us == figures.duration_median_us == HOUR


def test_the_earlier_of_equal_trades_is_the_best_and_the_worst() -> None:
    figures = trade_figures([trade(2, "1"), trade(3, "1")])
    assert (figures.best_id, figures.worst_id) == (2, 2)


def test_runs_are_broken_by_even_trades() -> None:
    results = [D(-1), D(-1), D(0), D(-1), D(1)]
    assert longest_run(results, lambda amount: amount < 0) == 2


def test_closed_trades_come_in_the_order_of_their_close() -> None:
    first, second = trade(1, "1", closed=START + 3 * DAY), trade(2, "1", closed=START + 2 * DAY)
    others = [trade(3, None), trade(4, "0", status="Cancelled"), trade(5, "0", status="Rejected")]
    assert closed_trades([first, second, *others]) == [second, first]


def test_groups_have_their_own_figures() -> None:
    trades = [trade(1, "1"), trade(2, "-1", symbol="ETHUSDT"), trade(3, "2")]
    by_symbol = grouped(trades, lambda one: one.symbol)
    assert [(group.name, group.figures.trades, group.figures.profit) for group in by_symbol] == [
        ("BTCUSDT", 2, 3),
        ("ETHUSDT", 1, -1),
    ]


@given(st.lists(st.integers(-1_000, 1_000).map(lambda cents: str(D(cents) / 100)), max_size=30))
def test_figures_add_up(pnls: list[str]) -> None:
    trades = [trade(i, pnl) for i, pnl in enumerate(pnls, start=1)]
    figures = trade_figures(trades)
    assert figures.wins + figures.losses + figures.breakeven == figures.trades == len(pnls)
    assert figures.gross_profit + figures.gross_loss == figures.profit == sum(map(D, pnls))
    assert (
        sum(group.figures.profit for group in grouped(trades, lambda one: one.exit_reason or ""))
        == figures.profit
    )


# -- exposure ----------------------------------------------------------------------------------------------------


def test_exposure_of_two_trades_that_overlap() -> None:
    """100 held for two hours, 100 for one of them, in a period of four."""
    trades = [
        trade(1, "1", opened=START, closed=START + 2 * HOUR),
        trade(2, "1", opened=START + HOUR, closed=START + 2 * HOUR),
    ]
    assert exposure(trades, START, START + 4 * HOUR) == Exposure(
        average=D(75), maximum=D(200), time_in_market_percent=50.0, positions_max=2
    )


def test_a_trade_that_begins_where_another_ends_is_not_beside_it() -> None:
    trades = [
        trade(1, "1", opened=START, closed=START + HOUR),
        trade(2, "1", opened=START + HOUR, closed=START + 2 * HOUR),
    ]
    held = exposure(trades, START, START + 2 * HOUR)
    assert (held.maximum, held.positions_max, held.time_in_market_percent) == (100, 1, 100.0)


def test_an_open_trade_is_held_until_the_end() -> None:
    held = exposure([trade(1, None, opened=START + HOUR)], START, START + 2 * HOUR)
    assert (held.average, held.time_in_market_percent) == (50, 50.0)


def test_nothing_held() -> None:
    assert exposure([], START, START + HOUR).time_in_market_percent == 0.0
    assert exposure([], START, START).time_in_market_percent is None
    unfilled = trade(1, "0", fill_time=None, status="Cancelled", entry_value=D(0))
    assert exposure([unfilled], START, START + MINUTE) == Exposure(time_in_market_percent=0.0)
