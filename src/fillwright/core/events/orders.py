"""Events of orders."""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.events.base import Check, Event, Fill
from fillwright.core.inputs import Quote
from fillwright.core.types import (
    ZERO,
    ClientOrderId,
    Leg,
    ListKind,
    OrderType,
    SelfTradePrevention,
    Side,
    Symbol,
    Time,
    TimeInForce,
)


class OrderDenied(Event, frozen=True):
    """Our checks refused an order; no order came to be."""

    symbol: Symbol
    side: Side
    order_type: OrderType
    code: str
    checks: tuple[Check, ...]
    position_id: int = 0
    by: str = ""


class OrderSubmitted(Event, frozen=True):
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


class OrderPlaced(Event, frozen=True):
    """The venue acknowledged an order: on the book, waiting for its trigger, or (pending) for its list."""

    id: ClientOrderId
    exchange_order_id: int
    order_list_id: int = -1
    pending: bool = False
    quantity: Decimal | None = None


class OrderPartiallyFilled(Event, frozen=True):
    """An execution that leaves something open (or came after the order had ended)."""

    id: ClientOrderId
    fill: Fill


class OrderFilled(Event, frozen=True):
    """The execution that completes an order."""

    id: ClientOrderId
    fill: Fill


class OrderCancelRequested(Event, frozen=True):
    """The intent to cancel an order (a list: each of its legs)."""

    id: ClientOrderId
    cancel_id: ClientOrderId
    reason: str


class OrderCancelRefused(Event, frozen=True):
    """The venue would not cancel, and the order still works; before ``retry_at`` it is not asked again."""

    id: ClientOrderId
    code: int
    message: str
    retry_at: Time = 0


class OrderCancelled(Event, frozen=True):
    """An order was cancelled (it may have fills)."""

    id: ClientOrderId
    reason: str = ""


class OrderRejected(Event, frozen=True):
    """The venue refused an order, or it never arrived there (code 0)."""

    id: ClientOrderId
    code: int
    reason: str
    never_arrived: bool = False
    retryable: bool = False
    retry_at: Time = 0
    """Before then the venue takes none of its kind (too many were sent); 0: it did not say."""


class OrderExpired(Event, frozen=True):
    """An order ended by its own rules or the exchange's (it may have fills)."""

    id: ClientOrderId
    reason: str


class OrderUnknown(Event, frozen=True):
    """Nobody can say whether a request took effect: the order is in doubt, and asked about."""

    id: ClientOrderId
    reason: str
    request: str = "place"
    """place | cancel | replace"""


class OrderQueried(Event, frozen=True):
    """The venue was asked about an order in doubt."""

    id: ClientOrderId
    tries: int
    next_at: Time


class OrderNotFound(Event, frozen=True):
    """The venue did not know an order we asked about."""

    id: ClientOrderId
    times: int
    """So often since the request cannot be under way any more."""


class OrderAmended(Event, frozen=True):
    """An order's quantity was reduced with its priority kept."""

    id: ClientOrderId
    quantity: Decimal


class OrderAmendRequested(Event, frozen=True):
    """The intent to reduce an order's quantity."""

    id: ClientOrderId
    quantity: Decimal
    reason: str


class OrderAmendRefused(Event, frozen=True):
    """The venue refused to reduce an order's quantity (``final``: for good), or nobody can say."""

    id: ClientOrderId
    code: int
    message: str
    retry_at: Time = 0
    final: bool = False


class OrderAdopted(Event, frozen=True):
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


class ExternalOrderSeen(Event, frozen=True):
    """An order that is not ours: shown, never touched by anything automatic."""

    symbol: Symbol
    client_order_id: ClientOrderId
    exchange_order_id: int
    side: Side
    order_type: OrderType
    quantity: Decimal
    executed_quantity: Decimal
    status: str
