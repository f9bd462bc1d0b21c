"""One ccxt exchange with its keys: how it is set up, and every call counted by kind and by how it ended.

ccxt is imported when it is needed: it is large. Numbers stay text (``number=str``), so that nothing passes through
binary fractions; nothing is ever sent twice by ccxt itself. ccxt manual: "Instantiation", "Exchange Properties".

Each call is a task of its own, for three reasons. ccxt changes the decimal context that it runs in (rounding and traps,
``decimal_to_precision``), and tasks share that object unless they set their own. It shares futures between calls, so
that one call's cancellation may reach another, which must not look like ours. And a call that ends too late, or
swallows its cancellation, must not keep its caller.
"""

from __future__ import annotations

import asyncio
import decimal
import importlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import structlog
from pydantic import SecretStr

from fillwright.core.settings import VenueProfile
from fillwright.core.types import ErrorClass, OrderType, Symbol
from fillwright.ports import VenueUnavailableError
from fillwright.venues.ccxt_errors import BROKEN_OFF, LATE, CallFailed, Failure, failure_of
from fillwright.venues.in_process import TIMEOUT_CODE

OK = "ok"
CLOSE_MAX_S = 1.0
"""So long ccxt may take to let go of its connections."""
CODES_MAX = 500
"""Kinds of failures that are counted apart; further ones of a call are counted without their code."""
WATCH = "watch_"
"""Calls that wait for news, however long there are none."""


class CcxtKeys(msgspec.Struct, frozen=True):
    """The keys of an account; some exchanges have a password beside them."""

    api_key: SecretStr
    secret: SecretStr
    password: SecretStr | None = None


class CcxtSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which exchange, what is traded there, and how ccxt is used."""

    exchange_id: str = "binance"
    """As ccxt spells it."""
    symbols: tuple[Symbol, ...] = ()
    """Base and quote in one word; empty: all that are active on Spot."""
    sandbox: bool = False
    """Whether ccxt goes to the exchange's test network."""
    maker_fee: str | None = None
    """A fraction; None: what the account or ccxt tells."""
    taker_fee: str | None = None
    call_timeout_ms: int = 5_000
    """Of one HTTP request, and of every call that changes something, ccxt's own waiting included."""
    read_timeout_ms: int = 30_000
    """Of a call that reads: it may consist of several requests, and of waiting for the exchange's rate."""
    recv_window_ms: int = 5_000
    """How long a request may be under way; Binance's alone."""
    is_throttled: bool = True
    """Whether ccxt keeps to the exchange's rate by waiting."""
    poll_ms: int = 2_000
    """How often orders and balances are read where the exchange has no stream of them."""
    settle_ms: int = 1_000
    """A stream counts as there once it has been connected and without errors for so long."""
    stop_types: tuple[OrderType, ...] | None = None
    """The stops that the exchange takes; None: as ccxt's features tell."""
    new_updates: bool = False
    """Whether a watch gives what is new alone, in place of all that ccxt keeps."""
    options: Mapping[str, Any] = {}
    """ccxt's own ``options`` beside ours."""
    profile: VenueProfile = VenueProfile()


