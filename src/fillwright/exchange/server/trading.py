"""Placing, testing, cancelling, replacing and amending orders.

Sources: Binance Spot REST "Trading endpoints", WebSocket API "Trading requests".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fillwright.core.requests import (
    AmendRequest,
    CancelOpenOrdersRequest,
    CancelReplaceRequest,
    CancelRequest,
)
from fillwright.core.types import (
    ZERO,
    CancelReplaceMode,
    CancelRestriction,
    OrderRateLimitExceededMode,
    OrderType,
)
from fillwright.exchange.messages import (
    AmendResponse,
    CancelListResponse,
    CancelReplaceResponse,
    CancelResponse,
    ExchangeError,
    OrderResponse,
    Response,
)
from fillwright.exchange.server.operations import Call, Kind, Operation, Parameter
from fillwright.exchange.server.order_parameters import (
    NEW_ORDER,
    RESPONSE_TYPE,
    RESTRICTIONS,
    STP,
    client_id,
    decimal,
    integer,
    order_request,
    side,
    strategy,
    symbol,
    time_in_force,
)
from fillwright.exchange.server.security import Security
from fillwright.exchange.server.shapes import Json, number, order_response, response_type
from fillwright.exchange.server.shapes_lists import amend_response, cancel_replace, cancelled
from fillwright.exchange.settings import FeeSchedule
from fillwright.wire.errors import message

WEIGHT_OF_TEST = 1
WEIGHT_OF_TEST_WITH_RATES = 20
NO_SOR = "This symbol has no SOR."
_PARTIALLY_FAILED = 409
_TOO_MANY = 429
_RESTRICTIONS: dict[str | None, CancelRestriction | None] = {
    None: None,
    **{one.value: one for one in CancelRestriction},
}
_MODES = {one.value: one for one in CancelReplaceMode}
_EXCEEDED_MODES: dict[str | None, OrderRateLimitExceededMode] = {
    None: OrderRateLimitExceededMode.DO_NOTHING,
    **{one.value: one for one in OrderRateLimitExceededMode},
}


def place(call: Call) -> Json:
    """Place an order."""
    request = order_request(call)
    response = call.box.exchange.execute(call.account_id, request, call.now)
    assert isinstance(response, OrderResponse)
    kind = response_type(call.parameters.get("newOrderRespType"), request.type)
    return order_response(response, kind, call.time)


def check(call: Call) -> Json:
    """Check an order without placing it, and tell the commission rates that it would be traded at."""
    call.box.exchange.test(call.account_id, order_request(call), call.now)
    if not call.parameters.get("computeCommissionRates"):
        return {}
    fees = call.box.exchange.fees(call.account_id)
    none = {"maker": number(ZERO), "taker": number(ZERO)}
    return {
        "standardCommissionForOrder": {"maker": number(fees.maker), "taker": number(fees.taker)},
        "specialCommissionForOrder": none,
        "taxCommissionForOrder": none,
        "discount": discount(fees, call.box.settings.exchange.bnb),
    }


def discount(fees: FeeSchedule, asset: str) -> Json:
    """What paying commission in BNB takes off."""
    return {
        "enabledForAccount": fees.pay_in_bnb,
        "enabledForSymbol": True,
        "discountAsset": asset,
        "discount": number(fees.bnb_discount),
    }


def _test_weight(call: Call) -> int:
    return WEIGHT_OF_TEST_WITH_RATES if call.parameters.get("computeCommissionRates") else WEIGHT_OF_TEST


def no_sor(call: Call) -> Json:
    """Refuse smart order routing, as for a symbol that has none."""
    call.box.exchange.instrument(call.parameters["symbol"])
    raise ExchangeError(-1013, NO_SOR)


def cancel(call: Call) -> Json:
    """Cancel one order, with the list that it is in."""
    get = call.parameters.get
    request = CancelRequest(
        symbol=call.parameters["symbol"],
        order_id=get("orderId"),
        orig_client_order_id=get("origClientOrderId"),
        cancel_client_order_id=get("newClientOrderId"),
        restriction=_RESTRICTIONS[get("cancelRestrictions")],
    )
    response = call.box.exchange.execute(call.account_id, request, call.now)
    assert isinstance(response, CancelResponse | CancelListResponse)
    return cancelled(response, call.time)


def cancel_open_orders(call: Call) -> list[Json]:
    """Cancel all that is open on a symbol."""
    request = CancelOpenOrdersRequest(symbol=call.parameters["symbol"])
    responses = call.box.exchange.execute(call.account_id, request, call.now)
    assert isinstance(responses, tuple)
    return [cancelled(one, call.time) for one in responses]


def replace(call: Call) -> Json:
    """Cancel an order and place another; the error of a half that fails has both halves in its ``data``."""
    get = call.parameters.get
    order_id, orig_client_order_id = get("cancelOrderId"), get("cancelOrigClientOrderId")
    if order_id is None and orig_client_order_id is None:
        both = ("cancelOrigClientOrderId", "cancelOrderId")
        raise ExchangeError(-1102, message(-1102, *both, index=1))
    wanted = get("newOrderRespType")
    order = order_request(call)
    request = CancelReplaceRequest(
        mode=_MODES[call.parameters["cancelReplaceMode"]],
        cancel=CancelRequest(
            symbol=order.symbol,
            order_id=order_id,
            orig_client_order_id=orig_client_order_id,
            cancel_client_order_id=get("cancelNewClientOrderId"),
            restriction=_RESTRICTIONS[get("cancelRestrictions")],
        ),
        order=order,
        when_exceeded=_EXCEEDED_MODES[get("orderRateLimitExceededMode")],
    )
    try:
        response: Response = call.box.exchange.execute(call.account_id, request, call.now)
    except ExchangeError as error:
        if error.data is None:
            raise
        data = cancel_replace(error.data, wanted, call.time)
        status = error.http_status
        if status == _TOO_MANY and call.session is not None:
            status = _PARTIALLY_FAILED  # the WebSocket API has 409 where REST's table has 429
        raise ExchangeError(error.code, error.message, status, data) from error
    assert isinstance(response, CancelReplaceResponse)
    return cancel_replace(response, wanted, call.time)


def amend(call: Call) -> Json:
    """Reduce an order's quantity in its place in the queue."""
    get = call.parameters.get
    request = AmendRequest(
        symbol=call.parameters["symbol"],
        new_quantity=call.parameters["newQty"],
        order_id=get("orderId"),
        orig_client_order_id=get("origClientOrderId"),
        new_client_order_id=get("newClientOrderId"),
    )
    response = call.box.exchange.execute(call.account_id, request, call.now)
    assert isinstance(response, AmendResponse)
    return amend_response(response, call.time)


