"""What a set of closed trades amounts to: counts, money and ratios.

Money is exact; averages are derived to 18 decimals. Ratios are floats, and None where they have no meaning (a profit
factor without losses, anything of no trades): shown as a dash, never as infinity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from statistics import median

import msgspec

from fillwright.core.types import ZERO, Time, money
from fillwright.ports import TradeView

CLOSED = "Closed"
"""The status of trades that bought something and are over; the others that have ended never held a coin."""


class TradeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of closed trades; amounts in quote, after commissions."""

    trades: int = 0
    wins: int = 0
    """Trades with a result above zero."""
    losses: int = 0
    breakeven: int = 0
    win_rate_percent: float | None = None
    profit: Decimal = ZERO
    """Sum of results."""
    gross_profit: Decimal = ZERO
    """Sum of the results above zero."""
    gross_loss: Decimal = ZERO
    """Sum of the results below zero: negative."""
    profit_factor: float | None = None
    """Gross profit / gross loss; None without losses."""
    expectancy: Decimal | None = None
    """Average result of a trade."""
    average_win: Decimal | None = None
    average_loss: Decimal | None = None
    payoff_ratio: float | None = None
    """Average win / average loss."""
    best: Decimal | None = None
    best_id: int | None = None
    worst: Decimal | None = None
    worst_id: int | None = None
    consecutive_wins_max: int = 0
    consecutive_losses_max: int = 0
    fees: Decimal = ZERO
    """Commissions at the value of each execution's moment."""
    slippage: Decimal = ZERO
    """What entries cost beyond the quote at the decision; positive is worse."""
    slippage_bps: float | None = None
    """Of the entries' value."""
    volume: Decimal = ZERO
    """Value of entries and exits."""
    duration_average_us: Time | None = None
    duration_median_us: Time | None = None


class GroupFigures(msgspec.Struct, frozen=True):
    """Figures of the trades that have something in common."""

    name: str
    figures: TradeFigures


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """How much was in the market, at the value of entries, each held from its first execution to its close."""

    average: Decimal = ZERO
    """Over the whole period, flat times included."""
    maximum: Decimal = ZERO
    time_in_market_percent: float | None = None
    """Share of the period with any position."""
    positions_max: int = 0
    """Held at once."""


def closed_trades(trades: Iterable[TradeView]) -> list[TradeView]:
    """Trades that bought something and are over, in the order of their close."""
    closed = [trade for trade in trades if trade.status == CLOSED and trade.realized_pnl is not None]
    return sorted(closed, key=lambda trade: (trade.close_time or 0, trade.id))


def result(trade: TradeView) -> Decimal:
    """A closed trade's result, after commissions."""
    return trade.realized_pnl if trade.realized_pnl is not None else ZERO


def trade_figures(trades: Sequence[TradeView]) -> TradeFigures:
    """Work out the figures of closed trades, given in the order of their close."""
    if not trades:
        return TradeFigures()
    results = [result(trade) for trade in trades]
    wins = [amount for amount in results if amount > 0]
    losses = [amount for amount in results if amount < 0]
    gross_profit, gross_loss = sum(wins, ZERO), sum(losses, ZERO)
    average_win = money(gross_profit / len(wins)) if wins else None
    average_loss = money(gross_loss / len(losses)) if losses else None
    best = max(trades, key=lambda trade: (result(trade), -trade.id))
    worst = min(trades, key=lambda trade: (result(trade), trade.id))
    entry_value = sum((trade.entry_value for trade in trades), ZERO)
    slippage = sum((trade.slippage for trade in trades), ZERO)
    durations = [
        trade.close_time - trade.fill_time
        for trade in trades
        if trade.close_time is not None and trade.fill_time is not None
    ]
    return TradeFigures(
        trades=len(trades),
        wins=len(wins),
        losses=len(losses),
        breakeven=len(trades) - len(wins) - len(losses),
        win_rate_percent=100 * len(wins) / len(trades),
        profit=sum(results, ZERO),
        gross_profit=gross_profit,
        gross_loss=gross_loss,
        profit_factor=ratio(gross_profit, -gross_loss),
        expectancy=money(sum(results, ZERO) / len(trades)),
        average_win=average_win,
        average_loss=average_loss,
        payoff_ratio=ratio(average_win, -average_loss) if average_win and average_loss else None,
        best=result(best),
        best_id=best.id,
        worst=result(worst),
        worst_id=worst.id,
        consecutive_wins_max=longest_run(results, lambda amount: amount > 0),
        consecutive_losses_max=longest_run(results, lambda amount: amount < 0),
        fees=sum((trade.commission_paid for trade in trades), ZERO),
        slippage=slippage,
        slippage_bps=ratio(slippage * 10_000, entry_value),
        volume=entry_value + sum((trade.exit_value or ZERO for trade in trades), ZERO),
        duration_average_us=sum(durations) // len(durations) if durations else None,
        duration_median_us=int(median(durations)) if durations else None,
    )


def ratio(numerator: Decimal, denominator: Decimal) -> float | None:
    """A ratio as a float; None over zero."""
    return float(numerator / denominator) if denominator else None


def longest_run(results: Sequence[Decimal], counts: Callable[[Decimal], bool]) -> int:
    """The longest row of results for which something holds; others break it."""
    longest = current = 0
    for amount in results:
        current = current + 1 if counts(amount) else 0
        longest = max(longest, current)
    return longest


def grouped(trades: Sequence[TradeView], name: Callable[[TradeView], str]) -> tuple[GroupFigures, ...]:
    """Figures by group, the groups with most trades first."""
    groups: dict[str, list[TradeView]] = {}
    for trade in trades:
        groups.setdefault(name(trade), []).append(trade)
    rows = [GroupFigures(key, trade_figures(members)) for key, members in groups.items()]
    return tuple(sorted(rows, key=lambda row: (-row.figures.trades, row.name)))


def exposure(trades: Iterable[TradeView], start: Time, end: Time) -> Exposure:
    """How much was held, how long and how much at once, from all trades that bought something, open ones included."""
    changes: list[tuple[Time, int, Decimal]] = []
    for trade in trades:
        if trade.fill_time is None or not trade.entry_value:
            continue
        opened = min(max(trade.fill_time, start), end)
        closed = min(trade.close_time if trade.close_time is not None else end, end)
        if closed > opened:
            changes += [(opened, 1, trade.entry_value), (closed, -1, -trade.entry_value)]
    if not changes or end <= start:
        return Exposure(time_in_market_percent=0.0 if end > start else None)
    held, count, busy_us, weighted = ZERO, 0, 0, ZERO
    maximum, positions_max, previous = ZERO, 0, start
    for time, step, value in sorted(changes):  # at one time, closes come before opens
        if count:
            busy_us += time - previous
            weighted += held * (time - previous)
        held, count, previous = held + value, count + step, time
        maximum, positions_max = max(maximum, held), max(positions_max, count)
    return Exposure(
        average=money(weighted / (end - start)),
        maximum=maximum,
        time_in_market_percent=100 * busy_us / (end - start),
        positions_max=positions_max,
    )
