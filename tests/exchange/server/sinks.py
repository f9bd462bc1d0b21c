"""What takes prices, for tests: everything is kept."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

Levels = Sequence[tuple[Decimal, Decimal]]


class Recorder:
    """Keeps what a source pushes."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def trade(self, symbol: str, price: Decimal, quantity: Decimal, buyer_is_maker: bool, time: int) -> None:
        self.events.append(("trade", symbol, time, price, quantity, buyer_is_maker))

    def quote(
        self, symbol: str, bid: Decimal, bid_quantity: Decimal, ask: Decimal, ask_quantity: Decimal, time: int
    ) -> None:
        self.events.append(("quote", symbol, time, bid, ask))

    def depth(self, symbol: str, bids: Levels, asks: Levels, time: int, *, snapshot: bool = True) -> None:
        self.events.append(("depth", symbol, time, tuple(bids), tuple(asks), snapshot))

    def of(self, kind: str, symbol: str | None = None) -> list[tuple[Any, ...]]:
        """Events of a kind."""
        return [one for one in self.events if one[0] == kind and symbol in (None, one[1])]
