"""Signed requests over REST, each ending answered, refused, unknown or never sent; nothing is ever repeated here.

The text that is signed is the text that is sent. Reads refused for their time are the one exception: they are asked
once more when the clock has been set. Sources: Binance Spot REST "General API Information", "SIGNED Endpoint
security", "LIMITS"; trading rules §6.
"""

from __future__ import annotations

import ssl
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp
import msgspec
from yarl import URL

from fillwright import __version__
from fillwright.binance.budget import Claim, Lane, RateBudget
from fillwright.binance.clock_sync import ClockSync, ClockSyncError
from fillwright.binance.outcomes import Outcome, Refused, Unknown, Unsent, from_http, read
from fillwright.binance.signers import Signer
from fillwright.core.types import AccountId, ErrorClass, Time
from fillwright.wire import queries
from fillwright.wire.codec import decode, moment
from fillwright.wire.requests import WireRequest
from fillwright.wire.signing import percent_encoded, query, timed

TIMEOUT_S = 12.0
"""Of a whole request: Binance answers within ten seconds, if only to say that it does not know."""
READ_TIMEOUT_S = 4.0
"""So long a read may be silent: it changes nothing, so that it is asked again rather than waited for."""
CONNECT_TIMEOUT_S = 3.0
RECV_WINDOW_MS = 5_000
CONNECTIONS_MAX = 20
"""At the same time; a request beyond waits for one of them, within its own time."""
KEEP_ALIVE_S = 10.0
"""Well below any server's patience: a request on a connection that is closed in that moment would be in doubt."""
BODY_BYTES_MAX = 64 << 20
"""exchangeInfo of all symbols has about 20 MB."""


class _ServerTime(msgspec.Struct, rename="camel"):
    server_time: int


_SERVER_TIME = msgspec.json.Decoder(_ServerTime)


class _Lost(aiohttp.ClientError):
    """The connection went away after the request may have been written; aiohttp must not send it again."""


class _TooLarge(Exception):
    """A body is longer than any that Binance sends."""


