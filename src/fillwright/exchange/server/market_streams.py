"""The hub of market streams: who listens to what, and what they are told.

There is one channel per stream and time unit. A payload is made and written once per channel, in the plain form and,
when somebody wants it, in the combined one, and the same bytes go to everybody. Trades and best prices are told at
once; the rest goes by timers of box time, which run only while somebody listens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec

from fillwright.core.types import Symbol, Time
from fillwright.exchange.messages import MarketTrade
from fillwright.exchange.server import market_payloads as payloads
from fillwright.exchange.server import ticker_payloads
from fillwright.exchange.server.box import Box, Timer
from fillwright.exchange.server.market_payloads import Payload, ShowTime
from fillwright.exchange.server.public_book import BookTop, DepthFeed
from fillwright.exchange.server.public_market import AggregateTrade, PublicMarket
from fillwright.exchange.server.stream_names import WINDOWS, StreamKind, StreamName

_encode = msgspec.json.Encoder().encode
_AT_ONCE = (StreamKind.TRADE, StreamKind.AGGREGATE_TRADE, StreamKind.BOOK_TICKER)
_CHANGES_WITH_TIME = ("E", "O", "C")
"""What differs from one statistic to the next though nothing has happened."""


class Listener(Protocol):
    """What the hub wants of a connection."""

    microseconds: bool
    is_combined: bool

    def send(self, message: bytes) -> None:
        """Send a text message."""


class Channel:
    """One stream in one time unit, and those who listen to it.

    ``make`` gives what there is to tell at a time: any number of payloads.
    """

    __slots__ = ("close", "listeners", "make", "name", "prefix", "show")

    def __init__(self, name: StreamName, *, microseconds: bool) -> None:
        self.name = name
        self.listeners: dict[Listener, None] = {}
        self.prefix = b'{"stream":%b,"data":' % _encode(name.text)
        self.show: ShowTime = payloads.microseconds if microseconds else payloads.milliseconds
        self.make: Callable[[Time], Sequence[Payload | list[Payload]]] = _nothing
        self.close: Callable[[], None] | None = None
        """Lets go of what the channel holds on to."""

    def tell(self, payload: Payload | list[Payload]) -> None:
        """Send a payload to everybody."""
        plain = _encode(payload)
        combined: bytes | None = None
        for listener in self.listeners:
            if not listener.is_combined:
                listener.send(plain)
                continue
            if combined is None:
                combined = b"%b%b}" % (self.prefix, plain)
            listener.send(combined)


class _Place:
    """The channels of one market that are told at once."""

    __slots__ = ("aggregates", "books", "top", "trades")

    def __init__(self) -> None:
        self.trades: list[Channel] = []
        self.aggregates: list[Channel] = []
        self.books: list[Channel] = []
        self.top: BookTop | None = None
        """The best prices that were told last."""

    def of(self, kind: StreamKind) -> list[Channel]:
        if kind is StreamKind.TRADE:
            return self.trades
        return self.aggregates if kind is StreamKind.AGGREGATE_TRADE else self.books


class MarketStreams:
    """All channels of a server; listens to its public markets."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._channels: dict[tuple[str, bool], Channel] = {}
        self._places: dict[Symbol, _Place] = {}
        self._timed: dict[Time, dict[Channel, None]] = {}
        self._timers: dict[Time, Timer] = {}

    def __len__(self) -> int:
        return len(self._channels)

    # -- who listens -----------------------------------------------------------------------------------------------

    def listen(self, name: StreamName, listener: Listener) -> Channel:
        """Begin to tell somebody; a stream that is silent costs nothing."""
        key = (name.text, listener.microseconds)
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(name, microseconds=listener.microseconds)
            self._open(channel)
        channel.listeners[listener] = None
        return channel

    def leave(self, channel: Channel, listener: Listener) -> None:
        """Tell somebody no more; a channel without listeners is closed."""
        channel.listeners.pop(listener, None)
        if channel.listeners:
            return
        name = channel.name
        self._channels.pop((name.text, listener.microseconds), None)
        if channel.close is not None:
            channel.close()
        timed = self._timed.get(name.period_us, {})
        if channel in timed:
            del timed[channel]
            if not timed:
                self._timers.pop(name.period_us).cancel()

    def _open(self, channel: Channel) -> None:
        name = channel.name
        if name.kind is StreamKind.SILENT:
            return
        if name.symbol:
            market = self._box.markets.get(name.symbol.upper())
            if market is None:
                return
            if name.kind in _AT_ONCE:
                self._open_at_once(channel, market)
                return
            channel.make = self._maker(channel, market)
        else:
            channel.make = _Changed(self._markets, channel).make
        period = name.period_us
        self._timed.setdefault(period, {})[channel] = None
        if period not in self._timers:
            self._timers[period] = self._box.every(period, partial(self._timer, period))

    def _open_at_once(self, channel: Channel, market: PublicMarket) -> None:
        place = self._places.get(market.symbol)
        if place is None:
            place = self._places[market.symbol] = _Place()
        market.listener = self
        if channel.name.kind is StreamKind.BOOK_TICKER and not place.books:
            place.top = market.book.top()
        channels = place.of(channel.name.kind)
        channels.append(channel)
        channel.close = partial(channels.remove, channel)

    def _markets(self) -> list[PublicMarket]:
        return list(self._box.markets.values())

    def _maker(
        self, channel: Channel, market: PublicMarket
    ) -> Callable[[Time], Sequence[Payload | list[Payload]]]:
        name, show = channel.name, channel.show
        if name.kind is StreamKind.DEPTH:
            feed = market.book.open_feed()
            channel.close = partial(market.book.close_feed, feed)
            return partial(_depth, market, feed, show)
        if name.kind is StreamKind.KLINE:
            return _Klines(market, name, show).make
        if name.kind is StreamKind.PARTIAL_DEPTH:
            return lambda now: (payloads.partial_depth(market.book.best_levels(name.levels)),)
        if name.kind is StreamKind.WINDOW_TICKER:
            size = name.window
            return lambda now: (ticker_payloads.window_ticker(market, size, WINDOWS[size], now, show),)
        if name.kind is StreamKind.REFERENCE_PRICE:
            return partial(self._reference_price, market.symbol, show)
        simple = _SIMPLE[name.kind]
        return lambda now: (simple(market, now, show),)

    def _reference_price(self, symbol: Symbol, show: ShowTime, now: Time) -> Sequence[Payload]:
        price = self._box.exchange.reference_price(symbol)
        return (payloads.reference_price(symbol, price, now, show),)

    # -- what happens ----------------------------------------------------------------------------------------------

    def traded(
        self, market: PublicMarket, trades: Sequence[MarketTrade], aggregates: Sequence[AggregateTrade]
    ) -> None:
        """Tell of trades, and of what they may have done to the best prices."""
        place = self._places.get(market.symbol)
        if place is None:
            return
        now = self._box.now
        for channel in place.trades:
            for one in trades:
                channel.tell(payloads.trade(one, now, channel.show))
        for channel in place.aggregates:
            for whole in aggregates:
                channel.tell(payloads.aggregate_trade(market.symbol, whole, now, channel.show))
        if place.books:
            self._tell_top(market, place)

    def touched(self, market: PublicMarket) -> None:
        """Tell of new best prices."""
        place = self._places.get(market.symbol)
        if place is not None and place.books:
            self._tell_top(market, place)

    def _tell_top(self, market: PublicMarket, place: _Place) -> None:
        top, before = market.book.top(), place.top
        if before is not None and (
            top.bid == before.bid
            and top.ask == before.ask
            and top.bid_quantity == before.bid_quantity
            and top.ask_quantity == before.ask_quantity
        ):
            return
        place.top = top
        for channel in place.books:
            channel.tell(payloads.book_ticker(market.symbol, top))

    def _timer(self, period: Time, now: Time) -> None:
        for channel in tuple(self._timed.get(period, ())):
            for payload in channel.make(now):
                channel.tell(payload)


