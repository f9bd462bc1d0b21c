"""The port: takes connections, bounds them, and looks after those on which nothing goes on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping

from fillwright.core.types import SECOND
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.desk import Desk
from fillwright.exchange.server.replies import Reply
from fillwright.exchange.server.rest import RestConnection, date_lines

CONNECTIONS_MAX = 10_000
"""HTTP connections at a time; one more is answered with 503 and closed."""
BACKLOG = 4_096
REQUEST_S = 20.0
"""A request is whole after this long, or answered with 408."""
IDLE_S = 300.0
"""A connection without requests is closed after this long."""
STUCK_S = 30.0
"""A client that does not read its answers is dropped after this long."""
SWEEP_S = 1.0

AdminServe = Callable[[str, str, Mapping[str, str], bytes, str], Reply]
TakeOver = Callable[[asyncio.Transport, bytes, str, Mapping[str, str], str], None]


class Listener:
    """Everything that listens on one port.

    Args:
        box: the server's heart.
        desk: answers the API.
        admin: answers what is under ``/admin``; None: there is no admin door.
        take_over: makes WebSockets of connections; None: they are refused.

    Attributes:
        port: where it listens, once started.
    """

    def __init__(
        self, box: Box, desk: Desk, admin: AdminServe | None = None, take_over: TakeOver | None = None
    ) -> None:
        self.desk = desk
        self.admin = admin
        self.take_over = take_over
        self.port = 0
        self._box = box
        self._connections: dict[RestConnection, None] = {}
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._date = ""
        self._date_second = -1

    def __len__(self) -> int:
        return len(self._connections)

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes any that is free. Raises OSError when that cannot be."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: RestConnection(self), host, port, backlog=BACKLOG, family=_family(host)
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._sweep()

    async def stop(self) -> None:
        """Take no more connections and close those that there are; WebSockets are their own."""
        if self._server is not None:
            self._server.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in tuple(self._connections):
            connection.close()
        await asyncio.sleep(0)

    # -- for connections -------------------------------------------------------------------------------------------

    def joined(self, connection: RestConnection) -> bool:
        """A connection came; False when there are too many."""
        self._connections[connection] = None
        return len(self._connections) <= CONNECTIONS_MAX

    def left(self, connection: RestConnection) -> None:
        """A connection is gone, or a WebSocket now."""
        self._connections.pop(connection, None)

    def date(self) -> str:
        """The header line ``Date``, by box time."""
        second = self._box.now // SECOND
        if second != self._date_second:
            self._date_second = second
            self._date = date_lines(self._box.now)
        return self._date

    # -- time-outs -------------------------------------------------------------------------------------------------

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self.look_after(loop.time())
        self._sweeper = loop.call_later(SWEEP_S, self._sweep)

    def look_after(self, now: float) -> None:
        """Time out the connections on which nothing went on for too long; ``now`` is the loop's, in seconds."""
        for connection in tuple(self._connections):
            waited = now - connection.since
            if connection.is_busy:
                continue
            if connection.is_stuck:
                limit = STUCK_S
            else:
                limit = REQUEST_S if connection.is_reading else IDLE_S
            if waited > limit:
                connection.time_out()


def _family(host: str) -> socket.AddressFamily:
    """One family, so that port 0 is one port."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET
