"""Feeds: a tape's rows as moments of the market, visited one by one or skipped where they can change nothing.

A moment changes nothing when its prices stay strictly inside the bounds of exchange and engine. Then only the last
price moves, and nobody looks at it before the next moment that is visited, so it is set when somebody does
(``settle_slots``). The tick-by-tick way visits every moment and is the reference: both give the same journal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Protocol

from fillwright.core.inputs import Candle, Quote
from fillwright.core.types import Symbol, Time
from fillwright.exchange.exchange import Exchange
from fillwright.market.averages import AveragePrice
from fillwright.market.candles import CandleAggregator, CandleBuilder
from fillwright.market.columns import CandleColumns, QuoteColumns, Scale, TradeColumns
from fillwright.market.events import (
    CandleClosed,
    DepthSnapshot,
    DepthUpdate,
    EventChunk,
    Trade,
)
from fillwright.market.events import Quote as QuoteEvent
from fillwright.market.intervals import Interval
from fillwright.market.tapes.tape import Chunk, Tape

AVERAGE_MINUTES = 5
"""Binance's avgPriceMins on every symbol seen."""

Bounds = tuple[Decimal | None, Decimal | None]


class Market(Protocol):
    """What a feed needs of the simulation that it drives."""

    exchange: Exchange

    def bounds(self, symbol: Symbol) -> Bounds:
        """The prices strictly inside of which nothing can happen."""

    def moved(self, symbol: Symbol, now: Time) -> None:
        """The market of a symbol was touched: take up events, show the quote to the engine."""

    def candle_closed(self, candle: Candle) -> None:
        """A candle of the account's interval is complete."""


class Mark:
    """Where a feed's chunk begins, in rows and in time."""

    __slots__ = ("row", "time")

    def __init__(self, row: int, time: Time) -> None:
        self.row = row
        self.time = time


class Feed(ABC):
    """One tape being replayed. Moments are numbered inside the chunk; a row may have several moments."""

    def __init__(self, tape: Tape, market: Market, interval: Interval) -> None:
        self.tape = tape
        self.market = market
        self.interval = interval
        self._chunks: Iterator[Chunk] = iter(tape.chunks())
        self.marks: list[Mark] = []
        self.visited = 0
        self.passed = 0
        self.exhausted = False

    # -- chunks ----------------------------------------------------------------------------------------------

    def load(self) -> bool:
        """Take the next chunk that has rows; False at the tape's end."""
        for chunk in self._chunks:
            if len(chunk):
                self._take(chunk)
                return True
        self.exhausted = True
        return False

    @abstractmethod
    def _take(self, chunk: Chunk) -> None:
        """Make a chunk the current one."""

    @property
    @abstractmethod
    def end(self) -> Time:
        """The time of the chunk's last moment."""

    @property
    @abstractmethod
    def is_done(self) -> bool:
        """Whether every moment of the chunk has been passed."""

    @property
    @abstractmethod
    def row(self) -> int:
        """The tape's row at the cursor."""

    # -- moments ---------------------------------------------------------------------------------------------

    def close_candles(self) -> None:
        """Hand on candles that are over by the moment at the cursor, where they are made from single trades."""

    @abstractmethod
    def next_time(self) -> Time:
        """The time of the moment at the cursor."""

    @abstractmethod
    def seek(self, stop: Time) -> Time | None:
        """The time of the first moment before ``stop`` that may matter; None when there is none."""

    @abstractmethod
    def skip(self, time: Time, inclusive: bool) -> None:
        """Pass the moments before a time (or up to it), none of which matters."""

    @abstractmethod
    def visit(self) -> None:
        """Let the moment at the cursor happen."""

    def settle_slots(self) -> None:
        """Show the exchange the prices of the last moment that was passed, if it has not seen them."""

    def average(self, symbol: Symbol, minutes: int) -> Decimal | None:
        """The average price of a symbol as of the last moment passed; None where the exchange keeps its own."""
        return None

    def restart_row(self, now: Time) -> int:
        """The row to read from so that averages and the open candle come out the same."""
        needed = min(now - AVERAGE_MINUTES * 60_000_000, self.interval.open_time(now))
        row = self.tape.start_row
        for mark in self.marks:
            if mark.time <= needed:
                row = mark.row
        return row

    def _remember(self, row: int, time: Time) -> None:
        keep = self.interval.length_us or 31 * 86_400_000_000
        self.marks.append(Mark(row, time))
        while len(self.marks) > 2 and self.marks[1].time < time - 2 * keep - AVERAGE_MINUTES * 60_000_000:
            del self.marks[0]


