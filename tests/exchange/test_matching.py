"""Matching among accounts and with the outside: price, then time; ranges; who stands before whom at one price."""

from __future__ import annotations

from fillwright.core.types import TimeInForce
from fillwright.exchange.market import PriceRange
from fillwright.exchange.messages import OrderResponse
from tests.exchange.builders import (
    BUY,
    FEES,
    SELL,
    SYMBOL,
    D,
    an_exchange,
    holds,
    limit,
    market,
    reports,
    told,
)


def test_accounts_trade_with_each_other_by_price_then_time() -> None:
    exchange = an_exchange(accounts=("a", "b", "c"))
    exchange.on_depth(SYMBOL, [(D(90), D(9))], [(D(110), D(9))], 2, snapshot=True)
    exchange.execute("b", limit(SELL, "1", "105", "late-and-dear"), 3)
    exchange.execute("c", limit(SELL, "1", "104", "second"), 4)
    exchange.execute("b", limit(SELL, "1", "104", "third"), 5)
    exchange.execute("b", limit(SELL, "1", "103", "best"), 6)
    told(exchange)
    exchange.execute("a", market(BUY, "3.5"), 7)
    assert [line for line in told(exchange) if "TRADE" in line] == [
        "x TRADE PARTIALLY_FILLED 1@103",
        "best TRADE FILLED 1@103",
        "x TRADE PARTIALLY_FILLED 1@104",
        "second TRADE FILLED 1@104",
        "x TRADE PARTIALLY_FILLED 1@104",
        "third TRADE FILLED 1@104",
        "x TRADE FILLED 0.5@105",
        "late-and-dear TRADE PARTIALLY_FILLED 0.5@105",
    ]
    assert exchange.audit() == ()


def test_both_sides_of_a_trade_share_its_number_and_pay_their_own_fee() -> None:
    exchange = an_exchange(last=None, fees=FEES)
    exchange.execute("b", limit(SELL, "1", "100", "rests"), 3)
    exchange.drain()
    exchange.execute("a", limit(BUY, "1", "101", "takes"), 4)
    sides = [report for report in reports(exchange) if report.trade_id >= 0]
    assert [(side.trade_id, side.is_maker, side.commission, side.commission_asset) for side in sides] == [
        (1, False, D("0.001"), "BTC"),
        (1, True, D("0.1"), "USDT"),
    ]
    assert holds(exchange, "a", "USDT") == ("9900", "0")
    assert exchange.house() == {"BTC": D("0.001"), "USDT": D("0.1")}


def test_the_outside_and_our_orders_are_one_book() -> None:
    exchange = an_exchange()
    exchange.on_depth(SYMBOL, [], [(D(101), D(1)), (D(103), D(1))], 2, snapshot=True)
    exchange.execute("b", limit(SELL, "1", "102", "between"), 3)
    told(exchange)
    exchange.execute("a", market(BUY, "2.5"), 4)
    assert [line for line in told(exchange) if line.startswith("x TRADE")] == [
        "x TRADE PARTIALLY_FILLED 1@101",
        "x TRADE PARTIALLY_FILLED 1@102",
        "x TRADE FILLED 0.5@103",
    ]


def test_at_one_price_those_who_were_there_before_come_first() -> None:
    exchange = an_exchange()
    exchange.on_depth(SYMBOL, [], [(D(101), D(1))], 2, snapshot=True)
    exchange.execute("b", limit(SELL, "1", "101", "joins"), 3)  # 1 stands before it
    exchange.on_depth(SYMBOL, [], [(D(101), D(3))], 4, snapshot=False)  # 2 more came behind it
    told(exchange)
    exchange.execute("a", market(BUY, "0.4", "one"), 5)
    exchange.execute("a", market(BUY, "1.2", "two"), 6)
    exchange.execute("a", market(BUY, "1", "three"), 7)
    trades = [line for line in told(exchange) if "TRADE" in line]
    assert trades == [
        "one TRADE FILLED 0.4@101",
        "two TRADE PARTIALLY_FILLED 0.6@101",
        "two TRADE FILLED 0.6@101",
        "joins TRADE PARTIALLY_FILLED 0.6@101",
        "three TRADE PARTIALLY_FILLED 0.4@101",
        "joins TRADE FILLED 0.4@101",
        "three TRADE FILLED 0.6@101",
    ]


def test_a_price_range_ends_a_taker() -> None:
    exchange = an_exchange()
    exchange.on_depth(
        SYMBOL, [(D(98), D(1)), (D(80), D(9))], [(D(101), D(1)), (D(120), D(9))], 2, snapshot=True
    )
    exchange.set_reference_price(SYMBOL, D(100))
    exchange.set_price_range(SYMBOL, PriceRange(D("1.1"), D("0.5"), D("1.5"), D("0.9")))
    for side, name in ((BUY, "b"), (SELL, "s")):
        exchange.execute("a", market(side, "2", name), 3)
        assert f"{name} EXPIRED EXPIRED EXECUTION_RULE_PRICE_RANGE_EXCEEDED" in told(exchange)
    exchange.execute("a", limit(BUY, "1", "130", "l"), 4)  # nothing inside the range is left
    assert told(exchange)[1] == "l EXPIRED EXPIRED EXECUTION_RULE_PRICE_RANGE_EXCEEDED"
    exchange.set_price_range(SYMBOL, None)
    exchange.execute("a", limit(BUY, "1", "130", "m"), 5)
    assert told(exchange)[1] == "m TRADE FILLED 1@120"


def test_fill_or_kill_counts_all_books() -> None:
    exchange = an_exchange()
    exchange.on_depth(SYMBOL, [], [(D(101), D("0.5"))], 2, snapshot=True)
    exchange.execute("b", limit(SELL, "0.5", "102", "rests"), 3)
    response = exchange.execute("a", limit(BUY, "1", "102", time_in_force=TimeInForce.FOK), 4)
    assert isinstance(response, OrderResponse)
    assert response.order.executed_quantity == 1


def test_our_trades_set_the_last_price() -> None:
    exchange = an_exchange()
    exchange.on_quote(SYMBOL, D(99), D(9), D(101), D(9), 2)
    exchange.execute("a", market(BUY, "1"), 3)
    assert exchange.quote(SYMBOL).last == 101