# -- what can be asked -------------------------------------------------------------------------------------------

_COMPUTE_RATES = Parameter("computeCommissionRates", Kind.BOOLEAN)
_CANCEL_REPLACE: tuple[Parameter, ...] = (
    *NEW_ORDER[:3],
    Parameter("cancelReplaceMode", Kind.STRING, True, tuple(_MODES)),
    *NEW_ORDER[3:],
    client_id("cancelNewClientOrderId"),
    client_id("cancelOrigClientOrderId"),
    integer("cancelOrderId"),
    RESTRICTIONS,
    Parameter(
        "orderRateLimitExceededMode",
        Kind.STRING,
        values=tuple([one.value for one in OrderRateLimitExceededMode]),
    ),
)
_SOR_ORDER: tuple[Parameter, ...] = (
    symbol(),
    side(),
    Parameter("type", Kind.STRING, True, (OrderType.LIMIT.value, OrderType.MARKET.value), -1116),
    time_in_force(),
    decimal("quantity", required=True),
    decimal("price"),
    client_id("newClientOrderId"),
    *strategy(),
    decimal("icebergQty"),
    RESPONSE_TYPE,
    STP,
)
_WHICH_ORDER = (symbol(), integer("orderId"), client_id("origClientOrderId"))


def _operation(
    name: str,
    method: str,
    path: str,
    parameters: tuple[Parameter, ...],
    handle: Callable[[Call], Any],
    *,
    weight: int | Callable[[Call], int] = 1,
    is_free: bool = True,
    is_counted: bool = False,
) -> Operation:
    return Operation(
        name,
        method,
        f"/api/v3/{path}",
        Security.TRADE,
        parameters,
        handle,
        weight,
        is_free_on_success=is_free,
        shows_order_counts=is_counted,
    )


TRADING: tuple[Operation, ...] = (
    _operation("order.place", "POST", "order", NEW_ORDER, place, is_counted=True),
    _operation(
        "order.test",
        "POST",
        "order/test",
        (*NEW_ORDER, _COMPUTE_RATES),
        check,
        weight=_test_weight,
        is_free=False,
    ),
    _operation(
        "order.cancel",
        "DELETE",
        "order",
        (*_WHICH_ORDER, client_id("newClientOrderId"), RESTRICTIONS),
        cancel,
    ),
    _operation("openOrders.cancelAll", "DELETE", "openOrders", (symbol(),), cancel_open_orders),
    _operation(
        "order.cancelReplace", "POST", "order/cancelReplace", _CANCEL_REPLACE, replace, is_counted=True
    ),
    _operation(
        "order.amend.keepPriority",
        "PUT",
        "order/amend/keepPriority",
        (*_WHICH_ORDER, client_id("newClientOrderId"), decimal("newQty", required=True)),
        amend,
        weight=4,
        is_free=False,
    ),
    _operation("sor.order.place", "POST", "sor/order", _SOR_ORDER, no_sor, is_counted=True),
    _operation(
        "sor.order.test",
        "POST",
        "sor/order/test",
        (*_SOR_ORDER, _COMPUTE_RATES),
        no_sor,
        weight=_test_weight,
        is_free=False,
    ),
)
"""Trading of single orders; amending is free of weight only where it ends the order, which is not modelled."""
