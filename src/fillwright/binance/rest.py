"""Public market data over REST: candles, books and the server's time, tried again when that can help.

Source: Binance Spot "Market Data endpoints", "LIMITS", "HTTP Return Codes".
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Mapping
from types import TracebackType
from typing import NoReturn, Self

import aiohttp
import msgspec

from fillwright.binance.endpoints import Endpoints
from fillwright.binance.pacing import Backoff, RateWindow
from fillwright.core.inputs import Candle
from fillwright.core.types import MILLISECOND, Symbol, Time
from fillwright.market.intervals import Interval
from fillwright.ports import MarketUnavailableError
from fillwright.wire.codec import WireError, decode, moment
from fillwright.wire.klines import KLINES_MAX, decode_klines
from fillwright.wire.market_streams import PartialDepthMessage

ATTEMPTS_MAX = 3
TIMEOUT_S = 10.0
RETRY_AFTER_MAX_S = 10.0
"""A longer wait than this is left to the caller; requests meanwhile are refused here, since they would prolong it."""
REQUESTS_MAX, REQUESTS_WINDOW_S = 1_000, 60.0
"""Of weight 2: a third of Binance's 6,000 a minute; the rest is for accounts at the same address."""
WEIGHT = 2
BOOK_LEVELS, BOOK_WEIGHT = 1_000, 50
BODY_BYTES_MAX = 8 << 20
_RATE_LIMITED = frozenset({418, 429})
_WHY = {
    403: "Binance's firewall refuses this machine",
    418: "Binance has banned this address for a while, after too many requests",
    429: "too many requests",
    451: "Binance does not serve the place where this machine is",
}


class _ServerTime(msgspec.Struct, rename="camel"):
    server_time: int


class _Error(msgspec.Struct):
    code: int = 0
    msg: str = ""


_SERVER_TIME = msgspec.json.Decoder(_ServerTime)
_BOOK = msgspec.json.Decoder(PartialDepthMessage)
_ERROR = msgspec.json.Decoder(_Error)


class _Again(Exception):
    """An attempt failed in a way that the next one may not; ``wait_s`` is what the server asks for."""

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class RestLimits:
    """What sessions to one address have in common: how many requests a minute, and a ban that must be sat out."""

    def __init__(self) -> None:
        self.pacing = RateWindow(REQUESTS_MAX, REQUESTS_WINDOW_S)
        self.blocked_until = 0.0
        """By the loop's clock."""


class MarketRest:
    """A session for public reads; ``async with``."""

    def __init__(
        self, endpoints: Endpoints, limits: RestLimits | None = None, draw: random.Random | None = None
    ) -> None:
        self._base = f"{endpoints.rest}/api/v3"
        self._host = endpoints.rest.partition("://")[2]
        self._limits = limits or RestLimits()
        self._draw = draw or random.Random()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def server_time(self) -> Time:
        """Binance's clock."""
        body = await self._get("/time", {})
        try:
            return moment(_SERVER_TIME.decode(body).server_time)
        except msgspec.DecodeError as error:
            raise MarketUnavailableError(f"{self._host} tells no time: {error}") from error

    async def candles(
        self,
        symbol: Symbol,
        interval: Interval,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int = KLINES_MAX,
    ) -> list[Candle]:
        """Candles, oldest first, that open at or after ``start`` and at or before ``end``; the last may be open.

        With a start the first of them, else the last.
        """
        query = {"symbol": symbol, "interval": interval.value, "limit": str(limit)}
        if start is not None:
            query["startTime"] = str(-(-start // MILLISECOND))
        if end is not None:
            query["endTime"] = str(end // MILLISECOND)
        body = await self._get("/klines", query)
        try:
            klines = decode_klines(body)
        except WireError as error:
            raise MarketUnavailableError(f"{self._host}: {error}") from error
        candles = []
        for kline in klines:
            open_time = moment(kline.open_time)
            candles.append(
                Candle(
                    symbol,
                    interval.value,
                    open_time,
                    interval.close_time(open_time),
                    kline.open,
                    kline.high,
                    kline.low,
                    kline.close,
                    kline.volume,
                )
            )
        if any(a.open_time >= b.open_time for a, b in itertools.pairwise(candles)):
            raise MarketUnavailableError(f"{self._host} answered {symbol} {interval} candles out of order")
        return candles

    async def book(self, symbol: Symbol) -> PartialDepthMessage:
        """The book's best 1,000 levels of each side."""
        body = await self._get("/depth", {"symbol": symbol, "limit": str(BOOK_LEVELS)}, weight=BOOK_WEIGHT)
        try:
            return decode(_BOOK, body, "a book")
        except WireError as error:
            raise MarketUnavailableError(f"{self._host}: {error}") from error

    # -- requests --------------------------------------------------------------------------------------------

    async def _get(self, path: str, query: Mapping[str, str], weight: int = WEIGHT) -> bytes:
        """A body; MarketUnavailableError when three attempts did not get it, or none can."""
        loop, backoff = asyncio.get_running_loop(), Backoff(0.25, 2.0, self._draw)
        blocked_s = self._limits.blocked_until - loop.time()
        if blocked_s > 0:
            raise MarketUnavailableError(
                f"{self._host}: too many requests; waiting for {blocked_s:.0f} s more"
            )
        for attempt in range(1, ATTEMPTS_MAX + 1):
            for _ in range(weight // WEIGHT):
                await self._limits.pacing.enter()
            try:
                return await self._attempt(path, query)
            except _Again as error:
                wait_s = backoff.next_s()
                if error.wait_s is not None:
                    wait_s = error.wait_s
                    self._limits.blocked_until = loop.time() + wait_s
                if attempt == ATTEMPTS_MAX or wait_s > RETRY_AFTER_MAX_S:
                    raise MarketUnavailableError(f"{self._host}: {error}") from error
                await asyncio.sleep(wait_s)
        raise AssertionError("unreachable")

    async def _attempt(self, path: str, query: Mapping[str, str]) -> bytes:
        assert self._session is not None, "use `async with`"
        try:
            async with self._session.get(self._base + path, params=query, allow_redirects=False) as response:
                body = b""
                async for piece in response.content.iter_any():
                    body += piece
                    if len(body) > BODY_BYTES_MAX:
                        raise MarketUnavailableError(f"{self._host}: the answer is too large")
                if response.status != 200:
                    self._judge(response.status, response.headers.get("Retry-After", ""), body)
                return body
        except TimeoutError:
            raise _Again(f"no answer within {TIMEOUT_S:g} s") from None
        except aiohttp.ClientError as error:
            told = error.os_error.strerror if isinstance(error, aiohttp.ClientConnectorError) else str(error)
            raise _Again(f"cannot be reached: {told or type(error).__name__}") from error

    def _judge(self, status: int, retry_after: str, body: bytes) -> NoReturn:
        """Raise what an answer that is none means."""
        try:
            said = _ERROR.decode(body).msg
        except msgspec.DecodeError:
            said = ""
        why = _WHY.get(status, f"HTTP status {status}") + (f" ({said[:200]})" if said else "")
        if status in _RATE_LIMITED:
            raise _Again(why, float(retry_after) if retry_after.isdecimal() else None)
        if status >= 500:
            raise _Again(why)
        raise MarketUnavailableError(f"{self._host}: {why}")
