"""Self-trade prevention, mode by mode, and what it does to lists and locks."""

from __future__ import annotations

import pytest

from fillwright.core.types import OrderType, SelfTradePrevention
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.messages import ExecutionReport, OrderResponse
from tests.exchange.builders import (
    BUY,
    SELL,
    SYMBOL,
    D,
    an_exchange,
    an_oco,
    an_order,
    holds,
    limit,
    market,
    told,
)

STP = SelfTradePrevention


def a_book(
    maker_quantity: str = "1", mode: STP = STP.NONE, owner: str = "a", trade_group: int = -1
) -> Exchange:
    exchange = an_exchange(trade_group=trade_group)
    exchange.on_depth(SYMBOL, [(D(90), D(9))], [(D(110), D(9))], 2, snapshot=True)
    exchange.execute(owner, limit(SELL, maker_quantity, "105", "maker", stp=mode), 3)
    told(exchange)
    return exchange


def test_none_trades_with_oneself() -> None:
    exchange = a_book()
    exchange.execute("a", limit(BUY, "1", "105", "taker", stp=STP.NONE), 4)
    assert told(exchange)[1:3] == ["taker TRADE FILLED 1@105", "maker TRADE FILLED 1@105"]
    assert holds(exchange, "a", "BTC") == ("10", "0")
    assert exchange.audit() == ()


def test_expire_taker_leaves_the_maker() -> None:
    exchange = a_book()
    exchange.execute("a", limit(BUY, "2", "110", "taker", stp=STP.EXPIRE_TAKER), 4)
    assert told(exchange) == ["taker NEW NEW", "taker TRADE_PREVENTION EXPIRED_IN_MATCH", "a balances"]
    assert holds(exchange, "a", "USDT") == ("10000", "0")
    assert [order.client_order_id for order in exchange.open_orders("a")] == ["maker"]


def test_expire_maker_lets_the_taker_go_on() -> None:
    exchange = a_book()
    exchange.execute("a", limit(BUY, "2", "110", "taker", stp=STP.EXPIRE_MAKER), 4)
    assert told(exchange) == [
        "taker NEW NEW",
        "maker TRADE_PREVENTION EXPIRED_IN_MATCH",
        "taker TRADE FILLED 2@110",
        "a balances",
    ]
    (match,) = exchange.prevented_matches("a", SYMBOL)
    assert (match.price, match.taker_prevented_quantity, match.maker_prevented_quantity) == (105, 0, 1)


def test_expire_both() -> None:
    exchange = a_book()
    exchange.execute("a", limit(BUY, "2", "110", "taker", stp=STP.EXPIRE_BOTH), 4)
    assert told(exchange)[1:3] == [
        "taker TRADE_PREVENTION EXPIRED_IN_MATCH",
        "maker TRADE_PREVENTION EXPIRED_IN_MATCH",
    ]
    assert exchange.open_orders("a") == ()


@pytest.mark.parametrize(
    ("maker_quantity", "maker_left", "taker_filled"), [("1", None, "1"), ("2", None, "0"), ("3", "1", "0")]
)
def test_decrement_takes_the_smaller_from_both(
    maker_quantity: str, maker_left: str | None, taker_filled: str
) -> None:
    exchange = a_book(maker_quantity)
    exchange.execute("a", limit(BUY, "2", "110", "taker", stp=STP.DECREMENT), 4)
    prevented = [
        event
        for event in exchange.drain()
        if isinstance(event, ExecutionReport) and event.execution_type == "TRADE_PREVENTION"
    ]
    assert {report.last_prevented_quantity for report in prevented} == {min(D(2), D(maker_quantity))}
    taker = exchange.order("a", SYMBOL, client_order_id="taker")
    assert taker.executed_quantity == D(taker_filled)
    assert taker.status == "EXPIRED_IN_MATCH"
    left = [order.quantity - order.prevented_quantity for order in exchange.open_orders("a")]
    assert left == ([] if maker_left is None else [D(maker_left)])
    assert exchange.audit() == ()


def test_a_report_tells_of_the_other_order() -> None:
    exchange = a_book()
    exchange.execute("a", limit(BUY, "2", "110", "taker", stp=STP.EXPIRE_TAKER), 4)
    report = exchange.drain()[1]
    assert isinstance(report, ExecutionReport)
    assert (report.prevented_match_id, report.counter_order_id, report.counter_symbol) == (1, 1, SYMBOL)
    assert (report.prevented_quantity, report.last_prevented_price, report.last_prevented_quote) == (
        2,
        105,
        210,
    )
    assert (report.last_quantity, report.last_price) == (0, 0)


