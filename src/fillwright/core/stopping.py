"""The emergency stop: halt first, cancel, and then prove that nothing of it is left. Trading rules §8.

Proof is a reading of the venue's open orders and account that was asked for when every request before it had been
answered. A request without an answer is in doubt, and its order counts as working until the doubt is over, which takes
the time that it may still be under way: so nothing comes after the proof that was sent before it.
"""

from __future__ import annotations

from fillwright.core import events as ev
from fillwright.core.apply.safety import EMERGENCY_STOP
from fillwright.core.commands import cancel_working
from fillwright.core.context import EXIT_LANE, Answer, Context, seconds
from fillwright.core.inputs import EmergencyStop, ForeignStop, VenueSnapshot
from fillwright.core.inquiries import SNAPSHOT_AWAITED, begin_reconciliation
from fillwright.core.positions import HOLDING, Position
from fillwright.core.requests import CancelRequest
from fillwright.core.state import External, Ledger
from fillwright.core.types import Leg, PositionStatus, Time, client_order_id

CAUSE = EMERGENCY_STOP
_WORKING = (Leg.ENTRY, Leg.MANUAL)
_OPEN = (PositionStatus.OPEN, PositionStatus.MONITORING)
ALL_TAGS = "all"
"""Stands in the id of a stop by keys that is not for one ledger alone."""


def emergency_stop(ctx: Context, command: EmergencyStop) -> None:
    """Halt first; then cancel entries and manual orders; with flatten sell what positions own."""
    ctx.emit(ev.Halted(cause="emergency_stop", reason=command.reason, by=command.by))
    ctx.emit(ev.EmergencyStopped(by=command.by, flatten=command.flatten, external=command.external))
    ctx.alert("error", "HALTED", f"emergency stop by {command.by}: {command.reason}")
    cancelled = cancel_working(ctx, CAUSE)
    for position in list(ctx.ledger.open_positions.values()):
        if command.flatten and position.status in _OPEN:
            ctx.emit(ev.PositionClosing(position_id=position.id, reason=CAUSE))
        ctx.touch(position.id)
    ctx.answer = Answer(ok=True, orders=cancelled)


def foreign_stop(ctx: Context, news: ForeignStop) -> None:
    """Take a sign of the stop by keys, once of each run, and unless it is for another ledger alone."""
    run, tag = run_of(news.client_order_id)
    if tag not in (ALL_TAGS, ctx.state.tag) or run in ctx.state.safety.foreign_stops:
        return
    ctx.emit(ev.ForeignStopSeen(client_order_id=news.client_order_id, run=run))
    if not ctx.state.safety.halted_cause:
        emergency_stop(
            ctx, EmergencyStop(by="keys-only stop", reason=f"its order {news.client_order_id} was seen")
        )


def run_of(name: str) -> tuple[str, str]:
    """The run of a stop by keys that an id ``RT_ES_<tag>_<run>_<number>`` is of, and the ledger's tag."""
    parts = name.split("_")
    return parts[-2] if len(parts) > 3 else name, parts[2] if len(parts) == 5 else ALL_TAGS


# -- until it is proven ------------------------------------------------------------------------------------------


def still_to_do(ledger: Ledger, *, flatten: bool, external: bool) -> list[str]:
    """What a stop has still to do: orders, positions and (if they are to go) others' orders."""
    found = [order.id for order in ledger.open_orders.values() if order.leg in _WORKING]
    for position in ledger.open_positions.values():
        if position.status in HOLDING and (flatten or _is_naked(ledger, position)):
            found.append(f"position {position.id}")
    if external:
        found += [one.client_order_id for one in ledger.state.externals.values()]
    return found


def _is_naked(ledger: Ledger, position: Position) -> bool:
    """Whether a position that wants a stop has none for coins that could be sold at it."""
    if not position.unprotected_since or position.stop_loss is None:
        return False
    return ledger.state.instruments[position.symbol].is_sellable(position.quantity, position.stop_loss)


def advance(ctx: Context) -> None:
    """At a step's end: have the books read as soon as nothing is left that we know of."""
    safety = ctx.state.safety
    if safety.stop_external:
        _cancel_externals(ctx)
    if still_to_do(ctx.ledger, flatten=safety.flatten, external=safety.stop_external):
        return
    if not safety.stop_read_at or ctx.now >= safety.stop_read_at + SNAPSHOT_AWAITED:
        begin_reconciliation(ctx, CAUSE, anew=True)


def look(ctx: Context, snapshot: VenueSnapshot) -> None:
    """The books have come: the stop is proven, or there is more to do."""
    safety = ctx.state.safety
    if not safety.stopping_since or snapshot.symbol is not None or snapshot.cause != CAUSE:
        return
    cancel_working(ctx, CAUSE)  # what was adopted just now
    if not still_to_do(ctx.ledger, flatten=safety.flatten, external=safety.stop_external):
        ctx.emit(ev.EmergencyStopVerified(took_us=ctx.now - safety.stopping_since))


def next_read(ledger: Ledger) -> Time:
    """When books that were asked for and never came are asked for again; 0: nothing is awaited."""
    safety = ledger.state.safety
    wakes = [safety.stop_read_at + SNAPSHOT_AWAITED] if safety.stopping_since and safety.stop_read_at else []
    if safety.stopping_since and safety.stop_external:
        patience = seconds(ledger.state.settings.execution.stale_order_timeout_s)
        wakes += [one.cancel_at + patience for one in ledger.state.externals.values() if one.cancel_at]
    return min(wakes, default=0)


def _cancel_externals(ctx: Context) -> None:
    """Cancel orders that are not ours, each by its number, and again when nothing came of it."""
    patience = seconds(ctx.execution.stale_order_timeout_s)
    for one in list(ctx.state.externals.values()):
        if not one.cancel_at or ctx.now >= one.cancel_at + patience:
            _cancel_external(ctx, one)


def _cancel_external(ctx: Context, one: External) -> None:
    cancel_id = client_order_id(ctx.state.tag, 0, Leg.CANCEL, ctx.state.cancels_made + 1)
    ctx.emit(
        ev.ExternalCancelRequested(
            symbol=one.symbol, exchange_order_id=one.exchange_order_id, cancel_id=cancel_id
        )
    )
    ctx.send(
        CancelRequest(symbol=one.symbol, order_id=one.exchange_order_id, cancel_client_order_id=cancel_id),
        EXIT_LANE,
    )
