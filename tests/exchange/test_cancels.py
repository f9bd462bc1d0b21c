"""Cancels, cancelReplace in its order of checks, and amendments that keep their place in the queue."""

from __future__ import annotations

import msgspec
import pytest

from fillwright.core.requests import (
    AmendRequest,
    CancelListRequest,
    CancelOpenOrdersRequest,
    CancelReplaceRequest,
    CancelRequest,
    OrderRequest,
)
from fillwright.core.types import (
    CancelReplaceMode,
    CancelRestriction,
    ListKind,
    OrderRateLimitExceededMode,
    OrderType,
    SymbolStatus,
    TimeInForce,
)
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.messages import (
    AmendResponse,
    CancelListResponse,
    CancelReplaceResponse,
    CancelResponse,
    ExchangeError,
    ReplaceResult,
)
from fillwright.exchange.settings import OrderCountLimit
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
    an_opoco,
    holds,
    limit,
    market,
    refused,
    reports,
    stop,
    told,
    trade,
)

STOP, ALLOW = CancelReplaceMode.STOP_ON_FAILURE, CancelReplaceMode.ALLOW_FAILURE


def cancel(name: str, own: str | None = "c", **fields: object) -> CancelRequest:
    return CancelRequest(symbol=SYMBOL, orig_client_order_id=name, cancel_client_order_id=own, **fields)  # type: ignore[arg-type]


def replace(name: str, order: OrderRequest, mode: CancelReplaceMode = STOP) -> CancelReplaceRequest:
    return CancelReplaceRequest(mode=mode, cancel=cancel(name), order=order)


def failed(exchange: Exchange, request: CancelReplaceRequest) -> tuple[int, int, CancelReplaceResponse]:
    with pytest.raises(ExchangeError) as caught:
        exchange.execute("a", request, 9)
    assert caught.value.data is not None
    return caught.value.code, caught.value.http_status, caught.value.data


# -- cancel ------------------------------------------------------------------------------------------------------


def test_a_cancel_goes_under_its_own_id_and_frees_the_lock() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "90"), 5)
    exchange.drain()
    answer = exchange.execute("a", cancel("x"), 6)
    assert isinstance(answer, CancelResponse)
    assert (answer.client_order_id, answer.orig_client_order_id) == ("c", "x")
    (report,) = reports(exchange)
    assert (report.client_order_id, report.orig_client_order_id, report.is_working) == ("c", "x", False)
    assert holds(exchange, "a", "USDT") == ("10000", "0")
    view = exchange.order("a", SYMBOL, client_order_id="x")
    assert (view.status.value, view.is_working) == ("CANCELED", True)


def test_a_renaming_exchange_finds_the_order_by_its_cancel_only() -> None:
    exchange = an_exchange(msgspec.structs.replace(EXACT, cancel_renames=True))
    exchange.execute("a", limit(BUY, "1", "90"), 5)
    exchange.execute("a", cancel("x"), 6)
    assert exchange.order("a", SYMBOL, client_order_id="c").order_id == 1
    assert refused(lambda: exchange.order("a", SYMBOL, client_order_id="x"))[0] == -2013


@pytest.mark.parametrize("status", ["final", "absent", "another account's"])
def test_what_is_not_open_cannot_be_cancelled(status: str) -> None:
    exchange = an_exchange()
    if status == "final":
        exchange.execute("a", market(BUY, "1"), 5)
    elif status == "another account's":
        exchange.execute("b", limit(BUY, "1", "90"), 5)
    assert refused(lambda: exchange.execute("a", cancel("x"), 6)) == (-2011, "Unknown order sent.")


def test_ids_must_agree_and_one_is_needed() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "90"), 5)
    both = CancelRequest(symbol=SYMBOL, order_id=1, orig_client_order_id="y")
    assert refused(lambda: exchange.execute("a", both, 6))[0] == -2039
    assert refused(lambda: exchange.execute("a", CancelRequest(symbol=SYMBOL), 6))[0] == -1102
    assert refused(lambda: exchange.execute("a", cancel("x", "not valid!"), 6))[0] == -1100


def test_restrictions() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "90"), 5)
    only = cancel("x", restriction=CancelRestriction.ONLY_PARTIALLY_FILLED)
    text = "Order was not canceled due to cancel restrictions."
    assert refused(lambda: exchange.execute("a", only, 6)) == (-2011, text)
    trade(exchange, "89", "0.5")
    only_new = cancel("x", restriction=CancelRestriction.ONLY_NEW)
    assert refused(lambda: exchange.execute("a", only_new, 6)) == (-2011, text)
    exchange.execute("a", only, 7)


