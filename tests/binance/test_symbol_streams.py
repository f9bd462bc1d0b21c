from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from fillwright.binance.candles import CandleLine
from fillwright.binance.symbol_streams import DepthKind, SymbolStreams
from fillwright.market.intervals import Interval
from fillwright.wire.market_streams import PartialDepthMessage, StreamDecoder
from tests.market.live.worlds import NOW, Book, MadeClock
from tests.wire.test_market_streams import BOOK, KLINE, TICKER, TRADE, UPDATE


class Desk:
    """One symbol's streams on a sink that writes everything down."""

    def __init__(self, *intervals: Interval, depth: DepthKind | None = DepthKind.BEST) -> None:
        self.book = Book()
        self.holes = 0
        lines = [CandleLine("BTCUSDT", interval, self.book.candle) for interval in intervals]
        self.streams = SymbolStreams("BTCUSDT", lines, self.book, MadeClock(), self._hole, depth=depth)
        self._decoder = StreamDecoder()

    def _hole(self) -> None:
        self.holes += 1

    def hear(self, stream: str, data: dict[str, Any]) -> None:
        _, message = self._decoder.decode(json.dumps({"stream": stream, "data": data}).encode())
        self.streams.handlers[stream](message)


def kline(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = KLINE["k"]  # type: ignore[assignment]
    return {**KLINE, "k": {**fields, **changes}}


def test_each_stream_is_named_as_binance_does() -> None:
    assert list(Desk(Interval.M1, Interval.S1, Interval.S5).streams.handlers) == [
        "btcusdt@trade",
        "btcusdt@bookTicker",
        "btcusdt@depth20@100ms",
        "btcusdt@kline_1m",
        "btcusdt@kline_1s",
    ]
    assert list(Desk(depth=None).streams.handlers) == ["btcusdt@trade", "btcusdt@bookTicker"]


def test_a_whole_book_is_kept_from_its_changes() -> None:
    desk = Desk(depth=DepthKind.FULL)
    book = desk.streams.full_book
    assert book is not None
    assert "btcusdt@depth@100ms" in desk.streams.handlers
    desk.hear("btcusdt@depth@100ms", UPDATE)
    assert desk.holes == 1
    assert desk.book.depths == []
    book.snapshot(PartialDepthMessage(last_update_id=156, bids=(), asks=((Decimal(1), Decimal(2)),)))
    assert desk.book.depths == [
        ("BTCUSDT", ((Decimal("0.0024"), Decimal(10)),), ((Decimal(1), Decimal(2)),), NOW)
    ]
    desk.streams.begin_anew()
    assert not book.wants_snapshot


def test_what_came_before_is_dropped() -> None:
    desk = Desk()
    for number in (5, 6, 5, 6, 7):
        desk.hear("btcusdt@trade", {**TRADE, "t": number})
        desk.hear("btcusdt@bookTicker", {**TICKER, "u": number})
        desk.hear("btcusdt@depth20@100ms", {**BOOK, "lastUpdateId": number})
    assert [len(desk.book.trades), len(desk.book.quotes), len(desk.book.depths)] == [3, 3, 3]
    assert desk.streams.duplicates == 6
    desk.streams.begin_anew()
    desk.hear("btcusdt@trade", {**TRADE, "t": 1})
    assert len(desk.book.trades) == 4


def test_times_are_the_sources_or_those_of_receipt() -> None:
    desk = Desk(Interval.M1)
    desk.hear("btcusdt@trade", TRADE)
    desk.hear("btcusdt@bookTicker", TICKER)
    desk.hear("btcusdt@kline_1m", KLINE)
    assert desk.book.trades[0][-1] == 1795168800121000
    assert desk.book.quotes[0][-1] == NOW
    assert desk.book.candles[0].open_time == 1795168800000000
    assert desk.book.candles[0].close_time == 1795168859999999


def test_a_side_without_orders_makes_no_quote() -> None:
    desk = Desk()
    desk.hear("btcusdt@bookTicker", {**TICKER, "b": "0.00", "B": "0.00"})
    assert desk.book.quotes == []


def test_a_hole_is_told() -> None:
    desk = Desk(Interval.M1)
    desk.hear("btcusdt@kline_1m", KLINE)
    assert desk.holes == 0
    desk.hear("btcusdt@kline_1m", kline(t=1795168920000, T=1795168979999, x=False))
    assert desk.holes == 1
    assert len(desk.book.candles) == 1
