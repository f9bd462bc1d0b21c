"""What the service is sent that is not as it should be: a clear error each time, and the service goes on."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.service import HOST, TOKEN, Service
from tests.e2e.traffic import AUTHORIZATION

SYMBOLS = ("BTCUSDT", "ETHUSDT")
CONNECTIONS = 10_000
FILES_SPARE = 500
GOOD = {
    "symbol": "BTCUSDT",
    "side": "long",
    "trader_id": "tester",
    "stop_loss": "1",
    "size": {"quote": "50"},
}
UNREAD = 800
"""Signals whose records nobody reads."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("asked"), symbols=SYMBOLS, forked=True) as made:
        made.start().wait_ready()
        yield made


@pytest.fixture(autouse=True)
def _alive(service: Service) -> Iterator[None]:
    """Whatever was sent, the service answers and is still the same process."""
    yield
    assert service.got("/healthz")["status"]
    assert service.get("/readyz")[0] == 200
    assert "a fault in the API" not in service.log
    assert "Traceback" not in service.log


def assert_error(answer: tuple[int, Any], status: int, code: str | None = None) -> dict[str, Any]:
    """The one shape of errors, and a message that a person can read."""
    assert answer[0] == status, answer
    assert isinstance(answer[1], dict), answer
    error: dict[str, Any] = answer[1]["error"]
    assert set(error) == {"code", "message", "details"}
    assert error["message"]
    assert code is None or error["code"] == code, error
    return error


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", None),
        (b"{", "MALFORMED_JSON"),
        (b"not json", "MALFORMED_JSON"),
        (b"\xff\xfe\x00", "MALFORMED_JSON"),
        (b"[]", None),
        (b"null", None),
        (b"[" * 5_000, None),
        (json.dumps({**GOOD, "stop_los": "1"}).encode(), None),
        (json.dumps({**GOOD, "stop_loss": 1.5}).encode(), None),
        (json.dumps({**GOOD, "stop_loss": "1e5"}).encode(), None),
        (json.dumps({**GOOD, "stop_loss": "NaN"}).encode(), None),
        (json.dumps({**GOOD, "stop_loss": "-1"}).encode(), None),
        (json.dumps({**GOOD, "stop_loss": "9" * 400}).encode(), None),
        (json.dumps({**GOOD, "side": "up"}).encode(), None),
        (json.dumps({**GOOD, "size": {"quote": "1", "risk_percent": "1"}}).encode(), None),
        (json.dumps({**GOOD, "size": {}}).encode(), None),
        (json.dumps({**GOOD, "entry": {"type": "limit"}}).encode(), None),
        (json.dumps({**GOOD, "created_at": "yesterday"}).encode(), None),
        (json.dumps({**GOOD, "created_at": "2026-11-20T10:00:00"}).encode(), None),
        (json.dumps({**GOOD, "trader_id": "a b"}).encode(), None),
        (json.dumps({**GOOD, "key": "k" * 200}).encode(), None),
        (json.dumps({**GOOD, "metadata": {"a": 1}}).encode(), None),
        (json.dumps({k: v for k, v in GOOD.items() if k != "symbol"}).encode(), None),
    ],
)
def test_bodies_that_are_no_signals(service: Service, raw: bytes, code: str | None) -> None:
    seq = service.got("/api/status")["seq"]
    assert_error(service.ask("POST", "/api/signals", raw=raw), 400, code)
    signals = service.pages("/api/signals", "signals")
    assert signals == []
    assert service.got("/api/status")["seq"] >= seq


def test_a_symbol_that_nobody_knows_is_denied_like_any_other_signal(service: Service) -> None:
    status, body = service.ask("POST", "/api/signals/preview", {**GOOD, "symbol": "NOSUCHUSDT"})
    assert (status, body["approved"], body["code"]) == (200, False, "SYMBOL_NOT_ALLOWED")


def test_bodies_that_are_huge(service: Service) -> None:
    assert_error(service.ask("POST", "/api/signals", raw=b'{"symbol":"' + b"A" * 5_000_000 + b'"}'), 413)
    for announced in ("99999999999", "-1", "ten"):
        answer = raw_request(
            service,
            f"POST /api/signals HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {TOKEN}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {announced}\r\n\r\n".encode()
            + b"{" * 70_000,
        )
        assert answer.split(b" ", 2)[1] in (b"400", b"413"), answer[:200]


def raw_request(service: Service, data: bytes, timeout_s: float = 5) -> bytes:
    """Send bytes, and read what comes until the connection ends."""
    answer = b""
    with socket.create_connection((HOST, service.port), timeout=timeout_s) as connection:
        try:
            connection.sendall(data)
            while got := connection.recv(65_536):
                answer += got
                if b"\r\n\r\n" in answer and answer.endswith(b"}}"):
                    break
        except (ConnectionError, TimeoutError):
            pass
    return answer


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\r\n" * 50, b"\x00" * 4_096]
)
def test_what_is_no_http(service: Service, data: bytes) -> None:
    answer = raw_request(service, data + b"\r\n\r\n", timeout_s=0.5)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")


def test_headers_without_end(service: Service) -> None:
    """One that sends a header for ever is cut off before it holds up anybody."""
    begin = time.monotonic()
    answer = raw_request(service, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"b" * 5_000_000)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431")
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x", TOKEN[:-1], "x" * 100_0])
@pytest.mark.parametrize(
    "path", ["/api/status", "/api/signals", "/api/events", "/api/positions/1", "/api/nothing"]
)
def test_tokens_that_are_wrong(service: Service, path: str, token: str | None) -> None:
    assert_error(service.ask("GET", path, token=token), 401, "UNAUTHORIZED")


