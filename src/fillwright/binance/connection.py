"""One WebSocket connection: frames in, text out, pings answered, and the cause kept when it ends.

Source: Binance Spot "WebSocket Streams": a ping every 20 seconds wants a pong with its payload within a minute; pings,
pongs and requests together may be five a second.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from fillwright.binance.pacing import RateWindow

FRAME_BYTES_MAX = 4 << 20
MESSAGE_PARTS_MAX = 64
MESSAGES_PER_SECOND_MAX = 4
"""Of Binance's five: one is left for the pong."""
CLOSE_WAIT_S = 2.0
"""How long the other side may take to agree to a close."""
WAIT_MAX_S = 3 * 86_400.0
"""Binance's longest ban."""

OnMessage = Callable[["Connection", bytes], None]


class ConnectionFailed(Exception):
    """A connection could not be made.

    The text says why, ``wait_s`` how long not to try again at least, ``http_status`` (0: none) how it was refused.
    """

    def __init__(self, why: str, wait_s: float = 0.0, http_status: int = 0) -> None:
        super().__init__(why)
        self.wait_s, self.http_status = wait_s, http_status


class Connection(WSListener):
    """A connection that is up, or was; what it hears goes to ``on_message`` at once."""

    def __init__(self, on_message: OnMessage) -> None:
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._transport: WSTransport | None = None
        self._parts: list[bytes] = []
        self._pacing = RateWindow(MESSAGES_PER_SECOND_MAX, 1.0)
        self.opened_at = self.heard_at = self._loop.time()
        self.pinged_at = 0.0
        self.changed = asyncio.Event()
        """Set when somebody should look: it ended, or ``wants_rotation``."""
        self.wants_rotation = ""
        """Why the server wants us to go elsewhere."""
        self.delivering = asyncio.Event()
        """Set by the owner when the first message of a stream has come."""
        self.replies: dict[int, asyncio.Future[str]] = {}
        """Of requests under way, by id: '' or what was wrong."""
        self.on_ended: Callable[[], None] = _nothing
        """Called at once when it is over."""
        self._aborted = ""

    # -- what picows calls -----------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport
        self.opened_at = self.heard_at = self._loop.time()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Something was heard."""
        self.heard_at = self._loop.time()
        kind = frame.msg_type
        if kind == WSMsgType.TEXT and frame.fin:
            self._on_message(self, frame.get_payload_as_bytes())
        elif kind == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind == WSMsgType.CLOSE:
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        elif kind in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            self._parts.append(frame.get_payload_as_bytes())
            if frame.fin or len(self._parts) > MESSAGE_PARTS_MAX:
                whole, self._parts = b"".join(self._parts), []
                self._on_message(self, whole)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """It is over."""
        for reply in self.replies.values():
            if not reply.done():
                reply.set_result("the connection ended")
        self.on_ended()
        self.changed.set()

    # -- what its owner calls --------------------------------------------------------------------------------

    @property
    def is_up(self) -> bool:
        """Whether it still carries anything."""
        return self._transport is not None and not self._transport.is_disconnected

    def silent_s(self) -> float:
        """How long nothing was heard."""
        return self._loop.time() - self.heard_at

    def age_s(self) -> float:
        """How long it has been up."""
        return self._loop.time() - self.opened_at

    def ask_rotation(self, why: str) -> None:
        """Note that the server will end it."""
        self.wants_rotation = why
        self.changed.set()

    async def ping(self) -> None:
        """Ask for a sign of life."""
        await self._pacing.enter()
        if self.is_up and self._transport is not None:
            self.pinged_at = self._loop.time()
            self._transport.send_ping(b"fillwright")

    def send(self, text: bytes) -> None:
        """Write a message now; lost when the connection is not up."""
        assert self._transport is not None
        self._transport.send(WSMsgType.TEXT, text)

    async def request(self, number: int, text: bytes, timeout_s: float) -> str:
        """Send a request and wait for its reply; what was wrong, or nothing. Raises ConnectionFailed without one."""
        reply = self.replies[number] = self._loop.create_future()
        try:
            await self._pacing.enter()
            if not self.is_up or self._transport is None:
                raise ConnectionFailed("the connection ended")
            self._transport.send(WSMsgType.TEXT, text)
            async with asyncio.timeout(timeout_s):
                wrong: str = await reply
        except TimeoutError:
            raise ConnectionFailed(f"no reply to a request within {timeout_s:g} s") from None
        finally:
            del self.replies[number]
        if not self.is_up:
            raise ConnectionFailed(wrong or "the connection ended")
        return wrong

    async def ended(self) -> str:
        """Why it ended, once it has; raises what the receiver of its messages raised."""
        assert self._transport is not None
        try:
            await self._transport.wait_disconnected()
        except WSError as error:
            return f"broken protocol: {error}"
        if self._aborted:
            return self._aborted
        received = getattr(self._transport.close_handshake, "recv", None)  # None without a close frame
        if received is None:
            return "the connection was lost"
        code = getattr(received.code, "value", received.code)
        return f"Binance closed the connection ({code} {received.reason or ''})".replace(" )", ")")

    async def close(self) -> None:
        """Say goodbye, and leave if nobody answers; raises what the receiver of its messages raised."""
        transport = self._transport
        if transport is None:
            return
        if self.is_up:
            transport.send_close(WSCloseCode.OK)
        try:
            async with asyncio.timeout(CLOSE_WAIT_S):
                await self.ended()
        except TimeoutError:
            self.abort()

    def abort(self, why: str = "") -> None:
        """Leave at once; ``ended`` then says why."""
        if self._transport is not None:
            self._aborted = self._aborted or why
            self._transport.disconnect(graceful=False)


async def connect(
    url: str, on_message: OnMessage, *, timeout_s: float, tls: ssl.SSLContext | None = None
) -> Connection:
    """Make a connection; ConnectionFailed when it cannot be made in time."""
    try:
        async with asyncio.timeout(timeout_s):
            _, listener = await ws_connect(
                lambda: Connection(on_message),
                url,
                ssl_context=tls,
                websocket_handshake_timeout=timeout_s,
                enable_auto_pong=False,
                max_frame_size=FRAME_BYTES_MAX,
            )
    except TimeoutError:
        raise ConnectionFailed(f"no connection within {timeout_s:g} s") from None
    except (OSError, WSError) as error:
        raise _failed(error) from error
    assert isinstance(listener, Connection)
    return listener


def _nothing() -> None:
    """Nobody wants to know."""


def _failed(error: Exception) -> ConnectionFailed:
    response = getattr(error, "response", None)
    if response is None:
        return ConnectionFailed(str(error) or type(error).__name__)
    status, wait = int(response.status), response.headers.get("Retry-After", "")
    wait_s = float(wait) if wait.isdecimal() else 0.0
    return ConnectionFailed(f"HTTP status {status}", min(wait_s, WAIT_MAX_S), status)
