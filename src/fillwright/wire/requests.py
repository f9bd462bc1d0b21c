"""What may change orders at Binance, as its wire has it: a method's name, a path, and parameters in exact text.

One ``WireRequest`` serves the WebSocket API and REST alike; signing adds the rest (``wire.signing``), reading is in
``wire.queries``. Sources: Binance Spot REST "Trading endpoints", "Order lists", WebSocket API "Trading requests".
"""

from __future__ import annotations

from functools import singledispatch

import msgspec

from fillwright.core.requests import (
    AmendRequest,
    CancelListRequest,
    CancelOpenOrdersRequest,
    CancelReplaceRequest,
    CancelRequest,
    OrderListRequest,
    OrderRequest,
    Request,
)
from fillwright.core.types import ListKind, plain

Value = str | int | bool | tuple[str, ...]
"""Decimals are text as it will be signed, whole numbers and flags are JSON's own; a tuple is a list of names."""
Parameters = tuple[tuple[str, Value], ...]
"""Names and values in the order in which REST sends them."""

FULL: tuple[str, Value] = ("newOrderRespType", "FULL")
"""Every order asks for the whole answer: the default for stops tells neither status nor fills."""


class WireRequest(msgspec.Struct, frozen=True, gc=False):
    """One request, complete but for key, time and signature."""

    method: str
    """The WebSocket API's name, for example ``order.place``; empty: REST only."""
    rest: tuple[str, str]
    """HTTP method and path, for example ``("POST", "/api/v3/order")``; empty: the WebSocket API only."""
    parameters: Parameters = ()
    weight: int = 1
    """What it costs of REQUEST_WEIGHT when it fails, and when it succeeds unless ``is_free``."""
    orders: int = 0
    """What it adds to ORDERS, the count of unfilled orders."""
    is_signed: bool = True
    is_free: bool = False
    """Whether a success costs no weight (placing and cancelling, since 2026-04-02)."""
    changes: bool = False
    """Whether it may change orders: without an answer its outcome is in doubt."""


@singledispatch
def encoded(request: Request) -> WireRequest:
    """Spell a request; ValueError when it is none that Binance knows a way to spell."""
    raise ValueError(f"{type(request).__name__} is no request")


# -- orders ------------------------------------------------------------------------------------------------------


@encoded.register
def _order(request: OrderRequest) -> WireRequest:
    return WireRequest(
        "order.place",
        ("POST", "/api/v3/order"),
        (*_new_order(request), FULL),
        orders=1,
        is_free=True,
        changes=True,
    )


def _new_order(request: OrderRequest) -> list[tuple[str, Value]]:
    sent: list[tuple[str, Value]] = [
        ("symbol", request.symbol),
        ("side", request.side.value),
        ("type", request.type.value),
        ("newClientOrderId", request.client_order_id),
    ]
    if request.time_in_force is not None:
        sent.append(("timeInForce", request.time_in_force.value))
    if request.quantity is not None:
        sent.append(("quantity", plain(request.quantity)))
    if request.quote_order_quantity is not None:
        sent.append(("quoteOrderQty", plain(request.quote_order_quantity)))
    if request.price is not None:
        sent.append(("price", plain(request.price)))
    if request.stop_price is not None:
        sent.append(("stopPrice", plain(request.stop_price)))
    if request.trailing_delta is not None:
        sent.append(("trailingDelta", request.trailing_delta))
    if request.iceberg_quantity is not None:
        sent.append(("icebergQty", plain(request.iceberg_quantity)))
    if request.strategy_id is not None:
        sent.append(("strategyId", request.strategy_id))
    if request.strategy_type is not None:
        sent.append(("strategyType", request.strategy_type))
    if request.stp is not None:
        sent.append(("selfTradePreventionMode", request.stp.value))
    return sent


# -- lists -------------------------------------------------------------------------------------------------------


class _LegNames(msgspec.Struct, frozen=True):
    """How a list spells what one of its orders has; the order is that of ``_leg``'s values."""

    type: str
    client_order_id: str
    time_in_force: str
    price: str
    stop_price: str
    trailing_delta: str
    iceberg_quantity: str
    strategy_id: str
    strategy_type: str


