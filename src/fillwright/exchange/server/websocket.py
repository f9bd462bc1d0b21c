"""WebSocket connections on picows: taken over from HTTP, kept alive, bounded, and closed in order.

``WebSockets.take_over`` is handed a transport by the HTTP side when a request asks for an upgrade; the path says what
kind of session it becomes. A session reads whole text messages and sends whole text messages; everything below that
(fragments, pings, sizes, a peer that does not read, a life of 24 hours) is done here.

Keeping alive goes by the machine's time, since peers live in it; the 24 hours go by box time. Sources: Binance Spot
WebSocket Streams "General WSS information", "WebSocket Limits"; WebSocket API "General API Information". Close codes
and reasons are those that clients report from Binance.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

import msgspec
from picows import WSAutoPingStrategy, WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport
from picows.picows import WSProtocol  # type: ignore[attr-defined]

from fillwright.core.types import SECOND, Time
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.limits import RateLimited

if TYPE_CHECKING:
    from fillwright.exchange.server.box import Box

READ_BUFFER_BYTES = 4 * 1024
"""What a connection's read buffer begins with; it grows up to a whole message."""
HANDSHAKE_S = 10.0
CLOSE_GRACE_S = 2.0
"""How long a peer has to answer a close before its connection is dropped."""
DEAD_GRACE_S = 0.1
"""The same for a peer that seems dead."""
FRAGMENTS_MAX = 1_024
"""Frames of one message."""
PINGS_OUT_MAX = 8
"""Unanswered pings remembered; an answer to an older one counts for nothing."""
_SWEEPS = 8
"""Times in one ping period that connections are looked through."""
_TEXT = WSMsgType.TEXT
_HEADERS = ("sec-websocket-key", "sec-websocket-version", "upgrade", "connection")


class Handshake(msgspec.Struct, frozen=True):
    """What a client asked for when it connected."""

    path: str
    """Without percent-encoding and query."""
    query: dict[str, str]
    """Parameters of the URL; of a name given twice the last one."""
    ip: str
    microseconds: bool = False
    """Whether times are told in microseconds (``timeUnit``)."""


class Refused(Exception):
    """A connection is not upgraded: an HTTP status, a body, and lines of headers."""

    def __init__(self, status: int, body: bytes = b"", headers: str = "") -> None:
        super().__init__(f"refused with {status}")
        self.status = status
        self.body = body
        self.headers = headers


SessionFactory = Callable[["WebSockets", Handshake], "WebSocketSession"]
"""Makes the session for a path; raises ``Refused`` or ``RateLimited``."""


