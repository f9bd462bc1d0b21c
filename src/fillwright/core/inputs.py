"""All that may come into the core: signals, commands, venue reports, quotes, candles, advice, settings, time.

The shell stamps each input with the time (microseconds UTC) and hands it to ``engine.step``. Inputs carry facts or
wishes only; what follows from them is decided by the core and recorded as events.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.instruments import Instrument
from fillwright.core.requests import Request
from fillwright.core.settings import RiskLimits, Settings
from fillwright.core.types import (
    ONE,
    ZERO,
    AccountId,
    Asset,
    ClientOrderId,
    Direction,
    ErrorClass,
    ExecutionType,
    ExpiryReason,
    OrderType,
    PositionDecision,
    Side,
    SignalDecision,
    Symbol,
    Time,
    TimeInForce,
    VenueOrderStatus,
)

# -- the beginning -----------------------------------------------------------------------------------------------


class OpenLedger(msgspec.Struct, frozen=True, kw_only=True):
    """A new ledger: its id, the tag of its client order ids, and what the venue says of account and symbols."""

    account_id: AccountId
    tag: str
    lost: bool = False
    """A ledger of this tag was lost: its positions are taken back from what the venue remembers."""
    settings: Settings
    instruments: tuple[Instrument, ...]
    maker_fee: Decimal
    taker_fee: Decimal
    balances: tuple[tuple[Asset, Decimal, Decimal], ...]


# -- market ------------------------------------------------------------------------------------------------------


class Quote(msgspec.Struct, frozen=True, gc=False):
    """The latest prices of a symbol: best bid and ask, last trade, and when they were seen."""

    symbol: Symbol
    bid: Decimal
    ask: Decimal
    last: Decimal
    time: Time


class Candle(msgspec.Struct, frozen=True, gc=False):
    """One closed candle; ``close_time`` is the last microsecond that belongs to it."""

    symbol: Symbol
    interval: str
    open_time: Time
    close_time: Time
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class CandleClose(msgspec.Struct, frozen=True, gc=False):
    """A candle of the account's interval has closed (once per candle and symbol)."""

    candle: Candle


class PriceCrossed(msgspec.Struct, frozen=True, gc=False):
    """The quote of a symbol has reached a price that the core watches (``Engine.price_bounds``)."""

    symbol: Symbol


class TimeReached(msgspec.Struct, frozen=True, gc=False):
    """``State.next_deadline`` has come."""


# -- traders and advisors ----------------------------------------------------------------------------------------


class Entry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How a signal wants in: at the market, or at a limit price."""

    type: str = "market"
    """market | limit"""
    price: Decimal | None = None


class Size(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How much a signal wants: an amount of quote, or percent of equity at risk; absent: the account's default."""

    quote: Decimal | None = None
    risk_percent: Decimal | None = None


class Signal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A trader's view on a symbol."""

    trader_id: str
    symbol: Symbol
    side: Direction
    created_at: Time
    decision: SignalDecision = SignalDecision.ENTER_TRADE
    confidence: Decimal = ONE
    entry: Entry = Entry()
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    size: Size | None = None
    trailing: bool = False
    """Whether the stop follows the price, at the distance that it has at the entry."""
    interval: str = ""
    expires_at: Time | None = None
    reasoning: str = ""
    metadata: dict[str, str] = {}
    key: str | None = None
    """The caller's idempotency key, scoped to the trader."""


class SubmitSignal(msgspec.Struct, frozen=True, gc=False):
    """A signal has come in."""

    signal: Signal


class SignalAdvice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What analysis says of a monitored signal."""

    signal_id: int
    decision: SignalDecision
    confidence: Decimal | None = None
    reasoning: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a trader or advisor says of its position.

    adjust_sl and adjust_tp need ``price``; reduce takes ``fraction`` (0 to 1) or ``quantity``; add takes ``quote``.
    """

    position_id: int
    decision: PositionDecision
    price: Decimal | None = None
    fraction: Decimal | None = None
    quantity: Decimal | None = None
    quote: Decimal | None = None
    confidence: Decimal = ONE
    reasoning: str = ""
    by: str = "trader"
    key: str | None = None
    """The caller's idempotency key, scoped to ``by``: the same command with the same key happens once."""


# -- operators ---------------------------------------------------------------------------------------------------


