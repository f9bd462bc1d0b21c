"""A connection that is always there: made again when it breaks, replaced before it must end.

Binance ends connections after 24 hours and announces a server's end by ``serverShutdown``. Then the next connection
is made and takes over before the old one is closed. Sources: Binance Spot "WebSocket Streams" and WebSocket API,
"General WSS information".
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import msgspec

from fillwright.binance.connection import Connection, ConnectionFailed
from fillwright.binance.pacing import Backoff

WAIT_MIN_S = 0.001
"""Waits are not shorter: what is left may be less than a clock's step."""


class KeepSettings(msgspec.Struct, frozen=True, kw_only=True):
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


Make = Callable[[], Awaitable[Connection]]
"""One attempt at a connection that is ready for use; ConnectionFailed otherwise, with nothing left open."""
TakeOver = Callable[[Connection, Connection], Awaitable[None]]
"""Waits until the old connection (first) may go and the new one does its work."""
OnState = Callable[[bool, str], None]
"""Whether it is up, and why not."""


class Keeper:
    """One connection, and its successors."""

    def __init__(
        self,
        make: Make,
        take_over: TakeOver,
        on_state: OnState,
        settings: KeepSettings,
        draw: random.Random | None = None,
    ) -> None:
        self.connections = 0
        """Made so far."""
        self._make, self._take_over, self._on_state = make, take_over, on_state
        self._settings = settings
        self._draw = draw or random.Random()
        self._backoff = Backoff(settings.backoff_base_s, settings.backoff_cap_s, self._draw)
        self._open: list[Connection] = []

    async def run(self) -> None:
        """Keep it up until cancelled; raises what the receiver of its messages raises."""
        connection: Connection | None = None
        try:
            while True:
                if connection is None:
                    connection = await self._connected()
                    self._on_state(True, "")
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
            self._open.clear()

    async def _connected(self) -> Connection:
        """A connection, however long it takes."""
        wait_s = 0.0
        while True:
            if self.connections or self._backoff.attempts:
                wait_s = max(wait_s, self._backoff.next_s())
            await asyncio.sleep(wait_s)
            try:
                return await self._made()
            except ConnectionFailed as error:
                self._backoff.attempts = max(1, self._backoff.attempts)
                wait_s = error.wait_s
                self._on_state(False, str(error))

    async def _made(self) -> Connection:
        connection = await self._make()
        self._open.append(connection)
        self.connections += 1
        return connection

    async def _closed(self, connection: Connection) -> None:
        await connection.close()
        self._open.remove(connection)

    async def _watched(self, connection: Connection, rotate_after_s: float) -> str:
        """Wait until a connection ends ('why') or must be replaced ('')."""
        settings = self._settings
        while True:
            if not connection.is_up:
                return await connection.ended()
            silent_s = connection.silent_s()
            if silent_s >= settings.silence_s:
                connection.abort(f"nothing was heard for {settings.silence_s:g} s")
                return await connection.ended()
            left_s = rotate_after_s - connection.age_s()
            if connection.wants_rotation or left_s < WAIT_MIN_S:
                return ""
            await self._listened(connection, left_s)

    async def _listened(self, connection: Connection, most_s: float) -> None:
        """Wait until something changes, at most so long, or until it is to be looked at; silent, it is pinged."""
        silent_s, silence_s = connection.silent_s(), self._settings.silence_s
        half_s = silence_s / 2
        if silent_s >= half_s and connection.pinged_at <= connection.heard_at:
            await connection.ping()
        wait_s = half_s - silent_s if silent_s < half_s else silence_s - silent_s
        await until_set(connection.changed, min(max(wait_s, WAIT_MIN_S), most_s))

    async def _replaced(self, old: Connection) -> Connection | None:
        """The next connection once it does its work; None when the old one ends before there is one.

        An old one that is young is no better than one that broke (a server that goes down may tell so at once, and the
        next may be as bad): its successor is made later each time, and so is one after a successor that ended.
        """
        settings, wait_s = self._settings, 0.0
        if old.age_s() >= settings.stable_s:
            self._backoff.reset()
        else:
            wait_s = self._backoff.next_s()
        while await self._outlasts(old, wait_s):
            try:
                new = await self._made()
            except ConnectionFailed as error:
                wait_s = max(self._backoff.next_s(), error.wait_s)
                continue
            await self._take_over(old, new)
            if new.is_up:
                return new
            await self._closed(new)
            wait_s = self._backoff.next_s()
        return None

    async def _outlasts(self, connection: Connection, wait_s: float) -> bool:
        """Wait so long; whether a connection is there all the while."""
        loop, silence_s = asyncio.get_running_loop(), self._settings.silence_s
        due = loop.time() + wait_s
        while connection.is_up and connection.silent_s() < silence_s:
            left_s = due - loop.time()
            if left_s <= 0:
                return True
            connection.changed.clear()
            await self._listened(connection, max(left_s, WAIT_MIN_S))
        return False


async def until_set(event: asyncio.Event, timeout_s: float) -> None:
    """Wait for an event, or until time is up."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
