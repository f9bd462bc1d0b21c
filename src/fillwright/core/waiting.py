"""Waiting: orders whose news is due. What is not told in time is put in doubt, asked about, or cancelled.

Each function returns when to look again (0: when something happens). Trading rules §2, §4, §6.
"""

from __future__ import annotations

from fillwright.core.context import Context, seconds
from fillwright.core.doubt import advance
from fillwright.core.executions import doubt
from fillwright.core.exits import cancel
from fillwright.core.inquiries import ask
from fillwright.core.orders import Order
from fillwright.core.positions import Position
from fillwright.core.types import SECOND, OrderState, Time

NEVER: Time = 0
STOP_PATIENCE: Time = 2 * SECOND
"""An emergency stop asks about a cancel whose answer has not come after this long."""
# Enum members by a name of their own: looking them up in the class costs more than what is done with them.
_SUBMITTED, _CANCEL_PENDING = OrderState.SUBMITTED, OrderState.CANCEL_PENDING


def soonest(*times: Time) -> Time:
    """The earliest of some times, of which 0 stands for never."""
    earliest = NEVER
    for time in times:
        if time and (time < earliest or not earliest):
            earliest = time
    return earliest


def watch_orders(ctx: Context, orders: list[Order]) -> Time:
    """Put orders in doubt that were not confirmed in time, and ask about those in doubt."""
    wake, patience = NEVER, 0
    for order in orders:
        if order.doubt is None:
            if order.state is _SUBMITTED:
                sent_at, request = order.submitted_at, "place"
            elif order.state is _CANCEL_PENDING:
                sent_at, request = order.cancel_requested_at, "cancel"
            else:
                continue
            patience = patience or seconds(ctx.execution.stale_order_timeout_s)
            due = sent_at + patience
            if request == "cancel" and ctx.state.safety.stopping_since:
                due = min(due, sent_at + STOP_PATIENCE)
            if ctx.now < due:
                wake = due if not wake or due < wake else wake
                continue
            doubt(ctx, order, request, None, "no answer in time")
        if order.doubt is not None:
            wake = soonest(wake, advance(ctx, order))
    return wake


def await_end(ctx: Context, position: Position, orders: list[Order]) -> Time:
    """Orders that must have ended with another: when their reports do not come they are cancelled, which will tell."""
    wakes = []
    for order in orders:
        due = max(order.updated_at + seconds(ctx.execution.arm_timeout_s), position.retry_at)
        if ctx.now < due:
            wakes.append(due)
        elif order.is_live or order.state is OrderState.PENDING_NEW:
            cancel(ctx, position, order, "nothing is left for it")
            break  # its list's other legs with it
    return soonest(*wakes)


def await_execution(ctx: Context, order: Order) -> Time:
    """A market order executes by itself, at once: when that is not reported the venue is asked."""
    due = order.updated_at + seconds(ctx.execution.stale_order_timeout_s)
    if ctx.now < due:
        return due
    doubt(ctx, order, "end", None, "its execution was not reported in time")
    return advance(ctx, order) if order.doubt is not None else NEVER


def await_release(ctx: Context, exits: list[Order]) -> Time:
    """A list's stop works, so its target was released with it: when that is not reported the venue is asked."""
    due = max(order.accepted_at for order in exits) + seconds(ctx.execution.arm_timeout_s)
    if ctx.now < due:
        return due
    for order in exits:
        if order.state is OrderState.PENDING_NEW:
            ask(ctx, order)
    return ctx.now + seconds(ctx.execution.arm_timeout_s)
