"""What events of orders do to the state: the order, its reservation, its position, the ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fillwright.core import events as ev
from fillwright.core.orders import Doubt, Order, Step
from fillwright.core.positions import Position
from fillwright.core.state import EXTERNALS_MAX, External, Ledger
from fillwright.core.types import SECOND, ZERO, Leg, OrderState, PositionStatus, Time, money

_IN_FLIGHT = (OrderState.SUBMITTED, OrderState.UNKNOWN)


def _order_submitted(ledger: Ledger, event: ev.OrderSubmitted, record: ev.Record) -> None:
    state = ledger.state
    order = state.orders.get(event.id) if event.resent else None
    if order is not None:  # the same request again: resting protection in doubt (trading rules §6)
        order.resends += 1
        order.updated_at = record.time
        return
    order = Order(
        id=event.id,
        position_id=event.position_id,
        leg=event.leg,
        attempt=event.attempt,
        symbol=event.symbol,
        side=event.side,
        type=event.order_type,
        submitted_at=record.time,
        updated_at=record.time,
        record=record.seq,
        quantity=event.quantity,
        price=event.price,
        stop_price=event.stop_price,
        trailing_delta=event.trailing_delta,
        time_in_force=event.time_in_force,
        stp=event.stp,
        list_id=event.list_id,
        list_kind=event.list_kind,
        replaces=event.replaces,
        reserve=event.reserve,
    )
    state.orders[order.id] = order
    _count_order(ledger, record.time)
    position = state.positions.get(event.position_id)
    if position is not None:
        _attach(ledger, position, order, record.time)
    else:
        state.manual_orders_made = max(state.manual_orders_made, event.attempt)
    ledger.index_order(order)
    _reserve(ledger, order)


def _attach(ledger: Ledger, position: Position, order: Order, now: Time) -> None:
    position.updated_at = now
    position.open_order_ids.append(order.id)
    leg = order.leg.value
    position.attempts[leg] = max(position.attempts.get(leg, 0), order.attempt)
    if order.leg is Leg.ENTRY:
        position.entry_order_ids.append(order.id)
        if position.status in (PositionStatus.CREATED, PositionStatus.SUBMITTING):
            position.move(PositionStatus.SUBMITTING)
    else:
        position.exit_order_ids.append(order.id)
    if order.list_id:
        attempt = int(order.list_id.rpartition("_")[2])
        position.attempts["L"] = max(position.attempts.get("L", 0), attempt)


def _count_order(ledger: Ledger, now: Time) -> None:
    safety = ledger.state.safety
    for window, (length_s, _) in zip(
        safety.order_windows, ledger.state.settings.venue.order_limits, strict=True
    ):
        index = now // (length_s * SECOND)
        if window[0] != index:
            window[0], window[1] = index, 0
        window[1] += 1


def _reserve(ledger: Ledger, order: Order) -> None:
    """Keep what is set aside in step with the order."""
    if not order.reserve:
        return
    if order.is_final:
        reserved = ZERO
    elif order.quantity and order.executed_quantity:
        remaining = order.remaining
        reserved = money(order.reserve * remaining / order.quantity) if remaining else ZERO
    else:
        reserved = order.reserve
    in_flight = reserved if order.state in _IN_FLIGHT else ZERO
    if reserved != order.reserved or in_flight != order.in_flight:
        position = ledger.state.positions.get(order.position_id)
        trader_id = position.trader_id if position is not None else ""
        ledger.state.portfolio.reserve(
            order.symbol, trader_id, reserved - order.reserved, in_flight - order.in_flight
        )
        order.reserved, order.in_flight = reserved, in_flight


def _after(ledger: Ledger, order: Order, now: Time) -> None:
    """What every change of an order brings: indexes, reservation, the position's list of open orders."""
    order.updated_at = now
    ledger.index_order(order)
    _reserve(ledger, order)
    position = ledger.state.positions.get(order.position_id)
    if order.is_final:
        ledger.state.ended.push(now, f"order:{order.id}")
        if position is not None and order.id in position.open_order_ids:
            position.open_order_ids.remove(order.id)
    elif position is not None and order.id not in position.open_order_ids:
        position.open_order_ids.append(order.id)  # came back: it had not failed to arrive after all


