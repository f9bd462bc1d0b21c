"""What events of signals and commands do to the state."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable
from functools import cache
from typing import Any

from fillwright.core import events as ev
from fillwright.core.inputs import Signal
from fillwright.core.state import COMMANDS_MAX, KeyedCommand, Ledger, SignalRecord
from fillwright.core.types import MINUTE, SECOND, SignalStatus, Time

SIGNAL_ENDS = (
    SignalStatus.DENIED,
    SignalStatus.ABANDONED,
    SignalStatus.COMPLETED,
    SignalStatus.EXPIRED,
    SignalStatus.FAILED,
)

# Enum members by a name of their own: looking them up in the class costs more than what is done with them.
_ENTERING, _MONITORING = SignalStatus.ENTERING, SignalStatus.MONITORING
_RATE_WINDOW = 10 * SECOND


def _signal_received(ledger: Ledger, event: ev.SignalReceived, record: ev.Record) -> None:
    state = ledger.state
    state.signals_made = event.signal_id
    state.signals[event.signal_id] = SignalRecord(
        event.signal_id,
        event.signal,
        record.time,
        event.key,
        decided_at=event.signal.created_at,
        updated_at=record.time,
    )
    state.keys[event.key] = event.signal_id
    state.old_keys.push(record.time, event.key)


def forget_signal(ledger: Ledger, signal: SignalRecord) -> None:
    """Drop a signal; of its body stays what tells whether its key comes with another one."""
    state = ledger.state
    del state.signals[signal.id]
    if signal.key in state.keys:
        state.key_hashes[signal.key] = body_hash(signal.signal)


def body_hash(signal: Signal) -> str:
    """What tells the bodies of two signals apart: of the body as the journal has it, so always the same."""
    body = ev.encode(ev.SignalReceived(0, signal, ""))
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def _signal_approved(ledger: Ledger, event: ev.SignalApproved, record: ev.Record) -> None:
    state = ledger.state
    signal = state.signals[event.signal_id]
    _move_signal(ledger, signal, _ENTERING, "", record.time)
    key = candle_key(ledger, signal)
    if key:
        state.candle_signals[key] = event.signal_id
        state.old_candles.push(record.time, key)
    safety = state.safety
    times = safety.entry_times  # oldest first
    del times[: bisect_right(times, record.time - _RATE_WINDOW)]
    times.append(record.time)
    safety.last_entry_at = record.time
    if safety.breaker.is_open:
        safety.breaker.probing = True


def candle_key(ledger: Ledger, signal: SignalRecord) -> str:
    """What makes two signals the same idea: trader, symbol, side and candle; '' when the interval is not fixed."""
    interval = _interval_length(signal.signal.interval or ledger.state.settings.candle_interval)
    if not interval:
        return ""
    wanted = signal.signal
    return f"{wanted.trader_id}|{wanted.symbol}|{wanted.side}|{wanted.created_at // interval}"


_INTERVAL_UNITS = {"s": SECOND, "m": MINUTE, "h": 60 * MINUTE, "d": 1440 * MINUTE, "w": 10_080 * MINUTE}


@cache
def _interval_length(interval: str) -> Time:
    unit = _INTERVAL_UNITS.get(interval[-1:])
    return int(interval[:-1]) * unit if unit and interval[:-1].isdigit() else 0


def _signal_denied(ledger: Ledger, event: ev.SignalDenied, record: ev.Record) -> None:
    signal = ledger.state.signals[event.signal_id]
    signal.code = event.code
    if signal.key in ledger.state.keys:
        ledger.state.key_codes[signal.key] = event.code
    _move_signal(ledger, signal, SignalStatus.DENIED, event.code, record.time)


def _signal_status_changed(ledger: Ledger, event: ev.SignalStatusChanged, record: ev.Record) -> None:
    follow(ledger, event.signal_id, event.status, event.reason, record.time)


def follow(ledger: Ledger, signal_id: int, status: SignalStatus, reason: str, now: Time) -> None:
    """Move a signal on, if it is still remembered (its position may outlive it)."""
    signal = ledger.state.signals.get(signal_id)
    if signal is not None:
        if signal.status is SignalStatus.MONITORING and status is SignalStatus.RECEIVED:
            signal.decided_at = now  # the decision to enter: its age counts from here
        _move_signal(ledger, signal, status, reason, now)


def _move_signal(ledger: Ledger, signal: SignalRecord, status: SignalStatus, reason: str, now: Time) -> None:
    signal.status, signal.reason, signal.updated_at = status, reason, now
    if status is _MONITORING:
        ledger.waiting_signals[signal.id] = signal
    else:
        ledger.waiting_signals.pop(signal.id, None)
    if status in SIGNAL_ENDS:
        ledger.state.ended.push(now, f"signal:{signal.id}")


def _command_taken(ledger: Ledger, event: ev.CommandTaken, record: ev.Record) -> None:
    state = ledger.state
    state.commands[event.key] = KeyedCommand(
        event.body_hash, event.ok, event.code, event.message, event.position_id, event.orders
    )
    state.old_commands.push(record.time, event.key)
    if len(state.commands) > COMMANDS_MAX:
        oldest = state.old_commands.pop_before(record.time + 1)
        assert oldest is not None
        del state.commands[oldest]


HANDLERS: dict[type[ev.Event], Callable[[Ledger, Any, ev.Record], None]] = {
    ev.SignalReceived: _signal_received,
    ev.SignalApproved: _signal_approved,
    ev.SignalDenied: _signal_denied,
    ev.SignalStatusChanged: _signal_status_changed,
    ev.CommandTaken: _command_taken,
}
