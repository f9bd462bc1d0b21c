"""Raw recordings of Binance's market streams: depth, quotes, trades and candles as one run of events in time order.

Lines are JSON messages, each with the recorder's clock before it (``<ns> {…}`` or ``<s>: {…}``) or without;
REST snapshots stand bare or as ``<url> -> <s>: {…}``. A book ticker carries no time: it gets the time at which the
exchange would have sent it had it travelled as long as the last message that does carry one, and no event is
earlier than the one before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from fillwright.core.inputs import Candle
from fillwright.core.instruments import Instrument
from fillwright.core.types import SECOND, NumberError, Symbol, Time
from fillwright.market.columns import Scale
from fillwright.market.events import (
    CandleClosed,
    DepthSnapshot,
    DepthUpdate,
    Event,
    EventChunk,
    Quote,
    Trade,
)
from fillwright.market.intervals import Interval, IntervalError
from fillwright.market.tapes.checks import moment
from fillwright.market.tapes.depth import DepthError, DepthSequence
from fillwright.market.tapes.errors import TapeError
from fillwright.market.tapes.messages import (
    AggregateTradeMessage,
    BookTickerMessage,
    DepthMessage,
    KlineMessage,
    Message,
    SnapshotMessage,
    TradeMessage,
    UnknownMessage,
    decode,
)
from fillwright.market.tapes.numbers import NumberReader, receive_time, wire_time
from fillwright.market.tapes.source import ByteStream, lines_of
from fillwright.market.tapes.symbols import known, symbols_in_name
from fillwright.market.tapes.tape import (
    EVENT_CHUNK_LEVELS,
    EVENT_CHUNK_ROWS,
    Chunk,
    Tape,
    TapeKind,
)

ORDER_SLACK_US: Time = 5 * SECOND
"""Streams of one connection may overtake each other; further back than this, lines are out of order."""

_STAMPED = re.compile(rb"([0-9]{9,19}(?:\.[0-9]+)?):? (?=\{)")
_FETCHED = re.compile(rb"https?://\S*?[?&]symbol=([A-Z0-9]+)\S* -> ([0-9]+(?:\.[0-9]+)?): (?=\{)")
_NOTES = (b"configuration: ", b"wss://", b"ws://", b"https://", b"http://")
"""Lines of cryptofeed that say what was subscribed or fetched."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """A recorded line: when it was received if that is told, whose snapshot it is if its URL tells, its JSON."""

    receive_us: Time | None
    symbol: Symbol
    text: bytes


def split_line(line: bytes) -> Line | None:
    """Take a line apart; None for a note or an empty line; NumberError or UnknownMessage when it is neither."""
    if line.startswith(b"{"):
        return Line(None, "", line)
    if (match := _STAMPED.match(line)) is not None:
        return Line(receive_time(match[1].decode()), "", line[match.end() :])
    if (match := _FETCHED.match(line)) is not None:
        return Line(receive_time(match[2].decode()), match[1].decode(), line[match.end() :])
    if not line.strip() or line.startswith(_NOTES):
        return None
    raise UnknownMessage("is no JSON message, with or without a time before it")


class EventClock:
    """Gives events their time: the exchange's where a message has one, else an estimate; never going back."""

    def __init__(self, offset_us: Time = 0) -> None:
        self._offset_us = offset_us
        self.now: Time = 0

    def told(self, event_us: Time, receive_us: Time | None) -> Time:
        """The time of a message that tells the exchange's; TapeError's text when it goes back too far."""
        if event_us < self.now - ORDER_SLACK_US:
            raise NumberError(f"unsorted: {moment(event_us)} comes after {moment(self.now)}")
        if receive_us is not None:
            self._offset_us = event_us - receive_us
        self.now = max(self.now, event_us)
        return self.now

    def estimated(self, receive_us: Time | None) -> Time:
        """The time of a message that tells none."""
        if receive_us is not None:
            self.now = max(self.now, receive_us + self._offset_us)
        return self.now


class _Feed:
    """What a recording remembers of one symbol."""

    __slots__ = ("candles", "depth", "numbers", "quote_id", "symbol", "trade_id", "trades")

    def __init__(self, symbol: Symbol, scale: Scale) -> None:
        self.symbol = symbol
        self.numbers = NumberReader(scale)
        self.depth = DepthSequence()
        self.quote_id = -1
        self.trade_id = -1
        self.trades: type[TradeMessage | AggregateTradeMessage] | None = None
        self.candles: dict[Interval, Time] = {}


