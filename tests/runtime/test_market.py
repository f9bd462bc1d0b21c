from __future__ import annotations

from typing import Any

from fillwright.core.inputs import Candle, Quote
from fillwright.core.types import SECOND
from fillwright.ports import FeedState, MarketSink
from fillwright.runtime.market import MarketHub
from tests.runtime.builders import NOW, D, ManualClock, make_candle

A = "AAAUSDT"


class Recorder:
    """An engine or a venue that writes down what it is shown, in a log shared with others."""

    def __init__(self, name: str, log: list[tuple[Any, ...]]) -> None:
        self.name, self.log = name, log

    def observe(self, quote: Quote) -> None:
        self.log.append((self.name, "quote", quote.bid, quote.ask, quote.last))

    def candle(self, candle: Candle) -> None:
        self.log.append((self.name, "candle", candle.open_time))

    def quote(self, symbol: str, bid: Any, bid_quantity: Any, ask: Any, ask_quantity: Any, time: int) -> None:
        self.log.append((self.name, "quote", bid, bid_quantity, ask, ask_quantity, time))

    def trade(self, symbol: str, price: Any, quantity: Any, buyer_is_maker: bool, time: int) -> None:
        self.log.append((self.name, "trade", price, quantity, buyer_is_maker, time))

    def depth(self, symbol: str, bids: Any, asks: Any, time: int) -> None:
        self.log.append((self.name, "depth", bids[0][0], asks[0][0]))

    def state(self, state: FeedState) -> None:
        raise AssertionError("venues are not told of the source")


def hub_with(*names: str) -> tuple[MarketHub, ManualClock, list[tuple[Any, ...]]]:
    clock, log = ManualClock(), list[tuple[Any, ...]]()
    hub = MarketHub(clock)
    for name in names:
        recorder = Recorder(name, log)
        if name.startswith("venue"):
            hub.add_venue(recorder)
        else:
            hub.add_watcher(recorder)
    return hub, clock, log


def test_the_hub_is_a_sink() -> None:
    sink: MarketSink = MarketHub(ManualClock())
    sink.state(FeedState("synthetic", connected=True))


def test_venues_see_a_tick_before_engines() -> None:
    hub, _, log = hub_with("engine", "venue 1", "venue 2")
    hub.quote(A, D(99), D(5), D(101), D(6), NOW - 3)
    hub.trade(A, D(100), D(1), True, NOW - 2)
    assert log == [
        ("venue 1", "quote", D(99), D(5), D(101), D(6), NOW - 3),
        ("venue 2", "quote", D(99), D(5), D(101), D(6), NOW - 3),
        ("engine", "quote", D(99), D(101), D(99)),  # no trade yet: the bid stands for the last price
        ("venue 1", "trade", D(100), D(1), True, NOW - 2),
        ("venue 2", "trade", D(100), D(1), True, NOW - 2),
        ("engine", "quote", D(99), D(101), D(100)),
    ]


def test_a_venue_that_is_closed_sees_nothing_more() -> None:
    log = list[tuple[Any, ...]]()
    hub, venue = MarketHub(ManualClock()), Recorder("venue", log)
    hub.add_venue(venue)
    hub.remove_venue(venue)
    hub.trade(A, D(100), D(1), True, NOW)
    assert log == []


def test_a_quotes_time_is_that_of_its_coming() -> None:
    hub, clock, _ = hub_with()
    hub.quote(A, D(99), D(5), D(101), D(6), NOW - 3_600 * SECOND)
    assert hub.quotes[A].time == NOW
    clock.move(7)
    hub.trade(A, D(100), D(1), True, 1)
    assert hub.quotes[A] == Quote(A, D(99), D(101), D(100), NOW)  # a trade says nothing of bid and ask
    assert hub.traded_at == {A: NOW + 7}
    assert hub.averages.get(A) == D(100)
    assert hub.ticks == 2


