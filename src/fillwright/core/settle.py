"""Settle: bring one position nearer to where it should be. Looks at what is, never at how it came about.

Run for every position that an input touched, and again at the time it asks for. Because it decides from the state
alone, reports may come in any order, twice or late: whatever is missing is missing still. Trading rules §3, §4.
"""

from __future__ import annotations

from decimal import Decimal

from fillwright.core import events as ev
from fillwright.core.context import Context, seconds
from fillwright.core.effects import FetchInstruments
from fillwright.core.exits import cancel, cancel_alone, is_trading, make_room, replace_by_sale, sell
from fillwright.core.inquiries import ask
from fillwright.core.intake import try_again
from fillwright.core.market_watch import stop_reached, target_reached
from fillwright.core.orders import EXIT_LEGS, Order
from fillwright.core.positions import ENDED, Position
from fillwright.core.protection import (
    FAILURES_BEFORE_SALE,
    coins_there,
    covered,
    failed_protection,
    go_back,
    is_near,
    keep_level,
    move,
    note_cover,
    passed_level,
    protect,
    refused_by_price,
    trail,
    wants_move,
)
from fillwright.core.risk.limits import Limits
from fillwright.core.types import LEG_NAMES, SECOND, ZERO, Leg, OrderState, OrderType, PositionStatus, Time
from fillwright.core.waiting import NEVER, await_end, await_execution, await_release, soonest, watch_orders

AT_REST = frozenset({ev.PositionProtected, ev.PositionClosed, ev.PositionFailed})
"""Records that leave nothing to look for: the look that makes one (and it alone) has seen to all that follows."""
EXIT_TRIES_MAX = 3
ENTRY_TRIES_MAX = 2
STOP_REACHED = "stop_loss"
NEAR = Decimal("1.1")
"""Below this multiple of the least notional, average prices decide."""
BLOCKED_CHECK: Time = 10 * SECOND
_ENTRY, _STOP_LOSS, _EXIT = Leg.ENTRY, Leg.STOP_LOSS, Leg.EXIT
_CLOSING = PositionStatus.CLOSING
_SUBMITTED, _PENDING_NEW = OrderState.SUBMITTED, OrderState.PENDING_NEW
_CANCEL_PENDING = OrderState.CANCEL_PENDING


def settle(ctx: Context, limits: Limits, position: Position) -> Time:
    """Do what the position needs now; returns when to look again (0: when something happens)."""
    orders = ctx.ledger.orders_of(position)
    if position.status in ENDED:
        return _settle_ended(ctx, position, orders)
    wake = watch_orders(ctx, orders)
    entries: list[Order] = []
    exits: list[Order] = []
    for order in orders:
        if order.doubt is not None and not _stands_alone(order):
            return wake  # what is in doubt may hold the same coins: nothing is done twice
        if order.leg is _ENTRY:
            entries.append(order)
        elif order.leg in EXIT_LEGS:
            exits.append(order)
    if entries:
        wake = soonest(wake, _settle_working_entry(ctx, position, entries[-1], exits))
        if not all(_stands_alone(entry) and _is_unheard(entry) for entry in entries) or not position.quantity:
            return wake
    if not position.entry_quantity and not position.quantity:
        return soonest(wake, _settle_unfilled(ctx, limits, position, exits))
    return soonest(wake, _settle_holding(ctx, position, exits))


def _stands_alone(order: Order) -> bool:
    """Whether an order is an entry whose fate says nothing about the coins that are held already."""
    return order.leg is _ENTRY and not order.list_id


def _is_unheard(order: Order) -> bool:
    """Whether nobody knows yet that an order works: what is held is not left alone for it."""
    return order.doubt is not None or order.state is OrderState.SUBMITTED


def settle_manual(ctx: Context) -> Time:
    """Watch the orders that belong to no position, and repeat cancels that came to nothing; when to look again."""
    orders = [order for order in ctx.ledger.open_orders.values() if not order.position_id]
    wakes = [watch_orders(ctx, orders)]
    for order in orders:
        if order.is_live and order.doubt is None and order.cancel_requested_at:
            due = order.cancel_requested_at + seconds(ctx.execution.stale_order_timeout_s)
            if ctx.now >= due or ctx.state.safety.stopping_since:
                cancel_alone(ctx, order, order.cancel_reason)
            else:
                wakes.append(due)
    return soonest(*wakes)


