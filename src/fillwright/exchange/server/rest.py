"""One HTTP connection: requests are parsed by httptools, answered in their order, and written.

Keep-alive, pipelining, chunked bodies, ``Expect: 100-continue``, HEAD, limits on sizes, times and what waits; a request
to upgrade goes to the WebSockets, one under ``/admin`` to the admin door, everything else to the desk.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, cast

import httptools

from fillwright.core.types import SECOND
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.fault_plan import Cut
from fillwright.exchange.server.replies import Pending, Reply, error_reply, html
from fillwright.wire.errors import message

if TYPE_CHECKING:
    from fillwright.exchange.server.desk import Desk

HEAD_BYTES_MAX = 32 * 1024
"""Request line and headers; more is answered with 431."""
URL_BYTES_MAX = 16 * 1024
"""More is answered with 414."""
BODY_BYTES_MAX = 4 * 1024 * 1024
"""More is answered with 413; only the admin door takes so much."""
FORM_BYTES_MAX = 64 * 1024
"""The same for the API."""
QUEUE_MAX = 2_000
"""Requests that arrived behind one whose answer is late, or whose client does not read; more close the connection."""
WRITE_BYTES_MAX = 1024 * 1024
"""Answers waiting for a client that does not read; beyond, nothing more is read from it."""

ADMIN = "/admin"
_ADMIN = ADMIN.encode()
FORM = "application/x-www-form-urlencoded"
_HEADERS = {
    name.encode(): name
    for name in (
        "x-mbx-apikey",
        "x-mbx-time-unit",
        "accept",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "sec-websocket-key",
        "sec-websocket-version",
        "transfer-encoding",
        "upgrade",
    )
}
"""All that anybody here asks for."""
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Shell(Protocol):
    """What a connection wants of the server around it."""

    desk: Desk
    admin: Callable[[str, str, Mapping[str, str], bytes, str], Reply] | None
    take_over: Callable[[asyncio.Transport, bytes, str, Mapping[str, str], str], None] | None

    def joined(self, connection: RestConnection) -> bool:
        """A connection came; False when there are too many."""

    def left(self, connection: RestConnection) -> None:
        """A connection is gone, or a WebSocket now."""

    def date(self) -> str:
        """The header lines ``Date`` and those that every answer has."""


class _Request:
    __slots__ = ("body", "headers", "keep_alive", "method", "url")

    def __init__(self) -> None:
        self.method = ""
        self.url = b""
        self.headers: dict[str, str] = {}
        self.body = b""
        self.keep_alive = True


class RestConnection(asyncio.Protocol):
    """Reads requests, writes answers.

    Attributes:
        since: the loop's time when it began to wait for what it waits for now.
        is_reading: whether a request has begun to arrive and is not whole yet.
        is_stuck: whether its client does not read.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._ip = ""
        self._request = _Request()
        self._head_bytes = 0
        self._body_parts: list[bytes] = []
        self._body_bytes = 0
        self._is_head_done = False
        self._queue: deque[_Request] = deque()
        self._is_waiting = False
        self._is_closing = False
        self._is_silent = False
        self.since = self._loop.time()
        self.is_reading = False
        self.is_stuck = False

    # -- transport -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by class
        self._transport.set_write_buffer_limits(high=WRITE_BYTES_MAX)
        peer = transport.get_extra_info("peername")
        self._ip = peer[0] if peer else ""
        if not self._shell.joined(self):
            self._refuse(html(503, "Service Temporarily Unavailable", "retry-after: 1\r\n"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went."""
        self._transport = None
        self._queue.clear()
        self._shell.left(self)

    def pause_writing(self) -> None:
        """The client does not read: neither do we."""
        self.is_stuck = True
        self.since = self._loop.time()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self.is_stuck = False
        self.since = self._loop.time()
        self._go_on()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        """The client has said everything; what waits is still answered."""
        return bool(self._queue or self._is_waiting) and not self._is_silent

    def data_received(self, data: bytes) -> None:
        """Something arrived."""
        if self._is_closing or self._is_silent:
            return
        if not self.is_reading:
            self.is_reading = True
            self.since = self._loop.time()
        if not self._is_head_done:
            self._head_bytes += len(data)
        while data:
            data = self._feed(data)

    def _feed(self, data: bytes) -> bytes:
        """Let the parser read; what is left is to be read by its successor."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserInvalidURLError:
            self._refuse(_illegal_url(data))
        except httptools.HttpParserCallbackError as error:
            self._shell.desk.failed("a connection's bytes", error)
            self._refuse(html(500, "Internal Server Error"))
        except httptools.HttpParserError:
            self._refuse(html(400, "Bad Request"))
        else:
            if self._head_bytes > HEAD_BYTES_MAX and not self._is_head_done and self.is_reading:
                self._refuse(html(431, "Request Header Fields Too Large"))
        return b""

    # -- the parser ----------------------------------------------------------------------------------------------

    def on_url(self, url: bytes) -> None:
        """A part of the request's target."""
        self.is_reading = True
        self._request.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        known = _HEADERS.get(name.lower())
        if known is not None:
            headers = self._request.headers
            text = value.decode("latin-1")
            headers[known] = f"{headers[known]},{text}" if known in headers else text

    def on_headers_complete(self) -> None:
        """Everything but the body is there."""
        self._is_head_done = True
        request = self._request
        if "expect" in request.headers and not self._is_closing:
            if request.headers["expect"].lower() != "100-continue":
                self._refuse(html(417, "Expectation Failed"))
            elif self._transport is not None and not self._queue and not self._is_waiting:
                self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > FORM_BYTES_MAX and self._body_bytes > self._body_bytes_max():
            self._refuse(html(413, "Request Entity Too Large"))
        elif not self._is_closing:
            self._body_parts.append(body)

    def _body_bytes_max(self) -> int:
        """Only the admin door takes much; what is too much for others is not even kept until it is whole."""
        return BODY_BYTES_MAX if self._request.url.startswith(_ADMIN) else FORM_BYTES_MAX

    def on_message_complete(self) -> None:
        """The request is whole."""
        parser = self._parser
        if self._is_closing or self._is_silent or parser.should_upgrade():
            return
        request = self._request
        request.method = parser.get_method().decode("latin-1")
        request.keep_alive = parser.should_keep_alive()
        if self._body_parts:
            request.body = b"".join(self._body_parts)
            self._body_parts.clear()
            self._body_bytes = 0
        self._request = _Request()
        self._head_bytes = 0
        self._is_head_done = False
        self.is_reading = False
        if self._is_waiting or self._queue or self.is_stuck:
            self._queue.append(request)
            if len(self._queue) > QUEUE_MAX:
                self.close()
            return
        self._handle(request)

    # -- upgrading -----------------------------------------------------------------------------------------------

    def _upgrade(self, rest: bytes) -> bytes:
        """Hand the connection to the WebSockets; what is to be read here if another protocol was offered."""
        request = self._request
        transport, take_over = self._transport, self._shell.take_over
        if transport is None or self._is_closing or self._is_silent:
            return b""
        if self._parser.get_method() == b"CONNECT":
            self._refuse(html(405, "Not Allowed"))
        elif request.headers.get("upgrade", "").strip().lower() != "websocket":
            return self._without_upgrade(rest)
        elif take_over is None or self._queue or self._is_waiting:
            self._refuse(html(400, "Bad Request"))
        else:
            self._shell.left(self)
            take_over(transport, b"\r\n\r\n" + rest, request.url.decode("ascii"), request.headers, self._ip)
        return b""

    def _without_upgrade(self, rest: bytes) -> bytes:
        """The request as if no other protocol had been offered (h2c, as some HTTP clients do), and the rest."""
        request, method = self._request, self._parser.get_method().decode()
        kept = [
            f"{name}: {value}\r\n"
            for name, value in request.headers.items()
            if name not in ("upgrade", "connection")
        ]
        head = f"{method} {request.url.decode('ascii')} HTTP/1.1\r\n{''.join(kept)}\r\n"
        self._parser = httptools.HttpRequestParser(self)
        self._request = _Request()
        self._head_bytes = 0
        self._is_head_done = False
        return head.encode("latin-1") + rest

    # -- answering -----------------------------------------------------------------------------------------------

    def _handle(self, request: _Request) -> None:
        reply = self._answer(request)
        if isinstance(reply, Pending):
            self._is_waiting = True
            reply.then(lambda late: self._late(request, late))
            return
        self._write(request, reply)

    def _answer(self, request: _Request) -> Reply | Pending:
        url = request.url
        if len(url) > URL_BYTES_MAX:
            return html(414, "Request-URI Too Large")
        if not url.startswith(b"/"):
            url = _origin_form(url)
        path_bytes, _, query = url.partition(b"?")
        path = path_bytes.decode("ascii", "replace")
        headers = request.headers
        if path.startswith(ADMIN) and self._shell.admin is not None:
            return self._shell.admin(request.method, path, headers, request.body, self._ip)
        method, body = request.method, request.body
        if method == "GET" or method == "HEAD":
            method, body = "GET", b""
        elif body and not _is_form(headers.get("content-type", FORM), body):
            body = b""
        return self._shell.desk.serve_rest(method, path, query, headers, body, self._ip)

    def _late(self, request: _Request, reply: Reply) -> None:
        self._is_waiting = False
        self._write(request, reply)
        self._go_on()

    def _go_on(self) -> None:
        """Answer what arrived meanwhile."""
        while self._queue and not self._is_waiting and not self.is_stuck and not self._is_closing:
            self._handle(self._queue.popleft())

    def _write(self, request: _Request, reply: Reply) -> None:
        transport = self._transport
        if transport is None or self._is_closing:
            return
        if reply.cut is not None:
            if reply.cut is Cut.CLOSE:
                self.close()
            else:
                self._is_silent = True
            return
        self.since = self._loop.time()
        body = reply.body
        status = reply.status
        kind = f"content-type: {reply.content_type}\r\n" if body else ""
        head = (
            f"HTTP/1.1 {status} {_PHRASES.get(status, 'Unknown')}\r\n{kind}"
            f"content-length: {len(body)}\r\n{reply.headers}{self._shell.date()}"
        )
        if request.method == "HEAD":
            body = b""
        if request.keep_alive:
            transport.write(f"{head}\r\n".encode("latin-1", "replace") + body)
            return
        transport.write(f"{head}connection: close\r\n\r\n".encode("latin-1", "replace") + body)
        self.close()

    def _refuse(self, reply: Reply) -> None:
        """Answer and close: what follows cannot be understood, or is not wanted."""
        request = _Request()
        request.keep_alive = False
        if self._is_waiting or self._queue:
            self.close()
        else:
            self._write(request, reply)

    def close(self) -> None:
        """Close after what was written."""
        self._is_closing = True
        self._queue.clear()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Drop the connection."""
        self._is_closing = True
        if self._transport is not None:
            self._transport.abort()

    def time_out(self) -> None:
        """Close a connection on which nothing goes on; one that did not finish its request is told so."""
        if self.is_stuck or not self.is_reading:
            self.abort() if self.is_stuck else self.close()
        else:
            self._refuse(html(408, "Request Time-out"))

    @property
    def is_busy(self) -> bool:
        """Whether a client waits for a late answer."""
        return self._is_waiting


def _is_form(content_type: str, body: bytes) -> bool:
    """Whether a body is a form; also one that says it is JSON and is not, as hummingbot sends them to Binance."""
    content_type = content_type.lower()
    if content_type.startswith(FORM):
        return True
    return content_type.startswith("application/json") and not body.lstrip().startswith((b"{", b"["))


def _illegal_url(data: bytes) -> Reply:
    """A target with characters that must be percent-encoded: its signature cannot be right either."""
    if b"signature=" in data:
        return error_reply(ExchangeError(-1022, message(-1022)))
    if b"/api/" in data:
        return error_reply(ExchangeError(-1100, "Illegal characters found in a parameter."))
    return html(400, "Bad Request")


def _origin_form(url: bytes) -> bytes:
    """``/path?query`` of a target that names its host, as clients of proxies send it."""
    try:
        parsed = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        return b"/"
    path = parsed.path or b"/"
    return path + b"?" + parsed.query if parsed.query else path


def date_lines(now_us: int) -> str:
    """The header line ``Date`` for a time."""
    return f"date: {formatdate(now_us // SECOND, usegmt=True)}\r\n"
