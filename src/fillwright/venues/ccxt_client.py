"""One ccxt exchange with its keys: how it is set up, and every call counted by kind and by how it ended.

ccxt is imported when it is needed: it is large. Numbers stay text (``number=str``), so that nothing passes through
binary fractions; nothing is ever sent twice by ccxt itself. ccxt manual: "Instantiation", "Exchange Properties".
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog
from pydantic import SecretStr

from fillwright.core.settings import VenueProfile
from fillwright.core.types import Symbol
from fillwright.ports import VenueUnavailableError
from fillwright.venues.ccxt_errors import CallFailed, Failure, failure_of

OK = "ok"
_MISREAD = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What ccxt raises over an answer that it did not expect."""


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
    call_timeout_ms: int = 10_000
    is_throttled: bool = True
    """Whether ccxt keeps to the exchange's rate by waiting."""
    poll_ms: int = 2_000
    """How often orders and balances are read where the exchange has no stream of them."""
    settle_ms: int = 1_000
    """A stream counts as there once it has been connected and without errors for so long."""
    options: Mapping[str, Any] = {}
    """ccxt's own ``options`` beside ours."""
    profile: VenueProfile = VenueProfile()


class CcxtClient:
    """The only way to ccxt: ``await client.call("create_order", ...)``.

    Attributes:
        exchange: ccxt's object, once opened.
        calls: how many calls ended how, by (call, outcome): ``ok``, or the class of ccxt's exception.
    """

    def __init__(
        self, settings: CcxtSettings, keys: CcxtKeys, prepare: Callable[[Any], None] | None = None
    ) -> None:
        self.settings = settings
        self.calls: dict[tuple[str, str], int] = {}
        self.exchange: Any = None
        self._keys, self._prepare = keys, prepare
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
            "newUpdates": False,
            "options": {
                "defaultType": "spot",
                "maxRetriesOnFailure": 0,
                "fetchMarkets": {"types": ["spot"]},
                "fetchOpenOrders": {"warnWithoutSymbol": False},
                "fetchCurrencies": False,
                "fetchMargins": False,
                "adjustForTimeDifference": True,
                **settings.options,
            },
        }
        if self._keys.password is not None:
            config["password"] = self._keys.password.get_secret_value()
        self.exchange = getattr(pro, settings.exchange_id)(config)
        if settings.sandbox:
            self.exchange.set_sandbox_mode(True)
        if self._prepare is not None:
            self._prepare(self.exchange)

    async def close(self) -> None:
        """Let go of all connections."""
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            # In a task of its own: whatever ccxt makes of a cancellation, ours stays ours.
            closing = asyncio.ensure_future(exchange.close())
            await asyncio.wait((closing,))
            if not closing.cancelled() and closing.exception() is not None:
                self._log.warning("ccxt could not be closed", kind=type(closing.exception()).__name__)
            counts = {f"{name} {outcome}": count for (name, outcome), count in sorted(self.calls.items())}
            self._log.info("calls of ccxt", **counts)

    def has(self, name: str) -> bool:
        """Whether ccxt offers a call at this exchange, itself or by other calls."""
        return bool(self.exchange.has.get(name))

    async def call(self, name: str, *arguments: Any) -> Any:
        """Call one of ccxt's methods; CallFailed says what went wrong."""
        if self.exchange is None:
            raise VenueUnavailableError("the venue is not open")
        try:
            answer = await getattr(self.exchange, name)(*arguments)
        except self._base_error as error:
            raise self._failed(name, error) from None
        except _MISREAD as error:
            raise self._failed(name, error) from error
        self._count(name, OK)
        return answer

    @property
    def _base_error(self) -> type[Exception]:
        found: type[Exception] = importlib.import_module("ccxt").BaseError
        return found

    def _failed(self, name: str, error: Exception) -> CallFailed:
        failure: Failure = failure_of(error, self.settings.exchange_id)
        self._count(name, failure.kind)
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
