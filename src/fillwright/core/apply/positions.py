"""What events of positions do to the state."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fillwright.core import events as ev
from fillwright.core.apply.signals import follow
from fillwright.core.positions import Position
from fillwright.core.rollout import ROLLOUT_TRADER, is_proving
from fillwright.core.state import Ledger
from fillwright.core.types import MINUTE, ZERO, PositionStatus, Protection, SignalStatus, Time

_CREATED = PositionStatus.CREATED


def _position_created(ledger: Ledger, event: ev.PositionCreated, record: ev.Record) -> None:
    state = ledger.state
    state.positions_made = event.position_id
    # In the order of the fields: naming them would cost three times as much.
    position = Position(
        event.position_id,
        event.signal_id,
        event.trader_id,
        event.symbol,
        state.instruments[event.symbol].base,
        event.direction,
        record.time,
        record.time,
        event.quantity,
        event.limit_price,
        event.quote,
        event.plan,
        event.plan_reason,
        event.max_loss_quote,
        event.entry_market,
        _CREATED,
        event.stop_loss,
        event.take_profit,
        event.trailing_delta,
        event.trail_distance,
    )
    state.positions[position.id] = position
    ledger.index_position(position)
    signal = state.signals.get(event.signal_id)
    if signal is not None:
        signal.position_id = position.id


def _position_opened(ledger: Ledger, event: ev.PositionOpened, record: ev.Record) -> None:
    position = ledger.state.positions[event.position_id]
    position.move(PositionStatus.OPEN)
    ledger.entering.pop(position.id, None)
    follow(ledger, position.signal_id, SignalStatus.IN_POSITION, "", record.time)
    ledger.state.portfolio.day_trades += 1
    ledger.state.portfolio.trades += 1


def _position_updated(ledger: Ledger, event: ev.PositionUpdated, record: ev.Record) -> None:
    position = ledger.state.positions[event.position_id]
    position.updated_at = record.time
    if event.stop_loss is not None:
        position.stop_loss = event.stop_loss
        position.moved_at = record.time
    if event.take_profit is not None:
        position.take_profit = event.take_profit
    if event.plan is not None:
        position.plan = event.plan
    if event.limit_price is not None and event.quantity is not None:
        position.limit_price, position.requested_quantity = event.limit_price, event.quantity
        position.reprices += 1
    if event.trailing_delta is not None:
        position.trailing_delta = event.trailing_delta or None
    if event.exit_blocked is not None:
        position.exit_blocked = event.exit_blocked
    if event.monitoring is not None and event.monitoring != position.monitoring:
        position.monitoring = event.monitoring
        if position.status in (PositionStatus.OPEN, PositionStatus.MONITORING):
            position.move(PositionStatus.MONITORING if event.monitoring else PositionStatus.OPEN)


def _position_closing(ledger: Ledger, event: ev.PositionClosing, record: ev.Record) -> None:
    position = ledger.state.positions[event.position_id]
    position.move(PositionStatus.CLOSING)
    position.exit_reason = event.reason
    position.reduce_quantity = ZERO  # all of it goes
    position.updated_at = record.time


def _position_reopened(ledger: Ledger, event: ev.PositionReopened, record: ev.Record) -> None:
    position = ledger.state.positions[event.position_id]
    came_back = position.is_ended
    was_closed = position.status is PositionStatus.CLOSED
    managed = position.monitoring and position.status is PositionStatus.CLOSING
    position.move(PositionStatus.MONITORING if managed else PositionStatus.OPEN)
    position.exit_failures = position.protection_failures = 0
    position.exit_reason = ""
    position.updated_at = record.time
    if came_back:
        _take_back(ledger, position, was_closed)
        follow(ledger, position.signal_id, SignalStatus.IN_POSITION, event.reason, record.time)
        position.closed_at = 0
        position.unprotected_since = record.time
        ledger.index_position(position)


def _take_back(ledger: Ledger, position: Position, was_closed: bool) -> None:
    """What was booked when the position closed is open again: its result, and its dust."""
    portfolio = ledger.state.portfolio
    portfolio.own(position.symbol, position.trader_id, position.dust_quantity)
    portfolio.dust_cost -= position.dust_cost
    position.quantity += position.dust_quantity
    position.cost += position.dust_cost
    position.dust_quantity = position.dust_cost = ZERO
    portfolio.realized -= position.realized
    if not was_closed:
        return
    if position.realized > ZERO:
        portfolio.wins -= 1
    else:
        portfolio.losses -= 1


def _position_reduce_requested(ledger: Ledger, event: ev.PositionReduceRequested, record: ev.Record) -> None:
    ledger.state.positions[event.position_id].reduce_quantity = event.quantity


def _position_reduced(ledger: Ledger, event: ev.PositionReduced, record: ev.Record) -> None:
    position = ledger.state.positions[event.position_id]
    position.updated_at = record.time
    position.closed_outside += event.quantity
    before = position.quantity
    position.release(event.quantity)
    ledger.state.portfolio.own(position.symbol, position.trader_id, position.quantity - before)


def _position_protected(ledger: Ledger, event: ev.PositionProtected, record: ev.Record) -> None:
    position = ledger.state.positions[event.position_id]
    position.stop_order_id = event.stop_order_id
    position.target_order_id = event.target_order_id
    position.protection = event.protection
    position.unprotected_us += event.unprotected_us
    position.unprotected_last_us = event.unprotected_us
    position.unprotected_spells += 1
    position.unprotected_since = 0
    position.protection_failures = 0
    position.go_on()


def _position_unprotected(ledger: Ledger, event: ev.PositionUnprotected, record: ev.Record) -> None:
    position = ledger.state.positions[event.position_id]
    position.stop_order_id = position.target_order_id = ""
    position.protection = Protection.NONE
    if not position.unprotected_since:
        position.unprotected_since = record.time


def _protection_failed(ledger: Ledger, event: ev.ProtectionFailed, record: ev.Record) -> None:
    position = ledger.state.positions[event.position_id]
    position.protection_failures = event.failures
    position.failed_stop_id = event.order_id or position.failed_stop_id
    position.set_back(event.retry_at)


def _stop_taken_away(ledger: Ledger, event: ev.StopTakenAway, record: ev.Record) -> None:
    position = ledger.state.positions[event.position_id]
    position.taken_stop_id, position.taken_until = event.order_id, event.until


def _exit_failed(ledger: Ledger, event: ev.ExitFailed, record: ev.Record) -> None:
    position = ledger.state.positions[event.position_id]
    position.exit_failures = event.failures
    position.failed_exit_id = event.order_id or position.failed_exit_id
    position.set_back(event.retry_at)


def _position_closed(ledger: Ledger, event: ev.PositionClosed, record: ev.Record) -> None:
    state = ledger.state
    position = state.positions[event.position_id]
    position.move(PositionStatus.CLOSED)
    position.exit_reason = position.exit_reason or event.reason
    position.closed_at = position.updated_at = record.time
    position.unprotected_since = 0
    portfolio = state.portfolio
    portfolio.own(position.symbol, position.trader_id, -position.quantity)
    portfolio.dust_cost += position.cost - position.dust_cost
    portfolio.realized += event.pnl
    position.dust_quantity, position.dust_cost = position.quantity, position.cost
    position.quantity = position.cost = ZERO
    _count_result(ledger, position, event.pnl, record.time)
    follow(ledger, position.signal_id, SignalStatus.COMPLETED, position.exit_reason, record.time)
    _end_position(ledger, position, record.time)


def _count_result(ledger: Ledger, position: Position, pnl: Decimal, now: Time) -> None:
    state = ledger.state
    portfolio, safety = state.portfolio, state.safety
    won = pnl > ZERO
    if won:
        portfolio.wins += 1
    else:
        portfolio.losses += 1
    if position.trader_id == ROLLOUT_TRADER and is_proving(state.settings.rollout, state.rollout):
        return  # in and out at once it loses the spread: ten of these say nothing of a strategy
    if won:
        safety.consecutive_losses = 0
        return
    safety.consecutive_losses += 1
    risk = state.settings.risk
    if safety.consecutive_losses >= risk.max_consecutive_losses:
        safety.cooldown_until = now + risk.cooldown_minutes * MINUTE
        safety.consecutive_losses = 0


def _position_failed(ledger: Ledger, event: ev.PositionFailed, record: ev.Record) -> None:
    position = ledger.state.positions[event.position_id]
    position.move(PositionStatus.FAILED)
    position.failure_reason, position.failure_status = event.reason, event.status
    position.closed_at = position.updated_at = record.time
    ledger.state.portfolio.realized += position.realized  # nothing, unless exits are said to have sold
    failed = event.status in ("rejected", "never_arrived")
    ended = SignalStatus.FAILED if failed else SignalStatus.EXPIRED
    follow(ledger, position.signal_id, ended, event.reason, record.time)
    _end_position(ledger, position, record.time)


def _end_position(ledger: Ledger, position: Position, now: Time) -> None:
    ledger.index_position(position)
    ledger.state.ended.push(now, f"position:{position.id}")


HANDLERS: dict[type[ev.Event], Callable[[Ledger, Any, ev.Record], None]] = {
    ev.PositionCreated: _position_created,
    ev.PositionOpened: _position_opened,
    ev.PositionUpdated: _position_updated,
    ev.PositionClosing: _position_closing,
    ev.PositionReopened: _position_reopened,
    ev.PositionReduceRequested: _position_reduce_requested,
    ev.PositionReduced: _position_reduced,
    ev.PositionProtected: _position_protected,
    ev.PositionUnprotected: _position_unprotected,
    ev.ProtectionFailed: _protection_failed,
    ev.StopTakenAway: _stop_taken_away,
    ev.ExitFailed: _exit_failed,
    ev.PositionClosed: _position_closed,
    ev.PositionFailed: _position_failed,
}
