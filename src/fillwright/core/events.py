"""The one event hierarchy: every change of state is one of these, and ``state.apply`` alone makes it so.

An event is a fact in the past tense. Denied is ours, rejected is the venue's. Each has a version; older versions are
brought up to date when they are read (``decode``). ``docs/EVENTS.md`` is generated from this module.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from fillwright.core.inputs import Candle, Quote, Signal
from fillwright.core.instruments import Instrument
from fillwright.core.settings import RiskLimits, Settings
from fillwright.core.types import (
    ZERO,
    Asset,
    ClientOrderId,
    Direction,
    Leg,
    ListKind,
    OrderType,
    Protection,
    SelfTradePrevention,
    Side,
    SignalStatus,
    Symbol,
    Time,
    TimeInForce,
)


class Event(msgspec.Struct, frozen=True, gc=False, tag_field="kind", tag=True, omit_defaults=True):
    """A fact that has been recorded."""

    version: ClassVar[int] = 1


class Check(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One risk check's result: its code, whether it passed, what it saw and what it allows."""

    code: str
    passed: bool
    value: Decimal | None = None
    limit: Decimal | None = None
    note: str = ""


class Fill(msgspec.Struct, frozen=True, gc=False):
    """One execution, with its commission valued in quote at that moment."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    quote: Decimal
    commission: Decimal
    commission_asset: Asset
    commission_quote: Decimal
    is_maker: bool
    time: Time


# -- the account -------------------------------------------------------------------------------------------------


class AccountOpened(Event):
    """A ledger has begun: its id, tag of client order ids, and settings."""

    account_id: str
    tag: str
    settings: Settings


class InstrumentChanged(Event):
    """The venue describes a symbol (for the first time, or anew)."""

    instrument: Instrument


class FeesChanged(Event):
    """The account's commission rates."""

    maker: Decimal
    taker: Decimal


class SettingsChanged(Event):
    """The account's settings were replaced."""

    settings: Settings
    by: str


class LimitsChanged(Event):
    """Limits of a trader or symbol were set (None: removed)."""

    trader_id: str
    symbol: Symbol
    limits: RiskLimits | None
    by: str


class BalanceUpdated(Event):
    """The venue's balance of one asset; ``opening`` also sets our own ledger to it."""

    asset: Asset
    free: Decimal
    locked: Decimal
    opening: bool = False


class TransferSeen(Event):
    """Money came in or went out other than by trading."""

    asset: Asset
    delta: Decimal


class EquityMarked(Event):
    """Equity by the bids of the symbols with positions; only marks move peak, drawdown and the day's loss."""

    equity: Decimal
    prices: tuple[tuple[Symbol, Decimal], ...] = ()


class TradingDayStarted(Event):
    """A new trading day: daily counters start at zero, the day's loss counts from this equity."""

    day: int
    equity: Decimal


class CandleClosed(Event):
    """A candle of the account's interval closed."""

    candle: Candle


# -- signals -----------------------------------------------------------------------------------------------------


class SignalReceived(Event):
    """A signal came in and got an id."""

    signal_id: int
    signal: Signal
    key: str
    body_hash: str


class SignalApproved(Event):
    """Every risk check passed."""

    signal_id: int
    checks: tuple[Check, ...]


class SignalDenied(Event):
    """A risk check refused the signal; ``code`` is the first that failed."""

    signal_id: int
    code: str
    checks: tuple[Check, ...]


class SignalStatusChanged(Event):
    """A signal moved on."""

    signal_id: int
    status: SignalStatus
    reason: str = ""


class DecisionMade(Event):
    """A trader or advisor decided about a signal or position, and why."""

    decision: str
    by: str
    signal_id: int = 0
    position_id: int = 0
    price: Decimal | None = None
    quantity: Decimal | None = None
    confidence: Decimal | None = None
    reasoning: str = ""
    outcome: str = "accepted"
    """accepted, or why it was refused."""


# -- orders ------------------------------------------------------------------------------------------------------


class OrderDenied(Event):
    """Our checks refused an order; no order came to be."""

    symbol: Symbol
    side: Side
    order_type: OrderType
    code: str
    checks: tuple[Check, ...]
    position_id: int = 0
    by: str = ""


class OrderSubmitted(Event):
    """The intent to place an order; from here on it may be at the venue."""

    id: ClientOrderId
    position_id: int
    leg: Leg
    attempt: int
    symbol: Symbol
    side: Side
    order_type: OrderType
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    time_in_force: TimeInForce | None = None
    stp: SelfTradePrevention | None = None
    list_id: ClientOrderId = ""
    list_kind: ListKind | None = None
    pending: bool = False
    """A leg that waits for its list's working order."""
    replaces: ClientOrderId = ""
    reserve: Decimal = ZERO
    """Quote set aside for it."""
    resent: bool = False
    quote: Quote | None = None


