"""The server's life: it is made, takes its port, runs, saves its state now and then, and stops in order."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import setcontext

from fillwright.core.types import CONTEXT, SECOND
from fillwright.exchange.server.assembly import make_box, make_listener, state_of
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.clock import BoxClock
from fillwright.exchange.server.customers import first_keys
from fillwright.exchange.server.listener import Listener
from fillwright.exchange.server.pump import Pump
from fillwright.exchange.server.settings import BoxSettings
from fillwright.exchange.server.state_file import StateFile, StateFileError

SAVING_SHARE = 20
"""Saving takes at most one part in so many of the time."""
TOKEN_BYTES = 24
LOOK_S = 1.0
"""Lines of the event log are in the file after this long."""


class PortError(Exception):
    """The server cannot listen where it should; the message says why."""


class Server:
    """A running server.

    Attributes:
        box: its heart.
        host, port: where it listens.
        admin_token: opens the admin door.
        failed: gets the exception of a bug that stopped the box.
    """

    def __init__(self, box: Box, listener: Listener, state_file: StateFile | None, admin_token: str) -> None:
        self.box = box
        self.host = box.settings.host
        self.port = 0
        self.admin_token = admin_token
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listener = listener
        self._state_file = state_file
        self._pump = Pump(box, self._fail)
        self._keeper: asyncio.Task[None] | None = None
        self._saving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where REST is, without ``/api``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def _fail(self, error: BaseException) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)

    async def start(self) -> None:
        """Listen and go; raises PortError."""
        settings = self.box.settings
        try:
            await self._listener.start(settings.host, settings.port)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise PortError(f"cannot listen on {settings.host} port {settings.port}: {why}") from error
        self.port = self._listener.port
        self._pump.start()
        if self._state_file is not None:
            self.box.saved = -1
        self._keeper = asyncio.create_task(self._look_after())

    async def stop(self) -> None:
        """Stop in order: nothing new, streams closed, state saved."""
        await self._listener.stop()
        if self.box.sockets is not None:
            await self.box.sockets.shut_down()
        self._pump.stop()
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._saving is not None:
            await asyncio.wait([self._saving])  # an older state must not be written after the last one
        if self._state_file is not None:
            self._state_file.save(state_of(self.box))
            self._state_file.close()
        if self.box.log is not None:
            self.box.log.close()
        if self.failed.done():
            self.failed.exception()

    async def _look_after(self) -> None:
        """Write out the event log every second, and the state when it is time to."""
        loop = asyncio.get_running_loop()
        wait_s = self.box.settings.save_every_us / SECOND
        next_save = loop.time() + wait_s
        while True:
            await asyncio.sleep(min(LOOK_S, wait_s))
            if self.box.log is not None:
                self.box.log.flush()
            if self._state_file is None or self.box.changes == self.box.saved or loop.time() < next_save:
                continue
            changes, began = self.box.changes, loop.time()
            self._saving = asyncio.create_task(asyncio.to_thread(self._state_file.save, state_of(self.box)))
            try:
                await asyncio.shield(self._saving)
            except StateFileError as error:
                self._fail(error)
                return
            self.box.saved = changes
            next_save = loop.time() + max(wait_s, SAVING_SHARE * (loop.time() - began))


@asynccontextmanager
async def serve(settings: BoxSettings, clock: BoxClock | None = None) -> AsyncIterator[Server]:
    """Run a server while the block lasts. Raises BoxSettingsError, StateFileError, PortError."""
    state_file = None if settings.state_file is None else StateFile(settings.state_file)
    try:
        saved = None if state_file is None else state_file.load()
        box = make_box(settings, clock, saved)
        first_keys(box)
    except BaseException:
        if state_file is not None:
            state_file.close()
        raise
    token = settings.admin_token or secrets.token_urlsafe(TOKEN_BYTES)
    server = Server(box, make_listener(box, token), state_file, token)
    # Callbacks of connections and timers inherit it: the exchange then need not enter it for each request.
    setcontext(CONTEXT.copy())
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
