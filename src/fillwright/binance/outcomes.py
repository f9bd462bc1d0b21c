"""How a request to Binance can end: answered, refused, unknown, or never sent.

Unknown is no failure: nobody can say whether it was executed, so that it is asked about and never repeated blindly.
What was never sent may go another way. Trading rules §6; Binance Spot REST "HTTP Return Codes", "Error codes".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from fillwright.core.types import MILLISECOND, ErrorClass, Time
from fillwright.wire.answers import (
    CancelReplaceReply,
    ErrorBody,
    PartError,
    Reply,
    RetryTimes,
    decode_error,
)
from fillwright.wire.codec import WireError, moment
from fillwright.wire.errors import error_class

CLIENT_ERROR, SERVER_ERROR = 400, 500
PARTIALLY_REPLACED = -2021
"""One half of a cancelReplace was done; its ``data`` says which."""
_OF_THE_FRONT = frozenset({401, 403, 404, 405, 410, 413, 414, 418, 429, 431, 451})
"""HTTP statuses of answers that come from before the exchange: whatever the body is, nothing was executed."""
_WHY = {
    401: "the API key was not accepted",
    403: "the firewall refuses the request, or this address",
    404: "there is nothing at this path",
    410: "this has been removed",
    418: "this address is banned for a while, after too many requests",
    429: "too many requests",
    451: "the place where this machine is is not served",
}


class Answered(msgspec.Struct, frozen=True):
    """Binance did it, or told what was asked."""

    result: bytes | msgspec.Raw
    """JSON for the decoder of what was asked."""
    received: Time
    """By Binance's clock, as we know it."""


class Refused(msgspec.Struct, frozen=True):
    """Binance did not do it."""

    code: int | None
    """None: the body was not Binance's (a firewall's HTML)."""
    message: str
    http_status: int
    error_class: ErrorClass
    """Never ``unknown``."""
    retry_after_ms: int = 0
    data: CancelReplaceReply | RetryTimes | None = None

    @property
    def error(self) -> ErrorBody:
        """As ``venues.wire_reports.from_error`` wants it; the HTTP status stands in for a code that is not there."""
        code = self.http_status if self.code is None else self.code
        return ErrorBody(code=code, message=self.message, data=self.data)


class Unknown(msgspec.Struct, frozen=True):
    """Nobody can say whether it was done: no answer, an unreadable one, or one that says so itself."""

    why: str
    code: int | None = None
    http_status: int | None = None


class Unsent(msgspec.Struct, frozen=True):
    """It never left this process: nothing can have been done, and it may be sent another way."""

    why: str
    error_class: ErrorClass = ErrorClass.RETRYABLE
    """``rate`` when a limit of Binance's stands in the way."""
    retry_after_ms: int = 0
    http_status: int = 0
    """What Binance said before, and has to be sat out: 418 (a ban) or 429; 0: nothing."""


Outcome = Answered | Refused | Unknown | Unsent
Failed = Refused | Unknown | Unsent
Decoded = TypeVar("Decoded")


def read(outcome: Outcome, decode: Callable[[bytes | msgspec.Raw], Decoded]) -> Decoded | Failed:
    """What an answer says; one that is not what it should be is Unknown."""
    if not isinstance(outcome, Answered):
        return outcome
    try:
        return decode(outcome.result)
    except WireError as error:
        return Unknown(f"an unreadable answer: {error}")


def from_http(status: int, body: bytes, retry_after: str | None, received: Time) -> Outcome:
    """Judge an HTTP answer; ``retry_after`` is its header, seconds."""
    if 200 <= status < 300:
        return Answered(body, received)
    wait_ms = int(retry_after) * 1000 if retry_after is not None and retry_after.isdecimal() else 0
    try:
        error = decode_error(body)
    except WireError:
        return _without_body(status, wait_ms)
    return judged(error, status, wait_ms)


def from_reply(reply: Reply, received: Time) -> Outcome:
    """Judge an answer on the WebSocket API."""
    if reply.error is None:
        return Answered(reply.result, received)
    return judged(reply.error, reply.status)


def judged(error: ErrorBody, http_status: int, retry_after_ms: int = 0) -> Refused | Unknown:
    """Judge an error that Binance tells: one that may stand for an execution is Unknown."""
    kind = error_class(error.code, http_status)
    data = error.data
    untold = error.code == PARTIALLY_REPLACED and not isinstance(data, CancelReplaceReply)
    if kind is ErrorClass.UNKNOWN or untold or _is_half_unknown(data):
        return Unknown(f"{error.message} ({error.code}, HTTP {http_status})", error.code, http_status)
    if isinstance(data, RetryTimes):
        retry_after_ms = max(0, moment(data.retry_after) - moment(data.server_time)) // MILLISECOND
    return Refused(error.code, error.message, http_status, kind, retry_after_ms, data)


def _is_half_unknown(data: CancelReplaceReply | RetryTimes | None) -> bool:
    if not isinstance(data, CancelReplaceReply):
        return False
    halves = (data.cancel_response, data.new_order_response)
    return any(
        isinstance(half, PartError) and error_class(half.code) is ErrorClass.UNKNOWN for half in halves
    )


def _without_body(status: int, wait_ms: int) -> Refused | Unknown:
    if status in _OF_THE_FRONT:
        why = _WHY.get(status, "refused")
        return Refused(None, f"{why} (HTTP {status})", status, error_class(None, status), wait_ms)
    return Unknown(f"an unreadable answer (HTTP {status})", None, status)
