from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fillwright.core.inputs import (
    BalanceReport,
    FillReport,
    ListDone,
    OrderReport,
    StreamChanged,
    TransferReport,
)
from fillwright.core.requests import AmendRequest, CancelReplaceRequest, CancelRequest
from fillwright.core.types import (
    ZERO,
    CancelReplaceMode,
    ErrorClass,
    ExecutionType,
    ExpiryReason,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
    VenueOrderStatus,
)
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.messages import ExecutionReport
from fillwright.venues import in_process
from fillwright.venues.wire_reports import (
    from_account,
    from_answer,
    from_error,
    from_event,
    from_trades,
    from_view,
)
from fillwright.wire.accounts import decode_account, decode_trades
from fillwright.wire.answers import decode_amend, decode_cancel_replace, decode_error
from fillwright.wire.codec import WireError, encode
from fillwright.wire.orders import decode_cancel, decode_order, decode_order_list, decode_order_response
from fillwright.wire.stream import decode_event, decode_frame
from tests.exchange.builders import BUY, FEES, SELL, SYMBOL, an_exchange, an_oco, an_opoco, limit, market
from tests.venues import spelling
from tests.wire import samples
from tests.wire.recordings import recordings
from tests.wire.samples import replaced, text, without

RECEIVED = 1_800_000_000_000_000
REQUEST = CancelRequest(symbol="BTCUSDT", orig_client_order_id="RT_a1_7_E_1")


def event(body: dict[str, Any], **changes: Any) -> Any:
    return from_event(decode_event(text({**body, **changes})))


# -- the stream --------------------------------------------------------------------------------------------------


def test_a_cancel_on_the_stream_is_told_under_the_orders_own_id() -> None:
    assert event(samples.REPORT) == OrderReport(
        symbol="BTCUSDT",
        client_order_id="rt-9f2c4e1a77b04d53",
        order_id=48211907734,
        status=VenueOrderStatus.CANCELED,
        side=Side.BUY,
        type=OrderType.LIMIT,
        time=1795168861006_000,
        execution_type=ExecutionType.CANCELED,
        time_in_force=TimeInForce.GTC,
        quantity=Decimal("0.002"),
        price=Decimal("91250"),
        executed_quantity=Decimal("0.0008"),
        executed_quote=Decimal(73),
    )


def test_a_trade_on_the_stream_carries_its_fill() -> None:
    report = event(
        samples.REPORT, c="RT_a1_7_E_1", C="", x="TRADE", X="PARTIALLY_FILLED", l="0.00080000",
        L="91250.00000000", n="0.00000080", N="BTC", t=5719923311, m=True, M=True, r="NONE",
    )  # fmt: skip
    assert report.client_order_id == "RT_a1_7_E_1"
    assert report.fills == (
        FillReport(
            5719923311,
            Decimal("91250"),
            Decimal("0.0008"),
            Decimal("0.0000008"),
            "BTC",
            True,
            1795168861006_000,
        ),
    )


def test_an_expiry_a_prevention_and_a_reject_say_why() -> None:
    report = event(
        samples.REPORT,
        x="EXPIRED",
        X="EXPIRED",
        eR="OCO_TRIGGER",
        g=7731205,
        P="90000.0",
        d=100,
        A="1.5",
        Q="10",
    )
    assert report.expiry_reason is ExpiryReason.OCO_TRIGGER
    assert (report.order_list_id, report.stop_price, report.trailing_delta) == (7731205, Decimal(90000), 100)
    assert report.prevented_quantity == Decimal("1.5")
    assert report.fills == ()
    assert event(samples.REPORT, x="REJECTED", X="REJECTED", r="INSUFFICIENT_BALANCES").reject_reason == (
        "INSUFFICIENT_BALANCES"
    )


def test_new_words_that_only_explain_are_left_out_and_others_are_told() -> None:
    report = event(samples.REPORT, x="SHELVED", f="GTX", eR="NEWS")
    assert (report.execution_type, report.time_in_force, report.expiry_reason) == (None, None, None)
    for letter, kind in (("X", "VenueOrderStatus"), ("S", "Side"), ("o", "OrderType")):
        with pytest.raises(WireError, match=f"^order 48211907734 of BTCUSDT: 'NEWS' is not a known {kind}$"):
            event(samples.REPORT, **{letter: "NEWS"})


