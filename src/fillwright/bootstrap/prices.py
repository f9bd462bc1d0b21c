"""Where the service's prices come from, as the settings have it: Binance, the synthetic market, or a tape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from fillwright.binance.market_data import BinanceMarketData
from fillwright.config import MarketConfig
from fillwright.core.instruments import Instrument
from fillwright.core.settings import Settings
from fillwright.core.types import Symbol
from fillwright.market.intervals import Interval
from fillwright.market.live.choice import first_available
from fillwright.market.live.synthetic import LIVE_SHAPE, LiveSyntheticMarket
from fillwright.market.live.tape import LiveTape
from fillwright.market.tapes import TapeKind, open_tape
from fillwright.options import BadInputError
from fillwright.ports import Clock, MarketData
from fillwright.wire.exchange_info import ExchangeInfo, default_exchange_info, load_exchange_info

DAILY_VOLATILITY = 0.12
"""Four times that of a calm market, so that stops and targets are reached while somebody looks."""
INTERVALS_S = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}
"""Binance Spot "Rate limits": the words for intervals."""
MADE_UP = "prices are made up here, by a seeded random walk, as market.feed = synthetic asks"


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
    wanted = config.symbols[0] if len(config.symbols) == 1 else None
    tapes = [open_tape(path, wanted, instruments) for path in config.tapes]
    symbols = dict.fromkeys(symbol for tape in tapes for symbol in tape.symbols)
    intervals = [
        tape.interval for tape in tapes if tape.kind is TapeKind.CANDLES and tape.interval is not None
    ]
    longest = max(intervals, key=lambda interval: interval.length_us or 0, default=None)
    return OnTape(tuple(symbols), longest)


class Prices(msgspec.Struct, frozen=True):
    """Makes the source that is wanted for these symbols and candles."""

    config: MarketConfig
    instruments: Mapping[Symbol, Instrument]
    symbols: tuple[Symbol, ...]
    intervals: tuple[str, ...]
    """The first is the one with which Binance is tried."""
    clock: Clock
    memory: Path
    """Where the synthetic market remembers itself."""

    async def choose(self) -> MarketData:
        """The source; ``auto`` takes up to three seconds. Raises MarketUnavailableError for what cannot be."""
        feed = self.config.feed
        if feed == "auto":
            return await first_available(self._binance, self._synthetic, self.symbols[0], self.intervals[0])
        if feed == "binance":
            return self._binance()
        return self._tape() if feed == "tape" else self._synthetic(MADE_UP)

    def _binance(self) -> MarketData:
        return BinanceMarketData(self.symbols, self.intervals, self.clock)

    def _synthetic(self, detail: str) -> MarketData:
        rate = float(self.config.trades_per_second)
        return LiveSyntheticMarket(
            self.instruments,
            self.symbols,
            self.intervals,
            self.clock,
            seed=self.config.seed,
            epoch_file=self.memory,
            shape=msgspec.structs.replace(
                LIVE_SHAPE, daily_volatility=DAILY_VOLATILITY, trades_per_second=rate
            ),
            detail=detail,
        )

    def _tape(self) -> MarketData:
        return LiveTape(
            self.config.tapes,
            self.instruments,
            self.intervals,
            self.clock,
            symbol=self.symbols[0] if len(self.symbols) == 1 else None,
            symbols=self.symbols,
            speed=float(self.config.speed),
        )


def known(symbols: Sequence[Symbol], instruments: Mapping[Symbol, Instrument]) -> None:
    """Raise BadInputError for a symbol that no exchange info has."""
    for symbol in symbols:
        if symbol not in instruments:
            raise BadInputError(
                f"unknown symbol {symbol}: not in the exchange info, which has {', '.join(list(instruments)[:10])};"
                " another one is named by market.exchange_info"
            )
