"""Protection: a live stop (and target) for every sellable coin, placed, measured, moved. Trading rules §4."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from fillwright.core import events as ev
from fillwright.core.context import PROTECT_LANE, Context, seconds
from fillwright.core.exits import cancel
from fillwright.core.inputs import Quote
from fillwright.core.inquiries import begin_reconciliation, owned_of
from fillwright.core.instruments import Instrument
from fillwright.core.orders import Order
from fillwright.core.plans import (
    algo_slots_used,
    stop_request,
    submitted,
    target_request,
    trailing_delta,
)
from fillwright.core.positions import Position
from fillwright.core.requests import (
    CancelReplaceRequest,
    CancelRequest,
    OrderListRequest,
    OrderRequest,
)
from fillwright.core.types import (
    MILLISECOND,
    SECOND,
    ZERO,
    CancelReplaceMode,
    CancelRestriction,
    Leg,
    ListKind,
    OrderState,
    OrderType,
    PositionStatus,
    Protection,
    Time,
)

# Enum members by a name of their own: looking them up in the class costs more than what is done with them.
_STOP_LOSS, _TAKE_PROFIT = Leg.STOP_LOSS, Leg.TAKE_PROFIT
_KINDS = {kind: Protection(kind.value.lower()) for kind in ListKind}
MOVE_TICKS = 2
"""A moved level keeps at least this many ticks from the last price."""
TRAIL_STEP = Decimal("0.003")
BASIS_POINTS = 10_000
TRAIL_INTERVAL: Time = 10 * SECOND
FAILURES_BEFORE_SALE = 2
TAKEN_WAIT: Time = 250 * MILLISECOND
"""So long the books are waited for before a stop is placed again that somebody else has cancelled."""
WOULD_TRIGGER = ("Stop price would trigger immediately.", "Order would trigger immediately.")
"""The text that the live exchange sends, and the documented one."""
PARTLY_REPLACED = -2021
"""Of a cancelReplace: the order was cancelled, its successor refused."""
MOVE = "move"
"""Why exits were cancelled whose place others take."""


def covered(exits: Sequence[Order]) -> Decimal:
    """What live stops would sell."""
    total = ZERO
    for order in exits:
        if order.leg is _STOP_LOSS and order.is_live:
            total += order.remaining
    return total


def note_cover(ctx: Context, position: Position, exits: Sequence[Order], is_covered: bool) -> None:
    """Record that a position's stop is live, or is gone (one that wants no stop has nothing to record)."""
    if position.stop_loss is None:
        return
    if is_covered:
        if position.unprotected_since:
            _note_protected(ctx, position, exits)
    elif position.stop_order_id:
        ctx.emit(ev.PositionUnprotected(position_id=position.id, reason="its stop is gone"))


def _note_protected(ctx: Context, position: Position, exits: Sequence[Order]) -> None:
    stop = next(order for order in exits if order.leg is _STOP_LOSS and order.is_live)
    target: Order | None = None
    for order in exits:
        if order.leg is _TAKE_PROFIT and (order.is_live or (order.list_id and order.list_id == stop.list_id)):
            target = order  # the legs of a list are released together, whichever is told first
            break
    ctx.emit(
        ev.PositionProtected(
            position_id=position.id,
            stop_order_id=stop.id,
            target_order_id=target.id if target is not None else "",
            unprotected_us=ctx.now - position.unprotected_since,
            protection=_kind(stop, target),
        ),
        stop.record,
    )


def _kind(stop: Order, target: Order | None) -> Protection:
    if stop.list_kind is None or target is None and stop.list_kind is ListKind.OCO:
        return Protection.STOP
    return _KINDS[stop.list_kind]


def watchdog(ctx: Context, position: Position) -> Time:
    """Look again, every ``protection_check_s``, at a position whose coins have no live stop, and tell of it each time.

    Protected positions need no look: whatever could take their stop away is news, and news settles them.
    """
    watched = position.unprotected_since and position.stop_loss is not None
    if not watched or position.status not in (PositionStatus.OPEN, PositionStatus.MONITORING):
        return 0
    every = max(seconds(ctx.execution.protection_check_s), MILLISECOND)
    naked = ctx.now - position.unprotected_since
    if naked >= every and ctx.instrument(position.symbol).is_sellable(
        position.quantity, position.stop_loss or ZERO
    ):
        ctx.alert(
            "error",
            "UNPROTECTED",
            f"position {position.id} has had no live stop for {naked // MILLISECOND} ms",
        )
    return ctx.now + every - naked % every


# -- placing -----------------------------------------------------------------------------------------------------


