"""The prices that the core itself watches: targets that no order holds, stops that it trails, or that may not fill."""

from __future__ import annotations

import functools
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


def position_bounds(ledger: Ledger, position: Position) -> PriceBounds | None:
    """What the core watches of a symbol for one position; None when nothing."""
    if position.status not in _WATCHED or position.exit_blocked:
        return None  # nothing, or nothing more, would come of it
    bid_high = last_high = last_low = None
    orders = ledger.orders_of(position)
    if watches_target(position, orders):
        bid_high = position.take_profit
    if position.trail_distance and position.trailing_delta is None and position.stop_loss is not None:
        last_high = trail_trigger(position)
    for order in orders:
        if order.type is _STOP_LOSS_LIMIT and order.is_live and order.stop_price is not None:
            last_low = _higher(last_low, order.stop_price)
    if bid_high is None and last_high is None and last_low is None:
        return None
    return PriceBounds(bid_high, last_high, last_low)


def joined(one: PriceBounds | None, other: PriceBounds) -> PriceBounds:
    """What two positions want watched."""
    if one is None:
        return other
    return PriceBounds(
        _lower(one.bid_high, other.bid_high),
        _lower(one.last_high, other.last_high),
        _higher(one.last_low, other.last_low),
    )


def _lower(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return other if one is None else one if other is None else min(one, other)


def _higher(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return other if one is None else one if other is None else max(one, other)


class MarketWatch:
    """What is watched of each symbol, kept up position by position: most have both their exits at the exchange."""

    def __init__(self) -> None:
        self._of_positions: dict[Symbol, dict[int, PriceBounds]] = {}
        self._of_symbols: dict[Symbol, PriceBounds] = {}

    def bounds(self, symbol: Symbol) -> PriceBounds | None:
        """What the core watches of a symbol; None when nothing."""
        return self._of_symbols.get(symbol)

    def look(self, ledger: Ledger, position: Position) -> None:
        """A position may have changed: see what it wants watched now."""
        symbol = position.symbol
        new, wanted = position_bounds(ledger, position), self._of_positions.setdefault(symbol, {})
        before = wanted.get(position.id)
        if new == before:
            return
        if new is not None:
            wanted[position.id] = new
        else:
            del wanted[position.id]
        found = self._of_symbols.pop(symbol, None)
        if new is not None and before is None:
            found = joined(found, new)
        else:
            found = functools.reduce(joined, wanted.values(), None)
        if found is not None:
            self._of_symbols[symbol] = found


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
