"""The in-process exchange seen as a venue: its reports, answers and errors in the core's words.

Pure translation in both directions, shared by replay (virtual time) and paper trading (live time).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from fillwright.core.inputs import (
    BalanceReport,
    FillReport,
    Input,
    ListDone,
    OrderReport,
    RequestFailed,
    TransferReport,
)
from fillwright.core.requests import Request
from fillwright.core.types import ZERO, Asset, ErrorClass, ExecutionType, ListStatus
from fillwright.exchange.messages import (
    AccountPosition,
    AmendResponse,
    AssetBalance,
    BalanceUpdate,
    CancelListResponse,
    CancelReplaceResponse,
    CancelResponse,
    ErrorBody,
    ExchangeError,
    ExchangeEvent,
    ExecutionReport,
    ListResponse,
    ListStatusReport,
    OrderResponse,
    OrderView,
    RejectReason,
    ReplaceResult,
    Response,
    TradeView,
)
from fillwright.wire.errors import error_class

_TRADE = ExecutionType.TRADE
_NO_REJECT = RejectReason.NONE
_ALL_DONE = ListStatus.ALL_DONE

TIMEOUT_CODE = 0
"""Our own code for a request without an answer."""


def from_event(event: ExchangeEvent) -> Input | None:
    """Turn an event of the user data stream into an input; None for what the core does not need."""
    if isinstance(event, ExecutionReport):
        return from_execution(event)
    if isinstance(event, AccountPosition):
        return BalanceReport(balances(event.balances), event.time)
    if isinstance(event, ListStatusReport):
        if event.status is not _ALL_DONE:
            return None
        return ListDone(event.symbol, event.order_list_id, event.list_client_order_id)
    assert isinstance(event, BalanceUpdate)
    return TransferReport(event.asset, event.delta, event.time)


def from_execution(event: ExecutionReport) -> OrderReport:
    """Turn an execution report into an order report; its id is always the order's own."""
    execution_type = event.execution_type
    fills: tuple[FillReport, ...] = ()
    if execution_type is _TRADE:
        fills = (
            FillReport(
                event.trade_id,
                event.last_price,
                event.last_quantity,
                event.commission,
                event.commission_asset or "",
                event.is_maker,
                event.time,
            ),
        )
    reject_reason = event.reject_reason
    return OrderReport(  # by position: with names it takes twice as long, nine times a bracket
        event.symbol,
        event.orig_client_order_id or event.client_order_id,
        event.order_id,
        event.status,
        event.side,
        event.type,
        event.time,
        execution_type,
        event.order_list_id,
        event.time_in_force,
        event.quantity or None,
        event.price or None,
        event.stop_price or None,
        event.trailing_delta,
        event.executed_quantity,
        event.executed_quote,
        fills,
        "" if reject_reason is _NO_REJECT else reject_reason,
        event.expiry_reason,
        event.prevented_quantity or ZERO,
    )


def balances(items: Iterable[AssetBalance]) -> tuple[tuple[Asset, Decimal, Decimal], ...]:
    """Balances as the core takes them."""
    return tuple([(item.asset, item.free, item.locked) for item in items])


def from_view(
    view: OrderView, fills: tuple[FillReport, ...], source: str, client_order_id: str = ""
) -> OrderReport:
    """Turn an order as responses and queries show it into an order report."""
    return OrderReport(
        symbol=view.symbol,
        client_order_id=client_order_id or view.client_order_id,
        order_id=view.order_id,
        status=view.status,
        side=view.side,
        type=view.type,
        time=view.update_time,
        order_list_id=view.order_list_id,
        time_in_force=view.time_in_force,
        quantity=view.quantity or None,
        price=view.price or None,
        stop_price=view.stop_price or None,
        trailing_delta=view.trailing_delta,
        executed_quantity=view.executed_quantity,
        executed_quote=view.executed_quote,
        fills=fills,
        expiry_reason=view.expiry_reason,
        prevented_quantity=view.prevented_quantity,
        source=source,
    )


def from_trades(trades: Iterable[TradeView]) -> tuple[FillReport, ...]:
    """Turn the fills of a query into fill reports."""
    return tuple(
        FillReport(
            trade.trade_id,
            trade.price,
            trade.quantity,
            trade.commission,
            trade.commission_asset,
            trade.is_maker,
            trade.time,
        )
        for trade in trades
    )


def from_response(response: Response) -> list[Input]:
    """Turn the answer to a request into inputs (what the stream also tells, the core passes over)."""
    if isinstance(response, OrderResponse):
        return [_from_order_response(response)]
    if isinstance(response, ListResponse):
        return [_from_order_response(order) for order in response.orders]
    if isinstance(response, CancelResponse):
        return [_from_cancel(response)]
    if isinstance(response, CancelListResponse):
        return [_from_cancel(order) for order in response.orders]
    if isinstance(response, CancelReplaceResponse):
        inputs: list[Input] = []
        for half in (response.cancel_response, response.new_order_response):
            if isinstance(half, CancelResponse | CancelListResponse | OrderResponse):
                inputs += from_response(half)
        return inputs
    if isinstance(response, AmendResponse):
        return [from_view(response.order, (), "response", response.orig_client_order_id)]
    return [item for part in response for item in from_response(part)]


def _from_order_response(response: OrderResponse) -> OrderReport:
    fills = tuple(
        FillReport(
            fill.trade_id,
            fill.price,
            fill.quantity,
            fill.commission,
            fill.commission_asset,
            False,
            response.transaction_time,
        )
        for fill in response.fills
    )
    return from_view(response.order, fills, "response")


def _from_cancel(response: CancelResponse) -> OrderReport:
    return from_view(response.order, (), "response", response.orig_client_order_id)


def from_error(request: Request, error: ExchangeError) -> RequestFailed:
    """Turn a refusal into the core's words: what class of error it is, and whether a cancel was done with it."""
    data = error.data
    code, message, http_status = error.code, error.message, error.http_status
    cancel_done = False
    if data is not None:
        cancel_done = data.cancel_result is ReplaceResult.SUCCESS
        half = data.new_order_response if cancel_done else data.cancel_response
        if isinstance(half, ErrorBody):
            message = half.message
    return RequestFailed(
        request=request,
        error_class=error_class(code, http_status),
        code=code,
        message=message,
        cancel_done=cancel_done,
    )


def timed_out(request: Request) -> RequestFailed:
    """A request without an answer: nobody can say."""
    return RequestFailed(
        request=request, error_class=ErrorClass.UNKNOWN, code=TIMEOUT_CODE, message="no answer"
    )
