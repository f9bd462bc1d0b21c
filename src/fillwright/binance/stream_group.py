"""Up to 1,024 streams over one connection that is always up: made again when it breaks, replaced before it must end.

Binance ends connections after 24 hours and announces a server's end by ``serverShutdown``. Then the next connection
is opened and delivers before the old one is closed, so that nothing is missed and some of it comes twice; the receiver
drops what it has. Source: Binance Spot "WebSocket Streams".
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Sequence
from urllib.parse import quote

import msgspec

from fillwright.binance.connection import Connection, ConnectionFailed, connect
from fillwright.binance.pacing import Backoff, RateWindow
from fillwright.wire.codec import WireError
from fillwright.wire.market_streams import (
    STREAMS_PER_CONNECTION_MAX,
    MarketMessage,
    StreamDecoder,
    StreamReply,
    subscription,
)
from fillwright.wire.stream import ServerShutdown

CONNECTIONS_MAX, CONNECTIONS_WINDOW_S = 280, 300.0
"""Attempts of all groups together; Binance allows an address 300 in 5 minutes."""


class StreamSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How connections are looked after; seconds."""

    silence_s: float = 30.0
    """Nothing heard for so long, pings included: the connection is dead. Half-way we ask for a sign of life."""
    rotate_after_s: float = 23 * 3600.0
    """Binance ends connections after 24 hours."""
    overlap_s: float = 2.0
    """How long old and new connection both deliver."""
    connect_timeout_s: float = 10.0
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 30.0
    stable_s: float = 10.0
    """A connection that lived so long was no failure."""
    look_every_s: float = 1.0
    """How often missing candles are looked for."""
    url_streams_max: int = 100
    """Streams named in the URL; the others are subscribed to, as many at a time."""


Deliver = Callable[[bytes, MarketMessage], None]
OnState = Callable[[bool, str], None]
"""Whether the streams are up, and why not."""


