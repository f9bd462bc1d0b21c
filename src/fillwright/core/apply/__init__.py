"""``apply``: the only mutator of State. One function per event; none decides anything.

Replaying the journal through ``apply`` gives the state that made it.
"""

from __future__ import annotations

from decimal import getcontext, localcontext

from fillwright.core import events as ev
from fillwright.core.apply import account, orders, positions, rollout, safety, signals
from fillwright.core.apply.signals import SIGNAL_ENDS, candle_key
from fillwright.core.state import KEEP_CANDLES, KEEP_KEYS, Ledger
from fillwright.core.types import CONTEXT, SECOND, ClientOrderId, Time

__all__ = ["SequenceGapError", "apply", "candle_key", "forget", "make_true"]


class SequenceGapError(AssertionError):
    """A record does not follow the one before it."""


def apply(ledger: Ledger, record: ev.Record) -> None:
    """Make a record true; SequenceGapError when it is not the next one."""
    if record.seq != ledger.state.seq + 1:
        raise SequenceGapError(f"record {record.seq} after {ledger.state.seq}")
    if getcontext().prec == CONTEXT.prec:  # somebody who replays many has set it
        make_true(ledger, record)
    else:
        with localcontext(CONTEXT):
            make_true(ledger, record)


def make_true(ledger: Ledger, record: ev.Record) -> None:
    """``apply`` for a step of the engine: the record is the next one, and the arithmetic context is set."""
    state = ledger.state
    state.seq = record.seq
    event, time = record.event, record.time
    if state.settings.rollout.clean_trades:
        watcher = rollout.WATCHED.get(type(event))
        if watcher is not None:
            watcher(ledger, event, record)
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        handler(ledger, event, record)
    if time != state.time:
        state.time = time
        if time > ledger.forget_after:
            forget(ledger, time)


def forget(ledger: Ledger, now: Time) -> None:
    """Drop what ended long ago (24 hours, at most venues), and keys older than 7 days."""
    state = ledger.state
    keep_ended = state.settings.venue.keep_ended_s * SECOND
    before = now - keep_ended
    while (name := state.ended.pop_before(before)) is not None:
        kind, _, key = name.partition(":")
        if kind == "order":
            _forget_order(ledger, key, name, before)
        elif kind == "position":
            position = state.positions.get(int(key))
            if position is not None and position.is_ended:
                if position.updated_at < before:
                    del state.positions[position.id]
                else:  # something came late: it stays as long again
                    state.ended.push(position.updated_at, name)
        else:
            signal = state.signals.get(int(key))
            if signal is not None and signal.status in SIGNAL_ENDS:
                signals.forget_signal(ledger, signal)
    while (old_candle := state.old_candles.pop_before(now - KEEP_CANDLES)) is not None:
        state.candle_signals.pop(old_candle, None)
    while (old_key := state.old_keys.pop_before(now - KEEP_KEYS)) is not None:
        state.keys.pop(old_key, None)
        state.key_hashes.pop(old_key, None)
        state.key_codes.pop(old_key, None)
    while (old_command := state.old_commands.pop_before(now - KEEP_KEYS)) is not None:
        state.commands.pop(old_command, None)
    # What comes into a queue comes in later than now, so nothing is due sooner than this.
    ledger.forget_after = min(
        state.ended.oldest(now) + keep_ended,
        state.old_candles.oldest(now) + KEEP_CANDLES,
        state.old_keys.oldest(now) + KEEP_KEYS,
        state.old_commands.oldest(now) + KEEP_KEYS,
    )


def _forget_order(ledger: Ledger, key: ClientOrderId, name: str, before: Time) -> None:
    state = ledger.state
    order = state.orders.get(key)
    if order is None or not order.is_final:
        return
    if order.updated_at < before:
        del state.orders[key]
        ledger.by_exchange_id.pop((order.symbol, order.exchange_order_id), None)
    else:
        state.ended.push(order.updated_at, name)


_HANDLERS = {
    **account.HANDLERS,
    **signals.HANDLERS,
    **orders.HANDLERS,
    **positions.HANDLERS,
    **safety.HANDLERS,
    **rollout.HANDLERS,
}