class RecordingTape(Tape):
    """A raw recording; ``chunks`` yields ``EventChunk`` of ``Trade``, ``Quote``, depth and closed candles."""

    def __init__(
        self,
        path: Path,
        head: list[bytes],
        symbol: Symbol | None,
        instruments: Mapping[Symbol, Instrument],
        start_row: int = 0,
    ) -> None:
        super().__init__(path, TapeKind.EVENTS, start_row)
        self._instruments = instruments
        self._asked = symbol
        self._feeds: dict[Symbol, _Feed] = {}
        self._stream: ByteStream | None = None
        self._total = path.stat().st_size
        if symbol is not None:
            self._feed(symbol)
        named = symbols_in_name(path, instruments)
        self._bare_symbol = symbol or (named[0] if named else None)
        self._clock = EventClock(self._look_at(head))

    def _look_at(self, head: list[bytes]) -> Time:
        """The clocks' offset at the start, from the first message that tells the exchange's time; and the symbols."""
        offset: Time | None = None
        for number, raw in enumerate(head, 1):
            split, message = self._parsed(raw, number)
            if split is None or message is None or isinstance(message, SnapshotMessage):
                continue
            self._feed_of(message.s, number)
            if offset is None and split.receive_us is not None and not isinstance(message, BookTickerMessage):
                offset = self._time_of(message.E, number) - split.receive_us
        if not self._feeds:
            raise TapeError(self.path, "no market message near the start")
        return offset or 0

    def _time_of(self, number: int, line: int) -> Time:
        try:
            return wire_time(number)
        except NumberError as error:
            raise TapeError(self.path, str(error), line=line) from error

    def _parsed(self, raw: bytes, line: int) -> tuple[Line | None, Message | None]:
        try:
            split = split_line(raw.rstrip(b"\r"))
            if split is None:
                return None, None
            symbol, message = decode(split.text)
        except (msgspec.DecodeError, NumberError, UnknownMessage, UnicodeDecodeError) as error:
            raise TapeError(self.path, str(error), line=line) from error
        if isinstance(message, SnapshotMessage):
            split = Line(split.receive_us, split.symbol or symbol, split.text)
        return split, message

    def _feed(self, symbol: Symbol) -> _Feed:
        scale = Scale.of(known(self.path, symbol, self._instruments))
        feed = self._feeds[symbol] = _Feed(symbol, scale)
        self.symbols = (*self.symbols, symbol)
        self.scales[symbol] = scale
        return feed

    def _feed_of(self, symbol: Symbol, line: int) -> _Feed | None:
        """The feed of a symbol; None when another symbol was asked for."""
        feed = self._feeds.get(symbol)
        if feed is not None or self._asked is not None:
            return feed
        try:
            return self._feed(symbol)
        except TapeError as error:
            raise TapeError(self.path, error.what, line=line) from error

    @property
    def consumed(self) -> int:
        """File bytes read."""
        return 0 if self._stream is None else self._stream.consumed

    @property
    def total(self) -> int:
        """File bytes."""
        return self._total

    def chunks(self) -> Iterator[Chunk]:
        """The events from ``start_row`` on; those before it are read, because depth needs them."""
        row, held, levels = 0, list[Event](), 0
        for event in self.events():
            row += 1
            if row <= self.start_row:
                continue
            held.append(event)
            if isinstance(event, DepthSnapshot | DepthUpdate):
                levels += len(event.bids) + len(event.asks)
            if row % EVENT_CHUNK_ROWS == 0 or levels >= EVENT_CHUNK_LEVELS:
                self.row = row
                yield EventChunk(held, row - len(held))
                held, levels = [], 0
        self.row = row
        if held:
            yield EventChunk(held, row - len(held))

    def events(self) -> Iterator[Event]:
        """All events from the start."""
        stream = self._stream = ByteStream(self.path)
        try:
            for number, raw in lines_of(stream):
                split, message = self._parsed(raw, number)
                if split is None or message is None:
                    continue
                try:
                    yield from self._events_of(split, message, number)
                except (NumberError, DepthError, IntervalError) as error:
                    raise TapeError(self.path, str(error), line=number) from error
        finally:
            stream.close()
        for feed in self._feeds.values():
            if feed.depth.waiting:
                raise TapeError(
                    self.path, f"depth updates of {feed.symbol} without a snapshot to apply them to"
                )

    def _events_of(self, line: Line, message: Message, number: int) -> list[Event]:
        if isinstance(message, SnapshotMessage):
            return self._snapshot(line, message, number)
        feed = self._feed_of(message.s, number)
        if feed is None:
            return []
        if isinstance(message, BookTickerMessage):
            return self._quote(feed, message, self._clock.estimated(line.receive_us))
        time_us = self._clock.told(wire_time(message.E), line.receive_us)
        if isinstance(message, DepthMessage):
            bids, asks = feed.numbers.levels(message.b), feed.numbers.levels(message.a)
            update = DepthUpdate(feed.symbol, time_us, message.U, message.u, bids, asks)
            return list(feed.depth.update(update))
        if isinstance(message, KlineMessage):
            return self._candle(feed, message, time_us)
        return self._trade(feed, message, time_us)

    def _snapshot(self, line: Line, message: SnapshotMessage, number: int) -> list[Event]:
        symbol = line.symbol or self._bare_symbol or (self.symbols[0] if len(self.symbols) == 1 else "")
        if not symbol:
            raise NumberError("the snapshot does not tell its symbol: name one")
        feed = self._feed_of(symbol, number)
        if feed is None:
            return []
        bids, asks = feed.numbers.levels(message.bids), feed.numbers.levels(message.asks)
        if bids and asks and bids[0][0] >= asks[0][0]:
            raise NumberError(f"the bid {bids[0][0]} is not below the ask {asks[0][0]}")
        time_us = self._clock.estimated(line.receive_us)
        usable = feed.depth.snapshot(DepthSnapshot(symbol, time_us, message.last_update_id, bids, asks))
        # Updates that waited for the snapshot become known with it.
        return [msgspec.structs.replace(event, time_us=time_us) for event in usable]

    def _quote(self, feed: _Feed, message: BookTickerMessage, time_us: Time) -> list[Event]:
        numbers = feed.numbers
        bid, ask = numbers.price(message.b), numbers.price(message.a)
        if bid >= ask:
            raise NumberError(f"the bid {bid} is not below the ask {ask}")
        if message.u < feed.quote_id:
            raise NumberError(f"book ticker {message.u} comes after {feed.quote_id}")
        feed.quote_id = message.u
        bid_quantity, ask_quantity = numbers.quantity(message.B), numbers.quantity(message.A)
        return [Quote(feed.symbol, time_us, message.u, bid, bid_quantity, ask, ask_quantity)]

    def _trade(
        self, feed: _Feed, message: TradeMessage | AggregateTradeMessage, time_us: Time
    ) -> list[Event]:
        if feed.trades is None:
            feed.trades = type(message)
        elif feed.trades is not type(message):
            return []  # the same trades once more, aggregated or single
        trade_id = message.t if isinstance(message, TradeMessage) else message.a
        if trade_id <= feed.trade_id:
            word = "repeated" if trade_id == feed.trade_id else f"out of order, after {feed.trade_id}"
            raise NumberError(f"trade id {trade_id} of {feed.symbol} is {word}")
        if feed.trade_id >= 0 and trade_id > feed.trade_id + 1:
            self.gaps += 1
            self.missing += trade_id - feed.trade_id - 1
        feed.trade_id = trade_id
        price, quantity = feed.numbers.price(message.p), feed.numbers.traded(message.q)
        return [Trade(feed.symbol, time_us, trade_id, price, quantity, message.m)]

    def _candle(self, feed: _Feed, message: KlineMessage, time_us: Time) -> list[Event]:
        fields = message.k
        if not fields.x:
            return []
        interval, open_time = Interval.parse(fields.i), wire_time(fields.t)
        if open_time <= feed.candles.get(interval, 0):
            raise NumberError(f"the {interval} candle of {moment(open_time)} is repeated or out of order")
        feed.candles[interval] = open_time
        low, high = feed.numbers.price(fields.l), feed.numbers.price(fields.h)
        opened, closed = feed.numbers.price(fields.o), feed.numbers.price(fields.c)
        if not (low <= opened <= high and low <= closed <= high):
            raise NumberError(f"the candle of {moment(open_time)} is not between its low and high")
        volume = feed.numbers.quantity(fields.v)
        candle = Candle(
            feed.symbol,
            interval.value,
            open_time,
            interval.close_time(open_time),
            opened,
            high,
            low,
            closed,
            volume,
        )
        return [CandleClosed(time_us, candle)]
