"""What the settings say of the market: its symbols and their rules, limits of orders, and what is on tapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from fillwright.config import MarketConfig
from fillwright.core.instruments import Instrument
from fillwright.core.settings import Settings
from fillwright.core.types import Symbol
from fillwright.options import BadInputError
from fillwright.wire.exchange_info import ExchangeInfo, default_exchange_info, load_exchange_info

if TYPE_CHECKING:  # a service without tapes need not wait for what reads them
    from fillwright.market.intervals import Interval

INTERVALS_S = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}
"""Binance Spot "Rate limits": the words for intervals."""


def exchange_info_of(config: MarketConfig) -> ExchangeInfo:
    """What is known of symbols, and how many orders an account may send; raises ExchangeInfoError."""
    if config.exchange_info is None:
        return default_exchange_info()
    return load_exchange_info(config.exchange_info)


def with_order_limits(settings: Settings, info: ExchangeInfo) -> Settings:
    """Settings whose venue counts orders as the exchange info has it; as they are, if it says nothing of that."""
    limits = tuple(
        [
            (INTERVALS_S[one.interval] * one.interval_num, one.limit)
            for one in info.rate_limits
            if one.rate_limit_type == "ORDERS" and one.interval in INTERVALS_S
        ]
    )
    if not limits:
        return settings
    venue = msgspec.structs.replace(settings.venue, order_limits=limits)
    return msgspec.structs.replace(settings, venue=venue)


class OnTape(msgspec.Struct, frozen=True):
    """What tapes are known to hold."""

    symbols: tuple[Symbol, ...] = ()
    interval: Interval | None = None
    """Of the longest candles, where there are candles and no trades."""


def on_tape(config: MarketConfig, instruments: Mapping[Symbol, Instrument]) -> OnTape:
    """Look into the tapes, if it is tapes that are to be played; raises TapeError, BadInputError."""
    if config.feed != "tape":
        return OnTape()
    if not config.tapes:
        raise BadInputError("market.feed is tape, and no tape is named: --tape FILE, or market.tapes")
    from fillwright.market.tapes import TapeKind, open_tape

    wanted = config.symbols[0] if len(config.symbols) == 1 else None
    tapes = [open_tape(path, wanted, instruments) for path in config.tapes]
    symbols = dict.fromkeys(symbol for tape in tapes for symbol in tape.symbols)
    intervals = [
        tape.interval for tape in tapes if tape.kind is TapeKind.CANDLES and tape.interval is not None
    ]
    longest = max(intervals, key=lambda interval: interval.length_us or 0, default=None)
    return OnTape(tuple(symbols), longest)


def known(symbols: Sequence[Symbol], instruments: Mapping[Symbol, Instrument]) -> None:
    """Raise BadInputError for a symbol that no exchange info has."""
    for symbol in symbols:
        if symbol not in instruments:
            raise BadInputError(
                f"unknown symbol {symbol}: not in the exchange info, which has {', '.join(list(instruments)[:10])};"
                " another one is named by market.exchange_info"
            )
