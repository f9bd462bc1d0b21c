"""One symbol's market: prices derived from what the feed has, averages, ranges, bounds."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core.types import MINUTE, OrderType, Side
from fillwright.exchange.market import AverageWindow, PriceRange, SymbolMarket
from fillwright.exchange.settings import ExchangeSettings
from tests.exchange.builders import (
    BTCUSDT,
    BUY,
    SELL,
    SYMBOL,
    D,
    an_exchange,
    an_oco,
    an_order,
    limit,
    stop,
    trade,
)


def test_the_best_source_gives_the_quotes() -> None:
    exchange = an_exchange(ExchangeSettings(spread_bps=D(100)), last=None)
    assert exchange.quote(SYMBOL).ask is None
    exchange.on_trade(SYMBOL, D(100), D(1), 2)
    quote = exchange.quote(SYMBOL)
    assert (quote.bid, quote.ask, quote.last) == (D("99.50"), D("100.50"), 100)
    exchange.on_quote(SYMBOL, D("99.9"), D(1), D("100.2"), D(1), 3)
    assert (exchange.quote(SYMBOL).bid, exchange.quote(SYMBOL).ask) == (D("99.9"), D("100.2"))
    exchange.on_depth(SYMBOL, [(D("99.8"), D(1))], [(D("100.3"), D(1))], 4, snapshot=True)
    assert (exchange.quote(SYMBOL).bid, exchange.quote(SYMBOL).ask) == (D("99.8"), D("100.3"))


def test_averages_are_weighted_by_volume_over_whole_minutes() -> None:
    window = AverageWindow()
    assert window.average(5, 0) is None
    window.add(D(100), D(1), 0)
    window.add(D(200), D(3), MINUTE - 1)
    window.add(D(400), D(4), 5 * MINUTE)
    assert window.average(5, 5 * MINUTE) == 400
    assert window.average(6, 5 * MINUTE) == Decimal("287.5")


def test_a_window_is_bounded() -> None:
    window = AverageWindow()
    for minute in range(1000):
        window.add(D(1), D(1), minute * MINUTE)
    assert len(window.buckets) == 60


@pytest.mark.parametrize(("side", "limits"), [(Side.BUY, (50, 110)), (Side.SELL, (90, 150))])
def test_a_range_is_by_side(side: Side, limits: tuple[int, int]) -> None:
    rule = PriceRange(D("1.1"), D("0.5"), D("1.5"), D("0.9"))
    assert rule.limits(side, D(100)) == limits


def test_an_empty_market_has_nothing_to_take() -> None:
    market = SymbolMarket(BTCUSDT, ExchangeSettings())
    assert list(market.levels(BUY, None)) == []
    assert market.trigger_price(SELL) is None


def test_bounds_are_the_nearest_prices_that_matter() -> None:
    exchange = an_exchange()
    assert exchange.bounds(SYMBOL) == (None, None)
    exchange.execute("a", limit(BUY, "1", "90", "bid"), 5)
    assert exchange.bounds(SYMBOL) == (90, None)
    exchange.execute("a", an_oco(stop_price="92", target="110"), 5)
    assert exchange.bounds(SYMBOL) == (92, 110)
    exchange.execute("a", stop(BUY, "1", "105", "rises"), 5)
    assert exchange.bounds(SYMBOL) == (92, 105)
    trade(exchange, "106")
    exchange.set_market(SYMBOL, last=D(100))
    assert exchange.bounds(SYMBOL) == (92, 110)
    trade(exchange, "91")
    assert exchange.bounds(SYMBOL) == (90, None)


def test_a_trailing_stop_is_bounded_by_its_trigger_and_its_best() -> None:
    exchange = an_exchange()
    request = an_order(SELL, OrderType.STOP_LOSS, "x", quantity="1", trailing_delta=1000)
    exchange.execute("a", request, 5)
    assert exchange.bounds(SYMBOL) == (90, 100)
    trade(exchange, "110")
    assert exchange.bounds(SYMBOL) == (99, 110)
    waiting = an_order(SELL, OrderType.STOP_LOSS, "y", quantity="1", trailing_delta=1000, stop_price="105")
    exchange.execute("b", waiting, 6)
    assert exchange.bounds(SYMBOL) == (105, 110)


def test_a_trailing_stop_without_a_price_to_begin_with_skips_nothing() -> None:
    exchange = an_exchange(last=None)
    exchange.execute("a", an_order(SELL, OrderType.STOP_LOSS, "x", quantity="1", trailing_delta=1000), 5)
    low, high = exchange.bounds(SYMBOL)
    assert low is not None
    assert high is not None
    assert low > high
    trade(exchange, "100")
    assert exchange.bounds(SYMBOL) == (90, 100)
