"""A client that costs little: so many kept connections, requests written as bytes, answers cut out of the stream."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import cast

ANSWER_MAX_S = 20.0


class Connection(asyncio.Protocol):
    """One connection with one request under way at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own does not inherit from it

    def connection_lost(self, error: Exception | None) -> None:
        """Whoever waits is told."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("the service closed the connection"))

    def data_received(self, data: bytes) -> None:
        """Cut out one answer: head, then as many bytes as it announces."""
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._data[:end].lower()
        begin = head.index(b"content-length:") + 15
        stop = head.find(b"\r\n", begin)
        length = int(head[begin : stop if stop >= 0 else None])
        if len(self._data) < end + 4 + length:
            return
        body, self._data = self._data[end + 4 : end + 4 + length], self._data[end + 4 + length :]
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((int(head[9:12]), body))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; status and body of its answer."""
        if self._transport is None:
            raise ConnectionResetError("the service has closed the connection")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


class Pool:
    """Kept connections to one service; whoever asks takes the next that is free."""

    def __init__(self, host: str, port: int, size: int, token: str) -> None:
        self.host, self.port, self.size = host, port, size
        self._token = token
        self._free: deque[Connection] = deque()
        self._waiting: deque[asyncio.Future[Connection]] = deque()

    async def open(self) -> None:
        """Connect all."""
        loop = asyncio.get_running_loop()
        for _ in range(self.size):
            _, connection = await loop.create_connection(Connection, self.host, self.port)
            self._free.append(connection)

    def close(self) -> None:
        """Let go of all that are free."""
        for connection in self._free:
            if connection._transport is not None:
                connection._transport.close()

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """A whole request."""
        return (
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAuthorization: Bearer {self._token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    async def ask(self, request: bytes) -> tuple[int, bytes, float]:
        """Status, body, and seconds from now until the answer: waiting for a free connection counts."""
        begin = time.perf_counter()
        if self._free:
            connection = self._free.popleft()
        else:
            waiter: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            connection = await waiter
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                status, body = await connection.ask(request)
        finally:
            if self._waiting:
                self._waiting.popleft().set_result(connection)
            else:
                self._free.append(connection)
        return status, body, time.perf_counter() - begin
