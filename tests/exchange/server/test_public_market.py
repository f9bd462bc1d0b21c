"""One symbol as everybody sees it: trades once each, aggregates, windows, averages."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest

from fillwright.core.types import DAY, HOUR, MINUTE, Side
from fillwright.exchange.messages import MarketTrade
from fillwright.exchange.server.public_market import TRADES_KEPT, AggregateTrade, PublicMarket
from tests.exchange.builders import BUY, EXACT, SELL, SYMBOL, D, an_exchange, limit, market

START = 1_795_168_800_000_000
PUBLIC = msgspec.structs.replace(EXACT, public_trades=True)


class Listening:
    def __init__(self) -> None:
        self.trades: list[MarketTrade] = []
        self.aggregates: list[AggregateTrade] = []
        self.touches = 0

    def traded(
        self, market: PublicMarket, trades: Sequence[MarketTrade], aggregates: Sequence[AggregateTrade]
    ) -> None:
        self.trades.extend(trades)
        self.aggregates.extend(aggregates)

    def touched(self, market: PublicMarket) -> None:
        self.touches += 1


@pytest.fixture
def public() -> PublicMarket:
    exchange = an_exchange(PUBLIC, last=None)
    exchange.set_last(SYMBOL, D(100), 1)
    return PublicMarket(exchange, SYMBOL)


def a_trade(number: int, price: str, quantity: str, time: int, buyer_is_maker: bool = False) -> MarketTrade:
    return MarketTrade(SYMBOL, number, D(price), D(quantity), time, buyer_is_maker)


def shown(one: AggregateTrade) -> tuple[int, Decimal, Decimal, int, int]:
    return one.aggregate_id, one.price, one.quantity, one.first_trade_id, one.last_trade_id


def test_a_taker_at_one_price_is_one_aggregate(public: PublicMarket) -> None:
    listening = public.listener = Listening()
    public.traded([a_trade(1, "10", "1", START), a_trade(2, "10", "2", START), a_trade(3, "11", "4", START)])
    public.traded([a_trade(4, "11", "1", START)])  # another transaction: another taker
    public.traded([a_trade(5, "11", "1", START), a_trade(6, "11", "1", START, True)])
    assert [shown(one) for one in public.aggregates] == [
        (1, 10, 3, 1, 2),
        (2, 11, 4, 3, 3),
        (3, 11, 1, 4, 4),
        (4, 11, 1, 5, 5),
        (5, 11, 1, 6, 6),
    ]
    assert listening.aggregates == list(public.aggregates)
    assert [one.trade_id for one in listening.trades] == [1, 2, 3, 4, 5, 6]
    public.touched()
    assert listening.touches == 1


def test_executions_of_accounts_are_public_once_with_the_takers_side() -> None:
    exchange = an_exchange(PUBLIC)
    public = PublicMarket(exchange, SYMBOL)
    exchange.drain_trades()
    exchange.on_quote(SYMBOL, D(99), D(1), D(101), D(1), START)
    exchange.execute("a", limit(SELL, "1", "100", "maker"), START)
    exchange.execute("b", market(BUY, "1.5", "taker"), START)
    public.traded(exchange.drain_trades())
    assert [(one.trade_id, one.price, one.quantity, one.buyer_is_maker) for one in public.trades] == [
        (2, 100, 1, False),
        (3, 101, D("0.5"), False),
    ]
    assert [fill.trade_id for fill in exchange.trades("b", SYMBOL)] == [2, 3]
    assert public.last_price() == 101


def test_looking_up_trades(public: PublicMarket) -> None:
    for number in range(10, 10 + TRADES_KEPT + 5):
        public.traded([a_trade(number, "10", "1", START + number)])
    assert len(public.trades) == len(public.aggregates) == TRADES_KEPT
    assert [one.trade_id for one in public.recent_trades(2)] == [5013, 5014]
    assert [one.trade_id for one in public.trades_from(20, 2)] == [20, 21]
    assert [one.trade_id for one in public.trades_from(0, 2)] == [15, 16]
    assert public.trades_from(9999, 2) == public.trades_from(2**63 - 1, 1000) == []
    assert public.aggregates_of(2**63 - 1, None, None, 1000) == []
    assert [one.aggregate_id for one in public.aggregates_of(100, None, None, 2)] == [100, 101]
    assert [one.aggregate_id for one in public.aggregates_of(None, None, None, 2)] == [5004, 5005]
    assert [one.first_trade_id for one in public.aggregates_of(None, START + 50, None, 2)] == [50, 51]
    assert [one.first_trade_id for one in public.aggregates_of(None, None, START + 50, 2)] == [49, 50]
    assert [one.first_trade_id for one in public.aggregates_of(None, START + 50, START + 50, 9)] == [50]


def test_nothing_to_look_up(public: PublicMarket) -> None:
    assert public.trades_from(1, 5) == public.aggregates_of(1, None, None, 5) == public.recent_trades(5) == []
    assert public.last is None
    assert public.last_price() == 100  # what the exchange goes by
    window = public.day(START)
    assert (window.open, window.count, window.first_id, window.before) == (0, 0, -1, 0)


def test_a_day_of_windows(public: PublicMarket) -> None:
    public.traded([a_trade(1, "10", "1", START)])
    public.traded([a_trade(2, "12", "2", START + 2 * HOUR, True), a_trade(3, "9", "1", START + 2 * HOUR)])
    public.traded([a_trade(4, "11", "1", START + 3 * HOUR)])
    now = START + 3 * HOUR + 5
    day = public.day(now)
    assert (day.open_time, day.close_time) == (now - DAY, now)
    assert (day.open, day.high, day.low, day.close, day.before) == (1000, 1200, 900, 1100, 1000)
    assert (day.volume, day.quote, day.count) == (500_000, 540_000_000, 4)
    assert (day.first_id, day.last_id) == (1, 4)
    hour = public.minutes(61, now)
    assert (hour.open_time, hour.open, hour.before, hour.count) == (START + 119 * MINUTE, 1200, 1000, 3)
    last = public.minutes(1, now)
    assert (last.open_time, last.count, last.open) == (START + 3 * HOUR - MINUTE, 1, 1100)
    later = public.day(START + 27 * HOUR + MINUTE)
    assert (later.count, later.open, later.close, later.before) == (0, 1100, 1100, 1100)


def test_a_window_follows_each_trade_and_each_minute(public: PublicMarket) -> None:
    public.traded([a_trade(1, "10", "1", START)])
    assert public.day(START + 1).count == 1
    public.traded([a_trade(2, "11", "1", START + 2)])
    assert public.day(START + 3).close == 1100
    assert public.day(START + DAY).count == 2
    assert public.day(START + DAY + MINUTE).count == 0


def test_the_trading_day_is_a_zones(public: PublicMarket) -> None:
    midnight = START // DAY * DAY
    public.traded([a_trade(1, "10", "1", midnight + 15 * HOUR)])
    public.traded([a_trade(2, "11", "1", midnight + 17 * HOUR)])
    utc = public.trading_day(midnight + 18 * HOUR)
    assert (utc.open_time, utc.close_time, utc.count) == (midnight, midnight + DAY - 1, 2)
    east = public.trading_day(midnight + 18 * HOUR, 8 * HOUR)
    assert (east.open_time, east.count) == (midnight + 16 * HOUR, 1)


def test_the_average_is_the_exchanges() -> None:
    exchange = an_exchange(PUBLIC, last=None)
    public = PublicMarket(exchange, SYMBOL)
    assert public.average_price(START) is None
    exchange.on_trade(SYMBOL, D(100), D(1), START)
    exchange.on_trade(SYMBOL, D(200), D(3), START + MINUTE)
    assert public.average_price(START + MINUTE) == 175
    assert public.average_price(START + HOUR) == 200
    exchange.execute("a", market(Side.BUY, "4", "x"), START + HOUR)
    assert public.average_price(START + HOUR) == 200
