"""A thousand WebSockets that only stand there, and peers that never finish a sentence: the server goes on as before."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
import uvloop
from picows import WSListener, WSTransport, ws_connect

from tests.e2e.exchange.box import Box, running_box
from tests.e2e.exchange.raw import RawClient, RawSocket

IDLE = 1_000
HALF_OPEN = 100
FILES_NEEDED = 2 * (IDLE + HALF_OPEN)
MEMORY_GROWTH_MAX = 64 * 1024 * 1024
PATHS = ("/ws", "/stream?streams=btcusdt@trade", "/ws-api/v3")
HEAD = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
BEGINNINGS = (
    b"",
    b"GET /ws HTT",
    HEAD[:-2],
    HEAD + b"\x81",
    HEAD + b"\x01\x82\0\0\0\0ab",
    HEAD + b"\x81\xfe\xff\xff",
)


class Silent(WSListener):
    """Reads, and says nothing but what picows says by itself."""


@contextmanager
def many_files() -> Iterator[None]:
    """Let this process and the server it starts have enough open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, FILES_NEEDED)
    if hard not in (resource.RLIM_INFINITY, -1) and hard < wanted:
        pytest.skip(f"a process may open {hard} files here, and {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def crowd(box: Box) -> tuple[list[WSTransport], list[asyncio.StreamWriter]]:
    """Connect everybody."""
    idle = [(await ws_connect(Silent, box.ws + PATHS[n % len(PATHS)]))[0] for n in range(IDLE)]
    half_open = []
    for number in range(HALF_OPEN):
        _, writer = await asyncio.open_connection(box.host, box.port)
        writer.write(BEGINNINGS[number % len(BEGINNINGS)])
        half_open.append(writer)
    return idle, half_open


def work(box: Box) -> None:
    """What clients do, all the same."""
    with (
        RawClient(box.rest, box.api_key, box.secret) as rest,
        RawSocket(f"{box.ws}/ws-api/v3", box.api_key, box.secret) as socket,
        RawSocket(f"{box.ws}/ws/btcusdt@trade") as trades,
    ):
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        for number in range(20):
            placed = socket.signed("order.place", **order, quantity="0.01", price=str(50_000 + number))
            assert placed["status"] == 200, placed
        cancelled = rest.signed("DELETE", "openOrders", symbol="BTCUSDT")
        assert len(cancelled.json) == 20
        box.trade("BTCUSDT", "60000", "0.5")
        assert trades.receive()["p"] == "60000.00000000"


def test_a_thousand_idle_sockets_and_a_hundred_half_open_ones() -> None:
    async def story(box: Box) -> None:
        server = psutil.Process(box.process.pid)
        await asyncio.to_thread(work, box)
        before = server.memory_info().rss
        idle, half_open = await crowd(box)
        await asyncio.to_thread(work, box)
        assert len(box.admin.get("/connections")) >= IDLE
        assert server.memory_info().rss - before < MEMORY_GROWTH_MAX
        assert not any(one.is_disconnected for one in idle)
        for writer in half_open:
            writer.transport.abort()
        for one in idle:
            one.disconnect(graceful=False)
        async with asyncio.timeout(10):
            while box.admin.get("/connections"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    with many_files(), running_box(limits=False) as box:
        uvloop.run(story(box))
