"""Fills: what is paid, received, locked, and who takes the fee."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from fillwright.core.types import VenueOrderStatus
from fillwright.exchange.exchange import Exchange
from tests.exchange.builders import (
    BTCUSDT,
    BUY,
    EXACT,
    FEES,
    SELL,
    SYMBOL,
    D,
    an_exchange,
    holds,
    limit,
    market,
    trade,
)

BNBUSDT = msgspec.structs.replace(BTCUSDT, symbol="BNBUSDT", base="BNB")


def paying_in_bnb(bnb: str) -> Exchange:
    exchange = Exchange([BTCUSDT, BNBUSDT], EXACT)
    funds = {"USDT": D(1000), "BTC": D(1), "BNB": D(bnb)}
    exchange.open_account("a", funds, pay_fees_in_bnb=True, **FEES)
    exchange.on_trade(SYMBOL, D(100), D(1), 1)
    exchange.on_trade("BNBUSDT", D(500), D(1), 1)
    return exchange


def test_a_buy_pays_in_coins_and_a_sell_in_money() -> None:
    exchange = an_exchange(fees=FEES)
    exchange.execute("a", market(BUY, "1", "b"), 5)
    exchange.execute("a", market(SELL, "0.999", "s"), 6)
    bought, sold = exchange.trades("a", SYMBOL)
    assert (bought.commission, bought.commission_asset) == (D("0.001"), "BTC")
    assert (sold.commission, sold.commission_asset) == (D("0.0999"), "USDT")
    assert holds(exchange, "a", "BTC") == ("10", "0")
    assert holds(exchange, "a", "USDT") == ("9999.8001", "0")
    assert exchange.house() == {"BTC": D("0.001"), "USDT": D("0.0999")}


def test_bnb_pays_three_quarters_of_the_fee_in_its_own_coin() -> None:
    exchange = paying_in_bnb("1")
    exchange.execute("a", market(BUY, "1", "b"), 5)
    (fill,) = exchange.trades("a", SYMBOL)
    assert (fill.commission, fill.commission_asset) == (D("0.00015"), "BNB")  # 100 × 0.075 % / 500
    assert holds(exchange, "a", "BTC") == ("2", "0")
    assert holds(exchange, "a", "BNB") == ("0.99985", "0")
    assert exchange.audit() == ()


def test_bnb_that_runs_short_leaves_the_whole_fee_to_the_received_asset() -> None:
    exchange = paying_in_bnb("0.0001")
    exchange.execute("a", market(BUY, "1", "b"), 5)
    (fill,) = exchange.trades("a", SYMBOL)
    assert (fill.commission, fill.commission_asset) == (D("0.001"), "BTC")
    assert holds(exchange, "a", "BNB") == ("0.0001", "0")


def test_bnb_bought_pays_from_itself() -> None:
    exchange = paying_in_bnb("0")
    request = msgspec.structs.replace(market(BUY, "1", "b"), symbol="BNBUSDT")
    exchange.execute("a", request, 5)
    (fill,) = exchange.trades("a", "BNBUSDT")
    assert (fill.commission, fill.commission_asset) == (D("0.00075"), "BNB")
    assert holds(exchange, "a", "BNB") == ("0.99925", "0")


def test_bnb_that_is_spent_on_the_trade_itself_cannot_pay_its_fee() -> None:
    ethbnb = msgspec.structs.replace(BTCUSDT, symbol="ETHBNB", base="ETH", quote="BNB", percent_price=None)
    exchange = Exchange([ethbnb], EXACT)
    exchange.open_account("a", {"BNB": D(20)}, pay_fees_in_bnb=True, **FEES)
    exchange.on_trade("ETHBNB", D(5), D(1), 1)
    for name, quantity in (("rest", "2"), ("all", "1.9985")):
        exchange.execute("a", msgspec.structs.replace(market(BUY, quantity, name), symbol="ETHBNB"), 5)
    first, second = exchange.trades("a", "ETHBNB")
    assert (first.commission, first.commission_asset) == (D("0.0075"), "BNB")
    assert (second.commission, second.commission_asset) == (D("0.0019985"), "ETH")
    assert exchange.audit() == ()


def test_bnb_without_a_price_does_not_pay() -> None:
    exchange = Exchange([BTCUSDT], EXACT)
    exchange.open_account("a", {"USDT": D(1000), "BNB": D(9)}, pay_fees_in_bnb=True, **FEES)
    exchange.on_trade(SYMBOL, D(100), D(1), 1)
    exchange.execute("a", market(BUY, "1", "b"), 5)
    assert exchange.trades("a", SYMBOL)[0].commission_asset == "BTC"


def test_a_testnet_charges_nothing() -> None:
    exchange = an_exchange(msgspec.structs.replace(EXACT, commission_free=True), fees=FEES)
    exchange.execute("a", market(BUY, "1", "b"), 5)
    assert exchange.trades("a", SYMBOL)[0].commission == 0
    assert exchange.house() == {}


@pytest.mark.parametrize("quantity", ["0.00001", "0.33333", "1.23457"])
def test_money_is_conserved_to_the_last_unit(quantity: str) -> None:
    fees = {"maker_fee": Decimal("0.00075"), "taker_fee": Decimal("0.00123")}
    tiny = msgspec.structs.replace(BTCUSDT, notional=None)
    exchange = an_exchange(instrument=tiny, fees=fees, last="33333.33", USDT="1000000", BTC="5")
    exchange.execute("a", limit(BUY, quantity, "33000.01", "rests"), 4)
    exchange.execute("b", market(BUY, quantity, "takes"), 5)
    trade(exchange, "32000", quantity)
    assert exchange.audit() == ()


def test_partial_fills_add_up() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "95"), 5)
    trade(exchange, "94", "0.25")
    view = exchange.order("a", SYMBOL, client_order_id="x")
    assert view.status is VenueOrderStatus.PARTIALLY_FILLED
    assert (view.executed_quantity, view.executed_quote) == (D("0.25"), D("23.75"))
    assert holds(exchange, "a", "USDT") == ("9905", "71.25")
