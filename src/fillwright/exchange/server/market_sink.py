"""What a source of prices is, and what takes its prices."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from fillwright.core.types import Symbol, Time

FAR: Time = 2**62
"""Later than anything."""
Levels = Sequence[tuple[Decimal, Decimal]]
"""(price, quantity), best first."""


class MarketSourceError(ValueError):
    """There is no such source of prices; the message says why."""


class Sink(Protocol):
    """Takes what the outside market does."""

    def trade(
        self, symbol: Symbol, price: Decimal, quantity: Decimal, buyer_is_maker: bool, time: Time
    ) -> None:
        """One trade."""

    def quote(
        self,
        symbol: Symbol,
        bid: Decimal,
        bid_quantity: Decimal,
        ask: Decimal,
        ask_quantity: Decimal,
        time: Time,
    ) -> None:
        """New best quotes."""

    def depth(self, symbol: Symbol, bids: Levels, asks: Levels, time: Time, *, snapshot: bool = True) -> None:
        """The book, or absolute quantities of changed levels."""


class MarketSource(Protocol):
    """Where prices come from: synchronous, and a function of its settings and of the times at which it is asked."""

    @property
    def next_time(self) -> Time:
        """When there is something to push; FAR: never again."""

    def advance(self, now: Time, sink: Sink) -> None:
        """Push what is due up to a time, in the order of time."""
