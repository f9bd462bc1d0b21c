"""Clocks and sinks for sources of market data: time that is made, and everything that was pushed, written down."""

from __future__ import annotations

import asyncio
import time as wall
from collections.abc import Callable
from decimal import Decimal

from fillwright.core.inputs import Candle
from fillwright.core.types import SECOND, Symbol, Time
from fillwright.ports import FeedState, Levels

NOW: Time = 1_790_000_000 * SECOND + 123_456
"""In September 2026, not at the beginning of any interval."""


class Enough(Exception):
    """The test has seen what it wanted."""


class MadeClock:
    """Time that passes when somebody sleeps, at once; Enough when it reaches the end."""

    def __init__(self, now: Time = NOW, end: Time | None = None) -> None:
        self.time = now
        self.end = end
        self.wakes = 0

    def now(self) -> Time:
        return self.time

    async def sleep_until(self, time: Time) -> None:
        self.wakes += 1
        if self.end is not None and time > self.end:
            self.time = self.end
            raise Enough
        self.time = max(self.time, time)
        await asyncio.sleep(0)


class WallClock:
    """The machine's time."""

    def now(self) -> Time:
        return wall.time_ns() // 1_000

    async def sleep_until(self, time: Time) -> None:
        await asyncio.sleep(max(0.0, (time - self.now()) / SECOND))


class Book:
    """A sink that writes everything down."""

    def __init__(self) -> None:
        self.quotes: list[tuple[Symbol, Decimal, Decimal, Decimal, Decimal, Time]] = []
        self.trades: list[tuple[Symbol, Decimal, Decimal, bool, Time]] = []
        self.depths: list[tuple[Symbol, Levels, Levels, Time]] = []
        self.candles: list[Candle] = []
        self.states: list[FeedState] = []
        self.order: list[tuple[str, Time]] = []
        self._changed = asyncio.Event()

    def quote(
        self,
        symbol: Symbol,
        bid: Decimal,
        bid_quantity: Decimal,
        ask: Decimal,
        ask_quantity: Decimal,
        time: Time,
    ) -> None:
        self.quotes.append((symbol, bid, bid_quantity, ask, ask_quantity, time))
        self._note("quote", time)

    def trade(
        self, symbol: Symbol, price: Decimal, quantity: Decimal, buyer_is_maker: bool, time: Time
    ) -> None:
        self.trades.append((symbol, price, quantity, buyer_is_maker, time))
        self._note("trade", time)

    def depth(self, symbol: Symbol, bids: Levels, asks: Levels, time: Time) -> None:
        self.depths.append((symbol, bids, asks, time))
        self._note("depth", time)

    def candle(self, candle: Candle) -> None:
        self.candles.append(candle)
        self._note("candle", candle.close_time)

    def state(self, state: FeedState) -> None:
        if self.states and state.says_the_same(self.states[-1]):
            self.states[-1] = state  # clocks alone were compared
        else:
            self.states.append(state)
        self._changed.set()

    def _note(self, what: str, time: Time) -> None:
        self.order.append((what, time))
        self._changed.set()

    def line(self, symbol: Symbol, interval: str) -> list[Candle]:
        """The candles of one symbol and interval."""
        return [candle for candle in self.candles if (candle.symbol, candle.interval) == (symbol, interval)]

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
        """Wait for something to have been pushed."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"after {seconds} s still not {what}; states {self.states}") from None