class WebSocketSession(WSListener):
    """One connection; kinds of it say what becomes of messages.

    Attributes:
        number: of the connection, from 1.
        handshake: what it was opened with.
        connected_at: box time.
        muted_until: box time until which nothing is sent, not even pings; 0: never mind.
    """

    kind = "websocket"

    def __init__(self, sockets: WebSockets, handshake: Handshake) -> None:
        self.sockets = sockets
        self.box: Box = sockets.box
        self.handshake = handshake
        self.ip = handshake.ip
        self.microseconds = handshake.microseconds
        self.number = 0
        self.connected_at: Time = self.box.now
        self.muted_until: Time = 0
        self.messages_received = 0
        self.messages_sent = 0
        self.is_open = False
        self.transport: WSTransport | None = None
        self._send: Callable[[WSMsgType, bytes], None] = _nowhere
        self._fragments: list[bytes] = []
        self._fragment_bytes = 0
        self._next_ping = 0.0
        self._pings: deque[tuple[float, bytes]] = deque(maxlen=PINGS_OUT_MAX)

    # -- for kinds of sessions -----------------------------------------------------------------------------------

    def opened(self) -> None:
        """The connection stands; messages can be sent."""

    def received(self, message: bytes) -> None:
        """A whole text message arrived; box time is up to date."""
        raise NotImplementedError

    def control_received(self) -> bool:
        """A ping or pong arrived; False when the session closed because of it."""
        return True

    def closed(self) -> None:
        """The connection is gone."""

    def shutdown_message(self) -> bytes:
        """What is said before the server goes away."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """What an administrator sees."""
        return {
            "number": self.number,
            "kind": self.kind,
            "ip": self.ip,
            "path": self.handshake.path,
            "connectedSince": self.connected_at // 1000,
            "mutedUntil": self.muted_until // 1000,
            "messagesReceived": self.messages_received,
            "messagesSent": self.messages_sent,
        }

    # -- doing ---------------------------------------------------------------------------------------------------

    def time(self, time_us: Time) -> int:
        """A time as this client wants it."""
        return time_us if self.microseconds or time_us < 0 else time_us // 1000

    def send(self, message: bytes) -> None:
        """Send a text message; dropped when the session is muted or closed."""
        if self.muted_until and self.box.now < self.muted_until:
            return
        self.messages_sent += 1
        self._send(_TEXT, message)

    def close(
        self, code: WSCloseCode = WSCloseCode.OK, reason: str = "", grace_s: float = CLOSE_GRACE_S
    ) -> None:
        """Say why and close; who does not answer in time is dropped."""
        if not self.is_open or self.transport is None:
            return
        self.is_open = False
        self._send = _nowhere
        self.transport.send_close(code, reason)
        asyncio.get_running_loop().call_later(grace_s, self.transport.disconnect, False)

    def abort(self) -> None:
        """Drop the connection without a word."""
        self.is_open = False
        self._send = _nowhere
        if self.transport is not None:
            self.transport.disconnect(False)

    # -- picows --------------------------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade is done."""
        transport.underlying_transport.set_write_buffer_limits(
            high=self.box.settings.websocket.unread_bytes_max
        )
        self.transport = transport
        self._send = transport.send
        self.is_open = True
        self.sockets.joined(self)
        self.opened()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame: a message, a part of one, or control."""
        if not self.is_open:
            if frame.msg_type == WSMsgType.CLOSE:
                transport.disconnect()
            return
        kind = frame.msg_type
        if kind == _TEXT and frame.fin and not self._fragments and not frame.rsv1:
            self._deliver(frame.get_payload_as_bytes())
        elif kind == WSMsgType.PONG:
            if self.control_received():
                self._ponged(frame.get_payload_as_bytes())
        elif kind == WSMsgType.PING:
            if self.control_received():
                transport.send_pong(frame.get_payload_as_bytes())
        elif kind == WSMsgType.CLOSE:
            self.is_open = False
            self._send = _nowhere
            code = frame.get_close_code()
            transport.send_close(WSCloseCode.OK if code == WSCloseCode.NO_INFO else code)
            transport.disconnect()
        elif kind == WSMsgType.BINARY:
            self.close(WSCloseCode.UNSUPPORTED_DATA, "text frames only")
        else:
            self._fragment(frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The connection is gone, whoever ended it."""
        self.is_open = False
        self._send = _nowhere
        self.sockets.left(self)
        self.closed()

    def pause_writing(self) -> None:
        """The peer does not read: more waits for it than is allowed."""
        self.sockets.cut_off += 1
        self.is_open = False
        self._send = _nowhere
        asyncio.get_running_loop().call_soon(self.abort)

    def resume_writing(self) -> None:
        """Nothing: a peer that did not read is on its way out."""

    def _deliver(self, message: bytes) -> None:
        self.messages_received += 1
        self.box.tick()
        self.received(message)

    def _fragment(self, frame: WSFrame) -> None:
        is_first = frame.msg_type == _TEXT
        if frame.rsv1 or frame.rsv2 or frame.rsv3 or is_first == bool(self._fragments):
            self.close(WSCloseCode.PROTOCOL_ERROR, "unexpected frame")
            return
        self._fragments.append(frame.get_payload_as_bytes())
        self._fragment_bytes += frame.payload_size
        if (
            self._fragment_bytes > self.box.settings.websocket.message_bytes_max
            or len(self._fragments) > FRAGMENTS_MAX
        ):
            self._fragments.clear()
            self.close(WSCloseCode.MESSAGE_TOO_BIG, "message too big")
        elif frame.fin:
            message = b"".join(self._fragments)
            self._fragments.clear()
            self._fragment_bytes = 0
            self._deliver(message)

    # -- keeping alive ---------------------------------------------------------------------------------------------

    def _ponged(self, payload: bytes) -> None:
        for index, (_, sent) in enumerate(self._pings):
            if sent == payload:
                for _ in range(index + 1):
                    self._pings.popleft()
                return

    def keep_alive(self, now: float, ping_every: float, pong_within: float) -> None:
        """Ping when it is time; close who left a ping unanswered for too long. Times are the loop's, in seconds."""
        if not self.is_open or self.transport is None:
            return
        if self._pings and now - self._pings[0][0] >= pong_within:
            self.close(WSCloseCode.POLICY_VIOLATION, "Pong timeout", grace_s=DEAD_GRACE_S)
        elif self.box.now - self.connected_at >= self.box.settings.websocket.lifetime_us:
            self.close(WSCloseCode.GOING_AWAY, "24h")
        elif now >= self._next_ping:
            if self._next_ping and self.box.now >= self.muted_until:
                payload = str(self.box.now // 1000).encode()
                self._pings.append((now, payload))
                self.transport.send_ping(payload)
            self._next_ping = now + ping_every


def _nowhere(_kind: WSMsgType, _message: bytes) -> None:
    """Where messages to a closed connection go."""


class _ConnectionLog(logging.LoggerAdapter[logging.Logger]):
    """Faults of peers are no news; exceptions of ours are, and are counted."""

    failures = 0

    def info(self, msg: object, *args: object, **kwargs: Any) -> None:
        self.debug(msg, *args, **kwargs)

    def warning(self, msg: object, *args: object, **kwargs: Any) -> None:
        self.debug(msg, *args, **kwargs)

    def error(self, msg: object, *args: object, **kwargs: Any) -> None:
        self.debug(msg, *args, **kwargs)

    def exception(self, msg: object, *args: object, exc_info: Any = True, **kwargs: Any) -> None:
        self.failures += 1
        self.log(logging.ERROR, msg, *args, exc_info=exc_info, **kwargs)


class WebSockets:
    """All connections of a server.

    Args:
        box: the server's heart.
        routes: session factories by path; ``/ws`` also serves ``/ws/...``.

    Attributes:
        cut_off: connections that were dropped because their peer did not read.
    """

    def __init__(self, box: Box, routes: Mapping[str, SessionFactory]) -> None:
        self.box = box
        self.cut_off = 0
        self._routes = dict(routes)
        self._sessions: dict[int, WebSocketSession] = {}
        self._number = 0
        self._sweeper: asyncio.TimerHandle | None = None
        self._log = _ConnectionLog(logging.getLogger(__name__), {})

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[WebSocketSession]:
        return iter(tuple(self._sessions.values()))

    @property
    def failures(self) -> int:
        """Connections that an exception of ours ended; none in a sound server."""
        return self._log.failures

    def get(self, number: int) -> WebSocketSession | None:
        """A connection by its number; None when it is gone."""
        return self._sessions.get(number)

    # -- connecting ------------------------------------------------------------------------------------------------

    def take_over(
        self,
        transport: asyncio.Transport,
        head: bytes,
        target: str,
        headers: Mapping[str, str],
        ip: str,
    ) -> None:
        """Make a WebSocket of an HTTP connection, or answer why not and close it.

        ``head`` is all that was received, the request's own bytes and whatever came after them; ``target`` is the
        request's target as it was sent; names of ``headers`` are in lower case.
        """
        self.box.tick()
        try:
            handshake = parse_target(target, ip)
            session = self._make(handshake)
        except Refused as refusal:
            _refuse(transport, refusal)
            return
        except RateLimited as limited:
            _refuse(transport, _limited(limited, self.box.now))
            return
        settings = self.box.settings.websocket
        protocol = WSProtocol(
            None,
            None,
            False,
            lambda _request: session,
            self._log,
            True,
            HANDSHAKE_S,
            False,
            HANDSHAKE_S,
            HANDSHAKE_S,
            WSAutoPingStrategy.PING_WHEN_IDLE,
            False,
            settings.message_bytes_max,
            None,
            READ_BUFFER_BYTES,
        )
        # uvloop chooses how it reads when reading starts, and picows reads into a buffer of its own.
        transport.pause_reading()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        rest = head.partition(b"\r\n\r\n")[2]
        _feed(protocol, _request_head(headers) + rest)
        if not transport.is_closing():
            transport.resume_reading()

    def _make(self, handshake: Handshake) -> WebSocketSession:
        path = handshake.path
        factory = self._routes.get(path)
        while factory is None and path.count("/") > 1:
            path = path.rpartition("/")[0]
            factory = self._routes.get(path + "/")
        if factory is None:
            raise Refused(404)
        if len(self._sessions) >= self.box.settings.websocket.connections_max:
            raise Refused(503, b"", "retry-after: 1\r\n")
        return factory(self, handshake)

    # -- told by sessions ------------------------------------------------------------------------------------------

    def joined(self, session: WebSocketSession) -> None:
        """A session's connection stands."""
        self._number += 1
        session.number = self._number
        self._sessions[session.number] = session
        if self._sweeper is None:
            self._sweep()

    def left(self, session: WebSocketSession) -> None:
        """A session's connection is gone."""
        self._sessions.pop(session.number, None)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        settings = self.box.settings.websocket
        ping_every, pong_within = settings.ping_every_us / SECOND, settings.pong_within_us / SECOND
        for session in tuple(self._sessions.values()):
            session.keep_alive(now, ping_every, pong_within)
        pause = min(ping_every, pong_within) / _SWEEPS
        self._sweeper = loop.call_later(pause, self._sweep) if self._sessions else None

    # -- administration --------------------------------------------------------------------------------------------

    def announce_shutdown(self) -> int:
        """Tell everybody that the server goes away (``serverShutdown``); connections stay. Returns how many."""
        for session in self:
            session.send(session.shutdown_message())
        return len(self._sessions)

    def close_all(self) -> None:
        """Announce the shutdown and close everybody."""
        self.announce_shutdown()
        for session in self:
            session.close(WSCloseCode.GOING_AWAY, "server shutdown")

    def stop(self) -> None:
        """Drop what is left and stop looking after connections."""
        for session in self:
            session.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    def disconnect_ip(self, ip: str, kind: str | None = None) -> int:
        """Close the connections (of a kind) of an address that was banned; returns how many."""
        found = [session for session in self if session.ip == ip and kind in (None, session.kind)]
        for session in found:
            session.close(WSCloseCode.POLICY_VIOLATION, "disconnected")
        return len(found)


# -- the handshake ---------------------------------------------------------------------------------------------------


def parse_target(target: str, ip: str) -> Handshake:
    """Read a request's target; Refused for a ``timeUnit`` that is none."""
    path, _, query = target.partition("?")
    pairs = dict(parse_qsl(query, keep_blank_values=True))
    unit = pairs.get("timeUnit", "MILLISECOND")
    if unit.upper() not in ("MILLISECOND", "MICROSECOND") or unit not in (unit.upper(), unit.lower()):
        body = {
            "code": -1194,
            "msg": "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
        }
        raise Refused(400, msgspec.json.encode(body))
    return Handshake(unquote(path), pairs, ip, unit.upper() == "MICROSECOND")


def _request_head(headers: Mapping[str, str]) -> bytes:
    """The upgrade as picows wants it: one word in Connection, and nothing that does not matter."""
    connection = headers.get("connection", "")
    is_upgrade = "upgrade" in [word.strip().lower() for word in connection.split(",")]
    lines = ["GET / HTTP/1.1", f"Connection: {'Upgrade' if is_upgrade else connection}"]
    lines += [f"{name}: {headers[name]}" for name in _HEADERS if name in headers and name != "connection"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _feed(protocol: Any, data: bytes) -> None:
    """Hand bytes to a protocol that reads into a buffer of its own."""
    view = memoryview(data)
    while view:
        buffer = protocol.get_buffer(len(view))
        size = min(len(buffer), len(view))
        buffer[:size] = view[:size]
        view = view[size:]
        protocol.buffer_updated(size)


def _limited(limited: RateLimited, now: Time) -> Refused:
    seconds = max(1, -(-(limited.retry_at - now) // SECOND))
    return Refused(limited.http_status, error_body(limited), f"retry-after: {seconds}\r\n")


def error_body(error: ExchangeError) -> bytes:
    """An error as REST writes it."""
    return msgspec.json.encode({"code": error.code, "msg": error.message})


def _refuse(transport: asyncio.Transport, refusal: Refused) -> None:
    phrase = HTTPStatus(refusal.status).phrase
    kind = "content-type: application/json;charset=UTF-8\r\n" if refusal.body else ""
    head = (
        f"HTTP/1.1 {refusal.status} {phrase}\r\n{kind}{refusal.headers}"
        f"content-length: {len(refusal.body)}\r\nconnection: close\r\n\r\n"
    )
    transport.write(head.encode() + refusal.body)
    transport.close()
