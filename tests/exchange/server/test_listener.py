from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from fillwright.exchange.server import listener as module
from fillwright.exchange.server import rest
from fillwright.exchange.server.desk import Desk
from fillwright.exchange.server.listener import IDLE_S, REQUEST_S, STUCK_S, Listener
from fillwright.exchange.server.operations import Operation
from fillwright.exchange.server.security import Security
from tests.exchange.server.boxes import frozen_box

PING = b"GET /api/v3/ping HTTP/1.1\r\n\r\n"
OPERATIONS = (
    Operation("ping", "GET", "/api/v3/ping", Security.NONE, (), lambda call: {}),
    Operation("big", "GET", "/api/v3/big", Security.NONE, (), lambda call: "x" * 500_000),
)
WAIT_S = 5.0


def _run(scenario: Callable[[Listener], Awaitable[None]]) -> None:
    async def run() -> None:
        box = frozen_box()
        listener = Listener(box, Desk(box, OPERATIONS))
        await listener.start("127.0.0.1", 0)
        try:
            async with asyncio.timeout(WAIT_S):
                await scenario(listener)
        finally:
            await listener.stop()

    uvloop.run(run())


async def _connect(listener: Listener) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", listener.port)


async def _ping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(PING)
    return (await reader.readuntil(b"\r\n\r\n{}"))[:15]


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECTIONS_MAX", 1)

    async def scenario(listener: Listener) -> None:
        first, second = await _connect(listener), await _connect(listener)
        assert await _ping(*first) == b"HTTP/1.1 200 OK"
        assert b" 503 " in await second[0].read()
        assert len(listener) == 1
        first[1].close()
        second[1].close()

    _run(scenario)


def test_idle_connections_are_closed_after_a_time_and_not_before() -> None:
    async def scenario(listener: Listener) -> None:
        reader, writer = await _connect(listener)
        await _ping(reader, writer)
        now = asyncio.get_running_loop().time()
        listener.look_after(now + IDLE_S - 1)
        assert await _ping(reader, writer) == b"HTTP/1.1 200 OK"
        listener.look_after(asyncio.get_running_loop().time() + IDLE_S + 1)
        assert await reader.read() == b""
        writer.close()

    _run(scenario)


@pytest.mark.parametrize("part", [b"GET /api", b"POST /x HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"])
def test_a_request_that_does_not_become_whole_is_given_up(part: bytes) -> None:
    async def scenario(listener: Listener) -> None:
        reader, writer = await _connect(listener)
        await _ping(reader, writer)
        writer.write(part)
        probe = await _connect(listener)
        await _ping(*probe)
        now = asyncio.get_running_loop().time()
        listener.look_after(now + REQUEST_S - 1)
        assert not reader.at_eof()
        listener.look_after(now + REQUEST_S + 1)
        assert b" 408 " in await reader.read()
        assert await _ping(*probe) == b"HTTP/1.1 200 OK"
        writer.close()
        probe[1].close()

    _run(scenario)


def test_a_client_that_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "WRITE_BYTES_MAX", 1_000)

    async def scenario(listener: Listener) -> None:
        _reader, writer = await asyncio.open_connection("127.0.0.1", listener.port, limit=1_000)
        writer.write(b"GET /api/v3/big HTTP/1.1\r\n\r\n" * 40)
        probe = await _connect(listener)
        await _ping(*probe)
        assert len(listener) == 2
        listener.look_after(asyncio.get_running_loop().time() + STUCK_S + 1)
        await _ping(*probe)
        assert len(listener) == 1
        writer.close()
        probe[1].close()

    _run(scenario)


def test_stopping_closes_what_is_open() -> None:
    async def scenario(listener: Listener) -> None:
        reader, writer = await _connect(listener)
        await _ping(reader, writer)
        await listener.stop()
        assert await reader.read() == b""
        writer.close()
        with pytest.raises(OSError, match=r"refused|Connect"):
            await _connect(listener)

    _run(scenario)


def test_a_port_that_is_taken_is_an_error() -> None:
    async def scenario(listener: Listener) -> None:
        box = frozen_box()
        with pytest.raises(OSError, match="in use"):
            await Listener(box, Desk(box, OPERATIONS)).start("127.0.0.1", listener.port)

    _run(scenario)
