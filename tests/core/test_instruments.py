"""Filters and rounding: the one place where they exist."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core.instruments import (
    Instrument,
    LotSize,
    Notional,
    PercentPrice,
    PriceFilter,
)
from fillwright.core.types import OrderType, Side
from tests.core.builders import make_instrument

D = Decimal


@pytest.fixture(name="bitcoin")
def _bitcoin() -> Instrument:
    return make_instrument()


def test_rounding_never_widens_risk(bitcoin: Instrument) -> None:
    """§4: stops up to tick, targets down, buy limits down, quantities down."""
    assert bitcoin.price_up(D("49000.001")) == D("49000.01")
    assert bitcoin.price_down(D("52000.009")) == D("52000.00")
    assert bitcoin.floor_quantity(D("0.0019899")) == D("0.00198")
    assert bitcoin.floor_quantity(D("-1")) == 0


def test_market_quantities_come_in_pieces_that_the_symbol_takes() -> None:
    """§3: sales are split by MARKET_LOT_SIZE."""
    coin = make_instrument(market_lot_size=LotSize(D(0), D("0.5"), D("0.1")))
    assert coin.floor_market_quantity(D("0.77")) == D("0.5")
    assert coin.floor_market_quantity(D("0.27")) == D("0.2")
    assert coin.floor_market_quantity(D(0)) == 0
    assert coin.market_quantity_max == D("0.5")
    assert Instrument(symbol="X", base="X", quote="Y").market_quantity_max == 0


@pytest.mark.parametrize(
    ("price", "violated"),
    [
        ("0.01", None),
        ("0.005", "PRICE_FILTER"),
        ("1000000.01", "PRICE_FILTER"),
        ("50000.001", "PRICE_FILTER"),
    ],
)
def test_price_filter(bitcoin: Instrument, price: str, violated: str | None) -> None:
    assert bitcoin.price_violation(D(price)) == violated


def test_a_part_of_a_filter_that_is_nought_is_off() -> None:
    open_coin = make_instrument(
        price_filter=PriceFilter(), lot_size=LotSize(), notional=None, percent_price=None
    )
    assert open_coin.price_violation(D("0.000000001")) is None
    assert open_coin.quantity_violation(D("0.000000001"), market=True) is None
    assert open_coin.notional_violation(D(1), D("0.1"), market=False) is None
    assert open_coin.percent_violation(Side.BUY, D(10**6), D(1)) is None
    assert open_coin.notional_min == 0


@pytest.mark.parametrize(
    ("quantity", "market", "violated"),
    [
        ("0.00001", False, None),
        ("0.000001", False, "LOT_SIZE"),
        ("9000.00001", False, "LOT_SIZE"),
        ("101", False, None),
        ("101", True, "MARKET_LOT_SIZE"),
    ],
)
def test_lot_filters(bitcoin: Instrument, quantity: str, market: bool, violated: str | None) -> None:
    assert bitcoin.quantity_violation(D(quantity), market) == violated


@pytest.mark.parametrize(
    ("side", "price", "margin", "violated"),
    [
        (Side.BUY, "60000", "0", None),
        (Side.BUY, "60000.01", "0", "PERCENT_PRICE_BY_SIDE"),
        (Side.BUY, "59000", "0.02", "PERCENT_PRICE_BY_SIDE"),
        (Side.SELL, "40000", "0", None),
        (Side.SELL, "39999.99", "0", "PERCENT_PRICE_BY_SIDE"),
        (Side.SELL, "60001", "0.02", None),
    ],
)
def test_percent_price(
    bitcoin: Instrument, side: Side, price: str, margin: str, violated: str | None
) -> None:
    """§4: PERCENT_PRICE_BY_SIDE, with a margin of 2 % where legs are checked before the entry leaves."""
    assert bitcoin.percent_violation(side, D(price), D(50_000), D(margin)) == violated
    assert bitcoin.percent_violation(side, D(price), None) is None


def test_percent_price_for_both_sides_alike_has_its_own_name() -> None:
    rule = PercentPrice(False, D(2), D("0.5"), D(2), D("0.5"))
    assert make_instrument(percent_price=rule).percent_violation(Side.BUY, D(3), D(1)) == "PERCENT_PRICE"


def test_notional_and_its_exceptions_for_market_orders() -> None:
    coin = make_instrument(notional=Notional("MIN_NOTIONAL", D(5), False, D(100), True))
    assert coin.notional_violation(D(1), D(4), market=False) == "MIN_NOTIONAL"
    assert coin.notional_violation(D(1), D(4), market=True) is None
    assert coin.notional_violation(D(1), D(101), market=True) == "MIN_NOTIONAL"
    assert coin.notional_violation(D(1), D(5), market=False) is None


def test_trailing_delta_has_its_band(bitcoin: Instrument) -> None:
    assert bitcoin.trailing_violation(OrderType.STOP_LOSS, Side.SELL, 10) is None
    assert bitcoin.trailing_violation(OrderType.STOP_LOSS, Side.SELL, 9) == "TRAILING_DELTA"
    assert bitcoin.trailing_violation(OrderType.TAKE_PROFIT, Side.SELL, 2001) == "TRAILING_DELTA"
    assert make_instrument(trailing_delta=None).trailing_violation(OrderType.STOP_LOSS, Side.SELL, 1) is None


@pytest.mark.parametrize(
    ("quantity", "price", "sellable"),
    [("0.0002", 50_000, True), ("0.0001", 49_999, False), ("0.000009", 10**6, False), ("0", 50_000, False)],
)
def test_dust_is_what_cannot_be_sold(bitcoin: Instrument, quantity: str, price: int, sellable: bool) -> None:
    """§3: nothing sellable is left, the rest is dust."""
    assert bitcoin.is_sellable(D(quantity), D(price)) is sellable
