"""One side of the outside market's order book, with our own consumption remembered until the feed refreshes it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from decimal import Decimal


class Ladder:
    """Price levels, best first when iterated; ``descending`` for bids."""

    __slots__ = ("descending", "prices", "quantities", "version")

    def __init__(self, *, descending: bool) -> None:
        self.descending = descending
        self.prices: list[Decimal] = []
        """Ascending, whatever the side."""
        self.quantities: dict[Decimal, Decimal] = {}
        """What the feed last said, less what our accounts have taken since."""
        self.version = 0
        """Grows with every change."""

    def set(self, price: Decimal, quantity: Decimal) -> None:
        """Set a level to an absolute quantity; 0 removes it, and removing an unknown level is normal."""
        self.version += 1
        if not quantity:
            self.remove(price)
        elif price in self.quantities:
            self.quantities[price] = quantity
        else:
            self.quantities[price] = quantity
            insort(self.prices, price)

    def remove(self, price: Decimal) -> None:
        """Drop a level."""
        self.version += 1
        if self.quantities.pop(price, None) is not None:
            del self.prices[bisect_left(self.prices, price)]

    def replace(self, levels: Iterable[tuple[Decimal, Decimal]]) -> None:
        """Take a snapshot in place of everything known."""
        self.version += 1
        self.quantities = {price: quantity for price, quantity in levels if quantity}
        self.prices = sorted(self.quantities)

    def take(self, price: Decimal, quantity: Decimal) -> None:
        """Consume from a level; a level used up is gone until the feed names it again."""
        self.version += 1
        left = self.quantities[price] - quantity
        if left > 0:
            self.quantities[price] = left
        else:
            self.remove(price)

    def covers(self, price: Decimal) -> bool:
        """Whether a price is not beyond the worst known level: only there an absent level is an empty one."""
        if not self.prices:
            return False
        return price >= self.prices[0] if self.descending else price <= self.prices[-1]

    @property
    def best(self) -> Decimal | None:
        """The best price, None on an empty side."""
        if not self.prices:
            return None
        return self.prices[-1] if self.descending else self.prices[0]

    def levels(self) -> Iterator[tuple[Decimal, Decimal]]:
        """Price and quantity of each level, best first."""
        for price in reversed(self.prices) if self.descending else self.prices:
            yield price, self.quantities[price]
