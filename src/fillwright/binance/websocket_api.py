"""One account's session on the WebSocket API: requests by id, each with a deadline and an outcome, always up.

A request is either never written (``Unsent``: it may go another way) or written once; when its answer does not come,
because time is up or the connection is gone, its outcome is ``Unknown``. Ed25519 keys log on once and sign nothing
more; HMAC and RSA keys sign each request. Sources: Binance Spot WebSocket API "Request format", "Response format",
"Session Authentication", "Event format"; trading rules §6.
"""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable
from typing import Protocol

from fillwright.binance.budget import Lane
from fillwright.binance.keeping import OnState
from fillwright.binance.outcomes import Outcome
from fillwright.binance.signers import Signer
from fillwright.wire.requests import WireRequest

ANSWER_TIMEOUT_S = 12.0
"""Binance gives up after 10 seconds itself (-1007)."""


class Requests(Protocol):
    """Where requests of an account go, over whatever protocol."""

    async def ask(
        self,
        request: WireRequest,
        lane: Lane,
        *,
        recv_window_ms: int | None = None,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> Outcome:
        """Ask once; never raises for what goes wrong at Binance or on the way."""


class WebSocketApi:
    """A session that is kept up while ``run`` runs; see ``Requests`` for ``ask``."""

    def __init__(
        self,
        url: str,
        signer: Signer,
        *,
        on_state: OnState,
        tls: ssl.SSLContext | None = None,
        draw: random.Random | None = None,
    ) -> None:
        self._url, self._signer, self._on_state = url, signer, on_state

    @property
    def is_up(self) -> bool:
        """Whether a request would be written now."""
        return False

    async def run(self) -> None:
        """Keep the session up until cancelled; pending requests then end as Unknown."""

    async def ask(
        self,
        request: WireRequest,
        lane: Lane,
        *,
        recv_window_ms: int | None = None,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> Outcome:
        """Write a request before anything is awaited, and wait for its outcome."""
        raise NotImplementedError


Ready = Callable[[], None]
