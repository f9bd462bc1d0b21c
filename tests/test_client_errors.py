"""What a client makes of answers that are errors, and of answers that never came."""

from __future__ import annotations

import errno
from typing import Any

import aiohttp
import pytest

from fillwright.client_errors import ConnectionFailed, error_of, refused_events, why


def test_an_error_has_the_api_s_code_and_details() -> None:
    found = error_of(409, {"error": {"code": "OPEN_POSITIONS", "message": "1 open", "details": {"n": 1}}})
    assert (found.code, found.message, found.status, found.details) == (
        "OPEN_POSITIONS",
        "1 open",
        409,
        {"n": 1},
    )
    assert str(found) == "1 open (OPEN_POSITIONS)"


@pytest.mark.parametrize("found", [None, [], {}, {"error": "text"}, {"error": None}])
def test_an_answer_of_another_shape_is_not_ours(found: Any) -> None:
    assert (error_of(502, found).code, error_of(502, found).status) == ("UNREADABLE", 502)


@pytest.mark.parametrize(("status", "code"), [(401, "UNAUTHORIZED"), (409, "SINCE_AHEAD"), (418, "HTTP_418")])
def test_refused_events_have_a_code(status: int, code: str) -> None:
    assert (refused_events(status).code, refused_events(status).status) == (code, status)


def test_nobody_there_is_told_in_the_system_s_words() -> None:
    key: Any = None
    refused = aiohttp.ClientConnectorError(key, OSError(errno.ECONNREFUSED, "no matter"))
    assert why(refused) == "Connection refused"
    assert why(TimeoutError()) == "TimeoutError"
    told = ConnectionFailed("http://127.0.0.1:1", why(refused))
    assert (told.code, "fillwright run" in told.message) == ("CONNECTION_FAILED", True)
