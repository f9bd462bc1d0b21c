"""Messages of Binance's public market streams: trades, best quotes, books, candles, and what steers a connection.

A combined stream's frame names its stream first, and the name says what the message is, so that a frame is decoded in
one pass into a typed struct with exact numbers. Times are as the wire has them (``codec.moment``): milliseconds, or
microseconds where ``timeUnit=MICROSECOND`` was asked for. Source: Binance Spot "WebSocket Streams".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import field

from fillwright.core.types import ZERO, Symbol
from fillwright.wire.codec import Message, WireError
from fillwright.wire.stream import ServerShutdown

STREAMS_PER_CONNECTION_MAX = 1024
"""Binance: "A single connection can listen to a maximum of 1024 streams"."""
NUMBER_MAX = Decimal(10) ** 15
"""No price or quantity comes near: depth quantities are capped at 92233720368.54775807."""
SHUTDOWN_STREAM = "!serverShutdown"
_NAMES_MAX = 4 * STREAMS_PER_CONNECTION_MAX

Level = tuple[Decimal, Decimal]
"""Price and quantity."""


def _refuse(what: str, numbers: Sequence[Decimal]) -> ValueError:
    return ValueError(f"{what} has a number out of range: {', '.join(str(n)[:40] for n in numbers)}")


class TradeMessage(Message, frozen=True, kw_only=True, gc=False, tag_field="e", tag="trade"):
    """``<symbol>@trade``: one trade."""

    event_time: int = field(name="E")
    symbol: Symbol = field(name="s")
    trade_id: int = field(name="t")
    price: Decimal = field(name="p")
    quantity: Decimal = field(name="q")
    trade_time: int = field(name="T")
    buyer_is_maker: bool = field(name="m")
    is_best_match: bool | None = field(name="M", default=None)
    """To be ignored, says Binance."""

    def __post_init__(self) -> None:
        if not (ZERO < self.price < NUMBER_MAX and ZERO < self.quantity < NUMBER_MAX):
            raise _refuse("a trade", (self.price, self.quantity))


class AggregateTradeMessage(Message, frozen=True, kw_only=True, gc=False, tag_field="e", tag="aggTrade"):
    """``<symbol>@aggTrade``: the trades of one taker order at one price."""

    event_time: int = field(name="E")
    symbol: Symbol = field(name="s")
    aggregate_id: int = field(name="a")
    price: Decimal = field(name="p")
    quantity: Decimal = field(name="q")
    first_trade_id: int = field(name="f")
    last_trade_id: int = field(name="l")
    trade_time: int = field(name="T")
    buyer_is_maker: bool = field(name="m")
    is_best_match: bool | None = field(name="M", default=None)
    """To be ignored, says Binance."""

    def __post_init__(self) -> None:
        if not (ZERO < self.price < NUMBER_MAX and ZERO < self.quantity < NUMBER_MAX):
            raise _refuse("an aggregate trade", (self.price, self.quantity))


class BookTickerMessage(Message, frozen=True, kw_only=True, gc=False):
    """``<symbol>@bookTicker``: the best prices; it carries no time, and a side without orders is 0."""

    update_id: int = field(name="u")
    symbol: Symbol = field(name="s")
    bid: Decimal = field(name="b")
    bid_quantity: Decimal = field(name="B")
    ask: Decimal = field(name="a")
    ask_quantity: Decimal = field(name="A")

    def __post_init__(self) -> None:
        bid, ask = self.bid, self.ask
        if not (
            ZERO <= bid < NUMBER_MAX
            and ZERO <= ask < NUMBER_MAX
            and ZERO <= self.bid_quantity < NUMBER_MAX
            and ZERO <= self.ask_quantity < NUMBER_MAX
        ):
            raise _refuse("a book ticker", (bid, self.bid_quantity, ask, self.ask_quantity))


class DepthUpdateMessage(Message, frozen=True, kw_only=True, tag_field="e", tag="depthUpdate"):
    """``<symbol>@depth``: changed levels with their new quantities; 0 removes a level."""

    event_time: int = field(name="E")
    symbol: Symbol = field(name="s")
    first_update_id: int = field(name="U")
    final_update_id: int = field(name="u")
    bids: tuple[Level, ...] = field(name="b")
    asks: tuple[Level, ...] = field(name="a")

    def __post_init__(self) -> None:
        _check_levels("a depth update", self.bids, self.asks)


class PartialDepthMessage(Message, frozen=True, kw_only=True, rename="camel"):
    """``<symbol>@depth5|10|20``, and REST's ``/depth``: the best levels; it names neither symbol nor time."""

    last_update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    def __post_init__(self) -> None:
        _check_levels("a book", self.bids, self.asks)


