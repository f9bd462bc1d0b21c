"""One account's session on the WebSocket API: requests by id, each with a deadline and an outcome, always up.

A request is either never written (``Unsent``: it may go another way) or written once; when its answer does not come,
because time is up or the connection is gone, its outcome is ``Unknown``. Ed25519 keys log on once and sign nothing
more; HMAC and RSA keys sign each request. Sources: Binance Spot WebSocket API "Request security", "Session
Authentication", "Event format"; trading rules §6.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from fillwright.binance.api_line import Answer, ApiLine, Params
from fillwright.binance.budget import Claim, Lane, RateBudget
from fillwright.binance.connection import Connection, ConnectionFailed, connect
from fillwright.binance.endpoints import Endpoints
from fillwright.binance.keeping import Keeper, KeepSettings, OnState, until_set
from fillwright.binance.outcomes import Answered, Outcome, Refused, Unsent
from fillwright.binance.signers import KeyKind, Signer
from fillwright.core.types import MILLISECOND, AccountId, ErrorClass, Time
from fillwright.wire.codec import WireError
from fillwright.wire.errors import error_class
from fillwright.wire.requests import WireRequest
from fillwright.wire.signing import timed, websocket_payload
from fillwright.wire.stream import Frame, ServerShutdown, decode_frame

ANSWER_TIMEOUT_S = 12.0
"""Binance gives up after 10 seconds itself (-1007)."""
RECV_WINDOW_MS = 5_000
_LARGE = frozenset({"exchangeInfo"})
"""Without parameters their answers are of all symbols: more than a frame may be long."""
_LOG_ON = WireRequest("session.logon", ("", ""), weight=2)
_PATH = "/ws-api/v3?timeUnit=MICROSECOND"


class Written(NamedTuple):
    """A request on its way."""

    answer: asyncio.Future[Answer]
    claim: Claim


class Requests(Protocol):
    """Where requests of an account go, over whatever protocol."""

    async def ask(
        self,
        request: WireRequest,
        lane: Lane,
        *,
        recv_window_ms: int = RECV_WINDOW_MS,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> Outcome:
        """Ask once; never raises for what goes wrong at Binance or on the way."""


class ApiSettings(KeepSettings, frozen=True, kw_only=True):
    """How a session is looked after; seconds."""

    silence_s: float = 8.0
    """Binance pings every 20 seconds; half-way to this we ask ourselves."""
    overlap_s: float = 0.0
    drain_s: float = ANSWER_TIMEOUT_S
    """How long a connection that was replaced may still wait for answers."""
    backoff_base_s: float = 0.1
    backoff_cap_s: float = 10.0


class Account:
    """Whose session it is, and what it shares with the others of its address.

    Attributes:
        account_id: whose orders are counted.
        signer: of its key.
        now: Binance's clock, as far as it is known.
        clock_refused: told when Binance finds our time wrong (-1021).
        budget: of the address.
    """

    __slots__ = ("account_id", "budget", "clock_refused", "now", "signer")

    def __init__(
        self,
        account_id: AccountId,
        signer: Signer,
        now: Callable[[], Time],
        clock_refused: Callable[[], None],
        budget: RateBudget,
    ) -> None:
        self.account_id, self.signer = account_id, signer
        self.now, self.clock_refused = now, clock_refused
        self.budget = budget


Prepare = Callable[[ApiLine], Awaitable[None]]
"""Makes a connection ready beyond its log-on; ConnectionFailed when it cannot."""
OnFrame = Callable[[ApiLine, Frame], None]
OnUnreadable = Callable[[str], None]


class WebSocketApi:
    """A session that is kept up while ``run`` runs.

    Attributes:
        trouble: why it is not up; empty while it is.
        unreadable: events that could not be read, and were left out.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        account: Account,
        *,
        on_state: OnState | None = None,
        settings: ApiSettings | None = None,
        prepare: Prepare | None = None,
        on_frame: OnFrame | None = None,
        on_unreadable: OnUnreadable | None = None,
        tls: ssl.SSLContext | None = None,
        draw: random.Random | None = None,
    ) -> None:
        self.trouble = "not connected yet"
        self.unreadable = 0
        self.settings = settings or ApiSettings()
        self.account = account
        self._url = endpoints.websocket_api + _PATH
        self._logs_on = account.signer.kind is KeyKind.ED25519
        self._on_state, self._prepare = on_state, prepare
        self._on_frame, self._on_unreadable = on_frame, on_unreadable
        self._tls = tls
        self._lines: list[ApiLine] = []
        """Those that are ready, oldest first; the last one takes requests."""
        self._keeper = Keeper(self._made, self._taken_over, self._told, self.settings, draw)

    @property
    def is_up(self) -> bool:
        """Whether a request would be written now."""
        return bool(self._lines)

    @property
    def connections(self) -> int:
        """Made so far."""
        return self._keeper.connections

    async def run(self) -> None:
        """Keep the session up until cancelled; requests under way then end as Unknown."""
        try:
            await self._keeper.run()
        finally:
            self.trouble = "closed"
            for line in tuple(self._lines):
                self._lost(line)

    async def ask(
        self,
        request: WireRequest,
        lane: Lane,
        *,
        recv_window_ms: int = RECV_WINDOW_MS,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> Outcome:
        """Write a request before anything is awaited, and wait for its outcome."""
        written = self.write(request, lane, recv_window_ms=recv_window_ms, timeout_s=timeout_s)
        return written if isinstance(written, Unsent) else await self.outcome(written)

    def write(
        self,
        request: WireRequest,
        lane: Lane,
        *,
        recv_window_ms: int = RECV_WINDOW_MS,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> Written | Unsent:
        """Write a request now; ask for its ``outcome`` at once."""
        if not self._lines:
            return Unsent(f"no session: {self.trouble}")
        return self._write(self._lines[-1], request, lane, recv_window_ms, timeout_s)

    async def outcome(self, written: Written) -> Outcome:
        """Wait for the outcome of a request that was written."""
        account, claim = self.account, written.claim
        outcome, counts = await written.answer
        if counts:
            account.budget.told_by_reply(claim, counts)
        account.budget.settle(claim, outcome)
        if isinstance(outcome, Refused) and outcome.error_class is ErrorClass.CLOCK:
            account.clock_refused()
        return outcome

    async def ask_on(
        self,
        line: ApiLine,
        request: WireRequest,
        *,
        lane: Lane = Lane.PROTECT,
        sign: bool = False,
        timeout_s: float | None = None,
    ) -> Outcome:
        """The same on one connection, which need not be ready yet; with a signature of its own, or as others."""
        within_s = self.settings.connect_timeout_s if timeout_s is None else timeout_s
        written = self._write(line, request, lane, RECV_WINDOW_MS, within_s, sign=sign)
        return written if isinstance(written, Unsent) else await self.outcome(written)

    @property
    def line(self) -> ApiLine | None:
        """The connection that takes requests now."""
        return self._lines[-1] if self._lines else None

    def abort(self, why: str) -> None:
        """Give up the connections that are up, and make another."""
        for line in tuple(self._lines):
            line.connection.abort(why)

    # -- requests ----------------------------------------------------------------------------------------------

    def _write(
        self,
        line: ApiLine,
        request: WireRequest,
        lane: Lane,
        recv_window_ms: int,
        timeout_s: float,
        *,
        sign: bool = False,
    ) -> Written | Unsent:
        account = self.account
        if not request.method or (request.method in _LARGE and not request.parameters):
            return Unsent("this is asked over REST alone")
        claim = account.budget.claim(request, lane, account.account_id)
        if isinstance(claim, Unsent):
            return claim
        answer = line.write(request.method, self._params(request, recv_window_ms, sign), timeout_s)
        if isinstance(answer, Unsent):
            account.budget.settle(claim, answer)
            return answer
        return Written(answer, claim)

    def _params(self, request: WireRequest, recv_window_ms: int, sign: bool) -> Params:
        if not request.is_signed:
            return dict(request.parameters)
        account = self.account
        params = dict(timed(request.parameters, account.now() // MILLISECOND, recv_window_ms))
        if sign or not self._logs_on:
            params["apiKey"] = account.signer.api_key
            params["signature"] = account.signer.sign(websocket_payload(params))
        return params

    # -- connections -------------------------------------------------------------------------------------------

    async def _made(self) -> Connection:
        """One attempt: connected, logged on, prepared; ConnectionFailed otherwise."""
        budget = self.account.budget
        claim = budget.claim_connection()
        if isinstance(claim, Unsent):
            raise ConnectionFailed(claim.why, claim.retry_after_ms / 1000)
        line = ApiLine(self.account.now, self._heard)
        try:
            connection = await connect(
                self._url, line.heard, timeout_s=self.settings.connect_timeout_s, tls=self._tls
            )
        except ConnectionFailed as error:
            if error.http_status:
                kind = error_class(None, error.http_status)
                wait_ms = round(error.wait_s * 1000)
                budget.settle(claim, Refused(None, str(error), error.http_status, kind, wait_ms))
            raise
        line.connection = connection
        connection.on_ended = lambda: self._lost(line)
        try:
            await self._get_ready(line)
        except ConnectionFailed:
            await connection.close()
            raise
        except asyncio.CancelledError:
            connection.abort()
            raise
        self._lines.append(line)
        return connection

    async def _get_ready(self, line: ApiLine) -> None:
        if self._logs_on:
            demand_answer(await self.ask_on(line, _LOG_ON, sign=True), "the log-on")
        if self._prepare is not None:
            await self._prepare(line)
        if not line.is_up:
            raise ConnectionFailed("the connection ended while it was made ready")

    async def _taken_over(self, old: Connection, new: Connection) -> None:
        """New requests go the new way at once; those under way on the old one get their answers."""
        settings = self.settings
        if settings.overlap_s:
            await until_set(new.changed, settings.overlap_s)
        for line in self._lines:
            if line.connection is old:
                await until_set(line.idle, settings.drain_s)

    def _lost(self, line: ApiLine) -> None:
        if line in self._lines:
            self._lines.remove(line)
        line.ended()

    def _told(self, is_up: bool, why: str) -> None:
        self.trouble = why
        if self._on_state is not None:
            self._on_state(is_up, why)

    # -- events ------------------------------------------------------------------------------------------------

    def _heard(self, line: ApiLine, body: bytes) -> None:
        try:
            frame = decode_frame(body)
        except WireError as error:
            self.unreadable += 1
            if self._on_unreadable is not None:
                self._on_unreadable(str(error))
            return
        if isinstance(frame.event, ServerShutdown):
            line.connection.ask_rotation("Binance is shutting a server down")
        elif self._on_frame is not None:
            self._on_frame(line, frame)


def demand_answer(outcome: Outcome, what: str) -> bytes:
    """The result of something that a connection cannot do without; ConnectionFailed says why there is none."""
    if isinstance(outcome, Answered):
        return bytes(outcome.result)
    if isinstance(outcome, Refused):
        raise ConnectionFailed(
            f"Binance refused {what}: {outcome.message} ({outcome.code})", outcome.retry_after_ms / 1000
        )
    wait_s = outcome.retry_after_ms / 1000 if isinstance(outcome, Unsent) else 0.0
    raise ConnectionFailed(f"{what} failed: {outcome.why}", wait_s)
