"""What the admin door is asked, and what it answers: JSON, names in snake case, amounts as decimal text.

Times and lengths of time are microseconds. A field that is not known is an error.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum, unique
from typing import Any

import msgspec

from fillwright.core.types import AccountId, Asset, Symbol, SymbolStatus, Time
from fillwright.exchange.messages import OrderView
from fillwright.exchange.server.keys import ALL_PERMISSIONS
from fillwright.exchange.server.ledger import Entry
from fillwright.exchange.server.security import Security
from fillwright.exchange.server.settings import check_amount

Level = tuple[Decimal, Decimal]


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that is asked."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal):
                check_amount(name, value)


class MakeAccount(Wish, frozen=True):
    """Open an account and make an HMAC key for it."""

    account: AccountId
    balances: dict[Asset, Decimal] = {}
    maker_fee: Decimal = Decimal("0.001")
    taker_fee: Decimal = Decimal("0.001")
    pay_fees_in_bnb: bool = False
    bnb_discount: Decimal = Decimal("0.25")
    trade_group: int = -1


class MakeKey(Wish, frozen=True):
    """Register a key of an account: by default an HMAC key that is made here, else a public key or a given secret."""

    account: AccountId
    api_key: str = ""
    """Empty: made here."""
    secret: str = ""
    """Of an HMAC key; empty: made here."""
    public_key: str = ""
    """Of an Ed25519 or RSA key, PEM or the base64 of its DER."""
    permissions: tuple[Security, ...] = ALL_PERMISSIONS
    ip_addresses: tuple[str, ...] = ()
    can_withdraw: bool = False
    """What ``apiRestrictions`` tells of it."""


class ChangeKey(Wish, frozen=True):
    """Give a key other rights; None: as it is. An address that it may be used from makes it bound to addresses."""

    api_key: str
    permissions: tuple[Security, ...] | None = None
    ip_addresses: tuple[str, ...] | None = None
    can_withdraw: bool | None = None


class RevokeKey(Wish, frozen=True):
    """Forget a key."""

    api_key: str


class Transfer(Wish, frozen=True):
    """Bring funds in, or take free ones out."""

    account: AccountId
    asset: Asset
    amount: Decimal


class SetFees(Wish, frozen=True):
    """Change what an account pays; None: as it is."""

    account: AccountId
    maker: Decimal | None = None
    taker: Decimal | None = None
    pay_in_bnb: bool | None = None
    bnb_discount: Decimal | None = None


class SetTrading(Wish, frozen=True):
    """Let an account trade, or not."""

    account: AccountId
    can_trade: bool


class SetPrice(Wish, frozen=True):
    """Move a symbol: quotes one tick around a price, and a trade at it."""

    symbol: Symbol
    price: Decimal
    quantity: Decimal = Decimal(1)


class PushQuote(Wish, frozen=True):
    """The outside market's best bid and ask."""

    symbol: Symbol
    bid: Decimal
    ask: Decimal
    bid_quantity: Decimal = Decimal(1)
    ask_quantity: Decimal = Decimal(1)


class PushDepth(Wish, frozen=True):
    """The outside market's book, or changed levels of it (quantity 0 removes one)."""

    symbol: Symbol
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    snapshot: bool = True


class PushTrade(Wish, frozen=True):
    """A trade of the outside market."""

    symbol: Symbol
    price: Decimal
    quantity: Decimal
    buyer_is_maker: bool = False


class SetSymbol(Wish, frozen=True):
    """Change a symbol's trading phase, or set (``null``: clear) its reference price."""

    symbol: Symbol
    status: SymbolStatus | None = None
    cancel_orders: bool = False
    reference_price: Decimal | msgspec.UnsetType | None = msgspec.UNSET


@unique
class TimeAction(StrEnum):
    """What is done to the clock."""

    FREEZE = "freeze"
    STEP = "step"
    RESUME = "resume"
    SKEW = "skew"


