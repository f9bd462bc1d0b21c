"""What Binance answers to a request, in the core's words: reports, or that it failed, or that nobody can say.

Whatever cannot be read is unknown: the core asks about it, and never repeats it blindly. Trading rules §6.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fillwright.binance.budget import BANNED
from fillwright.binance.outcomes import Answered, Outcome, Refused, Unknown, Unsent
from fillwright.core.inputs import Input, OrderReport, RequestFailed
from fillwright.core.requests import (
    AmendRequest,
    CancelListRequest,
    CancelOpenOrdersRequest,
    CancelReplaceRequest,
    CancelRequest,
    OrderListRequest,
    OrderRequest,
    Request,
)
from fillwright.core.types import ErrorClass, Time
from fillwright.venues.wire_reports import from_answer, from_error
from fillwright.wire.answers import AmendReply, CancelReplaceReply, decode_amend, decode_cancel_replace
from fillwright.wire.codec import WireError
from fillwright.wire.orders import (
    CancelReply,
    OrderList,
    OrderResponse,
    decode_cancel,
    decode_cancels,
    decode_order_list,
    decode_order_response,
)

NEVER: Time = 0
"""Every half of a cancelReplace tells its own time."""
NO_CODE = 0
"""Our own code where Binance gave none."""

_Body = bytes | msgspec.Raw
_Answer = OrderResponse | CancelReply | OrderList | CancelReplaceReply | AmendReply


def from_outcome(request: Request, outcome: Outcome) -> Sequence[Input]:
    """The inputs that the end of a request makes: order reports, or RequestFailed."""
    if isinstance(outcome, Answered):
        try:
            return _reports(request, outcome)
        except WireError as error:
            return (_failed(request, ErrorClass.UNKNOWN, NO_CODE, f"an unreadable answer: {error}"),)
    if isinstance(outcome, Refused):
        failed = from_error(request, outcome.error, outcome.http_status)
        wait_ms = max(failed.retry_after_ms, outcome.retry_after_ms)
        failed = msgspec.structs.replace(failed, error_class=outcome.error_class, retry_after_ms=wait_ms)
        return (*_done(outcome), failed)
    if isinstance(outcome, Unknown):
        return (_failed(request, ErrorClass.UNKNOWN, outcome.code or NO_CODE, outcome.why),)
    assert isinstance(outcome, Unsent)
    # The core halts for a ban, which may have been met by a read: placing and cancelling weigh nothing.
    code = BANNED if outcome.http_status == BANNED else NO_CODE
    return (_failed(request, outcome.error_class, code, f"not sent: {outcome.why}", outcome.retry_after_ms),)


def _done(refused: Refused) -> list[OrderReport]:
    """What a cancelReplace did before its other half failed: how much the cancelled order had executed, for one."""
    if not isinstance(refused.data, CancelReplaceReply):
        return []
    try:
        return from_answer(refused.data, NEVER)
    except WireError:
        return []  # a word in it is not known: the refusal says enough


def _reports(request: Request, outcome: Answered) -> list[OrderReport]:
    return [
        report
        for answer in _decoded(request, outcome.result)
        for report in from_answer(answer, outcome.received)
    ]


def _decoded(request: Request, body: _Body) -> Sequence[_Answer]:
    """The answer, by what was asked; WireError when it is something else."""
    if isinstance(request, OrderRequest):
        return (decode_order_response(body),)
    if isinstance(request, OrderListRequest | CancelListRequest):
        return (decode_order_list(body),)
    if isinstance(request, CancelRequest):
        return (decode_cancel(body),)
    if isinstance(request, CancelReplaceRequest):
        return (decode_cancel_replace(body),)
    if isinstance(request, AmendRequest):
        return (decode_amend(body),)
    assert isinstance(request, CancelOpenOrdersRequest)
    return decode_cancels(body)


def _failed(
    request: Request, error_class: ErrorClass, code: int, message: str, retry_after_ms: int = 0
) -> RequestFailed:
    return RequestFailed(
        request=request,
        error_class=error_class,
        code=code,
        message=message,
        retry_after_ms=retry_after_ms,
    )
