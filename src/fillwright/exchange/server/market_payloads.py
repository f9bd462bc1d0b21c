"""Payloads of the market streams, and rows of REST's market data, as dicts in the order of Binance's documents: trades,
books, candles, prices; ``ticker_payloads`` has statistics.

Every function takes ``time``: how a moment in microseconds is shown (milliseconds, or as it is). Sources: Binance Spot
"WebSocket Streams" and REST "Market Data endpoints".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from fillwright.core.types import Symbol, Time
from fillwright.exchange.messages import MarketTrade
from fillwright.exchange.server.public_book import BookTop, BookView, DepthEvent, Levels
from fillwright.exchange.server.public_candles import (
    CLOSE,
    COUNT,
    FIRST_ID,
    HIGH,
    LAST_ID,
    LOW,
    OPEN,
    OPEN_TIME,
    QUOTE,
    TAKER_QUOTE,
    TAKER_VOLUME,
    VOLUME,
    Rows,
    Units,
)
from fillwright.exchange.server.public_market import AggregateTrade, PublicMarket
from fillwright.exchange.server.shapes import number
from fillwright.market.intervals import Interval

ShowTime = Callable[[Time], int]
Payload = dict[str, Any]
DEPTH_QUANTITY_MAX = Decimal("92233720368.54775807")
"""Depth shows no more than this."""
_DECIMALS = 8
_ONE = 10**_DECIMALS


def milliseconds(time: Time) -> int:
    """A moment in milliseconds; -1 ("none") stays."""
    return time // 1000 if time >= 0 else time


def microseconds(time: Time) -> int:
    """A moment as it is."""
    return time


def fixed(value: Decimal) -> str:
    """A number with eight decimals: a price or a quantity, which have no more, or an average, which is rounded."""
    return f"{value:.8f}"


def units_text(value: int, decimals: int) -> str:
    """A number of units of this many decimals (at most eight), with eight decimals."""
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value) * 10 ** (_DECIMALS - decimals), _ONE)
    return f"{sign}{whole}.{part:08d}"


def levels(side: Levels) -> list[list[str]]:
    """Levels of a book as pairs of texts."""
    return [[f"{price:.8f}", f"{min(quantity, DEPTH_QUANTITY_MAX):.8f}"] for price, quantity in side]


# -- trades ------------------------------------------------------------------------------------------------------


def trade(one: MarketTrade, now: Time, time: ShowTime) -> Payload:
    """``<symbol>@trade``."""
    return {
        "e": "trade",
        "E": time(now),
        "s": one.symbol,
        "t": one.trade_id,
        "p": fixed(one.price),
        "q": fixed(one.quantity),
        "T": time(one.time),
        "m": one.buyer_is_maker,
        "M": True,
    }


def aggregate_trade(symbol: Symbol, one: AggregateTrade, now: Time, time: ShowTime) -> Payload:
    """``<symbol>@aggTrade``."""
    return {"e": "aggTrade", "E": time(now), "s": symbol, **aggregate_row(one, time)}


def trade_row(one: MarketTrade, time: ShowTime) -> Payload:
    """One of ``GET /api/v3/trades``."""
    return {
        "id": one.trade_id,
        "price": fixed(one.price),
        "qty": fixed(one.quantity),
        "quoteQty": number(one.price * one.quantity),
        "time": time(one.time),
        "isBuyerMaker": one.buyer_is_maker,
        "isBestMatch": True,
    }


def aggregate_row(one: AggregateTrade, time: ShowTime) -> Payload:
    """One of ``GET /api/v3/aggTrades``."""
    return {
        "a": one.aggregate_id,
        "p": fixed(one.price),
        "q": fixed(one.quantity),
        "f": one.first_trade_id,
        "l": one.last_trade_id,
        "T": time(one.time),
        "m": one.buyer_is_maker,
        "M": True,
    }


# -- the book ----------------------------------------------------------------------------------------------------


def book_ticker(symbol: Symbol, top: BookTop) -> Payload:
    """``<symbol>@bookTicker``: it tells neither its kind nor a time."""
    return {
        "u": top.update_id,
        "s": symbol,
        "b": fixed(top.bid),
        "B": fixed(top.bid_quantity),
        "a": fixed(top.ask),
        "A": fixed(top.ask_quantity),
    }


def depth_update(symbol: Symbol, event: DepthEvent, now: Time, time: ShowTime) -> Payload:
    """``<symbol>@depth``."""
    return {
        "e": "depthUpdate",
        "E": time(now),
        "s": symbol,
        "U": event.first_update_id,
        "u": event.final_update_id,
        "b": levels(event.bids),
        "a": levels(event.asks),
    }


def partial_depth(view: BookView) -> Payload:
    """``<symbol>@depth5|10|20``, and ``GET /api/v3/depth``."""
    return {"lastUpdateId": view.last_update_id, "bids": levels(view.bids), "asks": levels(view.asks)}


# -- candles -----------------------------------------------------------------------------------------------------


def kline(
    market: PublicMarket, interval: Interval, now: Time, time: ShowTime, offset_us: Time = 0
) -> Payload | None:
    """``<symbol>@kline_<interval>`` as far as it has come; None where nothing was ever traded."""
    rows = market.klines(interval, now, limit=1, offset_us=offset_us)
    if not len(rows):
        return None
    return kline_of(market, interval, rows[0].tolist(), now, time, offset_us)


def closed_kline(
    market: PublicMarket, interval: Interval, now: Time, time: ShowTime, offset_us: Time = 0
) -> Payload | None:
    """The candle that has closed last."""
    rows = market.klines(interval, now, limit=2, offset_us=offset_us)
    if len(rows) < 2:
        return None
    return kline_of(market, interval, rows[0].tolist(), now, time, offset_us)


def kline_of(
    market: PublicMarket, interval: Interval, row: Sequence[int], now: Time, time: ShowTime, offset_us: Time
) -> Payload:
    """A row of candles as the stream tells it."""
    units = market.units
    close_time = close_of(interval, row[OPEN_TIME], offset_us)
    quantity, quote = units.quantity_decimals, units.quote_decimals
    return {
        "e": "kline",
        "E": time(now),
        "s": market.symbol,
        "k": {
            "t": time(row[OPEN_TIME]),
            "T": time(close_time),
            "s": market.symbol,
            "i": interval.value,
            "f": row[FIRST_ID],
            "L": row[LAST_ID],
            "o": units_text(row[OPEN], units.price_decimals),
            "c": units_text(row[CLOSE], units.price_decimals),
            "h": units_text(row[HIGH], units.price_decimals),
            "l": units_text(row[LOW], units.price_decimals),
            "v": units_text(row[VOLUME], quantity),
            "n": row[COUNT],
            "x": close_time < now,
            "q": units_text(row[QUOTE], quote),
            "V": units_text(row[TAKER_VOLUME], quantity),
            "Q": units_text(row[TAKER_QUOTE], quote),
            "B": "0",
        },
    }


def close_of(interval: Interval, open_time: Time, offset_us: Time) -> Time:
    """The last microsecond of the candle that begins at a time."""
    return interval.close_time(open_time + offset_us) - offset_us


def kline_rows(
    rows: Rows, interval: Interval, units: Units, time: ShowTime, offset_us: Time
) -> list[list[Any]]:
    """Rows of ``GET /api/v3/klines``."""
    price, quantity, quote = units.price_decimals, units.quantity_decimals, units.quote_decimals
    return [
        [
            time(row[OPEN_TIME]),
            units_text(row[OPEN], price),
            units_text(row[HIGH], price),
            units_text(row[LOW], price),
            units_text(row[CLOSE], price),
            units_text(row[VOLUME], quantity),
            time(close_of(interval, row[OPEN_TIME], offset_us)),
            units_text(row[QUOTE], quote),
            row[COUNT],
            units_text(row[TAKER_VOLUME], quantity),
            units_text(row[TAKER_QUOTE], quote),
            "0",
        ]
        for row in rows.tolist()
    ]


# -- prices --------------------------------------------------------------------------------------------------------


def average_price(market: PublicMarket, now: Time, time: ShowTime) -> Payload:
    """``<symbol>@avgPrice``."""
    return {
        "e": "avgPrice",
        "E": time(now),
        "s": market.symbol,
        "i": "5m",
        "w": fixed(market.average_price(now) or Decimal(0)),
        "T": time(last_trade_time(market)),
    }


def last_trade_time(market: PublicMarket) -> Time:
    """When the last trade was; 0 when there was none."""
    return 0 if market.last is None else market.last.time


def reference_price(symbol: Symbol, price: Decimal | None, valid_at: Time, time: ShowTime) -> Payload:
    """``<symbol>@referencePrice``."""
    return {
        "e": "referencePrice",
        "s": symbol,
        "r": None if price is None else fixed(price),
        "t": time(valid_at),
    }