class _ColumnFeed(Feed):
    """What feeds over columns of one symbol share: scale, averages, candles, thresholds as integers."""

    symbol: Symbol
    scale: Scale

    def __init__(self, tape: Tape, market: Market, interval: Interval) -> None:
        super().__init__(tape, market, interval)
        self.symbol = tape.symbols[0]
        self.scale = tape.scales[self.symbol]
        self._averages = AveragePrice(AVERAGE_MINUTES)
        self._aggregator = CandleAggregator(self.symbol, interval, self.scale)
        self._times: Sequence[Time] = ()
        self._bounds: Bounds = (None, None)
        self._low: int | None = None
        self._high: int | None = None
        self._settled = True
        self.cursor = 0
        self.base = 0
        self.count = 0

    def _fold(self, chunk: TradeColumns | CandleColumns) -> None:
        """Make candles of the account's interval and hand them on."""
        candles = self._aggregator.push(chunk)
        for index in range(len(candles)):
            self.market.candle_closed(candles.candle(index))

    def _thresholds(self) -> tuple[int | None, int | None]:
        bounds = self.market.bounds(self.symbol)
        if bounds != self._bounds:
            low, high = self._bounds = bounds
            self._low = None if low is None else self.scale.price_floor(low)
            self._high = None if high is None else self.scale.price_ceiling(high)
        return self._low, self._high

    @property
    def is_done(self) -> bool:
        return self.cursor >= self.count


class TradeFeed(_ColumnFeed):
    """Trades: a row is a moment."""

    _chunk: TradeColumns

    def _take(self, chunk: Chunk) -> None:
        assert isinstance(chunk, TradeColumns)
        self.settle_slots()
        self._chunk = chunk
        self._times = memoryview(chunk.time_us)
        self._prices = memoryview(chunk.price)
        self._quantities = memoryview(chunk.quantity)
        self._makers = chunk.buyer_is_maker
        self.cursor, self.count, self.base = 0, len(chunk), chunk.row
        self._remember(chunk.row, self._times[0])
        self._averages.push(chunk)
        self._fold(chunk)

    @property
    def end(self) -> Time:
        return self._times[self.count - 1]

    @property
    def row(self) -> int:
        return self.base + self.cursor

    def next_time(self) -> Time:
        return self._times[self.cursor]

    def seek(self, stop: Time) -> Time | None:
        low, high = self._thresholds()
        if low is None and high is None:
            return None
        index = self._chunk.search.first_outside(self.cursor, self.count, low, high)
        if index >= self.count or self._times[index] >= stop:
            return None
        return self._times[index]

    def skip(self, time: Time, inclusive: bool) -> None:
        times, start = self._times, self.cursor
        if start >= self.count or times[start] > time or (times[start] == time and not inclusive):
            return
        self.cursor = _position(times, time, start, self.count, inclusive)
        self.passed += self.cursor - start
        self._settled = False

    def settle_slots(self) -> None:
        if self._settled:
            return
        self._settled = True
        index = self.cursor - 1
        time = self._times[index]
        price = self.scale.price(self._prices[index])
        self.market.exchange.set_market(self.symbol, last=price, now=time)
        self.market.moved(self.symbol, time)

    def visit(self) -> None:
        index = self.cursor
        self.cursor = index + 1
        self.visited += 1
        self._settled = True
        time = self._times[index]
        self.market.exchange.on_trade(
            self.symbol,
            self.scale.price(self._prices[index]),
            self.scale.quantity(self._quantities[index]),
            time,
            bool(self._makers[index]),
        )
        self.market.moved(self.symbol, time)

    def average(self, symbol: Symbol, minutes: int) -> Decimal | None:
        if symbol != self.symbol or not self.cursor:
            return None
        return self._averages.at(self.cursor - 1)


