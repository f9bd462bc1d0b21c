"""A market handed on to a second hub, later and apart: whatever goes wrong there, the first has gone on already.

The first hub pays for one place in a queue. At its bound the oldest gives way, and is counted: a quote that is lost is
overwritten by the next, a trade that is lost may leave an order of a paper exchange waiting a little longer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fillwright.core.inputs import Candle
from fillwright.core.types import Symbol, Time
from fillwright.ports import FeedState, Levels, MarketSink

TICKS_MAX = 10_000
"""So much of the market waits at most; the oldest gives way."""
BATCH_MAX = 100
"""Handed on at once; then others of the loop have their turn."""


class Relay:
    """``ports.MarketSink`` that hands everything on to another, from a task of its own."""

    def __init__(self, sink: MarketSink, ticks_max: int = TICKS_MAX) -> None:
        self.lost = 0
        """What gave way, so far."""
        self._sink = sink
        self._waiting: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque(maxlen=ticks_max)
        self._awake = asyncio.Event()

    async def run(self) -> None:
        """Hand on until cancelled."""
        waiting = self._waiting
        while True:
            await self._awake.wait()
            for _ in range(min(len(waiting), BATCH_MAX)):
                take, what = waiting.popleft()
                take(*what)
            if not waiting:
                self._awake.clear()
            await asyncio.sleep(0)

    def _keep(self, take: Callable[..., None], *what: Any) -> None:
        if len(self._waiting) == self._waiting.maxlen:
            self.lost += 1
        self._waiting.append((take, what))
        self._awake.set()

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
        self._keep(self._sink.quote, symbol, bid, bid_quantity, ask, ask_quantity, time)

    def trade(
        self, symbol: Symbol, price: Decimal, quantity: Decimal, buyer_is_maker: bool, time: Time
    ) -> None:
        """One trade of the market."""
        self._keep(self._sink.trade, symbol, price, quantity, buyer_is_maker, time)

    def depth(self, symbol: Symbol, bids: Levels, asks: Levels, time: Time) -> None:
        """The best levels of the book now."""
        self._keep(self._sink.depth, symbol, bids, asks, time)

    def candle(self, candle: Candle) -> None:
        """A candle has closed."""
        self._keep(self._sink.candle, candle)

    def state(self, state: FeedState) -> None:
        """The source came up, broke, or went on otherwise."""
        self._keep(self._sink.state, state)
