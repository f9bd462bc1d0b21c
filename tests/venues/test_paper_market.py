"""The ear on the market: who is woken by what."""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.inputs import Candle
from fillwright.ports import FeedState, MarketSink
from fillwright.venues.paper_market import PaperMarket
from tests.exchange.builders import SYMBOL
from tests.venues.papers import START
from tests.venues.test_paper_books import begin

D = Decimal


class Ear:
    def __init__(self) -> None:
        self.moves = 0
        self.exchange = begin()
        self.market = PaperMarket(lambda: START + 1, self.moved)

    def moved(self) -> None:
        self.moves += 1


def everything(market: MarketSink, symbol: str) -> None:
    market.trade(symbol, D(100), D(1), True, START)
    market.quote(symbol, D(99), D(1), D(101), D(1), START)
    market.depth(symbol, [(D(99), D(1))], [(D(101), D(1))], START)


def test_before_there_is_an_exchange_and_after_it_ticks_are_passed_over() -> None:
    ear = Ear()
    everything(ear.market, SYMBOL)
    ear.market.attach(ear.exchange)
    ear.market.attach(None)
    everything(ear.market, SYMBOL)
    assert (ear.moves, len(ear.exchange.commands)) == (0, 1)


def test_symbols_that_nobody_trades_are_passed_over() -> None:
    ear = Ear()
    ear.market.attach(ear.exchange)
    everything(ear.market, "DOGEUSDT")
    assert (ear.moves, len(ear.exchange.commands)) == (0, 1)


def test_the_first_tick_of_each_kind_is_told_and_then_those_that_matter() -> None:
    ear = Ear()
    ear.market.attach(ear.exchange)
    everything(ear.market, SYMBOL)
    assert ear.moves == 1  # the trade: quotes and books only tell what it may be traded against
    ear.exchange.reopen(START)
    ear.market.quote(SYMBOL, D(99), D(1), D(101), D(1), START)
    ear.market.quote(SYMBOL, D(98), D(1), D(101), D(1), START)
    assert ear.moves == 2
    ear.market.depth(SYMBOL, [(D(99), D(1))], [(D(101), D(1))], START)
    ear.market.depth(SYMBOL, [(D(98), D(1))], [(D(101), D(1))], START)
    assert ear.moves == 3
    ear.market.trade(SYMBOL, D(100), D(1), True, START)
    ear.market.trade(SYMBOL, D(200), D(1), True, START)
    assert (ear.moves, ear.exchange.quote(SYMBOL).last) == (4, D(100))
    assert ear.exchange.now == START + 1  # the venue's clock, not the source's


def test_candles_and_states_of_the_source_are_not_the_exchanges_business() -> None:
    ear = Ear()
    ear.market.attach(ear.exchange)
    zero = D(0)
    ear.market.candle(Candle(SYMBOL, "1m", 0, 1, zero, zero, zero, zero, zero))
    ear.market.state(FeedState("synthetic", False))
    assert (ear.moves, len(ear.exchange.commands)) == (0, 1)
