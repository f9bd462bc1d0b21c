"""Order lists: OCO, OTO, OTOCO, OPO, OPOCO, the deprecated OCO, and their cancel.

The exchange names legs (below, above) and (working, pending[, below, above]), as the parameters' prefixes do; only the
deprecated OCO has names of its own, so that errors about its legs are translated.
Sources: Binance Spot REST "Order lists", WebSocket API "Trading requests".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fillwright.core.requests import CancelListRequest, OrderListRequest, OrderRequest
from fillwright.core.types import ListKind, OrderType, Side
from fillwright.exchange.messages import CancelListResponse, ExchangeError, ListResponse
from fillwright.exchange.server.operations import Call, Operation, Parameter
from fillwright.exchange.server.order_parameters import (
    RESPONSE_TYPE,
    SIDES,
    STP,
    STP_MODES,
    TIMES_IN_FORCE,
    TYPES,
    client_id,
    decimal,
    integer,
    leg_names,
    leg_parameters,
    leg_request,
    order_type,
    side,
    strategy,
    symbol,
    time_in_force,
)
from fillwright.exchange.server.security import Security
from fillwright.exchange.server.shapes import Json, ResponseType
from fillwright.exchange.server.shapes_lists import cancelled, list_response
from fillwright.wire.errors import message

_ABOVE, _BELOW = leg_names("above"), leg_names("below")
_WORKING, _PENDING = leg_names("working"), leg_names("pending")
_PENDING_ABOVE, _PENDING_BELOW = leg_names("pendingAbove"), leg_names("pendingBelow")
_COMMON = (client_id("listClientOrderId"), RESPONSE_TYPE, STP)

Legs = tuple[OrderRequest, ...]


def _place(call: Call, kind: ListKind, legs: Legs) -> Json:
    exchange, get = call.box.exchange, call.parameters.get
    name = get("listClientOrderId") or exchange.generated_id()
    request = OrderListRequest(kind, call.parameters["symbol"], name, legs)
    response = exchange.execute(call.account_id, request, call.now)
    assert isinstance(response, ListResponse)
    return list_response(response, ResponseType(get("newOrderRespType", ResponseType.FULL)), call.time)


# -- OCO ---------------------------------------------------------------------------------------------------------


def place_oco(call: Call) -> Json:
    """Place an OCO."""
    sent = call.parameters
    leg_side, quantity = SIDES[sent["side"]], sent["quantity"]
    below = leg_request(call, _BELOW, leg_side, TYPES[sent["belowType"]], quantity)
    above = leg_request(call, _ABOVE, leg_side, TYPES[sent["aboveType"]], quantity)
    return _place(call, ListKind.OCO, (below, above))


def place_old_oco(call: Call) -> Json:
    """Place an OCO by the deprecated request: a LIMIT_MAKER, and a stop that the stop limit price makes a limit one."""
    sent, get, exchange = call.parameters, call.parameters.get, call.box.exchange
    if get("stopLimitTimeInForce") is None and get("stopLimitPrice") is not None:
        raise ExchangeError(-1102, message(-1102, "stopLimitTimeInForce"))
    leg_side, stp = SIDES[sent["side"]], STP_MODES[get("selfTradePreventionMode")]
    limit = OrderRequest(
        sent["symbol"],
        leg_side,
        OrderType.LIMIT_MAKER,
        get("limitClientOrderId") or exchange.generated_id(),
        quantity=sent["quantity"],
        price=sent["price"],
        iceberg_quantity=get("limitIcebergQty"),
        stp=stp,
        strategy_id=get("limitStrategyId"),
        strategy_type=get("limitStrategyType"),
    )
    stop = OrderRequest(
        sent["symbol"],
        leg_side,
        OrderType.STOP_LOSS if get("stopLimitPrice") is None else OrderType.STOP_LOSS_LIMIT,
        get("stopClientOrderId") or exchange.generated_id(),
        TIMES_IN_FORCE[get("stopLimitTimeInForce")],
        sent["quantity"],
        None,
        get("stopLimitPrice"),
        sent["stopPrice"],
        get("trailingDelta"),
        get("stopIcebergQty"),
        stp,
        get("stopStrategyId"),
        get("stopStrategyType"),
    )
    buying = leg_side is Side.BUY
    legs = (limit, stop) if buying else (stop, limit)
    try:
        return _place(call, ListKind.OCO, legs)
    except ExchangeError as error:
        text = _in_old_words(error.message, "below" if buying else "above")
        raise ExchangeError(error.code, text, error.http_status) from error


_OLD_LIMIT = {
    "ClientOrderId": "limitClientOrderId",
    "Price": "price",
    "IcebergQty": "limitIcebergQty",
}
_OLD_STOP = {
    "ClientOrderId": "stopClientOrderId",
    "Price": "stopLimitPrice",
    "StopPrice": "stopPrice",
    "TrailingDelta": "trailingDelta",
    "TimeInForce": "stopLimitTimeInForce",
    "IcebergQty": "stopIcebergQty",
}
_leg_name = re.compile(r"'(above|below)(\w+)'")


def _in_old_words(text: str, limit_prefix: str) -> str:
    """An error about a leg, in the names of the deprecated request."""

    def rename(match: re.Match[str]) -> str:
        names = _OLD_LIMIT if match[1] == limit_prefix else _OLD_STOP
        return f"'{names.get(match[2], match[1] + match[2])}'"

    return _leg_name.sub(rename, text)


# -- lists that begin with one order -----------------------------------------------------------------------------


def _working(call: Call) -> OrderRequest:
    sent = call.parameters
    return leg_request(
        call, _WORKING, SIDES[sent["workingSide"]], TYPES[sent["workingType"]], sent["workingQuantity"]
    )


def _one_pending(call: Call) -> Legs:
    sent = call.parameters
    quantity: Decimal | None = sent.get("pendingQuantity")
    pending = leg_request(call, _PENDING, SIDES[sent["pendingSide"]], TYPES[sent["pendingType"]], quantity)
    return (_working(call), pending)


def _pair_pending(call: Call) -> Legs:
    sent = call.parameters
    pending_side, quantity = SIDES[sent["pendingSide"]], sent.get("pendingQuantity")
    below = leg_request(call, _PENDING_BELOW, pending_side, TYPES[sent["pendingBelowType"]], quantity)
    above = leg_request(call, _PENDING_ABOVE, pending_side, TYPES[sent["pendingAboveType"]], quantity)
    return (_working(call), below, above)


def place_oto(call: Call) -> Json:
    """Place an OTO."""
    return _place(call, ListKind.OTO, _one_pending(call))


def place_otoco(call: Call) -> Json:
    """Place an OTOCO."""
    return _place(call, ListKind.OTOCO, _pair_pending(call))


def place_opo(call: Call) -> Json:
    """Place an OPO."""
    return _place(call, ListKind.OPO, _one_pending(call))


def place_opoco(call: Call) -> Json:
    """Place an OPOCO."""
    return _place(call, ListKind.OPOCO, _pair_pending(call))


# -- cancel ------------------------------------------------------------------------------------------------------


def cancel_list(call: Call) -> Json:
    """Cancel a whole list."""
    get = call.parameters.get
    request = CancelListRequest(
        symbol=call.parameters["symbol"],
        order_list_id=get("orderListId"),
        list_client_order_id=get("listClientOrderId"),
        cancel_client_order_id=get("newClientOrderId"),
    )
    response = call.box.exchange.execute(call.account_id, request, call.now)
    assert isinstance(response, CancelListResponse)
    return cancelled(response, call.time)


# -- what can be asked -------------------------------------------------------------------------------------------

_OCO: tuple[Parameter, ...] = (
    symbol(),
    side(),
    decimal("quantity", required=True),
    order_type("aboveType"),
    *leg_parameters("above"),
    order_type("belowType"),
    *leg_parameters("below"),
    *_COMMON,
)
_OLD_OCO: tuple[Parameter, ...] = (
    symbol(),
    side(),
    decimal("quantity", required=True),
    client_id("limitClientOrderId"),
    decimal("price", required=True),
    *strategy("limit"),
    decimal("limitIcebergQty"),
    integer("trailingDelta"),
    client_id("stopClientOrderId"),
    decimal("stopPrice", required=True),
    *strategy("stop"),
    decimal("stopLimitPrice"),
    decimal("stopIcebergQty"),
    time_in_force("stopLimitTimeInForce"),
    *_COMMON,
)
_FIRST: tuple[Parameter, ...] = (
    symbol(),
    order_type("workingType"),
    side("workingSide"),
    decimal("workingPrice", required=True),
    decimal("workingQuantity", required=True),
    *[one for one in leg_parameters("working") if one.name != "workingPrice"],
)
_PENDING_ORDER: tuple[Parameter, ...] = (
    order_type("pendingType"),
    side("pendingSide"),
    *leg_parameters("pending"),
    *_COMMON,
)
_PENDING_PAIR: tuple[Parameter, ...] = (
    side("pendingSide"),
    order_type("pendingAboveType"),
    *leg_parameters("pendingAbove"),
    order_type("pendingBelowType"),
    *leg_parameters("pendingBelow"),
    *_COMMON,
)
_PENDING_QUANTITY = decimal("pendingQuantity", required=True)


def _operation(
    name: str, path: str, parameters: tuple[Parameter, ...], handle: Callable[[Call], Any]
) -> Operation:
    return Operation(
        name,
        "POST",
        f"/api/v3/{path}",
        Security.TRADE,
        parameters,
        handle,
        is_free_on_success=True,
        shows_order_counts=True,
    )


LISTS: tuple[Operation, ...] = (
    _operation("orderList.place.oco", "orderList/oco", _OCO, place_oco),
    _operation(
        "orderList.place.oto", "orderList/oto", (*_FIRST, _PENDING_QUANTITY, *_PENDING_ORDER), place_oto
    ),
    _operation(
        "orderList.place.otoco", "orderList/otoco", (*_FIRST, _PENDING_QUANTITY, *_PENDING_PAIR), place_otoco
    ),
    _operation("orderList.place.opo", "orderList/opo", (*_FIRST, *_PENDING_ORDER), place_opo),
    _operation("orderList.place.opoco", "orderList/opoco", (*_FIRST, *_PENDING_PAIR), place_opoco),
    _operation("orderList.place", "order/oco", _OLD_OCO, place_old_oco),
    Operation(
        "orderList.cancel",
        "DELETE",
        "/api/v3/orderList",
        Security.TRADE,
        (symbol(), integer("orderListId"), client_id("listClientOrderId"), client_id("newClientOrderId")),
        cancel_list,
        is_free_on_success=True,
    ),
)
"""Order lists."""
