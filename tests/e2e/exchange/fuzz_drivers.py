"""Sending what fuzzing makes, over sockets of its own: every request is answered, or its connection closed, in time."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from tests.e2e.exchange.box import Box
from tests.e2e.exchange.fuzz_requests import UPGRADE, Frame, Request, Signer

ANSWER_MAX_S = 20.0
READ_BYTES = 1 << 16
BREAKERS = b" \r\n\t\0"
"""In a target they end it, and what follows is another request, or none."""


def signer_of(box: Box) -> Signer:
    """The server's own account."""
    return Signer(box.api_key, box.secret)


def connect(box: Box) -> socket.socket:
    """A connection on which nothing may take long."""
    made = socket.create_connection((box.host, box.port), ANSWER_MAX_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def read_all(connection: socket.socket) -> bytes:
    """Everything until the server closes, which it has to."""
    parts = []
    try:
        while part := connection.recv(READ_BYTES):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def no_fault(answer: bytes, sent: object) -> None:
    """No answer in these bytes is a 5xx."""
    for line in answer.split(b"\r\n"):
        assert not line.startswith(b"HTTP/1.1 5"), (line, sent)


class RestDriver:
    """Sends requests, on one connection as long as it holds."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._signer = signer_of(box)
        self._connection: socket.socket | None = None
        self.statuses: dict[int, int] = {}

    def __enter__(self) -> RestDriver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def send(self, request: Request) -> None:
        """Send a request and read its answer."""
        data = request.encode(self._signer)
        target = (
            data.partition(b"\r\nHost")[0]
            .removeprefix(request.method.encode() + b" ")
            .removesuffix(b" HTTP/1.1")
        )
        if any(byte in BREAKERS for byte in target) or request.method == "CONNECT":
            self.send_bytes([data])
            return
        if self._connection is None:
            self._connection = connect(self._box)
        try:
            self._connection.sendall(data)
            response = http.client.HTTPResponse(self._connection, method=request.method)
            response.begin()
            body = response.read()
        except ConnectionError:
            self._close()
            raise
        self.statuses[response.status] = self.statuses.get(response.status, 0) + 1
        assert response.status < 500, (response.status, body, data)
        if response.status == 200 and body:
            json.loads(body)
        elif body and "json" in response.headers.get("content-type", ""):
            assert {"code", "error"} & json.loads(body).keys(), (body, data)
        if response.will_close:
            self._close()

    def send_bytes(self, parts: Sequence[bytes]) -> None:
        """Send bytes in parts and say no more; the server answers what it understands and closes."""
        with connect(self._box) as connection:
            with suppress(ConnectionError):
                for part in parts:
                    connection.sendall(part)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            no_fault(read_all(connection), parts)


class SocketDriver:
    """Sends WebSocket frames, on one connection as long as it holds, and a question to be answered after each."""

    def __init__(self, box: Box, path: str, probe: dict[str, Any]) -> None:
        self._box = box
        self._path = path
        self._probe = probe
        self._number = 0
        self._connection: socket.socket | None = None
        self._buffer = b""
        self.answers = 0
        self.closed = 0

    def __enter__(self) -> SocketDriver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self.closed += 1

    def _open(self) -> socket.socket:
        if self._connection is None:
            made = connect(self._box)
            made.sendall(f"GET {self._path} HTTP/1.1\r\nHost: x\r\n".encode() + UPGRADE)
            head, self._buffer = b"", b""
            while b"\r\n\r\n" not in head:
                part = made.recv(READ_BYTES)
                assert part, head
                head += part
            assert head.startswith(b"HTTP/1.1 101"), head
            self._buffer = head.partition(b"\r\n\r\n")[2]
            self._connection = made
        return self._connection

    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames, and a question after them; it is answered, or the connection is closed."""
        connection = self._open()
        self._number += 1
        probe = f"probe-{self._number}"
        question = json.dumps({**self._probe, "id": probe}).encode()
        try:
            connection.sendall(b"".join(frame.encode() for frame in (*frames, Frame(0x81, question))))
            while self._read_message(frames) != probe:
                pass
        except (BrokenPipeError, ConnectionResetError, EOFError):
            self._close()

    def _read_message(self, sent: object) -> object:
        """The next message's id; EOFError at the end."""
        kind, payload = self._read_frame()
        if kind == 0x8:
            raise EOFError
        if kind != 0x1:
            return None
        told = json.loads(payload)
        if type(told) is not dict or "id" not in told:
            return None
        self.answers += 1
        assert told.get("status", 200) < 500, (payload, sent)
        return told["id"]

    def _read_frame(self) -> tuple[int, bytes]:
        head = self._read(2)
        size = head[1] & 0x7F
        if size == 126:
            size = int.from_bytes(self._read(2), "big")
        elif size == 127:
            size = int.from_bytes(self._read(8), "big")
        return head[0] & 0xF, self._read(size)

    def _read(self, size: int) -> bytes:
        assert self._connection is not None
        while len(self._buffer) < size:
            part = self._connection.recv(READ_BYTES)
            if not part:
                raise EOFError
            self._buffer += part
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data
