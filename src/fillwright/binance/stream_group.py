"""Up to 1,024 streams over one connection that is always up.

When a connection has to be replaced, the next one delivers before the old one is closed, so that nothing is missed and
some of it comes twice; the receiver drops what it has. Source: Binance Spot "WebSocket Streams".
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Sequence
from urllib.parse import quote

from fillwright.binance.connection import Connection, ConnectionFailed, connect
from fillwright.binance.keeping import Keeper, KeepSettings, OnState, until_set
from fillwright.binance.pacing import RateWindow
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


class StreamSettings(KeepSettings, frozen=True, kw_only=True):
    """How connections and streams are looked after; seconds."""

    look_every_s: float = 1.0
    """How often missing candles are looked for."""
    url_streams_max: int = 100
    """Streams named in the URL; the others are subscribed to, as many at a time."""


Deliver = Callable[[bytes, MarketMessage], None]


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
        self._base_url = base_url
        self._deliver = deliver
        self._settings = settings
        self._attempts = attempts
        self._tls = tls
        self._decoder = StreamDecoder()
        self._requests = 0

        def told(is_up: bool, why: str) -> None:
            on_state(is_up, self.refused if is_up else why)

        self._keeper = Keeper(self._subscribed, self._taken_over, told, settings, draw)

    async def run(self) -> None:
        """Keep the streams up until cancelled; raises what the receiver of their messages raises."""
        await self._keeper.run()

    # -- connections -----------------------------------------------------------------------------------------

    async def _subscribed(self) -> Connection:
        """One attempt: connected and subscribed to everything; ConnectionFailed otherwise."""
        settings, size = self._settings, self._settings.url_streams_max
        await self._attempts.enter()
        names = "/".join(quote(name, safe="@!_") for name in self.streams[:size])
        url = f"{self._base_url}/stream?streams={names}&timeUnit=MICROSECOND"
        connection = await connect(url, self._heard, timeout_s=settings.connect_timeout_s, tls=self._tls)
        self.refused = ""
        try:
            for start in range(size, len(self.streams), size):
                self._requests += 1
                text = subscription("SUBSCRIBE", self.streams[start : start + size], self._requests)
                wrong = await connection.request(self._requests, text, settings.connect_timeout_s)
                if wrong:
                    self.refused = f"Binance refused some streams: {wrong}"
        except ConnectionFailed:
            await connection.close()
            raise
        except asyncio.CancelledError:
            connection.abort()
            raise
        return connection

    async def _taken_over(self, _old: Connection, new: Connection) -> None:
        """What was missed by neither: the new connection delivers, and then both do for a while."""
        await until_set(new.delivering, self._settings.silence_s)
        await asyncio.sleep(self._settings.overlap_s)

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
