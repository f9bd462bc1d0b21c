"""Single orders: what they do on arrival, by type and time in force."""

from __future__ import annotations

import msgspec
import pytest

from fillwright.core.instruments import LotSize
from fillwright.core.types import OrderType, TimeInForce, VenueOrderStatus
from fillwright.exchange.messages import OrderResponse
from fillwright.exchange.settings import ExchangeSettings
from tests.exchange.builders import (
    BTCUSDT,
    BUY,
    EXACT,
    FEES,
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
)


def test_a_market_buy_fills_at_the_last_price_and_pays_its_fee_in_coins() -> None:
    exchange = an_exchange(fees=FEES)
    response = exchange.execute("a", market(BUY, "1"), 5)
    assert isinstance(response, OrderResponse)
    assert response.order.status is VenueOrderStatus.FILLED
    assert [
        (fill.price, fill.quantity, fill.commission, fill.commission_asset) for fill in response.fills
    ] == [(100, 1, D("0.001"), "BTC")]
    assert told(exchange) == ["x NEW NEW", "x TRADE FILLED 1@100", "a balances"]
    assert holds(exchange, "a", "BTC") == ("10.999", "0")
    assert holds(exchange, "a", "USDT") == ("9900", "0")


def test_spread_and_slippage_are_assumed_where_the_feed_has_only_trades() -> None:
    exchange = an_exchange(ExchangeSettings(spread_bps=D(20), slippage_bps=D(100)))
    bought = exchange.execute("a", market(BUY, "1", "b"), 5)
    assert isinstance(bought, OrderResponse)
    assert bought.fills[0].price == D("101.11")  # 100 + 0.1 %, + 1 %, up to the tick
    exchange.set_market(SYMBOL, last=D(100))
    sold = exchange.execute("a", market(SELL, "1", "s"), 6)
    assert isinstance(sold, OrderResponse)
    assert sold.fills[0].price == D("98.90")


def test_a_limit_that_crosses_an_assumed_quote_fills_at_its_limit_at_worst() -> None:
    exchange = an_exchange(ExchangeSettings(spread_bps=D(20), slippage_bps=D(100)))
    response = exchange.execute("a", limit(BUY, "1", "100.50", time_in_force=TimeInForce.FOK), 5)
    assert isinstance(response, OrderResponse)
    assert response.fills[0].price == D("100.50")


def test_a_market_order_beyond_the_quotes_slips() -> None:
    exchange = an_exchange(ExchangeSettings(slippage_bps=D(100)))
    exchange.on_quote(SYMBOL, D("99.9"), D(2), D("100.1"), D("0.4"), 2)
    response = exchange.execute("a", market(BUY, "1"), 5)
    assert isinstance(response, OrderResponse)
    assert [(fill.price, fill.quantity) for fill in response.fills] == [
        (D("100.1"), D("0.4")),
        (D("101.11"), D("0.6")),
    ]


def test_what_was_taken_of_a_quote_is_gone_until_the_next_quote() -> None:
    exchange = an_exchange(ExchangeSettings(slippage_bps=D(100)))
    for round_ in range(2):
        exchange.on_quote(SYMBOL, D("99.9"), D(2), D("100.1"), D("0.4"), 2)
        first = exchange.execute("a", market(BUY, "0.4", f"f{round_}"), 5)
        second = exchange.execute("a", market(BUY, "0.4", f"s{round_}"), 6)
        assert isinstance(first, OrderResponse)
        assert isinstance(second, OrderResponse)
        assert (first.fills[0].price, second.fills[0].price) == (D("100.1"), D("101.11"))


def test_a_market_order_walks_depth_and_expires_where_it_ends() -> None:
    exchange = an_exchange()
    exchange.on_depth(SYMBOL, [], [(D(101), D(1)), (D(102), D("0.5"))], 2, snapshot=True)
    response = exchange.execute("a", market(BUY, "2"), 5)
    assert isinstance(response, OrderResponse)
    assert told(exchange) == [
        "x NEW NEW",
        "x TRADE PARTIALLY_FILLED 1@101",
        "x TRADE PARTIALLY_FILLED 0.5@102",
        "x EXPIRED EXPIRED INSUFFICIENT_LIQUIDITY",
        "a balances",
    ]
    assert response.order.executed_quantity == D("1.5")


