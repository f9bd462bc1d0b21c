"""Candles as REST has them, arrays of twelve, and averages. Source: Binance Spot "Market Data endpoints"."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import msgspec

from fillwright.wire.codec import WireError, decode
from fillwright.wire.market_streams import check_candle

KLINES_MAX = 1000
"""Candles of one answer at most."""


class Kline(NamedTuple):
    """One candle; times as the wire has them."""

    open_time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    close_time: int
    quote_volume: Decimal
    trades: int
    taker_buy_volume: Decimal
    taker_buy_quote_volume: Decimal
    unused: str


class AveragePrice(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The average price of the last minutes, as price filters compare with."""

    price: Decimal
    mins: int


_AVERAGE = msgspec.json.Decoder(AveragePrice)
_KLINES = msgspec.json.Decoder(list[Kline])


def decode_klines(body: bytes) -> list[Kline]:
    """Read an answer of ``/klines``; WireError when it is none, or holds what is no candle."""
    klines = decode(_KLINES, body, "a list of candles")
    try:
        for kline in klines:
            check_candle(kline.open, kline.high, kline.low, kline.close, kline.volume)
    except (ValueError, ArithmeticError) as error:
        raise WireError(f"not a list of candles: {error}") from error
    return klines


def decode_average_price(body: bytes | msgspec.Raw) -> AveragePrice:
    """Read an answer of ``/avgPrice``; WireError when it is none."""
    return decode(_AVERAGE, bytes(body), "an average price")
