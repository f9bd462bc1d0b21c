"""Candles as a feed: the worst-case path, and what began inside of one."""

from __future__ import annotations

import pytest

from fillwright.core.types import ListKind, OrderType
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.settings import ExchangeSettings
from tests.exchange.builders import (
    BUY,
    EXACT,
    SELL,
    SYMBOL,
    D,
    a_list,
    an_exchange,
    an_oco,
    an_opoco,
    an_order,
    holds,
    limit,
    market,
    stop,
    told,
)


def candle(exchange: Exchange, open_: str, high: str, low: str, close: str, volume: str = "100") -> list[str]:
    exchange.on_candle_open(SYMBOL, D(open_), 10)
    exchange.on_candle_close(SYMBOL, D(open_), D(high), D(low), D(close), D(volume), 20)
    return told(exchange)


def test_a_stop_is_met_before_a_target() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_oco(), 5)
    told(exchange)
    assert candle(exchange, "100", "120", "80", "115") == [
        "oco-limit EXPIRED EXPIRED OCO_TRIGGER",
        "oco-stop NEW NEW",
        "oco-stop TRADE FILLED 1@90",
        "oco ALL_DONE ALL_DONE",
        "a balances",
    ]
    assert exchange.quote(SYMBOL).last == 115


def test_a_gap_sets_a_stop_off_at_the_open() -> None:
    exchange = an_exchange()
    exchange.execute("a", stop(SELL, "1", "90"), 5)
    told(exchange)
    assert candle(exchange, "85", "95", "80", "95")[1] == "x TRADE FILLED 1@85"


def test_a_target_is_met_on_the_way_up_at_its_price() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_opoco(), 5)
    told(exchange)
    lines = candle(exchange, "100", "120", "91", "115")
    assert "opoco-target TRADE FILLED 1@110" in lines
    assert "opoco-stop EXPIRED EXPIRED OCO_TRIGGER" in lines


@pytest.mark.parametrize(
    ("low", "high", "sold_at"), [("95", "120", None), ("85", "120", "90")], ids=["high only", "low too"]
)
def test_what_begins_inside_a_candle_sees_its_low_but_not_its_high(
    low: str, high: str, sold_at: str | None
) -> None:
    exchange = an_exchange()
    exchange.on_candle_open(SYMBOL, D(100), 10)
    exchange.execute("a", an_opoco(), 11)
    told(exchange)
    exchange.on_candle_close(SYMBOL, D(100), D(high), D(low), D(101), D(100), 20)
    sold = [line for line in told(exchange) if "TRADE" in line]
    assert sold == ([] if sold_at is None else [f"opoco-stop TRADE FILLED 1@{sold_at}"])
    if sold_at is None:
        assert "opoco-target TRADE FILLED 1@110" in candle(exchange, "101", "111", "101", "111")


def test_exits_released_by_a_candle_do_not_see_its_high() -> None:
    exchange = an_exchange(USDT="1000")
    legs = (
        limit(BUY, "1", "95", "e"),
        stop(SELL, "1", "80", "s"),
        an_order(SELL, OrderType.LIMIT_MAKER, "t", quantity="1", price="110"),
    )
    exchange.execute("a", a_list(ListKind.OTOCO, *legs), 5)
    told(exchange)
    lines = candle(exchange, "100", "120", "90", "100")
    assert [line for line in lines if "TRADE" in line] == ["e TRADE FILLED 1@95"]
    assert "t TRADE FILLED 1@110" in candle(exchange, "100", "120", "100", "100")


def test_exits_released_by_a_candle_see_its_low() -> None:
    exchange = an_exchange(USDT="1000")
    exchange.execute("a", a_list(ListKind.OTO, limit(BUY, "1", "95", "e"), stop(SELL, "1", "92", "s")), 5)
    told(exchange)
    lines = candle(exchange, "100", "120", "90", "100")
    assert [line for line in lines if "TRADE" in line] == ["e TRADE FILLED 1@95", "s TRADE FILLED 1@92"]


def test_resting_orders_share_a_candles_volume() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "3", "98", "first"), 5)
    exchange.execute("b", limit(BUY, "3", "97", "second"), 5)
    told(exchange)
    lines = candle(exchange, "100", "100", "96", "100", volume="4")
    assert [line for line in lines if "TRADE" in line] == [
        "first TRADE FILLED 3@98",
        "second TRADE PARTIALLY_FILLED 1@97",
    ]


def test_a_low_that_only_touches_leaves_the_queue_before_us() -> None:
    exchange = an_exchange(ExchangeSettings(queue_ahead_quote=D(950)))
    exchange.execute("a", limit(BUY, "1", "95"), 5)  # 10 before us
    told(exchange)
    assert candle(exchange, "100", "100", "95", "100", volume="8") == []
    # 8 of the 10 are gone; the close may touch again, but the volume has been counted once per passage.
    lines = candle(exchange, "100", "100", "95", "100", volume="2.5")
    assert [line for line in lines if "TRADE" in line] == ["x TRADE PARTIALLY_FILLED 0.5@95"]


def test_a_trailing_stop_follows_the_high_after_the_low() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_order(SELL, OrderType.STOP_LOSS, "x", quantity="1", trailing_delta=1000), 5)
    told(exchange)
    assert candle(exchange, "100", "120", "91", "109") == []
    assert "x TRADE FILLED 1@108" in candle(exchange, "109", "110", "100", "100")


def test_a_trailing_stop_from_inside_does_not_follow_the_high() -> None:
    exchange = an_exchange()
    exchange.on_candle_open(SYMBOL, D(100), 10)
    request = an_order(SELL, OrderType.STOP_LOSS, "x", quantity="1", trailing_delta=1000)
    exchange.execute("a", request, 11)
    told(exchange)
    exchange.on_candle_close(SYMBOL, D(100), D(150), D(95), D(100), D(9), 20)
    assert told(exchange) == []
    assert "x TRADE FILLED 1@90" in candle(exchange, "100", "100", "80", "100")


def test_a_trailing_stop_begins_on_the_way() -> None:
    exchange = an_exchange()
    fields = {"quantity": "1", "trailing_delta": 1000, "stop_price": "110"}
    exchange.execute("a", an_order(SELL, OrderType.TAKE_PROFIT, "x", **fields), 5)
    told(exchange)
    assert "x TRADE FILLED 1@108" in candle(exchange, "100", "120", "99", "105")


def test_a_candle_may_come_whole() -> None:
    exchange = an_exchange()
    exchange.execute("a", stop(SELL, "1", "90", "gap"), 5)
    exchange.execute("a", stop(SELL, "1", "80", "low"), 5)
    told(exchange)
    exchange.on_candle_close(SYMBOL, D(85), D(95), D(75), D(90), D(9), 20)
    assert [line for line in told(exchange) if "TRADE" in line] == [
        "gap TRADE FILLED 1@85",
        "low TRADE FILLED 1@80",
    ]


def test_market_orders_inside_a_candle_take_its_open() -> None:
    exchange = an_exchange(EXACT)
    exchange.on_candle_open(SYMBOL, D(104), 10)
    exchange.execute("a", market(BUY, "1"), 11)
    assert told(exchange)[1] == "x TRADE FILLED 1@104"
    assert holds(exchange, "a", "USDT") == ("9896", "0")
