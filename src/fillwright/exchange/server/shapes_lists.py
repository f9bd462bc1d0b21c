"""Order lists and cancelReplace, as Binance's JSON shows them.

Sources: Binance Spot REST "Order lists", "Cancel an Existing Order and Send a New Order", "Order Amend Keep
Priority".
"""

from __future__ import annotations

from fillwright.core.types import OrderType
from fillwright.exchange.messages import (
    AmendResponse,
    CancelListResponse,
    CancelReplaceResponse,
    CancelResponse,
    ErrorBody,
    ListLeg,
    ListResponse,
    ListView,
    OrderResponse,
)
from fillwright.exchange.server.shapes import (
    Json,
    ResponseType,
    ToWire,
    amended_order,
    cancel_response,
    order_response,
    response_type,
)


def list_view(view: ListView, time: ToWire) -> Json:
    """A list as queries show it: ids of its orders only."""
    return {
        "orderListId": view.order_list_id,
        "contingencyType": view.contingency,
        "listStatusType": view.status,
        "listOrderStatus": view.order_status,
        "listClientOrderId": view.list_client_order_id,
        "transactionTime": time(view.transaction_time),
        "symbol": view.symbol,
        "orders": [_leg(one) for one in view.legs],
    }


def _leg(leg: ListLeg) -> Json:
    return {"symbol": leg.symbol, "orderId": leg.order_id, "clientOrderId": leg.client_order_id}


def list_response(response: ListResponse, kind: ResponseType, time: ToWire) -> Json:
    """The answer to a new list."""
    body = list_view(response.list, time)
    body["orderReports"] = [order_response(one, kind, time) for one in response.orders]
    return body


def cancelled(response: CancelResponse | CancelListResponse, time: ToWire) -> Json:
    """The answer to a cancel: of one order, or of the list that it was in."""
    if isinstance(response, CancelResponse):
        return cancel_response(response, time)
    body = list_view(response.list, time)
    body["orderReports"] = [cancel_response(one, time) for one in response.orders]
    return body


def amend_response(response: AmendResponse, time: ToWire) -> Json:
    """The answer to an amendment; ``listStatus`` when the order is in a list."""
    body: Json = {
        "transactTime": time(response.transaction_time),
        "executionId": response.execution_id,
        "amendedOrder": amended_order(response, time),
    }
    view = response.list
    if view is not None:
        body["listStatus"] = {
            "orderListId": view.order_list_id,
            "contingencyType": view.contingency,
            "listOrderStatus": view.order_status,
            "listClientOrderId": view.list_client_order_id,
            "symbol": view.symbol,
            "orders": [_leg(one) for one in view.legs],
        }
    return body


def cancel_replace(response: CancelReplaceResponse, wanted: str | None, time: ToWire) -> Json:
    """The answer to a cancelReplace, and the ``data`` of its error; ``wanted`` is the new order's response type."""
    cancel, order = response.cancel_response, response.new_order_response
    return {
        "cancelResult": response.cancel_result,
        "newOrderResult": response.new_order_result,
        "cancelResponse": _error(cancel) if isinstance(cancel, ErrorBody | None) else cancelled(cancel, time),
        "newOrderResponse": _error(order)
        if not isinstance(order, OrderResponse)
        else _new(order, wanted, time),
    }


def _new(response: OrderResponse, wanted: str | None, time: ToWire) -> Json:
    order_type: OrderType = response.order.type
    return order_response(response, response_type(wanted, order_type), time)


def _error(error: ErrorBody | None) -> Json | None:
    return None if error is None else {"code": error.code, "msg": error.message}
