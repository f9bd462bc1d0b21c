from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from fillwright.core.types import SECOND
from fillwright.exchange.faults import Outcome
from fillwright.exchange.server import rest as module
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.desk import Desk
from fillwright.exchange.server.fault_plan import CallFault, Cut
from fillwright.exchange.server.listener import Listener
from fillwright.exchange.server.operations import Call, Kind, Operation, Parameter
from fillwright.exchange.server.replies import Reply
from fillwright.exchange.server.security import Security
from tests.exchange.server.boxes import frozen_box

TEXT = Parameter("text", Kind.STRING)


def _echo(call: Call) -> dict[str, Any]:
    return call.parameters


OPERATIONS = (
    *(
        Operation(f"echo.{method}", method, "/api/v3/echo", Security.NONE, (TEXT,), _echo)
        for method in ("GET", "POST", "DELETE")
    ),
    Operation("big", "GET", "/api/v3/big", Security.NONE, (), lambda call: "x" * 300_000),
)
WAIT_S = 5.0


class Client:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, box: Box) -> None:
        self.reader = reader
        self.writer = writer
        self.box = box

    def send(self, text: str | bytes) -> None:
        self.writer.write(text.encode("latin-1") if isinstance(text, str) else text)

    def get(self, target: str, *headers: str, method: str = "GET", body: str = "") -> None:
        lines = [f"{method} {target} HTTP/1.1", "Host: x", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines) + "\r\n\r\n" + body)

    async def head(self) -> tuple[int, dict[str, str]]:
        async with asyncio.timeout(WAIT_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        return int(first.split(" ")[1]), dict(line.lower().split(": ", 1) for line in lines)

    async def answer(self) -> tuple[int, bytes]:
        status, headers = await self.head()
        async with asyncio.timeout(WAIT_S):
            return status, await self.reader.readexactly(int(headers["content-length"]))

    async def is_closed(self) -> bool:
        async with asyncio.timeout(WAIT_S):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True

    async def is_quiet(self) -> bool:
        """Nothing came by the time that another connection was served."""
        probe = Client(*await asyncio.open_connection(*self.writer.get_extra_info("peername")), self.box)
        probe.get("/api/v3/echo")
        assert (await probe.answer())[0] == 200
        probe.writer.close()
        return not self.reader._buffer and not self.reader.at_eof()  # type: ignore[attr-defined]


def _with_client(scenario: Callable[[Client], Awaitable[None]], **more: Any) -> None:
    async def run() -> None:
        box = frozen_box()
        listener = Listener(box, Desk(box, OPERATIONS), **more)
        await listener.start("127.0.0.1", 0)
        client = Client(*await asyncio.open_connection("127.0.0.1", listener.port), box)
        try:
            await scenario(client)
        finally:
            client.writer.close()
            await listener.stop()

    uvloop.run(run())


def test_requests_on_one_connection_are_answered_in_their_order() -> None:
    async def scenario(client: Client) -> None:
        for number in range(50):
            client.get(f"/api/v3/echo?text={number}")
        for number in range(50):
            assert await client.answer() == (200, b'{"text":"%d"}' % number)

    _with_client(scenario)


def test_headers_are_those_of_binance() -> None:
    async def scenario(client: Client) -> None:
        client.get("/api/v3/echo")
        status, headers = await client.head()
        assert status == 200
        assert headers["content-type"] == "application/json;charset=utf-8"
        assert headers["x-mbx-used-weight-1m"] == "1"
        assert headers["date"] == "fri, 20 nov 2026 10:00:00 gmt"

    _with_client(scenario)


def test_a_request_may_come_byte_by_byte() -> None:
    async def scenario(client: Client) -> None:
        request = b"POST /api/v3/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\ntext=a%20"
        for byte in request:
            client.send(bytes([byte]))
            await client.writer.drain()
            await asyncio.sleep(0)
        client.get("/api/v3/echo")
        assert await client.answer() == (200, b'{"text":"a%2"}')

    _with_client(scenario)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_form_bodies_are_read_in_one_piece_and_in_chunks(method: str) -> None:
    async def scenario(client: Client) -> None:
        form = "Content-Type: application/x-www-form-urlencoded; charset=utf-8"
        client.get("/api/v3/echo", form, method=method, body="text=a%20b")
        assert await client.answer() == (200, b'{"text":"a b"}')
        client.send(f"{method} /api/v3/echo HTTP/1.1\r\n{form}\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send("3\r\ntex\r\n4\r\nt=xy\r\n0\r\n\r\n")
        assert await client.answer() == (200, b'{"text":"xy"}')

    _with_client(scenario)


def test_bodies_of_get_and_of_other_types_are_not_parameters() -> None:
    async def scenario(client: Client) -> None:
        client.get("/api/v3/echo", body="text=a")
        assert await client.answer() == (200, b"{}")
        client.get("/api/v3/echo", "Content-Type: application/json", method="POST", body='{"text":"a"}')
        assert await client.answer() == (200, b"{}")

    _with_client(scenario)


def test_a_form_that_says_it_is_json_is_a_form() -> None:
    async def scenario(client: Client) -> None:
        client.get("/api/v3/echo", "Content-Type: application/json", method="POST", body="text=a")
        assert await client.answer() == (200, b'{"text":"a"}')
        client.get("/api/v3/echo", "Content-Type: text/plain", method="POST", body="text=a")
        assert await client.answer() == (200, b"{}")

    _with_client(scenario)


def test_head_has_the_headers_of_get_and_no_body() -> None:
    async def scenario(client: Client) -> None:
        client.get("/api/v3/echo?text=a", method="HEAD")
        status, headers = await client.head()
        assert (status, headers["content-length"]) == (200, "12")
        client.get("/api/v3/echo?text=b")
        assert await client.answer() == (200, b'{"text":"b"}')

    _with_client(scenario)


def test_who_expects_to_be_told_goes_on() -> None:
    async def scenario(client: Client) -> None:
        client.send("POST /api/v3/echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n")
        assert (await client.head())[0] == 100
        client.send("text=a")
        assert await client.answer() == (200, b'{"text":"a"}')
        client.get("/api/v3/echo", "Expect: miracles", method="POST", body="text=a")
        assert (await client.answer())[0] == 417
        assert await client.is_closed()

    _with_client(scenario)


@pytest.mark.parametrize("version", ["HTTP/1.1\r\nConnection: close", "HTTP/1.0"])
def test_connections_are_closed_for_who_asks_for_it(version: str) -> None:
    async def scenario(client: Client) -> None:
        client.send(f"GET /api/v3/echo {version}\r\n\r\n")
        status, headers = await client.head()
        assert (status, headers["connection"]) == (200, "close")
        await client.reader.readexactly(2)
        assert await client.is_closed()

    _with_client(scenario)


def test_targets_in_full_and_offers_of_http2_are_understood() -> None:
    async def scenario(client: Client) -> None:
        client.get("http://127.0.0.1:80/api/v3/echo?text=a")
        assert await client.answer() == (200, b'{"text":"a"}')
        client.get(
            "/api/v3/echo",
            "Connection: Upgrade, HTTP2-Settings",
            "Upgrade: h2c",
            method="POST",
            body="text=b",
        )
        assert await client.answer() == (200, b'{"text":"b"}')
        for _ in range(300):
            client.get("/api/v3/echo", "Connection: Upgrade", "Upgrade: h2c")
        for _ in range(300):
            assert await client.answer() == (200, b"{}")

    _with_client(scenario)


def test_nothing_is_tunnelled() -> None:
    async def scenario(client: Client) -> None:
        client.send("CONNECT api.binance.com:443 HTTP/1.1\r\n\r\n")
        assert (await client.answer())[0] == 405
        assert await client.is_closed()

    _with_client(scenario)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET /api/v3/echo?text=\xe9 HTTP/1.1\r\n\r\n", 400),
        (b"GET /api/v3/echo?text=" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 8_000, 431),
        (b"POST /api/v3/echo HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 200, 413),
        (b"POST /admin/price HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 400, 413),
    ],
)
def test_what_is_no_request_or_too_much_is_refused(
    request_bytes: bytes, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FORM_BYTES_MAX", 100)
    monkeypatch.setattr(module, "BODY_BYTES_MAX", 300)

    async def scenario(client: Client) -> None:
        client.send(request_bytes)
        assert (await client.answer())[0] == status

    _with_client(scenario)


def test_forms_are_smaller_than_what_the_admin_door_takes() -> None:
    async def scenario(client: Client) -> None:
        client.get("/api/v3/echo", method="POST", body="text=" + "x" * (module.FORM_BYTES_MAX - 5))
        assert (await client.answer())[0] == 200
        client.get("/api/v3/echo", method="POST", body="x" * (module.FORM_BYTES_MAX + 1))
        assert (await client.answer())[0] == 413

    _with_client(scenario)


def test_an_answer_without_a_body_has_no_type() -> None:
    async def scenario(client: Client) -> None:
        client.get("/nothing")
        status, headers = await client.head()
        assert (status, headers["content-length"]) == (404, "0")
        assert "content-type" not in headers

    _with_client(scenario)


def test_the_code_of_raw_characters_in_signed_targets() -> None:
    async def scenario(client: Client) -> None:
        client.send("GET /api/v3/echo?symbol=\xe9&signature=x HTTP/1.1\r\n\r\n")
        assert b'"code":-1022' in (await client.answer())[1]
        assert await client.is_closed()

    _with_client(scenario)


def test_late_answers_keep_the_order_of_requests() -> None:
    async def scenario(client: Client) -> None:
        client.box.faults.install(CallFault(outcome=Outcome.DELAYED, answer_delay_us=SECOND))
        for number in range(3):
            client.get(f"/api/v3/echo?text={number}")
        assert await client.is_quiet()
        client.box.clock.step(SECOND)
        client.box.tick()
        for number in range(3):
            assert await client.answer() == (200, b'{"text":"%d"}' % number)

    _with_client(scenario)


def test_requests_behind_a_late_one_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_MAX", 5)

    async def scenario(client: Client) -> None:
        client.box.faults.install(CallFault(outcome=Outcome.DELAYED, answer_delay_us=SECOND))
        for number in range(10):
            client.get(f"/api/v3/echo?text={number}")
        assert await client.is_closed()

    _with_client(scenario)


def test_a_lost_answer_closes_the_connection_or_leaves_it_silent() -> None:
    async def closed(client: Client) -> None:
        client.box.faults.install(CallFault(outcome=Outcome.LOST, by=Cut.CLOSE))
        client.get("/api/v3/echo")
        assert await client.is_closed()

    async def silent(client: Client) -> None:
        client.box.faults.install(CallFault(outcome=Outcome.LOST, by=Cut.SILENCE))
        client.get("/api/v3/echo")
        client.get("/api/v3/echo")
        assert await client.is_quiet()

    _with_client(closed)
    _with_client(silent)


def test_a_client_that_does_not_read_is_not_read_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WRITE_BYTES_MAX", 10_000)

    async def scenario(client: Client) -> None:
        for _ in range(100):
            client.get("/api/v3/big")
        for _ in range(100):
            status, body = await client.answer()
            assert (status, len(body)) == (200, 300_002)

    _with_client(scenario)


def test_the_admin_door_and_upgrades_are_handed_on() -> None:
    taken: list[tuple[bytes, str, str]] = []

    def admin(method: str, path: str, headers: Mapping[str, str], body: bytes, ip: str) -> Reply:
        return Reply(200, f"{method} {path} {headers['authorization']} {ip} ".encode() + body)

    def take_over(
        transport: asyncio.Transport, head: bytes, target: str, headers: Mapping[str, str], ip: str
    ) -> None:
        taken.append((head, target, headers["sec-websocket-key"]))
        transport.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")

    async def scenario(client: Client) -> None:
        client.get("/admin/x?y", "Authorization: Bearer t", method="POST", body="{}")
        assert await client.answer() == (200, b"POST /admin/x Bearer t 127.0.0.1 {}")
        client.get("/ws/a@trade?b=c", "Connection: Upgrade", "Upgrade: WebSocket", "Sec-WebSocket-Key: k")
        assert (await client.head())[0] == 101
        assert taken == [(b"\r\n\r\n", "/ws/a@trade?b=c", "k")]

    _with_client(scenario, admin=admin, take_over=take_over)


def test_upgrades_are_refused_where_nobody_takes_them() -> None:
    async def scenario(client: Client) -> None:
        client.get("/ws", "Connection: Upgrade", "Upgrade: websocket")
        assert (await client.answer())[0] == 400

    _with_client(scenario)


def test_a_client_that_goes_in_the_middle_is_forgotten() -> None:
    async def scenario(client: Client) -> None:
        client.box.faults.install(CallFault(outcome=Outcome.DELAYED, answer_delay_us=SECOND))
        client.get("/api/v3/echo")
        assert await client.is_quiet()
        client.writer.transport.abort()
        assert await client.is_closed()
        client.box.clock.step(SECOND)
        client.box.tick()

    _with_client(scenario)


def test_a_bug_while_bytes_are_read_is_counted_and_not_the_clients_fault(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(client: Client) -> None:
        client.get("/api/v3/echo")
        assert (await client.answer())[0] == 500
        assert await client.is_closed()

    def fail(*_: object) -> Reply:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Desk, "serve_rest", fail)
    _with_client(scenario)
    assert "a bug" in caplog.text


PIECES = st.sampled_from(
    [
        b"GET /api/v3/echo?text=a HTTP/1.1\r\n\r\n",
        b"POST /api/v3/echo HTTP/1.1\r\nContent-Length: 6\r\n\r\ntext=a",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"Expect: 100-continue\r\n",
        b"Upgrade: websocket\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"\r\n",
    ]
)


@given(st.lists(st.binary(max_size=12) | PIECES, max_size=8))
@settings(max_examples=60, deadline=None)
def test_whatever_arrives_is_answered_or_the_connection_closed(pieces: list[bytes]) -> None:
    async def scenario(client: Client) -> None:
        for piece in pieces:
            client.send(piece)
        client.writer.write_eof()
        async with asyncio.timeout(WAIT_S):
            answers = await client.reader.read()
        assert answers == b"" or answers.startswith(b"HTTP/1.1 ")

    _with_client(scenario)