def test_consumed_depth_is_gone_until_the_feed_names_the_level_again() -> None:
    exchange = an_exchange()
    levels = [(D(101), D(1)), (D(102), D(1))]
    exchange.on_depth(SYMBOL, [], levels, 2, snapshot=True)
    prices = []
    for name in ("one", "two"):
        response = exchange.execute("a", market(BUY, "1", name), 5)
        assert isinstance(response, OrderResponse)
        prices.append(response.fills[0].price)
    exchange.on_depth(SYMBOL, [], [(D(101), D(3))], 6, snapshot=False)
    response = exchange.execute("a", market(BUY, "1", "three"), 7)
    assert isinstance(response, OrderResponse)
    assert [*prices, response.fills[0].price] == [101, 102, 101]


def test_a_value_buys_what_it_can() -> None:
    exchange = an_exchange()
    exchange.on_depth(SYMBOL, [], [(D(100), D(1)), (D(200), D(5))], 2, snapshot=True)
    request = an_order(BUY, OrderType.MARKET, "x", quote_order_quantity="250")
    response = exchange.execute("a", request, 5)
    assert isinstance(response, OrderResponse)
    assert response.order.quantity == response.order.executed_quantity == D("1.75")
    assert response.order.executed_quote == 250
    assert response.order.status is VenueOrderStatus.FILLED


def test_a_value_that_finds_no_book_is_refused() -> None:
    exchange = an_exchange(last=None)
    request = an_order(BUY, OrderType.MARKET, "x", quote_order_quantity="250")
    assert refused(lambda: exchange.execute("a", request, 5)) == (
        -2010,
        "Order book liquidity is less than symbol minimum quantity.",
    )


def test_a_value_too_small_for_the_lot_is_refused() -> None:
    coarse = msgspec.structs.replace(BTCUSDT, lot_size=LotSize(D(1), D(9), D("0.5")))
    exchange = an_exchange(instrument=coarse)
    request = an_order(BUY, OrderType.MARKET, "x", quote_order_quantity="60")
    assert refused(lambda: exchange.execute("a", request, 5)) == (
        -2010,
        "Order book liquidity is less than `LOT_SIZE` filter minimum quantity.",
    )


@pytest.mark.parametrize(
    "request_",
    [market(BUY, "100"), market(SELL, "10.1"), limit(BUY, "100", "100"), stop(SELL, "11", "90")],
)
def test_an_order_that_cannot_be_paid_is_refused_and_leaves_nothing(request_: object) -> None:
    exchange = an_exchange(USDT="9999", BTC="10")
    assert refused(lambda: exchange.execute("a", request_, 5)) == (  # type: ignore[arg-type]
        -2010,
        "Account has insufficient balance for requested action.",
    )
    assert exchange.drain() == []
    assert exchange.open_orders("a") == ()
    assert exchange.audit() == ()


def test_a_resting_limit_locks_its_value_and_the_better_price_is_given_back() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "99"), 5)
    assert holds(exchange, "a", "USDT") == ("9901", "99")
    exchange.execute("a", limit(BUY, "1", "105", "y"), 6)  # takes at 100
    assert holds(exchange, "a", "USDT") == ("9801", "99")


def test_immediate_or_cancel_takes_what_is_there() -> None:
    exchange = an_exchange()
    exchange.on_depth(SYMBOL, [], [(D(100), D("0.3")), (D(103), D(1))], 2, snapshot=True)
    exchange.execute("a", limit(BUY, "1", "101", time_in_force=TimeInForce.IOC), 5)
    assert told(exchange) == [
        "x NEW NEW",
        "x TRADE PARTIALLY_FILLED 0.3@100",
        "x EXPIRED EXPIRED UNFILLED_IOC_QUANTITY_EXPIRED",
        "a balances",
    ]
    assert holds(exchange, "a", "USDT") == ("9970", "0")


