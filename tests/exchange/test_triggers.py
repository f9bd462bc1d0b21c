"""Stops and trailing stops: what sets them off, at what price, and what their activation does to a pair."""

from __future__ import annotations

import pytest

from fillwright.core.types import ListKind, OrderType, Side
from tests.exchange.builders import (
    BUY,
    SELL,
    SYMBOL,
    D,
    a_list,
    an_exchange,
    an_oco,
    an_order,
    holds,
    limit,
    market,
    stop,
    told,
    trade,
)


def test_a_stop_is_set_off_by_the_last_trade() -> None:
    exchange = an_exchange()
    exchange.execute("a", stop(SELL, "1", "90"), 5)
    told(exchange)
    assert trade(exchange, "90.01") == []
    assert trade(exchange, "90") == ["x NEW NEW", "x TRADE FILLED 1@90", "a balances"]


def test_quotes_set_nothing_off_where_there_are_trades() -> None:
    exchange = an_exchange()
    exchange.execute("a", stop(SELL, "1", "90"), 5)
    told(exchange)
    exchange.on_quote(SYMBOL, D(80), D(1), D(81), D(1), 6)
    assert told(exchange) == []
    assert trade(exchange, "90")[1] == "x TRADE FILLED 1@80"  # but a market order takes the quotes


@pytest.mark.parametrize(
    ("side", "kind", "stop_price", "bid", "ask", "fires"),
    [
        (SELL, OrderType.STOP_LOSS, "90", "90", "91", True),
        (SELL, OrderType.STOP_LOSS, "90", "90.5", "91", False),
        (BUY, OrderType.STOP_LOSS, "110", "109", "110", True),
        (BUY, OrderType.STOP_LOSS, "110", "109", "109.9", False),
        (SELL, OrderType.TAKE_PROFIT, "110", "110", "111", True),
        (SELL, OrderType.TAKE_PROFIT, "110", "109", "110", False),
        (BUY, OrderType.TAKE_PROFIT, "90", "89", "90", True),
        (BUY, OrderType.TAKE_PROFIT, "90", "90", "91", False),
    ],
)
def test_without_trades_the_quotes_of_ones_own_exit_count(
    side: Side, kind: OrderType, stop_price: str, bid: str, ask: str, fires: bool
) -> None:
    exchange = an_exchange(last=None)
    exchange.on_quote(SYMBOL, D(99), D(9), D(101), D(9), 2)
    exchange.execute("a", an_order(side, kind, "x", quantity="1", stop_price=stop_price), 5)
    told(exchange)
    exchange.on_quote(SYMBOL, D(bid), D(9), D(ask), D(9), 6)
    assert bool(told(exchange)) is fires


def test_a_stop_limit_becomes_a_limit() -> None:
    exchange = an_exchange()
    exchange.on_depth(SYMBOL, [(D(89), D("0.4")), (D(85), D(5))], [], 2, snapshot=True)
    request = an_order(SELL, OrderType.STOP_LOSS_LIMIT, "x", quantity="1", price="88", stop_price="90")
    exchange.execute("a", request, 5)
    told(exchange)
    assert trade(exchange, "89.5") == ["x NEW NEW", "x TRADE PARTIALLY_FILLED 0.4@89", "a balances"]
    assert trade(exchange, "88.1", "9")[0] == "x TRADE FILLED 0.6@88"


def test_the_stop_of_a_pair_ends_the_limit_when_it_is_set_off() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_oco(), 5)
    told(exchange)
    assert trade(exchange, "89") == [
        "oco-limit EXPIRED EXPIRED OCO_TRIGGER",
        "oco-stop NEW NEW",
        "oco-stop TRADE FILLED 1@89",
        "oco ALL_DONE ALL_DONE",
        "a balances",
    ]
    assert holds(exchange, "a", "BTC") == ("9", "0")


def test_the_limit_of_a_pair_ends_the_stop_with_its_first_fill() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_oco(), 5)
    told(exchange)
    assert trade(exchange, "111", "0.25") == [
        "oco-limit TRADE PARTIALLY_FILLED 0.25@110",
        "oco-stop EXPIRED EXPIRED OCO_TRIGGER",
        "a balances",
    ]
    assert holds(exchange, "a", "BTC") == ("9", "0.75")
    assert trade(exchange, "111", "1") == [
        "oco-limit TRADE FILLED 0.75@110",
        "oco ALL_DONE ALL_DONE",
        "a balances",
    ]


