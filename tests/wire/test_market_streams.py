from __future__ import annotations

import gzip
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zstandard

from fillwright.wire.codec import WireError, encode
from fillwright.wire.market_streams import (
    AggregateTradeMessage,
    BookTickerMessage,
    DepthUpdateMessage,
    KlineMessage,
    MarketMessage,
    PartialDepthMessage,
    ReplyError,
    StreamDecoder,
    StreamReply,
    TradeMessage,
    UnknownMessage,
    kind_of,
    subscription,
)
from fillwright.wire.stream import ServerShutdown
from tests.wire.recordings import _bodies

TRADE = {
    "e": "trade",
    "E": 1795168800123456,
    "s": "BTCUSDT",
    "t": 5719923311,
    "p": "91250.00000000",
    "q": "0.00080000",
    "T": 1795168800121000,
    "m": True,
    "M": True,
}
AGGREGATE = {**TRADE, "e": "aggTrade", "a": 7, "f": 5, "l": 6}
del AGGREGATE["t"]
TICKER = {"u": 400900217, "s": "BTCUSDT", "b": "91250.00", "B": "31.21", "a": "91250.01", "A": "40.66"}
UPDATE = {
    "e": "depthUpdate",
    "E": 1795168800123,
    "s": "BTCUSDT",
    "U": 157,
    "u": 160,
    "b": [["0.0024", "10"]],
    "a": [["0.0026", "0"]],
}
BOOK = {"lastUpdateId": 160, "bids": [["0.0024", "10"]], "asks": [["0.0026", "100"], ["0.0027", "1"]]}
KLINE = {
    "e": "kline",
    "E": 1795168860001,
    "s": "BTCUSDT",
    "k": {
        "t": 1795168800000,
        "T": 1795168859999,
        "s": "BTCUSDT",
        "i": "1m",
        "f": 100,
        "L": 200,
        "o": "10",
        "c": "20.0",
        "h": "25",
        "l": "9.5",
        "v": "1000",
        "n": 101,
        "x": True,
        "q": "1.0000",
        "V": "500",
        "Q": "0.500",
        "B": "123456",
    },
}
SHUTDOWN = {"e": "serverShutdown", "E": 1770123456789}

STREAMS: list[tuple[str, dict[str, Any], type]] = [
    ("btcusdt@trade", TRADE, TradeMessage),
    ("btcusdt@aggTrade", AGGREGATE, AggregateTradeMessage),
    ("btcusdt@bookTicker", TICKER, BookTickerMessage),
    ("btcusdt@depth", UPDATE, DepthUpdateMessage),
    ("btcusdt@depth@100ms", UPDATE, DepthUpdateMessage),
    ("btcusdt@depth20@100ms", BOOK, PartialDepthMessage),
    ("btcusdt@depth5", BOOK, PartialDepthMessage),
    ("btcusdt@kline_1m", KLINE, KlineMessage),
    ("!serverShutdown", SHUTDOWN, ServerShutdown),
]


def frame(stream: str, data: Any) -> bytes:
    return json.dumps({"stream": stream, "data": data}, separators=(",", ":")).encode()


@pytest.mark.parametrize(("stream", "data", "kind"), STREAMS)
def test_messages_are_read_however_they_are_wrapped(stream: str, data: dict[str, Any], kind: type) -> None:
    decoder = StreamDecoder()
    name, message = decoder.decode(frame(stream, data))
    assert (name.decode(), type(message)) == (stream, kind)
    assert decoder.decode(frame(stream, data)) == (name, message)
    assert decoder.decode(json.dumps({"data": data, "stream": stream}).encode()) == (name, message)
    assert decoder.decode(b" " + frame(stream, data)) == (name, message)
    assert decoder.decode(json.dumps(data).encode()) == (b"", message)
    assert kind_of(stream) is kind


@pytest.mark.parametrize(("stream", "data", "kind"), STREAMS)
def test_nothing_is_lost(stream: str, data: dict[str, Any], kind: type) -> None:
    _, message = StreamDecoder().decode(frame(stream, data))
    body = json.loads(encode(message))  # type: ignore[arg-type]
    if kind is KlineMessage:
        body["k"]["B"] = "123456"
    assert body == data


def test_numbers_are_exact_and_levels_keep_their_order() -> None:
    _, trade = StreamDecoder().decode(frame("btcusdt@trade", TRADE))
    assert isinstance(trade, TradeMessage)
    assert (str(trade.price), trade.quantity) == ("91250.00000000", Decimal("0.0008"))
    _, book = StreamDecoder().decode(frame("btcusdt@depth20@100ms", BOOK))
    assert isinstance(book, PartialDepthMessage)
    assert book.asks == ((Decimal("0.0026"), Decimal(100)), (Decimal("0.0027"), Decimal(1)))


@pytest.mark.parametrize(
    ("body", "reply"),
    [
        (b'{"result":null,"id":1}', StreamReply(1)),
        (b'{"result":["btcusdt@trade"],"id":"a"}', StreamReply("a", ["btcusdt@trade"])),
        (
            b'{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":1}',
            StreamReply(1, None, ReplyError(2, "Invalid request: invalid stream")),
        ),
        (b'{"code":3,"msg":"Invalid JSON"}', StreamReply(None, None, ReplyError(3, "Invalid JSON"))),
    ],
)
def test_replies_are_read(body: bytes, reply: StreamReply) -> None:
    assert StreamDecoder().decode(body) == (b"", reply)