def test_without_quotes_the_best_levels_of_the_book_are_the_quote() -> None:
    hub, _, log = hub_with("engine", "venue")
    hub.depth(A, [(D(98), D(1)), (D(97), D(1))], [(D(102), D(1))], NOW)
    assert log == [("venue", "depth", D(98), D(102)), ("engine", "quote", D(98), D(102), D(98))]
    hub.trade(A, D(100), D(1), True, NOW)
    assert hub.quotes[A] == Quote(A, D(98), D(102), D(100), NOW)
    hub.quote(A, D(99), D(5), D(101), D(6), NOW)
    hub.depth(A, [(D(90), D(1))], [(D(110), D(1))], NOW)
    assert (hub.quotes[A].bid, hub.quotes[A].ask) == (D(99), D(101))


def test_a_book_that_says_the_same_confirms_a_quote() -> None:
    hub, clock, _ = hub_with()
    hub.quote(A, D(99), D(5), D(101), D(6), NOW)
    clock.move(5)
    hub.depth(A, [(D(98), D(1))], [(D(101), D(1))], NOW)
    assert hub.quotes[A].time == NOW
    hub.depth(A, [(D(99), D(1))], [(D(101), D(1))], NOW)
    assert hub.quotes[A] == Quote(A, D(99), D(101), D(99), NOW + 5)


def test_of_a_symbol_with_trades_alone_a_trade_is_the_quote() -> None:
    hub, clock, _ = hub_with()
    hub.trade(A, D(100), D(1), True, NOW)
    clock.move(5)
    hub.trade(A, D(101), D(1), True, NOW)
    assert hub.quotes[A].time == NOW + 5


def test_a_venue_that_comes_later_is_handed_the_newest_quotes_and_books_but_no_trades() -> None:
    hub, _, log = hub_with()
    hub.quote(A, D(98), D(5), D(101), D(6), NOW)
    hub.quote(A, D(99), D(5), D(101), D(6), NOW + 1)
    hub.trade(A, D(100), D(1), True, NOW + 2)
    hub.depth("BBBUSDT", [(D(7), D(1))], [(D(8), D(1))], NOW + 3)
    hub.add_venue(Recorder("venue", log))
    assert log == [
        ("venue", "quote", D(99), D(5), D(101), D(6), NOW + 1),
        ("venue", "depth", D(7), D(8)),
    ]


def test_an_empty_side_of_the_book_is_no_quote() -> None:
    hub, _, _ = hub_with("engine")
    hub.depth(A, [], [(D(102), D(1))], NOW)
    assert hub.quotes == {}


def test_where_trades_are_all_there_is_the_last_stands_for_bid_and_ask() -> None:
    hub, _, log = hub_with("engine")
    hub.trade(A, D(100), D(1), True, NOW)
    hub.trade(A, D(101), D(1), True, NOW)
    assert log == [("engine", "quote", D(100), D(100), D(100)), ("engine", "quote", D(101), D(101), D(101))]
    hub.quote(A, D(99), D(5), D(102), D(6), NOW)
    hub.trade(A, D(103), D(1), True, NOW)
    assert log[-1] == ("engine", "quote", D(99), D(102), D(103))


def test_a_candle_comes_once_and_in_order() -> None:
    hub, _, log = hub_with("engine")
    traders = list[int]()
    hub.on_candle = lambda candle: traders.append(candle.open_time)
    first, second, third = (make_candle(row) for row in range(3))
    for candle in (first, first, third, second, third):
        hub.candle(candle)
    hub.candle(make_candle(0, interval="1m"))
    hub.candle(make_candle(0, symbol="BBBUSDT"))
    assert [entry[2] for entry in log] == [first.open_time, third.open_time, first.open_time, first.open_time]
    assert traders == [entry[2] for entry in log]


def test_the_state_of_the_source_is_kept_and_told_when_it_changes() -> None:
    hub, _, _ = hub_with("engine", "venue")
    told = list[FeedState]()
    hub.on_state = told.append
    up, down = FeedState("binance", connected=True), FeedState("binance", connected=False, detail="lost")
    assert not hub.feed.connected
    for state in (up, up, down, up):
        hub.state(state)
    assert told == [up, down, up]
    assert hub.feed is up


def test_what_clocks_say_is_kept_but_is_no_news() -> None:
    hub, _, _ = hub_with()
    told = list[FeedState]()
    hub.on_state = told.append
    hub.state(FeedState("binance", connected=True, clock_skew_ms=3))
    hub.state(FeedState("binance", connected=True, clock_skew_ms=4))
    assert hub.feed.clock_skew_ms == 4
    assert len(told) == 1