def _settle_ended(ctx: Context, position: Position, orders: list[Order]) -> Time:
    """An ended position waits for its last orders; one that works still (it came late) has nothing to work for."""
    wake = watch_orders(ctx, orders)
    if ctx.now < position.retry_at:
        return soonest(wake, position.retry_at)
    for order in orders:
        if (order.is_live or order.state is OrderState.PENDING_NEW) and order.doubt is None:
            cancel(ctx, position, order, "its position has ended")
            return soonest(wake, ctx.now + seconds(ctx.execution.stale_order_timeout_s))
    return wake


# -- the entry ---------------------------------------------------------------------------------------------------


def _settle_working_entry(ctx: Context, position: Position, entry: Order, exits: list[Order]) -> Time:
    """An entry that still works: cancelled when it is partly filled and sellable, or too old."""
    if entry.state not in (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED):
        return NEVER
    due = entry.submitted_at + seconds(ctx.execution.entry_timeout_s)
    reason = "entry timeout"
    if entry.executed_quantity and is_sellable_at_stop(ctx, position):
        due = min(due, position.first_fill_at + seconds(ctx.execution.partial_protect_s))
        reason = "protect the filled part"
    safety = ctx.state.safety
    if safety.halted_cause or safety.shutdown:
        due, reason = ctx.now, safety.halted_cause or "shutdown"
    elif position.status is PositionStatus.CLOSING:
        due, reason = ctx.now, "close"
    elif entry.cancel_requested_at:  # it was wanted, and came to nothing
        due, reason = ctx.now, entry.cancel_reason
    due = max(due, position.retry_at)
    if ctx.now < due:
        return due
    cancel(ctx, position, entry, reason)
    return ctx.now + seconds(ctx.execution.stale_order_timeout_s)


def is_sellable_at_stop(ctx: Context, position: Position) -> bool:
    """Whether what is held may be sold at the stop (without one: at the bid)."""
    price = position.stop_loss or ctx.bids[position.symbol]
    return ctx.instrument(position.symbol).is_sellable(position.quantity, price)


def _settle_unfilled(ctx: Context, limits: Limits, position: Position, exits: list[Order]) -> Time:
    """Every entry has ended without an execution: once more, or the position has failed."""
    if exits:  # the list's other legs end with it; their reports are on the way
        return await_end(ctx, position, exits)
    last = ctx.state.orders.get(position.entry_order_ids[-1]) if position.entry_order_ids else None
    if last is not None and _may_try_again(ctx, position, last) and try_again(ctx, limits, position):
        return ctx.now + seconds(ctx.execution.stale_order_timeout_s)
    status, reason = _failure(last)
    ctx.emit(
        ev.PositionFailed(position_id=position.id, reason=reason, status=status),
        last.record if last is not None else 0,
    )
    return NEVER


def _may_try_again(ctx: Context, position: Position, last: Order) -> bool:
    safety = ctx.state.safety
    if safety.halted_cause or safety.shutdown or position.status is not PositionStatus.SUBMITTING:
        return False
    if last.state is OrderState.EXPIRED and position.entry_market:
        return position.reprices < ctx.execution.reprice_attempts
    retryable = last.state is OrderState.REJECTED and last.retryable and not last.never_arrived
    return retryable and len(position.entry_order_ids) < ENTRY_TRIES_MAX


def _failure(last: Order | None) -> tuple[str, str]:
    if last is None:
        return "denied", "denied"
    if last.state is OrderState.REJECTED:
        if last.never_arrived:
            return "never_arrived", "NEVER_ARRIVED"
        return "rejected", f"{last.reject_code} {last.reject_reason}"
    if last.state is OrderState.EXPIRED:
        return "expired", "ENTRY_UNFILLED"
    return "cancelled", last.cancel_reason or "cancelled"


# -- holding coins -----------------------------------------------------------------------------------------------


def _settle_holding(ctx: Context, position: Position, exits: list[Order]) -> Time:
    """The entry is done: protect, move, reduce, close, or end."""
    if not _is_sellable(ctx, position, exits):
        return _settle_dust(ctx, position, exits)
    if not is_trading(ctx, position):
        return _settle_blocked(ctx, position)
    if position.exit_blocked:
        ctx.emit(ev.PositionUpdated(position_id=position.id, reason="trading again", exit_blocked=False))
    for order in exits:
        if order.state is _SUBMITTED or order.state is _CANCEL_PENDING:
            note_cover(ctx, position, exits, _is_covered(ctx, position, exits))
            return NEVER  # an answer is on the way
    if position.status is _CLOSING:
        return _settle_closing(ctx, position, exits)
    return _settle_protection(ctx, position, exits)