def test_what_is_not_read_is_named() -> None:
    decoder = StreamDecoder()
    for _ in range(2):
        assert decoder.decode(b'{"stream":"!miniTicker@arr","data":[]}') == (
            b"!miniTicker@arr",
            UnknownMessage("!miniTicker@arr"),
        )
    assert decoder.decode(b'{"e":"24hrTicker","E":1}') == (b"", UnknownMessage("24hrTicker"))
    assert kind_of("btcusdt@depth7") is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"stream":"btcusdt@trade"',
        b'{"stream":"btcusdt@trade","data":null}',
        b'{"stream":"\xff@trade","data":{}}',
        frame("btcusdt@trade", {**TRADE, "p": "0"}),
        frame("btcusdt@trade", {**TRADE, "p": "-1"}),
        frame("btcusdt@trade", {**TRADE, "p": "NaN"}),
        frame("btcusdt@trade", {**TRADE, "q": "Infinity"}),
        frame("btcusdt@trade", {**TRADE, "q": "1e400"}),
        frame("btcusdt@trade", {**TRADE, "e": "aggTrade"}),
        frame("btcusdt@aggTrade", {**AGGREGATE, "q": "0"}),
        frame("btcusdt@bookTicker", {**TICKER, "b": "-0.1"}),
        frame("btcusdt@bookTicker", {**TICKER, "A": "abc"}),
        frame("btcusdt@bookTicker", {**TICKER, "u": "1"}),
        frame("btcusdt@depth", {**UPDATE, "b": [["0", "1"]]}),
        frame("btcusdt@depth5", {**BOOK, "asks": [["1"]]}),
        frame("btcusdt@kline_1m", {**KLINE, "k": {**KLINE["k"], "h": "0"}}),  # type: ignore[dict-item]
        frame("btcusdt@kline_1m", {**KLINE, "k": {**KLINE["k"], "v": "-1"}}),  # type: ignore[dict-item]
    ],
)
def test_what_is_broken_is_refused(body: bytes) -> None:
    with pytest.raises(WireError, match="not a message of the market streams"):
        StreamDecoder().decode(body)


def test_many_names_are_forgotten_again() -> None:
    decoder = StreamDecoder()
    for number in range(10_000):
        decoder.decode(frame(f"coin{number}@bookTicker", TICKER))
    assert len(decoder._decoders) <= 4_096


def test_a_subscription_is_written_as_documented() -> None:
    assert json.loads(subscription("SUBSCRIBE", ["btcusdt@trade"], 7)) == {
        "method": "SUBSCRIBE",
        "params": ["btcusdt@trade"],
        "id": 7,
    }


# -- recorded messages -------------------------------------------------------------------------------------------

EVENTS = {"trade", "aggTrade", "depthUpdate", "kline"}


def test_recorded_payloads_are_read(shared_data: Path) -> None:
    found: Counter[str] = Counter()
    decoder = StreamDecoder()
    for place, body in _bodies(shared_data / "fixtures"):
        if not isinstance(body, dict):
            continue
        data = body.get("data", body)
        if not isinstance(data, dict):
            continue
        for side in ("a", "b"):
            if data.get("e") == "depthUpdate" and len(data[side][0]) == 3:
                data[side] = [level[:2] for level in data[side]]  # levels had an empty third part before 2019
        is_ticker = set("usbBaA") == set(data)
        if data.get("e") in EVENTS or is_ticker:
            if body is data or kind_of(body.get("stream", "")) is not None:
                _, message = decoder.decode(json.dumps(body).encode())
                assert not isinstance(message, UnknownMessage), place
                found[type(message).__name__] += 1
    assert found["KlineMessage"] >= 2
    assert found["TradeMessage"] >= 1
    assert found["BookTickerMessage"] >= 1
    assert found["DepthUpdateMessage"] >= 1


def kinds(lines: list[bytes]) -> Counter[str]:
    decoder, found = StreamDecoder(), Counter[str]()
    for line in lines:
        start = line.find(b"{")
        if start < 0 or b"http" in line[:start] or line.startswith((b"http", b"wss", b"configuration")):
            continue
        message: MarketMessage = decoder.decode(line[start:])[1]
        found[type(message).__name__] += 1
    return found


def test_recorded_streams_are_read(shared_data: Path) -> None:
    folder = shared_data / "tapes" / "ws"
    lines = gzip.decompress((folder / "btcusdt_20240808_ws.gz").read_bytes()).splitlines()
    assert kinds(lines) == {
        "TradeMessage": 9_757,
        "BookTickerMessage": 28_040,
        "DepthUpdateMessage": 3_451,
        "PartialDepthMessage": 1,
    }
    packed = (folder / "cryptofeed_10symbols_20210405_ws.zst").read_bytes()
    found = kinds(zstandard.ZstdDecompressor().decompressobj().decompress(packed).splitlines())
    assert set(found) >= {"BookTickerMessage", "DepthUpdateMessage", "AggregateTradeMessage"}
    assert "UnknownMessage" not in found
