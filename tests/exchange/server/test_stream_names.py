"""Names of market streams: known, silent, malformed."""

from __future__ import annotations

import pytest

from fillwright.core.types import HOUR, MILLISECOND, MINUTE, SECOND
from fillwright.exchange.server.stream_names import StreamKind, StreamName, parse_stream_name
from fillwright.market.intervals import Interval


@pytest.mark.parametrize(
    ("text", "kind", "period"),
    [
        ("btcusdt@trade", StreamKind.TRADE, 0),
        ("btcusdt@aggTrade", StreamKind.AGGREGATE_TRADE, 0),
        ("btcusdt@bookTicker", StreamKind.BOOK_TICKER, 0),
        ("btcusdt@depth", StreamKind.DEPTH, SECOND),
        ("btcusdt@depth@1000ms", StreamKind.DEPTH, SECOND),
        ("btcusdt@depth@100ms", StreamKind.DEPTH, 100 * MILLISECOND),
        ("btcusdt@depth20", StreamKind.PARTIAL_DEPTH, SECOND),
        ("btcusdt@depth5@100ms", StreamKind.PARTIAL_DEPTH, 100 * MILLISECOND),
        ("btcusdt@kline_1s", StreamKind.KLINE, SECOND),
        ("btcusdt@kline_1M", StreamKind.KLINE, 2 * SECOND),
        ("btcusdt@miniTicker", StreamKind.MINI_TICKER, SECOND),
        ("btcusdt@ticker", StreamKind.TICKER, SECOND),
        ("btcusdt@ticker_4h", StreamKind.WINDOW_TICKER, SECOND),
        ("btcusdt@avgPrice", StreamKind.AVERAGE_PRICE, SECOND),
        ("btcusdt@referencePrice", StreamKind.REFERENCE_PRICE, SECOND),
        ("!miniTicker@arr", StreamKind.ALL_MINI_TICKERS, SECOND),
        ("!ticker_1d@arr", StreamKind.ALL_WINDOW_TICKERS, SECOND),
    ],
)
def test_known_streams(text: str, kind: StreamKind, period: int) -> None:
    name = parse_stream_name(text)
    assert name is not None
    assert (name.text, name.kind, name.period_us) == (text, kind, period)
    assert name.symbol == ("" if text.startswith("!") else "btcusdt")


def test_the_details_of_a_name() -> None:
    depth, window = parse_stream_name("btcusdt@depth10"), parse_stream_name("!ticker_1h@arr")
    assert depth is not None
    assert depth.levels == 10
    assert window is not None
    assert window.window == "1h"
    kline = parse_stream_name("币安usdt@kline_1d@+08:00")
    assert kline is not None
    assert (kline.symbol, kline.interval, kline.offset_us) == ("币安usdt", Interval.D1, 8 * HOUR)
    west = parse_stream_name("btcusdt@kline_1m@-3:30")
    assert west is not None
    assert west.offset_us == -3 * HOUR - 30 * MINUTE


@pytest.mark.parametrize(
    "text",
    [
        "BTCUSDT@trade",
        "btcusdt",
        "1",
        "btcusdt@unheardOf",
        "btcusdt@depth7",
        "btcusdt@depth@250ms",
        "btcusdt@kline_5s",
        "btcusdt@kline_1h@+15:00",
        "btcusdt@kline_1h@+08:60",
        "btcusdt@blockTrade",
        "!ticker@arr",
        "!bookTicker",
        "!ticker_2h@arr",
    ],
)
def test_names_of_no_stream_are_silent(text: str) -> None:
    assert parse_stream_name(text) == StreamName(text)


@pytest.mark.parametrize("text", ["", "@", "@@@x###", "btcusdt@", "btc usdt@trade", "!", "a@b@@c", "x" * 201])
def test_what_is_no_name_is_malformed(text: str) -> None:
    assert parse_stream_name(text) is None
