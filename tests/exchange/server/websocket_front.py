"""A small HTTP front for tests: reads one request's head and hands its connection to ``WebSockets``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import cast

import uvloop
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from fillwright.exchange.server.settings import WebSocketSettings
from fillwright.exchange.server.websocket import WebSockets
from fillwright.exchange.server.websocket_session import WebSocketSession
from tests.exchange.server.boxes import frozen_box


class Front(asyncio.Protocol):
    def __init__(self, sockets: WebSockets) -> None:
        self._sockets = sockets
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._head += data
        if b"\r\n\r\n" not in self._head:
            return
        first, *lines = self._head.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self._sockets.take_over(self._transport, self._head, first.split(" ")[1], headers, "127.0.0.1")


@asynccontextmanager
async def serving(sockets: WebSockets) -> AsyncIterator[str]:
    """Serve on a free port while the block lasts; gives the URL's beginning."""
    server = await asyncio.get_running_loop().create_server(lambda: Front(sockets), "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}"
    finally:
        sockets.stop()
        server.close()
        await server.wait_closed()


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run on the loop that the server runs on."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await main()

    uvloop.run(bounded())


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something is so."""
    while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
        await asyncio.sleep(0)


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