def protect(ctx: Context, position: Position, quantity: Decimal, quote: Quote | None) -> bool:
    """Place an OCO, or a stop alone, for free coins; False when the price has passed the stop (then sell)."""
    stop = position.stop_loss
    instrument = ctx.instrument(position.symbol)
    if stop is None or (quote is not None and quote.last <= stop):
        return False
    fit_trailing(ctx, position, quote)
    name = ctx.name(position, Leg.STOP_LOSS)
    stop_leg = stop_request(position, instrument, name, quantity)
    target_type = _target_type(ctx, position, instrument, quote)
    if target_type is None:
        ctx.emit(submitted(stop_leg, position.id, Leg.STOP_LOSS, quote=quote))
        ctx.send(stop_leg, PROTECT_LANE)
        return True
    target_leg = target_request(
        position, instrument, ctx.name(position, Leg.TAKE_PROFIT), quantity, target_type
    )
    request = OrderListRequest(
        kind=ListKind.OCO,
        symbol=position.symbol,
        list_client_order_id=ctx.name(position, Leg.LIST),
        legs=(stop_leg, target_leg),
    )
    for leg_request, leg in ((stop_leg, Leg.STOP_LOSS), (target_leg, Leg.TAKE_PROFIT)):
        ctx.emit(submitted(leg_request, position.id, leg, list_request=request, quote=quote))
    ctx.send(request, PROTECT_LANE)
    return True


def _target_type(
    ctx: Context, position: Position, instrument: Instrument, quote: Quote | None
) -> OrderType | None:
    """How the target rests beside the stop; None: the engine watches it."""
    target = position.take_profit
    if target is None or not instrument.oco_allowed or position.protection_failures:
        return None
    if quote is not None and quote.last >= target:
        return None
    kind = _target_style(ctx, position, instrument)
    if kind is OrderType.LIMIT_MAKER and quote is not None and quote.bid >= target:
        return None  # it would match and take
    return kind


def _target_style(ctx: Context, position: Position, instrument: Instrument) -> OrderType:
    """TAKE_PROFIT while the slots suffice, and one stays free for replacements; else LIMIT_MAKER."""
    spare = None
    if instrument.algo_orders_max is not None:
        spare = instrument.algo_orders_max - algo_slots_used(ctx.ledger, position.symbol)
    style = ctx.state.settings.take_profit_style
    if (
        style == "market"
        and OrderType.TAKE_PROFIT in instrument.order_types
        and (spare is None or spare >= 3)
    ):
        return OrderType.TAKE_PROFIT
    return OrderType.LIMIT_MAKER


# -- moving ------------------------------------------------------------------------------------------------------


def wants_move(position: Position, exits: Sequence[Order]) -> bool:
    """Whether a live exit rests at another level than the position wants."""
    for order in exits:
        if not order.is_live:
            continue
        if order.leg is _STOP_LOSS:
            trails = order.trailing_delta is not None
            if trails != (position.trailing_delta is not None):
                return True
            if not trails and order.stop_price != position.stop_loss:
                return True
        elif order.leg is _TAKE_PROFIT and (order.stop_price or order.price) != position.take_profit:
            return True
    return False


def move(ctx: Context, position: Position, exits: Sequence[Order], quote: Quote | None) -> None:
    """Take the exits to the wanted levels: a lone stop in one request, a list by cancelling it first."""
    stop = next((order for order in exits if order.leg is Leg.STOP_LOSS), None)
    if stop is None:
        return
    instrument = ctx.instrument(position.symbol)
    lone = len(exits) == 1  # of a list whose entry is done nothing else is left
    slots = instrument.algo_orders_max  # judged before the cancel: a full set refuses the replacement
    has_slot = slots is None or algo_slots_used(ctx.ledger, position.symbol) < slots
    if not (lone and has_slot and instrument.cancel_replace_allowed):
        cancel(ctx, position, stop, MOVE)
        return
    request: OrderRequest = stop_request(
        position, instrument, ctx.name(position, Leg.STOP_LOSS), stop.remaining
    )
    cancel_id = ctx.name(position, Leg.CANCEL)
    ctx.emit(ev.OrderCancelRequested(id=stop.id, cancel_id=cancel_id, reason=MOVE), stop.record)
    ctx.emit(submitted(request, position.id, Leg.STOP_LOSS, replaces=stop.id, quote=quote))
    ctx.send(
        CancelReplaceRequest(
            mode=CancelReplaceMode.STOP_ON_FAILURE,
            cancel=CancelRequest(
                symbol=stop.symbol,
                order_id=stop.exchange_order_id or None,
                orig_client_order_id=stop.id,
                cancel_client_order_id=cancel_id,
                restriction=CancelRestriction.ONLY_NEW,  # a touched stop is not placed again at its full size
            ),
            order=request,
        ),
        PROTECT_LANE,
    )


