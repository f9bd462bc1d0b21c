"""Ways out of a position: close, reduce, cancel. Never a cancel and a sale side by side: the venue promises no order.

A close is one cancelReplace on the stop leg: the list goes, the coins are freed, and the sale happens, or nothing
does. Trading rules §3, §4 (Close, reduce, move).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from fillwright.core import events as ev
from fillwright.core.context import EXIT_LANE, PROTECT_LANE, Context, seconds
from fillwright.core.orders import Order
from fillwright.core.plans import submitted
from fillwright.core.positions import Position
from fillwright.core.requests import (
    AmendRequest,
    CancelListRequest,
    CancelOpenOrdersRequest,
    CancelReplaceRequest,
    CancelRequest,
    OrderRequest,
    Request,
)
from fillwright.core.types import (
    ZERO,
    CancelReplaceMode,
    CancelRestriction,
    ClientOrderId,
    Leg,
    OrderType,
    SymbolStatus,
    Time,
    client_order_id,
    parse_client_order_id,
)

# Enum members by a name of their own: looking them up in the class costs more than what is done with them.
_EXIT, _TRADING = Leg.EXIT, SymbolStatus.TRADING


def market_sell(ctx: Context, position: Position, quantity: Decimal) -> OrderRequest:
    """A MARKET order that winds down a quantity, in one piece as large as the symbol allows."""
    instrument = ctx.instrument(position.symbol)
    return OrderRequest(
        symbol=position.symbol,
        side=position.exit_side,
        type=OrderType.MARKET,
        client_order_id=ctx.name(position, Leg.EXIT),
        quantity=instrument.floor_market_quantity(quantity),
    )


def sell(ctx: Context, position: Position, quantity: Decimal) -> None:
    """Sell coins that no order holds."""
    request = market_sell(ctx, position, quantity)
    ctx.emit(submitted(request, position.id, Leg.EXIT, quote=ctx.quotes.get(position.symbol)))
    ctx.send(request, EXIT_LANE)


def replace_by_sale(ctx: Context, position: Position, order: Order, quantity: Decimal) -> None:
    """Cancel an exit order (with its list) and sell in the same request: both or neither.

    An execution may be on its way to us, and the sale must not take coins that no position owns instead: an untouched
    order is replaced only while it is untouched, another one only where no such coins are, else it is cancelled first.
    """
    instrument = ctx.instrument(position.symbol)
    untouched = not order.executed_quantity
    if not instrument.cancel_replace_allowed or not (untouched or _holds_all(ctx, position)):
        cancel(ctx, position, order, "close")
        return
    request = market_sell(ctx, position, quantity)
    cancel_request = _request_cancel(
        ctx, position, order, "close", CancelRestriction.ONLY_NEW if untouched else None
    )
    ctx.emit(
        submitted(request, position.id, Leg.EXIT, replaces=order.id, quote=ctx.quotes.get(position.symbol))
    )
    ctx.send(
        CancelReplaceRequest(mode=CancelReplaceMode.STOP_ON_FAILURE, cancel=cancel_request, order=request),
        EXIT_LANE,
    )


def _holds_all(ctx: Context, position: Position) -> bool:
    """Whether the account has no coins of the kind beside the position's that a sale could take."""
    instrument = ctx.instrument(position.symbol)
    others = ctx.state.portfolio.balance_of(instrument.base).ledger - position.quantity
    return instrument.floor_quantity(others) == ZERO


def cancel(ctx: Context, position: Position, order: Order, reason: str, lane: str = PROTECT_LANE) -> None:
    """Cancel an order; of a list, the whole list."""
    request = _request_cancel(ctx, position, order, reason)
    if order.list_id:
        ctx.send(
            CancelListRequest(
                symbol=order.symbol,
                list_client_order_id=order.list_id,
                cancel_client_order_id=request.cancel_client_order_id,
            ),
            lane,
        )
    else:
        ctx.send(request, lane)


