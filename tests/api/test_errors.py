from __future__ import annotations

import msgspec
import pytest
import structlog
import structlog.testing
from litestar.exceptions import (
    HTTPException,
    InternalServerException,
    MethodNotAllowedException,
    ValidationException,
)

from fillwright.api.errors import ApiError, ErrorAnswer, invalid, malformed, translated
from fillwright.core.types import Mode
from fillwright.ports import CursorError, DiskFullError, UnknownAccountError
from fillwright.runtime.errors import (
    EngineStoppedError,
    LaneFullError,
    ModeUnavailableError,
    NotReadyError,
    NotStoredError,
)

EXPECTED: list[tuple[Exception, int, str]] = [
    (ApiError(418, "TEAPOT", "short and stout"), 418, "TEAPOT"),
    (LaneFullError("signals", 10), 503, "LANE_FULL"),
    (NotReadyError("recovering"), 503, "NOT_READY"),
    (NotStoredError("no room", recorded=True), 503, "NOT_STORED"),
    (EngineStoppedError("the fence is lost"), 503, "ENGINE_STOPPED"),
    (ModeUnavailableError("local", Mode.TESTNET), 409, "MODE_UNAVAILABLE"),
    (CursorError("?"), 400, "INVALID_CURSOR"),
    (UnknownAccountError("?"), 503, "NOT_READY"),
    (DiskFullError("/secret/place: full"), 503, "STORAGE_FAILED"),
    (msgspec.DecodeError("truncated"), 400, "MALFORMED_JSON"),
    (MethodNotAllowedException(), 405, "METHOD_NOT_ALLOWED"),
    (HTTPException(status_code=413), 413, "BODY_TOO_LARGE"),
    (
        ValidationException(extra=[{"message": "no", "key": "limit", "source": "query"}]),
        400,
        "INVALID_PARAMETER",
    ),
    (InternalServerException("secret"), 500, "INTERNAL"),
    (ZeroDivisionError("secret"), 500, "INTERNAL"),
]


@pytest.mark.parametrize(("error", "status", "code"), EXPECTED, ids=lambda value: type(value).__name__)
def test_every_exception_has_a_status_a_code_and_the_one_shape(
    error: Exception, status: int, code: str
) -> None:
    told = translated(error)

    assert (told.status, told.code) == (status, code)
    answer = msgspec.json.decode(told.body, type=ErrorAnswer, strict=True)
    assert answer.error.code == code
    assert answer.error.message
    assert b"secret" not in told.body


def test_a_fault_of_ours_names_the_request_in_answer_and_log() -> None:
    with structlog.testing.capture_logs() as logs:
        told = translated(ZeroDivisionError("x"), "r-7")
    assert told.details == {"request_id": "r-7"}
    assert (logs[0]["request_id"], logs[0]["log_level"]) == ("r-7", "error")


def test_what_may_be_tried_again_says_when() -> None:
    assert translated(LaneFullError("signals", 1)).headers == {"Retry-After": "1"}
    assert translated(EngineStoppedError("gone")).headers == {}


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    price: str


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    entry: Inner


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"entry": {"price": 1}}', "$.entry.price"),
        (b'{"entry": {"price": "1", "x": 1}}', "$.entry"),
        (b'{"entry": 1}', "$.entry"),
        (b"[]", "$"),
    ],
)
def test_a_wrong_field_is_named_by_its_path(body: bytes, path: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(body, type=Outer)

    told = malformed(caught.value)

    assert (told.status, told.details) == (400, {"path": path})
    assert "` - at" not in told.message


def test_a_value_that_cannot_be_is_told_like_a_wrong_type() -> None:
    assert invalid("$.size", "too small").message == "$.size: too small"