def keep_level(ctx: Context, position: Position, exits: Sequence[Order]) -> bool:
    """Whether the venue refused to move the stop that rests now; then its old level stays, and stands again."""
    stop = next((order for order in exits if order.leg is Leg.STOP_LOSS), None)
    last = _last_stop(ctx, position)
    if stop is None or last is None or last is stop or last.replaces != stop.id:
        return False
    if last.state is not OrderState.REJECTED or last.retryable or last.stop_price != position.stop_loss:
        return False
    ctx.emit(
        ev.PositionUpdated(
            position_id=position.id,
            reason=f"move refused: {last.reject_reason}",
            stop_loss=stop.stop_price,
            trailing_delta=stop.trailing_delta,
        )
    )
    return True


def passed_level(position: Position, exits: Sequence[Order], quote: Quote) -> Leg | None:
    """The exit whose wanted level, other than the one it rests at, the price has reached: there is no moving to it."""
    for order in exits:
        if order.leg is Leg.STOP_LOSS and order.stop_price != position.stop_loss:
            if _is_stop_passed(position, quote):
                return Leg.STOP_LOSS
        elif order.leg is Leg.TAKE_PROFIT and (order.stop_price or order.price) != position.take_profit:
            if _is_target_passed(position, quote):
                return Leg.TAKE_PROFIT
    return None


def _is_stop_passed(position: Position, quote: Quote) -> bool:
    stop = position.stop_loss
    return stop is not None and position.trailing_delta is None and quote.last <= stop


def _is_target_passed(position: Position, quote: Quote) -> bool:
    return position.take_profit is not None and quote.bid >= position.take_profit


def is_near(ctx: Context, position: Position, exits: Sequence[Order], quote: Quote) -> bool:
    """Whether a level that an exit is to be moved to lies less than two ticks from the last price."""
    gap = ctx.instrument(position.symbol).price_filter.tick * MOVE_TICKS
    stop, target = position.stop_loss, position.take_profit
    for order in exits:
        level = order.stop_price or order.price
        if order.leg is Leg.STOP_LOSS and stop is not None and position.trailing_delta is None:
            if level != stop and stop + gap > quote.last:
                return True
        elif order.leg is Leg.TAKE_PROFIT and target is not None and level != target:
            if target - gap < quote.last:
                return True
    return False


def coins_there(ctx: Context, position: Position) -> tuple[Decimal, Time]:
    """What of a position can be protected, and when to look again before that (0: now).

    A stop that somebody else has cancelled may make way for a sale of its coins: where the account has others of the
    kind beside, the books are read first, or a new stop would rest on those.
    """
    quantity, beside = position.quantity - position.reduce_quantity, _beside(ctx, position)
    instrument, last = ctx.instrument(position.symbol), _last_stop(ctx, position)
    is_taken = last is not None and last.state is OrderState.CANCELLED and last.accepted_at
    if last is None or not is_taken or last.cancel_requested_at:
        return instrument.floor_quantity(quantity), 0
    is_asked = last.id == position.taken_stop_id
    if not is_asked and instrument.floor_quantity(max(beside, ZERO)):
        until = ctx.now + TAKEN_WAIT
        ctx.emit(ev.StopTakenAway(position_id=position.id, order_id=last.id, until=until), last.record)
        ctx.alert("warning", "STOP_TAKEN_AWAY", f"somebody has cancelled {last.id} of position {position.id}")
        begin_reconciliation(ctx, "a stop was cancelled by somebody else", anew=True)
        return ZERO, until
    if is_asked and ctx.now < position.taken_until:
        return ZERO, position.taken_until
    missing = max(-beside, ZERO) if is_asked else ZERO
    there = instrument.floor_quantity(max(quantity - missing, ZERO))
    if not there:  # a second reading of the books tells of the loss
        return ZERO, ctx.now + seconds(ctx.execution.protection_check_s)
    return there, 0


def _beside(ctx: Context, position: Position) -> Decimal:
    """Coins of a position's kind in the account that no position owns; below 0: so many are missing."""
    base = ctx.instrument(position.symbol).base
    balance = ctx.state.portfolio.balance_of(base)
    return balance.free + balance.locked - owned_of(ctx, base)


def failed_protection(ctx: Context, position: Position) -> Order | None:
    """The last stop, when it was refused or fell away by itself and that has not been counted yet."""
    for name in reversed(position.exit_order_ids):
        order = ctx.state.orders.get(name)
        if order is None or order.leg is not Leg.STOP_LOSS:
            continue
        # the move of a stop that was refused as a whole left the stop where it is
        counts = order.state is OrderState.REJECTED and (
            not order.replaces or order.reject_code == PARTLY_REPLACED
        )
        return order if counts and order.id != position.failed_stop_id else None
    return None


