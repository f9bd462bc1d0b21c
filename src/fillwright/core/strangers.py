"""Orders at the venue that we do not have: our own, forgotten or lost, are adopted; others are only shown."""

from __future__ import annotations

from fillwright.core import events as ev
from fillwright.core.context import Context
from fillwright.core.inputs import OrderReport
from fillwright.core.positions import Position
from fillwright.core.types import (
    VENUE_FINAL,
    ZERO,
    Leg,
    VenueOrderStatus,
    parse_client_order_id,
)


def stranger(ctx: Context, news: OrderReport) -> bool:
    """Take a report about an order that we do not have; True when it was adopted and the report should be taken."""
    name = parse_client_order_id(news.client_order_id)
    if name is None or name[0] != ctx.state.tag:
        _external(ctx, news)
        return False
    if ctx.state.lost:
        return False  # it is taken back with its position, or after it
    if news.status in VENUE_FINAL and not news.executed_quantity:
        return False  # a late word of an order that ended long ago
    _, position_id, leg, attempt = name
    position = ctx.state.positions.get(position_id)
    if position is not None and news.client_order_id in (*position.entry_order_ids, *position.exit_order_ids):
        return False  # it ended so long ago that it was forgotten: its executions are booked
    namesake = ctx.state.orders.get(news.client_order_id)
    if namesake is not None or news.symbol not in ctx.state.instruments:
        ctx.emit(ev.Anomaly(subject=news.client_order_id, what=f"reported for {news.symbol}"))
        return False
    if position is not None and not _fits(position, leg, news):
        ctx.emit(ev.Anomaly(subject=news.client_order_id, what=f"not of position {position_id}"))
        return False
    if news.status in VENUE_FINAL and position is None:
        return False  # it ended, and so did its position: the read models know both
    ctx.emit(adopted(news, position_id if position is not None else 0, leg, attempt))
    ctx.alert("warning", "ORDER_ADOPTED", f"{news.client_order_id} was found at the venue and adopted")
    return True


def adopted(news: OrderReport, position_id: int, leg: Leg, attempt: int) -> ev.OrderAdopted:
    """Make an order that the venue has ours; ``position_id`` is 0 when its position is not known."""
    return ev.OrderAdopted(
        id=news.client_order_id,
        position_id=position_id,
        leg=leg,
        attempt=attempt,
        symbol=news.symbol,
        side=news.side,
        order_type=news.type,
        quantity=news.quantity or ZERO,
        exchange_order_id=news.order_id,
        order_list_id=news.order_list_id,
        price=news.price,
        stop_price=news.stop_price,
    )


def _fits(position: Position, leg: Leg, news: OrderReport) -> bool:
    """Whether an order can be a leg of a position: its symbol, and the side that such legs have."""
    if position.symbol != news.symbol or leg in (Leg.LIST, Leg.CANCEL):
        return False
    return news.side is (position.entry_side if leg is Leg.ENTRY else position.exit_side)


def _external(ctx: Context, news: OrderReport) -> None:
    key = f"{news.symbol}|{news.order_id}"
    known = ctx.state.externals.get(key)
    if known is None and news.status in VENUE_FINAL:
        return
    if (
        known is not None
        and known.status == news.status
        and known.executed_quantity == news.executed_quantity
    ):
        return
    ctx.emit(
        ev.ExternalOrderSeen(
            symbol=news.symbol,
            client_order_id=news.client_order_id,
            exchange_order_id=news.order_id,
            side=news.side,
            order_type=news.type,
            quantity=news.quantity or ZERO,
            executed_quantity=news.executed_quantity,
            status=VenueOrderStatus(news.status),
        )
    )
