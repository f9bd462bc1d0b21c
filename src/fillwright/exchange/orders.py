"""Orders and order lists as the exchange keeps them, and the shapes in which it shows them."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.types import (
    CONTINGENT_TYPES,
    ZERO,
    AccountId,
    ClientOrderId,
    Contingency,
    ExpiryReason,
    ListKind,
    ListOrderStatus,
    ListStatus,
    OrderType,
    SelfTradePrevention,
    Side,
    Symbol,
    Time,
    TimeInForce,
    VenueOrderStatus,
)
from fillwright.exchange.messages import NO_ID, CancelResponse, ListLeg, ListView, OrderView, TradeView

# Members bound once: attribute access on an enum class costs more than the comparison itself.
_OCO = ListKind.OCO
_OPO = ListKind.OPO
_OPOCO = ListKind.OPOCO
_LIST_ORDER_EXECUTING = ListOrderStatus.EXECUTING
_MARKET = OrderType.MARKET
_TAKE_PROFIT = OrderType.TAKE_PROFIT
_TAKE_PROFIT_LIMIT = OrderType.TAKE_PROFIT_LIMIT
_SELL = Side.SELL
_NEW = VenueOrderStatus.NEW
_PARTIALLY_FILLED = VenueOrderStatus.PARTIALLY_FILLED
_PENDING_NEW = VenueOrderStatus.PENDING_NEW


class Order(msgspec.Struct, gc=False, array_like=True):
    """One order. Lists are referred to by id, so that no order is ever part of a reference cycle."""

    order_id: int
    account_id: AccountId
    symbol: Symbol
    client_order_id: ClientOrderId
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal
    stop_price: Decimal
    stp: SelfTradePrevention
    time: Time
    status: VenueOrderStatus
    quote_order_quantity: Decimal = ZERO
    trailing_delta: int = 0
    """Basis points; 0 when the order does not trail."""
    iceberg_quantity: Decimal = ZERO
    order_list_id: int = NO_ID
    executed: Decimal = ZERO
    executed_quote: Decimal = ZERO
    prevented: Decimal = ZERO
    locked: Decimal = ZERO
    """What this order alone holds locked: quote when buying, base when selling. A pair's lock is its list's."""
    update_time: Time = 0
    is_working: bool = False
    working_time: Time = NO_ID
    trailing_time: Time = NO_ID
    extreme: Decimal = ZERO
    """The best price since tracking began; 0 while a trailing order does not track yet."""
    trigger: Decimal = ZERO
    """The price at which the order acts next: stop price, or where a trailing order fires."""
    lock_price: Decimal = ZERO
    """The price at which a contingent order without a limit locks quote, fixed when it is armed."""
    is_triggered: bool = False
    sequence: int = 0
    """Time priority: drawn anew whenever the order begins to wait or to rest."""
    queue_ahead: Decimal | None = ZERO
    """Quantity of the outside market before us at our price; None: unknown, a touch never fills."""
    candle: Time = NO_ID
    """Opening time of the candle inside which the order began to wait or work; -1 outside of any."""
    cancel_client_order_id: ClientOrderId = ""
    expiry_reason: ExpiryReason | None = None
    amends: int = 0
    fills: list[TradeView] = []
    """Remembered as long as the order itself."""
    strategy_id: int | None = None
    strategy_type: int | None = None
    prevented_match_id: int | None = None
    """The latest match that self-trade prevention took something of this order for."""

    @property
    def remaining(self) -> Decimal:
        """What may still execute."""
        return self.quantity - self.executed - self.prevented

    @property
    def is_open(self) -> bool:
        """Whether the order is not final."""
        status = self.status
        return status is _NEW or status is _PARTIALLY_FILLED or status is _PENDING_NEW

    @property
    def is_contingent(self) -> bool:
        """Whether the order still waits for its trigger."""
        return not self.is_triggered and self.type in CONTINGENT_TYPES

    @property
    def is_profit_taking(self) -> bool:
        """Whether the order waits for a price better than the market's."""
        return self.type is _TAKE_PROFIT or self.type is _TAKE_PROFIT_LIMIT

    def lock_needed(self) -> Decimal:
        """What the order must hold locked for what remains of it (quote when buying, base when selling)."""
        if self.type is _MARKET:
            return ZERO
        if self.side is _SELL:
            return self.remaining
        if self.price:
            return self.price * self.remaining
        if self.is_triggered:
            return ZERO
        return self.lock_price * self.remaining


class OrderList(msgspec.Struct, gc=False, array_like=True):
    """An order list: its legs in reported order, the lock a pair shares, and what an OPO has received."""

    order_list_id: int
    account_id: AccountId
    symbol: Symbol
    kind: ListKind
    list_client_order_id: ClientOrderId
    legs: tuple[int, ...]
    transaction_time: Time
    named: tuple[ListLeg, ...] = ()
    """The legs as lists show them."""
    status: ListStatus = ListStatus.EXEC_STARTED
    order_status: ListOrderStatus = ListOrderStatus.EXECUTING
    is_released: bool = False
    """Whether the pending legs entered the book; an OCO's legs do so at once."""
    locked: Decimal = ZERO
    """The one lock of a pair that neither leg has been touched of."""
    received: Decimal = ZERO
    """What an OPO's working leg has brought in and holds locked until the release."""

    @property
    def contingency(self) -> Contingency:
        """OTOCO, OPO and OPOCO all report OTO."""
        return Contingency.OCO if self.kind is _OCO else Contingency.OTO

    @property
    def working(self) -> int:
        """The working leg's order id; -1 for an OCO."""
        return NO_ID if self.kind is _OCO else self.legs[0]

    @property
    def pending(self) -> tuple[int, ...]:
        """The legs that wait for the working one; of an OCO both legs."""
        return self.legs if self.kind is _OCO else self.legs[1:]

    @property
    def takes_received(self) -> bool:
        """Whether the pending legs sell what the working leg received (OPO, OPOCO)."""
        return self.kind is _OPO or self.kind is _OPOCO

    @property
    def is_open(self) -> bool:
        """Whether any leg is open."""
        return self.order_status is _LIST_ORDER_EXECUTING


def order_view(order: Order) -> OrderView:
    """Show an order as queries do."""
    trailing = order.trailing_delta
    return OrderView(
        order.symbol,
        order.order_id,
        order.order_list_id,
        order.client_order_id,
        order.price,
        order.quantity,
        order.executed,
        order.executed_quote,
        order.status,
        order.time_in_force,
        order.type,
        order.side,
        order.stop_price,
        order.iceberg_quantity,
        order.time,
        order.update_time,
        order.is_working,
        order.working_time,
        order.quote_order_quantity,
        order.stp,
        trailing or None,
        order.trailing_time if trailing else None,
        order.prevented,
        order.expiry_reason,
        order.prevented_match_id,
        order.strategy_id,
        order.strategy_type,
    )


def cancel_view(order: Order, now: Time) -> CancelResponse:
    """Show an order just cancelled: its own id as the original, the cancel's id as the new one."""
    return CancelResponse(now, order.client_order_id, order.cancel_client_order_id, order_view(order))


def list_view(order_list: OrderList) -> ListView:
    """Show a list with the ids of its legs."""
    return ListView(
        order_list.order_list_id,
        order_list.contingency,
        order_list.status,
        order_list.order_status,
        order_list.list_client_order_id,
        order_list.transaction_time,
        order_list.symbol,
        order_list.named,
    )


def name_legs(legs: list[Order]) -> tuple[ListLeg, ...]:
    """Name the legs of a list."""
    return tuple([ListLeg(leg.symbol, leg.order_id, leg.client_order_id) for leg in legs])
