"""Which columns of a table mean what: Binance's own files with and without header, and the spellings of others."""

from __future__ import annotations

import re
from enum import StrEnum, unique

import msgspec


@unique
class Content(StrEnum):
    """What the rows of a table are."""

    TRADES = "trades"
    CANDLES = "candles"
    QUOTES = "quotes"
    DEPTH_UPDATES = "depth updates"
    DEPTH_LEVELS = "depth snapshots, a level a row"
    BOOKS = "depth snapshots, a book a row"


class Layout(msgspec.Struct, frozen=True):
    """The columns of a table in their order, and which of them play which role."""

    content: Content
    columns: tuple[str, ...]
    roles: dict[str, str]
    """Role → column."""
    header_lines: int = 0
    """Lines before the first row of a text."""


_SPELLINGS: dict[str, tuple[str, ...]] = {
    "symbol": ("symbol", "s", "pair"),
    "trade_id": ("tradeid", "aggtradeid", "aggregatetradeid", "id", "a", "t"),
    "price": ("price", "p"),
    "quantity": ("quantity", "qty", "q", "amount", "size"),
    "maker": ("isbuyermaker", "isbuyermarketmaker", "buyerismaker", "m"),
    "taker_side": ("side", "takerside"),
    "time": (
        "transactiontime",
        "transacttime",
        "tradetime",
        "exchtsms",
        "time",
        "timestamp",
        "eventtime",
        "datetime",
        "date",
        "tsms",
    ),
    "open_time": ("opentime", "timestamp", "time", "date", "datetime"),
    "close_time": ("closetime",),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "v", "vol"),
    "bid": ("bestbidprice", "bidprice", "bid"),
    "bid_quantity": ("bestbidqty", "bidqty", "bidquantity", "bestbidquantity", "bidsize"),
    "ask": ("bestaskprice", "askprice", "ask"),
    "ask_quantity": ("bestaskqty", "askqty", "askquantity", "bestaskquantity", "asksize"),
    "receive_time": ("timestampofreceive", "tsms"),
    "event_time": ("eventtime",),
    "first_update_id": ("firstupdateid",),
    "final_update_id": ("finalupdateid",),
    "last_update_id": ("lastupdateid", "seq"),
    "is_ask": ("isask",),
    "bids": ("bidspx",),
    "bid_quantities": ("bidsqty",),
    "asks": ("askspx",),
    "ask_quantities": ("asksqty",),
}

_NEEDED: tuple[tuple[Content, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        Content.DEPTH_UPDATES,
        ("event_time", "first_update_id", "final_update_id", "is_ask", "price", "quantity"),
        ("symbol",),
    ),
    (
        Content.DEPTH_LEVELS,
        ("receive_time", "last_update_id", "is_ask", "price", "quantity"),
        ("symbol",),
    ),
    (
        Content.BOOKS,
        ("time", "last_update_id", "bids", "bid_quantities", "asks", "ask_quantities"),
        ("symbol",),
    ),
    (Content.CANDLES, ("open_time", "open", "high", "low", "close", "volume"), ("close_time", "symbol")),
    (Content.QUOTES, ("time", "bid", "bid_quantity", "ask", "ask_quantity"), ("symbol",)),
    (Content.TRADES, ("trade_id", "time", "price", "quantity", "maker"), ("symbol",)),
    (Content.TRADES, ("trade_id", "time", "price", "quantity", "taker_side"), ("symbol",)),
)
"""In this order, because a depth table has a price and a quantity, too."""

_KLINE_COLUMNS = (
    "open_time open high low close volume close_time quote_volume trades taker_base taker_quote ignore"
)
_HEADERLESS: tuple[tuple[Content, str, tuple[str, ...]], ...] = (
    (Content.CANDLES, _KLINE_COLUMNS, ("open_time", "open", "high", "low", "close", "volume", "close_time")),
    (
        Content.TRADES,
        "trade_id price quantity quote_quantity time maker best_match",
        ("trade_id", "price", "quantity", "time", "maker"),
    ),
    (
        Content.TRADES,
        "trade_id price quantity quote_quantity time maker",
        ("trade_id", "price", "quantity", "time", "maker"),
    ),
    (
        Content.TRADES,
        "trade_id price quantity first_id last_id time maker best_match",
        ("trade_id", "price", "quantity", "time", "maker"),
    ),
    (
        Content.TRADES,
        "trade_id price quantity first_id last_id time maker",
        ("trade_id", "price", "quantity", "time", "maker"),
    ),
)
"""Binance's public dumps (data.binance.vision): klines, trades, aggTrades."""

_INTEGER = re.compile(r"[0-9]{1,19}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?", re.ASCII)
_TIME = re.compile(r"[0-9]{10,19}", re.ASCII)
_FLAG = re.compile(r"true|false|t|f|0|1", re.ASCII | re.IGNORECASE)
_SHAPES = {
    "trade_id": _INTEGER,
    "first_id": _INTEGER,
    "last_id": _INTEGER,
    "time": _TIME,
    "open_time": _TIME,
    "close_time": _TIME,
    "maker": _FLAG,
    "best_match": _FLAG,
}


def by_names(names: tuple[str, ...], header_lines: int = 0) -> Layout | None:
    """The layout of a table with named columns; None when the names are of no kind we read."""
    spelled = {re.sub(r"[^a-z]", "", name.lower()): name for name in reversed(names)}
    found = {
        role: next((spelled[spelling] for spelling in spellings if spelling in spelled), None)
        for role, spellings in _SPELLINGS.items()
    }
    for content, needed, optional in _NEEDED:
        roles = {role: name for role in needed + optional if (name := found[role]) is not None}
        if all(role in roles for role in needed):
            return Layout(content, names, roles, header_lines)
    return None


def by_shape(fields: list[str]) -> Layout | None:
    """The layout of a row of one of Binance's dumps without header; None when it is none of them."""
    for content, columns, roles in _HEADERLESS:
        names = tuple(columns.split())
        if len(names) == len(fields) and all(
            _SHAPES.get(name, _NUMBER).fullmatch(field.strip())
            for name, field in zip(names, fields, strict=True)
        ):
            return Layout(content, names, {role: role for role in roles})
    return None


def is_row(fields: list[str]) -> bool:
    """Whether a line looks like data rather than like a header: most fields begin with a digit."""
    return 2 * sum(field.strip()[:1].isdigit() for field in fields) > len(fields)
