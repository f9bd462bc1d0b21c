from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
from picows import WSCloseCode, WSMsgType

from fillwright.binance.connection import Connection, ConnectionFailed, connect
from tests.binance.server import FakeBinance, fake_binance

Heard = list[bytes]


def play(story: Callable[[FakeBinance], Awaitable[None]]) -> None:
    async def run() -> None:
        async with fake_binance() as server:
            await story(server)

    asyncio.run(run())


async def connected(server: FakeBinance, heard: Heard, timeout_s: float = 2.0) -> Connection:
    url = f"{server.endpoints.streams}/stream?streams=a@trade&timeUnit=MICROSECOND"
    return await connect(url, lambda _, frame: heard.append(frame), timeout_s=timeout_s)


def test_a_ping_is_answered_with_its_payload() -> None:
    async def story(server: FakeBinance) -> None:
        connection = await connected(server, [])
        (client,) = server.clients
        assert client.transport is not None
        client.transport.send_ping(b"1795168800000")
        await server.until(lambda: bool(client.pongs), "a pong")
        assert client.pongs == [b"1795168800000"]
        assert connection.silent_s() < 1.0
        await connection.close()
        assert not connection.is_up
        await server.until(lambda: not server.open, "closed")

    play(story)


def test_our_ping_is_a_sign_of_life_asked_for() -> None:
    async def story(server: FakeBinance) -> None:
        connection = await connected(server, [])
        before = connection.heard_at
        await connection.ping()
        await server.until(lambda: bool(server.clients[0].pings), "a ping")
        async with asyncio.timeout(5):
            while connection.heard_at == before:  # noqa: ASYNC110 - nothing is set by a pong
                await asyncio.sleep(0)
        await connection.close()

    play(story)


def test_messages_in_parts_are_put_together() -> None:
    async def story(server: FakeBinance) -> None:
        heard: Heard = []
        connection = await connected(server, heard)
        transport = server.clients[0].transport
        assert transport is not None
        transport.send(WSMsgType.TEXT, b'{"a"', fin=False)
        transport.send(WSMsgType.CONTINUATION, b":", fin=False)
        transport.send(WSMsgType.CONTINUATION, b"1}", fin=True)
        transport.send(WSMsgType.TEXT, b"2")
        async with asyncio.timeout(5):
            while len(heard) < 2:  # noqa: ASYNC110 - heard is a plain list
                await asyncio.sleep(0)
        assert heard == [b'{"a":1}', b"2"]
        await connection.close()

    play(story)


def test_a_close_tells_its_reason_and_a_cut_is_a_loss() -> None:
    async def story(server: FakeBinance) -> None:
        connection = await connected(server, [])
        transport = server.clients[0].transport
        assert transport is not None
        transport.send_close(WSCloseCode.POLICY_VIOLATION, b"too many requests")
        assert await connection.ended() == "Binance closed the connection (1008 too many requests)"
        assert connection.changed.is_set()
        connection = await connected(server, [])
        server.clients[1].drop()
        assert await connection.ended() == "the connection was lost"

    play(story)


def test_requests_get_their_reply() -> None:
    async def story(server: FakeBinance) -> None:
        connection = await connected(server, [])

        def reply() -> None:
            connection.replies[7].set_result("bad stream")

        asyncio.get_running_loop().call_soon(reply)
        assert await connection.request(7, b'{"id":7,"params":[]}', 2.0) == "bad stream"
        with pytest.raises(ConnectionFailed, match=r"no reply to a request within 0\.01 s"):
            await connection.request(8, b'{"id":8,"params":[]}', 0.01)
        asking = asyncio.create_task(connection.request(9, b'{"id":9,"params":[]}', 5.0))
        await server.until(lambda: len(server.clients[0].requests) == 3, "asked")
        server.clients[0].drop()
        with pytest.raises(ConnectionFailed, match="the connection ended"):
            await asking
        assert connection.replies == {}

    play(story)


def test_what_its_receiver_raises_comes_out() -> None:
    async def story(server: FakeBinance) -> None:
        def raising(_: Connection, frame: bytes) -> None:
            raise ZeroDivisionError

        connection = await connect(
            f"{server.endpoints.streams}/stream?streams=a&timeUnit=MICROSECOND", raising, timeout_s=2.0
        )
        server.clients[0].send_text({})
        with pytest.raises(ZeroDivisionError):
            await connection.ended()

    play(story)


def test_why_there_is_no_connection_is_said() -> None:
    async def story(server: FakeBinance) -> None:
        server.refusals = 1
        with pytest.raises(ConnectionFailed, match="HTTP status 503"):
            await connected(server, [])

    play(story)

    async def nobody() -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with pytest.raises(ConnectionFailed, match=r"refused|Connect call failed"):
            await connect(f"ws://127.0.0.1:{port}", lambda *_: None, timeout_s=2.0)

    asyncio.run(nobody())

    async def silent() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"ws://127.0.0.1:{listening.getsockname()[1]}"
            with pytest.raises(ConnectionFailed, match=r"0\.1 s|timeout|timed out"):
                await connect(url, lambda *_: None, timeout_s=0.1)

    asyncio.run(silent())


def test_wss_is_encrypted_or_nothing() -> None:
    async def story(server: FakeBinance) -> None:
        url = f"wss://{server.base}/stream?streams=a@trade&timeUnit=MICROSECOND"
        with pytest.raises(ConnectionFailed, match=r"(?i)ssl|tls|no connection within"):
            await connect(url, lambda *_: None, timeout_s=0.3)
        assert server.clients == []

    play(story)