class CandleFeed(_ColumnFeed):
    """Candles: a row is two moments, its open and its close; between them only the open is known."""

    _chunk: CandleColumns

    def _take(self, chunk: Chunk) -> None:
        assert isinstance(chunk, CandleColumns)
        self.settle_slots()
        self._chunk = chunk
        self._opens_at = memoryview(chunk.open_time_us)
        self._times = memoryview(chunk.close_time_us)
        self.cursor, self.count, self.base = 0, 2 * len(chunk), chunk.row
        self._remember(chunk.row, self._opens_at[0])
        self._averages.push(chunk)
        self._fold(chunk)

    @property
    def end(self) -> Time:
        return self._times[-1]

    @property
    def row(self) -> int:
        return self.base + self.cursor // 2

    def _time(self, moment: int) -> Time:
        return self._times[moment >> 1] if moment & 1 else self._opens_at[moment >> 1]

    def next_time(self) -> Time:
        return self._time(self.cursor)

    def seek(self, stop: Time) -> Time | None:
        low, high = self._thresholds()
        if low is None and high is None:
            return None
        row = self._chunk.search.first_outside(self.cursor >> 1, self.count >> 1, low, high)
        if row >= self.count >> 1:
            return None
        time = self._time(max(2 * row, self.cursor))
        return time if time < stop else None

    def skip(self, time: Time, inclusive: bool) -> None:
        start = self.cursor
        rows = self.count >> 1
        opened = _position(self._opens_at, time, start >> 1, rows, inclusive)
        closed = _position(self._times, time, start >> 1, rows, inclusive)
        moment = 2 * closed if closed == opened else 2 * closed + 1
        if moment > start:
            self.cursor = moment
            self.passed += moment - start
            self._settled = False

    def settle_slots(self) -> None:
        if self._settled:
            return
        self._settled = True
        row, is_close = (self.cursor - 1) >> 1, not self.cursor & 1
        exchange, price = self.market.exchange, self.scale.price
        if is_close:
            time = self._times[row]
            exchange.set_market(self.symbol, last=price(int(self._chunk.close[row])), now=time)
        else:
            time = self._opens_at[row]
            exchange.on_candle_open(self.symbol, price(int(self._chunk.open[row])), time)
        self.market.moved(self.symbol, time)

    def visit(self) -> None:
        moment = self.cursor
        row, is_close = moment >> 1, moment & 1
        self.visited += 1
        chunk, price = self._chunk, self.scale.price
        exchange = self.market.exchange
        if is_close:
            self.settle_slots()
            self.cursor = moment + 1
            time = self._times[row]
            exchange.on_candle_close(
                self.symbol,
                price(int(chunk.open[row])),
                price(int(chunk.high[row])),
                price(int(chunk.low[row])),
                price(int(chunk.close[row])),
                self.scale.quantity(int(chunk.volume[row])),
                time,
            )
        else:
            self.cursor = moment + 1
            self._settled = True
            time = self._opens_at[row]
            exchange.on_candle_open(self.symbol, price(int(chunk.open[row])), time)
        self.market.moved(self.symbol, time)

    def average(self, symbol: Symbol, minutes: int) -> Decimal | None:
        closed = self.cursor >> 1
        if symbol != self.symbol or not closed:
            return None
        return self._averages.at(closed - 1)


class QuoteFeed(Feed):
    """Best quotes: each is visited; they move the exchange's stops where the tape has no trades."""

    _chunk: QuoteColumns

    def __init__(self, tape: Tape, market: Market, interval: Interval) -> None:
        super().__init__(tape, market, interval)
        self.symbol = tape.symbols[0]
        self.scale = tape.scales[self.symbol]
        self.cursor = self.count = self.base = 0

    def _take(self, chunk: Chunk) -> None:
        assert isinstance(chunk, QuoteColumns)
        self._chunk = chunk
        self._times = memoryview(chunk.time_us)
        self.cursor, self.count, self.base = 0, len(chunk), chunk.row
        self._remember(chunk.row, self._times[0])

    @property
    def end(self) -> Time:
        return self._times[self.count - 1]

    @property
    def is_done(self) -> bool:
        return self.cursor >= self.count

    @property
    def row(self) -> int:
        return self.base + self.cursor

    def next_time(self) -> Time:
        return self._times[self.cursor]

    def seek(self, stop: Time) -> Time | None:
        time = self._times[self.cursor] if self.cursor < self.count else stop
        return time if time < stop else None

    def skip(self, time: Time, inclusive: bool) -> None:
        """Nothing to skip: every quote is visited."""

    def visit(self) -> None:
        index = self.cursor
        self.cursor = index + 1
        self.visited += 1
        chunk, price, quantity = self._chunk, self.scale.price, self.scale.quantity
        self.market.exchange.on_quote(
            self.symbol,
            price(int(chunk.bid[index])),
            quantity(int(chunk.bid_quantity[index])),
            price(int(chunk.ask[index])),
            quantity(int(chunk.ask_quantity[index])),
            self._times[index],
        )
        self.market.moved(self.symbol, self._times[index])


