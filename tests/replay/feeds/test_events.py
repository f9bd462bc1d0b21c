"""Feeds that visit every moment: quotes, and recordings of several streams."""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.types import MINUTE
from fillwright.exchange.exchange import Exchange
from fillwright.market.events import DepthSnapshot, DepthUpdate, Event, Trade
from fillwright.market.events import Quote as QuoteEvent
from fillwright.market.intervals import Interval
from fillwright.replay.feeds import EventFeed, QuoteFeed
from tests.core.builders import make_instrument
from tests.replay.builders import START, SYMBOL, at, events_tape, quotes_tape
from tests.replay.feeds.test_columns import FakeMarket

D = Decimal


def trade(second: float, price: int, symbol: str = SYMBOL) -> Trade:
    return Trade(symbol, at(second), 1, D(price), D(1), False)


def event_feed(market: FakeMarket, *events: Event, chunk_rows: int = 100, start_row: int = 0) -> EventFeed:
    tape = events_tape(list(events), chunk_rows=chunk_rows).at(start_row)
    return EventFeed(tape, market, (Interval.M1,))


def test_every_quote_is_visited() -> None:
    market = FakeMarket("1", "1000")
    feed = QuoteFeed(quotes_tape([(0, 99, 101), (1, 100, 102)], chunk_rows=1), market, ())
    feed.load()
    assert feed.seek(at(5)) == at(0)
    assert feed.seek(at(0)) is None
    feed.skip(at(5), True)
    feed.visit()
    assert feed.is_done
    quoted = market.exchange.quote(SYMBOL)
    assert (quoted.bid, quoted.ask) == (D(99), D(101))
    feed.load()
    assert (feed.row, feed.moment, feed.end, feed.restart_row()) == (1, 1, at(1), 1)


def test_every_kind_of_event_reaches_the_exchange() -> None:
    market = FakeMarket()
    book = ((D(99), D(1)), (D(98), D(1))), ((D(101), D(1)), (D(102), D(1)))
    feed = event_feed(
        market,
        QuoteEvent(SYMBOL, at(0), 1, D(90), D(1), D(110), D(1)),
        DepthSnapshot(SYMBOL, at(1), 1, *book),
        DepthUpdate(SYMBOL, at(2), 2, 2, ((D(99), D(0)),), ()),
        trade(3, 100),
    )
    feed.load()
    seen = []
    while not feed.is_done:
        feed.visit()
        quoted = market.exchange.quote(SYMBOL)
        seen.append((quoted.bid, quoted.ask, quoted.last))
    assert seen == [(90, 110, 90), (99, 101, 99), (98, 101, 98), (98, 101, 100)]
    assert feed.visited == 4


def test_symbols_that_are_not_traded_are_passed_over() -> None:
    market = FakeMarket()
    market.exchange = Exchange([make_instrument(SYMBOL), make_instrument("ETHUSDT")])
    tape = events_tape([trade(0, 5, "ETHUSDT"), trade(1, 100)], symbols=(SYMBOL, "ETHUSDT"))
    feed = EventFeed(tape, market, (Interval.M1,), frozenset({SYMBOL}))
    feed.load()
    feed.visit()
    feed.visit()
    assert market.exchange.quote("ETHUSDT").last is None
    assert market.seen == [(at(1), D(100))]


def test_candles_close_before_the_next_event() -> None:
    market = FakeMarket()
    feed = event_feed(market, trade(10, 100), trade(50, 103), trade(200, 99))
    feed.load()
    feed.visit()
    feed.close_candles()
    feed.visit()
    assert market.candles == []
    feed.close_candles()
    feed.close_candles()
    (candle,) = market.candles
    assert (candle.open_time, candle.close_time, candle.high) == (START, START + MINUTE - 1, D(103))


def test_a_resumed_recording_has_its_open_candles_and_those_just_closed() -> None:
    events = [trade(10, 100), trade(50, 103), trade(70, 99), trade(80, 98), trade(130, 97)]
    for passed in range(len(events) + 1):
        whole, market = FakeMarket(), FakeMarket()
        feed = event_feed(whole, *events, chunk_rows=2)
        for _ in range(passed):
            if feed.is_done:
                feed.load()
            feed.close_candles()
            feed.visit()
        assert feed.restart_row() == passed
        told = len(whole.candles)
        again = event_feed(market, *events, chunk_rows=2, start_row=passed)
        again.resume(feed.moment, feed.dump())
        assert again.moment == passed
        for one in (feed, again):
            while True:
                if one.is_done and not one.load():
                    break
                one.close_candles()
                one.visit()
        assert market.candles[-len(whole.candles[told:]) or len(market.candles) :] == whole.candles[told:]
        assert [one.close_time for one in market.candles] == [
            one.close_time for one in whole.candles[max(told - 1, 0) :]
        ]


def test_before_its_first_chunk_a_feed_has_no_end() -> None:
    feed = event_feed(FakeMarket(), start_row=0)
    assert not feed.load()
    assert (feed.end, feed.exhausted, feed.row) == (0, True, 0)