class StreamGroup:
    """Some streams and the connection that carries them."""

    def __init__(
        self,
        base_url: str,
        streams: Sequence[str],
        deliver: Deliver,
        on_state: OnState,
        *,
        settings: StreamSettings,
        attempts: RateWindow,
        tls: ssl.SSLContext | None = None,
        draw: random.Random | None = None,
    ) -> None:
        assert 0 < len(streams) <= STREAMS_PER_CONNECTION_MAX, len(streams)
        self.streams = tuple(streams)
        self.unreadable = 0
        """Messages that could not be read, and were left out."""
        self.last_unreadable = ""
        self.refused = ""
        """What Binance said of a subscription that it refused."""
        self.connections = 0
        """Made so far."""
        self._base_url = base_url
        self._deliver, self._on_state = deliver, on_state
        self._settings = settings
        self._attempts = attempts
        self._tls = tls
        self._draw = draw or random.Random()
        self._backoff = Backoff(settings.backoff_base_s, settings.backoff_cap_s, self._draw)
        self._decoder = StreamDecoder()
        self._requests = 0
        self._open: list[Connection] = []

    async def run(self) -> None:
        """Keep the streams up until cancelled; raises what the receiver of their messages raises."""
        connection: Connection | None = None
        try:
            while True:
                if connection is None:
                    connection = await self._connected()
                    self._on_state(True, self.refused)
                rotate_after_s = self._settings.rotate_after_s * self._draw.uniform(0.95, 1.0)
                why = await self._watched(connection, rotate_after_s)
                if connection.is_up and not why:
                    replaced = await self._replaced(connection)
                    await self._closed(connection)
                    connection, why = replaced, "the connection was lost while it was being replaced"
                else:
                    if connection.age_s() >= self._settings.stable_s:
                        self._backoff.reset()
                    await self._closed(connection)
                    connection, why = None, why or "the connection was lost"
                if connection is None:
                    self._on_state(False, why)
        finally:
            for left in self._open:
                left.abort()

    # -- connections -----------------------------------------------------------------------------------------

    async def _connected(self) -> Connection:
        """A connection, however long it takes."""
        while True:
            await asyncio.sleep(self._backoff.next_s() if self.connections or self._backoff.attempts else 0)
            try:
                return await self._subscribed()
            except ConnectionFailed as error:
                self._backoff.attempts = max(1, self._backoff.attempts)
                self._on_state(False, str(error))

    async def _subscribed(self) -> Connection:
        """One attempt: connected and subscribed to everything; ConnectionFailed otherwise."""
        settings, size = self._settings, self._settings.url_streams_max
        await self._attempts.enter()
        names = "/".join(quote(name, safe="@!_") for name in self.streams[:size])
        url = f"{self._base_url}/stream?streams={names}&timeUnit=MICROSECOND"
        connection = await connect(url, self._heard, timeout_s=settings.connect_timeout_s, tls=self._tls)
        self._open.append(connection)
        self.connections += 1
        self.refused = ""
        try:
            for start in range(size, len(self.streams), size):
                self._requests += 1
                text = subscription("SUBSCRIBE", self.streams[start : start + size], self._requests)
                wrong = await connection.request(self._requests, text, settings.connect_timeout_s)
                if wrong:
                    self.refused = f"Binance refused some streams: {wrong}"
        except ConnectionFailed:
            await self._closed(connection)
            raise
        return connection

    async def _closed(self, connection: Connection) -> None:
        await connection.close()
        if connection in self._open:
            self._open.remove(connection)

    async def _watched(self, connection: Connection, rotate_after_s: float) -> str:
        """Wait until a connection ends ('why') or must be replaced ('')."""
        settings = self._settings
        while True:
            if not connection.is_up:
                return await connection.ended()
            silent_s = connection.silent_s()
            if silent_s >= settings.silence_s:
                connection.abort()
                return f"nothing was heard for {settings.silence_s:g} s"
            left_s = rotate_after_s - connection.age_s()
            if connection.wants_rotation or left_s <= 0:
                return ""
            half_s = settings.silence_s / 2
            if silent_s >= half_s and connection.pinged_at < connection.heard_at:
                await connection.ping()
            wait_s = half_s - silent_s if silent_s < half_s else settings.silence_s - silent_s
            await _until_set(connection.changed, min(max(wait_s, 0.001), left_s))

    async def _replaced(self, old: Connection) -> Connection | None:
        """The next connection once it delivers; None when the old one ends before there is one."""
        settings = self._settings
        backoff = Backoff(settings.backoff_base_s, settings.backoff_cap_s, self._draw)
        while old.is_up and old.silent_s() < settings.silence_s:
            try:
                new = await self._subscribed()
            except ConnectionFailed:
                old.changed.clear()
                await _until_set(old.changed, backoff.next_s())
                continue
            await _until_set(new.delivering, settings.silence_s)
            await asyncio.sleep(settings.overlap_s)
            if new.is_up:
                return new
            await self._closed(new)
        return None

    # -- messages --------------------------------------------------------------------------------------------

    def _heard(self, connection: Connection, frame: bytes) -> None:
        try:
            stream, message = self._decoder.decode(frame)
        except WireError as error:
            self.unreadable += 1
            self.last_unreadable = str(error)
            return
        if isinstance(message, StreamReply):
            reply = connection.replies.get(message.id) if isinstance(message.id, int) else None
            wrong = "" if message.error is None else message.error.msg or f"error {message.error.code}"
            if reply is not None and not reply.done():
                reply.set_result(wrong)
            elif wrong:
                self.refused = f"Binance refused a request: {wrong}"
        elif isinstance(message, ServerShutdown):
            connection.ask_rotation("Binance is shutting a server down")
        else:
            if not connection.delivering.is_set():
                connection.delivering.set()
            self._deliver(stream, message)


async def _until_set(event: asyncio.Event, timeout_s: float) -> None:
    """Wait for an event, or until time is up."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
