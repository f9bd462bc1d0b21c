"""Every error of the API in one shape: ``{"error": {"code", "message", "details"}}``.

Codes say what it was, once and for all; messages are for people and may change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar.connection import Request
from litestar.exceptions import HTTPException
from litestar.response import Response

from fillwright.ports import CursorError, StorageError, UnknownAccountError
from fillwright.runtime.errors import (
    EngineStoppedError,
    LaneFullError,
    ModeUnavailableError,
    NotReadyError,
    NotStoredError,
    UnavailableError,
)

RETRY_AFTER_S = 1
REQUEST_ID = "fillwright.request_id"
"""Where the scope holds the request's id."""
JSON = "application/json"
_AT = re.compile(r" - at `(?:key in )?(\$[^`]*)`$")
_STATUS_CODES = {
    400: "BAD_REQUEST",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "BODY_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
}


class ErrorBody(msgspec.Struct, frozen=True):
    """What went wrong."""

    code: str
    message: str
    details: dict[str, Any] = {}


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The body of every answer that is no success."""

    error: ErrorBody


class ApiError(Exception):
    """A request cannot be done; everything that the caller is told of it."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.details = dict(details or {})
        self.headers = dict(headers or {})

    @property
    def body(self) -> bytes:
        """The answer's body."""
        return msgspec.json.encode(ErrorAnswer(ErrorBody(self.code, self.message, self.details)))


def not_found(what: str, name: object) -> ApiError:
    """Nothing of that name is there."""
    return ApiError(404, "NOT_FOUND", f"there is no {what} {name!s:.100}")


def no_such_path() -> ApiError:
    """No route has the path."""
    return ApiError(404, "NOT_FOUND", "there is no such path; /docs lists them all")


def invalid(path: str, message: str) -> ApiError:
    """A field's value cannot be; ``path`` as in ``$.size.quote``."""
    return ApiError(400, "INVALID_FIELD", f"{path}: {message}", {"path": path})


def malformed(error: msgspec.DecodeError) -> ApiError:
    """A body that is no JSON, or not of the shape that is asked for."""
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return ApiError(400, "MALFORMED_JSON", f"the body is not JSON: {text}")
    place = _AT.search(text)
    path = place.group(1) if place else "$"
    message = _AT.sub("", text)
    if message.startswith(("Expected `str`", "Expected `str | null`")) and message.endswith(
        ("`int`", "`float`")
    ):
        message += " (amounts are texts, so that they stay exact)"
    return invalid(path, message)


def unavailable(error: UnavailableError) -> ApiError:
    """The runtime cannot take it now."""
    retry = {"Retry-After": str(RETRY_AFTER_S)}
    if isinstance(error, LaneFullError):
        return ApiError(503, "LANE_FULL", str(error), {"lane": error.lane, "bound": error.bound}, retry)
    if isinstance(error, NotReadyError):
        return ApiError(503, "NOT_READY", str(error), headers=retry)
    if isinstance(error, NotStoredError):
        return ApiError(503, "NOT_STORED", str(error), {"recorded": error.recorded}, retry)
    code = "ENGINE_STOPPED" if isinstance(error, EngineStoppedError) else "UNAVAILABLE"
    return ApiError(503, code, str(error))


def storage_failed(error: StorageError) -> ApiError:
    """The store could not answer; paths in its text are nobody's business over the network."""
    if isinstance(error, CursorError):
        return ApiError(400, "INVALID_CURSOR", "the cursor is not one that a listing gave")
    if isinstance(error, UnknownAccountError):
        return ApiError(
            503, "NOT_READY", "the account is not open yet", headers={"Retry-After": str(RETRY_AFTER_S)}
        )
    structlog.get_logger().error("the store could not be read", reason=str(error))
    return ApiError(503, "STORAGE_FAILED", f"the store cannot be read: {type(error).__name__}")


def translated(error: Exception, request_id: str = "") -> ApiError:
    """Say any exception in the API's words; what nobody expected is a fault of ours, and logged."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, msgspec.DecodeError):
        return malformed(error)
    if isinstance(error, UnavailableError):
        return unavailable(error)
    if isinstance(error, ModeUnavailableError):
        return ApiError(409, "MODE_UNAVAILABLE", str(error))
    if isinstance(error, StorageError):
        return storage_failed(error)
    if isinstance(error, HTTPException):
        return _of_framework(error, request_id)
    return _fault(error, request_id)


def _fault(error: Exception, request_id: str) -> ApiError:
    structlog.get_logger().error("a fault in the API", request_id=request_id, exc_info=error)
    return ApiError(
        500,
        "INTERNAL",
        "fillwright made a mistake; its log says more about this request id",
        {"request_id": request_id},
    )


def _of_framework(error: HTTPException, request_id: str) -> ApiError:
    status = error.status_code
    if status >= 500:
        return _fault(error, request_id)
    code = _STATUS_CODES.get(status, "BAD_REQUEST")
    message, details = error.detail, dict[str, Any]()
    if isinstance(error.extra, list) and error.extra and isinstance(error.extra[0], dict):
        first = error.extra[0]
        details = {"parameter": first.get("key", ""), "in": getattr(first.get("source"), "value", "")}
        message, code = f"{first.get('key', '')}: {first.get('message', '')}", "INVALID_PARAMETER"
    headers = dict(error.headers or {})
    if status == 413:
        message = "the body is too large"
    elif status == 404:
        return no_such_path()
    elif status == 405:
        message = "the path does not know this method"
    return ApiError(status, code, message or HTTPStatus(status).phrase, details, headers)


def request_id_of(scope: Any) -> str:
    """The id that the shield gave the request."""
    return str(scope.get(REQUEST_ID, ""))


def answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's handler for every exception."""
    told = translated(error, request_id_of(request.scope))
    return Response(told.body, status_code=told.status, media_type=JSON, headers=told.headers)