def cancel_alone(ctx: Context, order: Order, reason: str) -> None:
    """Cancel an order that belongs to no position."""
    cancel_id = client_order_id(ctx.state.tag, 0, Leg.CANCEL, ctx.state.cancels_made + 1)
    ctx.emit(ev.OrderCancelRequested(id=order.id, cancel_id=cancel_id, reason=reason), order.record)
    ctx.touch(order.position_id)
    ctx.send(
        CancelRequest(
            symbol=order.symbol,
            order_id=order.exchange_order_id or None,
            orig_client_order_id=order.id,
            cancel_client_order_id=cancel_id,
        ),
        EXIT_LANE,
    )


def _request_cancel(
    ctx: Context,
    position: Position,
    order: Order,
    reason: str,
    restriction: CancelRestriction | None = None,
) -> CancelRequest:
    """Record the intent to cancel an order and the other legs of its list."""
    cancel_id: ClientOrderId = ctx.name(position, Leg.CANCEL)
    family = [order]
    if order.list_id:
        family += [
            other
            for other in ctx.ledger.orders_of(position)
            if other.list_id == order.list_id and other is not order
        ]
    for member in family:
        ctx.emit(ev.OrderCancelRequested(id=member.id, cancel_id=cancel_id, reason=reason), member.record)
    return CancelRequest(
        symbol=order.symbol,
        order_id=order.exchange_order_id or None,
        orig_client_order_id=order.id,
        cancel_client_order_id=cancel_id,
        restriction=restriction,
    )


def cancelled_by(ctx: Context, request: Request) -> list[Order]:
    """The open orders that a cancel request takes: a leg takes its whole list."""
    orders = ctx.state.orders
    if isinstance(request, CancelRequest):
        name = request.orig_client_order_id or ctx.ledger.by_exchange_id.get(
            (request.symbol, request.order_id or 0), ""
        )
        order = orders.get(name)
        if order is None:
            return []
        if not order.list_id:
            return [order] if not order.is_final else []
        return list_of(ctx, order.list_id)
    if isinstance(request, CancelListRequest):
        return list_of(ctx, request.list_client_order_id or "")
    assert isinstance(request, CancelOpenOrdersRequest)
    return [order for order in ctx.ledger.open_orders.values() if order.symbol == request.symbol]


def list_of(ctx: Context, list_id: ClientOrderId) -> list[Order]:
    """The open orders of one of our lists."""
    name = parse_client_order_id(list_id)
    position = ctx.state.positions.get(name[1]) if name is not None else None
    if position is None:
        return []
    return [order for order in ctx.ledger.orders_of(position) if order.list_id == list_id]


def shrink(ctx: Context, position: Position, exits: Sequence[Order], quantity: Decimal) -> None:
    """Free a part of what the exits hold: by amending one leg (both change), else by cancelling them."""
    instrument = ctx.instrument(position.symbol)
    order = exits[0]
    assert order.quantity is not None
    amendable = instrument.amend_allowed and not any(
        leg.executed_quantity or leg.amend_refused for leg in exits
    )
    if not amendable or order.amend_to is not None:
        cancel(ctx, position, order, "reduce")
        return
    for leg in exits:
        ctx.emit(ev.OrderAmendRequested(id=leg.id, quantity=quantity, reason="reduce"), leg.record)
    ctx.send(
        AmendRequest(
            symbol=order.symbol,
            new_quantity=quantity,
            order_id=order.exchange_order_id or None,
            orig_client_order_id=order.id,
            new_client_order_id=order.id,
        ),
        PROTECT_LANE,
    )


def make_room(ctx: Context, position: Position, exits: list[Order], rest: Decimal) -> Time | None:
    """Have protection hold no more than a quantity; None when it does, else when to look again."""
    protective = [order for order in exits if order.leg is not _EXIT]
    rest = ctx.instrument(position.symbol).floor_quantity(rest)
    for order in protective:
        if order.remaining > rest:
            break
    else:
        return None
    if any(order.amend_to is not None for order in protective):
        due = protective[0].updated_at + seconds(ctx.execution.stale_order_timeout_s)
        if ctx.now < due:
            return due  # the answer is on the way; one that never comes lets the exits be cancelled instead
    if ctx.now < position.retry_at:
        return position.retry_at
    shrink(ctx, position, protective, rest)
    return 0


def is_trading(ctx: Context, position: Position) -> bool:
    """Whether the position's symbol takes orders now."""
    return ctx.instrument(position.symbol).status is _TRADING
