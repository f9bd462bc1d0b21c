"""Resting orders against the outside market: trades through them, queues, quotes and depth that reach them."""

from __future__ import annotations

import msgspec
import pytest

from fillwright.core.types import Side, SymbolStatus
from fillwright.exchange.settings import ExchangeSettings
from tests.exchange.builders import (
    BUY,
    EXACT,
    SELL,
    SYMBOL,
    D,
    an_exchange,
    holds,
    limit,
    market,
    told,
    trade,
)


def test_a_trade_through_fills_at_our_price_up_to_its_volume() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "95"), 5)
    told(exchange)
    assert trade(exchange, "94.99", "0.4") == ["x TRADE PARTIALLY_FILLED 0.4@95", "a balances"]
    assert trade(exchange, "80", "7") == ["x TRADE FILLED 0.6@95", "a balances"]


def test_a_touch_serves_the_queue_first() -> None:
    exchange = an_exchange(ExchangeSettings(queue_ahead_quote=D(190)))
    exchange.execute("a", limit(BUY, "1", "95"), 5)  # 2 stand before us
    told(exchange)
    assert trade(exchange, "95", "1.5") == []
    assert trade(exchange, "95", "0.75") == ["x TRADE PARTIALLY_FILLED 0.25@95", "a balances"]
    assert trade(exchange, "95", "0.75") == ["x TRADE FILLED 0.75@95", "a balances"]


def test_without_an_assumption_a_touch_never_fills() -> None:
    exchange = an_exchange(ExchangeSettings(queue_ahead_quote=None))
    exchange.execute("a", limit(BUY, "1", "95"), 5)
    told(exchange)
    assert trade(exchange, "95", "1000000") == []
    assert trade(exchange, "94.99", "1")[0] == "x TRADE FILLED 1@95"


def test_two_orders_at_one_price_never_get_more_than_was_traded() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "95", "first"), 5)
    exchange.execute("b", limit(BUY, "1", "95", "second"), 5)
    told(exchange)
    assert trade(exchange, "95", "1.5")[:2] == [
        "first TRADE FILLED 1@95",
        "second TRADE PARTIALLY_FILLED 0.5@95",
    ]


@pytest.mark.parametrize(("buyer_is_maker", "fills"), [(True, True), (False, False), (None, True)])
def test_an_aggressor_hits_one_side_only(buyer_is_maker: bool | None, fills: bool) -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "2", "95"), 5)
    told(exchange)
    assert bool(trade(exchange, "95", buyer_is_maker=buyer_is_maker)) is fills
    assert trade(exchange, "94", buyer_is_maker=buyer_is_maker) != []  # through is through


def test_the_displayed_level_is_the_queue() -> None:
    exchange = an_exchange()
    exchange.on_depth(SYMBOL, [(D(95), D(3))], [(D(101), D(1))], 2, snapshot=True)
    exchange.execute("a", limit(BUY, "1", "95"), 5)
    exchange.execute("a", limit(BUY, "1", "94.5", "inside"), 5)
    told(exchange)
    assert trade(exchange, "95", "2") == []
    exchange.on_depth(
        SYMBOL, [(D(95), D("0.5"))], [], 6, snapshot=False
    )  # half of the last one before us left
    assert trade(exchange, "95", "1") == ["x TRADE PARTIALLY_FILLED 0.5@95", "a balances"]
    assert trade(exchange, "94.5", "0.6")[1:] == ["inside TRADE PARTIALLY_FILLED 0.1@94.5", "a balances"]


def test_a_price_beyond_the_known_levels_is_not_an_empty_level() -> None:
    exchange = an_exchange(ExchangeSettings(queue_ahead_quote=D(180)))
    exchange.on_depth(SYMBOL, [(D(99), D(3))], [(D(101), D(1))], 2, snapshot=True)
    exchange.execute("a", limit(BUY, "1", "90"), 5)  # 2 assumed before us
    exchange.on_depth(SYMBOL, [(D(98), D(3))], [], 6, snapshot=False)
    told(exchange)
    assert trade(exchange, "90", "1.5") == []
    assert trade(exchange, "90", "1")[0] == "x TRADE PARTIALLY_FILLED 0.5@90"


