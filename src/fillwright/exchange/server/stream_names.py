"""Names of market streams, read: ``btcusdt@kline_1m@+08:00`` and its like.

A name is malformed, known, or neither: names that look like names but are of no stream that is served here are taken
without complaint and never tell anything, as on Binance (there, too, a symbol in capitals is silent). Source: Binance
Spot WebSocket Streams "Detailed Stream information".
"""

from __future__ import annotations

import re
from enum import StrEnum, unique

import msgspec

from fillwright.core.types import HOUR, MILLISECOND, MINUTE, SECOND, Time
from fillwright.market.intervals import Interval

NAME_LENGTH_MAX = 200

FAST: Time = 100 * MILLISECOND
SLOW: Time = SECOND
KLINE: Time = 2 * SECOND

ZONE_MIN: Time = -12 * HOUR
ZONE_MAX: Time = 14 * HOUR
WINDOWS = {"1h": 60, "4h": 240, "1d": 1_440}
"""Rolling windows in minutes."""

_NAME = re.compile(r"!?\w[\w.\-]*(?:@[\w+:.\-]+)*")
_DEPTH = re.compile(r"depth(5|10|20)?(?:@(100|1000)ms)?")
_KLINE = re.compile(r"kline_(\w+)(?:@([+\-])(\d{1,2}):(\d{2}))?", re.ASCII)
_WINDOW = re.compile(r"ticker_(1h|4h|1d)")
_ALL_WINDOW = re.compile(r"!ticker_(1h|4h|1d)@arr")


@unique
class StreamKind(StrEnum):
    """What a stream tells."""

    TRADE = "trade"
    AGGREGATE_TRADE = "aggTrade"
    BOOK_TICKER = "bookTicker"
    DEPTH = "depth"
    PARTIAL_DEPTH = "partial depth"
    KLINE = "kline"
    MINI_TICKER = "miniTicker"
    TICKER = "ticker"
    WINDOW_TICKER = "window ticker"
    AVERAGE_PRICE = "avgPrice"
    REFERENCE_PRICE = "referencePrice"
    ALL_MINI_TICKERS = "!miniTicker"
    ALL_WINDOW_TICKERS = "!ticker"
    SILENT = "silent"
    """Well formed, but nothing that is served here."""


class StreamName(msgspec.Struct, frozen=True):
    """A stream's name and what it says."""

    text: str
    kind: StreamKind = StreamKind.SILENT
    symbol: str = ""
    """In lower case, as it was written; empty for all symbols."""
    period_us: Time = 0
    """How often it tells; 0: at once."""
    levels: int = 0
    interval: Interval = Interval.M1
    offset_us: Time = 0
    window: str = ""


_PLAIN = {
    "trade": (StreamKind.TRADE, 0),
    "aggTrade": (StreamKind.AGGREGATE_TRADE, 0),
    "bookTicker": (StreamKind.BOOK_TICKER, 0),
    "miniTicker": (StreamKind.MINI_TICKER, SLOW),
    "ticker": (StreamKind.TICKER, SLOW),
    "avgPrice": (StreamKind.AVERAGE_PRICE, SLOW),
    "referencePrice": (StreamKind.REFERENCE_PRICE, SLOW),
}


def parse_stream_name(text: str) -> StreamName | None:
    """Read a name; None when it is malformed."""
    if len(text) > NAME_LENGTH_MAX or _NAME.fullmatch(text) is None:
        return None
    if text.startswith("!"):
        return _of_all(text)
    symbol, _, rest = text.partition("@")
    if symbol != symbol.lower():
        return StreamName(text)
    plain = _PLAIN.get(rest)
    if plain is not None:
        kind, period = plain
        return StreamName(text, kind, symbol, period)
    depth = _DEPTH.fullmatch(rest)
    if depth is not None:
        levels, speed = depth.groups()
        kind = StreamKind.PARTIAL_DEPTH if levels else StreamKind.DEPTH
        return StreamName(text, kind, symbol, FAST if speed == "100" else SLOW, int(levels or 0))
    window = _WINDOW.fullmatch(rest)
    if window is not None:
        return StreamName(text, StreamKind.WINDOW_TICKER, symbol, SLOW, window=window[1])
    kline = _KLINE.fullmatch(rest)
    if kline is not None:
        return _kline(text, symbol, kline)
    return StreamName(text)


def _of_all(text: str) -> StreamName:
    if text == "!miniTicker@arr":
        return StreamName(text, StreamKind.ALL_MINI_TICKERS, period_us=SLOW)
    window = _ALL_WINDOW.fullmatch(text)
    if window is not None:
        return StreamName(text, StreamKind.ALL_WINDOW_TICKERS, period_us=SLOW, window=window[1])
    return StreamName(text)


def _kline(text: str, symbol: str, found: re.Match[str]) -> StreamName:
    spelling, sign, hours, minutes = found.groups()
    if spelling not in _INTERVALS:
        return StreamName(text)
    interval = Interval(spelling)
    offset = 0
    if sign:
        offset = int(hours) * HOUR + int(minutes) * MINUTE
        offset = -offset if sign == "-" else offset
        if not ZONE_MIN <= offset <= ZONE_MAX or int(minutes) > 59:
            return StreamName(text)
    period = SLOW if interval is Interval.S1 else KLINE
    return StreamName(text, StreamKind.KLINE, symbol, period, interval=interval, offset_us=offset)


_INTERVALS = frozenset(one.value for one in Interval) - {"5s", "10s", "15s", "30s"}
