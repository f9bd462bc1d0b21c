"""The application as a whole: every route refuses in the one shape, whatever is wrong."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec

from fillwright.api.bodies import BODY_BYTES_MAX
from fillwright.api.errors import ErrorAnswer
from tests.api.serving import SIGNAL, TOKEN, Service, service
from tests.runtime.builders import run

ROUTES = [
    ("POST", "/api/signals"),
    ("POST", "/api/signals/preview"),
    ("POST", "/api/positions/1/close"),
    ("POST", "/api/positions/1/reduce"),
    ("POST", "/api/positions/1/add"),
    ("POST", "/api/positions/1/adjust"),
    ("POST", "/api/emergency-stop"),
    ("POST", "/api/resume"),
    ("POST", "/api/trading/mode"),
]
READS = [
    "/api/signals",
    "/api/signals/1",
    "/api/signals/1/why",
    "/api/positions",
    "/api/orders",
    "/api/orders/x",
    "/api/trades",
    "/api/portfolio",
    "/api/status",
    "/api/trading/mode",
    "/api/events",
    "/nothing",
]
BAD_BODIES: list[bytes] = [
    b"{",
    b"[]",
    b'"x"',
    b"5",
    b"\xff\xfe",
    b'{"surprise": 1}',
    b'{"symbol": 5, "reason": 5, "mode": 5, "flatten": 5, "stop_loss": 5, "quote": 5, "fraction": 5}',
    b'{"a":' * 1_500,
]


async def refused(made: Service, method: str, path: str, raw: bytes | None = None, **headers: str) -> int:
    """The status of a refusal, whose body must have the one shape."""
    async with made.respond(method, path, raw=raw, **headers) as response:
        body = await response.read()
        answer = msgspec.json.decode(body, type=ErrorAnswer)
        assert answer.error.code.isupper(), body
        assert answer.error.message, body
        assert response.content_type == "application/json"
        assert response.headers["X-Request-Id"]
        status: int = response.status
        return status


def test_every_refusal_has_the_one_shape(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            for method, path in ROUTES:
                for body in BAD_BODIES:
                    assert await refused(made, method, path, body) == 400, (path, body[:40])
                large = b"x" * (BODY_BYTES_MAX + 1)
                assert await refused(made, method, path, large) == 413, path
                assert await refused(made, method, path, b"{}", Authorization="") == 401, path
                assert await refused(made, "DELETE", path) == 405, path
            for path in READS:
                assert await refused(made, "GET", path, Authorization="Bearer wrong") == 401, path
                assert await refused(made, "PATCH", path) in (404, 405), path
                assert await refused(made, "GET", path, Host="evil.example") == 403, path
                if "?" not in path and path in (
                    "/api/signals",
                    "/api/positions",
                    "/api/orders",
                    "/api/trades",
                ):
                    assert await refused(made, "GET", f"{path}?surprise=1") == 400, path
            # and after all of that it lives, and has done nothing
            assert (await made.send())[0] == 201

    run(story())


def test_a_signal_is_answered_quickly(tmp_path: Path) -> None:
    """Far above what it takes (about 0.3 ms): this finds blunders, benchmarks measure."""

    async def story() -> None:
        async with service(tmp_path) as made:
            took = []
            for number in range(60):
                begin = time.perf_counter()
                status, _ = await made.send(trader_id=f"t{number}", stop_loss="80")
                took.append(time.perf_counter() - begin)
                assert status == 201
            assert sorted(took)[len(took) // 2] < 0.02

    run(story())


def test_there_is_no_answer_to_other_origins_and_nothing_is_cached(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path, hosts=("trade.example",)) as made:
            headers: dict[str, Any] = {"Origin": "https://evil.example", "Authorization": f"Bearer {TOKEN}"}
            async with made.respond("GET", "/api/status", **headers) as response:
                assert "Access-Control-Allow-Origin" not in response.headers
                assert response.headers["Cache-Control"] == "no-store"
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert "Server" not in response.headers
            async with made.respond("OPTIONS", "/api/signals", **headers) as response:
                assert "Access-Control-Allow-Origin" not in response.headers
            status, _ = await made.ask("POST", "/api/signals/preview", SIGNAL, Host="trade.example")
            assert status == 200

    run(story())
