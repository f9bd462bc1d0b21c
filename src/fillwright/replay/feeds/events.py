"""Feeds whose every moment is visited: best quotes, and recordings of several streams."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fillwright.core.inputs import Candle
from fillwright.core.types import Symbol, Time
from fillwright.market.candles import BuilderState, CandleBuilder
from fillwright.market.columns import QuoteColumns
from fillwright.market.events import CandleClosed, DepthSnapshot, DepthUpdate, EventChunk, Trade
from fillwright.market.events import Quote as QuoteEvent
from fillwright.market.intervals import Interval
from fillwright.market.tapes.tape import Chunk, Tape
from fillwright.replay.feeds.base import Feed, Market, as_view


class QuoteFeed(Feed):
    """Best quotes: each is visited; they move the exchange's stops where the tape has no trades."""

    _chunk: QuoteColumns

    def __init__(self, tape: Tape, market: Market, intervals: Sequence[Interval]) -> None:
        super().__init__(tape, market, intervals)
        self.symbol = tape.symbols[0]
        self.scale = tape.scales[self.symbol]
        self.cursor = self.count = 0
        self.base = tape.start_row

    def _take(self, chunk: Chunk) -> None:
        assert isinstance(chunk, QuoteColumns)
        self._chunk = chunk
        self._times = as_view(chunk.time_us)
        self.cursor, self.count, self.base = 0, len(chunk), chunk.row
        self.end = self._times[-1]

    @property
    def is_done(self) -> bool:
        """Whether every moment of the chunk has been passed."""
        return self.cursor >= self.count

    @property
    def row(self) -> int:
        """The tape's row at the cursor."""
        return self.base + self.cursor

    @property
    def moment(self) -> int:
        """As many as rows."""
        return self.base + self.cursor

    def go_to(self, moment: int) -> bool:
        """Put the cursor at a moment of this chunk."""
        if moment > self.base + self.count:
            return False
        self.cursor = moment - self.base
        return True

    def next_time(self) -> Time:
        """The time of the moment at the cursor."""
        return self._times[self.cursor]

    def seek(self, stop: Time) -> Time | None:
        """The first moment before ``stop`` whose prices are not strictly inside the bounds."""
        time = self._times[self.cursor] if self.cursor < self.count else stop
        return time if time < stop else None

    def skip(self, time: Time, inclusive: bool) -> None:
        """Nothing to skip: every quote is visited."""

    def restart_row(self) -> int:
        """The cursor itself: a quote leaves nothing behind but itself, and that is in the exchange."""
        return self.row

    def visit(self) -> None:
        """Let the moment at the cursor happen."""
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


class _EventImage(msgspec.Struct):
    """What a snapshot keeps of a recording's candles, by symbol and interval."""

    builders: dict[str, BuilderState]
    announced: dict[str, Candle]


class EventFeed(Feed):
    """A recording of several streams (and perhaps symbols): each event is visited, books and averages are live."""

    makes_candles = True

    def __init__(
        self,
        tape: Tape,
        market: Market,
        intervals: Sequence[Interval],
        symbols: frozenset[Symbol] | None = None,
    ) -> None:
        super().__init__(tape, market, intervals)
        self._symbols = symbols
        self._chunk = EventChunk([], tape.start_row)
        self.cursor = 0
        self._builders: dict[str, CandleBuilder] = {}
        self._announced: dict[str, Candle] = {}
        """The last candle of each builder: on the agenda, and perhaps not delivered yet."""
        self._closes_at: Time = 0

    def _take(self, chunk: Chunk) -> None:
        assert isinstance(chunk, EventChunk)
        self._chunk = chunk
        self.cursor = 0
        self.end = chunk.events[-1].time_us

    @property
    def is_done(self) -> bool:
        """Whether every moment of the chunk has been passed."""
        return self.cursor >= len(self._chunk)

    @property
    def row(self) -> int:
        """The number of events before the cursor."""
        return self._chunk.row + self.cursor

    @property
    def moment(self) -> int:
        """As many as events."""
        return self.row

    def go_to(self, moment: int) -> bool:
        """Put the cursor at a moment of this chunk."""
        if moment > self._chunk.row + len(self._chunk):
            return False
        self.cursor = moment - self._chunk.row
        return True

    def restart_row(self) -> int:
        """The cursor itself: books and averages are the exchange's, open candles are dumped."""
        return self.row

    def dump(self) -> bytes:
        """The open candles, and those that were announced last."""
        builders = {key: builder.state() for key, builder in self._builders.items()}
        return msgspec.msgpack.encode(_EventImage(builders, self._announced))

    def resume(self, moment: int, extra: bytes) -> None:
        """Load up to a moment, take up the open candles, and announce anew what may not have been delivered."""
        super().resume(moment, extra)
        image = msgspec.msgpack.decode(extra, type=_EventImage)
        for key, state in image.builders.items():
            symbol, _, interval = key.partition("|")
            builder = self._builders[key] = CandleBuilder(symbol, Interval.parse(interval))
            builder.restore(state)
        for key, candle in image.announced.items():
            self._announce(key, candle)

    def _announce(self, key: str, candle: Candle | None) -> None:
        if candle is not None:
            self._announced[key] = candle
            self.market.candle_closed(candle)

    def next_time(self) -> Time:
        """The time of the moment at the cursor."""
        return self._chunk.events[self.cursor].time_us

    def close_candles(self) -> None:
        """Hand on candles that are over by the next event."""
        if self.is_done or not self._builders:
            return
        now = self.next_time()
        if now <= self._closes_at:
            return
        for key, builder in self._builders.items():
            self._announce(key, builder.close_due(now))
        self._closes_at = min(interval.close_time(now) for interval in self.intervals)

    def seek(self, stop: Time) -> Time | None:
        """The first moment before ``stop`` whose prices are not strictly inside the bounds."""
        time = self.next_time() if not self.is_done else stop
        return time if time < stop else None

    def skip(self, time: Time, inclusive: bool) -> None:
        """Nothing to skip: every event is visited."""

    def visit(self) -> None:
        """Let the moment at the cursor happen."""
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
        for interval in self.intervals:
            key = f"{trade.symbol}|{interval}"
            builder = self._builders.get(key)
            if builder is None:
                builder = self._builders[key] = CandleBuilder(trade.symbol, interval)
            self._announce(key, builder.add(trade.time_us, trade.price, trade.quantity))
