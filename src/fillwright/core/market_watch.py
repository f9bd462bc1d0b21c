"""The prices that the core itself watches: targets that no order holds, stops that it trails, or that may not fill."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.inputs import Quote
from fillwright.core.orders import Order
from fillwright.core.positions import HOLDING, Position
from fillwright.core.protection import trail_trigger
from fillwright.core.state import Ledger
from fillwright.core.types import Leg, OrderType, PositionStatus, Symbol

_WATCHED = (PositionStatus.OPEN, PositionStatus.MONITORING)
# Names of their own: looking members up in their classes costs more than what is done with them.
_STOP_LOSS_LIMIT, _TAKE_PROFIT = OrderType.STOP_LOSS_LIMIT, Leg.TAKE_PROFIT


class PriceBounds(msgspec.Struct, frozen=True, gc=False):
    """While the bid stays under one price, and the last one between the others, the core has nothing to do."""

    bid_high: Decimal | None
    last_high: Decimal | None
    last_low: Decimal | None = None
    """At or under this price a stop with a limit was triggered."""

    def crossed(self, quote: Quote) -> bool:
        """Whether a quote reaches a watched price."""
        if self.bid_high is not None and quote.bid >= self.bid_high:
            return True
        if self.last_low is not None and quote.last <= self.last_low:
            return True
        return self.last_high is not None and quote.last >= self.last_high


def price_bounds(ledger: Ledger, symbol: Symbol) -> PriceBounds | None:
    """What the core watches of a symbol; None when nothing."""
    bid_high: Decimal | None = None
    last_high: Decimal | None = None
    last_low: Decimal | None = None
    for position in ledger.positions_in(symbol):
        if position.status not in _WATCHED or position.exit_blocked:
            continue  # nothing, or nothing more, would come of it
        orders = ledger.orders_of(position)
        if watches_target(position, orders):
            assert position.take_profit is not None
            bid_high = position.take_profit if bid_high is None else min(bid_high, position.take_profit)
        if position.trail_distance and position.trailing_delta is None and position.stop_loss is not None:
            level = trail_trigger(position)
            last_high = level if last_high is None else min(last_high, level)
        for order in orders:
            if order.type is _STOP_LOSS_LIMIT and order.is_live and order.stop_price is not None:
                last_low = order.stop_price if last_low is None else max(last_low, order.stop_price)
    if bid_high is None and last_high is None and last_low is None:
        return None
    return PriceBounds(bid_high, last_high, last_low)


def target_reached(position: Position, exits: list[Order], bid: Decimal) -> bool:
    """Whether a target that no order holds has been reached."""
    target = position.take_profit
    return target is not None and bid >= target and not _holds_target(exits)


def _holds_target(orders: list[Order]) -> bool:
    """Whether an order rests at the target."""
    for order in orders:  # noqa: SIM110 - a generator would take longer than the two or three that there are
        if order.leg is _TAKE_PROFIT:
            return True
    return False


def stop_reached(exits: list[Order], last: Decimal) -> bool:
    """Whether a stop that becomes a limit order must have been triggered: it may not fill, so it is watched."""
    for order in exits:
        if order.type is _STOP_LOSS_LIMIT and order.stop_price is not None and last <= order.stop_price:
            return True
    return False


def watches_target(position: Position, orders: list[Order]) -> bool:
    """Whether the engine itself watches for the target of a position with these open orders."""
    return position.take_profit is not None and position.status in HOLDING and not _holds_target(orders)
