"""A made-up account for report tests: trades over a random walk, and a read model that holds them in memory."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
import numpy as np

from fillwright.core.inputs import Entry
from fillwright.core.settings import Settings
from fillwright.core.types import DAY, MINUTE, Mode, Time
from fillwright.ports import (
    BalanceView,
    CommissionView,
    DecisionView,
    DenialCount,
    EquityPoint,
    FillView,
    LimitsView,
    OrderView,
    Owner,
    Page,
    PortfolioView,
    PositionView,
    SignalView,
    TradeView,
    UnknownAccountError,
    Why,
)
from fillwright.reports.candles import CandleSeries
from fillwright.reports.data import RunInfo

D = Decimal
T = TypeVar("T")

ACCOUNT = "paper-main"
START: Time = 1_747_699_200 * 1_000_000
"""2025-05-20 00:00 UTC"""

_OWNER: dict[str, Any] = {"account_id": ACCOUNT, "user_id": "local", "mode": Mode.PAPER}


def trade(number: int, pnl: str | None = "1", **changes: Any) -> TradeView:
    """A trade of 100 quote that was held for an hour; without pnl it is still open."""
    opened = changes.pop("opened", START + number * DAY // 4)
    closed = None if pnl is None else changes.pop("closed", opened + 60 * MINUTE)
    values: dict[str, Any] = {
        "id": number,
        "binance_order_id": 1000 + number,
        "client_order_id": f"RT_replay_{number}_E_1",
        "trader_id": "breakout",
        "symbol": "BTCUSDT",
        "trade_type": "Long",
        "status": "Open" if pnl is None else "Closed",
        "entry_price": D("100000"),
        "exit_price": None if pnl is None else D("100000") + 1000 * D(pnl),
        "quantity": D("0.001"),
        "exit_quantity": D(0) if pnl is None else D("0.001"),
        "requested_quantity": D("0.001"),
        "entry_value": D(100),
        "exit_value": None if pnl is None else D(100) + D(pnl),
        "leverage": 1,
        "stop_loss": D("99000"),
        "take_profit": D("102000"),
        "stop_loss_order_id": f"RT_replay_{number}_S_1",
        "take_profit_order_id": f"RT_replay_{number}_T_1",
        "unrealized_pnl": D("0.5") if pnl is None else D(0),
        "realized_pnl": None if pnl is None else D(pnl),
        "pnl_percentage": D(pnl or "0.5"),
        "commission_paid": D("0.2"),
        "commissions": (CommissionView("USDT", D("0.2")),),
        "slippage": D("0.01"),
        "exit_reason": None if pnl is None else "take_profit" if D(pnl) > 0 else "stop_loss",
        "order_time": opened - 50_000,
        "fill_time": opened,
        "close_time": closed,
        "ai_signal_id": number,
        "ai_confidence": D("0.8"),
        "created_at": opened - 50_000,
        "updated_at": closed or opened,
        **_OWNER,
    }
    return TradeView(**{**values, **changes})


def position(of: TradeView, unprotected_ms: str = "0", **changes: Any) -> PositionView:
    """The position of a trade."""
    values: dict[str, Any] = {
        "id": of.id,
        "signal_id": of.ai_signal_id,
        "trader_id": of.trader_id,
        "symbol": of.symbol,
        "side": of.trade_type.upper(),
        "status": "closed" if of.close_time else "open",
        "quantity": D(0) if of.close_time else of.quantity,
        "requested_quantity": of.requested_quantity,
        "entry_price": of.entry_price,
        "exit_price": of.exit_price,
        "current_price": of.exit_price or of.entry_price,
        "unrealized_pnl": of.unrealized_pnl,
        "realized_pnl": of.realized_pnl or D(0),
        "stop_loss": of.stop_loss,
        "take_profit": of.take_profit,
        "trailing_delta": None,
        "stop_loss_order_id": of.stop_loss_order_id,
        "take_profit_order_id": of.take_profit_order_id,
        "order_list_id": of.id,
        "entry_order_ids": (of.client_order_id,),
        "exit_order_ids": (),
        "protection": "opoco",
        "plan": "opoco",
        "exit_blocked": False,
        "plan_reason": "",
        "unprotected_ms": D(unprotected_ms),
        "unprotected_since": None,
        "unprotected_spells": int(D(unprotected_ms) > 0),
        "cost": D(0),
        "dust_quantity": D(0),
        "dust_cost": D(0),
        "max_loss_quote": D(1),
        "exit_reason": of.exit_reason,
        "failure_reason": None,
        "closed_at": of.close_time,
        "created_at": of.created_at,
        "updated_at": of.updated_at,
        **_OWNER,
    }
    return PositionView(**{**values, **changes})


def signal(number: int, status: str = "completed", **changes: Any) -> SignalView:
    """A signal at the market."""
    values: dict[str, Any] = {
        "id": number,
        "key": f"key-{number}",
        "trader_id": "breakout",
        "symbol": "BTCUSDT",
        "side": "long",
        "decision": "enter_trade",
        "confidence": D("0.8"),
        "entry": Entry(),
        "stop_loss": D("99000"),
        "take_profit": D("102000"),
        "size": None,
        "interval": "15m",
        "created_at": START + number * DAY // 4,
        "received_at": START + number * DAY // 4,
        "expires_at": None,
        "reasoning": "",
        "metadata": {},
        "status": status,
        "status_reason": "",
        "position_id": number,
        "updated_at": START,
        **_OWNER,
    }
    return SignalView(**{**values, **changes})


def portfolio(balance: str = "10000", **changes: Any) -> PortfolioView:
    """An account's money."""
    values: dict[str, Any] = {
        "quote_asset": "USDT",
        "balance": D(balance),
        "available_balance": D(balance),
        "locked_balance": D(0),
        "balances": (BalanceView("BTC", D("0.00000123"), D(0)), BalanceView("USDT", D(balance), D(0))),
        "total_pnl": D(balance) - 10_000,
        "daily_pnl": D(0),
        "total_trades": 0,
        "winning_trades": 0,
        "losing_trades": 0,
        "win_rate": D(0),
        "max_drawdown": D(0),
        "exposure": D(0),
        "positions_open": 0,
        "last_sync_time": None,
        "created_at": START,
        "updated_at": START,
        **_OWNER,
    }
    return PortfolioView(**{**values, **changes})


