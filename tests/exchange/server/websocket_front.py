"""A small HTTP front for tests: reads one request's head and hands its connection to ``WebSockets``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import uvloop

from fillwright.exchange.server.websocket import WebSockets


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
