"""Settings of a server: what it trades, for whom, where prices come from, and where it listens."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum, unique
from pathlib import Path

import msgspec

from fillwright.core.types import DAY, MILLISECOND, MINUTE, ONE, SECOND, ZERO, AccountId, Asset, Symbol, Time
from fillwright.exchange.settings import ExchangeSettings

DEFAULT_PORT = 8090
PORT_MAX = 65_535
AMOUNT_MAX = 10**15
DECIMALS_MAX = 18
START_MAX: Time = 4_102_444_800 * SECOND
"""The year 2100."""
SAVE_EVERY_MIN: Time = 10 * MILLISECOND
DEFAULT_ACCOUNT: AccountId = "main"
DEFAULT_BALANCES: dict[Asset, Decimal] = {
    "USDT": Decimal(100_000),
    "BTC": Decimal(1),
    "ETH": Decimal(10),
    "BNB": Decimal(100),
}
ORDERS_KEPT_MAX = 100_000
FILLS_KEPT_MAX = 20_000


class BoxSettingsError(Exception):
    """No server can be made of these settings; the message says why."""


@unique
class SourceKind(StrEnum):
    """Where prices come from."""

    SYNTHETIC = "synthetic"
    """A seeded random walk per symbol."""
    TAPE = "tape"
    """Recorded market data, from now on."""
    SCRIPT = "script"
    """Nowhere but from the admin door."""


def check_amount(name: str, amount: Decimal) -> None:
    """Raise ValueError for an amount that no exchange has: not a number, astronomic, or finer than money is."""
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -DECIMALS_MAX or abs(amount) > AMOUNT_MAX:
        raise ValueError(f"{name} is a number up to {AMOUNT_MAX} with {DECIMALS_MAX} decimals at most")


def check_rates(*rates: Decimal) -> None:
    """Raise ValueError for a commission rate or discount that is none."""
    if not all(rate.is_finite() and ZERO <= rate < ONE for rate in rates):
        raise ValueError("rates are from 0 to below 1")


class _Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Read from JSON or TOML by msgspec; a name that is not known is an error."""


class KeySettings(_Settings, frozen=True):
    """A key that an account begins with: of HMAC with its secret, else its public key as PEM."""

    api_key: str
    secret: str = ""
    public_key: str = ""
    ip_addresses: tuple[str, ...] = ()
    """The addresses it may be used from; empty: any."""
    can_withdraw: bool = False
    """What ``apiRestrictions`` tells of it."""


class AccountSettings(_Settings, frozen=True):
    """An account that the server begins with."""

    account_id: AccountId = DEFAULT_ACCOUNT
    balances: dict[Asset, Decimal] = msgspec.field(default_factory=lambda: dict(DEFAULT_BALANCES))
    maker_fee: Decimal = Decimal("0.001")
    taker_fee: Decimal = Decimal("0.001")
    pay_fees_in_bnb: bool = False
    bnb_discount: Decimal = Decimal("0.25")
    trade_group: int = -1
    keys: tuple[KeySettings, ...] = ()

    def __post_init__(self) -> None:
        if not self.account_id or not self.account_id.isprintable():
            raise ValueError("an account's name is printable text")
        for asset, amount in self.balances.items():
            check_amount(f"the balance of {asset}", amount)
            if amount < ZERO:
                raise ValueError("a balance is not below zero")
        check_rates(self.maker_fee, self.taker_fee, self.bnb_discount)


class MarketSettings(_Settings, frozen=True):
    """Where prices come from."""

    source: SourceKind = SourceKind.SYNTHETIC
    trades_per_second: float = 5.0
    """Of each synthetic symbol."""
    tapes: tuple[Path, ...] = ()
    speed: float = 1.0
    """How many seconds of a tape pass in one."""


class LimitSettings(_Settings, frozen=True):
    """Limits per address; what exchangeInfo shows. Orders are counted by ``exchange.order_counts``."""

    is_enabled: bool = True
    """Off: counted and shown, never enforced."""
    request_weight: int = 6_000
    """In a minute."""
    raw_requests: int = 300_000
    """In five minutes."""
    connections: int = 300
    """In five minutes."""

    def __post_init__(self) -> None:
        if min(self.request_weight, self.raw_requests, self.connections) < 1:
            raise ValueError("a limit is 1 at least")


class WebSocketSettings(_Settings, frozen=True):
    """Times and sizes of WebSocket connections."""

    ping_every_us: Time = 20 * SECOND
    pong_within_us: Time = MINUTE
    lifetime_us: Time = DAY
    message_bytes_max: int = 64 * 1024
    unread_bytes_max: int = 4 * 1024 * 1024
    """A reader with more than this waiting for it is cut off."""
    connections_max: int = 20_000
    stream_messages: int = 5
    """Incoming, per second and connection of market streams; more is cut off where limits are enforced."""
    streams_per_connection: int = 1_024

    def __post_init__(self) -> None:
        if any(getattr(self, name) < 1 for name in self.__struct_fields__):
            raise ValueError("times and sizes of connections are more than zero")


class ClockSettings(_Settings, frozen=True):
    """How time passes."""

    is_frozen: bool = False
    start_us: Time | None = None
    """Microseconds UTC; None: the real time."""
    check_timestamps: bool = True
    """Off: requests' timestamps may be of any time; for replays of recorded requests."""

    def __post_init__(self) -> None:
        if self.start_us is not None and not 0 <= self.start_us <= START_MAX:
            raise ValueError("start_us is microseconds UTC, from 1970 to 2100")


class BoxSettings(_Settings, frozen=True):
    """Everything that one server is made of."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    """0: any that is free."""
    seed: int = 1
    symbols: tuple[Symbol, ...] = ()
    """Empty: all of the exchange information (the built-in one has ten)."""
    exchange_info: Path | None = None
    """A body of ``GET /api/v3/exchangeInfo``; None: the built-in one."""
    accounts: tuple[AccountSettings, ...] = (AccountSettings(),)
    exchange: ExchangeSettings = ExchangeSettings(
        final_retention_us=120 * DAY,
        final_orders_max=ORDERS_KEPT_MAX,
        trades_max=ORDERS_KEPT_MAX,
        fills_kept_max=FILLS_KEPT_MAX,
        public_trades=True,
    )
    market: MarketSettings = MarketSettings()
    limits: LimitSettings = LimitSettings()
    websocket: WebSocketSettings = WebSocketSettings()
    clock: ClockSettings = ClockSettings()
    log_file: Path | None = None
    """The event log; None: none is written."""
    state_file: Path | None = None
    """A SQLite file that the state is kept in; None: it is gone with the process."""
    save_every_us: Time = SECOND
    """A crash loses what happened since the last save; a stop loses nothing."""
    admin_token: str = ""
    """Empty: made at the start, and written to ``admin_token_file`` if there is one."""
    admin_token_file: Path | None = None
    is_legacy_listen_key: bool = False
    """Whether listenKeys work as they did before 2026-02-20."""
    tells_key_rights: bool = False
    """Whether keys are told what they may do, as mainnet does; testnet and demo mode do not."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= PORT_MAX:
            raise ValueError(f"a port is from 0 to {PORT_MAX}")
        if self.save_every_us < SAVE_EVERY_MIN:
            raise ValueError(f"save_every_us is {SAVE_EVERY_MIN} at least")