class EventFeed(Feed):
    """A recording of several streams (and perhaps symbols): each event is visited, books and averages are live."""

    def __init__(
        self, tape: Tape, market: Market, interval: Interval, symbols: frozenset[Symbol] | None = None
    ) -> None:
        super().__init__(tape, market, interval)
        self._symbols = symbols
        self._chunk = EventChunk([], 0)
        self.cursor = 0
        self._builders: dict[Symbol, CandleBuilder] = {}
        self._closes_at: Time = 0

    def _take(self, chunk: Chunk) -> None:
        assert isinstance(chunk, EventChunk)
        self._chunk = chunk
        self.cursor = 0
        self._remember(chunk.row, chunk.events[0].time_us)

    @property
    def end(self) -> Time:
        return self._chunk.events[-1].time_us

    @property
    def is_done(self) -> bool:
        return self.cursor >= len(self._chunk)

    @property
    def row(self) -> int:
        return self._chunk.row + self.cursor

    def next_time(self) -> Time:
        return self._chunk.events[self.cursor].time_us

    def close_candles(self) -> None:
        if self.is_done or not self._builders:
            return
        now = self.next_time()
        if now <= self._closes_at:
            return
        for builder in self._builders.values():
            candle = builder.close_due(now)
            if candle is not None:
                self.market.candle_closed(candle)
        self._closes_at = self.interval.close_time(now)

    def seek(self, stop: Time) -> Time | None:
        time = self.next_time() if not self.is_done else stop
        return time if time < stop else None

    def skip(self, time: Time, inclusive: bool) -> None:
        """Nothing to skip: every event is visited."""

    def visit(self) -> None:
        event = self._chunk.events[self.cursor]
        self.cursor += 1
        self.visited += 1
        if self._symbols is not None and event.symbol not in self._symbols:
            return
        exchange, now = self.market.exchange, event.time_us
        if isinstance(event, Trade):
            exchange.on_trade(event.symbol, event.price, event.quantity, now, event.buyer_is_maker)
            self._build(event)
        elif isinstance(event, QuoteEvent):
            exchange.on_quote(event.symbol, event.bid, event.bid_quantity, event.ask, event.ask_quantity, now)
        elif isinstance(event, DepthSnapshot | DepthUpdate):
            snapshot = isinstance(event, DepthSnapshot)
            exchange.on_depth(event.symbol, event.bids, event.asks, now, snapshot=snapshot)
        else:
            assert isinstance(event, CandleClosed)
            return
        self.market.moved(event.symbol, now)

    def _build(self, trade: Trade) -> None:
        builder = self._builders.get(trade.symbol)
        if builder is None:
            builder = self._builders[trade.symbol] = CandleBuilder(trade.symbol, self.interval)
        candle = builder.add(trade.time_us, trade.price, trade.quantity)
        if candle is not None:
            self.market.candle_closed(candle)


def open_feed(tape: Tape, market: Market, interval: Interval, symbols: frozenset[Symbol] | None) -> Feed:
    """The feed for a tape's kind."""
    if tape.kind == "events":
        return EventFeed(tape, market, interval, symbols)
    kinds: dict[str, Callable[[Tape, Market, Interval], Feed]] = {
        "trades": TradeFeed,
        "candles": CandleFeed,
        "quotes": QuoteFeed,
    }
    return kinds[tape.kind](tape, market, interval)


def _position(times: Sequence[Time], time: Time, start: int, stop: int, inclusive: bool) -> int:
    """The first index whose time is at or after a time (after it, if inclusive)."""
    return (bisect_right if inclusive else bisect_left)(times, time, start, stop)


def as_quote(
    symbol: Symbol, bid: Decimal | None, ask: Decimal | None, last: Decimal | None, now: Time
) -> Quote | None:
    """The exchange's prices as the core takes them; None while there is none."""
    if bid is None or ask is None:
        return None
    return Quote(symbol, bid, ask, last if last is not None else bid, now)
