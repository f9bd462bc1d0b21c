"""One WebSocket connection: whole text messages in and out, kept alive, bounded, closed in order.

Keeping alive goes by the machine's time, since peers live in it; the life of 24 hours goes by box time. Sources:
Binance Spot WebSocket Streams "General WSS information". Close codes and reasons are those that clients report.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from fillwright.core.types import Time
from fillwright.exchange.server.handshakes import Handshake

if TYPE_CHECKING:
    from fillwright.exchange.server.box import Box

CLOSE_GRACE_S = 2.0
"""How long a peer has to answer a close before its connection is dropped."""
DEAD_GRACE_S = 0.1
"""The same for a peer that seems dead."""
FRAGMENTS_MAX = 1_024
"""Frames of one message."""
PINGS_OUT_MAX = 8
"""Unanswered pings remembered; an answer to an older one counts for nothing."""
_TEXT = WSMsgType.TEXT
SMALL_BYTES = 8_192
"""picows 2.3 hands larger messages to uvloop with a header in memory that its next message overwrites before uvloop
has written it. Their frames are built in memory of their own."""
_HEADER_BYTES = 14
"""Room that picows wants before such a message."""


class Crowd(Protocol):
    """All connections of a server, as one of them sees them (``websocket.WebSockets``)."""

    cut_off: int
    """Readers that were dropped because they did not read."""

    @property
    def box(self) -> Box:
        """The server's heart."""

    def joined(self, session: WebSocketSession) -> None:
        """A connection stands."""

    def left(self, session: WebSocketSession) -> None:
        """A connection is gone."""

    def disconnect_ip(self, ip: str, kind: str | None = None) -> int:
        """Close those of an address (and of a kind); how many."""


class WebSocketSession(WSListener, ABC):
    """One connection; kinds of it say what becomes of messages.

    Attributes:
        number: of the connection, from 1.
        handshake: what it was opened with.
        connected_at: box time.
        muted_until: box time until which nothing is sent, not even pings and pongs; 0: never mind.
    """

    kind = "websocket"

    def __init__(self, sockets: Crowd, handshake: Handshake) -> None:
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

    @abstractmethod
    def received(self, message: bytes) -> None:
        """A whole text message arrived; box time is up to date."""

    def control_received(self) -> bool:
        """A ping or pong arrived; False when the session closed because of it."""
        return True

    def closed(self) -> None:
        """The connection is gone."""

    @abstractmethod
    def shutdown_message(self) -> bytes:
        """What is said before the server goes away."""

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

    @property
    def is_muted(self) -> bool:
        """Whether nothing is sent now, not even pongs: to its peer the connection looks dead."""
        return self.box.now < self.muted_until

    def send(self, message: bytes) -> None:
        """Send a text message; dropped when the session is muted or closed."""
        if self.muted_until and self.is_muted:
            return
        self.messages_sent += 1
        if len(message) <= SMALL_BYTES:
            self._send(_TEXT, message)
        elif self.is_open and self.transport is not None:
            framed = bytearray(_HEADER_BYTES) + message
            self.transport.send_reuse_external_bytearray(_TEXT, framed, _HEADER_BYTES)

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
            if self.control_received() and not self.is_muted:
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
            if self._next_ping and not self.is_muted:
                payload = str(self.box.now // 1000).encode()
                self._pings.append((now, payload))
                self.transport.send_ping(payload)
            self._next_ping = now + ping_every


def _nowhere(_kind: WSMsgType, _message: bytes) -> None:
    """Where messages to a closed connection go."""
