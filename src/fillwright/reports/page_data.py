"""The data inside a report's page, for its script: columns, with candles packed."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from fillwright.core.types import HUNDRED, SECOND, ZERO, Time, plain
from fillwright.ports import TradeView
from fillwright.reports.analytics import CLOSED
from fillwright.reports.candles import CandleSeries, fits_packed, packed_columns, with_needed_decimals
from fillwright.reports.data import ReportData

TRADES_MAX = 20_000
"""Trades in a page; of more, the newest stay and the page says how many are left out."""
CURVE_STEPS_MAX = 2_000
"""Steps of time into which the equity curve is divided."""
PRICE_DECIMALS_MAX = 8


def page_data(data: ReportData) -> bytes:
    """JSON that is safe inside a script element, whatever names and texts are in it."""
    trades = data.trades[-TRADES_MAX:]
    names = {
        "symbols": sorted({trade.symbol for trade in trades}),
        "traders": sorted({trade.trader_id for trade in trades}),
        "reasons": sorted({reason_of(trade) for trade in trades}),
    }
    candles = [packed(series) for series in data.candles if len(series)]
    decimals = {series["symbol"]: series["decimals"] for series in candles}
    content = {
        "quote": data.quote_asset,
        "start": data.run.start / SECOND,
        "end": data.run.end / SECOND,
        "initial": float(data.equity.start),
        "names": {
            **names,
            "decimals": [decimals.get(symbol, price_decimals(symbol, trades)) for symbol in names["symbols"]],
        },
        "trades": trade_columns(trades, names),
        "left_out": len(data.trades) - len(trades),
        "curve": curve_columns(data.curve),
        "days": {
            "time": [day.start // SECOND for day in data.days],
            "change": [float(day.change) for day in data.days],
        },
        "candles": candles,
    }
    return escaped(msgspec.json.encode(content))


def escaped(json: bytes) -> bytes:
    """Write what could end the script element, or open a comment in it, as JSON escapes."""
    for char in ("<", ">", "&", "\u2028", "\u2029"):
        json = json.replace(char.encode(), f"\\u{ord(char):04x}".encode())
    return json


def reason_of(trade: TradeView) -> str:
    """Why a trade ended, or that it has not."""
    return trade.exit_reason or ("unknown" if trade.status == CLOSED else "still open")


def trade_columns(trades: Sequence[TradeView], names: dict[str, list[str]]) -> dict[str, list[Any]]:
    """Trades as columns; symbols, traders and reasons as indexes into the names."""
    index = {kind: {name: i for i, name in enumerate(known)} for kind, known in names.items()}
    return {
        "id": [trade.id for trade in trades],
        "symbol": [index["symbols"][trade.symbol] for trade in trades],
        "trader": [index["traders"][trade.trader_id] for trade in trades],
        "reason": [index["reasons"][reason_of(trade)] for trade in trades],
        "short": [trade.trade_type == "Short" for trade in trades],
        "opened": [(trade.fill_time or trade.order_time) / SECOND for trade in trades],
        "closed": [
            trade.close_time / SECOND if trade.status == CLOSED and trade.close_time is not None else None
            for trade in trades
        ],
        "quantity": [plain(trade.quantity) for trade in trades],
        "size": [float(trade.quantity) for trade in trades],
        "entry": [_float(trade.entry_price) for trade in trades],
        "exit": [_float(trade.exit_price) if trade.status == CLOSED else None for trade in trades],
        "stop": [_float(trade.stop_loss) for trade in trades],
        "target": [_float(trade.take_profit) for trade in trades],
        "pnl": [float((trade.realized_pnl or 0) + trade.unrealized_pnl) for trade in trades],
        "percent": [round(float(trade.pnl_percentage), 6) for trade in trades],
        "fees": [float(trade.commission_paid) for trade in trades],
        "slippage": [float(trade.slippage) for trade in trades],
    }


def _float(number: Decimal | None) -> float | None:
    return None if number is None else float(number)


def price_decimals(symbol: str, trades: Sequence[TradeView]) -> int:
    """Decimals that prices of a symbol need, where no candles tell: those of its stops and targets, 2 at least."""
    found = 2
    for trade in trades:
        if trade.symbol == symbol:
            for level in (trade.stop_loss, trade.take_profit):
                if level is not None:
                    found = max(found, len(plain(level).partition(".")[2]))
    return min(found, PRICE_DECIMALS_MAX)


def curve_columns(curve: Sequence[tuple[Time, Decimal]]) -> dict[str, list[float]]:
    """The equity curve with its drawdown in percent, at even steps of time, as the chart's axis counts points.

    Each point shows the equity at the end of its step, and the deepest drawdown within it.
    """
    first, last = curve[0][0] // SECOND, curve[-1][0] // SECOND
    step = max(1, -(-(last - first) // CURVE_STEPS_MAX))
    steps = -(-(last - first) // step) + 1
    ends: list[Decimal | None] = [None] * steps
    falls = [ZERO] * steps
    peak = curve[0][1]
    for time, equity in curve:
        at = -(-(time // SECOND - first) // step)
        peak = max(peak, equity)
        ends[at] = equity
        falls[at] = max(falls[at], (peak - equity) * HUNDRED / peak) if peak > 0 else ZERO
    columns: dict[str, list[float]] = {"time": [], "equity": [], "drawdown": []}
    peak = equity = curve[0][1]
    for at in range(steps):
        known = ends[at]
        equity = equity if known is None else known
        peak = max(peak, equity)
        fall = falls[at] if known is not None else (peak - equity) * HUNDRED / peak if peak > 0 else ZERO
        columns["time"].append(min(first + at * step, last))
        columns["equity"].append(float(equity))
        columns["drawdown"].append(round(float(fall), 6))
    return columns


def packed(series: CandleSeries) -> dict[str, Any]:
    """Candles as the page's script unpacks them: base64 of gzip of their columns."""
    series = with_needed_decimals(series.bounded())
    while not fits_packed(series) and series.price_decimals > 0:
        series = msgspec.structs.replace(series, price_decimals=series.price_decimals - 1)
    columns = b"".join(column.tobytes() for column in packed_columns(series))
    return {
        "symbol": series.symbol,
        "interval": series.interval_us / SECOND,
        "decimals": series.price_decimals,
        "count": len(series),
        "columns": base64.b64encode(gzip.compress(columns, compresslevel=6, mtime=0)).decode(),
    }
