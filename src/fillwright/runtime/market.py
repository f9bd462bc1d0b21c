"""The market hub: the newest prices of each symbol, and who is shown what, in which order.

A tick overwrites a slot and costs next to nothing: no task, no queue. Venues whose orders meet the live market see it
first, then the engines; only a watched price that is crossed wakes one. Candles go to traders, and to the engines whose
interval it is, once each.

A quote is as old as what was last heard of bid and ask: a trade moves the last price and says nothing of them, so it
makes no quote look fresh. How old the last trade is stands beside it (``traded_at``).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Protocol

from fillwright.core.inputs import Candle, Quote
from fillwright.core.types import Symbol, Time
from fillwright.ports import Clock, FeedState, Levels, MarketSink
from fillwright.runtime.averages import LiveAverages

NOT_CONNECTED = FeedState(source="", connected=False, detail="not started")


class Watcher(Protocol):
    """An account's engine, as the market sees it."""

    def observe(self, quote: Quote) -> None:
        """Take the newest prices of a symbol."""

    def candle(self, candle: Candle) -> None:
        """Take a closed candle of any interval."""


class MarketHub:
    """``ports.MarketSink`` for one source; times of quotes are ours, those of their coming."""

    def __init__(self, clock: Clock) -> None:
        self.feed = NOT_CONNECTED
        self.quotes: dict[Symbol, Quote] = {}
        self.averages = LiveAverages(clock)
        self.on_candle: Callable[[Candle], None] = lambda candle: None
        """Takes every candle once, after the engines."""
        self.on_state: Callable[[FeedState], None] = lambda state: None
        self.ticks = 0
        """Quotes and trades so far."""
        self.traded_at: dict[Symbol, Time] = {}
        """When each symbol's last trade was seen."""
        self._clock = clock
        self._last: dict[Symbol, Decimal] = {}
        self._best: dict[Symbol, tuple[Decimal, Decimal, Decimal, Decimal, Time]] = {}
        """The newest quote of each symbol, as the source told it."""
        self._books: dict[Symbol, tuple[Levels, Levels, Time]] = {}
        self._quotes_apart: set[Symbol] = set()
        """Symbols with quotes of their own: those of others are the best levels of their depth, or their last trade."""
        self._quoted: set[Symbol] = set()
        self._closed: dict[tuple[Symbol, str], Time] = {}
        self._venues: list[MarketSink] = []
        self._watchers: list[Watcher] = []
        self._followers: list[MarketSink] = []

    # -- who is shown the market -----------------------------------------------------------------------------

    def add_venue(self, sink: MarketSink) -> None:
        """Show the market to a venue from now on, before the engines; first the newest quotes and books.

        Trades are not told again: they were, and would fill a second time.
        """
        self._venues.append(sink)
        for symbol, best in self._best.items():
            sink.quote(symbol, *best)
        for symbol, book in self._books.items():
            sink.depth(symbol, *book)

    def remove_venue(self, sink: MarketSink) -> None:
        """No more."""
        self._venues.remove(sink)

    def add_follower(self, sink: MarketSink) -> None:
        """Show everything to a follower from now on, after everybody else; first the newest quotes and books."""
        self._followers.append(sink)
        sink.state(self.feed)
        for symbol, best in self._best.items():
            sink.quote(symbol, *best)
        for symbol, book in self._books.items():
            sink.depth(symbol, *book)

    def remove_follower(self, sink: MarketSink) -> None:
        """No more."""
        self._followers.remove(sink)

    def add_watcher(self, watcher: Watcher) -> None:
        """Show the market to an engine from now on."""
        self._watchers.append(watcher)

    # -- what the source pushes ------------------------------------------------------------------------------

    def quote(
        self,
        symbol: Symbol,
        bid: Decimal,
        bid_quantity: Decimal,
        ask: Decimal,
        ask_quantity: Decimal,
        time: Time,
    ) -> None:
        """Overwrite a symbol's slot."""
        for venue in self._venues:
            venue.quote(symbol, bid, bid_quantity, ask, ask_quantity, time)
        self._best[symbol] = (bid, bid_quantity, ask, ask_quantity, time)
        if symbol not in self._quotes_apart:
            self._quotes_apart.add(symbol)
            self._quoted.add(symbol)
        self._show(symbol, bid, ask, self._clock.now())
        for follower in self._followers:
            follower.quote(symbol, bid, bid_quantity, ask, ask_quantity, time)

    def trade(
        self, symbol: Symbol, price: Decimal, quantity: Decimal, buyer_is_maker: bool, time: Time
    ) -> None:
        """Overwrite a symbol's last price."""
        for venue in self._venues:
            venue.trade(symbol, price, quantity, buyer_is_maker, time)
        now = self._clock.now()
        self.averages.add(symbol, price, quantity, now)
        self._last[symbol] = price
        self.traded_at[symbol] = now
        known = self.quotes.get(symbol)
        if known is not None and symbol in self._quoted:
            self._show(symbol, known.bid, known.ask, known.time)
        else:
            self._show(symbol, price, price, now)  # trades are all that the source has
        for follower in self._followers:
            follower.trade(symbol, price, quantity, buyer_is_maker, time)

    def depth(self, symbol: Symbol, bids: Levels, asks: Levels, time: Time) -> None:
        """Show the book to venues; its best levels are the quote of a symbol without one, or confirm the one it has."""
        for venue in self._venues:
            venue.depth(symbol, bids, asks, time)
        self._books[symbol] = (bids, asks, time)
        self._quote_of_depth(symbol, bids, asks)
        for follower in self._followers:
            follower.depth(symbol, bids, asks, time)

    def _quote_of_depth(self, symbol: Symbol, bids: Levels, asks: Levels) -> None:
        if not bids or not asks:
            return
        bid, ask = bids[0][0], asks[0][0]
        if symbol in self._quotes_apart:
            known = self.quotes[symbol]
            if known.bid != bid or known.ask != ask:
                return  # one of the two is on its way still: quotes come sooner
        else:
            self._quoted.add(symbol)
        self._show(symbol, bid, ask, self._clock.now())

    def _show(self, symbol: Symbol, bid: Decimal, ask: Decimal, quoted_at: Time) -> None:
        quote = Quote(symbol, bid, ask, self._last.get(symbol, bid), quoted_at)
        self.quotes[symbol] = quote
        self.ticks += 1
        for watcher in self._watchers:
            watcher.observe(quote)

    def candle(self, candle: Candle) -> None:
        """Hand a candle on, unless it (or a later one) was there before."""
        key = (candle.symbol, candle.interval)
        if candle.open_time <= self._closed.get(key, -1):
            return
        self._closed[key] = candle.open_time
        for watcher in self._watchers:
            watcher.candle(candle)
        self.on_candle(candle)
        for follower in self._followers:
            follower.candle(candle)

    def state(self, state: FeedState) -> None:
        """Keep how the source is doing, and tell it when it is news."""
        known, self.feed = self.feed, state
        if not state.says_the_same(known):
            self.on_state(state)
        for follower in self._followers:
            follower.state(state)