def test_balances_transfers_and_ends_are_told() -> None:
    assert event(samples.POSITION) == BalanceReport(
        (("BTC", Decimal("0.0007992"), ZERO), ("USDT", Decimal("817.5"), Decimal("109.5"))),
        1795168800121_000,
    )
    assert event(samples.UPDATE) == TransferReport("USDT", Decimal(-250), 1795169000498_000)
    assert event(samples.LIST_STATUS) == ListDone("BTCUSDT", 7731205, "rt-oco-2b9d")
    assert event(samples.LIST_STATUS, C=None) == ListDone("BTCUSDT", 7731205, "")
    assert event(samples.LIST_STATUS, l="EXEC_STARTED", L="EXECUTING") is None
    assert event(samples.TERMINATED) == StreamChanged(False, "the subscription has ended")
    for body in (samples.LOCK, samples.SHUTDOWN, {"e": "news"}):
        assert event(body) is None


# -- answers -----------------------------------------------------------------------------------------------------


def test_an_acknowledgement_tells_nothing() -> None:
    assert from_answer(decode_order_response(text(samples.ACK)), RECEIVED) == []


def test_a_full_response_carries_its_fills() -> None:
    fill = {"price": "90000.5", "qty": "0.002", "commission": "0.1", "commissionAsset": "BNB", "tradeId": 56}
    body = {
        **samples.RESULT,
        "status": "FILLED",
        "executedQty": "0.00200000",
        "cummulativeQuoteQty": "180.001",
        "fills": [fill],
    }
    (report,) = from_answer(decode_order_response(text(body)), RECEIVED)
    assert report == OrderReport(
        symbol="BTCUSDT",
        client_order_id="RT_a1_7_S_1",
        order_id=28,
        status=VenueOrderStatus.FILLED,
        side=Side.SELL,
        type=OrderType.STOP_LOSS_LIMIT,
        time=1507725176595_000,
        time_in_force=TimeInForce.GTC,
        quantity=Decimal("0.002"),
        price=Decimal(90000),
        stop_price=Decimal(90100),
        trailing_delta=100,
        executed_quantity=Decimal("0.002"),
        executed_quote=Decimal("180.001"),
        fills=(
            FillReport(
                56, Decimal("90000.5"), Decimal("0.002"), Decimal("0.1"), "BNB", False, 1507725176595_000
            ),
        ),
        source="response",
    )


def test_a_cancels_answer_is_told_under_the_orders_own_id() -> None:
    answer = decode_cancel(text(samples.CANCEL))
    (report,) = from_answer(answer, RECEIVED)
    assert (report.client_order_id, report.status) == ("myOrder1", VenueOrderStatus.CANCELED)
    assert report.time == 1684804350068_000


def test_an_answer_without_a_time_was_true_when_it_came() -> None:
    fill = {"price": "1", "qty": "1", "commission": "0", "commissionAsset": "BNB", "tradeId": 56}
    body = {**without(samples.RESULT, "transactTime"), "fills": [fill]}
    (report,) = from_answer(decode_order_response(text(body)), RECEIVED)
    assert (report.time, report.fills[0].time) == (RECEIVED, RECEIVED)
    cancel = decode_cancel(text(without(samples.CANCEL, "transactTime")))
    assert from_answer(cancel, RECEIVED)[0].time == RECEIVED


def test_a_lists_answer_tells_of_each_leg() -> None:
    leg = without(samples.RESULT, "transactTime")
    body = {**samples.LIST, "orderReports": [leg, samples.ACK, samples.CANCEL]}
    first, second = from_answer(decode_order_list(text(body)), RECEIVED)
    assert (first.client_order_id, first.time) == ("RT_a1_7_S_1", 1660801713793_000)
    assert (second.client_order_id, second.time) == ("myOrder1", 1684804350068_000)
    assert from_answer(decode_order_list(text(samples.LIST)), RECEIVED) == []


def test_a_cancel_replace_tells_of_the_halves_that_were_done() -> None:
    both = decode_cancel_replace(text(replaced(samples.CANCEL, samples.RESULT)))
    assert [report.client_order_id for report in from_answer(both, RECEIVED)] == ["myOrder1", "RT_a1_7_S_1"]
    half = decode_cancel_replace(text(replaced(samples.UNKNOWN_ORDER, None)))
    assert from_answer(half, RECEIVED) == []


