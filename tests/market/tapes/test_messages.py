from __future__ import annotations

import msgspec
import pytest

from fillwright.market.tapes.messages import (
    AggregateTradeMessage,
    BookTickerMessage,
    DepthMessage,
    KlineMessage,
    SnapshotMessage,
    TradeMessage,
    UnknownMessage,
    decode,
)

TRADE = b'{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":5,"p":"1.0","q":"2.0","T":1723161255342,"m":true,"M":true}'
AGGREGATE = (
    b'{"e":"aggTrade","E":1723161255343,"s":"BTCUSDT","a":5,"p":"1.0","q":"2.0","f":1,"l":2,"T":1,"m":false}'
)
TICKER = b'{"u":400900217,"s":"BNBUSDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66"}'
DEPTH = b'{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":1,"u":2,"b":[["1.0","2.0"]],"a":[]}'
SNAPSHOT = b'{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}'
KLINE = (
    b'{"e":"kline","E":1723161255343,"s":"BTCUSDT","k":{"t":1723161240000,"T":1723161299999,"s":"BTCUSDT","i":"1m",'
    b'"o":"1","c":"2","h":"3","l":"1","v":"9","n":5,"x":true}}'
)


@pytest.mark.parametrize(
    ("text", "stream", "kind"),
    [
        (TRADE, "btcusdt@trade", TradeMessage),
        (AGGREGATE, "btcusdt@aggTrade", AggregateTradeMessage),
        (TICKER, "bnbusdt@bookTicker", BookTickerMessage),
        (DEPTH, "btcusdt@depth@100ms", DepthMessage),
        (DEPTH, "btcusdt@depth", DepthMessage),
        (SNAPSHOT, "btcusdt@depth20@100ms", SnapshotMessage),
        (KLINE, "btcusdt@kline_1m", KlineMessage),
    ],
)
def test_messages_are_told_apart_with_and_without_wrapper(text: bytes, stream: str, kind: type) -> None:
    _, bare = decode(text)
    assert type(bare) is kind
    symbol, wrapped = decode(b'{"stream":"' + stream.encode() + b'","data":' + text + b"}")
    assert symbol == stream.partition("@")[0].upper()
    assert wrapped == bare


def test_other_streams_and_replies_are_passed_over() -> None:
    assert decode(b'{"stream":"btcusdt@miniTicker","data":{"e":"24hrMiniTicker"}}') == ("BTCUSDT", None)
    assert decode(b'{"e":"24hrTicker","E":1,"s":"BTCUSDT"}') == ("BTCUSDT", None)
    assert decode(b'{"result":null,"id":1}') == ("", None)


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(UnknownMessage, match="none of Binance's market messages"):
        decode(b'{"hello":1}')
    with pytest.raises(msgspec.DecodeError):
        decode(b'{"stream":')
    with pytest.raises(msgspec.ValidationError, match="missing required field `p`"):
        decode(TRADE.replace(b'"p":"1.0",', b""))
    with pytest.raises(msgspec.ValidationError, match="Expected `str`, got `float`"):
        decode(TRADE.replace(b'"p":"1.0"', b'"p":1.0'))
