"""What events of orders do to the state: the order, its reservation, its position, the ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fillwright.core import events as ev
from fillwright.core.orders import Doubt, Order, Step
from fillwright.core.positions import ENDED, Position
from fillwright.core.state import EXTERNALS_MAX, External, Ledger
from fillwright.core.types import (
    FINAL_STATES,
    SECOND,
    ZERO,
    Leg,
    OrderState,
    PositionStatus,
    Time,
    money,
)

# Enum members by a name of their own: looking them up in the class costs more than what is done with them.
_SUBMITTED, _UNKNOWN = OrderState.SUBMITTED, OrderState.UNKNOWN
_PENDED, _PLACED = Step.PENDED, Step.PLACED
_ENTRY, _EXIT = Leg.ENTRY, Leg.EXIT
_SUBMITTING = PositionStatus.SUBMITTING
_BEFORE_OPEN = (PositionStatus.CREATED, _SUBMITTING)


def _order_submitted(ledger: Ledger, event: ev.OrderSubmitted, record: ev.Record) -> None:
    state = ledger.state
    order = state.orders.get(event.id) if event.resent else None
    if order is not None:  # the same request again: resting protection in doubt (trading rules §6)
        order.resends += 1
        order.updated_at = record.time
        return
    now = record.time
    # In the order of the fields: naming them would cost three times as much.
    order = Order(
        event.id,
        event.position_id,
        event.leg,
        event.attempt,
        event.symbol,
        event.side,
        event.order_type,
        now,
        now,
        record.seq,
        _SUBMITTED,
        event.quantity,
        event.price,
        event.stop_price,
        event.trailing_delta,
        event.time_in_force,
        event.stp,
        event.list_id,
        event.list_kind,
        event.replaces,
    )
    state.orders[event.id] = order
    if now >= ledger.windows_end:
        _start_windows(ledger, now)
    for window in state.safety.order_windows:
        window[1] += 1
    position = state.positions.get(event.position_id)
    if position is not None:
        _attach(position, order, now)
        if event.list_id and not event.pending:  # a pending leg's list was counted with its working order
            attempts, attempt = position.attempts, int(event.list_id.rpartition("_")[2])
            if attempt > attempts.get("L", 0):
                attempts["L"] = attempt
    else:
        state.manual_orders_made = max(state.manual_orders_made, event.attempt)
    ledger.index_new_order(order)
    if event.reserve:
        order.reserve = event.reserve
        _reserve(ledger, order)


def _attach(position: Position, order: Order, now: Time) -> None:
    position.updated_at = now
    position.open_order_ids.append(order.id)
    attempts, leg = position.attempts, order.leg
    if order.attempt > attempts.get(leg, 0):
        attempts[leg._value_] = order.attempt  # what ``value`` looks up, at a fifth of its price
    if leg is _ENTRY:
        position.entry_order_ids.append(order.id)
        if position.status in _BEFORE_OPEN:
            position.move(_SUBMITTING)
    else:
        position.exit_order_ids.append(order.id)


def _start_windows(ledger: Ledger, now: Time) -> None:
    """Begin the order-count windows that a time is in, and note when the first of them ends."""
    state = ledger.state
    ends = []
    for window, (length_s, _) in zip(
        state.safety.order_windows, state.settings.venue.order_limits, strict=True
    ):
        length = length_s * SECOND
        index = now // length
        if window[0] != index:
            window[0], window[1] = index, 0
        ends.append((index + 1) * length)
    ledger.windows_end = min(ends, default=now)


def _reserve(ledger: Ledger, order: Order) -> None:
    """Keep what is set aside for an order (that sets something aside at all) in step with it."""
    if order.state in FINAL_STATES:
        reserved = ZERO
    elif order.quantity and order.executed_quantity:
        remaining = order.remaining
        reserved = money(order.reserve * remaining / order.quantity) if remaining else ZERO
    else:
        reserved = order.reserve
    in_flight = reserved if order.state is _SUBMITTED or order.state is _UNKNOWN else ZERO
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
    if order.reserve:
        _reserve(ledger, order)
    name, is_final = order.id, order.state in FINAL_STATES
    if not is_final and name in ledger.open_orders and not ledger.doubts and order.doubt is None:
        return  # it stays in every place that it is in
    ledger.index_order(order)
    state = ledger.state
    position = state.positions.get(order.position_id)
    if is_final:
        state.ended.push(now, f"order:{name}")
        if position is not None and name in position.open_order_ids:
            position.open_order_ids.remove(name)
    elif position is not None and name not in position.open_order_ids:
        position.open_order_ids.append(name)  # came back: it had not failed to arrive after all


def _order_placed(ledger: Ledger, event: ev.OrderPlaced, record: ev.Record) -> None:
    state = ledger.state
    order = state.orders[event.id]
    order.move(_PENDED if event.pending else _PLACED)
    order.exchange_order_id = event.exchange_order_id
    order.order_list_id = event.order_list_id
    if event.quantity is not None:
        order.quantity = event.quantity
    if not event.pending:
        order.accepted_at = record.time
    ledger.by_exchange_id[order.symbol, order.exchange_order_id] = order.id
    state.safety.breaker.identical_rejects = 0
    _after(ledger, order, record.time)


def _order_filled(ledger: Ledger, event: ev.OrderFilled | ev.OrderPartiallyFilled, record: ev.Record) -> None:
    state, fill = ledger.state, event.fill
    order, portfolio = state.orders[event.id], state.portfolio
    order.add_fill(fill, type(event) is ev.OrderFilled)
    state.prices[order.symbol] = fill.price
    instrument = state.instruments[order.symbol]
    portfolio.book_fill(instrument.base, instrument.quote, order.side, fill)
    position = state.positions.get(order.position_id)
    if position is not None:
        before, realized = position.quantity, position.realized
        position.book_fill(order.side, fill)
        portfolio.own(position.symbol, position.trader_id, position.quantity - before)
        if position.status in ENDED:  # its result was taken when it ended: this came too late for that
            portfolio.realized += position.realized - realized
        position.updated_at = record.time
        if order.leg is _ENTRY:
            position.first_fill_at = position.first_fill_at or record.time
            position.last_entry_fill_at = record.time
            position.unprotected_since = record.time
        elif order.leg is _EXIT:
            position.failed_exit_id = ""
            position.go_on()
            if position.reduce_quantity:
                position.reduce_quantity = max(position.reduce_quantity - fill.quantity, ZERO)
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
    order.retry_at = event.retry_at
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
        doubt.not_found, doubt.not_found_at = event.times, record.time


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
        _attach(position, order, record.time)
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