def test_a_leg_takes_its_list_along() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_oco(), 5)
    exchange.drain()
    answer = exchange.execute("a", cancel("oco-limit"), 6)
    assert isinstance(answer, CancelListResponse)
    assert [one.client_order_id for one in answer.orders] == ["c", "c"]
    assert answer.list.order_status == "ALL_DONE"
    assert told(exchange) == [
        "c CANCELED CANCELED",
        "c CANCELED CANCELED",
        "oco ALL_DONE ALL_DONE",
        "a balances",
    ]
    assert refused(lambda: exchange.execute("a", cancel("oco-stop"), 7)) == (-2011, "Unknown order sent.")
    assert holds(exchange, "a", "BTC") == ("10", "0")


def test_a_list_cancelled_after_a_partial_entry_frees_what_was_received() -> None:
    exchange = an_exchange(USDT="1000")
    exchange.execute("a", an_opoco(price="95", time_in_force=TimeInForce.GTC), 5)
    trade(exchange, "94", "0.4")
    answer = exchange.execute("a", CancelListRequest(symbol=SYMBOL, list_client_order_id="opoco"), 7)
    assert isinstance(answer, CancelListResponse)
    assert [one.order.status.value for one in answer.orders] == ["CANCELED"] * 3
    assert answer.orders[0].order.executed_quantity == D("0.4")
    assert holds(exchange, "a", "BTC") == ("0.4", "0")
    assert holds(exchange, "a", "USDT") == ("962", "0")
    again = CancelListRequest(symbol=SYMBOL, order_list_id=1)
    assert refused(lambda: exchange.execute("a", again, 8)) == (-2011, "Unknown order sent.")


def test_cancel_all_of_nothing_is_refused() -> None:
    exchange = an_exchange()
    request = CancelOpenOrdersRequest(symbol=SYMBOL)
    assert refused(lambda: exchange.execute("a", request, 5)) == (-2011, "Unknown order sent.")
    exchange.execute("a", limit(BUY, "1", "90"), 5)
    exchange.execute("a", an_oco(), 5)
    exchange.execute("b", limit(BUY, "1", "90"), 5)
    answers = exchange.execute("a", request, 6)
    assert [type(one) for one in answers] == [CancelResponse, CancelListResponse]  # type: ignore[union-attr]
    assert exchange.open_orders("a") == ()
    assert len(exchange.open_orders("b")) == 1


@pytest.mark.parametrize(
    ("status", "allowed"),
    [(SymbolStatus.HALT, True), (SymbolStatus.CANCEL_ONLY, True), (SymbolStatus.BREAK, False)],
)
def test_cancels_by_trading_phase(status: SymbolStatus, allowed: bool) -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "90"), 5)
    exchange.set_status(SYMBOL, status, 6)
    if allowed:
        exchange.execute("a", cancel("x"), 7)
    else:
        assert refused(lambda: exchange.execute("a", cancel("x"), 7)) == (-2011, "Market is closed.")


# -- cancelReplace -----------------------------------------------------------------------------------------------


def test_a_stop_leg_is_replaced_by_a_market_sell() -> None:
    exchange = an_exchange(USDT="1000")
    exchange.execute("a", an_opoco(), 5)
    exchange.drain()
    answer = exchange.execute("a", replace("opoco-stop", market(SELL, "1", "exit")), 6)
    assert isinstance(answer, CancelReplaceResponse)
    assert answer.cancel_result is answer.new_order_result is ReplaceResult.SUCCESS
    assert isinstance(answer.cancel_response, CancelListResponse)
    assert told(exchange) == [
        "c CANCELED CANCELED",
        "c CANCELED CANCELED",
        "exit NEW NEW",
        "exit TRADE FILLED 1@100",
        "opoco ALL_DONE ALL_DONE",
        "a balances",
    ]


def test_filters_are_judged_before_the_cancel() -> None:
    exchange = an_exchange(instrument=msgspec.structs.replace(BTCUSDT, algo_orders_max=1))
    exchange.execute("a", stop(SELL, "1", "90"), 5)
    request = replace("x", stop(SELL, "1", "95", "y"))
    assert refused(lambda: exchange.execute("a", request, 6)) == (
        -1013,
        "Filter failure: MAX_NUM_ALGO_ORDERS",
    )
    assert exchange.order("a", SYMBOL, client_order_id="x").status.value == "NEW"