def refused_by_price(failed: Order) -> bool:
    """Whether the venue refused a stop because its last price had passed it."""
    return failed.stop_price is not None and failed.reject_reason in WOULD_TRIGGER


def go_back(ctx: Context, position: Position, failed: Order) -> None:
    """After a list was cancelled for a move and its successor refused: the old levels stand again.

    Not if the price has passed a new level: then its exit would have acted, and the coins are sold.
    """
    quote = ctx.quotes.get(position.symbol)
    if refused_by_price(failed):
        return
    if quote is not None and (_is_stop_passed(position, quote) or _is_target_passed(position, quote)):
        return
    stops = [ctx.state.orders.get(name) for name in position.exit_order_ids]
    before = [
        order for order in stops if order is not None and order.leg is Leg.STOP_LOSS and order is not failed
    ]
    if not before or before[-1].cancel_reason != MOVE:
        return
    targets = [
        order
        for order in map(ctx.state.orders.get, position.exit_order_ids)
        if order is not None and order.leg is Leg.TAKE_PROFIT and order.list_id == before[-1].list_id
    ]
    stop = before[-1].stop_price
    target = (targets[-1].stop_price or targets[-1].price) if targets and before[-1].list_id else None
    if stop != failed.stop_price or (target is not None and target != position.take_profit):
        ctx.emit(
            ev.PositionUpdated(
                position_id=position.id,
                reason=f"move refused: {failed.reject_reason}",
                stop_loss=stop,
                take_profit=target,
            )
        )


def _last_stop(ctx: Context, position: Position) -> Order | None:
    for name in reversed(position.exit_order_ids):
        order = ctx.state.orders.get(name)
        if order is not None and order.leg is Leg.STOP_LOSS:
            return order
    return None


def refuse_stop(instrument: Instrument, position: Position, quote: Quote, level: Decimal) -> str:
    """Why a stop may not move to a level; '' when it may."""
    gap = instrument.price_filter.tick * MOVE_TICKS
    if level + gap > min(quote.last, quote.bid):
        return "the stop must stay two ticks under the price"
    if position.take_profit is not None and level >= position.take_profit:
        return "the stop must stay under the target"
    return instrument.price_violation(level) or ""


def refuse_target(instrument: Instrument, position: Position, quote: Quote, level: Decimal) -> str:
    """Why a target may not move to a level; '' when it may."""
    gap = instrument.price_filter.tick * MOVE_TICKS
    if level - gap < quote.last:
        return "the target must stay two ticks over the price"
    if position.stop_loss is not None and level <= position.stop_loss:
        return "the target must stay over the stop"
    return instrument.price_violation(level) or ""


# -- trailing by the engine --------------------------------------------------------------------------------------


def trail(ctx: Context, position: Position, quote: Quote) -> None:
    """Move a fixed stop after the price, where the venue's own trailing stop cannot: steps of 0.3 %, 10 s apart."""
    level = trail_level(ctx, position, quote.last)
    if level is None or quote.last < trail_trigger(position):
        return
    if ctx.now < position.moved_at + TRAIL_INTERVAL:
        return
    instrument = ctx.instrument(position.symbol)
    if not refuse_stop(instrument, position, quote, level):
        ctx.emit(ev.PositionUpdated(position_id=position.id, reason="trailing", stop_loss=level))


def trail_level(ctx: Context, position: Position, last: Decimal) -> Decimal | None:
    """Where the stop belongs at a price, at the distance it had at the entry; None when that is not higher."""
    stop = position.stop_loss
    distance = position.trail_distance
    if stop is None or not distance:
        return None
    level = ctx.instrument(position.symbol).price_up(last * (1 - distance))
    return level if level > stop else None


def trail_trigger(position: Position) -> Decimal:
    """The price at which the stop is worth moving again: a step above where it was last fitted."""
    stop = position.stop_loss
    assert stop is not None
    return stop / (1 - position.trail_distance) * (1 + TRAIL_STEP)


def fit_trailing(ctx: Context, position: Position, quote: Quote | None) -> None:
    """Before a trailing stop is placed anew: no wider than the position's stop; too near for the venue, ours trails."""
    delta, stop = position.trailing_delta, position.stop_loss
    if delta is None or stop is None or quote is None or quote.last <= stop:
        return
    if (quote.last - stop) * BASIS_POINTS >= delta * quote.last:
        return
    nearer = trailing_delta(ctx.instrument(position.symbol), stop, quote.last)
    ctx.emit(
        ev.PositionUpdated(position_id=position.id, reason="nearer to its stop", trailing_delta=nearer or 0)
    )
