"""Words of the field as types: ids, enums and exact numbers.

Everything that the core, the exchange and the wire have in common is named here once. Values of the enums are
the texts of Binance's protocol where it has one, ours otherwise.
"""

from __future__ import annotations

import decimal
import re
from decimal import Decimal
from enum import StrEnum, unique

# -- ids and units -----------------------------------------------------------------------------------------------

Symbol = str
"""A traded pair as the venue spells it, for example ``BTCUSDT``."""
Asset = str
"""A coin or currency, for example ``BTC``."""
AccountId = str
"""One user in one mode with a name: the owner of one ledger."""
ClientOrderId = str
"""Our name of an order at the venue: at most 36 of ``[A-Za-z0-9_-]``."""
Time = int
"""Microseconds since 1970-01-01 UTC."""

MILLISECOND: Time = 1_000
SECOND: Time = 1_000_000
MINUTE: Time = 60 * SECOND
HOUR: Time = 60 * MINUTE
DAY: Time = 24 * HOUR

# -- exact numbers -----------------------------------------------------------------------------------------------

ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)
BASIS_POINT = Decimal("0.0001")

CONTEXT = decimal.Context(prec=60, rounding=decimal.ROUND_HALF_EVEN, Emax=999_999, Emin=-999_999)
"""The one arithmetic context: 60 digits, half-even; traps division by zero, overflow and invalid operations."""

MONEY_DECIMALS = 18
_MONEY_QUANTUM = Decimal(1).scaleb(-MONEY_DECIMALS)
_DECIMAL_TEXT = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


class NumberError(ValueError):
    """A text is not an exact decimal number: empty, signed oddly, with an exponent, NaN or infinite."""


def exact(text: str) -> Decimal:
    """Parse plain decimal text (no exponent, NaN or infinity; at most 30 digits each side); NumberError otherwise."""
    if not _DECIMAL_TEXT.fullmatch(text):
        raise NumberError(f"{text!r:.60} is not a plain decimal number")
    return Decimal(text)


def plain(number: Decimal) -> str:
    """Write a number as plain decimal text, without exponent and without trailing zeros."""
    text = str(number)
    if "E" in text:
        text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


def money(number: Decimal) -> Decimal:
    """Round half-even to 18 decimals: the precision at which cost is released and averages are derived."""
    return number.quantize(_MONEY_QUANTUM, context=CONTEXT)


def floor_to(number: Decimal, step: Decimal) -> Decimal:
    """Round a number ≥ 0 down to a multiple of a step; a step of 0 leaves it alone."""
    return number // step * step if step else number


def ceil_to(number: Decimal, step: Decimal) -> Decimal:
    """Round a number ≥ 0 up to a multiple of a step; a step of 0 leaves it alone."""
    if not step:
        return number
    floored = number // step * step
    return floored if floored == number else floored + step


# -- orders, in Binance's words ----------------------------------------------------------------------------------


@unique
class Side(StrEnum):
    """The side of an order."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


@unique
class OrderType(StrEnum):
    """Binance's order types."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"


STOP_TYPES = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT})
TAKE_PROFIT_TYPES = frozenset({OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})
CONTINGENT_TYPES = STOP_TYPES | TAKE_PROFIT_TYPES
"""Types that wait for a trigger; each uses a slot of MAX_NUM_ALGO_ORDERS."""
LIMIT_TYPES = frozenset(
    {OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT}
)
"""Types with a limit price."""


@unique
class TimeInForce(StrEnum):
    """How long an order works."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


@unique
class SelfTradePrevention(StrEnum):
    """What happens when an account's orders would trade with each other (the taker's mode decides)."""

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"
    DECREMENT = "DECREMENT"
    TRANSFER = "TRANSFER"


@unique
class VenueOrderStatus(StrEnum):
    """An order's status as Binance reports it."""

    NEW = "NEW"
    PENDING_NEW = "PENDING_NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    PENDING_CANCEL = "PENDING_CANCEL"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"


