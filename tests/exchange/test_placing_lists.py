"""Order lists: shapes that are refused, what they lock, when their legs are released."""

from __future__ import annotations

import msgspec
import pytest

from fillwright.core.requests import OrderListRequest, OrderRequest
from fillwright.core.types import ListKind, OrderType, TimeInForce, VenueOrderStatus
from fillwright.exchange.messages import ListResponse
from tests.exchange.builders import (
    BTCUSDT,
    BUY,
    EXACT,
    FEES,
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
    refused,
    stop,
    told,
    trade,
)

MAKER = OrderType.LIMIT_MAKER


def maker(side: object, price: str, name: str = "m", quantity: str = "1") -> OrderRequest:
    return an_order(side, MAKER, name, quantity=quantity, price=price)  # type: ignore[arg-type]


# -- OCO ---------------------------------------------------------------------------------------------------------


def test_a_pair_locks_its_coins_once() -> None:
    exchange = an_exchange()
    response = exchange.execute("a", an_oco(), 5)
    assert isinstance(response, ListResponse)
    assert [leg.client_order_id for leg in response.list.legs] == ["oco-stop", "oco-limit"]
    assert told(exchange) == [
        "oco-stop NEW NEW",
        "oco-limit NEW NEW",
        "oco EXEC_STARTED EXECUTING",
        "a balances",
    ]
    assert holds(exchange, "a", "BTC") == ("9", "1")


def test_a_buying_pair_locks_the_dearer_leg() -> None:
    exchange = an_exchange()
    legs = (maker(BUY, "90", "below"), stop(BUY, "1", "110", "above"))
    exchange.execute("a", a_list(ListKind.OCO, *legs), 5)
    assert holds(exchange, "a", "USDT") == ("9890", "110")
    trade(exchange, "89")  # the limit leg fills at 90: the rest of the dearer leg's lock is free
    assert holds(exchange, "a", "USDT") == ("9910", "0")


@pytest.mark.parametrize(
    ("legs", "code"),
    [
        ((maker(SELL, "90"), maker(SELL, "110", "n")), -1168),
        ((maker(SELL, "90"), stop(SELL, "1", "80")), -1166),
        ((stop(BUY, "1", "80"), maker(BUY, "110")), -1165),
        ((stop(SELL, "1", "90"), stop(SELL, "1", "80", "n")), -1197),
        ((stop(BUY, "1", "110"), stop(BUY, "1", "120", "n")), -1196),
        (
            (
                an_order(SELL, OrderType.TAKE_PROFIT, "t", quantity="1", stop_price="110"),
                an_order(SELL, OrderType.TAKE_PROFIT, "u", quantity="1", stop_price="111"),
            ),
            -1199,
        ),
        (
            (
                an_order(BUY, OrderType.TAKE_PROFIT, "t", quantity="1", stop_price="90"),
                an_order(BUY, OrderType.TAKE_PROFIT, "u", quantity="1", stop_price="91"),
            ),
            -1198,
        ),
        ((limit(SELL, "1", "110"), stop(SELL, "1", "90", "s")), -1158),
        ((stop(SELL, "1", "90"), maker(SELL, "110", quantity="2")), -1014),
        ((stop(SELL, "1", "90"), maker(BUY, "110")), -1014),
        ((stop(SELL, "1", "90"),), -1014),
    ],
)
def test_pairs_of_the_wrong_shape(legs: tuple[OrderRequest, ...], code: int) -> None:
    exchange = an_exchange()
    request = OrderListRequest(kind=ListKind.OCO, symbol=SYMBOL, list_client_order_id="x", legs=legs)
    assert refused(lambda: exchange.execute("a", request, 5))[0] == code
    assert exchange.drain() == []


@pytest.mark.parametrize(
    ("stop_price", "target"), [("100", "110"), ("101", "110"), ("90", "100"), ("90", "99")]
)
def test_a_pair_must_stand_around_the_last_price(stop_price: str, target: str) -> None:
    exchange = an_exchange()
    assert refused(lambda: exchange.execute("a", an_oco(stop_price=stop_price, target=target), 5)) == (
        -2010,
        "The relationship of the prices for the orders is not correct.",
    )


def test_legs_do_not_take_price_or_time_in_force_they_have_no_use_for() -> None:
    exchange = an_exchange()
    wrong = msgspec.structs.replace(stop(SELL, "1", "90"), price=D(89))
    request = a_list(ListKind.OCO, wrong, maker(SELL, "110"))
    assert refused(lambda: exchange.execute("a", request, 5)) == (
        -1106,
        "Parameter 'belowPrice' sent when not required.",
    )
    wrong = msgspec.structs.replace(maker(SELL, "110"), time_in_force=TimeInForce.GTC)
    request = a_list(ListKind.OCO, stop(SELL, "1", "90"), wrong)
    assert refused(lambda: exchange.execute("a", request, 5)) == (
        -1106,
        "Parameter 'aboveTimeInForce' sent when not required.",
    )


