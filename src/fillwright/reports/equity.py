"""What an equity curve amounts to: return, drawdown, and the ratios of reward to risk.

Sharpe and Sortino are computed from returns of UTC days (equity at a day's end against the day's before; days without
a mark carry the last one on; the last day may be cut short), against a riskless return of zero, and annualised by
√365, as this market knows no weekend. They are None for fewer than two days, and where nothing varied.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from fillwright.core.types import CONTEXT, DAY, HUNDRED, ZERO, Time, money
from fillwright.ports import EquityPoint, TradeView
from fillwright.reports.analytics import ratio

DAYS_PER_YEAR = 365
ANNUALISED_DAYS_MIN = 7
"""Growth over less than a week says nothing about a year."""


class Drawdown(msgspec.Struct, frozen=True, kw_only=True):
    """The deepest fall of equity from a peak."""

    value: Decimal = ZERO
    """In quote: of the fall that was deepest in percent."""
    percent: Decimal = ZERO
    peak_time: Time | None = None
    trough_time: Time | None = None
    recovered_time: Time | None = None
    """When the peak was reached again; None: never."""
    longest_us: Time = 0
    """The longest time below a peak, whichever fall it was."""


class EquityFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of an account's equity."""

    start: Decimal
    end: Decimal
    change: Decimal
    return_percent: float | None
    annual_return_percent: float | None
    """Compounded (CAGR); None under a week."""
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    """Annual return / deepest drawdown."""
    drawdown: Drawdown
    days: int
    """UTC days of which there is a return."""
    best_day: Decimal | None
    worst_day: Decimal | None


class DayResult(msgspec.Struct, frozen=True):
    """Equity at the end of a UTC day, and how it changed over the day."""

    start: Time
    equity: Decimal
    change: Decimal


def complete_curve(
    marks: Sequence[EquityPoint],
    trades: Iterable[TradeView],
    dust_costs: dict[int, Decimal],
    *,
    initial: Decimal,
    start: Time,
    end: Time,
    final: Decimal,
) -> list[tuple[Time, Decimal]]:
    """Fill up a curve of marks with what is known besides: its start, each moment without a position, its end.

    Marks are made while something is held, so what the last sale of a position changed would otherwise show only
    at the next entry. With nothing held, equity is what was there plus all results, less what dust has cost.
    """
    points = {start: initial}
    points.update((mark.time, mark.equity) for mark in marks if start <= mark.time <= end)
    changes: list[tuple[Time, int, Decimal]] = []
    for trade in trades:
        if trade.fill_time is not None and trade.entry_value:
            changes.append((trade.fill_time, 1, ZERO))
            if trade.close_time is not None:
                gained = (trade.realized_pnl or ZERO) - dust_costs.get(trade.id, ZERO)
                changes.append((trade.close_time, -1, gained))
    count, flat_equity = 0, initial
    for time, step, gained in sorted(changes, key=lambda change: (change[0], -change[1])):
        count, flat_equity = count + step, flat_equity + gained
        if not count and start <= time <= end:
            points[time] = flat_equity
    points[end] = final
    return sorted(points.items())


def daily(curve: Sequence[tuple[Time, Decimal]]) -> list[DayResult]:
    """Equity at each UTC day's end (the curve's end for the last day), days without a point included."""
    if not curve:
        return []
    # A day's end, midnight, still belongs to it.
    first_day, last_day = curve[0][0] // DAY, max(curve[0][0] // DAY, (curve[-1][0] - 1) // DAY)
    results: list[DayResult] = []
    previous = equity = curve[0][1]
    index = 0
    for day in range(first_day, last_day + 1):
        while index < len(curve) and curve[index][0] <= (day + 1) * DAY:
            equity = curve[index][1]
            index += 1
        results.append(DayResult(day * DAY, equity, equity - previous))
        previous = equity
    return results


def drawdown(curve: Sequence[tuple[Time, Decimal]]) -> Drawdown:
    """Find the deepest fall from a peak in percent, and the longest time below one."""
    if not curve:
        return Drawdown()
    peak_time, peak = curve[0]
    deepest, value = ZERO, ZERO
    at: tuple[Time, Time] | None = None
    recovered: Time | None = None
    longest = 0
    for time, equity in curve:
        if equity >= peak:
            if at is not None and at[0] == peak_time and recovered is None:
                recovered = time
            peak_time, peak = time, equity
            continue
        longest = max(longest, time - peak_time)
        percent = CONTEXT.divide((peak - equity) * HUNDRED, peak) if peak > 0 else ZERO
        if percent > deepest:
            deepest, value, at, recovered = percent, peak - equity, (peak_time, time), None
    return Drawdown(
        value=value,
        percent=money(deepest),
        peak_time=at[0] if at else None,
        trough_time=at[1] if at else None,
        recovered_time=recovered,
        longest_us=longest,
    )


def equity_figures(curve: Sequence[tuple[Time, Decimal]]) -> EquityFigures:
    """Work out the figures of a curve of at least one point, in order of time."""
    (start_time, start), (end_time, end) = curve[0], curve[-1]
    days = daily(curve)
    returns = day_returns(days)
    deepest = drawdown(curve)
    annual = annual_return_percent(start, end, end_time - start_time)
    return EquityFigures(
        start=start,
        end=end,
        change=end - start,
        return_percent=ratio((end - start) * HUNDRED, start),
        annual_return_percent=annual,
        sharpe=sharpe(returns),
        sortino=sortino(returns),
        calmar=annual / float(deepest.percent) if annual is not None and deepest.percent else None,
        drawdown=deepest,
        days=len(returns),
        best_day=max((day.change for day in days), default=None),
        worst_day=min((day.change for day in days), default=None),
    )


def day_returns(days: Sequence[DayResult]) -> list[float]:
    """Each day's change as a share of the equity before it; days that began with nothing left are passed over."""
    return [float(day.change / before) for day in days if (before := day.equity - day.change) > 0]


def annual_return_percent(start: Decimal, end: Decimal, length_us: Time) -> float | None:
    """Compound growth to a year; None where it says nothing."""
    if start <= 0 or end <= 0 or length_us < ANNUALISED_DAYS_MIN * DAY:
        return None
    growth = math.log(float(end / start)) * DAYS_PER_YEAR * DAY / length_us
    return math.expm1(growth) * 100 if growth < math.log(1e12) else None


def sharpe(returns: Sequence[float]) -> float | None:
    """Mean of daily returns over their standard deviation (n − 1), annualised."""
    if len(returns) < 2:
        return None
    mean = math.fsum(returns) / len(returns)
    variance = math.fsum((value - mean) ** 2 for value in returns) / (len(returns) - 1)
    return _annualised(mean, math.sqrt(variance))


def sortino(returns: Sequence[float]) -> float | None:
    """Mean of daily returns over their downside deviation (root mean square of losses, n days), annualised."""
    if len(returns) < 2:
        return None
    mean = math.fsum(returns) / len(returns)
    downside = math.fsum(min(value, 0.0) ** 2 for value in returns) / len(returns)
    return _annualised(mean, math.sqrt(downside))


def _annualised(mean: float, deviation: float) -> float | None:
    # Equal returns differ by a rounding error at most: that is no variation.
    if deviation <= abs(mean) * 1e-12 or not deviation:
        return None
    return mean / deviation * math.sqrt(DAYS_PER_YEAR)
