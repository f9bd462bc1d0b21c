"""One connection: whole messages in and out, kept alive, bounded, closed in order."""

from __future__ import annotations

import asyncio
import socket

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from fillwright.core.types import DAY, MINUTE
from fillwright.exchange.server.settings import WebSocketSettings
from tests.exchange.server.boxes import START
from tests.exchange.server.websocket_front import closing, echoing, run, serving, until


def test_whole_messages_go_both_ways() -> None:
    async def story() -> None:
        async with serving(echoing()) as url, connect(url + "/echo") as client:
            assert await client.recv() == "hello"
            await client.send("one")
            assert await client.recv() == "one"
            await client.send(["in ", "three ", "parts"])
            assert await client.recv() == "in three parts"

    run(story)


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
            pong = await client.ping()
            await client.send("unheard")
            await until(lambda: session.messages_received == 1)
            sockets.box.clock.step(MINUTE)
            await client.send("heard")
            assert await client.recv() == "heard"
            assert not pong.done()
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


def test_messages_of_any_size_arrive_whole_and_in_order() -> None:
    """Goes by sizes around those at which picows, uvloop and frames' headers change their ways."""
    sizes = [1, 125, 126, 8_191, 8_192, 8_193, 20_000, 65_535, 65_536, 200_000, 3, 9_000, 8_000, 70_000]

    async def story() -> None:
        sockets = echoing()
        async with serving(sockets) as url, connect(url + "/echo", max_size=None) as client:
            assert await client.recv() == "hello"
            (session,) = sockets
            sent = [bytes([97 + number % 26]) * size for number, size in enumerate(sizes * 5)]
            for message in sent:
                session.send(message)
            for message in sent:
                assert await client.recv() == message.decode()

    run(story)