def test_a_market_buy_set_off_without_the_money_expires() -> None:
    exchange = an_exchange(USDT="115", BTC="0")
    exchange.execute("a", stop(BUY, "1", "110"), 5)
    told(exchange)
    assert trade(exchange, "120") == ["x EXPIRED EXPIRED REJECTED", "a balances"]
    assert holds(exchange, "a", "USDT") == ("115", "0")


def test_our_own_trades_set_off_stops_of_others() -> None:
    exchange = an_exchange()
    exchange.on_depth(SYMBOL, [(D(99), D(1)), (D(90), D(9))], [], 2, snapshot=True)
    exchange.execute("b", stop(SELL, "1", "95", "waits"), 5)
    told(exchange)
    exchange.execute("a", market(SELL, "2"), 6)
    assert told(exchange) == [
        "x NEW NEW",
        "x TRADE PARTIALLY_FILLED 1@99",
        "x TRADE FILLED 1@90",
        "waits NEW NEW",
        "waits TRADE FILLED 1@90",
        "a balances",
        "b balances",
    ]


def test_stops_go_off_nearest_first() -> None:
    exchange = an_exchange()
    for name, price in (("far", "85"), ("near", "95"), ("near-too", "95")):
        exchange.execute("a", stop(SELL, "1", price, name), 5)
    told(exchange)
    assert [line for line in trade(exchange, "80") if "TRADE" in line] == [
        "near TRADE FILLED 1@80",
        "near-too TRADE FILLED 1@80",
        "far TRADE FILLED 1@80",
    ]


# -- trailing: the scenarios of Binance's FAQ, prices divided by a hundred -------------------------------------


def trailing(
    kind: OrderType, side: Side, delta: int, price: str, stop_price: str | None = None
) -> tuple[object, str]:
    fields = {} if stop_price is None else {"stop_price": stop_price}
    return an_order(side, kind, "x", quantity="1", price=price, trailing_delta=delta, **fields), "x"


@pytest.mark.parametrize(
    ("kind", "side", "delta", "stop_price", "quiet", "fires_at"),
    [
        (OrderType.STOP_LOSS_LIMIT, BUY, 500, "440", ["370", "440", "450", "460", "420"], "441"),
        (OrderType.STOP_LOSS_LIMIT, SELL, 1000, "390", ["415", "390", "370", "410"], "369"),
        (OrderType.TAKE_PROFIT_LIMIT, BUY, 850, "380", ["420", "380", "370", "390", "380"], "401.45"),
        (OrderType.TAKE_PROFIT_LIMIT, SELL, 750, "420", ["415", "390", "420", "450", "440", "465"], "430.12"),
        (OrderType.STOP_LOSS_LIMIT, SELL, 700, None, ["420", "395", "455"], "423.15"),
    ],
)
def test_trailing_stops_of_the_faq(
    kind: OrderType, side: Side, delta: int, stop_price: str | None, quiet: list[str], fires_at: str
) -> None:
    exchange = an_exchange(last="400")
    limit_price = "400" if side is Side.BUY else "380"
    request, _ = trailing(kind, side, delta, limit_price, stop_price)
    exchange.execute("a", request, 5)  # type: ignore[arg-type]
    told(exchange)
    for price in quiet:
        assert trade(exchange, price, "0.00001") == []
    assert trade(exchange, fires_at, "0.00001")[0] == "x NEW NEW"


def test_a_trailing_order_tells_when_it_began() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_order(SELL, OrderType.STOP_LOSS, "x", quantity="1", trailing_delta=500), 5)
    assert exchange.order("a", SYMBOL, client_order_id="x").trailing_time == 5
    exchange.execute(
        "a", an_order(SELL, OrderType.STOP_LOSS, "y", quantity="1", trailing_delta=500, stop_price="90"), 6
    )
    assert exchange.order("a", SYMBOL, client_order_id="y").trailing_time == -1
    trade(exchange, "90", now=7)
    assert exchange.order("a", SYMBOL, client_order_id="y").trailing_time == 7


def test_a_trailing_leg_begins_with_its_release() -> None:
    exchange = an_exchange(USDT="1000")
    leg = an_order(SELL, OrderType.STOP_LOSS, "s", trailing_delta=1000)
    exchange.execute("a", a_list(ListKind.OPO, limit(BUY, "1", "95", "e"), leg), 5)
    trade(exchange, "94", "1")
    assert trade(exchange, "120") == []
    assert trade(exchange, "108.01") == []
    assert trade(exchange, "108")[0] == "s NEW NEW"
