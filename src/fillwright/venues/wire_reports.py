"""Binance's messages in the core's words: answers, queries, events and errors as inputs.

Pure translation. A word that the core must understand (status, side, type) and does not is a WireError that names the
order; a word that only explains (expiry reason, time in force) is left out. Ids are always the order's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import TypeVar

from fillwright.core.inputs import (
    BalanceReport,
    FillReport,
    Input,
    ListDone,
    OrderReport,
    RequestFailed,
    StreamChanged,
    TransferReport,
)
from fillwright.core.requests import Request
from fillwright.core.types import (
    CONTEXT,
    MILLISECOND,
    ZERO,
    ExecutionType,
    ExpiryReason,
    ListStatus,
    OrderType,
    Side,
    Time,
    TimeInForce,
    VenueOrderStatus,
)
from fillwright.wire.accounts import Account, Trade
from fillwright.wire.answers import (
    AmendedOrder,
    AmendReply,
    CancelReplaceReply,
    ErrorBody,
    PartError,
    RetryTimes,
)
from fillwright.wire.codec import WireError, moment
from fillwright.wire.errors import error_class
from fillwright.wire.orders import CancelReply, OrderFields, OrderList, OrderResponse, OrderView
from fillwright.wire.stream import (
    AccountPosition,
    BalanceUpdate,
    EventStreamTerminated,
    ExecutionReport,
    KnownEvent,
    ListStatusUpdate,
    UnknownEvent,
)

_SUCCESS = "SUCCESS"
_NO_REASON = "NONE"

# -- the stream --------------------------------------------------------------------------------------------------


def from_event(event: KnownEvent | UnknownEvent) -> Input | None:
    """Turn an event of the user data stream into an input; None for what the core does not need.

    An external lock needs nothing: the balances that follow it tell. A shutdown is the session's business.
    """
    if isinstance(event, ExecutionReport):
        return from_execution(event)
    if isinstance(event, AccountPosition):
        lines = tuple((line.asset, line.free, line.locked) for line in event.balances)
        return BalanceReport(lines, moment(event.update_time))
    if isinstance(event, BalanceUpdate):
        return TransferReport(event.asset, event.delta, moment(event.clear_time))
    if isinstance(event, ListStatusUpdate):
        if event.list_status_type != ListStatus.ALL_DONE:
            return None
        return ListDone(event.symbol, event.order_list_id, event.list_client_order_id or "")
    if isinstance(event, EventStreamTerminated):
        return StreamChanged(connected=False, detail="the subscription has ended")
    return None


def from_execution(event: ExecutionReport) -> OrderReport:
    """Turn an execution report into an order report; WireError when a word in it is not known."""
    order = f"order {event.order_id} of {event.symbol}"
    time = moment(event.transaction_time)
    execution_type = _known(ExecutionType, event.execution_type)
    fills: tuple[FillReport, ...] = ()
    if execution_type is ExecutionType.TRADE:
        fill = FillReport(
            event.trade_id,
            event.last_price,
            event.last_quantity,
            event.commission,
            event.commission_asset or "",
            event.is_maker,
            time,
        )
        fills = (fill,)
    return OrderReport(
        symbol=event.symbol,
        client_order_id=event.orig_client_order_id or event.client_order_id,
        order_id=event.order_id,
        status=_word(VenueOrderStatus, event.status, order),
        side=_word(Side, event.side, order),
        type=_word(OrderType, event.type, order),
        time=time,
        execution_type=execution_type,
        order_list_id=event.order_list_id,
        time_in_force=_known(TimeInForce, event.time_in_force),
        quantity=event.quantity or None,
        price=event.price or None,
        stop_price=event.stop_price or None,
        trailing_delta=event.trailing_delta,
        executed_quantity=event.executed_quantity,
        executed_quote=event.executed_quote,
        fills=fills,
        reject_reason=event.reject_reason if event.reject_reason != _NO_REASON else "",
        expiry_reason=_known(ExpiryReason, event.expiry_reason),
        prevented_quantity=event.prevented_quantity or ZERO,
    )


# -- answers to requests -----------------------------------------------------------------------------------------


def from_answer(
    answer: OrderResponse | CancelReply | OrderList | CancelReplaceReply | AmendReply, received: Time
) -> list[OrderReport]:
    """Turn the answer to a request into order reports; an ACK gives none, for it tells nothing but ids.

    ``received``: when the answer came, for an answer without a time of its own.
    """
    if isinstance(answer, OrderResponse):
        return [] if answer.is_acknowledgement else [_from_response(answer, received)]
    if isinstance(answer, CancelReply):
        return [_report(answer, _time(answer.transaction_time, received), (), "response")]
    if isinstance(answer, OrderList):
        time = _time(answer.transaction_time, received)
        legs = (report for report in answer.order_reports or () if not report.is_acknowledgement)
        return [_from_response(report, time) for report in legs]
    if isinstance(answer, AmendReply):
        return [_report(answer.amended_order, moment(answer.transaction_time), (), "response")]
    return [
        report
        for half in (answer.cancel_response, answer.new_order_response)
        if isinstance(half, CancelReply | OrderList | OrderResponse)
        for report in from_answer(half, received)
    ]


def _from_response(response: OrderResponse, received: Time) -> OrderReport:
    time = _time(response.transaction_time, received)
    fills = tuple(
        # What is filled in the very answer has taken.
        FillReport(
            fill.trade_id, fill.price, fill.quantity, fill.commission, fill.commission_asset, False, time
        )
        for fill in response.fills or ()
    )
    return _report(response, time, fills, "response")


def _time(wire_time: int | None, received: Time) -> Time:
    return received if wire_time is None else moment(wire_time)


def from_error(request: Request, error: ErrorBody, http_status: int) -> RequestFailed:
    """Turn a refusal into the core's words: its class, whether a cancel was done with it, and when to try again."""
    message, cancel_done, retry_after_ms = error.message, False, 0
    if isinstance(error.data, CancelReplaceReply):
        cancel_done = error.data.cancel_result == _SUCCESS
        half = error.data.new_order_response if cancel_done else error.data.cancel_response
        if isinstance(half, PartError):
            message = half.message
    elif isinstance(error.data, RetryTimes):
        wait = moment(error.data.retry_after) - moment(error.data.server_time)
        retry_after_ms = max(0, wait // MILLISECOND)
    return RequestFailed(
        request=request,
        error_class=error_class(error.code, http_status),
        code=error.code,
        message=message,
        cancel_done=cancel_done,
        retry_after_ms=retry_after_ms,
    )


# -- queries -----------------------------------------------------------------------------------------------------


def from_view(view: OrderView, fills: tuple[FillReport, ...] = (), client_order_id: str = "") -> OrderReport:
    """Turn a queried order, with its fills, into an order report.

    ``client_order_id`` is the id that was asked by, when the view may show a cancel's instead.
    """
    return _report(view, moment(view.update_time), fills, "query", client_order_id)


def from_trades(trades: Iterable[Trade]) -> tuple[FillReport, ...]:
    """Turn an account's trades into fill reports."""
    return tuple(
        FillReport(
            trade.trade_id,
            trade.price,
            trade.quantity,
            trade.commission,
            trade.commission_asset,
            trade.is_maker,
            moment(trade.time),
        )
        for trade in trades
    )


def from_account(account: Account, time: Time) -> BalanceReport:
    """Turn an account into a report of all its balances, as of the time it was read."""
    return BalanceReport(tuple((line.asset, line.free, line.locked) for line in account.balances), time)


# -- in common ---------------------------------------------------------------------------------------------------


def _report(
    order: OrderFields,
    time: Time,
    fills: tuple[FillReport, ...],
    source: str,
    client_order_id: str = "",
) -> OrderReport:
    what = f"order {order.order_id} of {order.symbol}"
    executed = order.executed_quantity or ZERO
    quantity, quote, prevented = order.quantity, order.executed_quote, order.prevented_quantity
    if isinstance(order, AmendedOrder):
        quantity = order.amended_quantity if order.amended_quantity is not None else quantity
        quote = order.amended_executed_quote if order.amended_executed_quote is not None else quote
        prevented = order.amended_prevented_quantity or prevented
    return OrderReport(
        symbol=order.symbol,
        client_order_id=client_order_id or order.orig_client_order_id or order.client_order_id,
        order_id=order.order_id,
        status=_word(VenueOrderStatus, order.status, what),
        side=_word(Side, order.side, what),
        type=_word(OrderType, order.type, what),
        time=time,
        order_list_id=-1 if order.order_list_id is None else order.order_list_id,
        time_in_force=_known(TimeInForce, order.time_in_force),
        quantity=quantity or None,
        price=order.price or None,
        stop_price=order.stop_price or None,
        trailing_delta=order.trailing_delta,
        executed_quantity=executed,
        executed_quote=_executed_quote(quote, executed, fills, what),
        fills=fills,
        expiry_reason=_known(ExpiryReason, order.expiry_reason),
        prevented_quantity=prevented or ZERO,
        source=source,
    )


def _executed_quote(
    told: Decimal | None, executed: Decimal, fills: tuple[FillReport, ...], what: str
) -> Decimal:
    """What was paid or earned; Binance does not know it any more for very old orders, then the fills tell."""
    if told is not None and told >= ZERO:
        return told
    with localcontext(CONTEXT):
        if sum((fill.quantity for fill in fills), ZERO) != executed:
            raise WireError(f"{what}: its executed quote is not available")
        return sum((fill.price * fill.quantity for fill in fills), ZERO)


_Word = TypeVar("_Word", bound=StrEnum)


def _known(kind: type[_Word], text: str | None) -> _Word | None:
    """The member of an enum; None for a word that Binance has added since."""
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError:
        return None


def _word(kind: type[_Word], text: str | None, what: str) -> _Word:
    member = _known(kind, text)
    if member is None:
        raise WireError(f"{what}: {text!r:.40} is not a known {kind.__name__}")
    return member