def test_an_amendments_answer_is_told_under_either_names() -> None:
    (report,) = from_answer(decode_amend(text(samples.AMENDED)), RECEIVED)
    assert (report.client_order_id, report.quantity) == ("RT_a1_7_T_1", 5)
    assert (report.executed_quote, report.time) == (ZERO, 1741926410255_000)
    other = {"transactTime": 1, "executionId": 2, "amendedOrder": samples.VIEW}
    (report,) = from_answer(decode_amend(text(other)), RECEIVED)
    assert (report.quantity, report.executed_quote) == (Decimal("0.002"), ZERO)


# -- errors ------------------------------------------------------------------------------------------------------


def test_a_refusal_is_classed() -> None:
    failed = from_error(REQUEST, decode_error(text(samples.UNKNOWN_ORDER)), 400)
    assert (failed.request, failed.code, failed.message) == (REQUEST, -2011, "Unknown order sent.")
    assert failed.error_class is ErrorClass.PERMANENT
    assert not failed.cancel_done
    unknown = decode_error(b'{"code":-1007,"msg":"Timeout waiting for response from backend server."}')
    assert from_error(REQUEST, unknown, 408).error_class is ErrorClass.UNKNOWN


@pytest.mark.parametrize(
    ("data", "cancel_done", "message"),
    [
        (
            replaced(samples.CANCEL, samples.NO_FUNDS, "SUCCESS", "FAILURE"),
            True,
            samples.NO_FUNDS["msg"],
        ),
        (
            replaced(samples.UNKNOWN_ORDER, None, "FAILURE", "NOT_ATTEMPTED"),
            False,
            samples.UNKNOWN_ORDER["msg"],
        ),
    ],
)
def test_a_half_done_cancel_replace_says_whether_the_cancel_was_done(
    data: Any, cancel_done: bool, message: str
) -> None:
    body = {"code": -2021, "msg": "Order cancel-replace partially failed.", "data": data}
    failed = from_error(REQUEST, decode_error(text(body)), 409)
    assert (failed.cancel_done, failed.message, failed.code) == (cancel_done, message, -2021)


def test_a_broken_limit_says_when_to_try_again() -> None:
    body = {"code": -1003, "msg": "x", "data": {"serverTime": 1659146426000, "retryAfter": 1659146427500}}
    failed = from_error(REQUEST, decode_error(text(body)), 418)
    assert (failed.error_class, failed.retry_after_ms) == (ErrorClass.RATE, 1500)
    late = {**body, "data": {"serverTime": 1659146427501, "retryAfter": 1659146427500}}
    assert from_error(REQUEST, decode_error(text(late)), 418).retry_after_ms == 0


# -- queries -----------------------------------------------------------------------------------------------------


def test_a_queried_order_is_told_with_its_fills_and_by_the_id_asked_by() -> None:
    (fill,) = from_trades(decode_trades(text([samples.TRADE])))
    assert fill == FillReport(
        28457, Decimal("4.000001"), Decimal(12), Decimal("10.1"), "BNB", False, 1499865549590_000
    )
    report = from_view(decode_order(text(samples.VIEW)), (fill,))
    assert (report.source, report.fills, report.time) == ("query", (fill,), 1499827319560_000)
    assert report.expiry_reason is ExpiryReason.OCO_TRIGGER
    assert report.client_order_id == "RT_a1_7_S_1"
    assert from_view(decode_order(text(samples.VIEW)), (), "RT_a1_9_E_1").client_order_id == "RT_a1_9_E_1"


def test_what_binance_does_not_know_any_more_is_summed_from_the_fills() -> None:
    (fill,) = from_trades(decode_trades(text([samples.TRADE])))
    old = {**samples.VIEW, "executedQty": "12.0", "cummulativeQuoteQty": "-1.0"}
    view = decode_order(text(old))
    assert from_view(view, (fill,)).executed_quote == Decimal("48.000012")
    with pytest.raises(WireError, match=r"^order 28 of BTCUSDT: its executed quote is not available$"):
        from_view(view)
    untouched = without(samples.VIEW, "cummulativeQuoteQty")
    assert from_view(decode_order(text(untouched))).executed_quote == ZERO


def test_an_account_is_told_as_its_balances() -> None:
    report = from_account(decode_account(text(samples.ACCOUNT)), 17)
    assert report == BalanceReport((("BTC", Decimal("0.0007992"), ZERO),), 17)


# -- recordings --------------------------------------------------------------------------------------------------


