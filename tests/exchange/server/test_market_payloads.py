"""Payloads: every field of Binance's documents, in its order, as its type."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from fillwright.core.types import HOUR, MINUTE
from fillwright.exchange.messages import MarketTrade, TradeView
from fillwright.exchange.server import market_payloads as payloads
from fillwright.exchange.server.market_payloads import microseconds, milliseconds
from fillwright.exchange.server.public_book import BookTop, BookView, DepthEvent
from fillwright.exchange.server.public_market import AggregateTrade, PublicMarket
from fillwright.exchange.server.shapes import trade_view
from fillwright.market.intervals import Interval
from tests.exchange.builders import EXACT, SYMBOL, D, an_exchange

START = 1_795_168_800_000_000
MS = START // 1000
TRADE = MarketTrade(SYMBOL, 12, D("50000.5"), D("0.002"), START + 5, True)


@pytest.fixture
def market() -> PublicMarket:
    exchange = an_exchange(msgspec.structs.replace(EXACT, public_trades=True), last=None)
    exchange.on_depth(SYMBOL, [(D(99), D(1))], [(D(101), D(2))], START, snapshot=True)
    public = PublicMarket(exchange, SYMBOL)
    exchange.on_trade(SYMBOL, D(100), D(1), START + 7, True)
    exchange.on_trade(SYMBOL, D(110), D("0.5"), START + MINUTE, False)
    public.traded(exchange.drain_trades())
    return public


def test_numbers_have_eight_decimals() -> None:
    assert payloads.fixed(D("1E-7")) == "0.00000010"
    assert payloads.fixed(D(12345678901)) == "12345678901.00000000"
    assert payloads.units_text(-150, 2) == "-1.50000000"
    assert payloads.units_text(123456789, 8) == "1.23456789"
    assert payloads.units_text(0, 0) == "0.00000000"
    assert payloads.units_text(7, 0) == "7.00000000"


def test_times_are_milliseconds_or_as_they_are() -> None:
    assert milliseconds(START + 1999) == MS + 1
    assert microseconds(START + 1999) == START + 1999
    assert milliseconds(-1) == -1


def test_what_a_trade_came_to_is_cut_as_in_my_trades() -> None:
    fine = MarketTrade("ETHBTC", 1, D("0.03456"), D("0.0011"), START, False)  # 0.000038016
    view = TradeView(
        "ETHBTC", 1, 7, -1, fine.price, fine.quantity, D("0.000038016"), D(0), "ETH", START, True, False
    )
    assert payloads.trade_row(fine, milliseconds)["quoteQty"] == "0.00003801"
    assert trade_view(view, milliseconds)["quoteQty"] == "0.00003801"


def test_trades() -> None:
    told = payloads.trade(TRADE, START + 2000, milliseconds)
    assert list(told.items()) == [
        ("e", "trade"), ("E", MS + 2), ("s", SYMBOL), ("t", 12), ("p", "50000.50000000"), ("q", "0.00200000"),
        ("T", MS), ("m", True), ("M", True),
    ]  # fmt: skip
    assert payloads.trade(TRADE, START + 2000, microseconds)["T"] == START + 5
    assert list(payloads.trade_row(TRADE, milliseconds).items()) == [
        ("id", 12), ("price", "50000.50000000"), ("qty", "0.00200000"), ("quoteQty", "100.00100000"),
        ("time", MS), ("isBuyerMaker", True), ("isBestMatch", True),
    ]  # fmt: skip


def test_aggregate_trades() -> None:
    one = AggregateTrade(3, D(5), D(2), 12, 14, START, False)
    assert list(payloads.aggregate_trade(SYMBOL, one, START, milliseconds).items()) == [
        ("e", "aggTrade"), ("E", MS), ("s", SYMBOL), ("a", 3), ("p", "5.00000000"), ("q", "2.00000000"), ("f", 12),
        ("l", 14), ("T", MS), ("m", False), ("M", True),
    ]  # fmt: skip


def test_the_book() -> None:
    top = BookTop(400, D(1), D(2), D(3), D(4))
    assert list(payloads.book_ticker(SYMBOL, top)) == ["u", "s", "b", "B", "a", "A"]
    event = DepthEvent(5, 9, [(D(99), D(0))], [(D(101), D("1E+12"))])
    told = payloads.depth_update(SYMBOL, event, START, milliseconds)
    assert list(told) == ["e", "E", "s", "U", "u", "b", "a"]
    assert (told["U"], told["u"], told["b"]) == (5, 9, [["99.00000000", "0.00000000"]])
    assert told["a"] == [["101.00000000", "92233720368.54775807"]]
    view = BookView(7, [(D(99), D(1))], [])
    assert payloads.partial_depth(view) == {
        "lastUpdateId": 7,
        "bids": [["99.00000000", "1.00000000"]],
        "asks": [],
    }


def test_candles(market: PublicMarket) -> None:
    told = payloads.kline(market, Interval.M1, START + MINUTE + 5000, milliseconds)
    assert told is not None
    assert list(told) == ["e", "E", "s", "k"]
    assert list(told["k"].items()) == [
        ("t", MS + 60_000), ("T", MS + 119_999), ("s", SYMBOL), ("i", "1m"), ("f", 2), ("L", 2),
        ("o", "110.00000000"), ("c", "110.00000000"), ("h", "110.00000000"), ("l", "110.00000000"),
        ("v", "0.50000000"), ("n", 1), ("x", False), ("q", "55.00000000"), ("V", "0.50000000"),
        ("Q", "55.00000000"), ("B", "0"),
    ]  # fmt: skip
    closed = payloads.closed_kline(market, Interval.M1, START + MINUTE + 5000, milliseconds)
    assert closed is not None
    assert closed["k"]["x"] is True
    assert closed["k"]["V"] == "0.00000000"
    assert payloads.closed_kline(market, Interval.H1, START + MINUTE, milliseconds) is None


def test_candles_of_a_zone_open_at_its_midnight(market: PublicMarket) -> None:
    told = payloads.kline(market, Interval.D1, START + 2 * MINUTE, microseconds, 8 * HOUR)
    assert told is not None
    assert (told["k"]["t"] + 8 * HOUR) % (24 * HOUR) == 0
    assert told["k"]["T"] - told["k"]["t"] == 24 * HOUR - 1


def test_no_candle_where_nothing_was_traded() -> None:
    public = PublicMarket(an_exchange(), SYMBOL)
    assert payloads.kline(public, Interval.M1, START, milliseconds) is None


def test_rows_of_candles(market: PublicMarket) -> None:
    rows = market.klines(Interval.M1, START + MINUTE + 1)
    shown = payloads.kline_rows(rows, Interval.M1, market.units, milliseconds, 0)
    assert shown[0] == [
        MS, "100.00000000", "100.00000000", "100.00000000", "100.00000000", "1.00000000", MS + 59_999,
        "100.00000000", 1, "0.00000000", "0.00000000", "0",
    ]  # fmt: skip


def test_the_rest(market: PublicMarket) -> None:
    assert payloads.average_price(market, START + MINUTE, milliseconds) == {
        "e": "avgPrice", "E": MS + 60_000, "s": SYMBOL, "i": "5m", "w": "103.33333333", "T": MS + 60_000,
    }  # fmt: skip
    assert payloads.reference_price(SYMBOL, None, START, milliseconds)["r"] is None
    assert payloads.reference_price(SYMBOL, Decimal(2), START, milliseconds)["r"] == "2.00000000"
    assert payloads.last_trade_time(PublicMarket(an_exchange(), SYMBOL)) == 0