def _check_levels(what: str, *sides: tuple[Level, ...]) -> None:
    for side in sides:
        for price, quantity in side:
            if not (ZERO < price < NUMBER_MAX and ZERO <= quantity < 100_000 * NUMBER_MAX):
                raise _refuse(what, (price, quantity))


class KlineFields(Message, frozen=True, kw_only=True, gc=False):
    """The candle inside a kline message, as far as it has come."""

    open_time: int = field(name="t")
    close_time: int = field(name="T")
    symbol: Symbol = field(name="s")
    interval: str = field(name="i")
    first_trade_id: int = field(name="f", default=-1)
    last_trade_id: int = field(name="L", default=-1)
    open: Decimal = field(name="o")
    close: Decimal = field(name="c")
    high: Decimal = field(name="h")
    low: Decimal = field(name="l")
    volume: Decimal = field(name="v")
    trades: int = field(name="n", default=0)
    is_closed: bool = field(name="x")
    quote_volume: Decimal | None = field(name="q", default=None)
    taker_buy_volume: Decimal | None = field(name="V", default=None)
    taker_buy_quote_volume: Decimal | None = field(name="Q", default=None)

    def __post_init__(self) -> None:
        check_candle(self.open, self.high, self.low, self.close, self.volume)


class KlineMessage(Message, frozen=True, kw_only=True, gc=False, tag_field="e", tag="kline"):
    """``<symbol>@kline_<interval>``: the candle that is being made, or has just closed."""

    event_time: int = field(name="E")
    symbol: Symbol = field(name="s")
    kline: KlineFields = field(name="k")


def check_candle(opened: Decimal, high: Decimal, low: Decimal, closed: Decimal, volume: Decimal) -> None:
    """Raise ValueError for numbers that cannot be; whether they agree is not asked: the docs' own sample does not."""
    if not (
        ZERO < low < NUMBER_MAX
        and ZERO < opened < NUMBER_MAX
        and ZERO < closed < NUMBER_MAX
        and ZERO < high < NUMBER_MAX
        and ZERO <= volume < NUMBER_MAX
    ):
        raise _refuse("a candle", (opened, high, low, closed, volume))


class ReplyError(msgspec.Struct, frozen=True):
    """What was wrong with a request."""

    code: int
    msg: str = ""


class StreamReply(msgspec.Struct, frozen=True):
    """The answer to SUBSCRIBE and the like; ``error`` is None when it was carried out."""

    id: int | str | None = None
    result: Any = None
    error: ReplyError | None = None


class UnknownMessage(msgspec.Struct, frozen=True):
    """A message of a stream that this version does not read."""

    stream: str


MarketMessage = (
    TradeMessage
    | AggregateTradeMessage
    | BookTickerMessage
    | DepthUpdateMessage
    | PartialDepthMessage
    | KlineMessage
    | ServerShutdown
    | StreamReply
    | UnknownMessage
)
"""Whatever a connection to the market streams may carry."""

_Message = TypeVar("_Message")


class _Framed(msgspec.Struct, Generic[_Message]):
    """A combined stream's wrapper."""

    data: _Message


