"""The in-process exchange in the core's words: reports, answers, errors."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core.inputs import (
    BalanceReport,
    FillReport,
    Input,
    ListDone,
    OrderReport,
    RequestFailed,
    TransferReport,
)
from fillwright.core.requests import (
    AmendRequest,
    CancelListRequest,
    CancelOpenOrdersRequest,
    CancelReplaceRequest,
    CancelRequest,
    Request,
)
from fillwright.core.types import (
    CancelReplaceMode,
    ErrorClass,
    ExecutionType,
    ExpiryReason,
    OrderType,
    Side,
    VenueOrderStatus,
)
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.messages import ExchangeError
from fillwright.venues.in_process import (
    TIMEOUT_CODE,
    balances,
    from_error,
    from_event,
    from_response,
    from_trades,
    from_view,
    timed_out,
)
from tests.exchange.builders import (
    BUY,
    FEES,
    SELL,
    SYMBOL,
    D,
    an_exchange,
    an_oco,
    an_opoco,
    limit,
    market,
    stop,
)


def heard(exchange: Exchange) -> list[Input]:
    """What account a hears, in the core's words."""
    events = [from_event(event) for event in exchange.drain_account("a")]
    return [event for event in events if event is not None]


def reports(exchange: Exchange) -> list[OrderReport]:
    return [item for item in heard(exchange) if isinstance(item, OrderReport)]


def answers(exchange: Exchange, request: Request) -> list[OrderReport]:
    """The answer to a request; it tells of orders only."""
    items = from_response(exchange.execute("a", request, 20))
    assert all(isinstance(item, OrderReport) for item in items)
    return [item for item in items if isinstance(item, OrderReport)]


def refusal(exchange: Exchange, request: Request) -> RequestFailed:
    with pytest.raises(ExchangeError) as caught:
        exchange.execute("a", request, 20)
    return from_error(request, caught.value)


def replacing(
    name: str, order: object, mode: CancelReplaceMode = CancelReplaceMode.STOP_ON_FAILURE
) -> Request:
    cancel = CancelRequest(symbol=SYMBOL, orig_client_order_id=name, cancel_client_order_id="gone")
    return CancelReplaceRequest(mode=mode, cancel=cancel, order=order)  # type: ignore[arg-type]


# -- the stream ----------------------------------------------------------------------------------------------------


def test_a_trade_tells_of_one_fill() -> None:
    exchange = an_exchange(fees=FEES)
    exchange.execute("a", market(BUY, "2", "m"), 20)
    new, traded = reports(exchange)
    assert (new.execution_type, new.fills) == (ExecutionType.NEW, ())
    assert traded.execution_type is ExecutionType.TRADE
    assert traded.status is VenueOrderStatus.FILLED
    assert traded.client_order_id == "m"
    assert traded.fills == (FillReport(1, D(100), D(2), D("0.002"), "BTC", False, 20),)
    assert (traded.executed_quantity, traded.executed_quote) == (D(2), D(200))
    assert traded.source == "stream"


def test_a_resting_order_is_filled_as_maker() -> None:
    exchange = an_exchange(fees=FEES)
    exchange.execute("a", limit(BUY, "1", "90", "l"), 20)
    exchange.on_trade(SYMBOL, D(89), D(5), 30)
    assert [fill.is_maker for report in reports(exchange) for fill in report.fills] == [True]


def test_a_cancelled_order_keeps_its_own_name() -> None:
    """On the wire the cancel's id comes first and ours second."""
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "90", "mine"), 20)
    cancel = CancelRequest(symbol=SYMBOL, orig_client_order_id="mine", cancel_client_order_id="cancel-1")
    exchange.execute("a", cancel, 21)
    assert [(one.client_order_id, one.status.value) for one in reports(exchange)] == [
        ("mine", "NEW"),
        ("mine", "CANCELED"),
    ]