def _is_sellable(ctx: Context, position: Position, exits: list[Order]) -> bool:
    """Whether what is held is more than dust, at the lowest price it may have to be sold for."""
    instrument, quantity = ctx.instrument(position.symbol), position.quantity
    price = ctx.bids[position.symbol]
    if position.stop_loss is not None and position.status is not _CLOSING:
        price = min(price, position.stop_loss) if price else position.stop_loss
        return instrument.is_sellable(quantity, price)
    if not instrument.is_sellable(quantity, price):
        return False  # an average is dear to work out, and most that is looked at here is dust
    if quantity * price >= instrument.notional_min * NEAR:
        return True
    # the venue values a MARKET order at its average price: near the border both must allow the sale
    average = ctx.averages.get(position.symbol)
    return average is None or average >= price or instrument.is_sellable(quantity, average)


def _settle_dust(ctx: Context, position: Position, exits: list[Order]) -> Time:
    """Nothing sellable is left: the position ends when its orders have."""
    working = [order for order in exits if order.is_live and order.remaining <= position.quantity]
    if working and position.quantity > ZERO:
        return NEVER  # an exit accepted when it was larger may still sell the rest
    if exits:
        waiting = [order for order in exits if order.state is not OrderState.CANCEL_PENDING]
        return await_end(ctx, position, waiting)
    reason = position.exit_reason or ("dust" if position.entry_quantity else "empty")
    ctx.emit(
        ev.PositionClosed(
            position_id=position.id,
            pnl=position.realized,
            reason=reason,
            dust_quantity=position.quantity,
            dust_cost=position.cost,
        )
    )
    return NEVER


def _settle_blocked(ctx: Context, position: Position) -> Time:
    """The symbol does not trade: protection is left as it is, a person is told, the symbol is watched."""
    if not position.exit_blocked:
        ctx.emit(ev.PositionUpdated(position_id=position.id, reason="not trading", exit_blocked=True))
        ctx.alert("error", "EXIT_BLOCKED", f"{position.symbol} is not trading; position {position.id} waits")
    look = FetchInstruments((position.symbol,), ctx.now + BLOCKED_CHECK)
    if look not in ctx.effects:
        ctx.effects.append(look)
    return ctx.now + BLOCKED_CHECK


# -- closing -----------------------------------------------------------------------------------------------------


def _settle_closing(ctx: Context, position: Position, exits: list[Order]) -> Time:
    """Sell everything: by the exit that is at work, by replacing protection, or by a sale of free coins."""
    if ctx.now < position.retry_at:
        return position.retry_at
    if not exits:
        return _sell_rest(ctx, position)
    pending = [order for order in exits if order.state is OrderState.PENDING_NEW]
    if pending:
        return _settle_unarmed(ctx, position, pending)
    at_work = _at_work(exits)
    if at_work is None:
        stop = next((order for order in exits if order.leg is Leg.STOP_LOSS), exits[0])
        due = position.updated_at + seconds(ctx.execution.stop_escalate_s)
        if stop.type is OrderType.STOP_LOSS_LIMIT and position.exit_reason == STOP_REACHED and ctx.now < due:
            return due  # triggered, and given its time to fill at its limit
        replace_by_sale(ctx, position, stop, position.quantity)
        return NEVER
    if at_work.type not in (OrderType.LIMIT_MAKER, OrderType.STOP_LOSS_LIMIT):
        return await_execution(ctx, at_work)
    return _settle_resting_exit(ctx, position, at_work)


def _at_work(exits: list[Order]) -> Order | None:
    """The exit that is executing."""
    for order in exits:
        if order.executed_quantity or order.leg is _EXIT:
            return order
    return None


def _settle_resting_exit(ctx: Context, position: Position, order: Order) -> Time:
    """A limit exit partly filled: the stop is gone with its first fill, so the rest is sold at the market."""
    due = order.updated_at
    if order.type is OrderType.STOP_LOSS_LIMIT:
        due += seconds(ctx.execution.stop_escalate_s)
    if ctx.now < due:
        return due
    instrument = ctx.instrument(position.symbol)
    if not instrument.is_sellable(order.remaining, ctx.bids[position.symbol]):
        return NEVER  # below the least notional: it rests at its price until it fills
    replace_by_sale(ctx, position, order, order.remaining)
    return NEVER


