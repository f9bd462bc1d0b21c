"""All connections: taken over from HTTP by their path, counted, refused, shut down."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from fillwright.exchange.server.handshakes import Handshake
from fillwright.exchange.server.settings import LimitSettings, WebSocketSettings
from fillwright.exchange.server.websocket import WebSockets
from fillwright.exchange.server.websocket_session import WebSocketSession
from tests.exchange.server.boxes import frozen_box
from tests.exchange.server.websocket_front import Echo, closing, echoing, run, serving, until


def test_paths_lead_to_sessions_or_nowhere() -> None:
    async def story() -> None:
        async with serving(echoing()) as url:
            async with connect(url + "/many/a/b%20c") as client:
                assert await client.recv() == "hello"
            for path in ("/", "/nowhere", "/echo/more", "//"):
                with pytest.raises(InvalidStatus) as refused:
                    await connect(url + path)
                assert refused.value.response.status_code == 404

    run(story)


def test_what_was_sent_right_behind_the_request_is_not_lost() -> None:
    async def story() -> None:
        async with serving(echoing()) as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            frame = b"\x81\x83\0\0\0\0abc"
            writer.write(
                b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + frame
            )
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 ")
            assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
            assert await reader.readexactly(12) == b"\x81\x05hello\x81\x03abc"
            writer.close()

    run(story)


def test_a_request_that_is_no_upgrade_is_refused() -> None:
    async def story() -> None:
        async with serving(echoing()) as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            writer.write(b"GET /echo HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
            writer.close()

    run(story)


def test_an_exception_of_ours_closes_the_connection_and_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        sockets = echoing()
        async with serving(sockets) as url, connect(url + "/echo") as client:
            await client.send("fail")
            assert (await closing(client))[0] == 1011
        assert sockets.failures == 1

    run(story)
    assert "ZeroDivisionError" in caplog.text


def test_a_shutdown_is_announced_and_then_everybody_is_closed() -> None:
    async def story() -> None:
        sockets = echoing()
        async with serving(sockets) as url, connect(url + "/echo") as one, connect(url + "/echo") as other:
            assert [await one.recv(), await other.recv()] == ["hello", "hello"]
            assert sockets.announce_shutdown() == 2
            assert [await one.recv(), await other.recv()] == ["bye", "bye"]
            sockets.close_all()
            assert await one.recv() == "bye"
            assert (await closing(one))[0] == 1001
            assert (await closing(other))[0] == 1001

    run(story)


def test_a_shutdown_waits_for_the_polite_and_drops_the_rest() -> None:
    async def story() -> None:
        sockets = echoing()
        async with serving(sockets) as url, connect(url + "/echo") as polite:
            assert await polite.recv() == "hello"
            _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            writer.write(
                b"GET /echo HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            await until(lambda: len(sockets) == 2)
            going = asyncio.create_task(sockets.shut_down(0.1))
            assert await closing(polite) == (1001, "server shutdown")
            await going
            await until(lambda: len(sockets) == 0)
            writer.close()

    run(story)


def test_too_many_connections_are_refused() -> None:
    async def story() -> None:
        async with serving(echoing(WebSocketSettings(connections_max=1))) as url, connect(url + "/echo"):
            with pytest.raises(InvalidStatus) as refused:
                await connect(url + "/echo")
            assert refused.value.response.status_code == 503

    run(story)


def test_a_limited_address_is_told_when_to_come_back() -> None:
    def limited(sockets: WebSockets, handshake: Handshake) -> WebSocketSession:
        sockets.box.limits.connect(handshake.ip, sockets.box.now)
        return Echo(sockets, handshake)

    async def story() -> None:
        box = frozen_box(limits=LimitSettings(connections=1))
        async with serving(WebSockets(box, {"/echo": limited})) as url, connect(url + "/echo"):
            with pytest.raises(InvalidStatus) as refused:
                await connect(url + "/echo")
            response = refused.value.response
            assert response.status_code == 429
            assert json.loads(response.body or b"")["code"] == -1034
            assert int(response.headers["retry-after"]) == 5 * 60

    run(story)


def test_connections_of_an_address_are_closed_at_once() -> None:
    async def story() -> None:
        sockets = echoing()
        async with serving(sockets) as url, connect(url + "/echo") as client:
            assert await client.recv() == "hello"
            assert sockets.disconnect_ip("10.0.0.1") == 0
            assert sockets.disconnect_ip("127.0.0.1") == 1
            assert await closing(client) == (1008, "disconnected")

    run(story)