def _order_placed(ledger: Ledger, event: ev.OrderPlaced, record: ev.Record) -> None:
    order = ledger.state.orders[event.id]
    order.move(Step.PENDED if event.pending else Step.PLACED)
    order.exchange_order_id = event.exchange_order_id
    order.order_list_id = event.order_list_id
    if event.quantity is not None:
        order.quantity = event.quantity
    if not event.pending:
        order.accepted_at = record.time
    ledger.by_exchange_id[order.symbol, order.exchange_order_id] = order.id
    ledger.state.safety.breaker.identical_rejects = 0
    _after(ledger, order, record.time)


def _order_filled(ledger: Ledger, event: ev.OrderFilled | ev.OrderPartiallyFilled, record: ev.Record) -> None:
    state = ledger.state
    order = state.orders[event.id]
    order.add_fill(event.fill, isinstance(event, ev.OrderFilled))
    state.prices[order.symbol] = event.fill.price
    instrument = state.instruments[order.symbol]
    state.portfolio.book_fill(instrument.base, instrument.quote, order.side, event.fill)
    position = state.positions.get(order.position_id)
    if position is not None:
        before, realized = position.quantity, position.realized
        position.book_fill(order.side, event.fill)
        state.portfolio.own(position.symbol, position.trader_id, position.quantity - before)
        if position.is_ended:  # its result was taken when it ended: this came too late for that
            state.portfolio.realized += position.realized - realized
        position.updated_at = record.time
        if order.leg is Leg.ENTRY:
            position.first_fill_at = position.first_fill_at or record.time
            position.last_entry_fill_at = record.time
            position.unprotected_since = record.time
        elif order.leg is Leg.EXIT:
            position.failed_exit_id = ""
            position.go_on()
            if position.reduce_quantity:
                position.reduce_quantity = max(position.reduce_quantity - event.fill.quantity, ZERO)
    _after(ledger, order, record.time)


def _order_cancel_requested(ledger: Ledger, event: ev.OrderCancelRequested, record: ev.Record) -> None:
    order = ledger.state.orders[event.id]
    order.move(Step.CANCEL_REQUESTED)
    order.cancel_id, order.cancel_reason = event.cancel_id, event.reason
    order.cancel_requested_at = record.time
    ledger.state.cancels_made += 1
    position = ledger.state.positions.get(order.position_id)
    if position is not None:
        attempt = int(event.cancel_id.rpartition("_")[2])
        position.attempts["C"] = max(position.attempts.get("C", 0), attempt)
    _after(ledger, order, record.time)


def _order_cancel_refused(ledger: Ledger, event: ev.OrderCancelRefused, record: ev.Record) -> None:
    order = ledger.state.orders[event.id]
    order.move(Step.CANCEL_REFUSED)
    _set_back(ledger, order, event.retry_at)
    _after(ledger, order, record.time)


def _order_cancelled(ledger: Ledger, event: ev.OrderCancelled, record: ev.Record) -> None:
    order = ledger.state.orders[event.id]
    order.move(Step.CANCELLED)
    position = ledger.state.positions.get(order.position_id)
    if position is not None and order.cancel_id:  # the venue does as it is asked again
        position.go_on()
    _after(ledger, order, record.time)


def _order_rejected(ledger: Ledger, event: ev.OrderRejected, record: ev.Record) -> None:
    order = ledger.state.orders[event.id]
    order.move(Step.REJECTED)
    order.reject_code, order.reject_reason = event.code, event.reason
    order.never_arrived, order.retryable = event.never_arrived, event.retryable
    _after(ledger, order, record.time)


def _order_expired(ledger: Ledger, event: ev.OrderExpired, record: ev.Record) -> None:
    order = ledger.state.orders[event.id]
    order.move(Step.EXPIRED)
    order.expiry_reason = event.reason
    _after(ledger, order, record.time)


def _order_unknown(ledger: Ledger, event: ev.OrderUnknown, record: ev.Record) -> None:
    order = ledger.state.orders[event.id]
    order.move(Step.DOUBTED)
    order.doubt = Doubt(request=event.request, since=record.time, reason=event.reason, next_at=record.time)
    _after(ledger, order, record.time)