@pytest.mark.parametrize(
    ("field", "kind", "text"),
    [
        ("oco_allowed", ListKind.OCO, "OCO orders are not supported for this symbol"),
        ("oto_allowed", ListKind.OTO, "OTO orders are not supported for this symbol."),
        ("opo_allowed", ListKind.OPOCO, "OPO orders are not supported for this symbol."),
        ("oco_allowed", ListKind.OPOCO, "OCO orders are not supported for this symbol"),
    ],
)
def test_a_symbol_says_which_lists_it_takes(field: str, kind: ListKind, text: str) -> None:
    exchange = an_exchange(instrument=msgspec.structs.replace(BTCUSDT, **{field: False}))
    requests = {
        ListKind.OCO: an_oco(),
        ListKind.OTO: a_list(ListKind.OTO, limit(BUY, "1", "99"), stop(SELL, "1", "90", "s")),
        ListKind.OPOCO: an_opoco(),
    }
    assert refused(lambda: exchange.execute("a", requests[kind], 5)) == (-1013, text)


def test_the_same_list_twice_is_a_duplicate_until_it_has_ended() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_oco(), 5)
    assert refused(lambda: exchange.execute("a", an_oco(), 6)) == (-2010, "Duplicate order sent.")
    trade(exchange, "89")
    exchange.set_market(SYMBOL, last=D(100))
    exchange.execute("a", an_oco(), 8)


# -- OTO, OTOCO --------------------------------------------------------------------------------------------------


def test_pending_legs_lock_nothing_and_wait_for_the_whole_fill() -> None:
    exchange = an_exchange(USDT="1000")
    request = a_list(ListKind.OTO, limit(BUY, "1", "99", "e"), stop(SELL, "1", "90", "s"))
    response = exchange.execute("a", request, 5)
    assert isinstance(response, ListResponse)
    assert [one.order.status.value for one in response.orders] == ["NEW", "PENDING_NEW"]
    assert holds(exchange, "a", "BTC") == ("0", "0")
    told(exchange)
    assert trade(exchange, "98", "0.4") == ["e TRADE PARTIALLY_FILLED 0.4@99", "a balances"]
    assert trade(exchange, "98", "0.6") == ["e TRADE FILLED 0.6@99", "s NEW NEW", "a balances"]
    assert holds(exchange, "a", "BTC") == ("0", "1")


def test_an_entry_that_expires_takes_its_exits_along() -> None:
    exchange = an_exchange()
    exchange.on_quote(SYMBOL, D(99), D(1), D(101), D(1), 2)
    working = limit(BUY, "1", "100", "e", time_in_force=TimeInForce.FOK)
    request = a_list(ListKind.OTOCO, working, stop(SELL, "1", "90", "s"), maker(SELL, "110", "t"))
    response = exchange.execute("a", request, 5)
    assert isinstance(response, ListResponse)
    assert response.list.list_client_order_id is None
    assert [one.order.status for one in response.orders] == [VenueOrderStatus.EXPIRED] * 3
    assert told(exchange) == [
        "e NEW NEW",
        "s NEW PENDING_NEW",
        "t NEW PENDING_NEW",
        "e EXPIRED EXPIRED UNFILLED_FOK_ORDER_EXPIRED",
        "s EXPIRED EXPIRED OTO_PHASE_ONE_EXPIRED",
        "t EXPIRED EXPIRED OTO_PHASE_ONE_EXPIRED",
        "list EXEC_STARTED EXECUTING",
        "list ALL_DONE ALL_DONE",
        "a balances",
    ]


def test_the_answer_keeps_the_list_id_where_the_switch_says_so() -> None:
    exchange = an_exchange(msgspec.structs.replace(EXACT, unfilled_fok_null_list_id=False))
    response = exchange.execute("a", an_opoco(price="99"), 5)
    assert isinstance(response, ListResponse)
    assert response.list.list_client_order_id == "opoco"


def test_a_release_without_funds_is_rejected_and_leaves_the_coins() -> None:
    exchange = an_exchange(fees=FEES, USDT="1000")
    request = a_list(ListKind.OTO, limit(BUY, "1", "100", "e"), stop(SELL, "1", "90", "s"))
    exchange.execute("a", request, 5)  # the fee leaves 0.999
    assert told(exchange)[-4:] == [
        "s EXPIRED EXPIRED REJECTED",
        "list EXEC_STARTED EXECUTING",
        "list ALL_DONE ALL_DONE",
        "a balances",
    ]
    assert holds(exchange, "a", "BTC") == ("0.999", "0")


def test_a_release_into_a_market_that_has_passed_is_rejected() -> None:
    exchange = an_exchange(USDT="1000")
    request = a_list(
        ListKind.OTOCO, limit(BUY, "1", "95", "e"), stop(SELL, "1", "94", "s"), maker(SELL, "110", "t")
    )
    exchange.execute("a", request, 5)
    told(exchange)
    exchange.on_candle_open(SYMBOL, D(93), 6)
    assert trade(exchange, "93", "5") == [
        "e TRADE FILLED 1@95",
        "s EXPIRED EXPIRED REJECTED",
        "t EXPIRED EXPIRED OCO_TRIGGER",
        "list ALL_DONE ALL_DONE",
        "a balances",
    ]
    assert holds(exchange, "a", "BTC") == ("1", "0")