class PrivateRest:
    """The REST session of one account (without a signer: of nobody, for what is public); ``async with``.

    Args:
        base: before ``/api/v3``, without a slash at the end.
        clock, budget: of the place, shared by all that this process sends there.
        timeout_s: seconds for a whole request.
        tls: to trust other certificates than the system's.
    """

    def __init__(
        self,
        base: str,
        signer: Signer | None,
        clock: ClockSync,
        budget: RateBudget,
        *,
        account_id: AccountId = "",
        timeout_s: float = TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.account_id = account_id
        self._base, self._signer = base, signer
        self._clock, self._budget = clock, budget
        self._timeout_s, self._tls = timeout_s, tls
        self._read_timeout_s = min(timeout_s, READ_TIMEOUT_S)
        self._session: aiohttp.ClientSession | None = None
        self._headers = {"User-Agent": f"fillwright/{__version__}"}
        self._signed_headers = dict(self._headers)
        if signer is not None:
            self._signed_headers["X-MBX-APIKEY"] = signer.api_key

    def __repr__(self) -> str:
        return f"<PrivateRest {self._base} {self.account_id}>"

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            limit=CONNECTIONS_MAX,
            keepalive_timeout=KEEP_ALIVE_S,
            ssl=True if self._tls is None else self._tls,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=self._patience(None),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_send_once,),
            trace_configs=[_watch_connections()],
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    # -- requests ------------------------------------------------------------------------------------------------

    async def call(
        self, request: WireRequest, lane: Lane, *, recv_window_ms: int = RECV_WINDOW_MS
    ) -> Outcome:
        """Send a request if the budget has room for it; how it ended."""
        outcome = await self._call(request, lane, recv_window_ms, self._headers)
        if isinstance(outcome, Refused) and outcome.error_class is ErrorClass.CLOCK:
            if await self._set_clock() and not request.changes:
                outcome = await self._call(request, lane, recv_window_ms, self._headers)
        return outcome

    async def server_time(self) -> Time:
        """Binance's time, for ``ClockSync``; ClockSyncError when it cannot be had."""
        exact = {**self._headers, "X-MBX-TIME-UNIT": "MICROSECOND"}
        outcome = await self._call(queries.server_time(), Lane.PROTECT, RECV_WINDOW_MS, exact)
        told = read(outcome, lambda body: decode(_SERVER_TIME, body, "a time"))
        if isinstance(told, _ServerTime):
            return moment(told.server_time)
        raise ClockSyncError(told.message if isinstance(told, Refused) else told.why)

    async def _set_clock(self) -> bool:
        self._clock.doubt()
        try:
            await self._clock.sync(self.server_time)
        except ClockSyncError:
            return False
        return True

    async def _call(
        self, request: WireRequest, lane: Lane, recv_window_ms: int, headers: dict[str, str]
    ) -> Outcome:
        if self._session is None:
            return Unsent("the session is closed")
        claim = self._budget.claim(request, lane, self.account_id, over_rest=True)
        if isinstance(claim, Unsent):
            return claim
        text = query(request.parameters)
        if request.is_signed:
            text, headers = self._sign(request, recv_window_ms), self._signed_headers
        outcome = await self._exchange(self._session, request, claim, text, headers)
        self._budget.settle(claim, outcome)
        return outcome

    def _sign(self, request: WireRequest, recv_window_ms: int) -> str:
        if self._signer is None:
            raise ValueError(f"{request.rest} needs a key")
        payload = query(timed(request.parameters, self._clock.now_ms(), recv_window_ms))
        return f"{payload}&signature={percent_encoded(self._signer.sign(payload.encode()))}"

    async def _exchange(
        self,
        session: aiohttp.ClientSession,
        request: WireRequest,
        claim: Claim,
        text: str,
        headers: dict[str, str],
    ) -> Outcome:
        """Send and wait; whatever goes wrong once a connection was there leaves it open what was done."""
        method, path = request.rest
        url = URL(f"{self._base}{path}?{text}" if text else f"{self._base}{path}", encoded=True)
        way = SimpleNamespace(is_there=False)
        silence_s = self._timeout_s if request.changes else self._read_timeout_s
        try:
            async with session.request(
                method,
                url,
                headers=headers,
                allow_redirects=False,
                timeout=self._patience(None if request.changes else silence_s),
                trace_request_ctx=way,
            ) as response:
                self._budget.told_by_headers(claim, response.headers)
                body = await _body(response)
                status, retry_after = response.status, response.headers.get("Retry-After")
        except (aiohttp.ClientError, TimeoutError, _TooLarge) as error:
            why = _words(error, silence_s)
            return Unknown(why) if way.is_there else Unsent(why)
        return from_http(status, body, retry_after, self._clock.now())

    def _patience(self, silence_s: float | None) -> aiohttp.ClientTimeout:
        """How long a request may take in all, and between two pieces of its answer."""
        return aiohttp.ClientTimeout(
            total=self._timeout_s, sock_connect=CONNECT_TIMEOUT_S, sock_read=silence_s
        )


async def _body(response: aiohttp.ClientResponse) -> bytes:
    pieces, length = [], 0
    async for piece in response.content.iter_any():
        pieces.append(piece)
        length += len(piece)
        if length > BODY_BYTES_MAX:
            raise _TooLarge("the answer is too large")
    return b"".join(pieces)


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating DELETE and PUT on a connection that was lost, which it does by itself."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Lost(str(error) or type(error).__name__) from error


def _watch_connections() -> aiohttp.TraceConfig:
    """Note when a request gets its connection: from then on it may have been written."""

    async def there(_session: aiohttp.ClientSession, context: SimpleNamespace, _told: object) -> None:
        context.trace_request_ctx.is_there = True

    watching = aiohttp.TraceConfig()
    watching.on_connection_create_end.append(there)
    watching.on_connection_reuseconn.append(there)
    return watching


def _words(error: Exception, timeout_s: float) -> str:
    """What went wrong, without the address: its query is nobody's business."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"no connection within {CONNECT_TIMEOUT_S:g} s"
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot be reached: {error.os_error.strerror or type(error.os_error).__name__}"
    if isinstance(error, _TooLarge):
        return str(error)
    return f"the connection was lost ({type(error.__cause__ or error).__name__})"
