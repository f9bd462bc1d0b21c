from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from fillwright.api import server as module
from fillwright.api.address import bind
from fillwright.api.server import connections_max, serve
from tests.api.serving import TOKEN, Service, service
from tests.runtime.builders import run


async def raw(made: Service) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", made.port)


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, Any]:
    """Status and body of an answer that ends with its connection."""
    text = await asyncio.wait_for(reader.read(), 20)
    head, _, body = text.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_signals_of_the_process_are_left_alone(tmp_path: Path) -> None:
    async def story() -> None:
        before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
        async with service(tmp_path):
            assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before

    run(story())


def test_a_request_that_does_not_end_is_cut_and_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REQUEST_MAX_S", 0.2)
    monkeypatch.setattr(module, "TICK_S", 0.05)

    async def story() -> None:
        async with service(tmp_path) as made:
            silent, silent_writer = await raw(made)
            slow, slow_writer = await raw(made)
            slow_writer.write(b"POST /api/signals HTTP/1.1\r\nHost: localhost\r\nX-A: ")
            body, body_writer = await raw(made)
            body_writer.write(
                b"POST /api/signals HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n"
                b"Authorization: Bearer %b\r\n\r\n{" % TOKEN.encode()
            )
            for reader in (silent, slow, body):
                status, answer = await answer_of(reader)
                assert (status, answer["error"]["code"]) == (408, "REQUEST_TIMEOUT")
            assert (await made.send())[0] == 201
            for writer in (silent_writer, slow_writer, body_writer):
                writer.close()

    run(story())


def test_what_is_no_http_is_told_in_the_one_shape(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            reader, writer = await raw(made)
            writer.write(b"\x16\x03\x01 hello\r\n\r\n")
            status, answer = await answer_of(reader)
            assert (status, answer["error"]["code"]) == (400, "MALFORMED_HTTP")
            writer.close()

    run(story())


def test_a_head_without_end_is_refused_and_a_body_of_its_size_is_not(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            reader, writer = await raw(made)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 70_000)
            status, answer = await answer_of(reader)
            assert (status, answer["error"]["code"]) == (431, "HEAD_TOO_LARGE")
            writer.close()
            body = b'{"reason": "' + b" " * 60_000 + b'"}'
            for _ in range(3):  # the head's bytes are counted anew for each request
                status, answer = await made.ask("POST", "/api/resume", raw=body)
                assert (status, answer["error"]["code"]) == (400, "INVALID_FIELD")

    run(story())


def test_more_connections_than_the_bound_are_told_so_and_those_within_it_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "connections_max", lambda: 20)
    monkeypatch.setattr(module, "REFUSED_MAX", 10)
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    async def story() -> None:
        async with service(tmp_path) as made:
            assert (await made.send())[0] == 201  # keeps its connection
            others = [await raw(made) for _ in range(60)]
            far_too_many = others[30:]
            for reader, _ in far_too_many:
                status, answer = await answer_of(reader)
                assert (status, answer["error"]["code"]) == (503, "TOO_MANY_CONNECTIONS")
            reader, writer = others[25]  # was refused, and hears so when it asks
            writer.write(request)
            assert (await answer_of(reader))[0] == 503
            reader, writer = others[0]
            writer.write(request)
            assert (await answer_of(reader))[0] == 200
            assert (await made.ask("GET", "/api/status"))[0] == 200
            for _, writer in others:
                writer.close()
                await writer.wait_closed()
            for _ in range(100):
                reader, writer = await raw(made)
                writer.write(request)
                status, _ = await answer_of(reader)
                writer.close()
                if status == 200:
                    break
            assert status == 200

    run(story())


def test_who_is_silent_makes_room_for_who_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "connections_max", lambda: 20)
    monkeypatch.setattr(module, "SILENT_MAX_S", 0.0)

    async def story() -> None:
        async with service(tmp_path) as made:
            silent = [await raw(made) for _ in range(20)]
            for _ in range(10):
                assert (await made.ask("GET", "/api/status", Connection="close"))[0] == 200
            status, answer = await answer_of(silent[0][0])
            assert (status, answer["error"]["code"]) == (408, "REQUEST_TIMEOUT")
            for _, writer in silent:
                writer.close()

    run(story())


def test_the_bound_leaves_files_for_the_journal() -> None:
    assert 16 <= connections_max() <= module.CONNECTIONS_MAX
    assert (
        len(os.listdir("/proc/self/fd")) < module.FILES_RESERVED if os.path.isdir("/proc/self/fd") else True
    )


def test_serving_ends_when_told_to_and_lets_a_request_end() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                kind = (await receive())["type"]
                await send({"type": f"{kind}.complete"})
                if kind == "lifespan.shutdown":
                    return
        begun.set()
        await asyncio.sleep(0.1)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    begun = asyncio.Event()

    async def story() -> None:
        bound = bind("127.0.0.1", 0)
        port = bound.getsockname()[1]
        ready, stop = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(serve(slow, bound, ready.set, stop))
        await ready.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await begun.wait()
        stop.set()
        assert (await reader.read()).endswith(b"\r\n\r\nok")
        await serving
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))

    run(story())


def test_who_sends_pings_and_reads_no_answer_is_dropped(tmp_path: Path) -> None:
    handshake = (
        b"GET /api/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )
    ping = b"\x89\xfd\0\0\0\0" + b"x" * 125

    async def story() -> None:
        async with service(tmp_path) as made:
            loop = asyncio.get_running_loop()
            deaf = socket.socket()
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            await loop.sock_connect(deaf, ("127.0.0.1", made.port))
            await loop.sock_sendall(deaf, handshake)
            sent = 0
            try:
                while sent < 64 * module.UNTAKEN_BYTES_MAX:
                    await loop.sock_sendall(deaf, ping * 100)
                    sent += 100 * len(ping)
            except ConnectionError:
                deaf.close()
            assert deaf.fileno() == -1
            assert sent > module.UNTAKEN_BYTES_MAX
            assert (await made.send())[0] == 201

    run(story())