class MemoryModel(msgspec.Struct, kw_only=True):
    """A read model that holds what it was given; pages are small, so that readers must follow cursors."""

    trade_rows: Sequence[TradeView] = ()
    position_rows: Sequence[PositionView] = ()
    signal_rows: Sequence[SignalView] = ()
    order_rows: Sequence[OrderView] = ()
    denial_rows: Sequence[DenialCount] = ()
    marks: Sequence[EquityPoint] = ()
    money: PortfolioView = msgspec.field(default_factory=portfolio)
    reasons: dict[int, Why] = {}
    page_rows: int = 7

    def _page(
        self,
        rows: Sequence[T],
        account_id: str,
        cursor: str | None,
        limit: int,
        symbol: str | None,
        status: str | None,
    ) -> Page[T]:
        if account_id != ACCOUNT:
            raise UnknownAccountError(account_id)
        found: list[Any] = [row for row in rows if symbol is None or getattr(row, "symbol", None) == symbol]
        if status in ("open", "closed"):
            ends = ("closed", "failed", "Closed", "Cancelled", "Rejected", "Filled", "Expired")
            found = [
                row
                for row in found
                if (getattr(row, "status", getattr(row, "state", "")) in ends) == (status == "closed")
            ]
        start, size = int(cursor or 0), min(limit, self.page_rows)
        end = start + size
        return Page(tuple(found[start:end]), str(end) if end < len(found) else None)

    def accounts(self) -> list[Owner]:
        return [Owner(ACCOUNT, "local", Mode.PAPER)]

    def seq(self, account_id: str) -> int:
        return 1

    def signals(
        self,
        account_id: str,
        *,
        status: str | None = None,
        symbol: str | None = None,
        trader_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[SignalView]:
        return self._page(self.signal_rows, account_id, cursor, limit, symbol, status)

    def signal(self, account_id: str, signal_id: int) -> SignalView | None:
        return next((row for row in self.signal_rows if row.id == signal_id), None)

    def positions(
        self,
        account_id: str,
        *,
        status: str | None = None,
        symbol: str | None = None,
        trader_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[PositionView]:
        return self._page(self.position_rows, account_id, cursor, limit, symbol, status)

    def position(self, account_id: str, position_id: int) -> PositionView | None:
        return next((row for row in self.position_rows if row.id == position_id), None)

    def orders(
        self,
        account_id: str,
        *,
        status: str | None = None,
        symbol: str | None = None,
        trader_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[OrderView]:
        return self._page(self.order_rows, account_id, cursor, limit, symbol, status)

    def order(self, account_id: str, order_id: str) -> OrderView | None:
        return next((row for row in self.order_rows if row.id == order_id), None)

    def orders_of(self, account_id: str, position_id: int) -> list[OrderView]:
        return [row for row in self.order_rows if row.position_id == position_id]

    def trades(
        self,
        account_id: str,
        *,
        status: str | None = None,
        symbol: str | None = None,
        trader_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[TradeView]:
        return self._page(self.trade_rows, account_id, cursor, limit, symbol, status)

    def trade(self, account_id: str, trade_id: int) -> TradeView | None:
        return next((row for row in self.trade_rows if row.id == trade_id), None)

    def fills(
        self, account_id: str, *, order_id: str | None = None, position_id: int | None = None
    ) -> list[FillView]:
        return []

    def portfolio(self, account_id: str) -> PortfolioView:
        return self.money

    def settings(self, account_id: str) -> Settings:
        return Settings()

    def risk_limits(self, account_id: str) -> list[LimitsView]:
        return []

    def equity_curve(self, account_id: str, points_max: int | None = None) -> list[EquityPoint]:
        return list(self.marks)

    def decisions(self, account_id: str, *, limit: int = 50, cursor: str | None = None) -> Page[DecisionView]:
        return Page(())

    def denials(self, account_id: str) -> list[DenialCount]:
        return list(self.denial_rows)

    def why(self, account_id: str, signal_id: int) -> Why | None:
        return self.reasons.get(signal_id)


def run_info(days: int = 90, **changes: Any) -> RunInfo:
    """A run of some days."""
    values: dict[str, Any] = {
        "start": START,
        "end": START + days * DAY,
        "traders": ("breakout",),
        "symbols": ("BTCUSDT", "ETHUSDT"),
        "tapes": ("BTCUSDT_1m.feather", "ETHUSDT_1m.feather"),
        "ticks": days * 2_880,
        "digest": "0" * 64,
        "version": "0.1.0",
        "initial_balance": D(10_000),
    }
    return RunInfo(**{**values, **changes})


def candles(
    symbol: str = "BTCUSDT", days: int = 90, price: float = 105_000, seed: int = 1, interval_us: Time = MINUTE
) -> CandleSeries:
    """A random walk, the same each time."""
    random = np.random.Generator(np.random.PCG64(seed))
    count = days * DAY // interval_us
    swing = 0.0006 * (1 + 0.6 * np.sin(np.arange(count) / 3_000))
    close = np.round(price * np.exp(np.cumsum(random.normal(0, 1, count) * swing)), 2)
    opened = np.r_[price, close[:-1]]
    reach = np.abs(random.normal(0, 1, (2, count))) * swing * close * 0.5
    return CandleSeries(
        symbol=symbol,
        interval_us=interval_us,
        price_decimals=2,
        time_us=START + np.arange(count, dtype=np.int64) * interval_us,
        open=opened,
        high=np.round(np.maximum(opened, close) + reach[0], 2),
        low=np.round(np.minimum(opened, close) - reach[1], 2),
        close=close,
        volume=np.round(random.lognormal(1, 1, count), 5),
    )


def walk_trades(series: CandleSeries, count: int, first: int = 1, seed: int = 2) -> list[TradeView]:
    """Trades at the walk's own prices: stop 0.5 % below, target 0.9 % above, whichever comes first."""
    random = np.random.Generator(np.random.PCG64(seed))
    starts = np.sort(random.choice(len(series) - 3_000, count, replace=False))
    rows = []
    for number, start in enumerate(starts, start=first):
        entry = D(str(series.close[start]))
        stop, target = entry * D("0.995"), entry * D("1.009")
        lows = series.low[start + 1 : start + 3_000] <= float(stop)
        highs = series.high[start + 1 : start + 3_000] >= float(target)
        hits = np.flatnonzero(lows | highs)
        length = int(hits[0]) + 1 if len(hits) else 2_999
        stopped = bool(lows[length - 1])
        exit_price = stop * D("0.9999") if stopped else target
        quantity = (D(100) / entry).quantize(D("0.00001"))
        fees = (entry + exit_price) * quantity / 1000
        pnl = (exit_price - entry) * quantity - fees
        opened = int(series.time_us[start]) + MINUTE
        rows.append(
            trade(
                number,
                str(pnl),
                symbol=series.symbol,
                opened=opened,
                closed=opened + length * MINUTE,
                entry_price=entry,
                exit_price=exit_price,
                quantity=quantity,
                entry_value=entry * quantity,
                exit_value=exit_price * quantity,
                stop_loss=stop.quantize(D("0.01")),
                take_profit=target.quantize(D("0.01")),
                pnl_percentage=pnl / (entry * quantity) * 100,
                commission_paid=fees,
                slippage=entry * quantity * D("0.0002"),
                exit_reason="stop_loss" if stopped else "take_profit",
            )
        )
    return rows
