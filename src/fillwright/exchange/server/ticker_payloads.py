"""Statistics of a day or a window, as streams tell them and as REST's rows, in the order of Binance's documents.

Every function takes ``time``: how a moment in microseconds is shown (milliseconds, or as it is). Sources: Binance Spot
"WebSocket Streams" and REST "Market Data endpoints".
"""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.types import Time
from fillwright.exchange.server.market_payloads import Payload, ShowTime, fixed, units_text
from fillwright.exchange.server.public_candles import Units
from fillwright.exchange.server.public_market import PublicMarket, Window


class _Figures:
    """The numbers of a window as texts."""

    __slots__ = ("change", "close", "high", "low", "open", "percent", "quote", "volume", "weighted")

    def __init__(self, window: Window, units: Units) -> None:
        price = units.price_decimals
        self.open = units_text(window.open, price)
        self.high = units_text(window.high, price)
        self.low = units_text(window.low, price)
        self.close = units_text(window.close, price)
        self.volume = units_text(window.volume, units.quantity_decimals)
        self.quote = units_text(window.quote, units.quote_decimals)
        change = window.close - window.open
        self.change = units_text(change, price)
        self.percent = f"{Decimal(change * 100) / window.open:.3f}" if window.open else "0.000"
        shift = units.quantity_decimals - units.quote_decimals
        weighted = (Decimal(window.quote) / window.volume).scaleb(shift) if window.volume else Decimal(0)
        self.weighted = fixed(weighted)


def mini_ticker(market: PublicMarket, now: Time, time: ShowTime) -> Payload:
    """``<symbol>@miniTicker``."""
    figures = _Figures(market.day(now), market.units)
    return {
        "e": "24hrMiniTicker",
        "E": time(now),
        "s": market.symbol,
        "c": figures.close,
        "o": figures.open,
        "h": figures.high,
        "l": figures.low,
        "v": figures.volume,
        "q": figures.quote,
    }


def ticker(market: PublicMarket, now: Time, time: ShowTime) -> Payload:
    """``<symbol>@ticker``."""
    window = market.day(now)
    figures, top, last = _Figures(window, market.units), market.book.top(), market.last
    return {
        "e": "24hrTicker",
        "E": time(now),
        "s": market.symbol,
        "p": figures.change,
        "P": figures.percent,
        "w": figures.weighted,
        "x": units_text(window.before, market.units.price_decimals),
        "c": figures.close,
        "Q": fixed(Decimal(0) if last is None else last.quantity),
        "b": fixed(top.bid),
        "B": fixed(top.bid_quantity),
        "a": fixed(top.ask),
        "A": fixed(top.ask_quantity),
        "o": figures.open,
        "h": figures.high,
        "l": figures.low,
        "v": figures.volume,
        "q": figures.quote,
        "O": time(window.open_time),
        "C": time(window.close_time),
        "F": window.first_id,
        "L": window.last_id,
        "n": window.count,
    }


def window_ticker(market: PublicMarket, size: str, minutes: int, now: Time, time: ShowTime) -> Payload:
    """``<symbol>@ticker_<size>``, of 1h, 4h or 1d."""
    window = market.minutes(minutes, now)
    figures = _Figures(window, market.units)
    return {
        "e": f"{size}Ticker",
        "E": time(now),
        "s": market.symbol,
        "p": figures.change,
        "P": figures.percent,
        "o": figures.open,
        "h": figures.high,
        "l": figures.low,
        "c": figures.close,
        "w": figures.weighted,
        "v": figures.volume,
        "q": figures.quote,
        "O": time(window.open_time),
        "C": time(window.close_time),
        "F": window.first_id,
        "L": window.last_id,
        "n": window.count,
    }


def ticker_row(market: PublicMarket, window: Window, time: ShowTime, *, is_mini: bool) -> Payload:
    """One of ``GET /api/v3/ticker`` and ``/ticker/tradingDay``."""
    figures = _Figures(window, market.units)
    row: Payload = {"symbol": market.symbol}
    if not is_mini:
        row["priceChange"] = figures.change
        row["priceChangePercent"] = figures.percent
        row["weightedAvgPrice"] = figures.weighted
    row["openPrice"] = figures.open
    row["highPrice"] = figures.high
    row["lowPrice"] = figures.low
    row["lastPrice"] = figures.close
    row["volume"] = figures.volume
    row["quoteVolume"] = figures.quote
    return row | _span(window, time)


def day_row(market: PublicMarket, now: Time, time: ShowTime) -> Payload:
    """One of ``GET /api/v3/ticker/24hr`` (FULL)."""
    window = market.day(now)
    figures, top, last = _Figures(window, market.units), market.book.top(), market.last
    return {
        "symbol": market.symbol,
        "priceChange": figures.change,
        "priceChangePercent": figures.percent,
        "weightedAvgPrice": figures.weighted,
        "prevClosePrice": units_text(window.before, market.units.price_decimals),
        "lastPrice": figures.close,
        "lastQty": fixed(Decimal(0) if last is None else last.quantity),
        "bidPrice": fixed(top.bid),
        "bidQty": fixed(top.bid_quantity),
        "askPrice": fixed(top.ask),
        "askQty": fixed(top.ask_quantity),
        "openPrice": figures.open,
        "highPrice": figures.high,
        "lowPrice": figures.low,
        "volume": figures.volume,
        "quoteVolume": figures.quote,
    } | _span(window, time)


def _span(window: Window, time: ShowTime) -> Payload:
    return {
        "openTime": time(window.open_time),
        "closeTime": time(window.close_time),
        "firstId": window.first_id,
        "lastId": window.last_id,
        "count": window.count,
    }
