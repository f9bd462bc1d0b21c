"""Reconciliation: the venue's books against ours. Each difference is an event with its cause and remedy.

Nothing is invented: what cannot be read stays unknown. A snapshot never moves an order backwards. Coins are gone
only when free and locked together say so, in two reads with nothing between. Trading rules §7.
"""

from __future__ import annotations

from decimal import Decimal

from fillwright.core import events as ev
from fillwright.core.context import Context
from fillwright.core.doubt import absent
from fillwright.core.executions import doubt, find, report
from fillwright.core.inputs import OrderAbsent, OrderReport, VenueSnapshot
from fillwright.core.inquiries import READS_APART, may_arrive, owned_of
from fillwright.core.orders import EXIT_LEGS, Order
from fillwright.core.positions import HOLDING, Position
from fillwright.core.types import (
    VENUE_FINAL,
    ZERO,
    Asset,
    OrderState,
    PositionStatus,
    Symbol,
    VenueOrderStatus,
    money,
    plain,
)


def compare(ctx: Context, snapshot: VenueSnapshot) -> None:
    """Bring our books up to the venue's, and record every difference."""
    found = 0
    for news in snapshot.orders:
        found += _compare_order(ctx, news)
    seen = {(news.symbol, news.client_order_id) for news in snapshot.orders}
    for order in list(ctx.ledger.open_orders.values()):
        if snapshot.symbol is not None and order.symbol != snapshot.symbol:
            continue
        if (order.symbol, order.id) not in seen and order.id in snapshot.absent:
            found += _missing(ctx, order)
    told = {asset: (free, locked) for asset, free, locked in snapshot.balances}
    if told:  # else they were not read
        for asset in ctx.state.portfolio.balances:
            told.setdefault(asset, (ZERO, ZERO))  # a venue may leave out what it holds nothing of
    for asset, (free, locked) in told.items():
        found += _compare_balance(ctx, asset, free, locked)
    ctx.emit(
        ev.ReconciliationComplete(cause=snapshot.cause, discrepancies=found, symbol=snapshot.symbol or "")
    )
    for position in ctx.ledger.open_positions.values():
        if snapshot.symbol is None or position.symbol == snapshot.symbol:
            ctx.touch(position.id)


def _compare_order(ctx: Context, news: OrderReport) -> int:
    """Take one order of a snapshot; 1 when it told of something that we did not know."""
    order = find(ctx, news)
    if order is None:
        report(ctx, news)
        adopted = news.client_order_id in ctx.state.orders
        if adopted:
            _note(
                ctx, news.client_order_id, "an order of ours that we did not know", "", news.status, "adopted"
            )
        return int(adopted)
    before, executed = order.state, order.executed_quantity
    if before is OrderState.SUBMITTED or not _differs(order, news):
        report(ctx, news)
        return 0
    report(ctx, news)
    if order.executed_quantity != executed:
        _note(
            ctx,
            order.id,
            "an execution that we had not heard of",
            plain(executed),
            plain(order.executed_quantity),
            "fill back-filled",
        )
        return 1
    if order.state is not before and before is not OrderState.UNKNOWN:
        _note(ctx, order.id, "another state", before, order.state, "state corrected")
        return 1
    return 0


def _differs(order: Order, news: OrderReport) -> bool:
    if news.executed_quantity > order.executed_quantity:
        return True
    if news.status in VENUE_FINAL:
        return not order.is_final
    return order.state is OrderState.PENDING_NEW and news.status is not VenueOrderStatus.PENDING_NEW


def _missing(ctx: Context, order: Order) -> int:
    """An open order of ours that the venue was asked about and does not know."""
    if not order.exchange_order_id and may_arrive(ctx, order):  # also one whose cancel was sent after it
        return 0
    if not order.exchange_order_id:
        doubt(ctx, order, "place", None, "not in the venue's books")
        absent(ctx, OrderAbsent(symbol=order.symbol, client_order_id=order.id))
    remedy = "never arrived" if order.state is OrderState.REJECTED else "none: asked about again"
    _note(ctx, order.id, "not found", order.state, "absent", remedy)
    return 1


