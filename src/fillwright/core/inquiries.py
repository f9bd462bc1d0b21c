"""Questions to the venue: about one order, about its books. Asking changes nothing but what is recorded of it."""

from __future__ import annotations

from decimal import Decimal

from fillwright.core import events as ev
from fillwright.core.context import Context, milliseconds
from fillwright.core.effects import FetchSnapshot, QueryOrder
from fillwright.core.orders import Order
from fillwright.core.types import MINUTE, SECOND, ZERO, Asset, Symbol, Time

READS_APART: Time = 2 * SECOND
"""A difference of balances counts when a second read, at least this much later, says the same."""
SNAPSHOT_AWAITED: Time = MINUTE
"""A snapshot that has not come after this long was lost, and is asked for again."""


def ask(ctx: Context, order: Order) -> None:
    """Ask about one order: by the venue's id where known, else by ours."""
    ctx.effects.append(_question(order))


def _question(order: Order) -> QueryOrder:
    return QueryOrder(order.symbol, order.id, order.exchange_order_id or None, cancel_id=order.cancel_id)


def begin_reconciliation(
    ctx: Context, cause: str, symbol: Symbol | None = None, *, anew: bool = False
) -> None:
    """Have the venue's books read, of one symbol or of the whole account, unless that is under way (or ``anew``)."""
    state = ctx.state
    if state.reconciling and not anew and ctx.now < state.reconciling_since + SNAPSHOT_AWAITED:
        return
    ctx.emit(ev.ReconciliationStarted(cause=cause, symbol=symbol or ""))
    orders = [order for order in ctx.ledger.open_orders.values() if symbol is None or order.symbol == symbol]
    asked = FetchSnapshot(
        symbol=symbol,
        client_order_ids=tuple([order.id for order in orders]),
        cause=cause,
        symbols=tuple([order.symbol for order in orders]),
        order_ids=tuple([order.exchange_order_id for order in orders]),
        cancel_ids=tuple([order.cancel_id for order in orders]),
        tag=state.tag if state.lost and symbol is None else "",
        since=state.reconciled_at if state.stream_lost_at and symbol is None else 0,
    )
    ctx.effects.append(asked)


def owned_of(ctx: Context, asset: Asset) -> Decimal:
    """How much of an asset positions own, over all symbols."""
    instruments = ctx.state.instruments
    owned = ctx.state.portfolio.owned.items()
    return sum((amount for symbol, amount in owned if instruments[symbol].base == asset), ZERO)


def anomaly(ctx: Context, order: Order, what: str) -> bool:
    """Record an impossible report and have the venue's books read; always False."""
    ctx.emit(ev.Anomaly(subject=order.id, what=what), order.record)
    begin_reconciliation(ctx, "anomaly", order.symbol)
    return False


def arrival_window(ctx: Context) -> Time:
    """How long a request may still be under way: recvWindow and the engine's limit; 0 for the in-process exchange."""
    in_flight_max_ms = ctx.state.settings.venue.in_flight_max_ms
    if not in_flight_max_ms:
        return 0
    return milliseconds(ctx.state.settings.reconciliation.recv_window_ms + in_flight_max_ms)


def may_be_under_way(ctx: Context, sent_at: Time) -> bool:
    """Whether a request sent then may still reach the venue's engine."""
    return ctx.now < sent_at + arrival_window(ctx)


def may_arrive(ctx: Context, order: Order) -> bool:
    """Whether an order that the venue does not know may still reach it, as it was sent or sent again."""
    return may_be_under_way(ctx, max(order.submitted_at, order.updated_at if order.resends else 0))