VENUE_FINAL = frozenset(
    {
        VenueOrderStatus.FILLED,
        VenueOrderStatus.CANCELED,
        VenueOrderStatus.REJECTED,
        VenueOrderStatus.EXPIRED,
        VenueOrderStatus.EXPIRED_IN_MATCH,
    }
)


@unique
class ExecutionType(StrEnum):
    """What an execution report tells of (field ``x``)."""

    NEW = "NEW"
    CANCELED = "CANCELED"
    REPLACED = "REPLACED"
    REJECTED = "REJECTED"
    TRADE = "TRADE"
    EXPIRED = "EXPIRED"
    TRADE_PREVENTION = "TRADE_PREVENTION"


@unique
class ExpiryReason(StrEnum):
    """Why an order expired (field ``eR``)."""

    REJECTED = "REJECTED"
    EXCHANGE_CANCELED = "EXCHANGE_CANCELED"
    OCO_TRIGGER = "OCO_TRIGGER"
    OTO_PHASE_ONE_EXPIRED = "OTO_PHASE_ONE_EXPIRED"
    UNFILLED_IOC_QUANTITY_EXPIRED = "UNFILLED_IOC_QUANTITY_EXPIRED"
    UNFILLED_FOK_ORDER_EXPIRED = "UNFILLED_FOK_ORDER_EXPIRED"
    INSUFFICIENT_LIQUIDITY = "INSUFFICIENT_LIQUIDITY"
    EXECUTION_RULE_PRICE_RANGE_EXCEEDED = "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"


@unique
class Contingency(StrEnum):
    """The kind of an order list as Binance reports it (OTOCO, OPO and OPOCO all report OTO)."""

    OCO = "OCO"
    OTO = "OTO"


@unique
class ListKind(StrEnum):
    """The kind of an order list as it is requested."""

    OCO = "OCO"
    OTO = "OTO"
    OTOCO = "OTOCO"
    OPO = "OPO"
    OPOCO = "OPOCO"


@unique
class ListStatus(StrEnum):
    """An order list's status (``listStatusType``)."""

    RESPONSE = "RESPONSE"
    EXEC_STARTED = "EXEC_STARTED"
    UPDATED = "UPDATED"
    ALL_DONE = "ALL_DONE"


@unique
class ListOrderStatus(StrEnum):
    """The status of a list's orders (``listOrderStatus``)."""

    EXECUTING = "EXECUTING"
    ALL_DONE = "ALL_DONE"
    REJECT = "REJECT"


@unique
class CancelRestriction(StrEnum):
    """A condition on a cancel."""

    ONLY_NEW = "ONLY_NEW"
    ONLY_PARTIALLY_FILLED = "ONLY_PARTIALLY_FILLED"


@unique
class CancelReplaceMode(StrEnum):
    """What cancelReplace does when the cancel fails."""

    STOP_ON_FAILURE = "STOP_ON_FAILURE"
    ALLOW_FAILURE = "ALLOW_FAILURE"


@unique
class OrderRateLimitExceededMode(StrEnum):
    """What cancelReplace does when the account has sent too many orders."""

    DO_NOTHING = "DO_NOTHING"
    CANCEL_ONLY = "CANCEL_ONLY"


@unique
class SymbolStatus(StrEnum):
    """The trading phase of a symbol."""

    TRADING = "TRADING"
    END_OF_DAY = "END_OF_DAY"
    HALT = "HALT"
    BREAK = "BREAK"
    CANCEL_ONLY = "CANCEL_ONLY"


# -- our own words -----------------------------------------------------------------------------------------------


@unique
class Mode(StrEnum):
    """Where an account trades."""

    PAPER = "paper"
    TESTNET = "testnet"
    DEMO = "demo"
    """Binance's demo mode: play money, prices and commissions as live."""
    MAINNET = "mainnet"


@unique
class Direction(StrEnum):
    """A trader's view: long or short."""

    LONG = "long"
    SHORT = "short"


