"""The facade: accounts, funds, arithmetic, skipping, administration."""

from __future__ import annotations

from decimal import Decimal, getcontext, localcontext

import msgspec
import pytest

from fillwright.core.requests import CancelRequest
from fillwright.core.types import OrderType, SymbolStatus
from fillwright.exchange.messages import AccountPosition, BalanceUpdate, ExecutionReport
from fillwright.exchange.settings import FeeSchedule
from tests.exchange.builders import (
    BTCUSDT,
    BUY,
    FREE,
    SELL,
    SYMBOL,
    D,
    an_exchange,
    an_order,
    holds,
    limit,
    market,
    refused,
    stop,
    told,
    trade,
)


def test_an_account_is_opened_once_and_with_what_it_has() -> None:
    exchange = an_exchange()
    with pytest.raises(ValueError, match="exists"):
        exchange.open_account("a", {}, **FREE)
    with pytest.raises(ValueError, match="negative"):
        exchange.open_account("c", {"USDT": D(-1)}, **FREE)
    assert exchange.has_account("a")
    assert not exchange.has_account("nobody")
    assert refused(lambda: exchange.execute("nobody", market(BUY, "1"), 5))[0] == -2015


def test_funds_come_and_go_with_their_events() -> None:
    exchange = an_exchange()
    exchange.deposit("a", "USDT", D(5), 5)
    exchange.withdraw("a", "BTC", D(1), 6)
    events = exchange.drain()
    assert [type(event) for event in events] == [BalanceUpdate, AccountPosition] * 2
    assert isinstance(events[2], BalanceUpdate)
    assert (events[2].asset, events[2].delta) == ("BTC", -1)
    assert refused(lambda: exchange.withdraw("a", "BTC", D(10), 7))[0] == -2010
    for amount in (D(0), D(-1)):
        with pytest.raises(ValueError, match="more than zero"):
            exchange.deposit("a", "USDT", amount, 8)
        with pytest.raises(ValueError, match="more than zero"):
            exchange.withdraw("a", "USDT", amount, 8)
    assert exchange.audit() == ()


def test_sums_are_exact_whatever_the_callers_context() -> None:
    with localcontext() as context:
        context.prec = 9
        exchange = an_exchange(USDT="123456789.12345678", BTC="0.00000001")
        exchange.execute("a", limit(BUY, "1.23457", "98.76", "x"), 5)
        exchange.execute("a", market(BUY, "1.23457", "y"), 6)
        trade(exchange, "90", "1.23457")
        assert getcontext().prec == 9
    assert exchange.audit() == ()
    spent = Decimal("1.23457") * (Decimal("98.76") + 100)
    assert holds(exchange, "a", "USDT")[0] == str((Decimal("123456789.12345678") - spent).normalize())


def test_a_driver_may_skip_what_changes_nothing() -> None:
    exchange = an_exchange()
    exchange.average_price = lambda symbol, minutes: D(100)
    exchange.execute("a", stop(SELL, "1", "90"), 5)
    told(exchange)
    exchange.set_market(SYMBOL, last=D(95), bid=D(94), bid_quantity=D(1), ask=D(96), ask_quantity=D(2), now=6)
    assert told(exchange) == []
    quote = exchange.quote(SYMBOL)
    assert (quote.bid, quote.ask, quote.last) == (94, 96, 95)
    assert trade(exchange, "90", now=7)[1] == "x TRADE FILLED 1@94"


def test_phases() -> None:
    exchange = an_exchange()
    exchange.execute("a", stop(SELL, "1", "90"), 5)
    exchange.set_status(SYMBOL, SymbolStatus.HALT, 6)
    told(exchange)
    assert exchange.status(SYMBOL) is SymbolStatus.HALT
    assert trade(exchange, "80", now=7) == []
    assert refused(lambda: exchange.execute("a", market(BUY, "1", "y"), 8)) == (-1013, "Market is closed.")
    exchange.set_status(SYMBOL, SymbolStatus.TRADING, 9)
    assert told(exchange)[1] == "x TRADE FILLED 1@80"


