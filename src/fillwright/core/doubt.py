"""In doubt: an order whose outcome nobody can say is asked about, never guessed, never blindly resent.

"Not found" is proof only when the request can no longer be under way, and then twice, a second apart (at once for the
in-process exchange).
Entries and market sells are never sent again; resting protection may be, with the same ids, when at most one
of the two can be funded; cancels are repeated. Trading rules §6.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core import events as ev
from fillwright.core.context import PROTECT_LANE, Context
from fillwright.core.inputs import OrderAbsent
from fillwright.core.inquiries import arrival_window, ask, may_arrive
from fillwright.core.orders import Order
from fillwright.core.plans import submitted
from fillwright.core.requests import OrderListRequest, OrderRequest
from fillwright.core.types import (
    MILLISECOND,
    SECOND,
    Leg,
    ListKind,
    OrderState,
    Time,
)

QUERY_BACKOFF_FIRST: Time = 500 * MILLISECOND
QUERY_BACKOFF_MAX: Time = 10 * SECOND
RESEND_AFTER: Time = 500 * MILLISECOND
RESENDS_MAX = 1
PROOFS_APART: Time = SECOND
"""Reads lag writes: two that prove together that an order never came are at least this far apart."""
DOUBT_ALARM: Time = 60 * SECOND
"""An order in doubt for longer than this is told to a person."""
_TWICE = Decimal(2)


def advance(ctx: Context, order: Order) -> Time:
    """Ask about an order in doubt when it is time to; returns when to look again."""
    doubt = order.doubt
    assert doubt is not None
    if ctx.now < doubt.next_at:
        return doubt.next_at
    tries = doubt.tries + 1
    wait = min(QUERY_BACKOFF_FIRST << min(doubt.tries, 10), QUERY_BACKOFF_MAX)
    if doubt.tries and ctx.now - doubt.since > DOUBT_ALARM:
        ctx.alert("error", "IN_DOUBT", f"{order.id} has been in doubt since {doubt.since}: {doubt.reason}")
    ctx.emit(ev.OrderQueried(id=order.id, tries=tries, next_at=ctx.now + wait))
    ask(ctx, order)
    return ctx.now + wait


def absent(ctx: Context, news: OrderAbsent) -> None:
    """The venue does not know an order that we asked about."""
    order = ctx.state.orders.get(news.client_order_id)
    if order is None or order.doubt is None:
        return
    ctx.touch(order.position_id)
    doubt = order.doubt
    if order.exchange_order_id:
        ctx.emit(ev.OrderNotFound(id=order.id, times=doubt.not_found))
        return  # it was there once: a read that lags is no proof, ask on
    counts = not may_arrive(ctx, order)
    if counts and doubt.not_found and ctx.now < doubt.not_found_at + PROOFS_APART:
        return  # the same moment's books, read twice
    ctx.emit(ev.OrderNotFound(id=order.id, times=doubt.not_found + 1 if counts else 0))
    if counts and (doubt.not_found > 1 or not arrival_window(ctx)):
        ctx.emit(ev.OrderRejected(id=order.id, code=0, reason="never arrived", never_arrived=True))
    elif counts:
        ctx.emit(ev.OrderQueried(id=order.id, tries=doubt.tries, next_at=ctx.now + PROOFS_APART))
    elif may_resend(ctx, order):
        _resend(ctx, order)


def may_resend(ctx: Context, order: Order) -> bool:
    """Whether resting protection may go again with the same ids: at most one of the two could be funded."""
    doubt = order.doubt
    if doubt is None or doubt.request != "place" or order.leg not in (Leg.STOP_LOSS, Leg.TAKE_PROFIT):
        return False
    if order.list_kind not in (None, ListKind.OCO) or order.replaces or order.resends >= RESENDS_MAX:
        return False
    if ctx.now - order.submitted_at < RESEND_AFTER or order.quantity is None:
        return False
    balance = ctx.state.portfolio.balance_of(ctx.instrument(order.symbol).base)
    return balance.free + balance.locked < order.quantity * _TWICE


def _resend(ctx: Context, order: Order) -> None:
    position = ctx.position_of(order)
    if position is None:
        return
    siblings = [other for other in ctx.ledger.orders_of(position) if other.list_id == order.list_id]
    if not order.list_id:
        siblings = [order]
    if any(other.state is not OrderState.UNKNOWN for other in siblings):
        return
    requests = [_again(other) for other in siblings]
    for other, request in zip(siblings, requests, strict=True):
        event = submitted(request, position.id, other.leg)
        ctx.emit(
            msgspec.structs.replace(event, list_id=other.list_id, list_kind=other.list_kind, resent=True)
        )
    if order.list_id:
        ctx.send(
            OrderListRequest(
                kind=ListKind.OCO,
                symbol=order.symbol,
                list_client_order_id=order.list_id,
                legs=tuple(requests),
            ),
            PROTECT_LANE,
        )
    else:
        ctx.send(requests[0], PROTECT_LANE)


def _again(order: Order) -> OrderRequest:
    """The very request that an order was submitted with: its position's levels may be others by now."""
    return OrderRequest(
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        client_order_id=order.id,
        quantity=order.quantity,
        price=order.price,
        stop_price=order.stop_price,
        trailing_delta=order.trailing_delta,
        time_in_force=order.time_in_force,
        stp=order.stp,
    )