class OrderPlaced(Event):
    """The venue acknowledged an order: on the book, waiting for its trigger, or (pending) for its list."""

    id: ClientOrderId
    exchange_order_id: int
    order_list_id: int = -1
    pending: bool = False
    quantity: Decimal | None = None


class OrderPartiallyFilled(Event):
    """An execution that leaves something open (or came after the order had ended)."""

    id: ClientOrderId
    fill: Fill


class OrderFilled(Event):
    """The execution that completes an order."""

    id: ClientOrderId
    fill: Fill


class OrderCancelRequested(Event):
    """The intent to cancel an order (a list: each of its legs)."""

    id: ClientOrderId
    cancel_id: ClientOrderId
    reason: str


class OrderCancelRefused(Event):
    """The venue would not cancel, and the order still works."""

    id: ClientOrderId
    code: int
    message: str


class OrderCancelled(Event):
    """An order was cancelled (it may have fills)."""

    id: ClientOrderId
    reason: str = ""


class OrderRejected(Event):
    """The venue refused an order, or it never arrived there (code 0)."""

    id: ClientOrderId
    code: int
    reason: str
    never_arrived: bool = False


class OrderExpired(Event):
    """An order ended by its own rules or the exchange's (it may have fills)."""

    id: ClientOrderId
    reason: str


class OrderUnknown(Event):
    """Nobody can say whether a request took effect: the order is in doubt, and asked about."""

    id: ClientOrderId
    reason: str
    request: str = "place"
    """place | cancel | replace"""


class OrderQueried(Event):
    """The venue was asked about an order in doubt."""

    id: ClientOrderId
    tries: int
    next_at: Time


class OrderNotFound(Event):
    """The venue did not know an order we asked about."""

    id: ClientOrderId
    times: int


class OrderAmended(Event):
    """An order's quantity was reduced with its priority kept."""

    id: ClientOrderId
    quantity: Decimal


class OrderAmendRequested(Event):
    """The intent to reduce an order's quantity."""

    id: ClientOrderId
    quantity: Decimal
    reason: str


class OrderAmendRefused(Event):
    """The venue refused to reduce an order's quantity."""

    id: ClientOrderId
    code: int
    message: str


class OrderAdopted(Event):
    """An order with our tag that we did not know was taken into its position (or stands alone)."""

    id: ClientOrderId
    position_id: int
    leg: Leg
    attempt: int
    symbol: Symbol
    side: Side
    order_type: OrderType
    quantity: Decimal
    exchange_order_id: int
    order_list_id: int = -1
    price: Decimal | None = None
    stop_price: Decimal | None = None


class ExternalOrderSeen(Event):
    """An order that is not ours: shown, never touched by anything automatic."""

    symbol: Symbol
    client_order_id: ClientOrderId
    exchange_order_id: int
    side: Side
    order_type: OrderType
    quantity: Decimal
    executed_quantity: Decimal
    status: str


# -- positions ---------------------------------------------------------------------------------------------------


class PositionCreated(Event):
    """A trade idea was approved and sized; its first order follows."""

    position_id: int
    signal_id: int
    trader_id: str
    symbol: Symbol
    direction: Direction
    quantity: Decimal
    limit_price: Decimal
    plan: Protection
    plan_reason: str
    max_loss_quote: Decimal
    quote: Quote
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    trailing_delta: int | None = None
    entry_market: bool = True


class PositionOpened(Event):
    """The first execution of an entry."""

    position_id: int


class PositionUpdated(Event):
    """Levels, plan or management of a position changed (absent: as before)."""

    position_id: int
    reason: str
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    plan: Protection | None = None
    monitoring: bool | None = None
    exit_blocked: bool | None = None


class PositionClosing(Event):
    """The position is on its way out: an exit was decided, or a protective order triggered."""

    position_id: int
    reason: str


class PositionReopened(Event):
    """A closing, closed or failed position holds coins that must be protected again."""

    position_id: int
    reason: str


class PositionReduced(Event):
    """Coins of a position are gone, or are to be sold, without closing it."""

    position_id: int
    quantity: Decimal
    reason: str
    cost: Decimal = ZERO


class PositionProtected(Event):
    """The whole sellable quantity has a live stop; for how long it had none since the entry's last fill."""

    position_id: int
    stop_order_id: ClientOrderId
    unprotected_us: int
    target_order_id: ClientOrderId = ""


class PositionUnprotected(Event):
    """A sellable quantity has no live stop."""

    position_id: int
    reason: str


