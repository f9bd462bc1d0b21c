"""What events do to the account's rollout: what went wrong with trades is collected, judgements are counted.

``WATCHED`` runs beside the events' own handlers, before them, in accounts whose trades are judged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fillwright.core import events as ev
from fillwright.core.rollout import FLAWS_MAX, JUDGED_MAX, UNJUDGED_MAX, Judgement, cap_of
from fillwright.core.state import Ledger, State
from fillwright.core.types import MILLISECOND, SECOND, Asset, ClientOrderId, Symbol


def renew_cap(state: State) -> None:
    """The cap that follows from settings and trades."""
    state.rollout.cap = cap_of(state.settings.rollout, state.rollout)


def _trade_judged(ledger: Ledger, event: ev.TradeJudged, record: ev.Record) -> None:
    rollout = ledger.state.rollout
    rollout.closed.pop(event.position_id, None)
    rollout.flaws.pop(event.position_id, None)
    was_clean = any(one.position_id == event.position_id and one.clean for one in rollout.judged)
    rollout.judged.append(Judgement(event.position_id, event.symbol, event.reasons, record.time))
    del rollout.judged[:-JUDGED_MAX]
    if event.reasons:
        rollout.unclean_trades += 1
        rollout.clean_trades -= was_clean  # it was opened again since
    else:
        rollout.clean_trades += 1
    renew_cap(ledger.state)


def _cap_changed(ledger: Ledger, event: ev.RolloutCapChanged, record: ev.Record) -> None:
    rollout = ledger.state.rollout
    rollout.lifted_at = record.time if event.lifted else 0
    rollout.lifted_by = event.by if event.lifted else ""
    rollout.lifted_reason = event.reason if event.lifted else ""
    renew_cap(ledger.state)


# -- what goes wrong ---------------------------------------------------------------------------------------------


def _blame(state: State, position_id: int, what: str) -> None:
    position = state.positions.get(position_id)
    if position is not None and (not position.is_ended or position_id in state.rollout.closed):
        _keep(state, position_id, what)  # else it was judged already


def _keep(state: State, position_id: int, what: str) -> None:
    flaws = state.rollout.flaws.setdefault(position_id, [])
    if what not in flaws and len(flaws) < FLAWS_MAX:
        flaws.append(what)


def _blame_all(ledger: Ledger, what: str) -> None:
    """Whatever trade is under way, or waits for its judgement."""
    for position_id in dict.fromkeys([*ledger.open_positions, *ledger.state.rollout.closed]):
        _blame(ledger.state, position_id, what)


def _blame_asset(ledger: Ledger, asset: Asset, what: str) -> None:
    """The trades of which an asset is base or quote."""
    state = ledger.state
    for position_id in dict.fromkeys([*ledger.open_positions, *state.rollout.closed]):
        position = state.positions.get(position_id)
        if position is not None and asset in _assets_of(state, position.symbol):
            _blame(state, position_id, what)


def _assets_of(state: State, symbol: Symbol) -> tuple[Asset, ...]:
    instrument = state.instruments.get(symbol)
    return () if instrument is None else (instrument.base, instrument.quote)


def _position_of(state: State, order_id: ClientOrderId) -> int:
    order = state.orders.get(order_id)
    return 0 if order is None else order.position_id


def _protected(ledger: Ledger, event: ev.PositionProtected, record: ev.Record) -> None:
    allowed = int(ledger.state.settings.execution.arm_timeout_s * SECOND)
    if event.unprotected_us > allowed:
        late = f"it had no live stop for {event.unprotected_us // MILLISECOND} ms"
        _blame(ledger.state, event.position_id, f"{late}; {allowed // MILLISECOND} are allowed")


def _order_unknown(ledger: Ledger, event: ev.OrderUnknown, record: ev.Record) -> None:
    _blame(ledger.state, _position_of(ledger.state, event.id), f"order {event.id} was in doubt")


def _order_rejected(ledger: Ledger, event: ev.OrderRejected, record: ev.Record) -> None:
    position_id = _position_of(ledger.state, event.id)
    _blame(ledger.state, position_id, f"order {event.id} was rejected: {event.reason}")


def _venue_error(ledger: Ledger, event: ev.VenueErrorSeen, record: ev.Record) -> None:
    """Of those that the breaker counts: rejections by rule have events of their own."""
    if not event.counts:
        return
    what = f"the exchange failed: {event.message} ({event.code})"
    for position_id in dict.fromkeys([*ledger.open_positions, *ledger.state.rollout.closed]):
        position = ledger.state.positions.get(position_id)
        if position is not None and event.symbol in ("", position.symbol):
            _blame(ledger.state, position_id, what)


def _anomaly(ledger: Ledger, event: ev.Anomaly, record: ev.Record) -> None:
    what, position_id = f"a report that cannot be: {event.what}", _position_of(ledger.state, event.subject)
    if position_id:
        _blame(ledger.state, position_id, what)
    else:
        _blame_all(ledger, what)


def _discrepancy(ledger: Ledger, event: ev.Discrepancy, record: ev.Record) -> None:
    what = f"the books differed: {event.subject}, {event.what} (ours {event.ours}, theirs {event.theirs})"
    position_id = _position_of(ledger.state, event.subject)
    if position_id:
        _blame(ledger.state, position_id, what)
    else:
        _blame_asset(ledger, event.subject, what)


def _closed(ledger: Ledger, event: ev.PositionClosed, record: ev.Record) -> None:
    rollout = ledger.state.rollout
    position = ledger.state.positions[event.position_id]
    if not position.exit_quantity and event.position_id not in rollout.flaws:
        return  # no whole trade: what was bought is dust
    rollout.closed[event.position_id] = record.time
    while len(rollout.closed) > UNJUDGED_MAX:
        oldest = next(iter(rollout.closed))
        del rollout.closed[oldest]
        rollout.flaws.pop(oldest, None)


def _reopened(ledger: Ledger, event: ev.PositionReopened, record: ev.Record) -> None:
    ledger.state.rollout.closed.pop(event.position_id, None)
    _keep(ledger.state, event.position_id, f"it was opened again: {event.reason}")


def _failed(ledger: Ledger, event: ev.PositionFailed, record: ev.Record) -> None:
    ledger.state.rollout.flaws.pop(event.position_id, None)


WATCHED: dict[type[ev.Event], Callable[[Ledger, Any, ev.Record], None]] = {
    ev.PositionProtected: _protected,
    ev.ProtectionFailed: lambda ledger, event, record: _blame(
        ledger.state, event.position_id, f"protecting it failed: {event.reason}"
    ),
    ev.StopTakenAway: lambda ledger, event, record: _blame(
        ledger.state, event.position_id, "somebody else cancelled its stop"
    ),
    ev.ExitFailed: lambda ledger, event, record: _blame(
        ledger.state, event.position_id, f"selling it failed: {event.reason}"
    ),
    ev.PositionReduced: lambda ledger, event, record: _blame(
        ledger.state, event.position_id, f"coins of it were gone: {event.reason}"
    ),
    ev.PositionReopened: _reopened,
    ev.PositionClosed: _closed,
    ev.PositionFailed: _failed,
    ev.OrderUnknown: _order_unknown,
    ev.OrderRejected: _order_rejected,
    ev.VenueErrorSeen: _venue_error,
    ev.Anomaly: _anomaly,
    ev.Discrepancy: _discrepancy,
    ev.Halted: lambda ledger, event, record: _blame_all(ledger, f"entries were halted: {event.cause}"),
    ev.CircuitBreakerOpened: lambda ledger, event, record: _blame_all(
        ledger, f"the breaker opened: {event.reason}"
    ),
}
"""What is seen of a trade until it is judged."""

HANDLERS: dict[type[ev.Event], Callable[[Ledger, Any, ev.Record], None]] = {
    ev.TradeJudged: _trade_judged,
    ev.RolloutCapChanged: _cap_changed,
}
