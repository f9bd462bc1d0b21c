"""Orders, fills, trades and what became of them, as Binance's JSON shows them.

Numbers are texts with eight decimals, cut and never rounded up; times go through the caller's unit (``Call.time``).
Fields that depend on the order are there only when they apply. Sources: Binance Spot REST "Trading endpoints",
"Account endpoints", "Conditional fields in Order Responses".
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum, unique
from typing import Any

from fillwright.core.types import CONTEXT, CONTINGENT_TYPES, OrderType, Time, VenueOrderStatus
from fillwright.exchange.messages import (
    AmendmentView,
    AmendResponse,
    CancelResponse,
    Fill,
    OrderResponse,
    OrderView,
    PreventedMatch,
    TradeView,
)

Json = dict[str, Any]
"""A JSON object of builtins."""
ToWire = Callable[[Time], int]
"""Microseconds into the caller's unit."""

DECIMALS = 8
_QUANTUM = Decimal(1).scaleb(-DECIMALS)
_ZERO_TEXT = "0.00000000"
_FULL_BY_DEFAULT = (OrderType.MARKET, OrderType.LIMIT)
_PENDING_NEW = VenueOrderStatus.PENDING_NEW


@unique
class ResponseType(StrEnum):
    """How much the answer to a new order tells (``newOrderRespType``)."""

    ACK = "ACK"
    RESULT = "RESULT"
    FULL = "FULL"


_RESPONSE_TYPES = {one.value: one for one in ResponseType}


def response_type(wanted: str | None, order_type: OrderType) -> ResponseType:
    """What was asked for, else FULL for MARKET and LIMIT and ACK for all others."""
    if wanted is not None:
        return _RESPONSE_TYPES[wanted]
    return ResponseType.FULL if order_type in _FULL_BY_DEFAULT else ResponseType.ACK


def number(value: Decimal) -> str:
    """A number with eight decimals; what is finer is cut."""
    if not value:
        return _ZERO_TEXT
    return format(value.quantize(_QUANTUM, ROUND_DOWN, CONTEXT), "f")


# -- new orders --------------------------------------------------------------------------------------------------


def order_response(response: OrderResponse, kind: ResponseType, time: ToWire) -> Json:
    """The answer to a new order, and the report of one order of a new list."""
    view = response.order
    body: Json = {
        "symbol": view.symbol,
        "orderId": view.order_id,
        "orderListId": view.order_list_id,
        "clientOrderId": view.client_order_id,
        "transactTime": time(response.transaction_time),
    }
    if kind is ResponseType.ACK:
        return body
    _add_progress(body, view)
    _add_trigger(body, view, time)
    body["workingTime"] = time(view.working_time)
    _add_conditional(body, view)
    if kind is ResponseType.FULL:
        body["fills"] = [fill_shape(one) for one in response.fills]
        if response.prevented_matches:
            body["preventedMatches"] = [_prevented_in_response(one) for one in response.prevented_matches]
    body["selfTradePreventionMode"] = view.stp
    return body


def fill_shape(fill: Fill) -> Json:
    """One fill of a FULL response."""
    return {
        "price": number(fill.price),
        "qty": number(fill.quantity),
        "commission": number(fill.commission),
        "commissionAsset": fill.commission_asset,
        "tradeId": fill.trade_id,
    }


def _add_progress(body: Json, view: OrderView) -> None:
    """What every answer says of an order; a pending leg whose quantity is not known yet shows none."""
    body["price"] = number(view.price)
    if view.quantity or view.status is not _PENDING_NEW:
        body["origQty"] = number(view.quantity)
    body["executedQty"] = number(view.executed_quantity)
    body["origQuoteOrderQty"] = number(view.quote_order_quantity)
    body["cummulativeQuoteQty"] = number(view.executed_quote)
    body["status"] = view.status
    body["timeInForce"] = view.time_in_force
    body["type"] = view.type
    body["side"] = view.side


def _add_trigger(body: Json, view: OrderView, time: ToWire) -> None:
    if view.type in CONTINGENT_TYPES:
        body["stopPrice"] = number(view.stop_price)
        _add_trailing(body, view, time)


def _add_trailing(body: Json, view: OrderView, time: ToWire) -> None:
    if view.trailing_delta is not None:
        body["trailingDelta"] = view.trailing_delta
        body["trailingTime"] = -1 if view.trailing_time is None else time(view.trailing_time)


def _add_conditional(body: Json, view: OrderView) -> None:
    if view.iceberg_quantity:
        body["icebergQty"] = number(view.iceberg_quantity)
    _add_labels(body, view)


def _add_labels(body: Json, view: OrderView) -> None:
    if view.strategy_id is not None:
        body["strategyId"] = view.strategy_id
    if view.strategy_type is not None:
        body["strategyType"] = view.strategy_type
    if view.prevented_match_id is not None:
        body["preventedMatchId"] = view.prevented_match_id
        body["preventedQuantity"] = number(view.prevented_quantity)
    if view.expiry_reason is not None:
        body["expiryReason"] = view.expiry_reason


