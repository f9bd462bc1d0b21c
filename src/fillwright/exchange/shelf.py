"""A shelf of orders sorted by price, then by time: books of resting orders and lists of waiting triggers."""

from __future__ import annotations

from bisect import bisect_left, insort
from decimal import Decimal

from fillwright.exchange.orders import Order

Entry = tuple[Decimal, int, Order]


class Shelf:
    """Orders by a price, best first; equal prices by order of arrival.

    ``descending`` shelves have their highest price first (bids, stops that wait below the market).
    """

    __slots__ = ("descending", "entries")

    def __init__(self, *, descending: bool) -> None:
        self.descending = descending
        self.entries: list[Entry] = []

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, price: Decimal, order: Order) -> None:
        """Put an order on the shelf at a price."""
        insort(self.entries, (-price if self.descending else price, order.sequence, order))

    def discard(self, price: Decimal, order: Order) -> None:
        """Take an order away, if it is there at that price."""
        entries = self.entries
        if not entries:
            return
        key = -price if self.descending else price
        index = bisect_left(entries, (key, order.sequence))
        if index < len(entries) and entries[index][2] is order and entries[index][0] == key:
            del entries[index]

    @property
    def best(self) -> Order | None:
        """The order at the best price, the oldest of them."""
        return self.entries[0][2] if self.entries else None

    def orders(self) -> list[Order]:
        """All orders, best first."""
        return [entry[2] for entry in self.entries]