def test_every_recorded_spot_order_and_event_is_understood(shared_data: Path) -> None:
    seen = 0
    for recording in recordings(shared_data / "fixtures"):
        if recording.kind == "frame":
            assert from_event(decode_frame(text(recording.body)).event) is not None or (
                "listStatus" in str(recording.body)
            )
        elif recording.kind == "order":
            order = from_view(decode_order(text(recording.body)))
            assert order.client_order_id == recording.body["clientOrderId"]
            assert str(order.status) == recording.body["status"]
        elif recording.kind == "order list" and "orderReports" in recording.body:
            reports = from_answer(decode_order_list(text(recording.body)), RECEIVED)
            assert [report.order_id for report in reports] == [
                leg["orderId"] for leg in recording.body["orders"]
            ]
        else:
            continue
        seen += 1
    assert seen == 38


# -- the exchange, spelled in Binance's letters ------------------------------------------------------------------


def requests_of_all_kinds() -> list[Any]:
    """Requests that are filled, rest, trigger, are amended, cancelled, replaced and prevented."""
    cancel = CancelRequest(symbol=SYMBOL, orig_client_order_id="rest")
    return [
        market(BUY, "1", "buy"),
        an_oco("0.5", "90", "110", "pair"),
        an_opoco("1", "102", "80", "120", "bracket"),
        limit(BUY, "2", "99", "rest"),
        AmendRequest(
            symbol=SYMBOL,
            new_quantity=Decimal("1.5"),
            orig_client_order_id="rest",
            new_client_order_id="rest",
        ),
        limit(SELL, "1", "99", "self", stp=SelfTradePrevention.EXPIRE_TAKER),
        CancelReplaceRequest(
            mode=CancelReplaceMode.STOP_ON_FAILURE, cancel=cancel, order=limit(BUY, "1", "93", "next")
        ),
        CancelRequest(symbol=SYMBOL, orig_client_order_id="next", cancel_client_order_id="cancel"),
        limit(BUY, "1", "50", "late", time_in_force=TimeInForce.IOC),
        CancelRequest(symbol=SYMBOL, orig_client_order_id="pair-stop"),
        an_oco("0.5", "90", "110", "second"),
    ]


def test_what_binance_says_is_told_as_the_in_process_exchange_tells_it() -> None:
    exchange = an_exchange(fees=FEES)
    exchange.on_depth(SYMBOL, [(Decimal(98), Decimal(9))], [(Decimal(102), Decimal(9))], 2, snapshot=True)
    told: set[str] = set()
    now = 1_795_168_800_123_000
    for request in requests_of_all_kinds():
        now += 1_000_000
        response = exchange.execute("a", request, now)
        spelled = answer_as_read(response)
        assert from_answer(spelled, RECEIVED) == in_process.from_response(response)
        told.add(type(response).__name__)
        compare_events(exchange, told)
        for shown in exchange.open_orders("a"):
            found = from_view(decode_order(encode(spelling.view(shown))))
            assert found == in_process.from_view(shown, (), "query")
    for price in ("111", "100", "79"):
        now += 1_000_000
        exchange.on_trade(SYMBOL, Decimal(price), Decimal(5), now)
        compare_events(exchange, told)
    assert told == {
        "AmendResponse",
        "CancelListResponse",
        "CancelReplaceResponse",
        "CancelResponse",
        "ListResponse",
        "OrderResponse",
        "AccountPosition",
        "ListStatusReport",
        "NEW",
        "CANCELED",
        "REPLACED",
        "TRADE",
        "EXPIRED",
        "TRADE_PREVENTION",
    }


def answer_as_read(response: Any) -> Any:
    """An exchange's answer, spelled, written and read again."""
    decoders = {
        "OrderResponse": decode_order_response,
        "ListResponse": decode_order_list,
        "CancelResponse": decode_cancel,
        "CancelListResponse": decode_cancel,
        "CancelReplaceResponse": decode_cancel_replace,
        "AmendResponse": decode_amend,
    }
    return decoders[type(response).__name__](encode(spelling.answer(response)))


def compare_events(exchange: Exchange, told: set[str]) -> None:
    for said in exchange.drain():
        found = from_event(decode_event(encode(spelling.event(said))))
        assert found == in_process.from_event(said)
        told.add(said.execution_type.value if isinstance(said, ExecutionReport) else type(said).__name__)