def test_balance_and_trigger_are_judged_after_the_cancel() -> None:
    exchange = an_exchange()
    exchange.execute("a", stop(SELL, "10", "90"), 5)
    exchange.execute("a", replace("x", stop(SELL, "10", "95", "y")), 6)  # its own lock is free by then
    code, status, data = failed(exchange, replace("y", stop(SELL, "10", "100", "z")))
    assert (code, status) == (-2021, 409)
    assert (data.cancel_result, data.new_order_result) == (ReplaceResult.SUCCESS, ReplaceResult.FAILURE)
    assert data.new_order_response is not None
    assert exchange.open_orders("a") == ()
    rejected = reports(exchange)[-1]
    assert (rejected.client_order_id, rejected.execution_type.value, rejected.status.value) == (
        "z",
        "REJECTED",
        "REJECTED",
    )
    assert rejected.reject_reason == "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY"
    assert refused(lambda: exchange.order("a", SYMBOL, client_order_id="z"))[0] == -2013


def test_a_cancel_that_fails_stops_or_does_not_stop_the_new_order() -> None:
    exchange = an_exchange()
    code, status, data = failed(exchange, replace("absent", limit(BUY, "1", "90")))
    assert (code, status, data.new_order_result) == (-2022, 400, ReplaceResult.NOT_ATTEMPTED)
    assert data.new_order_response is None
    assert exchange.open_orders("a") == ()
    code, status, data = failed(exchange, replace("absent", limit(BUY, "1", "90"), ALLOW))
    assert (code, status) == (-2021, 409)
    assert (data.cancel_result, data.new_order_result) == (ReplaceResult.FAILURE, ReplaceResult.SUCCESS)
    assert len(exchange.open_orders("a")) == 1
    code, status, data = failed(exchange, replace("absent", limit(BUY, "100", "100", "y"), ALLOW))
    assert (code, status, data.new_order_result) == (-2022, 400, ReplaceResult.FAILURE)


def test_a_replacement_counts_once_even_when_it_is_not_attempted() -> None:
    limits = (OrderCountLimit(10_000_000, 2, "10 SECOND"),)
    exchange = an_exchange(msgspec.structs.replace(EXACT, order_counts=limits))
    for _ in range(2):
        failed(exchange, replace("absent", limit(BUY, "1", "90")))
    assert refused(lambda: exchange.execute("a", replace("absent", limit(BUY, "1", "90")), 6)) == (
        -1015,
        "Too many new orders; current limit is 2 orders per 10 SECOND.",
    )


# -- amend -------------------------------------------------------------------------------------------------------


def amend(name: str, quantity: str, new: str | None = None) -> AmendRequest:
    return AmendRequest(
        symbol=SYMBOL, new_quantity=D(quantity), orig_client_order_id=name, new_client_order_id=new
    )


def test_an_amended_order_keeps_its_place() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "99", "first"), 5)
    exchange.execute("b", limit(BUY, "1", "99", "second"), 5)
    exchange.drain()
    answer = exchange.execute("a", amend("first", "0.5", "first"), 6)
    assert isinstance(answer, AmendResponse)
    assert answer.order.quantity == D("0.5")
    assert told(exchange) == ["first REPLACED NEW", "a balances"]
    assert holds(exchange, "a", "USDT") == ("9950.5", "49.5")
    assert trade(exchange, "98", "0.6")[:2] == [
        "first TRADE FILLED 0.5@99",
        "second TRADE PARTIALLY_FILLED 0.1@99",
    ]


def test_an_amendment_renames_and_is_remembered() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "99"), 5)
    exchange.drain()
    exchange.execute("a", amend("x", "0.5", "y"), 6)
    (report,) = reports(exchange)
    assert (report.client_order_id, report.orig_client_order_id) == ("y", "x")
    assert exchange.order("a", SYMBOL, client_order_id="y").order_id == 1
    (history,) = exchange.amendments("a", SYMBOL, 1)
    assert (history.orig_quantity, history.new_quantity) == (1, D("0.5"))
    exchange.execute("a", limit(BUY, "1", "98", "x"), 7)  # the old name is free


def test_both_legs_of_a_pair_are_amended() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_oco("2"), 5)
    exchange.drain()
    answer = exchange.execute("a", amend("oco-limit", "1", "oco-smaller"), 6)
    assert isinstance(answer, AmendResponse)
    assert answer.list is not None
    assert [order.quantity for order in exchange.open_orders("a")] == [1, 1]
    assert told(exchange) == [
        "oco-stop REPLACED NEW",
        "oco-smaller REPLACED NEW",
        "oco UPDATED EXECUTING",
        "a balances",
    ]
    assert holds(exchange, "a", "BTC") == ("9", "1")
    assert exchange.audit() == ()


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        ("1", "The requested action would change no state; rejecting"),
        ("2", "Order amend (quantity increase) is not supported."),
    ],
)
def test_amendments_only_reduce(quantity: str, text: str) -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "99"), 5)
    assert refused(lambda: exchange.execute("a", amend("x", quantity), 6)) == (-2038, text)


