from __future__ import annotations

from typing import Any

import msgspec

from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.limits import RateLimited
from fillwright.exchange.server.replies import Pending, Reply, error_reply, html, websocket_message

NOW = 1_795_168_800_000_000


def test_an_error_is_code_and_message_and_its_data() -> None:
    data: Any = {"cancelResult": "FAILURE"}
    reply = error_reply(ExchangeError(-2022, "Order cancel-replace failed.", 400, data))
    assert msgspec.json.decode(reply.body) == {
        "code": -2022,
        "msg": "Order cancel-replace failed.",
        "data": {"cancelResult": "FAILURE"},
    }
    assert (reply.status, reply.code, reply.headers) == (400, -2022, "")


def test_retry_after_is_whole_seconds_and_at_least_one() -> None:
    assert error_reply(RateLimited("", 418, NOW + 1), NOW).headers == "retry-after: 1\r\n"
    assert error_reply(RateLimited("", 418, NOW), NOW).headers == "retry-after: 1\r\n"
    assert error_reply(RateLimited("", 429, NOW + 2_000_001), NOW).headers == "retry-after: 3\r\n"


def test_websocket_envelopes() -> None:
    def message(reply: Reply, limits: str = "") -> Any:
        return msgspec.json.decode(websocket_message(b'"x"', reply, limits))

    assert message(Reply(200, b"{}"), "[1]") == {"id": "x", "status": 200, "result": {}, "rateLimits": [1]}
    limited = error_reply(RateLimited("text", 429, NOW + 5_000_000), NOW)
    assert message(limited) == {
        "id": "x",
        "status": 429,
        "error": {
            "code": -1003,
            "msg": "text",
            "data": {"serverTime": NOW // 1000, "retryAfter": NOW // 1000 + 5000},
        },
    }
    assert message(html(403, "Forbidden"), "[]") == {"id": "x", "status": 403, "rateLimits": []}


def test_a_late_answer_reaches_whoever_waits_whenever_it_comes() -> None:
    pending, got = Pending(), list[int]()
    mapped = pending.map(lambda reply: Reply(reply.status + 1, b""))
    mapped.then(lambda reply: got.append(reply.status))
    assert got == []
    pending.deliver(Reply(200, b""))
    assert got == [201]
    mapped.then(lambda reply: got.append(reply.status))
    assert got == [201, 201]
