"""Feeds over columns: what is sought, passed, shown and visited; averages and where to read again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fillwright.core.inputs import Candle
from fillwright.core.types import MINUTE, Symbol, Time
from fillwright.exchange.exchange import Exchange
from fillwright.market.columns import CandleColumns, TradeColumns
from fillwright.market.intervals import Interval
from fillwright.market.tapes.tape import Chunk, Tape
from fillwright.replay.feeds import Bounds, CandleFeed, TradeFeed
from tests.replay.builders import BTCUSDT, START, SYMBOL, ListTape, at, candles_tape, trades_tape

D = Decimal


class FakeMarket:
    """What a feed needs of a simulation: notes what it is told."""

    def __init__(self, low: str | None = None, high: str | None = None) -> None:
        self.exchange = Exchange([BTCUSDT])
        self.range: Bounds = (None if low is None else D(low), None if high is None else D(high))
        self.seen: list[tuple[Time, Decimal | None]] = []
        self.candles: list[Candle] = []
        self.chunks: list[Chunk] = []

    def bounds(self, symbol: Symbol) -> Bounds:
        return self.range

    def moved(self, symbol: Symbol, now: Time) -> None:
        self.seen.append((now, self.exchange.quote(symbol).last))

    def quoted(self, symbol: Symbol, now: Time) -> None:
        self.moved(symbol, now)

    def candle_closed(self, candle: Candle) -> None:
        self.candles.append(candle)

    def chunk_read(self, tape: Tape, chunk: Chunk) -> None:
        self.chunks.append(chunk)


def trade_feed(market: FakeMarket, prices: list[Any], chunk_rows: int = 100, start_row: int = 0) -> TradeFeed:
    """Trades a second apart."""
    tape = trades_tape([(number, price) for number, price in enumerate(prices)], chunk_rows=chunk_rows)
    return TradeFeed(tape.at(start_row), market, (Interval.M1,))


def test_trades_inside_the_bounds_are_not_sought() -> None:
    market = FakeMarket("98", "102")
    feed = trade_feed(market, [100, 101, "98.01", 98, 97, 102])
    assert feed.load()
    assert feed.seek(at(100)) == at(3)
    assert feed.seek(at(3)) is None
    feed.skip(at(3), False)
    assert (feed.cursor, feed.passed, feed.visited) == (3, 3, 0)
    assert market.seen == []
    feed.settle_slots()
    feed.settle_slots()
    assert market.seen == [(at(2), D("98.01"))]
    feed.visit()
    assert market.seen[-1] == (at(3), D(98))
    assert (feed.visited, feed.moment, feed.row) == (1, 4, 4)


def test_without_bounds_nothing_is_sought() -> None:
    feed = trade_feed(FakeMarket(), [1, 1000, 3])
    feed.load()
    assert feed.seek(at(100)) is None


def test_bounds_between_ticks_of_the_tape_round_to_the_safe_side() -> None:
    market = FakeMarket("98.004", "101.996")
    feed = trade_feed(market, [100, "98.01", "101.99", "98.00", "102.00"])
    feed.load()
    assert feed.seek(at(100)) == at(3)
    feed.skip(at(3), True)
    assert feed.seek(at(100)) == at(4)


def test_moments_of_one_time_pass_together_or_not_at_all() -> None:
    tape = trades_tape([(1, 100), (1, 101), (1, 102), (2, 103)])
    feed = TradeFeed(tape, FakeMarket(), (Interval.M1,))
    feed.load()
    feed.skip(at(1), False)
    assert feed.cursor == 0
    feed.skip(at(1), True)
    assert feed.cursor == 3


def test_a_chunk_leaves_its_last_price_behind() -> None:
    market = FakeMarket()
    feed = trade_feed(market, [100, 101, 102], chunk_rows=2)
    feed.load()
    feed.skip(at(9), False)
    assert feed.is_done
    assert feed.end == at(1)
    assert feed.load()
    assert market.seen == [(at(1), D(101))]
    assert (feed.row, feed.is_done) == (2, False)
    feed.skip(at(9), False)
    assert not feed.load()
    assert feed.exhausted


def test_candles_are_announced_when_a_later_row_is_known() -> None:
    market = FakeMarket()
    tape = trades_tape([(0, 100, 1), (59, 103, 2), (61, 99, 1), (130, 101, 1)], chunk_rows=3)
    feed = TradeFeed(tape, market, (Interval.M1,))
    feed.load()
    assert [(one.open, one.high, one.low, one.close) for one in market.candles] == [
        (D(100), D(103), D(100), D(103))
    ]
    feed.load()
    assert [one.open_time for one in market.candles] == [START, START + MINUTE]


@pytest.mark.parametrize("chunk_rows", [1, 2, 3, 100])
def test_the_average_is_of_what_has_passed_whatever_the_chunks(chunk_rows: int) -> None:
    tape = trades_tape([(0, 100, 1), (100, 200, 1), (250, 300, 2), (900, 50, 1)], chunk_rows=chunk_rows)
    feed = TradeFeed(tape, FakeMarket(), (Interval.M1,))
    feed.load()
    assert feed.average(SYMBOL, 5) is None
    found = []
    while not feed.exhausted:
        feed.skip(feed.next_time(), True)
        found.append(feed.average(SYMBOL, 5))
        if feed.is_done:
            feed.load()
            assert feed.exhausted or feed.average(SYMBOL, 5) == found[-1]
    assert found == [D(100), D(150), D(225), D(50)]
    assert feed.average("ETHUSDT", 5) is None


@pytest.mark.parametrize("chunk_rows", [3, 10, 1_000])
@pytest.mark.parametrize("passed", [1, 20, 59, 60, 61, 420, 599])
def test_reading_again_gives_averages_and_candles_anew(chunk_rows: int, passed: int) -> None:
    prices = [100 + number % 17 for number in range(600)]
    before = trade_feed(FakeMarket(), prices, chunk_rows)
    while before.moment < passed:
        if before.is_done:
            assert before.load()
        before.skip(at(min(passed - 1, (before.end - START) // 1_000_000)), True)
    row = before.restart_row()
    assert passed - row <= 5 * 60 + chunk_rows
    market = FakeMarket()
    again = trade_feed(market, prices, chunk_rows, start_row=row)
    again.resume(before.moment, before.dump())
    assert again.moment == before.moment
    assert again.average(SYMBOL, 5) == before.average(SYMBOL, 5)
    while again.load():
        pass
    whole = FakeMarket()
    feed = trade_feed(whole, prices, 1_000)
    while feed.load():
        pass
    open_candle = Interval.M1.open_time(at(passed - 1))
    assert [one for one in market.candles if one.open_time >= open_candle] == [
        one for one in whole.candles if one.open_time >= open_candle
    ]


def candle_feed(market: FakeMarket, *rows: tuple[Any, ...], chunk_rows: int = 100) -> CandleFeed:
    """One-minute candles of volume 1."""
    tape = candles_tape([(*row, 1) for row in rows], chunk_rows=chunk_rows)  # type: ignore[misc]
    return CandleFeed(tape, market, (Interval.M1, Interval.M5))


def test_a_candle_is_two_moments() -> None:
    market = FakeMarket("90", "110")
    feed = candle_feed(market, (0, 100, 101, 99, 100), (1, 100, 111, 100, 105), (2, 105, 106, 95, 100))
    feed.load()
    assert feed.next_time() == START
    assert feed.seek(START + 10 * MINUTE) == START + MINUTE
    feed.skip(START + MINUTE, False)
    assert (feed.moment, feed.passed, feed.row) == (2, 2, 1)
    feed.visit()
    assert (feed.moment, feed.row) == (3, 1)
    assert market.seen[-1] == (START + MINUTE, D(100))
    assert feed.seek(START + 10 * MINUTE) == START + 2 * MINUTE - 1
    feed.visit()
    assert market.seen[-1] == (START + 2 * MINUTE - 1, D(105))
    assert feed.seek(START + 10 * MINUTE) is None


def test_between_open_and_close_only_the_open_is_known() -> None:
    market = FakeMarket()
    feed = candle_feed(market, (0, 100, 120, 80, 110))
    feed.load()
    feed.skip(START + 30_000_000, False)
    feed.settle_slots()
    assert market.seen == [(START, D(100))]
    assert feed.average(SYMBOL, 5) is None
    feed.skip(START + MINUTE, False)
    feed.settle_slots()
    assert market.seen[-1] == (START + MINUTE - 1, D(110))
    assert feed.average(SYMBOL, 5) == D(110)


def test_a_close_that_is_visited_after_a_skipped_open_has_its_open_first() -> None:
    market = FakeMarket()
    feed = candle_feed(market, (0, 100, 120, 80, 110))
    feed.load()
    feed.skip(START + MINUTE - 1, False)
    assert feed.moment == 1
    feed.visit()
    assert market.seen == [(START, D(100)), (START + MINUTE - 1, D(110))]


def test_candles_of_longer_intervals_are_made_of_short_ones() -> None:
    market = FakeMarket()
    feed = candle_feed(market, *[(number, 100 + number, 110 + number, 90, 100) for number in range(7)])
    feed.load()
    assert [one.interval for one in market.candles].count("1m") == 7
    (five,) = [one for one in market.candles if one.interval == "5m"]
    assert (five.open, five.high, five.close_time) == (D(100), D(114), START + 5 * MINUTE - 1)


@pytest.mark.parametrize("moment", range(13))
def test_a_candle_feed_resumes_at_any_moment(moment: int) -> None:
    rows = [(number, 100 + number, 110, 90, 101 + number) for number in range(6)]
    before = candle_feed(FakeMarket(), *rows, chunk_rows=2)
    before.load()
    while before.moment < moment:
        if before.is_done:
            before.load()
        before.skip(before.next_time(), True)
    tape: ListTape = candles_tape([(*row, 1) for row in rows], chunk_rows=2)
    market = FakeMarket()
    again = CandleFeed(tape.at(before.restart_row()), market, (Interval.M1, Interval.M5))
    again.resume(moment, b"")
    assert again.moment == moment
    assert again.average(SYMBOL, 5) == before.average(SYMBOL, 5)


def test_chunks_are_shown_to_whoever_wants_them() -> None:
    market = FakeMarket()
    feed = trade_feed(market, [1, 2, 3], chunk_rows=2)
    while feed.load():
        pass
    assert [len(chunk) for chunk in market.chunks] == [2, 1]
    assert all(isinstance(chunk, TradeColumns | CandleColumns) for chunk in market.chunks)