def _sell_rest(ctx: Context, position: Position) -> Time:
    """Nothing works for the exit any more: sell at the market, or (tries used up) protect again."""
    last = _last_exit(ctx, position)
    if last is not None and last.leg is Leg.EXIT and last.state is not OrderState.FILLED:
        failures = position.exit_failures + 1
        give_up = failures >= EXIT_TRIES_MAX or last.expiry_reason == "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"
        if last.id != position.failed_exit_id:
            ctx.emit(
                ev.ExitFailed(
                    position_id=position.id,
                    order_id=last.id,
                    failures=failures,
                    reason=last.reject_reason or last.expiry_reason or last.state,
                    retry_at=(last.retry_at or ctx.now + position.back_off)
                    if give_up or last.retryable
                    else 0,
                )
            )
            if give_up:
                ctx.alert("error", "EXIT_FAILED", f"position {position.id} could not be sold; protecting it")
                ctx.emit(ev.PositionReopened(position_id=position.id, reason="exit failed"))
                return ctx.now
            if ctx.now < position.retry_at:
                return position.retry_at
    sell(ctx, position, position.quantity)
    return NEVER


def _last_exit(ctx: Context, position: Position) -> Order | None:
    return ctx.state.orders.get(position.exit_order_ids[-1]) if position.exit_order_ids else None


# -- protecting --------------------------------------------------------------------------------------------------


def _is_covered(ctx: Context, position: Position, exits: list[Order]) -> bool:
    """Whether live stops hold all that is sellable (what is more than they hold is dust)."""
    if position.stop_loss is None:
        return True
    held = covered(exits)
    if not held:
        return False
    surplus = position.quantity - position.reduce_quantity - held
    instrument = ctx.instrument(position.symbol)
    return surplus <= ZERO or not instrument.is_sellable(surplus, position.stop_loss)


def _settle_protection(ctx: Context, position: Position, exits: list[Order]) -> Time:
    """Make sure of a live stop; then follow the wanted levels, reductions and targets."""
    is_covered = _is_covered(ctx, position, exits)
    note_cover(ctx, position, exits, is_covered)
    pending = [order for order in exits if order.state is _PENDING_NEW]
    if pending and is_covered:
        return await_release(ctx, exits)
    if pending:
        return _settle_unarmed(ctx, position, pending)
    at_work = _at_work(exits)
    if at_work is not None and not position.reduce_quantity:
        return await_execution(ctx, at_work)  # its fill closes the position
    if not is_covered:
        return _settle_uncovered(ctx, position, exits)
    return _follow(ctx, position, exits)


def _settle_unarmed(ctx: Context, position: Position, pending: list[Order]) -> Time:
    """The entry is filled and its list's legs wait still: asked about, then cancelled and placed anew."""
    due = position.last_entry_fill_at + seconds(ctx.execution.arm_timeout_s)
    if ctx.now < due:
        return due
    due = max(due, position.retry_at)
    if ctx.now < due:
        return due
    if position.protection_failures >= FAILURES_BEFORE_SALE:
        cancel(ctx, position, pending[0], "not armed")
        return NEVER
    ctx.emit(
        ev.ProtectionFailed(
            position_id=position.id,
            failures=position.protection_failures + 1,
            reason="the list's legs were not released",
            retry_at=ctx.now + seconds(ctx.execution.arm_timeout_s),
        )
    )
    ctx.alert("error", "UNPROTECTED", f"position {position.id}: its stop was not released in time")
    for order in pending:
        ask(ctx, order)
    return position.retry_at


