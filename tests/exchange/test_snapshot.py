"""Dumps: exact, versioned, small, and loud when they cannot be read."""

from __future__ import annotations

import msgspec
import pytest

from fillwright.core.types import OrderType, SymbolStatus
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.market import PriceRange
from fillwright.exchange.settings import ExchangeSettings
from fillwright.exchange.snapshot import ExchangeDump, SnapshotError
from tests.exchange.builders import (
    BTCUSDT,
    BUY,
    EXACT,
    SELL,
    SYMBOL,
    D,
    an_exchange,
    an_oco,
    an_opoco,
    an_order,
    limit,
    told,
)


def a_busy_exchange() -> Exchange:
    exchange = an_exchange()
    exchange.on_depth(SYMBOL, [(D(99), D(1)), (D(98), D(2))], [(D(101), D(3))], 2, snapshot=True)
    exchange.on_quote(SYMBOL, D(99), D(1), D(101), D(3), 3)
    exchange.set_reference_price(SYMBOL, D(100))
    exchange.set_price_range(SYMBOL, PriceRange(D(2), D("0.5"), D(2), D("0.5")))
    exchange.execute("a", limit(BUY, "1", "98", "rests"), 4)
    exchange.execute("a", an_oco(), 5)
    exchange.execute("b", an_opoco(price="101"), 6)
    trailing = an_order(SELL, OrderType.STOP_LOSS, "t", quantity="1", trailing_delta=500)
    exchange.execute("b", trailing, 7)
    return exchange


def test_a_loaded_exchange_goes_on_as_the_first() -> None:
    exchange = a_busy_exchange()
    again = Exchange.load(exchange.dump(), [BTCUSDT], EXACT)
    assert again.dump() == exchange.dump()
    assert again.drain() == exchange.drain()
    for one in (exchange, again):
        one.on_trade(SYMBOL, D("97.9"), D("0.5"), 8)
        one.on_candle_open(SYMBOL, D(100), 9)
        one.on_candle_close(SYMBOL, D(100), D(130), D(85), D(95), D(50), 10)
    assert told(again) == told(exchange) != []
    assert again.dump() == exchange.dump()


def test_events_sorted_out_for_others_are_kept() -> None:
    exchange = a_busy_exchange()
    exchange.drain_account("a")
    again = Exchange.load(exchange.dump(), [BTCUSDT], EXACT)
    assert again.drain_account("b") == exchange.drain_account("b") != []


def test_a_phase_is_kept() -> None:
    exchange = an_exchange(last=None)
    exchange.set_status(SYMBOL, SymbolStatus.HALT, 5)
    assert Exchange.load(exchange.dump(), [BTCUSDT], EXACT).status(SYMBOL) is SymbolStatus.HALT


def test_symbols_without_a_market_cost_nothing() -> None:
    many = [msgspec.structs.replace(BTCUSDT, symbol=f"X{number}") for number in range(1000)]
    assert len(Exchange(many, EXACT).dump()) < 200


@pytest.mark.parametrize("cut", [0, 10, 100])
def test_a_damaged_dump_is_refused(cut: int) -> None:
    with pytest.raises(SnapshotError, match="not an exchange dump"):
        Exchange.load(a_busy_exchange().dump()[:cut], [BTCUSDT], EXACT)


def test_a_dump_of_other_times_is_refused() -> None:
    dumped = msgspec.msgpack.decode(a_busy_exchange().dump(), type=ExchangeDump)
    dumped.version = 99
    with pytest.raises(SnapshotError, match="version 99"):
        Exchange.load(msgspec.msgpack.encode(dumped), [BTCUSDT], EXACT)


def test_instruments_and_windows_must_fit() -> None:
    data = a_busy_exchange().dump()
    with pytest.raises(SnapshotError, match="BTCUSDT is not among the instruments"):
        Exchange.load(data, [], EXACT)
    with pytest.raises(SnapshotError, match="windows"):
        Exchange.load(data, [BTCUSDT], ExchangeSettings(order_counts=()))