def _leg_names(prefix: str) -> _LegNames:
    names = (
        "Type", "ClientOrderId", "TimeInForce", "Price", "StopPrice", "TrailingDelta", "IcebergQty",
        "StrategyId", "StrategyType",
    )  # fmt: skip
    return _LegNames(*[prefix + name for name in names])


_ABOVE, _BELOW = _leg_names("above"), _leg_names("below")
_WORKING, _PENDING = _leg_names("working"), _leg_names("pending")
_PENDING_ABOVE, _PENDING_BELOW = _leg_names("pendingAbove"), _leg_names("pendingBelow")
_METHODS = {
    kind: (f"orderList.place.{kind.value.lower()}", ("POST", f"/api/v3/orderList/{kind.value.lower()}"))
    for kind in ListKind
}
_LEGS = {ListKind.OCO: 2, ListKind.OTO: 2, ListKind.OPO: 2, ListKind.OTOCO: 3, ListKind.OPOCO: 3}
_SIZED_BY_THE_EXCHANGE = (ListKind.OPO, ListKind.OPOCO)


@encoded.register
def _list(request: OrderListRequest) -> WireRequest:
    kind, legs = request.kind, request.legs
    _check_list(request)
    sent: list[tuple[str, Value]] = [
        ("symbol", request.symbol),
        ("listClientOrderId", request.list_client_order_id),
    ]
    if kind is ListKind.OCO:
        sent.append(("side", legs[0].side.value))
        _add_quantity(sent, "quantity", legs[0])
        _add_leg(sent, _BELOW, legs[0])
        _add_leg(sent, _ABOVE, legs[1])
    else:
        sent.append(("workingSide", legs[0].side.value))
        _add_quantity(sent, "workingQuantity", legs[0])
        _add_leg(sent, _WORKING, legs[0])
        sent.append(("pendingSide", legs[1].side.value))
        if kind not in _SIZED_BY_THE_EXCHANGE:
            _add_quantity(sent, "pendingQuantity", legs[1])
        if len(legs) == 2:
            _add_leg(sent, _PENDING, legs[1])
        else:
            _add_leg(sent, _PENDING_BELOW, legs[1])
            _add_leg(sent, _PENDING_ABOVE, legs[2])
    if legs[0].stp is not None:
        sent.append(("selfTradePreventionMode", legs[0].stp.value))
    sent.append(FULL)
    method, rest = _METHODS[kind]
    return WireRequest(method, rest, tuple(sent), orders=_LEGS[kind], is_free=True, changes=True)


def _check_list(request: OrderListRequest) -> None:
    """What a list's parameters cannot say is refused here, before anything else would be sent than was meant."""
    kind, legs, symbol = request.kind, request.legs, request.symbol
    if len(legs) != _LEGS[kind]:
        raise ValueError(f"{kind} has {_LEGS[kind]} legs, not {len(legs)}")
    first, pair = legs[0], (legs if kind is ListKind.OCO else legs[1:])
    for leg in legs:
        if leg.symbol != symbol or leg.stp is not first.stp or leg.quote_order_quantity is not None:
            raise ValueError(
                f"the legs of {kind} share symbol and self-trade prevention, and have quantities"
            )
    for leg in pair[1:]:
        if leg.side is not pair[0].side or leg.quantity != pair[0].quantity:
            raise ValueError(f"the exits of {kind} share side and quantity")
    if kind in _SIZED_BY_THE_EXCHANGE and pair[0].quantity is not None:
        raise ValueError(f"the exits of {kind} are sized by the exchange")


def _add_quantity(sent: list[tuple[str, Value]], name: str, leg: OrderRequest) -> None:
    if leg.quantity is None:
        raise ValueError(f"{name} is missing")
    sent.append((name, plain(leg.quantity)))


