"""Answers with halves and errors: the WebSocket API's envelope, error bodies, cancelReplace, amendments.

Sources: Binance Spot WebSocket API "Response format", REST "Error codes", "Cancel an Existing Order and Send a New
Order", "Order Amend Keep Priority".
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.wire.codec import Message, WireError, decode
from fillwright.wire.orders import (
    CancelReply,
    OrderFields,
    OrderList,
    OrderResponse,
    decode_cancel,
    decode_order_response,
)

_ABSENT = msgspec.Raw()
_NULL = b"null"

# -- cancelReplace -----------------------------------------------------------------------------------------------


class PartError(Message, frozen=True, kw_only=True, gc=False):
    """Why one half of a cancelReplace failed."""

    code: int
    message: str = msgspec.field(name="msg")


class CancelReplaceReply(Message, frozen=True, kw_only=True, gc=False):
    """Both halves of a cancelReplace; results are SUCCESS, FAILURE or NOT_ATTEMPTED."""

    cancel_result: str
    new_order_result: str
    cancel_response: CancelReply | OrderList | PartError | None
    """The list when the order was a leg; None: not attempted."""
    new_order_response: OrderResponse | PartError | None


class _Halves(msgspec.Struct, rename="camel"):
    cancel_result: str
    new_order_result: str
    cancel_response: msgspec.Raw = _ABSENT
    new_order_response: msgspec.Raw = _ABSENT


class _Code(msgspec.Struct):
    code: int | None = None


_HALVES = msgspec.json.Decoder(_Halves)
_PART_ERROR = msgspec.json.Decoder(PartError)
_CODE = msgspec.json.Decoder(_Code)


def decode_cancel_replace(body: bytes | msgspec.Raw) -> CancelReplaceReply:
    """Read a cancelReplace answer, or the ``data`` of its error; WireError otherwise."""
    halves = decode(_HALVES, body, "a cancelReplace answer")
    cancel, order = halves.cancel_response, halves.new_order_response
    return CancelReplaceReply(
        cancel_result=halves.cancel_result,
        new_order_result=halves.new_order_result,
        cancel_response=None if _is_null(cancel) else _part_error(cancel) or decode_cancel(cancel),
        new_order_response=None if _is_null(order) else _part_error(order) or decode_order_response(order),
    )


def _part_error(part: msgspec.Raw) -> PartError | None:
    what = "a half of a cancelReplace answer"
    return decode(_PART_ERROR, part, what) if decode(_CODE, part, what).code is not None else None


def _is_null(part: msgspec.Raw) -> bool:
    return bytes(part) in (b"", _NULL)


# -- errors ------------------------------------------------------------------------------------------------------


class RetryTimes(Message, frozen=True, kw_only=True, gc=False):
    """The ``data`` of a broken limit on the WebSocket API."""

    server_time: int
    retry_after: int
    """The time from which requests are served again."""


class ErrorBody(Message, frozen=True, kw_only=True, gc=False):
    """An error: its code and text; ``data`` with cancelReplace and with broken limits."""

    code: int
    message: str = msgspec.field(name="msg")
    data: CancelReplaceReply | RetryTimes | None = None


class _Error(msgspec.Struct):
    code: int
    msg: str
    data: msgspec.Raw = _ABSENT


class _DataShape(msgspec.Struct, rename="camel"):
    cancel_result: str | None = None
    retry_after: int | None = None


_ERROR = msgspec.json.Decoder(_Error)
_DATA_SHAPE = msgspec.json.Decoder(_DataShape)
_RETRY_TIMES = msgspec.json.Decoder(RetryTimes)


def decode_error(body: bytes | msgspec.Raw) -> ErrorBody:
    """Read an error's body. WireError (HTML, for one) otherwise.

    Data of a kind that is not known, or that cannot be read, is passed over: a ban is a ban without its end, and what
    half a cancelReplace did is asked for.
    """
    error = decode(_ERROR, body, "an error body")
    data: CancelReplaceReply | RetryTimes | None
    try:
        data = None if _is_null(error.data) else _decode_data(error.data)
    except WireError:
        data = None
    return ErrorBody(code=error.code, message=error.msg, data=data)


def _decode_data(data: msgspec.Raw) -> CancelReplaceReply | RetryTimes | None:
    shape = decode(_DATA_SHAPE, data, "an error's data")
    if shape.cancel_result is not None:
        return decode_cancel_replace(data)
    return None if shape.retry_after is None else decode(_RETRY_TIMES, data, "an error's data")


# -- amendments --------------------------------------------------------------------------------------------------


class AmendedOrder(OrderFields, frozen=True, kw_only=True, gc=False):
    """An order after an amendment, which has names of its own for some fields.

    Client libraries were also seen with a query's names here, so those are read as well.
    """

    amended_quantity: Decimal | None = msgspec.field(name="qty", default=None)
    amended_quote_order_quantity: Decimal | None = msgspec.field(name="quoteOrderQty", default=None)
    amended_executed_quote: Decimal | None = msgspec.field(name="cumulativeQuoteQty", default=None)
    amended_prevented_quantity: Decimal | None = msgspec.field(name="preventedQty", default=None)
    price: Decimal
    executed_quantity: Decimal = msgspec.field(name="executedQty")
    status: str
    type: str
    side: str


class AmendReply(Message, frozen=True, kw_only=True, gc=False):
    """The answer to an amendment; ``list_status`` when the order is a leg."""

    transaction_time: int = msgspec.field(name="transactTime")
    execution_id: int
    amended_order: AmendedOrder
    list_status: OrderList | None = None


_AMEND = msgspec.json.Decoder(AmendReply)


def decode_amend(body: bytes | msgspec.Raw) -> AmendReply:
    """Read the answer to ``order/amend/keepPriority``; WireError otherwise."""
    return decode(_AMEND, body, "an answer to an amendment")


# -- the WebSocket API's envelope --------------------------------------------------------------------------------


class RateLimitCount(Message, frozen=True, kw_only=True, gc=False):
    """One limit and how much of it is used."""

    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int
    count: int


class Reply(Message, frozen=True, kw_only=True, gc=False):
    """An answer on the WebSocket API; ``status`` is what HTTP would say.

    ``result`` is as it came, for the decoder of the method that was asked (empty: there is none).
    """

    id: int | str | None
    """The request's own; None when Binance could not tell which request it answers."""
    status: int
    result: msgspec.Raw = _ABSENT
    error: ErrorBody | None = None
    rate_limits: tuple[RateLimitCount, ...] | None = None


class _Reply(msgspec.Struct, rename="camel"):
    id: int | str | None
    status: int
    result: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT
    rate_limits: tuple[RateLimitCount, ...] | None = None


_REPLY = msgspec.json.Decoder(_Reply)
_COUNTS = msgspec.json.Decoder(tuple[RateLimitCount, ...])


def decode_reply(frame: bytes) -> Reply:
    """Read an answer on the WebSocket API; WireError otherwise (events have neither id nor status)."""
    reply = decode(_REPLY, frame, "a WebSocket API reply")
    error = None if _is_null(reply.error) else decode_error(reply.error)
    if reply.status >= 400 and error is None:
        raise WireError(f"not a WebSocket API reply: status {reply.status} without an error")
    return Reply(
        id=reply.id, status=reply.status, result=reply.result, error=error, rate_limits=reply.rate_limits
    )


def decode_rate_limits(body: bytes | msgspec.Raw) -> tuple[RateLimitCount, ...]:
    """Read the answer to ``GET rateLimit/order``; WireError otherwise."""
    return decode(_COUNTS, body, "rate limits")