def _order_queried(ledger: Ledger, event: ev.OrderQueried, record: ev.Record) -> None:
    doubt = ledger.state.orders[event.id].doubt
    if doubt is not None:
        doubt.tries, doubt.next_at = event.tries, event.next_at


def _order_not_found(ledger: Ledger, event: ev.OrderNotFound, record: ev.Record) -> None:
    doubt = ledger.state.orders[event.id].doubt
    if doubt is not None:
        doubt.not_found = event.times


def _order_amend_requested(ledger: Ledger, event: ev.OrderAmendRequested, record: ev.Record) -> None:
    order = ledger.state.orders[event.id]
    order.amend_to, order.updated_at = event.quantity, record.time


def _order_amended(ledger: Ledger, event: ev.OrderAmended, record: ev.Record) -> None:
    order = ledger.state.orders[event.id]
    order.quantity, order.amend_to = event.quantity, None
    _after(ledger, order, record.time)


def _order_amend_refused(ledger: Ledger, event: ev.OrderAmendRefused, record: ev.Record) -> None:
    order = ledger.state.orders[event.id]
    order.amend_to = None
    order.amend_refused = order.amend_refused or event.final
    _set_back(ledger, order, event.retry_at)


def _set_back(ledger: Ledger, order: Order, retry_at: Time) -> None:
    position = ledger.state.positions.get(order.position_id)
    if position is not None:
        position.set_back(retry_at)


def _order_adopted(ledger: Ledger, event: ev.OrderAdopted, record: ev.Record) -> None:
    order = Order(
        id=event.id,
        position_id=event.position_id,
        leg=event.leg,
        attempt=event.attempt,
        symbol=event.symbol,
        side=event.side,
        type=event.order_type,
        submitted_at=record.time,
        updated_at=record.time,
        record=record.seq,
        quantity=event.quantity,
        price=event.price,
        stop_price=event.stop_price,
        exchange_order_id=event.exchange_order_id,
        order_list_id=event.order_list_id,
    )
    ledger.state.orders[order.id] = order
    position = ledger.state.positions.get(event.position_id)
    if position is not None:
        _attach(ledger, position, order, record.time)
    elif event.leg is Leg.MANUAL:  # its number is taken
        ledger.state.manual_orders_made = max(ledger.state.manual_orders_made, event.attempt)
    ledger.by_exchange_id[order.symbol, order.exchange_order_id] = order.id
    ledger.index_order(order)


def _external_order_seen(ledger: Ledger, event: ev.ExternalOrderSeen, record: ev.Record) -> None:
    externals = ledger.state.externals
    key = f"{event.symbol}|{event.exchange_order_id}"
    if event.status in ("FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"):
        externals.pop(key, None)
        return
    if key not in externals and len(externals) >= EXTERNALS_MAX:
        del externals[next(iter(externals))]
    externals[key] = External(
        symbol=event.symbol,
        client_order_id=event.client_order_id,
        exchange_order_id=event.exchange_order_id,
        side=event.side,
        type=event.order_type,
        quantity=event.quantity,
        executed_quantity=event.executed_quantity,
        status=event.status,
        seen_at=record.time,
    )


HANDLERS: dict[type[ev.Event], Callable[[Ledger, Any, ev.Record], None]] = {
    ev.OrderSubmitted: _order_submitted,
    ev.OrderPlaced: _order_placed,
    ev.OrderFilled: _order_filled,
    ev.OrderPartiallyFilled: _order_filled,
    ev.OrderCancelRequested: _order_cancel_requested,
    ev.OrderCancelRefused: _order_cancel_refused,
    ev.OrderCancelled: _order_cancelled,
    ev.OrderRejected: _order_rejected,
    ev.OrderExpired: _order_expired,
    ev.OrderUnknown: _order_unknown,
    ev.OrderQueried: _order_queried,
    ev.OrderNotFound: _order_not_found,
    ev.OrderAmendRequested: _order_amend_requested,
    ev.OrderAmended: _order_amended,
    ev.OrderAmendRefused: _order_amend_refused,
    ev.OrderAdopted: _order_adopted,
    ev.ExternalOrderSeen: _external_order_seen,
}