def test_a_host_that_is_not_ours(service: Service) -> None:
    status, _ = service.ask("GET", "/api/status", headers={"Host": "evil.example"})
    assert 400 <= status < 500


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/signals/999999", 404),
        ("GET", "/api/signals/999999/why", 404),
        ("GET", "/api/positions/999999", 404),
        ("GET", "/api/orders/nothing", 404),
        ("GET", "/api/trades/999999999999999999999999", 404),
        ("POST", "/api/positions/999999/close", 404),
        ("GET", "/api/signals?limit=0", 400),
        ("GET", "/api/signals?limit=ten", 400),
        ("GET", "/api/signals?cursor=abc", 400),
        ("GET", "/api/signals?statuss=open", 400),
        ("GET", "/api/nothing", 404),
        ("DELETE", "/api/signals", 405),
        ("POST", "/api/emergency-stop", 400),
    ],
)
def test_questions_that_make_no_sense(service: Service, method: str, path: str, status: int) -> None:
    body = {} if method == "POST" else None
    assert_error(service.ask(method, path, body), status)


def test_ten_thousand_connections_at_once(service: Service) -> None:
    """As many as this process may open; each is answered, or told that it was silent or one too many; orders go on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(CONNECTIONS + FILES_SPARE, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    count = min(CONNECTIONS, max(soft, wanted) - FILES_SPARE)
    answers = asyncio.run(crowd(service, count))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert answers["other"] == 0, answers
    assert answers["200"] > 1_000, answers
    assert sum(answers.values()) == count
    status, body = service.ask("POST", "/api/signals/preview", GOOD)
    assert (status, "code" in body) == (200, True)


async def crowd(service: Service, count: int) -> dict[str, int]:
    """Open so many connections, then ask on each of them; how many were answered how."""
    answers = {"200": 0, "408": 0, "503": 0, "closed": 0, "other": 0}
    request = f"GET /healthz HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    gate = asyncio.Semaphore(500)

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        async with gate:
            try:
                return await asyncio.open_connection(HOST, service.port)
            except OSError:
                return None

    async def ask(pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None) -> str:
        if pair is None:
            return "closed"
        reader, writer = pair
        try:
            writer.write(request)
            head = await asyncio.wait_for(reader.read(4_096), 20)
        except ConnectionError:
            return "closed"
        finally:
            writer.close()
        if not head:
            return "closed"
        status = head[9:12].decode(errors="replace")
        return status if status in answers else "other"

    pairs = await asyncio.gather(*(connect() for _ in range(count)))
    for begin in range(0, count, 1_000):
        for outcome in await asyncio.gather(*(ask(pair) for pair in pairs[begin : begin + 1_000])):
            answers[outcome] += 1
    return answers


def test_a_reader_that_never_reads_costs_little_and_slows_nobody(service: Service) -> None:
    before = service.resident_mb
    readers = [deaf_reader(service) for _ in range(20)]
    try:
        slowest = asyncio.run(answer_times(service, UNREAD))
        assert service.resident_mb - before < 60
        assert slowest < 1.0
    finally:
        for reader in readers:
            reader.close()


def deaf_reader(service: Service) -> socket.socket:
    """A WebSocket that is opened at the journal's beginning and never read, with as small a buffer as can be."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    connection.connect((HOST, service.port))
    connection.sendall(
        f"GET /api/events?since=0&prices=true HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {TOKEN}\r\n\r\n".encode()
    )
    return connection


async def answer_times(service: Service, count: int) -> float:
    """Send so many denied signals; the longest that one answer took."""
    longest = 0.0
    async with aiohttp.ClientSession(headers=AUTHORIZATION) as http:
        for number in range(count):
            begin = time.perf_counter()
            body = {**GOOD, "key": f"deaf-{number}", "stop_loss": "1", "side": "short"}
            async with http.post(f"{service.url}/api/signals", json=body) as response:
                assert response.status == 201, await response.text()
            longest = max(longest, time.perf_counter() - begin)
    return longest


# -- starts that cannot be ---------------------------------------------------------------------------------------


def run_to_its_end(service: Service) -> tuple[int, str]:
    """Start it, and wait until it has given up; its exit code and what it said."""
    before = len(service.log)
    service.start()
    return service.wait(60), service.log[before:]


def test_a_second_service_on_the_same_data(service: Service, tmp_path: Path) -> None:
    with Service(
        tmp_path, symbols=SYMBOLS, changes={"data": {"dir": str(service.data)}}, forked=True
    ) as second:
        code, said = run_to_its_end(second)
    assert code == 6, said
    assert service.process is not None
    assert str(service.process.pid) in said
    assert "Traceback" not in said


def test_a_port_that_is_taken(service: Service, tmp_path: Path) -> None:
    with Service(
        tmp_path, symbols=SYMBOLS, changes={"server": {"port": service.port}}, forked=True
    ) as second:
        code, said = run_to_its_end(second)
    assert code == 5, said
    assert str(service.port) in said
    assert "Address already in use" in said
    assert "Traceback" not in said


def test_a_database_of_a_newer_version(tmp_path: Path) -> None:
    with Service(tmp_path, symbols=SYMBOLS, forked=True) as made:
        made.start().wait_ready()
        assert made.stop() == 0
        before = made.database.read_bytes()
        connection = sqlite3.connect(made.database)
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
        connection.close()
        changed = made.database.read_bytes()
        code, said = run_to_its_end(made)
        assert code == 4, said
        assert "newer" in said
        assert "Traceback" not in said
        assert made.database.read_bytes() == changed != before