class CcxtClient:
    """The only way to ccxt: ``await client.call("create_order", ...)``.

    Attributes:
        exchange: ccxt's object, once opened.
        calls: how many calls ended how, by (call, outcome): ``ok``, or the class of ccxt's exception.
        codes: how many failed, by (call, class, code of the exchange's or the nearest of Binance's).
    """

    def __init__(
        self, settings: CcxtSettings, keys: CcxtKeys, prepare: Callable[[Any], None] | None = None
    ) -> None:
        self.settings = settings
        self.calls: dict[tuple[str, str], int] = {}
        self.codes: dict[tuple[str, str, int], int] = {}
        self.exchange: Any = None
        self._keys, self._prepare = keys, prepare
        self._running: dict[asyncio.Future[Any], None] = {}
        """Calls under way, and those that were broken off and have not ended yet."""
        self._log = structlog.get_logger().bind(exchange=settings.exchange_id)

    @property
    def is_binance(self) -> bool:
        """Whether Binance's own parameters and codes apply."""
        return self.settings.exchange_id.startswith("binance")

    def open(self) -> None:
        """Make ccxt's object in the running loop; VenueUnavailableError for an exchange that ccxt cannot trade at."""
        settings = self.settings
        pro = importlib.import_module("ccxt.pro")
        if settings.exchange_id not in pro.exchanges:
            raise VenueUnavailableError(f"ccxt has no exchange {settings.exchange_id!r} with streams")
        config: dict[str, Any] = {
            "apiKey": self._keys.api_key.get_secret_value(),
            "secret": self._keys.secret.get_secret_value(),
            "enableRateLimit": settings.is_throttled,
            "timeout": settings.call_timeout_ms,
            "number": str,
            "newUpdates": settings.new_updates,
            "options": {
                "defaultType": "spot",
                "maxRetriesOnFailure": 0,
                "fetchMarkets": {"types": ["spot"]},
                "fetchOpenOrders": {"warnWithoutSymbol": False},
                "fetchCurrencies": False,
                "fetchMargins": False,
                "adjustForTimeDifference": True,
                "recvWindow": settings.recv_window_ms,
                **settings.options,
            },
        }
        if self._keys.password is not None:
            config["password"] = self._keys.password.get_secret_value()
        self.exchange = getattr(pro, settings.exchange_id)(config)
        if settings.sandbox:
            if not self.exchange.urls.get("test"):
                raise VenueUnavailableError(f"{settings.exchange_id} has no test network that ccxt knows")
            self.exchange.set_sandbox_mode(True)
        if self._prepare is not None:
            self._prepare(self.exchange)

    async def close(self) -> None:
        """Let go of all connections, within a bounded time; calls under way are broken off."""
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            for task in self._running:
                task.cancel()
            await self._let_go(exchange.close(), "ccxt could not be closed")
            counts = {f"{name} {outcome}": count for (name, outcome), count in sorted(self.calls.items())}
            if counts:
                self._log.info("calls of ccxt", **counts)

    async def hang_up(self) -> None:
        """Close ccxt's WebSockets, so that the next watch makes new ones: a call that was broken off may spoil them."""
        exchange = self.exchange
        if exchange is not None and exchange.clients:
            await self._let_go(exchange.close_ws_clients(), "ccxt's streams could not be closed")
            exchange.clients = {}

    async def _let_go(self, closing: Awaitable[None], what: str) -> None:
        # In a task of its own: whatever ccxt makes of a cancellation, ours stays ours.
        task = self._started(closing)
        try:
            await asyncio.wait((task,), timeout=CLOSE_MAX_S)
        finally:
            task.cancel()
        if not task.done():
            self._log.warning(what, kind=LATE)
        elif not task.cancelled() and task.exception() is not None:
            self._log.warning(what, kind=type(task.exception()).__name__)

    def has(self, name: str) -> bool:
        """Whether ccxt offers a call at this exchange, itself or by other calls."""
        return self.exchange is not None and bool(self.exchange.has.get(name))

    async def call(self, name: str, *arguments: Any) -> Any:
        """Call one of ccxt's methods; CallFailed says what went wrong, and a call that is late has failed."""
        if self.exchange is None:
            raise VenueUnavailableError("the venue is not open")
        task = self._started(getattr(self.exchange, name)(*arguments))
        try:
            await asyncio.wait((task,), timeout=self._limit_s(name))
        finally:
            is_late = not task.done()
            task.cancel()
        if is_late or task.cancelled():
            raise self._failed(name, LATE if is_late else BROKEN_OFF)
        error = task.exception()
        if error is not None:
            if not isinstance(error, Exception):
                raise error
            raise self._failed(name, error) from (None if isinstance(error, self._base_error) else error)
        self._count(name, OK)
        return task.result()

    def _limit_s(self, name: str) -> float | None:
        if name.startswith(WATCH):
            return None
        reads = name.startswith(("fetch_", "load_"))
        return (self.settings.read_timeout_ms if reads else self.settings.call_timeout_ms) / 1_000

    def _started(self, work: Awaitable[Any]) -> asyncio.Task[Any]:
        """Ccxt's work as a task with a decimal context of its own, whose end nobody need wait for."""

        async def apart() -> Any:
            decimal.setcontext(decimal.DefaultContext.copy())
            return await work

        def ended(task: asyncio.Future[Any]) -> None:
            self._running.pop(task, None)
            if not task.cancelled():
                task.exception()  # has been looked at: nobody may be left who would

        task = asyncio.ensure_future(apart())
        self._running[task] = None
        task.add_done_callback(ended)
        return task

    @property
    def _base_error(self) -> type[Exception]:
        found: type[Exception] = importlib.import_module("ccxt").BaseError
        return found

    def _failed(self, name: str, error: Exception | str) -> CallFailed:
        """``error``: an exception, or the kind of a call that has no end."""
        if isinstance(error, str):
            failure = Failure(error, ErrorClass.UNKNOWN, TIMEOUT_CODE, f"{name} has no end: {error}")
        else:
            failure = failure_of(error, self.settings.exchange_id)
        self._count(name, failure.kind)
        key = name, failure.kind, failure.code
        if key not in self.codes and len(self.codes) >= CODES_MAX:
            key = name, failure.kind, 0
        self.codes[key] = self.codes.get(key, 0) + 1
        self._log.warning(
            "a call of ccxt failed",
            call=name,
            kind=failure.kind,
            error_class=failure.error_class.value,
            code=failure.code,
            reason=failure.message,
            times=self.calls[name, failure.kind],
        )
        return CallFailed(failure)

    def _count(self, name: str, outcome: str) -> None:
        self.calls[name, outcome] = self.calls.get((name, outcome), 0) + 1
