"""The data inside a report's page, for its script: columns, with candles packed."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from fillwright.core.types import HUNDRED, SECOND, Time, plain
from fillwright.ports import TradeView
from fillwright.reports.analytics import CLOSED
from fillwright.reports.candles import CandleSeries, fits_packed, packed_columns
from fillwright.reports.data import ReportData

TRADES_MAX = 20_000
"""Trades in a page; of more, the newest stay and the page says how many are left out."""
CURVE_STRETCHES_MAX = 1_500
"""Stretches into which the equity curve is divided; each keeps its lowest, highest and last point."""
PRICE_DECIMALS_MAX = 8


def page_data(data: ReportData) -> bytes:
    """JSON that is safe inside a script element, whatever names and texts are in it."""
    trades = data.trades[-TRADES_MAX:]
    names = {
        "symbols": sorted({trade.symbol for trade in trades}),
        "traders": sorted({trade.trader_id for trade in trades}),
        "reasons": sorted({reason_of(trade) for trade in trades}),
    }
    decimals = {series.symbol: series.price_decimals for series in data.candles}
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
        "candles": [packed(series) for series in data.candles if len(series)],
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
    """The equity curve with its drawdown in percent, thinned, one point per second at most."""
    peak = curve[0][1]
    seconds: dict[int, tuple[float, float]] = {}
    for time, equity in curve:
        peak = max(peak, equity)
        fall = float((peak - equity) * HUNDRED / peak) if peak > 0 else 0.0
        seconds[time // SECOND] = (float(equity), fall)
    points = [(at, *values) for at, values in seconds.items()]
    kept = _thinned(points)
    return {
        "time": [at for at, _, _ in kept],
        "equity": [equity for _, equity, _ in kept],
        "drawdown": [round(fall, 6) for _, _, fall in kept],
    }


def _thinned(points: list[tuple[int, float, float]]) -> list[tuple[int, float, float]]:
    """Keep of each stretch the points that shape the picture: lowest, highest, last; and the very first."""
    length = -(-len(points) // CURVE_STRETCHES_MAX)
    if length <= 3:
        return points
    kept = {points[0][0]: points[0]}
    for start in range(0, len(points), length):
        stretch = points[start : start + length]
        for point in (
            min(stretch, key=lambda point: point[1]),
            max(stretch, key=lambda point: point[1]),
            max(stretch, key=lambda point: point[2]),
            stretch[-1],
        ):
            kept[point[0]] = point
    return [kept[at] for at in sorted(kept)]


def packed(series: CandleSeries) -> dict[str, Any]:
    """Candles as the page's script unpacks them: base64 of gzip of their columns."""
    series = series.bounded()
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
