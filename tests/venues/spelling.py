"""What the exchange says, spelled in Binance's letters: the long way round to the same input."""

from __future__ import annotations

from typing import Any

from fillwright.core.types import MILLISECOND
from fillwright.exchange import messages
from fillwright.wire import answers, orders, stream
from fillwright.wire.codec import Message

_TIMES = frozenset({"time", "update_time", "order_time", "working_time", "trailing_time", "transaction_time"})
_OTHER_NAMES = {
    "time": "transaction_time",
    "last_prevented_price": "prevented_execution_price",
    "last_prevented_quote": "prevented_execution_quote",
}


def event(said: messages.ExchangeEvent) -> stream.KnownEvent:
    """Spell an event of the stream."""
    at = said.time // MILLISECOND
    if isinstance(said, messages.ExecutionReport):
        fields = {_OTHER_NAMES.get(name, name): value for name, value in _fields(said).items()}
        fields.pop("account_id")
        fields.pop("order_time")
        return stream.ExecutionReport(event_time=at, order_time=at, **fields)
    if isinstance(said, messages.ListStatusReport):
        return stream.ListStatusUpdate(
            event_time=at,
            symbol=said.symbol,
            order_list_id=said.order_list_id,
            contingency=said.contingency,
            list_status_type=said.status,
            list_order_status=said.order_status,
            reject_reason=said.reject_reason,
            list_client_order_id=said.list_client_order_id,
            transaction_time=at,
            legs=tuple(
                stream.ListMember(
                    symbol=leg.symbol, order_id=leg.order_id, client_order_id=leg.client_order_id
                )
                for leg in said.legs
            ),
        )
    if isinstance(said, messages.AccountPosition):
        lines = tuple(
            stream.BalanceLine(asset=one.asset, free=one.free, locked=one.locked) for one in said.balances
        )
        return stream.AccountPosition(event_time=at, update_time=at, balances=lines)
    return stream.BalanceUpdate(event_time=at, asset=said.asset, delta=said.delta, clear_time=at)


def answer(said: Any) -> Message:
    """Spell the answer to a request."""
    if isinstance(said, messages.OrderResponse):
        fills = tuple(orders.Fill(**_fields(fill)) for fill in said.fills)
        return orders.OrderResponse(**_order(said.order, said.transaction_time), fills=fills)
    if isinstance(said, messages.CancelResponse):
        fields = _order(said.order, said.transaction_time)
        fields["client_order_id"] = said.client_order_id
        return orders.CancelReply(**fields, orig_client_order_id=said.orig_client_order_id)
    if isinstance(said, messages.ListResponse | messages.CancelListResponse):
        reports = []
        for one in said.orders:
            fields = _order(one.order, one.transaction_time)
            if isinstance(one, messages.CancelResponse):
                fields["orig_client_order_id"] = one.orig_client_order_id
                fields["client_order_id"] = one.client_order_id
            else:
                fields["fills"] = tuple(orders.Fill(**_fields(fill)) for fill in one.fills)
            reports.append(orders.OrderResponse(**fields))
        return _list(said.list, tuple(reports))
    if isinstance(said, messages.CancelReplaceResponse):
        return answers.CancelReplaceReply(
            cancel_result=said.cancel_result,
            new_order_result=said.new_order_result,
            cancel_response=answer(said.cancel_response),  # type: ignore[arg-type]
            new_order_response=answer(said.new_order_response),  # type: ignore[arg-type]
        )
    if isinstance(said, messages.ErrorBody):
        return answers.PartError(code=said.code, message=said.message)
    assert isinstance(said, messages.AmendResponse)
    fields = _order(said.order, said.transaction_time)
    for name, other in (
        ("quantity", "amended_quantity"),
        ("executed_quote", "amended_executed_quote"),
        ("quote_order_quantity", "amended_quote_order_quantity"),
        ("prevented_quantity", "amended_prevented_quantity"),
    ):
        fields[other] = fields.pop(name)
    return answers.AmendReply(
        transaction_time=said.transaction_time // MILLISECOND,
        execution_id=said.execution_id,
        amended_order=answers.AmendedOrder(orig_client_order_id=said.orig_client_order_id, **fields),
    )


def view(said: messages.OrderView) -> orders.OrderView:
    """Spell an order as queries show it."""
    return orders.OrderView(**_fields(said))


def _order(said: messages.OrderView, at: int) -> dict[str, Any]:
    unlike = ("time", "update_time", "is_working")
    fields = {name: value for name, value in _fields(said).items() if name not in unlike}
    return {**fields, "transaction_time": at // MILLISECOND}


def _list(said: messages.ListView, reports: tuple[orders.OrderResponse, ...]) -> orders.OrderList:
    return orders.OrderList(
        order_list_id=said.order_list_id,
        contingency=said.contingency,
        list_status_type=said.status,
        list_order_status=said.order_status,
        list_client_order_id=said.list_client_order_id,
        transaction_time=said.transaction_time // MILLISECOND,
        symbol=said.symbol,
        legs=tuple(orders.ListLeg(**_fields(leg)) for leg in said.legs),
        order_reports=reports,
    )


def _fields(said: messages.Message) -> dict[str, Any]:
    fields = {}
    for name in said.__struct_fields__:
        value = getattr(said, name)
        if name in _TIMES and value is not None and value >= 0:
            value //= MILLISECOND
        fields[name] = value
    return fields