@pytest.mark.parametrize(("group", "meets"), [(-1, False), (4, True)])
def test_a_trade_group_is_one_self(group: int, meets: bool) -> None:
    exchange = a_book(owner="b", trade_group=group)
    exchange.execute("a", limit(BUY, "1", "105", "taker", stp=STP.EXPIRE_TAKER), 4)
    assert ("taker TRADE_PREVENTION EXPIRED_IN_MATCH" in told(exchange)) is meets


def test_a_transfer_moves_balances_without_commission() -> None:
    exchange = a_book(mode=STP.TRANSFER, owner="b", trade_group=4)
    exchange.execute("a", limit(BUY, "1", "110", "taker", stp=STP.TRANSFER), 4)
    assert told(exchange)[1:3] == [
        "taker TRADE_PREVENTION EXPIRED_IN_MATCH",
        "maker TRADE_PREVENTION EXPIRED_IN_MATCH",
    ]
    assert holds(exchange, "a", "BTC") == ("11", "0")
    assert holds(exchange, "a", "USDT") == ("9895", "0")
    assert holds(exchange, "b", "BTC") == ("9", "0")
    assert holds(exchange, "b", "USDT") == ("10105", "0")
    assert exchange.audit() == ()


@pytest.mark.parametrize(("owner", "mode"), [("a", STP.TRANSFER), ("b", STP.NONE)])
def test_a_transfer_needs_two_accounts_that_want_it(owner: str, mode: STP) -> None:
    exchange = a_book(mode=mode, owner=owner, trade_group=4)
    exchange.execute("a", limit(BUY, "1", "110", "taker", stp=STP.TRANSFER), 4)
    (match,) = exchange.prevented_matches("a", SYMBOL)
    assert match.stp is STP.DECREMENT
    assert holds(exchange, "a", "USDT") == ("10000", "0")


def test_an_exit_lost_in_a_match_takes_its_pair_along() -> None:
    exchange = an_exchange()
    exchange.on_depth(SYMBOL, [(D(90), D(9))], [(D(120), D(9))], 2, snapshot=True)
    exchange.execute("a", an_oco(stop_price="80"), 3)
    told(exchange)
    exchange.execute("a", market(BUY, "1", "taker"), 4)  # the symbol's default: EXPIRE_MAKER
    assert told(exchange) == [
        "taker NEW NEW",
        "oco-limit TRADE_PREVENTION EXPIRED_IN_MATCH",
        "oco-stop EXPIRED EXPIRED OCO_TRIGGER",
        "taker TRADE FILLED 1@120",
        "oco ALL_DONE ALL_DONE",
        "a balances",
    ]
    assert holds(exchange, "a", "BTC") == ("11", "0")


def test_a_pair_decremented_in_part_keeps_the_leg_that_was_touched() -> None:
    exchange = an_exchange()
    exchange.on_depth(SYMBOL, [(D(90), D(9))], [(D(120), D(9))], 2, snapshot=True)
    exchange.execute("a", an_oco("3", stop_price="80"), 3)
    taker = an_order(BUY, OrderType.MARKET, "taker", quantity="1", stp=STP.DECREMENT)
    exchange.execute("a", taker, 4)
    assert [order.client_order_id for order in exchange.open_orders("a")] == ["oco-limit"]
    assert holds(exchange, "a", "BTC") == ("8", "2")
    assert exchange.audit() == ()


def test_the_answer_tells_what_was_prevented() -> None:
    exchange = a_book()
    response = exchange.execute("a", limit(BUY, "2", "105", "taker", stp=STP.EXPIRE_MAKER), 4)
    assert isinstance(response, OrderResponse)
    (match,) = response.prevented_matches
    assert (match.maker_order_id, match.price, match.maker_prevented_quantity) == (1, 105, 1)
    assert response.order.prevented_match_id is None
    maker = exchange.order("a", SYMBOL, order_id=1)
    assert (maker.prevented_match_id, maker.prevented_quantity) == (match.prevented_match_id, 1)
    again = exchange.execute("a", limit(BUY, "1", "90", "rests"), 5)
    assert isinstance(again, OrderResponse)
    assert again.prevented_matches == ()
