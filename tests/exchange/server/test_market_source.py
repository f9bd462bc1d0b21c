"""How a server's market is opened: what is there when the first client comes."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fillwright.core.types import MINUTE, SECOND, SymbolStatus
from fillwright.exchange.server.assembly import make_box, state_of
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.market_source import set_price
from fillwright.exchange.server.settings import BoxSettings, BoxSettingsError, MarketSettings, SourceKind
from fillwright.exchange.server.synthetic_past import LAST_TRADE_ID
from fillwright.market.intervals import Interval
from tests.exchange.server.boxes import START, frozen, limit_order


def synthetic(**changes: Any) -> BoxSettings:
    return frozen(market=MarketSettings(), **changes)


def step(box: Box, by_us: int) -> None:
    box.clock.step(by_us)
    box.tick()


def test_a_synthetic_market_has_a_past_a_book_and_trades_from_the_first_moment() -> None:
    box = make_box(synthetic())
    for symbol in ("BTCUSDT", "ETHUSDT"):
        market = box.markets[symbol]
        assert market.trades[0].trade_id == LAST_TRADE_ID + 1
        assert market.trades[0].time < box.now
        assert len(market.book.best_levels(1000).bids) == 100
        for interval in (Interval.S1, Interval.M1, Interval.M30, Interval.H1, Interval.D1):
            rows = market.klines(interval, box.now, limit=1000)
            assert len(rows) == 1000
        assert market.day(box.now).count > 100_000
    assert box.now == START


def test_candles_go_over_from_the_past_to_trades_without_a_gap() -> None:
    box = make_box(synthetic())
    step(box, 3 * MINUTE)
    market = box.markets["BTCUSDT"]
    for interval, length in ((Interval.S1, SECOND), (Interval.M1, MINUTE)):
        times = market.klines(interval, box.now, limit=1000)[:, 0].tolist()
        assert times == list(range(times[0], times[-1] + 1, length))
    rows = market.klines(Interval.M1, box.now, limit=1000).tolist()
    numbered = [row for row in rows if row[7]]
    assert all(before[11] + 1 == after[10] for before, after in pairwise(numbered))
    assert market.day(box.now).count == market.day(box.now).last_id - market.day(box.now).first_id + 1


def test_time_moves_prices_and_fills_orders() -> None:
    box = make_box(synthetic())
    step(box, 10 * SECOND)
    touch = box.markets["BTCUSDT"].book.top()
    box.exchange.execute("main", limit_order(f"{touch.ask:f}"), box.now)
    box.settle()
    (fill,) = box.exchange.trades("main", "BTCUSDT")
    assert fill.price <= touch.ask
    assert box.markets["BTCUSDT"].trades[-1].trade_id == fill.trade_id
    assert box.exchange.audit() == ()


def test_two_boxes_are_alike() -> None:
    one, other = make_box(synthetic()), make_box(synthetic())
    for box in (one, other):
        step(box, 20 * SECOND)
    assert list(one.markets["BTCUSDT"].trades) == list(other.markets["BTCUSDT"].trades)
    assert one.exchange.dump() == other.exchange.dump()
    step(other, SECOND)
    assert make_box(synthetic(seed=2)).exchange.dump() != one.exchange.dump()


def test_a_server_that_goes_on_starts_at_the_prices_it_had_and_fills_nothing_meanwhile() -> None:
    box = make_box(synthetic())
    box.exchange.execute("main", limit_order("80000"), box.now)
    step(box, 5 * MINUTE)
    last = box.exchange.quote("BTCUSDT").last
    again = make_box(synthetic(), saved=state_of(box))
    assert len(again.exchange.open_orders("main")) == 1
    step(again, 5 * SECOND)
    before, after = box.markets["BTCUSDT"], again.markets["BTCUSDT"]
    assert before.trades[-1].trade_id < after.trades[0].trade_id
    assert before.aggregates[-1].aggregate_id < after.aggregates[0].aggregate_id
    now = again.exchange.quote("BTCUSDT").last
    assert now is not None
    assert last is not None
    assert abs(now / last - 1) < Decimal("0.01")
    assert again.markets["BTCUSDT"].klines(Interval.M1, again.now, limit=10)[-1, 4] > 0


def test_a_scripted_market_is_what_is_pushed() -> None:
    box = make_box(frozen(market=MarketSettings(source=SourceKind.SCRIPT)))
    assert box.source is None
    assert box.markets["BTCUSDT"].recent_trades(10) == []
    assert box.markets["BTCUSDT"].book.top().bid == 0


def test_a_tape_plays(shared_data: Path) -> None:
    tape = shared_data / "tapes" / "ws" / "btcusdt_20240808_ws.gz"
    box = make_box(frozen(market=MarketSettings(source=SourceKind.TAPE, tapes=(tape,), speed=10.0)))
    step(box, 2 * SECOND)
    market = box.markets["BTCUSDT"]
    assert len(market.trades) > 50
    assert len(market.book.best_levels(5000).bids) > 500
    top = market.book.top()
    assert 0 < top.bid < top.ask


def test_settings_that_cannot_be() -> None:
    with pytest.raises(BoxSettingsError, match="no tape"):
        make_box(frozen(market=MarketSettings(source=SourceKind.TAPE)))
    with pytest.raises(BoxSettingsError, match="trades a second"):
        make_box(frozen(market=MarketSettings(trades_per_second=0)))


def best(box: Box) -> tuple[Decimal, Decimal, Decimal]:
    top, last = box.markets["BTCUSDT"].book.top(), box.markets["BTCUSDT"].last
    assert last is not None
    return top.bid, last.price, top.ask


def test_a_price_is_set_whatever_the_source() -> None:
    one = Decimal(1)
    scripted = make_box(frozen(market=MarketSettings(source=SourceKind.SCRIPT)))
    set_price(scripted, "BTCUSDT", Decimal(48_000), one)
    assert best(scripted) == (Decimal("47999.99"), 48_000, Decimal("48000.01"))
    scripted.depth("BTCUSDT", [(Decimal(90), one)], [(Decimal(110), one)], scripted.now)
    set_price(scripted, "BTCUSDT", Decimal(47_000), one)
    assert best(scripted) == (Decimal("46999.99"), 47_000, Decimal("47000.01"))
    assert scripted.markets["BTCUSDT"].trades[-1].buyer_is_maker
    walking = make_box(synthetic())
    set_price(walking, "BTCUSDT", Decimal(48_000), one)
    bid, last, ask = best(walking)
    assert bid == last == 48_000 < ask
    step(walking, 5 * SECOND)
    assert abs(best(walking)[1] - 48_000) < 200


def test_a_symbol_in_a_break_has_no_market_data_and_others_do() -> None:
    box = make_box(synthetic())
    box.exchange.set_status("BTCUSDT", SymbolStatus.BREAK, box.now)
    before = {symbol: market.last for symbol, market in box.markets.items()}
    book = box.markets["BTCUSDT"].book.best_levels(100)
    step(box, 5 * SECOND)
    assert box.markets["BTCUSDT"].last == before["BTCUSDT"]
    assert box.markets["BTCUSDT"].book.best_levels(100) == book
    assert box.markets["ETHUSDT"].last != before["ETHUSDT"]
    box.exchange.set_status("BTCUSDT", SymbolStatus.TRADING, box.now)
    step(box, 5 * SECOND)
    assert box.markets["BTCUSDT"].last != before["BTCUSDT"]
