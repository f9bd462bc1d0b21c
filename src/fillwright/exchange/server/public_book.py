"""One symbol's book as clients see it: snapshots, best prices, and diff. depth events that lead from one to the next.

Nothing is done while nobody looks: whoever does, brings the book up to date by comparing it with what it was. Each
level that differs takes one update id, and ids are never skipped between the events of a feed.

A snapshot takes an id for itself and leaves the one after it to the next event. So that event always has
``U <= lastUpdateId < u``, which satisfies Binance's documented procedure ("How to manage a local order book
correctly": lastUpdateId lies within [U;u]) and clients that ask for ``U <= lastUpdateId + 1 <= u``.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.types import ZERO, Symbol
from fillwright.exchange.exchange import Exchange

Levels = list[tuple[Decimal, Decimal]]
"""(price, quantity), best first."""


_NOTHING = (ZERO, ZERO)


class BookTop(msgspec.Struct, frozen=True, gc=False):
    """The best prices; a side without orders is 0."""

    update_id: int
    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal


class BookView(msgspec.Struct, frozen=True):
    """The best levels of the book."""

    last_update_id: int
    bids: Levels
    asks: Levels


class DepthEvent(msgspec.Struct, frozen=True):
    """Levels touched since the feed's last event with their quantities now; 0 for one that is gone."""

    first_update_id: int
    final_update_id: int
    bids: Levels
    asks: Levels


class DepthFeed:
    """One run of diff. depth events."""

    __slots__ = ("_book", "_final", "asks", "bids")

    def __init__(self, book: PublicBook) -> None:
        self._book = book
        self._final = book.update_id
        self.bids: dict[Decimal, Decimal] = {}
        """Levels touched since the last event."""
        self.asks: dict[Decimal, Decimal] = {}

    def event(self) -> DepthEvent | None:
        """What to tell now; None when no level was touched."""
        self._book.refresh()
        if not self.bids and not self.asks:
            return None
        first, self._final = self._final + 1, self._book.update_id
        bids, asks = sorted(self.bids.items(), reverse=True), sorted(self.asks.items())
        self.bids, self.asks = {}, {}
        return DepthEvent(first, self._final, bids, asks)


class PublicBook:
    """The book of one symbol."""

    __slots__ = (
        "_asks", "_bids", "_exchange", "_feeds", "_top", "_top_version", "_version", "symbol", "update_id",
    )  # fmt: skip

    def __init__(self, exchange: Exchange, symbol: Symbol) -> None:
        self.symbol = symbol
        self.update_id = 0
        """Of the last change that anybody saw."""
        self._exchange = exchange
        self._version: object = None
        self._bids: Levels = []
        self._asks: Levels = []
        self._feeds: list[DepthFeed] = []
        self._top = BookTop(0, ZERO, ZERO, ZERO, ZERO)
        self._top_version: object = None

    def open_feed(self) -> DepthFeed:
        """A run of events that begins with the book as it is now."""
        self.refresh()
        feed = DepthFeed(self)
        self._feeds.append(feed)
        return feed

    def close_feed(self, feed: DepthFeed) -> None:
        """Nobody listens to a feed any more."""
        self._feeds.remove(feed)

    def refresh(self) -> bool:
        """Bring the book up to date; whether anything has changed."""
        version = self._exchange.book_version(self.symbol)
        if version == self._version:
            return False
        self._version = version
        bids, asks = self._exchange.displayed(self.symbol)
        before = self.update_id
        if bids != self._bids:
            self._note(changes(self._bids, bids, descending=True), is_bid=True)
            self._bids = bids
        if asks != self._asks:
            self._note(changes(self._asks, asks, descending=False), is_bid=False)
            self._asks = asks
        return self.update_id != before

    def _note(self, levels: Levels, *, is_bid: bool) -> None:
        self.update_id += len(levels)
        for feed in self._feeds:
            (feed.bids if is_bid else feed.asks).update(levels)

    def snapshot(self, limit: int) -> BookView:
        """The best levels, to begin a local book with; takes an update id, and leaves one to the next event."""
        self.refresh()
        last = self.update_id + 1
        self.update_id = last + 1
        return BookView(last, self._bids[:limit], self._asks[:limit])

    def best_levels(self, limit: int) -> BookView:
        """The best levels, to look at."""
        self.refresh()
        return BookView(self.update_id, self._bids[:limit], self._asks[:limit])

    def top(self) -> BookTop:
        """The best prices, with the update id since which they stand, as far as anybody looked."""
        version = self._exchange.book_version(self.symbol)
        if version == self._top_version:
            return self._top
        self._top_version = version
        bid, ask = (level or _NOTHING for level in self._exchange.best_displayed(self.symbol))
        top = self._top
        if (top.bid, top.bid_quantity) != bid or (top.ask, top.ask_quantity) != ask:
            self.refresh()
            self._top = BookTop(self.update_id, *bid, *ask)
        return self._top


def changes(old: Levels, new: Levels, *, descending: bool) -> Levels:
    """Levels of the new side that differ from the old one, and those that are gone with quantity 0."""
    found: Levels = []
    index, count = 0, len(old)
    for level in new:
        price = level[0]
        while index < count and (old[index][0] > price if descending else old[index][0] < price):
            found.append((old[index][0], ZERO))
            index += 1
        if index < count and old[index][0] == price:
            if old[index][1] != level[1]:
                found.append(level)
            index += 1
        else:
            found.append(level)
    found.extend((price, ZERO) for price, _ in old[index:])
    return found