def _settle_uncovered(ctx: Context, position: Position, exits: list[Order]) -> Time:
    """Coins without a live stop: free what is held, then protect (at once what could not be sold), or sell."""
    last = _last_exit(ctx, position)
    sale_failed = last is not None and last.leg is Leg.EXIT and not exits
    failed = failed_protection(ctx, position)
    refused = failed is not None and not failed.retryable  # whatever else has to wait: the next best at once
    if ctx.now < position.retry_at and not sale_failed and not refused:
        return position.retry_at
    if exits:
        cancel(ctx, position, exits[0], "protect anew")
        return NEVER
    may_sell = ctx.execution.unprotected_action == "sell"
    if failed is not None:
        failures = position.protection_failures + (0 if failed.retryable else 1)
        again = failed.retryable or (failures >= FAILURES_BEFORE_SALE and not may_sell)
        ctx.emit(
            ev.ProtectionFailed(
                position_id=position.id,
                order_id=failed.id,
                failures=failures,
                reason=failed.reject_reason or failed.expiry_reason,
                retry_at=(failed.retry_at or ctx.now + position.back_off) if again else 0,
            )
        )
        ctx.alert("error", "UNPROTECTED", f"position {position.id}: {failed.reject_reason}")
        go_back(ctx, position, failed)
        if again:
            return position.retry_at
    if position.protection_failures >= FAILURES_BEFORE_SALE and may_sell:
        return _close_now(ctx, position, "unprotected")
    quantity, due = coins_there(ctx, position)
    if due:
        return due
    passed = failed is not None and refused_by_price(failed)
    if passed or not protect(ctx, position, quantity, ctx.quotes.get(position.symbol)):
        return _close_now(ctx, position, "stop_loss")
    return NEVER


def _close_now(ctx: Context, position: Position, reason: str) -> Time:
    ctx.emit(ev.PositionClosing(position_id=position.id, reason=reason))
    if not _is_sellable(ctx, position, []):  # until now that was judged for a sale at its stop
        return _settle_dust(ctx, position, [])
    return _settle_closing(ctx, position, [])


def _follow(ctx: Context, position: Position, exits: list[Order]) -> Time:
    """Protected: flatten, reduce, watch the target, trail, move."""
    quote = ctx.quotes.get(position.symbol)
    if ctx.state.safety.flatten:
        if ctx.now < position.retry_at:
            return position.retry_at
        ctx.emit(ev.PositionClosing(position_id=position.id, reason="emergency stop"))
        return _settle_closing(ctx, position, exits)
    if position.reduce_quantity:
        return _settle_reduction(ctx, position, exits)
    due = make_room(ctx, position, exits, position.quantity)  # others' coins are not ours to hold
    if due is not None:
        return due
    if quote is None:
        return NEVER
    at_target = target_reached(position, exits, quote.bid)
    if at_target or stop_reached(exits, quote.last):
        if ctx.now < position.retry_at:
            return position.retry_at
        reason = "take_profit" if at_target else STOP_REACHED
        ctx.emit(ev.PositionClosing(position_id=position.id, reason=reason))
        return _settle_closing(ctx, position, exits)
    if position.trail_distance and position.trailing_delta is None:
        trail(ctx, position, quote)
    if wants_move(position, exits) and ctx.state.stream_connected and not keep_level(ctx, position, exits):
        if ctx.now < position.retry_at:
            return position.retry_at
        passed = passed_level(position, exits, quote)
        if passed is not None:
            ctx.emit(ev.PositionClosing(position_id=position.id, reason=LEG_NAMES[passed]))
            return _settle_closing(ctx, position, exits)
        if is_near(ctx, position, exits, quote):
            return ctx.now + seconds(ctx.execution.protection_check_s)
        move(ctx, position, exits, quote)
    return NEVER


def _settle_reduction(ctx: Context, position: Position, exits: list[Order]) -> Time:
    """Sell a part: free it from the exits first."""
    instrument = ctx.instrument(position.symbol)
    selling = next((order for order in exits if order.leg is Leg.EXIT), None)
    if selling is not None:
        return await_execution(ctx, selling)
    if ctx.now < position.retry_at:
        return position.retry_at
    part = instrument.floor_market_quantity(position.reduce_quantity)
    if not instrument.is_sellable(part, ctx.bids[position.symbol]):
        ctx.emit(ev.PositionReduceRequested(position_id=position.id, quantity=ZERO, reason="too small"))
        return ctx.now
    due = make_room(ctx, position, exits, position.quantity - position.reduce_quantity)
    if due is not None:
        return due
    last = _last_exit(ctx, position)
    if last is not None and last.leg is Leg.EXIT and last.state in (OrderState.REJECTED, OrderState.EXPIRED):
        if last.id != position.failed_exit_id:
            ctx.emit(
                ev.ExitFailed(
                    position_id=position.id,
                    order_id=last.id,
                    failures=position.exit_failures + 1,
                    reason=last.reject_reason or last.expiry_reason,
                )
            )
        if position.exit_failures >= EXIT_TRIES_MAX:
            ctx.emit(ev.PositionReduceRequested(position_id=position.id, quantity=ZERO, reason="failed"))
            return ctx.now
    sell(ctx, position, part)
    return NEVER