def test_absent_numbers_are_none() -> None:
    exchange = an_exchange()
    exchange.execute("a", stop(SELL, "1", "90", "s"), 20)
    (new,) = reports(exchange)
    assert (new.price, new.stop_price, new.quantity, new.trailing_delta) == (None, D(90), D(1), None)
    assert (new.order_list_id, new.reject_reason, new.expiry_reason) == (-1, "", None)


def test_a_pending_leg_without_size_has_none() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_opoco(price="95", time_in_force=limit(BUY, "1", "1").time_in_force), 20)  # type: ignore[arg-type]
    by_name = {report.client_order_id: report for report in reports(exchange)}
    assert by_name["opoco-stop"].quantity is None
    assert by_name["opoco-stop"].status is VenueOrderStatus.PENDING_NEW
    assert by_name["opoco-entry"].quantity == 1


def test_an_expired_leg_says_why() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_oco(), 20)
    exchange.drain_account("a")
    exchange.on_trade(SYMBOL, D(89), D(5), 30)
    expired = next(one for one in reports(exchange) if one.status is VenueOrderStatus.EXPIRED)
    assert (expired.client_order_id, expired.expiry_reason) == ("oco-limit", ExpiryReason.OCO_TRIGGER)


def test_a_list_is_told_of_when_it_is_done() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_oco(), 20)
    assert not any(isinstance(item, ListDone) for item in heard(exchange))
    exchange.execute("a", CancelListRequest(symbol=SYMBOL, list_client_order_id="oco"), 30)
    (done,) = [item for item in heard(exchange) if isinstance(item, ListDone)]
    assert (done.symbol, done.list_client_order_id) == (SYMBOL, "oco")


def test_balances_and_transfers() -> None:
    exchange = an_exchange()
    exchange.withdraw("a", "BTC", D(3), 40)
    transfer, position = heard(exchange)
    assert transfer == TransferReport("BTC", D(-3), 40)
    assert isinstance(position, BalanceReport)
    assert position.balances == (("BTC", D(7), D(0)),)
    assert {asset: free for asset, free, _ in balances(exchange.balances("a"))}["BTC"] == 7


# -- answers -------------------------------------------------------------------------------------------------------


def test_an_answer_says_what_the_stream_says() -> None:
    """Whichever comes first, the other is no news: the same order, the same trade ids and numbers."""
    exchange = an_exchange(fees=FEES)
    (answer,) = answers(exchange, market(BUY, "2", "m"))
    told = reports(exchange)[-1]
    assert answer.source == "response"
    for field in ("symbol", "client_order_id", "order_id", "status", "side", "type", "executed_quantity"):
        assert getattr(answer, field) == getattr(told, field), field
    assert answer.fills == told.fills


def test_a_lists_answer_tells_of_every_leg() -> None:
    exchange = an_exchange()
    told = answers(exchange, an_opoco())
    assert [(one.client_order_id, one.status.value) for one in told] == [
        ("opoco-entry", "FILLED"),
        ("opoco-stop", "PENDING_NEW"),
        ("opoco-target", "PENDING_NEW"),
    ]
    assert len(told[0].fills) == 1


@pytest.mark.parametrize("by_list", [True, False])
def test_cancelling_a_leg_or_a_list_tells_of_all_legs(by_list: bool) -> None:
    exchange = an_exchange()
    exchange.execute("a", an_oco(), 20)
    whole = CancelListRequest(symbol=SYMBOL, list_client_order_id="oco", cancel_client_order_id="c")
    leg = CancelRequest(symbol=SYMBOL, orig_client_order_id="oco-stop", cancel_client_order_id="c")
    told = answers(exchange, whole if by_list else leg)
    assert [(one.client_order_id, one.status.value) for one in told] == [
        ("oco-stop", "CANCELED"),
        ("oco-limit", "CANCELED"),
    ]


def test_a_replacement_tells_of_both_halves() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_oco(), 20)
    told = answers(exchange, replacing("oco-stop", market(SELL, "1", "exit")))
    assert [(one.client_order_id, one.status.value) for one in told] == [
        ("oco-stop", "CANCELED"),
        ("oco-limit", "CANCELED"),
        ("exit", "FILLED"),
    ]


