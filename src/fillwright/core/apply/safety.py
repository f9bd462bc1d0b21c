"""What events of safety do to the state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fillwright.core import events as ev
from fillwright.core.state import FOREIGN_STOPS_MAX, Ledger
from fillwright.core.types import ZERO

EMERGENCY_STOP = "emergency stop"
"""Why the books are read that prove one."""


def _venue_error_seen(ledger: Ledger, event: ev.VenueErrorSeen, record: ev.Record) -> None:
    breaker = ledger.state.safety.breaker
    breaker.last_error = f"{event.code} {event.message}"
    if event.counts:
        breaker.error_count += 1
        return
    same = breaker.last_reject == breaker.last_error
    breaker.identical_rejects = breaker.identical_rejects + 1 if same else 1
    breaker.last_reject = breaker.last_error


def _venue_answered(ledger: Ledger, event: ev.VenueAnswered, record: ev.Record) -> None:
    breaker = ledger.state.safety.breaker
    breaker.error_count = 0


def _rate_limited(ledger: Ledger, event: ev.RateLimited, record: ev.Record) -> None:
    ledger.state.safety.rate_limited_until = event.until


def _circuit_breaker_opened(ledger: Ledger, event: ev.CircuitBreakerOpened, record: ev.Record) -> None:
    breaker = ledger.state.safety.breaker
    breaker.is_open, breaker.opened_at, breaker.until = True, record.time, event.until
    breaker.error_count = breaker.identical_rejects = 0
    breaker.probing = False


def _circuit_breaker_closed(ledger: Ledger, event: ev.CircuitBreakerClosed, record: ev.Record) -> None:
    breaker = ledger.state.safety.breaker
    breaker.is_open = breaker.probing = False
    breaker.error_count = breaker.identical_rejects = 0


def _paused(ledger: Ledger, event: ev.Paused, record: ev.Record) -> None:
    safety = ledger.state.safety
    safety.paused_cause, safety.paused_until = event.cause, event.until


def _halted(ledger: Ledger, event: ev.Halted, record: ev.Record) -> None:
    safety = ledger.state.safety
    safety.halted_cause, safety.halted_reason = event.cause, event.reason
    safety.halted_by, safety.halted_at = event.by, record.time


def _resumed(ledger: Ledger, event: ev.Resumed, record: ev.Record) -> None:
    safety, portfolio = ledger.state.safety, ledger.state.portfolio
    if safety.halted_cause == "drawdown":
        portfolio.peak = (
            portfolio.equity
        )  # the next drawdown counts from here, or the halt would return at once
        portfolio.drawdown_percent = ZERO
    safety.halted_cause = safety.halted_reason = safety.halted_by = ""
    safety.halted_at = safety.paused_until = 0
    safety.paused_cause = ""
    safety.flatten = safety.shutdown = False
    _stop_is_over(ledger)


def _emergency_stopped(ledger: Ledger, event: ev.EmergencyStopped, record: ev.Record) -> None:
    safety = ledger.state.safety
    safety.flatten, safety.stop_external = event.flatten, event.external
    safety.stopping_since, safety.stop_read_at = record.time, 0


def _emergency_stop_verified(ledger: Ledger, event: ev.EmergencyStopVerified, record: ev.Record) -> None:
    _stop_is_over(ledger)
    ledger.state.safety.stop_proven_at = record.time


def _stop_is_over(ledger: Ledger) -> None:
    safety = ledger.state.safety
    safety.stopping_since = safety.stop_read_at = 0
    safety.stop_external = False


def _external_cancel_requested(ledger: Ledger, event: ev.ExternalCancelRequested, record: ev.Record) -> None:
    ledger.state.cancels_made += 1
    external = ledger.state.externals.get(f"{event.symbol}|{event.exchange_order_id}")
    if external is not None:
        external.cancel_at = record.time


def _foreign_stop_seen(ledger: Ledger, event: ev.ForeignStopSeen, record: ev.Record) -> None:
    seen = ledger.state.safety.foreign_stops
    seen.append(event.run)
    del seen[:-FOREIGN_STOPS_MAX]


def _shutdown_begun(ledger: Ledger, event: ev.ShutdownBegun, record: ev.Record) -> None:
    ledger.state.safety.shutdown = True


def _mode_switched(ledger: Ledger, event: ev.ModeSwitched, record: ev.Record) -> None:
    ledger.state.safety.mode_off = not event.enabled


def _protection_read(ledger: Ledger, event: ev.ProtectionRead, record: ev.Record) -> None:
    ledger.state.protection_read_at = record.time


def _reconciliation_started(ledger: Ledger, event: ev.ReconciliationStarted, record: ev.Record) -> None:
    ledger.state.reconciling = True
    ledger.state.reconciling_since = record.time
    ledger.state.reconciling_symbol = event.symbol
    if event.cause == EMERGENCY_STOP and not event.symbol:
        ledger.state.safety.stop_read_at = record.time


def _reconciliation_complete(ledger: Ledger, event: ev.ReconciliationComplete, record: ev.Record) -> None:
    state = ledger.state
    if event.cause == EMERGENCY_STOP:
        ledger.state.safety.stop_read_at = 0
    if event.symbol in ("", state.reconciling_symbol):
        state.reconciling = False
    if not event.symbol and ledger.state.stream_connected:
        ledger.state.stream_lost_at = 0
    if not event.symbol:  # a look at one symbol does not put off the next look at the whole account
        state.reconciled_at = record.time


def _stream_state_changed(ledger: Ledger, event: ev.StreamStateChanged, record: ev.Record) -> None:
    ledger.state.stream_connected = event.connected
    if not event.connected:
        ledger.state.stream_lost_at = ledger.state.stream_lost_at or record.time
    if not event.connected:  # what was asked may have been lost with it
        ledger.state.safety.stop_read_at = 0


HANDLERS: dict[type[ev.Event], Callable[[Ledger, Any, ev.Record], None]] = {
    ev.VenueErrorSeen: _venue_error_seen,
    ev.VenueAnswered: _venue_answered,
    ev.RateLimited: _rate_limited,
    ev.CircuitBreakerOpened: _circuit_breaker_opened,
    ev.CircuitBreakerClosed: _circuit_breaker_closed,
    ev.Paused: _paused,
    ev.Halted: _halted,
    ev.Resumed: _resumed,
    ev.EmergencyStopped: _emergency_stopped,
    ev.EmergencyStopVerified: _emergency_stop_verified,
    ev.ExternalCancelRequested: _external_cancel_requested,
    ev.ForeignStopSeen: _foreign_stop_seen,
    ev.ShutdownBegun: _shutdown_begun,
    ev.ModeSwitched: _mode_switched,
    ev.ProtectionRead: _protection_read,
    ev.ReconciliationStarted: _reconciliation_started,
    ev.ReconciliationComplete: _reconciliation_complete,
    ev.StreamStateChanged: _stream_state_changed,
}
