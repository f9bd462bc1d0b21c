"""Where prices come from, as the live shell sees it: one source, many symbols, pushed as they come."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from fillwright.core.inputs import Candle
from fillwright.core.types import Symbol, Time

Levels = Sequence[tuple[Decimal, Decimal]]
"""(price, quantity), best first."""


class MarketUnavailableError(Exception):
    """No prices can be had from a source; the text says why and what to do."""


class FeedState(msgspec.Struct, frozen=True):
    """How a source is doing."""

    source: str
    """binance | synthetic | tape"""
    connected: bool
    detail: str = ""
    """Why this source, or what is wrong, in words for a person."""
    clock_skew_ms: int | None = None
    """How far the source's clock was ahead of ours when it was asked last; None: it has none, or was not asked."""

    def says_the_same(self, other: FeedState) -> bool:
        """Whether nothing else has changed than what clocks say."""
        ours, theirs = (
            (self.source, self.connected, self.detail),
            (other.source, other.connected, other.detail),
        )
        return ours == theirs


class MarketSink(Protocol):
    """Takes market data; every call returns at once. Times are microseconds UTC of the source's clock."""

    def quote(
        self,
        symbol: Symbol,
        bid: Decimal,
        bid_quantity: Decimal,
        ask: Decimal,
        ask_quantity: Decimal,
        time: Time,
    ) -> None:
        """The best bid and ask now."""

    def trade(
        self, symbol: Symbol, price: Decimal, quantity: Decimal, buyer_is_maker: bool, time: Time
    ) -> None:
        """One trade of the market."""

    def depth(self, symbol: Symbol, bids: Levels, asks: Levels, time: Time) -> None:
        """The best levels of the book now, in place of those before."""

    def candle(self, candle: Candle) -> None:
        """A candle has closed: once for each symbol and interval asked for, in order."""

    def state(self, state: FeedState) -> None:
        """The source came up, broke, or went on otherwise."""


class MarketData(Protocol):
    """A source of market data for the symbols and candle intervals that it was made for."""

    @property
    def source(self) -> str:
        """One of binance, synthetic, tape."""

    async def history(self, symbol: Symbol, interval: str, count: int) -> Sequence[Candle]:
        """The last closed candles, oldest first; fewer where there are no more. Raises MarketUnavailableError."""

    async def run(self, sink: MarketSink) -> None:
        """Push market data until cancelled (a tape: until it ends). Connections that break are made again."""