@unique
class Leg(StrEnum):
    """What an order is for; the value is the letter inside the client order id."""

    ENTRY = "E"
    STOP_LOSS = "S"
    TAKE_PROFIT = "T"
    EXIT = "X"
    MANUAL = "M"
    LIST = "L"
    CANCEL = "C"


LEG_NAMES = {
    Leg.ENTRY: "entry",
    Leg.STOP_LOSS: "stop_loss",
    Leg.TAKE_PROFIT: "take_profit",
    Leg.EXIT: "exit",
    Leg.MANUAL: "manual",
    Leg.LIST: "list",
    Leg.CANCEL: "cancel",
}
"""How records (API and stores) spell a leg."""


@unique
class OrderState(StrEnum):
    """The state of an order as the core knows it; trading-rules §2."""

    SUBMITTED = "submitted"
    UNKNOWN = "unknown"
    PENDING_NEW = "pending_new"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    CANCEL_PENDING = "cancel_pending"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


FINAL_STATES = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED})


@unique
class PositionStatus(StrEnum):
    """The life of a position; trading-rules §3."""

    CREATED = "created"
    SUBMITTING = "submitting"
    OPEN = "open"
    MONITORING = "monitoring"
    CLOSING = "closing"
    CLOSED = "closed"
    FAILED = "failed"


@unique
class SignalStatus(StrEnum):
    """The life of a signal; trading-rules §1."""

    RECEIVED = "received"
    DENIED = "denied"
    ABANDONED = "abandoned"
    MONITORING = "monitoring"
    ENTERING = "entering"
    IN_POSITION = "in_position"
    COMPLETED = "completed"
    EXPIRED = "expired"
    FAILED = "failed"


@unique
class SignalDecision(StrEnum):
    """What analysis says of a signal."""

    ENTER_TRADE = "enter_trade"
    WAIT = "wait"
    BAD_SETUP = "bad_setup"


@unique
class PositionDecision(StrEnum):
    """What analysis says of a position."""

    HOLD = "hold"
    ADJUST_STOP_LOSS = "adjust_sl"
    ADJUST_TAKE_PROFIT = "adjust_tp"
    ADD = "add"
    REDUCE = "reduce"
    CLOSE = "close"


@unique
class Protection(StrEnum):
    """How a position's stop and target rest at the venue."""

    OPOCO = "opoco"
    OPO = "opo"
    OTOCO = "otoco"
    OTO = "oto"
    OCO = "oco"
    STOP = "stop"
    NONE = "none"


@unique
class ErrorClass(StrEnum):
    """What a venue's error means for the request; trading-rules §6."""

    RETRYABLE = "retryable"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"
    CLOCK = "clock"
    RATE = "rate"


# -- client order ids --------------------------------------------------------------------------------------------

CLIENT_ORDER_ID_MAX = 36
FOREIGN_STOP = "RT_ES_"
"""The ids of all that the emergency stop by keys sends begin with this."""
_CLIENT_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,36}", re.ASCII)
_OURS = re.compile(r"RT_([A-Za-z0-9]{1,8})_([0-9]+)_([ESTXMLC])_([0-9]+)", re.ASCII)


def client_order_id(tag: str, position: int, leg: Leg, attempt: int) -> ClientOrderId:
    """Name an order: ``RT_<ledger tag>_<position>_<leg>_<attempt>``, a pure function of the ledger's state."""
    name = f"RT_{tag}_{position}_{leg}_{attempt}"
    assert len(name) <= CLIENT_ORDER_ID_MAX, name
    return name


def parse_client_order_id(name: str) -> tuple[str, int, Leg, int] | None:
    """Read ``(tag, position, leg, attempt)`` back from one of our ids; None when the id is not of our making."""
    match = _OURS.fullmatch(name)
    if match is None:
        return None
    tag, position, leg, attempt = match.groups()
    return tag, int(position), Leg(leg), int(attempt)


def is_client_order_id(name: str) -> bool:
    """Whether the venue would take this text as a client order id."""
    return _CLIENT_ORDER_ID.fullmatch(name) is not None
