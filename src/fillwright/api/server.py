"""Serving the application in a loop that belongs to somebody else: uvicorn without its signal handlers.

What uvicorn leaves open is closed here. A connection that sends no complete request in time (slow loris) is cut, more
connections than ``CONNECTIONS_MAX`` are told so and closed, one whose peer does not take what is written to it is
aborted, and what uvicorn itself would say in plain text has the shape of every other error.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import socket
from collections.abc import Callable, Iterator
from typing import Any

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from fillwright.api.bodies import BODY_BYTES_MAX
from fillwright.api.errors import ApiError

CONNECTIONS_MAX = 4_096
"""Open at the same time; fewer where the process may not open as many files."""
REFUSED_MAX = 512
"""So many more are heard before they are refused, so that they can read why; further ones are closed at once."""
FILES_RESERVED = 256
"""Files that connections leave to the journal, the market and everything else."""
HEAD_BYTES_MAX = 64 * 1024
REQUEST_MAX_S = 10.0
"""From the first byte (or the connection's beginning) to the last byte of a request."""
KEEP_ALIVE_S = 30
SILENT_MAX_S = 1.0
"""When there are too many connections, one that has asked nothing for so long makes room for the next."""
CUTS_MAX = 256
"""Connections that are cut in one tick: the loop has other work to do."""
CLOSING_MAX_S = 5.0
"""A connection that is closed has so long to take what was written to it."""
TICK_S = 1.0
SHUTDOWN_MAX_S = 2
PING_EVERY_S = 20.0
UNTAKEN_BYTES_MAX = 1024 * 1024
"""What may wait for a WebSocket's peer to read it; events wait for their reader before, answers to pings do not."""


async def serve(app: Any, bound: socket.socket, ready: Callable[[], object], stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set, then let running requests end; calls ``ready`` once connections are taken."""
    server = Server(_config(app), connections_max())
    serving = asyncio.create_task(server.serve([bound]))
    stopping = asyncio.create_task(stop.wait())
    taking = asyncio.create_task(server.taking.wait())
    try:
        await asyncio.wait((serving, taking), return_when=asyncio.FIRST_COMPLETED)
        if server.started:
            ready()
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.end()
        stopping.cancel()
        taking.cancel()
        await asyncio.wait((serving, stopping, taking))
    serving.result()


def connections_max() -> int:
    """How many connections may be open: raises the process's own limit of files as far as it may."""
    kept = REFUSED_MAX + FILES_RESERVED
    wanted = CONNECTIONS_MAX + kept
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
            soft = allowed
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return max(min(CONNECTIONS_MAX, soft - kept), 16)


def _config(app: Any) -> uvicorn.Config:
    for name in ("uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return uvicorn.Config(
        app,
        loop="none",
        http=Http,
        ws=Stream,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_MAX_S,
        ws_max_size=BODY_BYTES_MAX,
        ws_ping_interval=PING_EVERY_S,
        ws_ping_timeout=PING_EVERY_S,
        ws_per_message_deflate=False,
    )


class Server(uvicorn.Server):
    """uvicorn's server as a part of our process."""

    def __init__(self, config: uvicorn.Config, limit: int) -> None:
        super().__init__(config)
        self.server_state.connections_max = limit  # type: ignore[attr-defined]
        self.server_state.silent = {}  # type: ignore[attr-defined]
        self.taking = asyncio.Event()
        self._ending = asyncio.Event()
        self._closing: dict[Any, float] = {}

    def end(self) -> None:
        """Take no more connections, and let running requests end."""
        self.should_exit = True
        self._ending.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the process's business."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections."""
        await super().startup(sockets)
        self.taking.set()

    async def main_loop(self) -> None:
        """Once a second: the Date header, and connections that take too long."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._ending.wait()
            self.sweep_once(asyncio.get_running_loop().time())

    def sweep_once(self, now: float) -> None:
        """Cut those that have not sent a whole request in time, and abort those that do not close."""
        still: dict[Any, float] = {}
        cuts = 0
        for connection in list(self.server_state.connections):
            transport = connection.transport
            if transport.is_closing():
                since = still[connection] = self._closing.get(connection, now)
                if now - since > CLOSING_MAX_S:
                    transport.abort()
            elif isinstance(connection, Http) and connection.waits_since:
                if now - connection.waits_since > REQUEST_MAX_S and cuts < CUTS_MAX:
                    connection.cut()
                    cuts += 1
        self._closing = still


class Http(HttpToolsProtocol):
    """uvicorn's HTTP connection with a bound on its request's time, a bound on their number, and our errors."""

    waits_since = 0.0
    """Since when a whole request is waited for; 0: none is."""
    head_bytes = 0
    """Of a head that is not complete yet; -1: it is. The parser copies all that there is of a header with each part of
    it that comes, whatever its length."""
    is_refused = False
    """There were too many connections when it came."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or say that there are too many."""
        super().connection_made(transport)
        self.waits_since = self.loop.time()
        limit: int = self.server_state.connections_max  # type: ignore[attr-defined]
        count = len(self.connections)
        if count > limit and not self._find_room():
            self.is_refused = True
            if count > limit + REFUSED_MAX:
                self._refuse()
        else:
            self._silent[self] = None

    def _find_room(self) -> bool:
        """Cut the connection that has been silent for longest, if that is long."""
        oldest = next(iter(self._silent), None)
        if oldest is None or self.waits_since - oldest.waits_since < SILENT_MAX_S:
            return False
        oldest.cut()
        return True

    @property
    def _silent(self) -> dict[Http, None]:
        """All connections of the server that wait for their first request, the oldest first."""
        found: dict[Http, None] = self.server_state.silent  # type: ignore[attr-defined]
        return found

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._silent.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless there were too many connections when this one came, or its request's head is too long."""
        if self.is_refused:
            self._refuse()
            return
        super().data_received(data)
        if self.head_bytes >= 0:
            self.head_bytes += len(data)
            if self.head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self._say(
                    ApiError(431, "HEAD_TOO_LARGE", f"a request's head has at most {HEAD_BYTES_MAX} bytes")
                )

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            self._say(ApiError(503, "TOO_MANY_CONNECTIONS", "too many connections; try again in a moment"))

    def on_headers_complete(self) -> None:
        """A request's head is complete."""
        self.head_bytes = -1
        super().on_headers_complete()

    def on_message_begin(self) -> None:
        """A request begins."""
        self.head_bytes = 0
        super().on_message_begin()
        if not self.waits_since:
            self.waits_since = self.loop.time()

    def on_message_complete(self) -> None:
        """A request is complete."""
        self.waits_since = 0.0
        self._silent.pop(self, None)
        super().on_message_complete()

    def cut(self) -> None:
        """The request took too long."""
        self._silent.pop(self, None)
        cycle: Any = self.cycle  # None before the first request
        if cycle is not None and cycle.more_body and cycle.response_started:
            self.transport.abort()  # it was answered before its end, and goes on
        else:
            self._say(
                ApiError(408, "REQUEST_TIMEOUT", f"no complete request came within {REQUEST_MAX_S:g} s")
            )

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP."""
        self._say(ApiError(400, "MALFORMED_HTTP", msg))

    def _say(self, error: ApiError) -> None:
        body = error.body
        status = {
            400: b"400 Bad Request",
            408: b"408 Request Timeout",
            431: b"431 Request Header Fields Too Large",
            503: b"503 Service Unavailable",
        }
        self.transport.write(
            b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
            b"x-content-type-options: nosniff\r\ncache-control: no-store\r\nretry-after: 1\r\n"
            b"connection: close\r\n\r\n%b" % (status[error.status], len(body), body)
        )
        self.transport.close()


class Stream(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket connection; one that does not answer a ping is dropped without waiting for it."""

    def keepalive_timeout(self) -> None:
        """The peer is gone, or reads no more."""
        super().keepalive_timeout()
        structlog.get_logger().info("a reader of events did not answer and is dropped")
        self.transport.abort()

    def handle_ping(self) -> None:
        """Answer; a peer that asks on and reads nothing is dropped."""
        if self.transport.is_closing():
            self.conn.data_to_send()  # to nobody
            return
        super().handle_ping()
        if self.transport.get_write_buffer_size() > UNTAKEN_BYTES_MAX:
            structlog.get_logger().info(
                "a WebSocket's peer did not read the answers to its pings and is dropped"
            )
            self.transport.abort()
