"""What is refused before the engine: parameters, precision, filters, counts, each with Binance's code and text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fillwright.core.instruments import Instrument, LotSize, Notional, PercentPrice
from fillwright.core.requests import OrderRequest
from fillwright.core.types import ListKind, OrderType, SelfTradePrevention, Side, SymbolStatus, TimeInForce
from fillwright.exchange.settings import AssetLimit, ExchangeLimits
from fillwright.wire.errors import is_known_message
from tests.exchange.builders import (
    BTCUSDT,
    BUY,
    EXACT,
    SELL,
    SYMBOL,
    D,
    a_list,
    an_exchange,
    an_oco,
    an_order,
    limit,
    market,
    refused,
    stop,
)

T = OrderType
MISSING = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."
EXTRA = "Parameter '{}' sent when not required."


def raw(kind: OrderType, side: Side = BUY, **fields: Any) -> OrderRequest:
    return OrderRequest(symbol=SYMBOL, side=side, type=kind, client_order_id="x", **fields)


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (raw(T.LIMIT, quantity=D(1), price=D(100)), -1102, MISSING.format("timeInForce")),
        (raw(T.LIMIT, quantity=D(1), time_in_force=TimeInForce.GTC), -1102, MISSING.format("price")),
        (raw(T.LIMIT, price=D(1), time_in_force=TimeInForce.GTC), -1102, MISSING.format("quantity")),
        (limit(BUY, "1", "100", stop_price="90"), -1106, EXTRA.format("stopPrice")),
        (limit(BUY, "1", "100", trailing_delta=100), -1106, EXTRA.format("trailingDelta")),
        (limit(BUY, "1", "100", quote_order_quantity="1"), -1106, EXTRA.format("quoteOrderQty")),
        (
            raw(T.MARKET),
            -1102,
            "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!",
        ),
        (market(BUY, "1", quote_order_quantity="1"), -1106, EXTRA.format("quoteOrderQty")),
        (market(BUY, "1", price="1"), -1106, EXTRA.format("price")),
        (market(BUY, "1", time_in_force=TimeInForce.GTC), -1106, EXTRA.format("timeInForce")),
        (market(BUY, "1", iceberg_quantity="1"), -1106, EXTRA.format("icebergQty")),
        (
            raw(T.STOP_LOSS, quantity=D(1)),
            -1102,
            "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!",
        ),
        (stop(SELL, "1", "90", price="89"), -1106, EXTRA.format("price")),
        (
            raw(T.LIMIT_MAKER, quantity=D(1), price=D(1), time_in_force=TimeInForce.GTC),
            -1106,
            EXTRA.format("timeInForce"),
        ),
        (
            limit(BUY, "1", "100", iceberg_quantity="0.5", time_in_force=TimeInForce.IOC),
            -1014,
            "Unsupported order combination.",
        ),
        (
            limit(BUY, "1", "100", "twenty characters too many to be an id at all"),
            -1100,
            "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
        ),
        (
            limit(BUY, "-1", "100"),
            -1100,
            (
                r"Illegal characters found in parameter 'quantity'; legal range is "
                r"'^([0-9]{1,20})(\.[0-9]{1,20})?$'."
            ),
        ),
        (limit(BUY, "NaN", "100"), -1100, None),
        (limit(BUY, "1", "Infinity"), -1100, None),
        (limit(BUY, "0.000000001", "100"), -1111, "Parameter 'quantity' has too much precision."),
        (limit(BUY, "1", "100.000000001"), -1111, "Parameter 'price' has too much precision."),
        (stop(SELL, "1", "90.000000001"), -1111, "Parameter 'stopPrice' has too much precision."),
        (limit(BUY, "0", "100"), -1013, "Invalid quantity."),
        (limit(BUY, "1", "0"), -1013, "Invalid price."),
        (stop(SELL, "1", "0"), -1013, "Invalid stopPrice."),
        (an_order(SELL, T.STOP_LOSS, "x", quantity="1", trailing_delta=0), -1100, None),
        (limit(BUY, "1", "100", symbol="NOPE"), -1121, "Invalid symbol."),
        (limit(BUY, "1", "100.001"), -1013, "Filter failure: PRICE_FILTER"),
        (limit(BUY, "1", "1000001"), -1013, "Filter failure: PRICE_FILTER"),
        (stop(SELL, "1", "90.001"), -1013, "Filter failure: PRICE_FILTER"),
        (limit(BUY, "1", "501"), -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        (limit(SELL, "1", "19.99"), -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        (limit(BUY, "0.000001", "100"), -1013, "Filter failure: LOT_SIZE"),
        (limit(BUY, "9001", "100"), -1013, "Filter failure: LOT_SIZE"),
        (market(BUY, "100.1"), -1013, "Filter failure: MARKET_LOT_SIZE"),
        (limit(BUY, "0.049", "100"), -1013, "Filter failure: NOTIONAL"),
        (market(BUY, "0.049"), -1013, "Filter failure: NOTIONAL"),
        (an_order(BUY, T.MARKET, "x", quote_order_quantity="4.9"), -1013, "Filter failure: NOTIONAL"),
        (stop(SELL, "0.055", "90"), -1013, "Filter failure: NOTIONAL"),
        (
            an_order(SELL, T.STOP_LOSS, "x", quantity="1", trailing_delta=9),
            -1013,
            "Filter failure: TRAILING_DELTA",
        ),
        (limit(BUY, "1", "100", iceberg_quantity="1"), -1013, "IcebergQty exceeds QTY."),
        (limit(BUY, "1", "100", iceberg_quantity="0.009"), -1013, "Filter failure: ICEBERG_PARTS"),
        (limit(BUY, "1", "100", iceberg_quantity="0.1000001"), -1013, "Filter failure: LOT_SIZE"),
    ],
)
def test_refusals(request_: OrderRequest, code: int, text: str | None) -> None:
    exchange = an_exchange()
    refusal = refused(lambda: exchange.execute("a", request_, 5))
    assert refusal[0] == code
    assert text is None or refusal[1] == text
    assert is_known_message(*refusal)
    assert exchange.drain() == []
    assert exchange.open_orders("a") == ()


@pytest.mark.parametrize(
    ("fields", "request_", "text"),
    [
        ({"order_types": (T.LIMIT,)}, market(BUY, "1"), "Market orders are not supported for this symbol."),
        (
            {"order_types": (T.LIMIT,)},
            stop(SELL, "1", "90"),
            "Stop loss orders are not supported for this symbol.",
        ),
        (
            {"quote_order_quantity_allowed": False},
            an_order(BUY, T.MARKET, "x", quote_order_quantity="10"),
            "Quote order qty market orders are not support for this symbol.",
        ),
        (
            {"trailing_allowed": False},
            an_order(SELL, T.STOP_LOSS, "x", quantity="1", trailing_delta=100),
            "Trailing stop orders are not supported for this symbol.",
        ),
        (
            {"iceberg_allowed": False},
            limit(BUY, "1", "100", iceberg_quantity="0.5"),
            "Iceberg orders are not supported for this symbol.",
        ),
        (
            {"allowed_stp": (SelfTradePrevention.EXPIRE_MAKER,)},
            limit(BUY, "1", "100", stp=SelfTradePrevention.NONE),
            "This symbol does not allow the specified self-trade prevention mode.",
        ),
        ({"status": SymbolStatus.BREAK}, limit(BUY, "1", "100"), "Market is closed."),
        ({"status": SymbolStatus.CANCEL_ONLY}, limit(BUY, "1", "100"), "Market is closed."),
    ],
)
def test_what_a_symbol_does_not_offer(fields: dict[str, Any], request_: OrderRequest, text: str) -> None:
    exchange = an_exchange(instrument=msgspec.structs.replace(BTCUSDT, **fields))
    assert refused(lambda: exchange.execute("a", request_, 5)) == (-1013, text)


def test_a_symbol_that_is_not_for_spot() -> None:
    exchange = an_exchange(instrument=msgspec.structs.replace(BTCUSDT, spot_allowed=False))
    text = "This symbol is not permitted for this account."
    assert refused(lambda: exchange.execute("a", limit(BUY, "1", "100"), 5)) == (-2010, text)


@pytest.mark.parametrize(
    ("fields", "requests", "name"),
    [
        ({"orders_max": 1}, [limit(BUY, "1", "90", "a"), limit(BUY, "1", "90", "b")], "MAX_NUM_ORDERS"),
        (
            {"algo_orders_max": 1},
            [stop(SELL, "1", "90", "a"), stop(SELL, "1", "90", "b")],
            "MAX_NUM_ALGO_ORDERS",
        ),
        (
            {"iceberg_orders_max": 1},
            [limit(BUY, "1", "90", name, iceberg_quantity="0.5") for name in "ab"],
            "MAX_NUM_ICEBERG_ORDERS",
        ),
        ({"order_lists_max": 1}, [an_oco(name="a"), an_oco(name="b")], "MAX_NUM_ORDER_LISTS"),
        ({"orders_max": 1}, [an_oco(name="a")], "MAX_NUM_ORDERS"),
    ],
)
def test_counts(fields: dict[str, Any], requests: list[Any], name: str) -> None:
    exchange = an_exchange(instrument=msgspec.structs.replace(BTCUSDT, **fields))
    for request in requests[:-1]:
        exchange.execute("a", request, 5)
    assert refused(lambda: exchange.execute("a", requests[-1], 6)) == (-1013, f"Filter failure: {name}")
    exchange.execute("b", requests[0], 7) if len(requests) > 1 else None


def test_pending_legs_count_as_open() -> None:
    exchange = an_exchange(instrument=msgspec.structs.replace(BTCUSDT, algo_orders_max=1))
    exchange.execute("a", a_list(ListKind.OTO, limit(BUY, "1", "90", "e"), stop(SELL, "1", "80", "s")), 5)
    assert refused(lambda: exchange.execute("a", stop(SELL, "1", "90"), 6))[1] == (
        "Filter failure: MAX_NUM_ALGO_ORDERS"
    )


def test_exchange_wide_counts_cover_all_symbols() -> None:
    other = msgspec.structs.replace(BTCUSDT, symbol="ETHUSDT", base="ETH")
    settings = msgspec.structs.replace(EXACT, limits=ExchangeLimits(orders_max=1))
    exchange = an_exchange(settings, more=(other,))
    exchange.execute("a", limit(BUY, "1", "90", "one"), 5)
    request = msgspec.structs.replace(limit(BUY, "1", "90", "two"), symbol="ETHUSDT")
    assert refused(lambda: exchange.execute("a", request, 6)) == (
        -1013,
        "Filter failure: EXCHANGE_MAX_NUM_ORDERS",
    )


def test_a_position_may_not_grow_beyond_its_limit() -> None:
    exchange = an_exchange(instrument=msgspec.structs.replace(BTCUSDT, position_max=Decimal(12)))
    exchange.execute("a", limit(BUY, "1", "90", "one"), 5)
    assert refused(lambda: exchange.execute("a", limit(BUY, "1.5", "90", "two"), 6)) == (
        -2010,
        "Filter failure: MAX_POSITION",
    )
    exchange.execute("a", limit(SELL, "5", "110", "sells"), 7)


def test_the_average_price_is_the_reference_then_the_drivers_then_ones_own() -> None:
    rule = PercentPrice(False, D(2), D("0.5"), D(2), D("0.5"))
    exchange = an_exchange(instrument=msgspec.structs.replace(BTCUSDT, percent_price=rule))
    exchange.execute("a", limit(BUY, "1", "51", "own"), 5)
    exchange.average_price = lambda symbol, minutes: Decimal(20) * minutes if symbol == SYMBOL else None
    assert refused(lambda: exchange.execute("a", limit(BUY, "1", "201", "x"), 6))[1] == (
        "Filter failure: PERCENT_PRICE"
    )
    exchange.execute("a", limit(BUY, "1", "60", "driver"), 6)
    exchange.set_reference_price(SYMBOL, D(1000))
    assert refused(lambda: exchange.execute("a", limit(BUY, "1", "60", "x"), 7))[1] == (
        "Filter failure: PERCENT_PRICE"
    )


def test_a_maximum_notional_may_spare_market_orders() -> None:
    rule = Notional(minimum=D(5), maximum=D(200))
    exchange = an_exchange(instrument=msgspec.structs.replace(BTCUSDT, notional=rule))
    assert refused(lambda: exchange.execute("a", limit(BUY, "3", "100"), 5))[1] == "Filter failure: NOTIONAL"
    exchange.execute("a", market(BUY, "3"), 6)


def test_filters_that_are_off() -> None:
    instrument = Instrument(symbol=SYMBOL, base="BTC", quote="USDT", lot_size=LotSize())
    exchange = an_exchange(instrument=instrument)
    exchange.execute("a", limit(BUY, "1.2345678", "0.00000001"), 5)
    assert exchange.open_orders("a")[0].price == D("0.00000001")


def test_an_asset_limit_bounds_the_quantity_of_a_base_and_the_notional_in_a_quote() -> None:
    settings = msgspec.structs.replace(
        EXACT, asset_limits=(AssetLimit("BTC", D(2)), AssetLimit("USDT", D(150)))
    )
    exchange = an_exchange(settings)
    failure = (-1013, "Filter failure: MAX_ASSET")
    assert refused(lambda: exchange.execute("a", limit(BUY, "3", "40"), 5)) == failure
    assert refused(lambda: exchange.execute("a", limit(BUY, "2", "80"), 5)) == failure
    assert refused(lambda: exchange.execute("a", market(BUY, "2"), 5)) == failure
    by_value = an_order(BUY, T.MARKET, "x", quote_order_quantity="151")
    assert refused(lambda: exchange.execute("a", by_value, 5)) == failure
    exchange.execute("a", limit(BUY, "1.5", "100"), 5)


def test_a_value_below_the_smallest_quote_amount() -> None:
    instrument = Instrument(symbol=SYMBOL, base="BTC", quote="USDT", lot_size=LotSize())
    exchange = an_exchange(instrument=instrument)
    tiny = limit(BUY, "0.1", "0.00000001")
    assert refused(lambda: exchange.execute("a", tiny, 5)) == (-1013, "Price * QTY is zero or less.")


def test_an_iceberg_leg_of_a_pair_must_be_gtc() -> None:
    exchange = an_exchange()
    pair = an_oco()
    leg = an_order(
        SELL, T.STOP_LOSS_LIMIT, "s", quantity="1", price="89", stop_price="90", iceberg_quantity="0.5",
        time_in_force=TimeInForce.IOC,
    )  # fmt: skip
    code, text = refused(lambda: exchange.execute("a", a_list(ListKind.OCO, leg, pair.legs[1]), 5))
    assert code == -1160
    assert text.startswith("Parameter 'belowIcebergQty' is not supported if")
