"""What can be asked of a venue, as data: place, list, cancel, cancelReplace, amend.

The core puts these into effects, the exchange takes them as they are, the wire encodes them: one vocabulary for
both sides. Field names follow Binance's parameters. Sources: Binance Spot REST "Trading endpoints"; an id
given twice (by the venue's number and by ours) must agree.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.types import (
    CancelReplaceMode,
    CancelRestriction,
    ClientOrderId,
    ListKind,
    OrderRateLimitExceededMode,
    OrderType,
    SelfTradePrevention,
    Side,
    Symbol,
    TimeInForce,
)


class OrderRequest(msgspec.Struct, tag_field="request", tag=True, frozen=True, gc=False, omit_defaults=True):
    """A new order, alone or as a leg of a list (a pending leg of OPO and OPOCO has no quantity)."""

    symbol: Symbol
    side: Side
    type: OrderType
    client_order_id: ClientOrderId
    time_in_force: TimeInForce | None = None
    quantity: Decimal | None = None
    quote_order_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    """Basis points."""
    iceberg_quantity: Decimal | None = None
    stp: SelfTradePrevention | None = None
    """None: the symbol's default mode."""
    strategy_id: int | None = None
    """A label of the caller's, shown wherever the order is."""
    strategy_type: int | None = None


class OrderListRequest(msgspec.Struct, tag_field="request", tag=True, frozen=True, gc=False):
    """A new order list.

    ``legs`` are in the order of Binance's parameters: OCO (below, above); OTO and OPO (working, pending); OTOCO and
    OPOCO (working, pending below, pending above). Of a pair, whichever the side, the stop is reported first.
    """

    kind: ListKind
    symbol: Symbol
    list_client_order_id: ClientOrderId
    legs: tuple[OrderRequest, ...]


class CancelRequest(
    msgspec.Struct, tag_field="request", tag=True, frozen=True, kw_only=True, gc=False, omit_defaults=True
):
    """Cancel one order; a leg's cancel takes its whole list."""

    symbol: Symbol
    order_id: int | None = None
    orig_client_order_id: ClientOrderId | None = None
    cancel_client_order_id: ClientOrderId | None = None
    restriction: CancelRestriction | None = None


class CancelListRequest(
    msgspec.Struct, tag_field="request", tag=True, frozen=True, kw_only=True, gc=False, omit_defaults=True
):
    """Cancel all legs of one order list."""

    symbol: Symbol
    order_list_id: int | None = None
    list_client_order_id: ClientOrderId | None = None
    cancel_client_order_id: ClientOrderId | None = None


class CancelOpenOrdersRequest(
    msgspec.Struct, tag_field="request", tag=True, frozen=True, kw_only=True, gc=False
):
    """Cancel every open order and list of one symbol."""

    symbol: Symbol


class CancelReplaceRequest(
    msgspec.Struct, tag_field="request", tag=True, frozen=True, kw_only=True, gc=False
):
    """Cancel one order (with its list) and place another: filters first, then the cancel, then the new order."""

    mode: CancelReplaceMode
    cancel: CancelRequest
    order: OrderRequest
    when_exceeded: OrderRateLimitExceededMode = OrderRateLimitExceededMode.DO_NOTHING


class AmendRequest(
    msgspec.Struct, tag_field="request", tag=True, frozen=True, kw_only=True, gc=False, omit_defaults=True
):
    """Reduce an order's quantity, keeping its priority (``order/amend/keepPriority``)."""

    symbol: Symbol
    new_quantity: Decimal
    order_id: int | None = None
    orig_client_order_id: ClientOrderId | None = None
    new_client_order_id: ClientOrderId | None = None


Request = (
    OrderRequest
    | OrderListRequest
    | CancelRequest
    | CancelListRequest
    | CancelOpenOrdersRequest
    | CancelReplaceRequest
    | AmendRequest
)
"""Anything that changes orders at a venue."""
