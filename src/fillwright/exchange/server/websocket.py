"""All WebSocket connections of a server: taken over from HTTP, looked after, shut down.

``WebSockets.take_over`` is handed a transport by the HTTP side when a request asks for an upgrade; picows does the
protocol from there on, and the path says what kind of session it becomes. Source: Binance Spot WebSocket Streams
"General WSS information", "Server Shutdown".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from picows import WSAutoPingStrategy, WSCloseCode
from picows.picows import WSProtocol  # type: ignore[attr-defined]

from fillwright.core.types import SECOND
from fillwright.exchange.server.handshakes import (
    Handshake,
    Refused,
    limited,
    parse_target,
    refuse,
    request_head,
)
from fillwright.exchange.server.limits import RateLimited
from fillwright.exchange.server.websocket_session import CLOSE_GRACE_S, WebSocketSession

if TYPE_CHECKING:
    from fillwright.exchange.server.box import Box

READ_BUFFER_BYTES = 4 * 1024
"""What a connection's read buffer begins with; it grows up to a whole message."""
HANDSHAKE_S = 10.0
_SWEEPS = 8
"""Times in one ping period that connections are looked through."""

SessionFactory = Callable[["WebSockets", Handshake], "WebSocketSession"]
"""Makes the session for a path; raises ``Refused`` or ``RateLimited``."""


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
        self._all_gone = asyncio.Event()
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
            refuse(transport, refusal)
            return
        except RateLimited as error:
            refuse(transport, limited(error, self.box.now))
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
        _feed(protocol, request_head(headers) + rest)
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
        if not self._sessions:
            self._all_gone.set()

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

    async def shut_down(self, within_s: float = CLOSE_GRACE_S) -> None:
        """Announce the shutdown, close everybody, and drop who has not gone in time."""
        self.close_all()
        if self._sessions:
            self._all_gone.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._all_gone.wait()
        self.stop()

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


def _feed(protocol: Any, data: bytes) -> None:
    """Hand bytes to a protocol that reads into a buffer of its own."""
    view = memoryview(data)
    while view:
        buffer = protocol.get_buffer(len(view))
        size = min(len(buffer), len(view))
        buffer[:size] = view[:size]
        view = view[size:]
        protocol.buffer_updated(size)
