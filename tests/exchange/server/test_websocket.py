"""Connections: taken over from HTTP, whole messages in and out, kept alive, bounded, closed in order."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fillwright.core.types import DAY, MINUTE
from fillwright.exchange.server.settings import LimitSettings, WebSocketSettings
from fillwright.exchange.server.websocket import (
    Handshake,
    Refused,
    WebSockets,
    WebSocketSession,
    parse_target,
)
from tests.exchange.server.boxes import START, frozen_box
from tests.exchange.server.websocket_front import run, serving, until


class Echo(WebSocketSession):
    kind = "echo"

    def opened(self) -> None:
        self.send(b"hello")

    def received(self, message: bytes) -> None:
        if message == b"fail":
            raise ZeroDivisionError
        self.send(message)

    def shutdown_message(self) -> bytes:
        return b"bye"


def echoing(websocket: WebSocketSettings | None = None) -> WebSockets:
    websocket = websocket or WebSocketSettings()
    return WebSockets(frozen_box(websocket=websocket), {"/echo": Echo, "/many/": Echo})


async def closing(client: ClientConnection) -> tuple[int, str]:
    """Read until the server closes; gives its code and reason."""
    with suppress(ConnectionClosed):
        while True:
            await client.recv()
    assert client.close_code is not None
    return client.close_code, client.close_reason or ""


def test_whole_messages_go_both_ways() -> None:
    async def story() -> None:
        async with serving(echoing()) as url, connect(url + "/echo") as client:
            assert await client.recv() == "hello"
            await client.send("one")
            assert await client.recv() == "one"
            await client.send(["in ", "three ", "parts"])
            assert await client.recv() == "in three parts"

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


def test_a_request_that_is_no_upgrade_is_refused() -> None:
    async def story() -> None:
        async with serving(echoing()) as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            writer.write(b"GET /echo HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
            writer.close()

    run(story)


def test_the_time_unit_of_the_url() -> None:
    assert not parse_target("/ws", "ip").microseconds
    assert parse_target("/ws/a%40b?timeUnit=microsecond&x=1", "ip") == Handshake(
        "/ws/a@b", {"timeUnit": "microsecond", "x": "1"}, "ip", True
    )
    with pytest.raises(Refused) as refused:
        parse_target("/ws?timeUnit=Microsecond", "ip")
    assert refused.value.status == 400
    assert json.loads(refused.value.body)["code"] == -1194


def test_binary_and_broken_frames_close_the_connection() -> None:
    async def story() -> None:
        sockets = echoing(WebSocketSettings(message_bytes_max=1_000))
        async with serving(sockets) as url:
            async with connect(url + "/echo") as client:
                await client.send(b"binary")
                assert (await closing(client))[0] == 1003
            async with connect(url + "/echo") as client:
                await client.send("x" * 1_001)
                assert (await closing(client))[0] == 1009
            async with connect(url + "/echo") as client:
                await client.send(["x" * 600, "x" * 600])
                assert (await closing(client))[0] == 1009
            async with connect(url + "/echo") as client:
                client.protocol.writes.append(b"\x80\x83\0\0\0\0abc")
                await client.ping()
                assert (await closing(client))[0] == 1002
        assert sockets.failures == 0

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


def test_pings_carry_a_payload_and_a_peer_that_never_answers_is_closed() -> None:
    async def story() -> None:
        keeping = WebSocketSettings(ping_every_us=20_000, pong_within_us=60_000)
        async with serving(echoing(keeping)) as url, connect(url + "/echo", ping_interval=None) as polite:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            writer.write(
                b"GET /echo HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            heard = await reader.read()
            ping = b"\x89\x0d" + str(START // 1000).encode()
            assert heard.count(ping) >= 2
            assert heard.endswith(b"\x88\x0e\x03\xf0Pong timeout")
            writer.close()
            await polite.send("still here")
            assert [await polite.recv(), await polite.recv()] == ["hello", "still here"]

    run(story)


def test_a_peer_that_does_not_read_is_cut_off() -> None:
    async def story() -> None:
        sockets = echoing(WebSocketSettings(unread_bytes_max=100_000))
        async with serving(sockets) as url:
            peer = socket.socket()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            peer.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(peer, ("127.0.0.1", int(url.rpartition(":")[2])))
            await loop.sock_sendall(
                peer,
                b"GET /echo HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            )
            await until(lambda: len(sockets) == 1)
            (session,) = sockets
            for _ in range(10_000):
                session.send(b"x" * 1_000)
            await until(lambda: len(sockets) == 0)
            assert sockets.cut_off == 1
            assert session.messages_sent == 10_001
            peer.close()

    run(story)


def test_a_connection_lives_for_a_day_of_box_time() -> None:
    async def story() -> None:
        sockets = echoing(WebSocketSettings(ping_every_us=8_000))
        async with serving(sockets) as url, connect(url + "/echo") as client:
            assert await client.recv() == "hello"
            sockets.box.clock.step(DAY)
            sockets.box.tick()
            assert (await closing(client))[0] == 1001

    run(story)


def test_a_mute_session_says_nothing_until_it_may() -> None:
    async def story() -> None:
        sockets = echoing()
        async with serving(sockets) as url, connect(url + "/echo") as client:
            assert await client.recv() == "hello"
            (session,) = sockets
            session.muted_until = START + MINUTE
            await client.send("unheard")
            await client.ping()
            await until(lambda: session.messages_received == 1)
            sockets.box.clock.step(MINUTE)
            await client.send("heard")
            assert await client.recv() == "heard"
            assert session.describe() == {
                "number": 1,
                "kind": "echo",
                "ip": "127.0.0.1",
                "path": "/echo",
                "connectedSince": START // 1000,
                "mutedUntil": (START + MINUTE) // 1000,
                "messagesReceived": 2,
                "messagesSent": 2,
            }

    run(story)


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
            assert json.loads(response.body or b"")["code"] == -1003
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


def test_an_aborted_session_sends_nothing_more() -> None:
    async def story() -> None:
        sockets = echoing()
        async with serving(sockets) as url, connect(url + "/echo") as client:
            assert await client.recv() == "hello"
            (session,) = sockets
            assert sockets.get(session.number) is session
            session.abort()
            session.send(b"late")
            session.close()
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is None
        assert len(sockets) == 0

    run(story)