class ProtectionFailed(Event):
    """An attempt to place protection failed; after two the position is sold (or a person told)."""

    position_id: int
    failures: int
    reason: str


class ExitFailed(Event):
    """An attempt to sell ended with something sellable left."""

    position_id: int
    failures: int
    reason: str


class PositionClosed(Event):
    """Nothing sellable is left; what remains is dust at its cost."""

    position_id: int
    pnl: Decimal
    reason: str
    dust_quantity: Decimal = ZERO
    dust_cost: Decimal = ZERO


class PositionFailed(Event):
    """No coin was ever bought."""

    position_id: int
    reason: str
    status: str
    """denied | rejected | never_arrived | expired | cancelled"""


# -- safety ------------------------------------------------------------------------------------------------------


class VenueErrorSeen(Event):
    """The venue answered a request with an error; the breaker counts those that are not rejections by rule."""

    code: int
    message: str
    error_class: str
    request: str
    symbol: Symbol = ""
    counts: bool = False
    """Whether the breaker counts it."""


class VenueAnswered(Event):
    """The venue accepted a request after errors: the breaker's count starts anew."""


class RateLimited(Event):
    """The venue asked us to slow down: no entries until then."""

    until: Time
    code: int


class CircuitBreakerOpened(Event):
    """Too many errors: no entries until the probe."""

    reason: str
    until: Time


class CircuitBreakerClosed(Event):
    """The probe succeeded."""

    reason: str


class Paused(Event):
    """Entries are stopped for a while."""

    cause: str
    until: Time
    by: str


class Halted(Event):
    """Entries are stopped until somebody allowed resumes, and why."""

    cause: str
    reason: str
    by: str


class Resumed(Event):
    """A halt or pause was lifted."""

    reason: str
    by: str


class EmergencyStopped(Event):
    """The emergency stop began: halt first, then cancels, then (flatten) sales."""

    by: str
    flatten: bool


class ShutdownBegun(Event):
    """The service is stopping: no new entries."""

    by: str


class ModeSwitched(Event):
    """The account was enabled or disabled by a switch of mode."""

    enabled: bool
    by: str


class ReconciliationStarted(Event):
    """The venue's books were asked for."""

    cause: str
    symbol: Symbol = ""


class Discrepancy(Event):
    """A difference between the venue's books and ours, its cause and remedy."""

    subject: str
    what: str
    ours: str
    theirs: str
    remedy: str


class ReconciliationComplete(Event):
    """The venue's books were compared with ours."""

    cause: str
    discrepancies: int


class StreamStateChanged(Event):
    """The user data stream connected or broke."""

    connected: bool
    detail: str = ""


class Anomaly(Event):
    """A report that cannot be: it changed nothing and forces reconciliation."""

    subject: str
    what: str


class Error(Event):
    """Something went wrong that a person should read."""

    where: str
    what: str


class Record(msgspec.Struct, frozen=True, gc=False):
    """An event with its place in the journal: sequence number, time, and the record that led to it (0: none)."""

    seq: int
    time: Time
    cause: int
    event: Event


# -- reading and writing -----------------------------------------------------------------------------------------

EVENT_TYPES: dict[str, type[Event]] = {
    cls.__name__: cls
    for cls in list(globals().values())
    if isinstance(cls, type) and issubclass(cls, Event) and cls is not Event
}
"""Every event by its kind."""

UPCASTS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""(kind, version) → a function that turns such a body into the next version's."""

_ENCODER = msgspec.json.Encoder()
_DECODERS = {kind: msgspec.json.Decoder(cls) for kind, cls in EVENT_TYPES.items()}


class UnknownEventError(ValueError):
    """A journal holds an event of a newer program."""


def encode(event: Event) -> bytes:
    """Write an event as JSON; decimals as plain text, never with an exponent."""
    body = _ENCODER.encode(event)
    if b"E-" in body or b"E+" in body:  # rare: only then is it worth a walk through the fields
        return _ENCODER.encode(_plain_decimals(msgspec.to_builtins(event, builtin_types=(Decimal,))))
    return body


def _plain_decimals(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return {key: _plain_decimals(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_decimals(item) for item in value]
    return value


def decode(kind: str, version: int, body: bytes) -> Event:
    """Read an event of any version up to today's; UnknownEventError for kinds or versions of the future."""
    cls = EVENT_TYPES.get(kind)
    if cls is None or version > cls.version:
        raise UnknownEventError(f"{kind} version {version}")
    if version == cls.version:
        return _DECODERS[kind].decode(body)
    fields = msgspec.json.decode(body)
    for old in range(version, cls.version):
        fields = UPCASTS[kind, old](fields)
    return msgspec.convert(fields, cls)