def test_amendments_obey_filters_and_their_number() -> None:
    exchange = an_exchange(instrument=msgspec.structs.replace(BTCUSDT, amends_max=1))
    exchange.execute("a", limit(BUY, "1", "99"), 5)
    assert refused(lambda: exchange.execute("a", amend("x", "0.0500001"), 6))[1] == "Filter failure: LOT_SIZE"
    assert refused(lambda: exchange.execute("a", amend("x", "0.05"), 6))[1] == "Filter failure: NOTIONAL"
    exchange.execute("a", amend("x", "0.5", "x"), 6)
    assert refused(lambda: exchange.execute("a", amend("x", "0.4"), 7)) == (
        -2038,
        "Filter failure: MAX_NUM_ORDER_AMENDS",
    )


def test_received_quantities_cannot_be_amended_before_they_are_known() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_opoco(price="95", time_in_force=TimeInForce.GTC), 5)
    assert refused(lambda: exchange.execute("a", amend("opoco-stop", "0.5"), 6))[0] == -2038


def test_a_pending_leg_of_an_oto_is_amended_alone() -> None:
    exchange = an_exchange()
    exchange.execute("a", a_list(ListKind.OTO, limit(BUY, "1", "95", "e"), stop(SELL, "1", "90", "s")), 5)
    exchange.execute("a", amend("s", "0.5", "s"), 6)
    assert [order.quantity for order in exchange.open_orders("a")] == [1, D("0.5")]


def test_an_amendment_below_what_has_executed_ends_the_order() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "99"), 5)
    trade(exchange, "98", "0.6")
    answer = exchange.execute("a", amend("x", "0.5", "x"), 6)
    assert isinstance(answer, AmendResponse)
    assert (answer.order.status.value, answer.order.quantity) == ("EXPIRED", D("0.6"))
    assert holds(exchange, "a", "USDT")[1] == "0"


def test_a_symbol_may_not_allow_them() -> None:
    instrument = msgspec.structs.replace(BTCUSDT, amend_allowed=False, cancel_replace_allowed=False)
    exchange = an_exchange(instrument=instrument)
    exchange.execute("a", limit(BUY, "1", "99"), 5)
    assert refused(lambda: exchange.execute("a", amend("x", "0.5"), 6))[0] == -2038
    assert refused(lambda: exchange.execute("a", replace("x", limit(BUY, "1", "98")), 6)) == (
        -1013,
        "Order cancel-replace is not supported for this symbol.",
    )


def test_an_iceberg_shrinks_with_its_order() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "99", iceberg_quantity="0.5"), 5)
    exchange.execute("a", amend("x", "0.2", "x"), 6)
    view = exchange.order("a", SYMBOL, client_order_id="x")
    assert (view.type, view.iceberg_quantity) == (OrderType.LIMIT, D("0.2"))


@pytest.mark.parametrize(
    ("mode", "there", "code", "status", "halves"),
    [
        (CancelReplaceMode.STOP_ON_FAILURE, True, -2021, 429, ("SUCCESS", "FAILURE")),
        (CancelReplaceMode.STOP_ON_FAILURE, False, -2022, 429, ("FAILURE", "NOT_ATTEMPTED")),
        (CancelReplaceMode.ALLOW_FAILURE, True, -2021, 409, ("SUCCESS", "FAILURE")),
        (CancelReplaceMode.ALLOW_FAILURE, False, -2022, 400, ("FAILURE", "FAILURE")),
    ],
)
def test_a_replacement_beyond_the_order_count_cancels_only_where_asked_to(
    mode: CancelReplaceMode, there: bool, code: int, status: int, halves: tuple[str, str]
) -> None:
    counted = msgspec.structs.replace(EXACT, order_counts=(OrderCountLimit(10_000_000, 1, "10 SECOND"),))
    exchange = an_exchange(counted)
    exchange.execute("a", limit(BUY, "1", "90", "old"), 5)
    request = CancelReplaceRequest(
        mode=mode,
        cancel=CancelRequest(symbol=SYMBOL, orig_client_order_id="old" if there else "other"),
        order=limit(BUY, "1", "91", "new"),
    )
    assert refused(lambda: exchange.execute("a", request, 6))[0] == -1015
    assert len(exchange.open_orders("a")) == 1
    insisting = msgspec.structs.replace(request, when_exceeded=OrderRateLimitExceededMode.CANCEL_ONLY)
    with pytest.raises(ExchangeError) as caught:
        exchange.execute("a", insisting, 6)
    assert (caught.value.code, caught.value.http_status) == (code, status)
    answer = caught.value.data
    assert answer is not None
    assert (answer.cancel_result, answer.new_order_result) == halves
    assert len(exchange.open_orders("a")) == (0 if there else 1)
