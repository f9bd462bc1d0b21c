"""The book that everybody sees."""

from __future__ import annotations

from fillwright.exchange.exchange import Exchange
from fillwright.exchange.settings import ExchangeSettings
from tests.exchange.builders import BUY, SELL, SYMBOL, D, an_exchange, limit, market


def book(exchange: Exchange) -> tuple[list[str], list[str]]:
    bids, asks = exchange.displayed(SYMBOL)
    assert exchange.best_displayed(SYMBOL) == (bids[0] if bids else None, asks[0] if asks else None)
    return [f"{q.normalize():f}@{p:f}" for p, q in bids], [f"{q.normalize():f}@{p:f}" for p, q in asks]


def with_depth() -> Exchange:
    exchange = an_exchange()
    levels = [(D("99"), D(1)), (D("98"), D(2))], [(D("101"), D(1)), (D("102"), D(2))]
    exchange.on_depth(SYMBOL, *levels, 2, snapshot=True)
    return exchange


def test_levels_of_the_feed_and_our_orders_are_one_book() -> None:
    exchange = with_depth()
    assert book(exchange) == (["1@99", "2@98"], ["1@101", "2@102"])
    exchange.execute("a", limit(BUY, "1", "98"), 3)
    exchange.execute("b", limit(SELL, "0.25", "101", "joins"), 3)
    exchange.execute("b", limit(BUY, "0.5", "97", "low"), 3)
    exchange.execute("b", limit(SELL, "0.5", "101.5", "high"), 3)
    assert book(exchange) == (["1@99", "3@98", "0.5@97"], ["1.25@101", "0.5@101.5", "2@102"])


def test_what_was_taken_is_gone_until_the_feed_names_it_again() -> None:
    exchange = with_depth()
    exchange.execute("a", market(BUY, "1.5"), 3)
    assert book(exchange)[1] == ["1.5@102"]
    exchange.on_depth(SYMBOL, [], [(D("101"), D(3))], 4, snapshot=False)
    assert book(exchange)[1] == ["3@101", "1.5@102"]


def test_outside_levels_across_an_order_of_ours_are_not_shown() -> None:
    exchange = with_depth()
    exchange.execute("a", limit(BUY, "1", "100"), 3)
    exchange.on_depth(SYMBOL, [], [(D("99.5"), D(3)), (D("100"), D(1))], 4, snapshot=False)
    assert book(exchange) == (["1@100", "1@99", "2@98"], ["1@101", "2@102"])


def test_an_iceberg_shows_its_tip() -> None:
    exchange = with_depth()
    exchange.execute("a", limit(BUY, "1", "100", iceberg_quantity="0.4"), 3)
    assert book(exchange)[0][0] == "0.4@100"
    exchange.execute("b", market(SELL, "0.3"), 4)
    assert book(exchange)[0][0] == "0.1@100"
    exchange.execute("b", market(SELL, "0.6"), 5)
    assert book(exchange)[0][0] == "0.1@100"


def test_quotes_and_a_bare_price_show_one_level_a_side() -> None:
    exchange = an_exchange(ExchangeSettings(spread_bps=D(2), queue_ahead_quote=None), last=None)
    assert book(exchange) == ([], [])
    exchange.on_trade(SYMBOL, D(100), D(1), 1)
    assert book(exchange) == (["500.05@99.99"], ["499.95@100.01"])
    exchange.on_quote(SYMBOL, D("99"), D(4), D("101"), D(0), 2)
    assert book(exchange) == (["4@99"], [])


def test_versions_tell_of_every_change() -> None:
    exchange = with_depth()
    seen = [exchange.book_version(SYMBOL)]
    exchange.execute("a", limit(BUY, "1", "98", "one"), 3)
    seen.append(exchange.book_version(SYMBOL))
    exchange.execute("b", market(SELL, "0.5"), 4)
    seen.append(exchange.book_version(SYMBOL))
    exchange.on_depth(SYMBOL, [(D("99"), D(1))], [], 5, snapshot=False)
    seen.append(exchange.book_version(SYMBOL))
    assert len(set(seen)) == len(seen)
    assert exchange.book_version(SYMBOL) == seen[-1]


def test_a_side_is_best_first_whatever_came_when() -> None:
    exchange = with_depth()
    for price in ("95", "96", "94"):
        exchange.execute("a", limit(BUY, "1", price, f"at{price}"), 3)
    assert [level.split("@")[1] for level in book(exchange)[0]] == ["99", "98", "96", "95", "94"]
