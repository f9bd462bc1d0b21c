"""The API of a service; loaded once what is open is protected, for that takes longer than all of a recovery."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from fillwright import __version__
from fillwright.api.app import make_app
from fillwright.api.entrance import Entrance
from fillwright.api.server import serve
from fillwright.api.tokens import Caller, Tokens
from fillwright.bootstrap.folder import DataFolder
from fillwright.bootstrap.tokens import FixedToken, TokenFile
from fillwright.config import ServerConfig
from fillwright.ports import Clock, ReadModel
from fillwright.runtime.orchestrator import Orchestrator

OPERATOR = "operator"
"""By this name what the holder of the token does is recorded."""


class Api:
    """What answers requests about the accounts of one user."""

    def __init__(
        self,
        *,
        orchestrator: Orchestrator,
        model: ReadModel,
        clock: Clock,
        config: ServerConfig,
        folder: DataFolder,
        user_id: str,
        new_token: str | None,
    ) -> None:
        """``new_token``: one that has just been made, and is to be had by a link. Raises BadInputError."""
        self._entrance = None if new_token is None else Entrance(new_token, clock)
        self._app = make_app(
            orchestrator,
            model,
            tokens_of(config, folder, user_id),
            clock,
            version=__version__,
            hosts=hosts_of(config),
            entrance=self._entrance,
        )

    @property
    def code(self) -> str | None:
        """Of the link, if there is one."""
        return None if self._entrance is None else self._entrance.code

    async def serve(self, bound: socket.socket, ready: Callable[[], object], stop: asyncio.Event) -> None:
        """Answer until ``stop`` is set; calls ``ready`` once it does."""
        await serve(self._app, bound, ready, stop)


def tokens_of(config: ServerConfig, folder: DataFolder, user_id: str) -> Tokens:
    """Who may ask: whoever has the token of the settings, or else that of the data folder; raises BadInputError."""
    caller = Caller(user_id, OPERATOR)
    if config.token is not None:
        return FixedToken(config.token, caller)
    return TokenFile(folder.token, caller)


def hosts_of(config: ServerConfig) -> tuple[str, ...]:
    """Names that the Host header may have beside those of this machine."""
    return config.allowed_hosts if config.is_loopback else (config.host, *config.allowed_hosts)
