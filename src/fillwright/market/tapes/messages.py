"""Messages of Binance's market streams as they were recorded, decoded to typed structs.

Source: Binance Spot "WebSocket Streams".
"""

from __future__ import annotations

import re

import msgspec

WireLevel = tuple[str, str]


class TradeMessage(msgspec.Struct):
    """``<symbol>@trade``."""

    E: int
    s: str
    t: int
    p: str
    q: str
    m: bool


class AggregateTradeMessage(msgspec.Struct):
    """``<symbol>@aggTrade``."""

    E: int
    s: str
    a: int
    p: str
    q: str
    m: bool


class BookTickerMessage(msgspec.Struct):
    """``<symbol>@bookTicker``: it carries no time."""

    u: int
    s: str
    b: str
    B: str
    a: str
    A: str


class DepthMessage(msgspec.Struct):
    """``<symbol>@depth``."""

    E: int
    s: str
    U: int
    u: int
    b: list[WireLevel]
    a: list[WireLevel]


class SnapshotMessage(msgspec.Struct, rename="camel"):
    """REST ``/depth`` and ``<symbol>@depth<levels>``."""

    last_update_id: int
    bids: list[WireLevel]
    asks: list[WireLevel]


class KlineFields(msgspec.Struct):
    """The candle inside a kline message."""

    t: int
    i: str
    o: str
    h: str
    l: str  # noqa: E741 - Binance's letter
    c: str
    v: str
    x: bool


class KlineMessage(msgspec.Struct):
    """``<symbol>@kline_<interval>``."""

    E: int
    s: str
    k: KlineFields


Message = (
    TradeMessage | AggregateTradeMessage | BookTickerMessage | DepthMessage | SnapshotMessage | KlineMessage
)


class Envelope(msgspec.Struct, rename={"kind": "e", "event": "E", "last_update_id": "lastUpdateId"}):
    """What tells a line's message apart: a combined stream's wrapper, or the message's own first fields."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()
    kind: str = ""
    event: int = 0
    last_update_id: int = -1
    s: str = ""
    A: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()
    id: msgspec.Raw = msgspec.Raw()


ENVELOPE = msgspec.json.Decoder(Envelope)
_DECODERS: dict[str, msgspec.json.Decoder[Message]] = {
    "trade": msgspec.json.Decoder(TradeMessage),
    "aggTrade": msgspec.json.Decoder(AggregateTradeMessage),
    "bookTicker": msgspec.json.Decoder(BookTickerMessage),
    "depthUpdate": msgspec.json.Decoder(DepthMessage),
    "snapshot": msgspec.json.Decoder(SnapshotMessage),
    "kline": msgspec.json.Decoder(KlineMessage),
}
_STREAM_KINDS = (
    (re.compile(r"trade"), "trade"),
    (re.compile(r"aggTrade"), "aggTrade"),
    (re.compile(r"bookTicker"), "bookTicker"),
    (re.compile(r"depth(@[0-9]+ms)?"), "depthUpdate"),
    (re.compile(r"depth(5|10|20)(@[0-9]+ms)?"), "snapshot"),
    (re.compile(r"kline_[0-9]+[smhdwM]"), "kline"),
)


class UnknownMessage(ValueError):
    """A line's JSON is none of Binance's market messages."""


def decode(text: bytes) -> tuple[str, Message | None]:
    """The stream's symbol as far as the wrapper names it (upper case), and its message; None for what is not used.

    Raises msgspec.DecodeError for broken JSON, missing or wrong fields, UnknownMessage for anything else.
    """
    envelope = ENVELOPE.decode(text)
    if envelope.stream:
        symbol, _, name = envelope.stream.partition("@")
        kind = next((kind for pattern, kind in _STREAM_KINDS if pattern.fullmatch(name)), None)
        return symbol.upper(), None if kind is None else _DECODERS[kind].decode(envelope.data)
    if envelope.kind:
        decoder = _DECODERS.get(envelope.kind)
        return envelope.s, None if decoder is None else decoder.decode(text)
    if envelope.last_update_id >= 0:
        return "", _DECODERS["snapshot"].decode(text)
    if envelope.s and bytes(envelope.A):
        return envelope.s, _DECODERS["bookTicker"].decode(text)
    if bytes(envelope.result) or bytes(envelope.id):
        return "", None
    raise UnknownMessage("is none of Binance's market messages")