def _prevented_in_response(match: PreventedMatch) -> Json:
    body: Json = {
        "preventedMatchId": match.prevented_match_id,
        "makerOrderId": match.maker_order_id,
        "price": number(match.price),
    }
    _add_prevented_quantities(body, match)
    return body


def _add_prevented_quantities(body: Json, match: PreventedMatch) -> None:
    if match.taker_prevented_quantity:
        body["takerPreventedQuantity"] = number(match.taker_prevented_quantity)
    if match.maker_prevented_quantity:
        body["makerPreventedQuantity"] = number(match.maker_prevented_quantity)


# -- cancels and amendments --------------------------------------------------------------------------------------


def cancel_response(response: CancelResponse, time: ToWire) -> Json:
    """The answer to a cancel: ``clientOrderId`` is the cancel's own id."""
    view = response.order
    body: Json = {
        "symbol": view.symbol,
        "origClientOrderId": response.orig_client_order_id,
        "orderId": view.order_id,
        "orderListId": view.order_list_id,
        "clientOrderId": response.client_order_id,
        "transactTime": time(response.transaction_time),
    }
    _add_progress(body, view)
    _add_trigger(body, view, time)
    _add_conditional(body, view)
    body["selfTradePreventionMode"] = view.stp
    return body


def amended_order(response: AmendResponse, time: ToWire) -> Json:
    """The order in the answer to an amendment, which has names of its own for some fields."""
    view = response.order
    body: Json = {
        "symbol": view.symbol,
        "orderId": view.order_id,
        "orderListId": view.order_list_id,
        "origClientOrderId": response.orig_client_order_id,
        "clientOrderId": view.client_order_id,
        "price": number(view.price),
        "qty": number(view.quantity),
        "executedQty": number(view.executed_quantity),
        "preventedQty": number(view.prevented_quantity),
        "quoteOrderQty": number(view.quote_order_quantity),
        "cumulativeQuoteQty": number(view.executed_quote),
        "status": view.status,
        "timeInForce": view.time_in_force,
        "type": view.type,
        "side": view.side,
    }
    _add_trigger(body, view, time)
    if view.working_time >= 0:
        body["workingTime"] = time(view.working_time)
    _add_conditional(body, view)
    body["selfTradePreventionMode"] = view.stp
    return body


def amendment(view: AmendmentView, time: ToWire) -> Json:
    """One amendment of an order's history."""
    return {
        "symbol": view.symbol,
        "orderId": view.order_id,
        "executionId": view.execution_id,
        "origClientOrderId": view.orig_client_order_id,
        "newClientOrderId": view.new_client_order_id,
        "origQty": number(view.orig_quantity),
        "newQty": number(view.new_quantity),
        "time": time(view.time),
    }


# -- queries -----------------------------------------------------------------------------------------------------


def order_view(view: OrderView, time: ToWire) -> Json:
    """An order as queries show it: stop price and iceberg quantity always, zero when there is none."""
    body: Json = {
        "symbol": view.symbol,
        "orderId": view.order_id,
        "orderListId": view.order_list_id,
        "clientOrderId": view.client_order_id,
        "price": number(view.price),
        "origQty": number(view.quantity),
        "executedQty": number(view.executed_quantity),
        "cummulativeQuoteQty": number(view.executed_quote),
        "status": view.status,
        "timeInForce": view.time_in_force,
        "type": view.type,
        "side": view.side,
        "stopPrice": number(view.stop_price),
    }
    _add_trailing(body, view, time)
    body["icebergQty"] = number(view.iceberg_quantity)
    body["time"] = time(view.time)
    body["updateTime"] = time(view.update_time)
    body["isWorking"] = view.is_working
    body["workingTime"] = time(view.working_time)
    body["origQuoteOrderQty"] = number(view.quote_order_quantity)
    body["selfTradePreventionMode"] = view.stp
    _add_labels(body, view)
    return body


def trade_view(trade: TradeView, time: ToWire) -> Json:
    """One fill as ``myTrades`` shows it."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": trade.order_list_id,
        "price": number(trade.price),
        "qty": number(trade.quantity),
        "quoteQty": number(trade.quote_quantity),
        "commission": number(trade.commission),
        "commissionAsset": trade.commission_asset,
        "time": time(trade.time),
        "isBuyer": trade.is_buyer,
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def prevented_match(match: PreventedMatch, time: ToWire) -> Json:
    """One match that self-trade prevention stopped."""
    body: Json = {
        "symbol": match.symbol,
        "preventedMatchId": match.prevented_match_id,
        "takerOrderId": match.taker_order_id,
        "makerSymbol": match.symbol,
        "makerOrderId": match.maker_order_id,
        "tradeGroupId": match.trade_group_id,
        "selfTradePreventionMode": match.stp,
        "price": number(match.price),
    }
    _add_prevented_quantities(body, match)
    body["transactTime"] = time(match.time)
    return body