class ClosePosition(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Close a position at the market."""

    position_id: int
    by: str
    reason: str = "operator"
    key: str | None = None
    """The caller's idempotency key, scoped to ``by``: the same command with the same key happens once."""


class AdjustProtection(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Move a position's stop or target; an operator may widen risk by saying so."""

    position_id: int
    by: str
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    widen: bool = False
    key: str | None = None
    """The caller's idempotency key, scoped to ``by``: the same command with the same key happens once."""


class PlaceOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A manual order; it passes the same risk checks as a signal's, save those about a signal."""

    by: str
    symbol: Symbol
    side: Side
    type: OrderType
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    key: str | None = None
    """The caller's idempotency key, scoped to ``by``: the same command with the same key happens once."""


class CancelOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Cancel one order of ours by its client order id."""

    client_order_id: ClientOrderId
    by: str


class CancelAll(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Cancel all manual orders and working entries, of one symbol or all; protection stays."""

    by: str
    symbol: Symbol | None = None


class Pause(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Stop entries until a time."""

    until: Time
    by: str
    cause: str = "operator"


class EmergencyStop(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Halt, cancel working entries and manual orders; with flatten sell every position."""

    by: str
    flatten: bool = False
    reason: str = "emergency stop"
    external: bool = False
    """Orders at the venue that are not ours go, too; never coins that no position owns."""


class Resume(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Lift a halt or an operator's pause; needs a reason."""

    by: str
    reason: str
    key: str | None = None
    """The caller's idempotency key, scoped to ``by``: the same command with the same key happens once."""


class Shutdown(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The service stops: no new entries, working entries cancelled, protection kept."""

    by: str = "service"


class SwitchMode(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The user's mode becomes this account's (entries are taken) or another's (they are not any more).

    Leaving is refused while anything is open, unless it is ``forced``: at a start, where the mode is known already.
    """

    enabled: bool
    by: str
    forced: bool = False


class Reconcile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Compare the venue's books with ours now."""

    by: str = "service"
    cause: str = "on demand"


# -- settings ----------------------------------------------------------------------------------------------------


class ChangeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """New settings of the account."""

    settings: Settings
    by: str


class ChangeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """New limits of a trader or symbol ('' = all); None removes them."""

    by: str
    trader_id: str = ""
    symbol: Symbol = ""
    limits: RiskLimits | None = None


class LiftRolloutCap(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Lift the cap on the first trades of a real account (``restore``: put it back); needs a reason.

    Before its clean trades are made it is refused, unless it is meant to be ``early``.
    """

    by: str
    reason: str
    restore: bool = False
    early: bool = False


class UpdateInstruments(msgspec.Struct, frozen=True):
    """Instruments as the venue describes them now."""

    instruments: tuple[Instrument, ...]


class UpdateFees(msgspec.Struct, frozen=True, gc=False):
    """Commission rates of the account at the venue (fractions: 0.001 = 0.1 %)."""

    maker: Decimal
    taker: Decimal


# -- the venue ---------------------------------------------------------------------------------------------------


class FillReport(msgspec.Struct, frozen=True, gc=False):
    """One execution as the venue reports it."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: Asset
    is_maker: bool
    time: Time


class OrderReport(msgspec.Struct, frozen=True, gc=False):
    """An order as the venue tells of it: in a response, on the user data stream or in answer to a query.

    ``client_order_id`` is always the order's own (never the cancel's). ``fills`` holds the executions that this report
    tells of; ``executed_quantity`` is cumulative. ``quantity`` is None for a pending OPO leg that has none yet.
    """

    symbol: Symbol
    client_order_id: ClientOrderId
    order_id: int
    status: VenueOrderStatus
    side: Side
    type: OrderType
    time: Time
    execution_type: ExecutionType | None = None
    order_list_id: int = -1
    time_in_force: TimeInForce | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    executed_quantity: Decimal = ZERO
    executed_quote: Decimal = ZERO
    fills: tuple[FillReport, ...] = ()
    reject_reason: str = ""
    expiry_reason: ExpiryReason | None = None
    prevented_quantity: Decimal = ZERO
    source: str = "stream"
    """stream | response | query"""


class RequestFailed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request to the venue did not succeed: rejected, or unknown when nobody can say.

    For cancelReplace: whether the cancel was done although the new order was not placed.
    """

    request: Request
    error_class: ErrorClass
    code: int
    message: str
    cancel_done: bool = False
    retry_after_ms: int = 0


class OrderAbsent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The venue does not know an order we asked about (-2013)."""

    symbol: Symbol
    client_order_id: ClientOrderId


class BalanceReport(msgspec.Struct, frozen=True, gc=False):
    """Absolute balances of some assets: ``(asset, free, locked)``."""

    balances: tuple[tuple[Asset, Decimal, Decimal], ...]
    time: Time


class TransferReport(msgspec.Struct, frozen=True, gc=False):
    """A deposit, withdrawal or transfer; not for trades."""

    asset: Asset
    delta: Decimal
    time: Time


class ListDone(msgspec.Struct, frozen=True, gc=False):
    """An order list has ended at the venue."""

    symbol: Symbol
    order_list_id: int
    list_client_order_id: ClientOrderId


class VenueSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's books, read at one time.

    ``symbol`` None: the whole account. ``orders``: open orders and every order not final with us, each with all its
    fills. ``balances`` empty: not read; else an asset that is left out is not held. ``absent``: client order ids asked
    about and not found.
    """

    symbol: Symbol | None
    orders: tuple[OrderReport, ...]
    time: Time
    balances: tuple[tuple[Asset, Decimal, Decimal], ...] = ()
    absent: tuple[ClientOrderId, ...] = ()
    cause: str = ""
    tag: str = ""
    """Orders of a lost ledger that the venue remembers are among these (``FetchSnapshot``)."""
    foreign_stops: tuple[ClientOrderId, ...] = ()
    """Ids of the keys-only emergency stop that were found (``ForeignStop``)."""


class StreamChanged(msgspec.Struct, frozen=True, gc=False):
    """The user data stream connected or broke."""

    connected: bool
    detail: str = ""


class ForeignStop(msgspec.Struct, frozen=True, gc=False):
    """An order or cancel of the keys-only emergency stop (id ``RT_ES…``) was seen, on the stream or by a read."""

    client_order_id: ClientOrderId


Input = (
    OpenLedger
    | SubmitSignal
    | SignalAdvice
    | Decision
    | ClosePosition
    | AdjustProtection
    | PlaceOrder
    | CancelOrder
    | CancelAll
    | Pause
    | EmergencyStop
    | Resume
    | Shutdown
    | SwitchMode
    | Reconcile
    | ChangeSettings
    | ChangeLimits
    | LiftRolloutCap
    | UpdateInstruments
    | UpdateFees
    | CandleClose
    | PriceCrossed
    | TimeReached
    | OrderReport
    | RequestFailed
    | OrderAbsent
    | BalanceReport
    | TransferReport
    | ListDone
    | VenueSnapshot
    | StreamChanged
    | ForeignStop
)
"""Everything ``engine.step`` takes."""
