"""A source that is not chosen yet: a service is up, and what is open protected, before it is known where prices come
from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fillwright.core.inputs import Candle
from fillwright.core.types import Symbol
from fillwright.ports import MarketData, MarketSink

UNKNOWN = ""


class LateMarket:
    """``ports.MarketData`` that waits until ``take`` brings the one that is meant."""

    def __init__(self) -> None:
        self._market: MarketData | None = None
        self._is_chosen = asyncio.Event()

    @property
    def source(self) -> str:
        """One of binance, synthetic, tape; '' while it is not chosen."""
        return UNKNOWN if self._market is None else self._market.source

    def take(self, market: MarketData) -> None:
        """This is the one, until the end."""
        if self._market is not None:
            raise RuntimeError("the source of prices is chosen once")
        self._market = market
        self._is_chosen.set()

    async def history(self, symbol: Symbol, interval: str, count: int) -> Sequence[Candle]:
        """As the chosen source has it; raises MarketUnavailableError."""
        return await (await self._chosen()).history(symbol, interval, count)

    async def run(self, sink: MarketSink) -> None:
        """As the chosen source does; raises MarketUnavailableError."""
        await (await self._chosen()).run(sink)

    async def _chosen(self) -> MarketData:
        await self._is_chosen.wait()
        assert self._market is not None
        return self._market
