"""Contingencies: what the end, the fill or the activation of one leg does to the others.

Binance Spot "Order lists", and its CHANGELOG of 2019-08-15 for the order of an OCO's events.
"""

from __future__ import annotations

from fillwright.core.types import (
    ZERO,
    ClientOrderId,
    ExecutionType,
    ExpiryReason,
    Side,
    VenueOrderStatus,
)
from fillwright.exchange.orders import Order, OrderList
from fillwright.exchange.state import State

# Members bound once: attribute access on an enum class costs more than the comparison itself.
_REPORT_CANCELED = ExecutionType.CANCELED
_REPORT_EXPIRED = ExecutionType.EXPIRED
_BUY = Side.BUY
_CANCELED = VenueOrderStatus.CANCELED
_EXPIRED = VenueOrderStatus.EXPIRED
_FILLED = VenueOrderStatus.FILLED


def expire(
    state: State,
    order: Order,
    reason: ExpiryReason | None,
    status: VenueOrderStatus = VenueOrderStatus.EXPIRED,
    *,
    is_reported: bool = True,
) -> None:
    """End an order by rule, and with it what its list says."""
    order.status = status
    order.expiry_reason = reason
    state.finish(order)
    if is_reported:
        state.report(order, _REPORT_EXPIRED)
    order_list = state.lists.get(order.order_list_id)
    if order_list is not None:
        end_others(state, order_list, order)


def cancel(state: State, order: Order, cancel_id: ClientOrderId) -> None:
    """Cancel one order on its owner's word, and with it its whole list, all under the cancel's id."""
    _cancel_one(state, order, cancel_id)
    order_list = state.lists.get(order.order_list_id)
    if order_list is not None:
        end_others(state, order_list, order, cancel_id)


def _cancel_one(state: State, order: Order, cancel_id: ClientOrderId) -> None:
    order.status = _CANCELED
    order.cancel_client_order_id = cancel_id
    state.finish(order)
    state.report(order, _REPORT_CANCELED, cancel_id, order.client_order_id)
    if state.settings.cancel_renames:
        account = state.accounts[order.account_id]
        account.by_client_id.pop((order.symbol, order.client_order_id), None)
        account.by_client_id[order.symbol, cancel_id] = order.order_id


def end_others(
    state: State, order_list: OrderList, ended: Order, cancel_id: ClientOrderId | None = None
) -> None:
    """End the open legs of a list whose given leg has ended: cancelled with a cancel's id, else expired."""
    is_working_leg = ended.order_id == order_list.working
    reason = ExpiryReason.OTO_PHASE_ONE_EXPIRED if is_working_leg else ExpiryReason.OCO_TRIGGER
    for order_id in order_list.legs:
        other = state.orders[order_id]
        if not other.is_open:
            continue
        if cancel_id is not None:
            _cancel_one(state, other, cancel_id)
            continue
        other.status = _EXPIRED
        other.expiry_reason = reason
        state.finish(other)
        state.report(other, _REPORT_EXPIRED)
    state.finish_list(order_list)


def claim_lock(state: State, order_list: OrderList, order: Order) -> None:
    """Give a pair's shared lock to the leg that acts; what that leg does not need is free again."""
    instrument = state.markets[order.symbol].instrument
    needed = order.lock_needed()
    surplus = order_list.locked - needed
    order.locked = needed
    order_list.locked = ZERO
    if surplus > ZERO:
        asset = instrument.quote if order.side is _BUY else instrument.base
        state.accounts[order.account_id].unlock(asset, surplus)
        state.touch(order.account_id, asset)


def before_fill(state: State, order: Order) -> None:
    """The first fill of a pair's leg takes over the pair's lock."""
    order_list = state.lists.get(order.order_list_id)
    if order_list is not None and order_list.locked and order.order_id in order_list.pending:
        claim_lock(state, order_list, order)


def after_fill(state: State, order_list: OrderList, order: Order, *, is_first: bool) -> None:
    """A filled working leg makes its pending legs due; the first fill of a pair's leg ends the other."""
    if order.order_id == order_list.working:
        if order.status is _FILLED:
            state.due.append(order_list.order_list_id)
        elif not order.is_open:
            end_others(state, order_list, order)
        return
    if is_first:
        expire_sibling(state, order_list, order)
    if not order.is_open:
        state.finish_list(order_list)


def expire_sibling(state: State, order_list: OrderList, order: Order) -> None:
    """End the other leg of a pair because this one trades or was activated."""
    for order_id in order_list.pending:
        if order_id == order.order_id:
            continue
        other = state.orders[order_id]
        if other.is_open:
            other.status = _EXPIRED
            other.expiry_reason = ExpiryReason.OCO_TRIGGER
            state.finish(other)
            state.report(other, _REPORT_EXPIRED)