def test_an_amendment_tells_the_new_size() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "2", "90", "l"), 20)
    (told,) = answers(exchange, AmendRequest(symbol=SYMBOL, orig_client_order_id="l", new_quantity=D(1)))
    assert (told.client_order_id, told.quantity, told.status.value) == ("l", D(1), "NEW")


def test_cancelling_everything_tells_of_everything() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_oco(), 20)
    exchange.execute("a", limit(BUY, "1", "90", "l"), 20)
    told = answers(exchange, CancelOpenOrdersRequest(symbol=SYMBOL))
    assert {one.client_order_id for one in told} == {"oco-stop", "oco-limit", "l"}


def test_a_query_with_its_trades() -> None:
    exchange = an_exchange(fees=FEES)
    exchange.execute("a", market(BUY, "2", "m"), 20)
    view = exchange.order("a", SYMBOL, client_order_id="m")
    fills = from_trades(exchange.trades("a", SYMBOL, order_id=view.order_id))
    told = from_view(view, fills, "query")
    assert told.fills == reports(exchange)[-1].fills
    assert (told.source, told.side, told.type) == ("query", Side.BUY, OrderType.MARKET)


# -- refusals ------------------------------------------------------------------------------------------------------


def test_a_refusal_has_its_class() -> None:
    failure = refusal(an_exchange(), limit(BUY, "1000", "90"))
    assert (failure.code, failure.error_class) == (-2010, ErrorClass.PERMANENT)
    assert failure.message == "Account has insufficient balance for requested action."
    assert not failure.cancel_done


def test_a_cancel_of_what_is_gone() -> None:
    failure = refusal(an_exchange(), CancelRequest(symbol=SYMBOL, orig_client_order_id="none"))
    assert (failure.code, failure.message) == (-2011, "Unknown order sent.")


def test_a_replacement_whose_cancel_failed_changed_nothing() -> None:
    failure = refusal(an_exchange(), replacing("none", market(SELL, "1", "exit")))
    assert (failure.code, failure.message) == (-2022, "Unknown order sent.")
    assert not failure.cancel_done


def test_a_replacement_whose_order_failed_has_cancelled() -> None:
    exchange = an_exchange()
    exchange.execute("a", stop(SELL, "1", "90", "s"), 20)
    failure = refusal(exchange, replacing("s", stop(SELL, "1", "101", "higher")))
    assert failure.code == -2021
    assert failure.cancel_done
    assert "trigger immediately" in failure.message
    assert exchange.open_orders("a") == ()


def test_a_placement_despite_a_failed_cancel() -> None:
    exchange = an_exchange()
    request = replacing("none", limit(SELL, "1", "120", "new"), CancelReplaceMode.ALLOW_FAILURE)
    failure = refusal(exchange, request)
    assert failure.code == -2021
    assert not failure.cancel_done


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        (-1007, 408, ErrorClass.UNKNOWN),
        (-1000, 400, ErrorClass.UNKNOWN),
        (-1021, 400, ErrorClass.CLOCK),
        (-1003, 429, ErrorClass.RATE),
        (-1015, 429, ErrorClass.RATE),
        (-2010, 503, ErrorClass.UNKNOWN),
        (-1013, 400, ErrorClass.PERMANENT),
    ],
)
def test_classes_of_errors(code: int, status: int, expected: ErrorClass) -> None:
    request = limit(BUY, "1", "90")
    failure = from_error(request, ExchangeError(code, "text", status))
    assert failure.error_class is expected
    assert failure.request is request


def test_no_answer_is_unknown() -> None:
    failure = timed_out(limit(BUY, "1", "90"))
    assert (failure.error_class, failure.code) == (ErrorClass.UNKNOWN, TIMEOUT_CODE)


def test_money_stays_exact() -> None:
    exchange = an_exchange(fees=FEES)
    exchange.execute("a", market(BUY, "0.12345", "m"), 20)
    fill = reports(exchange)[-1].fills[0]
    assert isinstance(fill.price, Decimal)
    assert fill.commission == D("0.00012345")
