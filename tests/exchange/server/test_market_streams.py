"""The hub: what is told when, written once, to whom; and that nothing runs while nobody listens."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from fillwright.core.types import DAY, MILLISECOND, MINUTE, SECOND
from fillwright.exchange.server.box import FAR, Box
from fillwright.exchange.server.market_streams import Channel, MarketStreams
from fillwright.exchange.server.public_market import PublicMarket
from fillwright.exchange.server.stream_names import parse_stream_name
from tests.exchange.server.boxes import START, frozen_box, limit_order


class Reader:
    def __init__(self, *, is_combined: bool = False, microseconds: bool = False) -> None:
        self.is_combined = is_combined
        self.microseconds = microseconds
        self.frames: list[bytes] = []

    def send(self, message: bytes) -> None:
        self.frames.append(message)

    def read(self) -> list[Any]:
        frames, self.frames = self.frames, []
        return [json.loads(frame) for frame in frames]


class Hub:
    def __init__(self) -> None:
        self.box: Box = frozen_box()
        for symbol in self.box.exchange.symbols:
            self.box.markets.setdefault(symbol, PublicMarket(self.box.exchange, symbol))
        self.streams = MarketStreams(self.box)

    def listen(self, text: str, reader: Reader) -> Channel:
        name = parse_stream_name(text)
        assert name is not None
        return self.streams.listen(name, reader)

    def step(self, by_us: int) -> None:
        self.box.clock.step(by_us)
        self.box.tick()

    def trade(self, price: str = "50000", symbol: str = "BTCUSDT") -> None:
        self.box.trade(symbol, Decimal(price), Decimal("0.25"), False, self.box.now)

    def quote(self, bid: str, ask: str) -> None:
        self.box.quote("BTCUSDT", Decimal(bid), Decimal(2), Decimal(ask), Decimal(3), self.box.now)


@pytest.fixture
def hub() -> Hub:
    return Hub()


def test_trades_are_told_at_once_and_written_once(hub: Hub) -> None:
    one, other, wrapped, fine = Reader(), Reader(), Reader(is_combined=True), Reader(microseconds=True)
    for reader in (one, other, wrapped, fine):
        hub.listen("btcusdt@trade", reader)
    hub.trade()
    assert one.frames[0] is other.frames[0]
    (bare,) = one.read()
    assert bare["e"] == "trade"
    assert wrapped.read() == [{"stream": "btcusdt@trade", "data": bare}]
    assert fine.read()[0]["T"] == START


def test_aggregate_trades_and_other_symbols(hub: Hub) -> None:
    reader = Reader()
    hub.listen("btcusdt@aggTrade", reader)
    hub.trade(symbol="ETHUSDT")
    assert reader.read() == []
    hub.trade()
    (told,) = reader.read()
    assert (told["e"], told["q"], told["f"]) == ("aggTrade", "0.25000000", told["l"])


def test_best_prices_are_told_when_they_change_and_only_then(hub: Hub) -> None:
    reader = Reader()
    hub.listen("btcusdt@bookTicker", reader)
    assert reader.read() == []
    hub.quote("49990", "50010")
    (told,) = reader.read()
    assert "e" not in told
    assert (told["s"], told["b"], told["a"]) == ("BTCUSDT", "49990.00000000", "50010.00000000")
    hub.quote("49990", "50010")
    assert reader.read() == []


def test_resting_orders_of_accounts_are_told_of_too(hub: Hub) -> None:
    reader, depth = Reader(), Reader()
    hub.listen("btcusdt@bookTicker", reader)
    hub.listen("btcusdt@depth@100ms", depth)
    hub.box.exchange.execute("main", limit_order("50000", client_order_id="one"), hub.box.now)
    hub.box.settle()
    (told,) = reader.read()
    assert (told["b"], told["B"]) == ("50000.00000000", "0.00100000")
    hub.step(100 * MILLISECOND)
    (update,) = depth.read()
    assert update["b"] == [["50000.00000000", "0.00100000"]]
    assert update["E"] == (START + 100 * MILLISECOND) // 1000


def test_depth_events_follow_one_another_at_their_own_speed(hub: Hub) -> None:
    fast, slow = Reader(), Reader()
    hub.listen("btcusdt@depth@100ms", fast)
    hub.listen("btcusdt@depth", slow)
    for number in range(10):
        hub.quote(str(49_000 + number), "50010")
        hub.step(100 * MILLISECOND)
    events = fast.read()
    assert len(events) == 10
    assert all(after["U"] == before["u"] + 1 for before, after in pairwise(events))
    (whole,) = slow.read()
    assert (whole["U"], whole["u"]) == (events[0]["U"], events[-1]["u"])
    hub.step(SECOND)
    assert fast.read() == slow.read() == []


def test_partial_books_are_pushed_at_every_turn(hub: Hub) -> None:
    reader = Reader()
    hub.listen("btcusdt@depth5@100ms", reader)
    hub.step(200 * MILLISECOND)
    told = reader.read()
    assert len(told) == 2
    assert set(told[0]) == {"lastUpdateId", "bids", "asks"}


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("btcusdt@miniTicker", "24hrMiniTicker"),
        ("btcusdt@ticker", "24hrTicker"),
        ("btcusdt@ticker_1h", "1hTicker"),
        ("btcusdt@ticker_4h", "4hTicker"),
        ("btcusdt@ticker_1d", "1dTicker"),
        ("btcusdt@avgPrice", "avgPrice"),
        ("btcusdt@referencePrice", "referencePrice"),
        ("btcusdt@kline_1s", "kline"),
    ],
)
def test_statistics_are_told_every_second(hub: Hub, name: str, event: str) -> None:
    hub.trade()
    reader = Reader()
    hub.listen(name, reader)
    hub.step(SECOND - START % SECOND)
    told = reader.read()
    assert told[-1]["e"] == event
    assert told[-1]["s"] == "BTCUSDT"


def test_a_candle_that_closed_is_told_once_more_before_the_next(hub: Hub) -> None:
    hub.trade("50001")
    reader = Reader()
    hub.listen("btcusdt@kline_1m", reader)
    hub.step(MINUTE - START % MINUTE - 2 * SECOND)
    present = reader.read()[-1]["k"]
    assert not present["x"]
    hub.step(2 * SECOND)
    hub.trade("50002")
    hub.step(2 * SECOND)
    closed = [told["k"] for told in reader.read() if told["k"]["x"]]
    assert [candle["t"] for candle in closed] == [present["t"]]


def test_all_tickers_tell_what_changed(hub: Hub) -> None:
    reader, windows = Reader(), Reader()
    hub.listen("!miniTicker@arr", reader)
    hub.listen("!ticker_1h@arr", windows)
    hub.step(SECOND)
    assert sorted(one["s"] for one in reader.read()[0]) == ["BTCUSDT", "ETHUSDT"]
    windows.read()
    hub.step(SECOND)
    assert reader.read() == windows.read() == []
    hub.trade("50005")
    hub.step(SECOND)
    assert [one["s"] for one in reader.read()[0]] == ["BTCUSDT"]
    assert [one["e"] for one in windows.read()[0]] == ["1hTicker"]


def test_silent_streams_and_unknown_symbols_say_nothing(hub: Hub) -> None:
    reader = Reader()
    for name in ("nosuch@depth", "btcusdt@blockTrade", "BTCUSDT@trade", "1"):
        hub.listen(name, reader)
    hub.trade()
    hub.step(2 * SECOND)
    assert reader.read() == []


def test_nothing_runs_while_nobody_listens(hub: Hub) -> None:
    hub.box.tick()
    assert hub.box.next_due == FAR
    reader = Reader()
    names = (
        "btcusdt@depth",
        "btcusdt@trade",
        "btcusdt@bookTicker",
        "btcusdt@kline_1m",
        "!miniTicker@arr",
        "1",
    )
    channels = [hub.listen(name, reader) for name in names]
    assert hub.box.next_due < FAR
    for channel in channels:
        hub.streams.leave(channel, reader)
    assert len(hub.streams) == 0
    hub.step(10 * SECOND)
    hub.trade()
    assert hub.box.next_due == FAR
    assert reader.read() == []


def test_who_comes_later_hears_from_then_on(hub: Hub) -> None:
    early, late = Reader(), Reader()
    hub.listen("btcusdt@depth@100ms", early)
    hub.quote("49990", "50010")
    hub.step(100 * MILLISECOND)
    hub.listen("btcusdt@depth@100ms", late)
    hub.quote("49991", "50010")
    hub.step(100 * MILLISECOND)
    assert late.read() == early.read()[1:]


def test_a_day_later_the_book_ticker_still_knows_what_it_told(hub: Hub) -> None:
    reader, again = Reader(), Reader()
    channel = hub.listen("btcusdt@bookTicker", reader)
    hub.quote("49990", "50010")
    hub.streams.leave(channel, reader)
    hub.quote("49000", "50010")
    hub.step(DAY)
    hub.listen("btcusdt@bookTicker", again)
    hub.quote("49000", "50010")
    assert again.read() == []