def _note(ctx: Context, subject: str, what: str, ours: str, theirs: str, remedy: str) -> None:
    ctx.emit(ev.Discrepancy(subject=subject, what=what, ours=ours, theirs=theirs, remedy=remedy))


# -- balances ----------------------------------------------------------------------------------------------------


def _compare_balance(ctx: Context, asset: Asset, free: Decimal, locked: Decimal) -> int:
    balance = ctx.state.portfolio.balance_of(asset)
    if balance.free != free or balance.locked != locked:
        ctx.emit(ev.BalanceUpdated(balances=((asset, free, locked),)))
    difference = free + locked - balance.ledger
    short = max(owned_of(ctx, asset) - free - locked, ZERO)
    wrong = difference or -short
    known = ctx.state.portfolio.differences.get(asset)
    if not wrong:
        if known is not None:
            ctx.emit(ev.BalanceDiffers(asset=asset, difference=ZERO))
        return 0
    if known is None or known[0] != wrong:
        ctx.emit(ev.BalanceDiffers(asset=asset, difference=wrong))
        return 0  # one read proves nothing: it may lag
    if ctx.now < known[1] + READS_APART:
        return 0
    if difference:
        ours, theirs = plain(balance.ledger), plain(free + locked)
        _note(ctx, asset, "another total", ours, theirs, "balance corrected")
        ctx.emit(ev.BalanceCorrected(asset=asset, difference=difference))
    else:
        ctx.emit(ev.BalanceDiffers(asset=asset, difference=ZERO))
    if short:
        _take_shortage(ctx, asset, short)
    return 1


def _take_shortage(ctx: Context, asset: Asset, short: Decimal) -> None:
    """The account holds fewer coins than its positions own: the newest without a live exit give way first."""
    symbols = _symbols_of(ctx, asset)
    holders = [position for position in ctx.ledger.open_positions.values() if position.symbol in symbols]
    holders.sort(key=lambda position: (_locked_by(ctx, position) > ZERO, -position.id))
    for is_last in (False, True):  # first what no exit holds: what is locked is there
        for position in holders:
            kept = ZERO if is_last else _locked_by(ctx, position)
            taken = min(short, position.quantity - kept)
            if taken > ZERO:
                short -= taken
                _reduce_outside(ctx, position, taken)


def _locked_by(ctx: Context, position: Position) -> Decimal:
    """What the position's exits hold at the venue (the legs of a list hold the same coins)."""
    exits = [order for order in ctx.ledger.orders_of(position) if order.leg in EXIT_LEGS]
    holding = (
        order.remaining for order in exits if order.is_live or order.state is OrderState.CANCEL_PENDING
    )
    return max(holding, default=ZERO)


def _symbols_of(ctx: Context, asset: Asset) -> list[Symbol]:
    return [
        symbol
        for symbol, owned in ctx.state.portfolio.owned.items()
        if owned and ctx.state.instruments[symbol].base == asset
    ]


def _reduce_outside(ctx: Context, position: Position, quantity: Decimal) -> None:
    share = position.cost
    if quantity < position.quantity:
        share = money(share * quantity / position.quantity)
    ctx.emit(
        ev.PositionReduced(position_id=position.id, quantity=quantity, reason="closed_outside", cost=share)
    )
    if (
        position.reduce_quantity
    ):  # what was to stay may be too little now: a reduction has to be asked for again
        ctx.emit(ev.PositionReduceRequested(position_id=position.id, quantity=ZERO, reason="coins are gone"))
    ctx.alert("error", "CLOSED_OUTSIDE", f"{plain(quantity)} of position {position.id} are gone")
    ctx.touch(position.id)
    if position.quantity == ZERO and position.status in HOLDING and not position.open_order_ids:
        if position.status is not PositionStatus.CLOSING:
            ctx.emit(
                ev.PositionClosed(position_id=position.id, pnl=position.realized, reason="closed_outside")
            )