class MoveTime(Wish, frozen=True):
    """Freeze the clock, step it, let it run, or tell clients a time that is wrong by ``by_us``."""

    action: TimeAction
    by_us: Time = 0


class RemoveFaults(Wish, frozen=True):
    """Remove one fault, or all."""

    number: int | None = None


class SetLimits(Wish, frozen=True):
    """Change limits; None: as it is."""

    is_enabled: bool | None = None
    request_weight: int | None = None
    raw_requests: int | None = None
    connections: int | None = None


class Ban(Wish, frozen=True):
    """Ban an address for a while (418); 0 lifts the ban and forgets what it used."""

    ip: str
    for_us: Time


@unique
class ConnectionAction(StrEnum):
    """What is done to WebSocket connections."""

    CUT = "cut"
    """Dropped without a word."""
    MUTE = "mute"
    """Nothing is sent for a while, and what happens meanwhile is lost."""
    SHUTDOWN = "shutdown"
    """serverShutdown is said, and the connections are closed."""


@unique
class ConnectionKind(StrEnum):
    """What connections are for."""

    API = "api"
    STREAMS = "streams"


class ChangeConnections(Wish, frozen=True):
    """Cut, mute or shut down connections: one, those of a kind, or all."""

    action: ConnectionAction
    number: int | None = None
    kind: ConnectionKind | None = None
    for_us: Time = 0


class Step(Wish, frozen=True):
    """An action that happens later: ``path`` as it is asked for by POST, and its message."""

    path: str
    wish: dict[str, Any] = {}
    after_us: Time = 0
    """After the script was handed in."""


class RunScript(Wish, frozen=True):
    """Let actions happen, each when its time has come; steps of one time in their order."""

    steps: tuple[Step, ...]


# -- answers -----------------------------------------------------------------------------------------------------


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An answer."""


class Done(Told, frozen=True):
    """It is done; ``now`` is box time."""

    now: Time
    number: int | None = None
    """Of what was made, or how many were removed."""


class KeyTold(Told, frozen=True):
    """A key; ``secret`` is told when it was made here."""

    account: AccountId
    api_key: str
    kind: str
    permissions: tuple[Security, ...]
    ip_addresses: tuple[str, ...] = ()
    can_withdraw: bool = False
    secret: str = ""


class TimeTold(Told, frozen=True):
    """How the clock stands."""

    now: Time
    is_frozen: bool
    skew_us: Time


class StatusTold(Told, frozen=True):
    """How the server is doing."""

    version: str
    now: Time
    is_frozen: bool
    source: str
    has_ended: bool
    """Whether there are no more prices to come: the tape has ended."""
    symbols: int
    accounts: tuple[AccountId, ...]
    keys: int
    connections: int
    faults: int
    is_saved: bool
    """Whether everything of accounts is in the state file; also true where there is none."""
    requests: int
    """Answered since the start."""
    failures: int
    """Requests and connections that a bug of ours ended."""
    bans: dict[str, Time]


class ToldOtherwise(Told, frozen=True):
    """One request that a fault hit: what its sender was told, and the truth as it is now."""

    sent: Entry
    order: OrderView | None
    """The order of that id as it is now; None: there is none."""


class AuditTold(Told, frozen=True):
    """What does not add up (nothing, in a sound exchange), and what clients were told otherwise than it happened."""

    problems: tuple[str, ...]
    faulted: dict[str, int]
    """Requests that a fault hit, by its outcome."""
    forgotten: int
    """Of them, those that are no longer listed."""
    entries: tuple[ToldOtherwise, ...]


class StepFailed(Told, frozen=True):
    """A step of a script that could not be done."""

    time: Time
    path: str
    error: str


class ScriptTold(Told, frozen=True):
    """How scripts go."""

    now: Time
    waiting: int
    done: int
    failures: tuple[StepFailed, ...]
    """The newest."""


class Refusal(Told, frozen=True):
    """Why something was not done."""

    error: str
