"""Trades that everybody sees: numbered, once each, in order."""

from __future__ import annotations

import msgspec

from fillwright.core.types import plain
from fillwright.exchange.exchange import Exchange
from tests.exchange.builders import BUY, EXACT, SELL, SYMBOL, D, an_exchange, limit, market, stop

PUBLIC = msgspec.structs.replace(EXACT, public_trades=True)


def printed(exchange: Exchange) -> list[str]:
    return [
        f"{one.trade_id} {'sell' if one.buyer_is_maker else 'buy'} {plain(one.quantity)}@{plain(one.price)}"
        for one in exchange.drain_trades()
    ]


def test_nobody_is_told_who_did_not_ask() -> None:
    exchange = an_exchange()
    exchange.on_trade(SYMBOL, D(101), D(1), 2)
    assert exchange.drain_trades() == []


def test_outside_trades_are_numbered() -> None:
    exchange = an_exchange(PUBLIC)
    exchange.on_trade(SYMBOL, D(101), D(2), 2, False)
    exchange.on_trade(SYMBOL, D(102), D(3), 3)
    exchange.on_trade(SYMBOL, D(101), D(4), 4)
    assert printed(exchange) == ["1 buy 1@100", "2 buy 2@101", "3 buy 3@102", "4 sell 4@101"]
    assert printed(exchange) == []


def test_an_outside_trade_that_fills_us_is_those_fills_and_the_rest_before_what_it_sets_off() -> None:
    exchange = an_exchange(PUBLIC)
    exchange.execute("a", limit(BUY, "1", "95"), 2)
    exchange.execute("b", market(BUY, "1"), 2)
    printed(exchange)
    exchange.execute("b", stop(SELL, "0.5", "95"), 3)
    exchange.on_trade(SYMBOL, D(94), D(3), 4, True)
    assert printed(exchange) == ["3 sell 1@95", "4 sell 2@94", "5 sell 0.5@94"]


def test_accounts_among_themselves_trade_once_with_the_takers_side() -> None:
    exchange = an_exchange(PUBLIC)
    exchange.on_quote(SYMBOL, D(99), D(1), D(101), D(1), 2)
    exchange.execute("a", limit(SELL, "1", "99.5"), 2)
    printed(exchange)
    exchange.execute("b", limit(BUY, "0.4", "99.5"), 3)
    assert printed(exchange) == ["2 buy 0.4@99.5"]
    fills = exchange.trades("a", SYMBOL), exchange.trades("b", SYMBOL)
    assert [fill.trade_id for side in fills for fill in side] == [2, 2]


def test_numbers_begin_where_they_are_told_to_and_never_go_back() -> None:
    exchange = an_exchange(PUBLIC)
    exchange.skip_trade_ids(SYMBOL, 1000)
    exchange.on_trade(SYMBOL, D(101), D(2), 2, False)
    exchange.skip_trade_ids(SYMBOL, 5)
    exchange.on_trade(SYMBOL, D(101), D(2), 2, False)
    assert [line.split()[0] for line in printed(exchange)] == ["1", "1001", "1002"]