def _add_leg(sent: list[tuple[str, Value]], names: _LegNames, leg: OrderRequest) -> None:
    sent.append((names.type, leg.type.value))
    sent.append((names.client_order_id, leg.client_order_id))
    if leg.time_in_force is not None:
        sent.append((names.time_in_force, leg.time_in_force.value))
    if leg.price is not None:
        sent.append((names.price, plain(leg.price)))
    if leg.stop_price is not None:
        sent.append((names.stop_price, plain(leg.stop_price)))
    if leg.trailing_delta is not None:
        sent.append((names.trailing_delta, leg.trailing_delta))
    if leg.iceberg_quantity is not None:
        sent.append((names.iceberg_quantity, plain(leg.iceberg_quantity)))
    if leg.strategy_id is not None:
        sent.append((names.strategy_id, leg.strategy_id))
    if leg.strategy_type is not None:
        sent.append((names.strategy_type, leg.strategy_type))


# -- cancels, replacements, amendments ---------------------------------------------------------------------------


@encoded.register
def _cancel(request: CancelRequest) -> WireRequest:
    sent: list[tuple[str, Value]] = [("symbol", request.symbol)]
    _add_which(sent, request.order_id, request.orig_client_order_id)
    if request.cancel_client_order_id is not None:
        sent.append(("newClientOrderId", request.cancel_client_order_id))
    if request.restriction is not None:
        sent.append(("cancelRestrictions", request.restriction.value))
    return _freely("order.cancel", "DELETE", "order", sent)


@encoded.register
def _cancel_list(request: CancelListRequest) -> WireRequest:
    sent: list[tuple[str, Value]] = [("symbol", request.symbol)]
    _add_which(sent, request.order_list_id, request.list_client_order_id, "orderListId", "listClientOrderId")
    if request.cancel_client_order_id is not None:
        sent.append(("newClientOrderId", request.cancel_client_order_id))
    return _freely("orderList.cancel", "DELETE", "orderList", sent)


@encoded.register
def _cancel_open_orders(request: CancelOpenOrdersRequest) -> WireRequest:
    return _freely("openOrders.cancelAll", "DELETE", "openOrders", [("symbol", request.symbol)])


@encoded.register
def _cancel_replace(request: CancelReplaceRequest) -> WireRequest:
    cancel = request.cancel
    if cancel.symbol != request.order.symbol:
        raise ValueError("a cancelReplace is about one symbol")
    sent = _new_order(request.order)
    sent.append(("cancelReplaceMode", request.mode.value))
    _add_which(sent, cancel.order_id, cancel.orig_client_order_id, "cancelOrderId", "cancelOrigClientOrderId")
    if cancel.cancel_client_order_id is not None:
        sent.append(("cancelNewClientOrderId", cancel.cancel_client_order_id))
    if cancel.restriction is not None:
        sent.append(("cancelRestrictions", cancel.restriction.value))
    sent += (("orderRateLimitExceededMode", request.when_exceeded.value), FULL)
    return _freely("order.cancelReplace", "POST", "order/cancelReplace", sent, orders=1)


@encoded.register
def _amend(request: AmendRequest) -> WireRequest:
    sent: list[tuple[str, Value]] = [("symbol", request.symbol)]
    _add_which(sent, request.order_id, request.orig_client_order_id)
    sent.append(("newQty", plain(request.new_quantity)))
    if request.new_client_order_id is not None:
        sent.append(("newClientOrderId", request.new_client_order_id))
    return WireRequest(
        "order.amend.keepPriority",
        ("PUT", "/api/v3/order/amend/keepPriority"),
        tuple(sent),
        weight=4,
        changes=True,
    )


def _add_which(
    sent: list[tuple[str, Value]],
    number: int | None,
    name: str | None,
    number_name: str = "orderId",
    name_name: str = "origClientOrderId",
) -> None:
    if number is None and name is None:
        raise ValueError(f"neither {number_name} nor {name_name} is given")
    if number is not None:
        sent.append((number_name, number))
    if name is not None:
        sent.append((name_name, name))


def _freely(method: str, verb: str, path: str, sent: list[tuple[str, Value]], orders: int = 0) -> WireRequest:
    return WireRequest(
        method, (verb, f"/api/v3/{path}"), tuple(sent), orders=orders, is_free=True, changes=True
    )