def test_filters_may_change_and_symbols_may_come() -> None:
    exchange = an_exchange()
    exchange.set_instrument(msgspec.structs.replace(BTCUSDT, order_types=(OrderType.LIMIT,)))
    assert refused(lambda: exchange.execute("a", market(BUY, "1"), 5))[0] == -1013
    exchange.set_instrument(msgspec.structs.replace(BTCUSDT, symbol="ETHUSDT", base="ETH"))
    exchange.on_trade("ETHUSDT", D(10), D(1), 6)
    exchange.execute("a", an_order(BUY, OrderType.MARKET, "e", quantity="1", symbol="ETHUSDT"), 7)
    assert holds(exchange, "a", "ETH") == ("1", "0")


def test_symbols_and_their_instruments_can_be_read() -> None:
    exchange = an_exchange(more=(msgspec.structs.replace(BTCUSDT, symbol="ETHUSDT", base="ETH"),))
    assert list(exchange.symbols) == [SYMBOL, "ETHUSDT"]
    assert exchange.instrument("ETHUSDT").base == "ETH"
    assert refused(lambda: exchange.instrument("NOPE"))[0] == -1121


def test_events_of_one_account_can_be_drained_alone() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "90"), 5)
    exchange.execute("b", limit(BUY, "1", "90"), 6)
    assert {event.account_id for event in exchange.drain_account("b")} == {"b"}
    assert [event.account_id for event in exchange.drain_account("a")] == ["a", "a"]
    assert exchange.drain_account("a") == []


def test_unknown_symbols_of_the_feed_are_named() -> None:
    exchange = an_exchange()
    assert refused(lambda: exchange.on_trade("NOPE", D(1), D(1), 5))[0] == -1121


def test_an_order_can_be_tested_without_being_placed() -> None:
    exchange = an_exchange()
    exchange.test("a", limit(BUY, "1000", "100"), 5)
    assert (
        refused(lambda: exchange.test("a", limit(BUY, "0.00001", "100"), 5))[1] == "Filter failure: NOTIONAL"
    )
    assert refused(lambda: exchange.test("nobody", limit(BUY, "1", "100"), 5))[0] == -2015
    assert exchange.drain() == []
    assert exchange.order_counts("a")[0].count == 0


def test_an_account_that_may_not_trade() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "90", "rests"), 5)
    exchange.set_can_trade("a", False)
    text = "This account may not place or cancel orders."
    cancel = CancelRequest(symbol=SYMBOL, orig_client_order_id="rests")
    assert refused(lambda: exchange.execute("a", market(BUY, "1"), 6)) == (-2010, text)
    assert refused(lambda: exchange.execute("a", cancel, 6)) == (-2011, text)
    assert not exchange.can_trade("a")
    exchange.set_can_trade("a", True)
    exchange.execute("a", cancel, 7)


def test_commission_rates_change_from_the_next_fill_on() -> None:
    exchange = an_exchange()
    exchange.set_fees("a", FeeSchedule(taker=D("0.01")))
    assert exchange.fees("a").taker == D("0.01")
    exchange.execute("a", market(BUY, "1"), 6)
    assert holds(exchange, "a", "BTC")[0] == "10.99"


def test_strategies_are_shown_wherever_the_order_is() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "90", strategy_id=7, strategy_type=1_000_001), 5)
    view = exchange.open_orders("a")[0]
    report = exchange.drain()[0]
    assert isinstance(report, ExecutionReport)
    assert (
        (view.strategy_id, view.strategy_type) == (report.strategy_id, report.strategy_type) == (7, 1_000_001)
    )


def test_generated_ids_differ() -> None:
    exchange = an_exchange()
    assert exchange.generated_id() != exchange.generated_id()
    assert len(exchange.generated_id()) == 22
