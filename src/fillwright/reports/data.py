"""What a report is made of, gathered from a store's read model: one struct, from which page and summary are written."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.types import CONTEXT, ZERO, AccountId, Asset, Symbol, Time
from fillwright.ports import PAGE_MAX, DenialCount, PortfolioView, PositionView, ReadModel, TradeView, every
from fillwright.reports.analytics import (
    Exposure,
    GroupFigures,
    TradeFigures,
    closed_trades,
    exposure,
    grouped,
    trade_figures,
)
from fillwright.reports.candles import CandleSeries
from fillwright.reports.equity import DayResult, EquityFigures, complete_curve, daily, equity_figures
from fillwright.reports.protection import ProtectionFigures, protection_figures


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What was run, so that the same can be run again."""

    start: Time
    """Of the tape's first tick."""
    end: Time
    """Of its last."""
    traders: tuple[str, ...] = ()
    symbols: tuple[Symbol, ...] = ()
    tapes: tuple[str, ...] = ()
    """As given, or in words: "synthetic market, seed 1"."""
    seed: int | None = None
    ticks: int = 0
    settings: dict[str, str] = {}
    """All that was set otherwise than by default, dotted key → value; secrets hidden."""
    digest: str = ""
    version: str = ""
    initial_balance: Decimal = ZERO
    facts: dict[str, str] = {}
    """What else is worth a line at the report's end: how the run was verified, how fast it was."""
    notes: tuple[str, ...] = ()
    """What a reader must know: no depth on the tape, so a slippage model; stops on quotes; candles left out."""


class SignalCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many signals came in and how they fared."""

    total: int = 0
    by_status: dict[str, int] = {}


class ReportData(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a report shows."""

    run: RunInfo
    account_id: AccountId
    quote_asset: Asset
    mode: str
    portfolio: PortfolioView
    trades: tuple[TradeView, ...]
    """Closed, in the order of their close, then open ones."""
    figures: TradeFigures
    equity: EquityFigures
    exposure: Exposure
    protection: ProtectionFigures
    curve: tuple[tuple[Time, Decimal], ...]
    days: tuple[DayResult, ...]
    by_symbol: tuple[GroupFigures, ...]
    by_trader: tuple[GroupFigures, ...]
    by_exit: tuple[GroupFigures, ...]
    denials: tuple[DenialCount, ...]
    signals: SignalCounts
    dust_cost: Decimal = ZERO
    """What closed positions have left as coins too few to sell, at cost: not part of equity."""
    dust_value: Decimal | None = None
    """What those coins are worth at the last candle's close; None where a symbol has no candles."""
    failed: int = 0
    """Trades that never held a coin: cancelled or rejected entries."""
    candles: tuple[CandleSeries, ...] = ()

    @property
    def open_trades(self) -> int:
        """Trades still in the market at the end."""
        return len(self.trades) - self.figures.trades


def gather(
    model: ReadModel, account_id: AccountId, run: RunInfo, candles: tuple[CandleSeries, ...] = ()
) -> ReportData:
    """Read an account and work out its figures; raises what the read model raises."""
    trades = list(every(lambda cursor: model.trades(account_id, limit=PAGE_MAX, cursor=cursor)))
    positions = list(every(lambda cursor: model.positions(account_id, limit=PAGE_MAX, cursor=cursor)))
    signals: dict[str, int] = {}
    for signal in every(lambda cursor: model.signals(account_id, limit=PAGE_MAX, cursor=cursor)):
        signals[signal.status] = signals.get(signal.status, 0) + 1
    portfolio = model.portfolio(account_id)
    dust = dust_costs(positions)
    closed = closed_trades(trades)
    held = [trade for trade in trades if trade.entry_value]
    still_open = sorted((trade for trade in held if trade.close_time is None), key=lambda trade: trade.id)
    curve = complete_curve(
        model.equity_curve(account_id),
        held,
        dust,
        initial=run.initial_balance,
        start=run.start,
        end=run.end,
        final=portfolio.balance,
    )
    return ReportData(
        run=run,
        account_id=account_id,
        quote_asset=portfolio.quote_asset,
        mode=portfolio.mode.value,
        portfolio=portfolio,
        trades=(*closed, *still_open),
        figures=trade_figures(closed),
        equity=equity_figures(curve),
        exposure=exposure(held, run.start, run.end),
        protection=protection_figures(positions),
        curve=tuple(curve),
        days=tuple(daily(curve)),
        by_symbol=grouped(closed, lambda trade: trade.symbol),
        by_trader=grouped(closed, lambda trade: trade.trader_id),
        by_exit=grouped(closed, lambda trade: trade.exit_reason or "unknown"),
        denials=tuple(model.denials(account_id)),
        signals=SignalCounts(total=sum(signals.values()), by_status=dict(sorted(signals.items()))),
        dust_cost=sum(dust.values(), ZERO),
        dust_value=dust_value(positions, candles),
        failed=sum(1 for trade in trades if trade.status in ("Cancelled", "Rejected")),
        candles=candles,
    )


def dust_costs(positions: list[PositionView]) -> dict[int, Decimal]:
    """What is left in closed positions as dust, at cost."""
    return {position.id: position.dust_cost for position in positions if position.dust_cost}


def dust_value(positions: list[PositionView], candles: tuple[CandleSeries, ...]) -> Decimal | None:
    """What dust is worth in the end, at each symbol's last close; None where that is not known for all of it."""
    prices = {
        series.symbol: Decimal(f"{series.close[-1]:.{series.price_decimals}f}")
        for series in candles
        if len(series)
    }
    total = ZERO
    for position in positions:
        if position.dust_quantity:
            if position.symbol not in prices:
                return None
            total += CONTEXT.multiply(position.dust_quantity, prices[position.symbol])
    return total
