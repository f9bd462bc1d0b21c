"""The book of one symbol, kept up to date by snapshots and updates; what a reader wants of it is its best levels.

Source: Binance Spot "How to manage a local order book correctly".
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from decimal import Decimal

from fillwright.market.events import Level, Levels

LEVELS_SHOWN = 20


class _Side:
    """Levels of one side, best last."""

    def __init__(self, *, best_is_highest: bool) -> None:
        self._sign = 1 if best_is_highest else -1
        self._keys: list[Decimal] = []
        self._quantities: dict[Decimal, Decimal] = {}

    def replace(self, levels: Iterable[Level]) -> None:
        self._quantities = {price: quantity for price, quantity in dict(levels).items() if quantity}
        self._keys = sorted(price * self._sign for price in self._quantities)

    def apply(self, levels: Iterable[Level]) -> None:
        for price, quantity in levels:
            if quantity:
                if price not in self._quantities:
                    insort(self._keys, price * self._sign)
                self._quantities[price] = quantity
            elif self._quantities.pop(price, None) is not None:
                del self._keys[bisect_left(self._keys, price * self._sign)]

    def best(self, count: int) -> Levels:
        prices = [key * self._sign for key in self._keys[: -count - 1 : -1]]
        return tuple((price, self._quantities[price]) for price in prices)


class LocalBook:
    """Both sides."""

    def __init__(self) -> None:
        self._bids = _Side(best_is_highest=True)
        self._asks = _Side(best_is_highest=False)

    def replace(self, bids: Levels, asks: Levels) -> None:
        """A whole book in place of what was known."""
        self._bids.replace(bids)
        self._asks.replace(asks)

    def apply(self, bids: Levels, asks: Levels) -> None:
        """Changed levels with their new quantities; 0 removes one."""
        self._bids.apply(bids)
        self._asks.apply(asks)

    def best(self, count: int = LEVELS_SHOWN) -> tuple[Levels, Levels]:
        """The best levels of both sides, best first."""
        return self._bids.best(count), self._asks.best(count)