class _Shape(msgspec.Struct, rename={"kind": "e", "last_update_id": "lastUpdateId"}):
    """What tells a frame apart when its beginning does not."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()
    kind: str = ""
    last_update_id: int = -1
    u: int = -1
    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: ReplyError | None = None
    code: int | None = None
    msg: str = ""


_KINDS: tuple[tuple[re.Pattern[str], type[Any]], ...] = (
    (re.compile(r"trade"), TradeMessage),
    (re.compile(r"aggTrade"), AggregateTradeMessage),
    (re.compile(r"bookTicker"), BookTickerMessage),
    (re.compile(r"depth(@100ms|@1000ms)?"), DepthUpdateMessage),
    (re.compile(r"depth(5|10|20)(@100ms|@1000ms)?"), PartialDepthMessage),
    (re.compile(r"kline_[0-9]+[smhdwM](@.+)?"), KlineMessage),
)
_BY_EVENT: dict[str, type[Any]] = {
    "trade": TradeMessage,
    "aggTrade": AggregateTradeMessage,
    "depthUpdate": DepthUpdateMessage,
    "kline": KlineMessage,
    "serverShutdown": ServerShutdown,
}
_SHAPE = msgspec.json.Decoder(_Shape)
_BEGIN = b'{"stream":"'
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def kind_of(stream: str) -> type[Any] | None:
    """What messages a stream has; None for one that is not read."""
    if stream == SHUTDOWN_STREAM:
        return ServerShutdown
    name = stream.partition("@")[2]
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(name)), None)


class StreamDecoder:
    """Reads the frames of one connection, wrapped as combined streams have them, or bare."""

    def __init__(self) -> None:
        self._decoders: dict[bytes, msgspec.json.Decoder[_Framed[Any]] | None] = {}
        self._bare: dict[type[Any], msgspec.json.Decoder[Any]] = {}

    def decode(self, frame: bytes) -> tuple[bytes, MarketMessage]:
        """The stream's name (empty when the frame is not wrapped) and its message; WireError for a broken frame."""
        try:
            if frame.startswith(_BEGIN):
                name = frame[11 : frame.find(b'"', 11)]
                decoder = self._decoders.get(name)
                if decoder is not None:
                    return name, decoder.decode(frame).data
                if self._learn(name):
                    return self.decode(frame)
            return self._by_shape(frame)
        except ArithmeticError as error:
            raise WireError("not a message of the market streams: a number is NaN") from error
        except _BROKEN as error:
            raise WireError(f"not a message of the market streams: {error}") from error

    def _learn(self, name: bytes) -> bool:
        """Make the decoder of a stream that has not been met before; whether there is one."""
        if name in self._decoders:
            return False
        kind = kind_of(name.decode())
        if len(self._decoders) >= _NAMES_MAX:
            self._decoders.clear()
        self._decoders[name] = None if kind is None else msgspec.json.Decoder(_Framed[kind])  # type: ignore[valid-type]
        return kind is not None

    def _by_shape(self, frame: bytes) -> tuple[bytes, MarketMessage]:
        shape = _SHAPE.decode(frame)
        if shape.stream:
            kind = kind_of(shape.stream)
            if kind is None:
                return shape.stream.encode(), UnknownMessage(shape.stream)
            return shape.stream.encode(), self._decode_bare(kind, bytes(shape.data))
        if shape.kind:
            kind = _BY_EVENT.get(shape.kind)
            return b"", UnknownMessage(shape.kind) if kind is None else self._decode_bare(kind, frame)
        if shape.last_update_id >= 0:
            return b"", self._decode_bare(PartialDepthMessage, frame)
        if shape.u >= 0:
            return b"", self._decode_bare(BookTickerMessage, frame)
        if shape.error is not None:
            return b"", StreamReply(shape.id, None, shape.error)
        if shape.code is not None:
            return b"", StreamReply(shape.id, None, ReplyError(shape.code, shape.msg))
        if bytes(shape.result):
            return b"", StreamReply(shape.id, msgspec.json.decode(shape.result))
        raise WireError("not a message of the market streams: nothing tells what it is")

    def _decode_bare(self, kind: type[Any], body: bytes) -> Any:
        decoder = self._bare.get(kind)
        if decoder is None:
            decoder = self._bare[kind] = msgspec.json.Decoder(kind)
        return decoder.decode(body)


def subscription(method: str, streams: Sequence[str], number: int) -> bytes:
    """A control message: SUBSCRIBE or UNSUBSCRIBE."""
    return msgspec.json.encode({"method": method, "params": list(streams), "id": number})