def test_fill_or_kill_takes_all_or_nothing() -> None:
    exchange = an_exchange()
    exchange.on_depth(SYMBOL, [], [(D(100), D("0.3")), (D(103), D(1))], 2, snapshot=True)
    exchange.execute("a", limit(BUY, "1", "101", "no", time_in_force=TimeInForce.FOK), 5)
    assert told(exchange) == ["no NEW NEW", "no EXPIRED EXPIRED UNFILLED_FOK_ORDER_EXPIRED", "a balances"]
    assert holds(exchange, "a", "USDT") == ("10000", "0")
    exchange.execute("a", limit(BUY, "1", "103", "yes", time_in_force=TimeInForce.FOK), 6)
    assert told(exchange)[-2] == "yes TRADE FILLED 0.7@103"


def test_a_limit_maker_never_takes() -> None:
    exchange = an_exchange(EXACT)
    exchange.on_quote(SYMBOL, D(99), D(1), D(101), D(1), 2)
    maker = OrderType.LIMIT_MAKER
    crossing = an_order(BUY, maker, "x", quantity="1", price="101")
    assert refused(lambda: exchange.execute("a", crossing, 5)) == (
        -2010,
        "Order would immediately match and take.",
    )
    exchange.execute("a", an_order(BUY, maker, "y", quantity="1", price="100.99"), 6)
    assert told(exchange) == ["y NEW NEW", "a balances"]
    selling = an_order(SELL, maker, "z", quantity="1", price="100.99")
    assert refused(lambda: exchange.execute("b", selling, 7))[0] == -2010  # the other account's bid is there


@pytest.mark.parametrize(
    ("side", "kind", "price", "accepted"),
    [
        (SELL, OrderType.STOP_LOSS, "99.99", True),
        (SELL, OrderType.STOP_LOSS, "100", False),
        (SELL, OrderType.TAKE_PROFIT, "100.01", True),
        (SELL, OrderType.TAKE_PROFIT, "100", False),
        (BUY, OrderType.STOP_LOSS, "100.01", True),
        (BUY, OrderType.STOP_LOSS, "100", False),
        (BUY, OrderType.TAKE_PROFIT, "99.99", True),
        (BUY, OrderType.TAKE_PROFIT, "100", False),
    ],
)
def test_a_stop_on_the_wrong_side_would_trigger(
    side: object, kind: OrderType, price: str, accepted: bool
) -> None:
    exchange = an_exchange()
    request = an_order(side, kind, "x", quantity="1", stop_price=price)  # type: ignore[arg-type]
    if accepted:
        exchange.execute("a", request, 5)
        assert told(exchange) == ["x NEW NEW", "a balances"]
    else:
        assert refused(lambda: exchange.execute("a", request, 5)) == (
            -2010,
            "Stop price would trigger immediately.",
        )


def test_locks_of_stops() -> None:
    exchange = an_exchange()
    exchange.execute("a", stop(SELL, "1", "90", "s"), 5)
    exchange.execute("a", stop(BUY, "1", "110", "b"), 5)
    exchange.execute(
        "a", an_order(BUY, OrderType.STOP_LOSS_LIMIT, "l", quantity="1", price="120", stop_price="110"), 5
    )
    assert holds(exchange, "a", "BTC") == ("9", "1")
    assert holds(exchange, "a", "USDT") == ("9770", "230")


def test_what_a_trailing_purchase_locks_has_the_digits_of_its_tick() -> None:
    exchange = an_exchange(last="100.03")
    request = an_order(BUY, OrderType.STOP_LOSS, "t", quantity="0.10123", trailing_delta=57)
    response = exchange.execute("a", request, 5)
    assert isinstance(response, OrderResponse)
    # It fires at 100.600171 and locks 100.61 a coin: to the last digit a balance has eight decimals.
    assert holds(exchange, "a", "USDT") == ("9989.8152497", "10.1847503")
    assert exchange.audit() == ()


def test_an_id_is_free_again_once_its_order_is_final() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "90"), 5)
    assert refused(lambda: exchange.execute("a", limit(BUY, "1", "91"), 6)) == (
        -2010,
        "Duplicate order sent.",
    )
    exchange.execute("b", limit(BUY, "1", "90"), 6)  # another account's id is another id
    exchange.on_trade(SYMBOL, D(80), D(9), 7)
    exchange.execute("a", limit(BUY, "1", "70"), 8)
    assert exchange.order("a", SYMBOL, client_order_id="x").order_id == 3