# -- what channels tell ----------------------------------------------------------------------------------------------

_SIMPLE: dict[StreamKind, Callable[[PublicMarket, Time, ShowTime], Payload]] = {
    StreamKind.MINI_TICKER: ticker_payloads.mini_ticker,
    StreamKind.TICKER: ticker_payloads.ticker,
    StreamKind.AVERAGE_PRICE: payloads.average_price,
}


def _nothing(_now: Time) -> Sequence[Payload]:
    return ()


def _depth(market: PublicMarket, feed: DepthFeed, show: ShowTime, now: Time) -> Sequence[Payload]:
    event = feed.event()
    return () if event is None else (payloads.depth_update(market.symbol, event, now, show),)


class _Klines:
    """The present candle at each turn; the one before it once more when it has closed since."""

    __slots__ = ("_market", "_name", "_open_time", "_show")

    def __init__(self, market: PublicMarket, name: StreamName, show: ShowTime) -> None:
        self._market = market
        self._name = name
        self._show = show
        self._open_time: int | None = None

    def make(self, now: Time) -> Sequence[Payload]:
        name, show = self._name, self._show
        present = payloads.kline(self._market, name.interval, now, show, name.offset_us)
        if present is None:
            return ()
        before, self._open_time = self._open_time, present["k"]["t"]
        if before is None or before == self._open_time:
            return (present,)
        closed = payloads.closed_kline(self._market, name.interval, now, show, name.offset_us)
        return (present,) if closed is None else (closed, present)


class _Changed:
    """Statistics of all symbols where they differ from what was told before."""

    __slots__ = ("_channel", "_markets", "_told")

    def __init__(self, markets: Callable[[], list[PublicMarket]], channel: Channel) -> None:
        self._markets = markets
        self._channel = channel
        self._told: dict[Symbol, dict[str, Any]] = {}

    def make(self, now: Time) -> Sequence[list[Payload]]:
        found = []
        for market in self._markets():
            payload = self._one(market, now)
            figures = {key: value for key, value in payload.items() if key not in _CHANGES_WITH_TIME}
            if figures != self._told.get(market.symbol):
                self._told[market.symbol] = figures
                found.append(payload)
        return (found,) if found else ()

    def _one(self, market: PublicMarket, now: Time) -> Payload:
        size = self._channel.name.window
        if size:
            return ticker_payloads.window_ticker(market, size, WINDOWS[size], now, self._channel.show)
        return ticker_payloads.mini_ticker(market, now, self._channel.show)