def test_the_best_quote_is_the_queue_of_those_who_join_it() -> None:
    exchange = an_exchange(msgspec.structs.replace(EXACT, queue_ahead_quote=None))
    exchange.on_quote(SYMBOL, D(99), D(2), D(101), D(1), 2)
    exchange.execute("a", limit(BUY, "1", "99", "joins"), 5)
    exchange.execute("a", limit(BUY, "1", "100", "leads"), 5)
    exchange.execute("a", limit(BUY, "1", "98", "behind"), 5)
    told(exchange)
    assert trade(exchange, "100", "0.5") == ["leads TRADE PARTIALLY_FILLED 0.5@100", "a balances"]
    assert trade(exchange, "99", "3.5")[:2] == ["leads TRADE FILLED 0.5@100", "joins TRADE FILLED 1@99"]
    assert trade(exchange, "98", "1000") == []


@pytest.mark.parametrize(
    ("side", "price", "bid", "ask"), [(BUY, "98", "97", "98"), (SELL, "102", "102", "103")]
)
def test_quotes_that_reach_an_order_fill_it_where_there_are_no_trades(
    side: Side, price: str, bid: str, ask: str
) -> None:
    exchange = an_exchange(last=None)
    exchange.on_quote(SYMBOL, D(99), D(1), D(101), D(1), 2)
    exchange.execute("a", limit(side, "1", price), 5)
    told(exchange)
    exchange.on_quote(SYMBOL, D("98.5"), D(1), D("101.5"), D(1), 6)
    assert told(exchange) == []
    exchange.on_quote(SYMBOL, D(bid), D("0.3"), D(ask), D("0.3"), 7)
    assert told(exchange) == [f"x TRADE PARTIALLY_FILLED 0.3@{price}", "a balances"]


def test_a_quote_is_shared_by_those_it_reaches() -> None:
    exchange = an_exchange(ExchangeSettings(slippage_bps=D(100)), last=None)
    exchange.on_quote(SYMBOL, D(99), D(1), D(101), D(1), 2)
    exchange.execute("a", limit(BUY, "1", "98", "first"), 5)
    exchange.execute("b", limit(BUY, "1", "97", "second"), 5)
    told(exchange)
    exchange.on_quote(SYMBOL, D(90), D(1), D(96), D("1.25"), 7)
    assert told(exchange)[:2] == ["first TRADE FILLED 1@98", "second TRADE PARTIALLY_FILLED 0.25@97"]
    exchange.execute("a", market(BUY, "1", "m"), 8)  # nothing of the quote is left
    assert told(exchange)[1] == "m TRADE FILLED 1@96.96"


def test_depth_that_crosses_an_order_fills_it_level_by_level() -> None:
    exchange = an_exchange(last=None)
    exchange.on_depth(SYMBOL, [(D(99), D(1))], [(D(101), D(1))], 2, snapshot=True)
    exchange.execute("a", limit(SELL, "1", "100"), 5)
    told(exchange)
    bids = [(D(102), D("0.2")), (D(100), D("0.3")), (D(99), D(9))]
    exchange.on_depth(SYMBOL, bids, [(D(103), D(1))], 6, snapshot=True)
    assert told(exchange) == [
        "x TRADE PARTIALLY_FILLED 0.2@100",
        "x TRADE PARTIALLY_FILLED 0.3@100",
        "a balances",
    ]
    assert exchange.quote(SYMBOL).bid == 99  # what it took is gone


def test_depth_outranks_quotes() -> None:
    exchange = an_exchange(last=None)
    exchange.on_depth(SYMBOL, [(D(99), D(1))], [(D(101), D(1))], 2, snapshot=True)
    exchange.execute("a", limit(BUY, "1", "98"), 5)
    told(exchange)
    exchange.on_quote(SYMBOL, D(95), D(9), D(96), D(9), 6)
    assert told(exchange) == []
    exchange.on_depth(SYMBOL, [], [(D(97), D(1))], 7, snapshot=False)
    assert told(exchange)[0] == "x TRADE FILLED 1@98"


def test_nothing_matches_while_a_symbol_does_not_trade() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "95"), 5)
    exchange.set_status(SYMBOL, SymbolStatus.HALT, 6)
    told(exchange)
    assert trade(exchange, "90", "5") == []
    exchange.set_status(SYMBOL, SymbolStatus.TRADING, 8)
    assert trade(exchange, "90", "5")[0] == "x TRADE FILLED 1@95"
    assert holds(exchange, "a", "USDT") == ("9905", "0")
