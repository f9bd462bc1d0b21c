"""The sources of prices, and the choice among them; loaded once what is open is protected, for that takes a while."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fillwright.binance.endpoints import Endpoints
from fillwright.binance.market_data import BinanceMarketData
from fillwright.config import MarketConfig
from fillwright.core.instruments import Instrument
from fillwright.core.types import Symbol
from fillwright.market.live.choice import first_available
from fillwright.market.live.synthetic import LIVE_SHAPE, LiveSyntheticMarket
from fillwright.market.live.tape import LiveTape
from fillwright.ports import Clock, MarketData

if TYPE_CHECKING:  # a service without such accounts does not load them
    from fillwright.bootstrap.real import RealAccount

DAILY_VOLATILITY = 0.12
"""Four times that of a calm market, so that stops and targets are reached while somebody looks."""
MADE_UP = "prices are made up here, by a seeded random walk, as market.feed = synthetic asks"


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

    def of_account(self, account: RealAccount, intervals: tuple[str, ...]) -> MarketData:
        """Prices of where an account trades."""
        own = None if account.own_prices is None else account.own_prices(intervals)
        return self.of_binance(account.endpoints, intervals) if own is None else own

    def of_binance(self, endpoints: Endpoints, intervals: tuple[str, ...]) -> MarketData:
        """Prices of one of Binance's places, for an account there."""
        return BinanceMarketData(self.symbols, intervals, self.clock, endpoints=endpoints)

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