def test_a_pending_market_order_trades_at_its_release() -> None:
    exchange = an_exchange(USDT="1000")
    request = a_list(ListKind.OTO, limit(BUY, "1", "100", "e"), market(SELL, "1", "x"))
    exchange.execute("a", request, 5)
    assert "x TRADE FILLED 1@100" in told(exchange)
    assert holds(exchange, "a", "USDT") == ("1000", "0")


def test_a_market_order_does_not_work_for_others() -> None:
    exchange = an_exchange()
    request = a_list(ListKind.OTO, market(BUY, "1", "e"), stop(SELL, "1", "90", "s"))
    assert refused(lambda: exchange.execute("a", request, 5))[0] == -1159


# -- OPO, OPOCO --------------------------------------------------------------------------------------------------


def test_exits_sell_what_was_received_after_commission() -> None:
    exchange = an_exchange(fees=FEES, USDT="1000")
    response = exchange.execute("a", an_opoco("1.00001"), 5)
    assert isinstance(response, ListResponse)
    assert [one.order.quantity for one in response.orders] == [D("1.00001"), 0, 0]
    assert [one.order.status.value for one in response.orders] == ["FILLED", "PENDING_NEW", "PENDING_NEW"]
    assert told(exchange) == [
        "opoco-entry NEW NEW",
        "opoco-stop NEW PENDING_NEW",
        "opoco-target NEW PENDING_NEW",
        "opoco-entry TRADE FILLED 1.00001@100",
        "opoco-stop NEW NEW",
        "opoco-target NEW NEW",
        "opoco EXEC_STARTED EXECUTING",
        "a balances",
    ]
    # 1.00001 less 0.00100001 is 0.99900999: the lot takes 0.999, the rest is free.
    assert exchange.order("a", SYMBOL, client_order_id="opoco-stop").quantity == D("0.999")
    assert holds(exchange, "a", "BTC") == ("0.00000999", "0.999")
    assert exchange.audit() == ()


def test_received_coins_stay_locked_until_the_entry_is_whole() -> None:
    exchange = an_exchange(USDT="1000")
    exchange.execute("a", an_opoco(price="95", time_in_force=TimeInForce.GTC), 5)
    told(exchange)
    trade(exchange, "94", "0.4")
    assert holds(exchange, "a", "BTC") == ("0", "0.4")
    assert exchange.audit() == ()
    trade(exchange, "94", "0.6")
    assert holds(exchange, "a", "BTC") == ("0", "1")


def test_commission_from_free_coins_leaves_the_gross_quantity_to_the_exit() -> None:
    settings = msgspec.structs.replace(EXACT, opo_commission_from_free=True)
    exchange = an_exchange(settings, fees=FEES, USDT="1000", BTC="1")
    exchange.execute("a", an_opoco(), 5)
    assert exchange.order("a", SYMBOL, client_order_id="opoco-stop").quantity == 1
    assert holds(exchange, "a", "BTC") == ("0.999", "1")


def test_exits_below_the_minimum_notional_fail_at_release() -> None:
    exchange = an_exchange(fees=FEES, USDT="1000")
    exchange.execute("a", an_opoco("0.05", stop_price="90"), 5)  # 0.04995 × 90 < 5
    assert "opoco-stop EXPIRED EXPIRED REJECTED" in told(exchange)
    assert holds(exchange, "a", "BTC") == ("0.04995", "0")


def test_an_opo_buys_first_and_sells_then() -> None:
    exchange = an_exchange()
    sells = a_list(
        ListKind.OPO, limit(SELL, "1", "101", "e"), an_order(SELL, OrderType.STOP_LOSS, "s", stop_price="90")
    )
    assert refused(lambda: exchange.execute("a", sells, 5))[0] == -1222
    buys = a_list(
        ListKind.OPO, limit(BUY, "1", "99", "e"), an_order(BUY, OrderType.STOP_LOSS, "s", stop_price="110")
    )
    assert refused(lambda: exchange.execute("a", buys, 5))[0] == -1223
    sized = a_list(ListKind.OPO, limit(BUY, "1", "99", "e"), stop(SELL, "1", "90", "s"))
    assert refused(lambda: exchange.execute("a", sized, 5)) == (
        -1106,
        "Parameter 'pendingQuantity' sent when not required.",
    )


def test_an_entry_larger_than_a_market_order_may_be_shrinks_its_exits() -> None:
    exchange = an_exchange(USDT="100000")
    exchange.execute("a", an_opoco("150"), 5)
    assert exchange.order("a", SYMBOL, client_order_id="opoco-stop").quantity == 100
    assert holds(exchange, "a", "BTC") == ("50", "100")
