"""Matching by price and time: first the plan of what a taker would meet, then its execution.

The plan changes nothing, so that fill-or-kill, cost checks and quoteOrderQty judge the very trades that follow.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum

import msgspec

from fillwright.core.types import (
    ZERO,
    ExecutionType,
    ExpiryReason,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
    VenueOrderStatus,
    floor_to,
)
from fillwright.exchange.lists import expire
from fillwright.exchange.market import SymbolMarket
from fillwright.exchange.messages import Fill
from fillwright.exchange.orders import Order
from fillwright.exchange.prevention import prevent
from fillwright.exchange.settlement import fill
from fillwright.exchange.state import State

# Members bound once: attribute access on an enum class costs more than the comparison itself.
_REPORT_NEW = ExecutionType.NEW
_LIMIT_MAKER = OrderType.LIMIT_MAKER
_FOK = TimeInForce.FOK
_IOC = TimeInForce.IOC
_NEW = VenueOrderStatus.NEW
_BUY = Side.BUY


class Against(IntEnum):
    """What a step of a plan meets."""

    OUTSIDE = 0
    MAKER = 1
    SELF = 2


_MAKER = Against.MAKER
_OUTSIDE = Against.OUTSIDE
_SELF = Against.SELF


Step = tuple[Against, Decimal, Decimal, Order | None]
"""What is met, price, quantity, and the resting order of an account if it is one."""


class Plan(msgspec.Struct, gc=False):
    """What a taker would meet, in order."""

    steps: list[Step]
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    is_out_of_range: bool = False
    """Whether the PRICE_RANGE rule ended it."""

    def add(self, against: Against, price: Decimal, quantity: Decimal, maker: Order | None) -> None:
        """Add a trade."""
        self.steps.append((against, price, quantity, maker))
        self.quantity += quantity
        self.cost += price * quantity


class _Outside:
    """Where a walk stands in the outside market's levels."""

    __slots__ = ("_levels", "left", "price", "used")

    def __init__(self, market: SymbolMarket, order: Order) -> None:
        self._levels = market.levels(order.side, order.price or None)
        self.price: Decimal | None = None
        self.left: Decimal | None = ZERO
        self.used = ZERO
        self._next()

    def _next(self) -> None:
        self.price, self.left = next(self._levels, (None, ZERO))
        self.used = ZERO

    def before(self, maker: Order) -> Decimal:
        """What of this level stands before one of our orders at its price: its queue, less what the walk took."""
        if self.left is None:
            return ZERO
        return self.left if maker.queue_ahead is None else min(self.left, maker.queue_ahead - self.used)

    def take(self, quantity: Decimal) -> None:
        """Go on behind a quantity of this level."""
        if self.left is None:
            return
        self.used += quantity
        self.left -= quantity
        if self.left <= ZERO:
            self._next()


def plan(
    state: State, market: SymbolMarket, order: Order, quantity: Decimal, budget: Decimal | None = None
) -> Plan:
    """Walk our own books and the outside market for a taker; with a budget, as far as that quote amount goes."""
    buying = order.side is _BUY
    limit = order.price or None
    entries = (market.asks if buying else market.bids).entries
    outside = _Outside(market, order)
    lowest, highest = _range(market, order.side)
    result = Plan([])
    left, index = quantity, 0
    while left > ZERO:
        resting = entries[index][2] if index < len(entries) else None
        maker = resting if resting is not None and _comes_first(resting, outside, buying=buying) else None
        price = outside.price if maker is None else maker.price
        if price is None or limit is not None and (price > limit if buying else price < limit):
            break
        if lowest is not None and highest is not None and not lowest <= price <= highest:
            result.is_out_of_range = True
            break
        if maker is not None:
            index += 1
            size = min(left, maker.remaining)
            if is_prevented(state, order, maker):
                left -= _plan_prevention(result, order, maker, size, left)
                continue
        else:
            size = left if outside.left is None else min(left, outside.left)
            if resting is not None and resting.price == price and outside.left is not None:
                size = min(size, outside.before(resting))
        if budget is not None:
            size = min(size, floor_to((budget - result.cost) / price, market.instrument.lot_size.step))
            if size <= ZERO:
                break
        result.add(_OUTSIDE if maker is None else _MAKER, price, size, maker)
        left -= size
        if maker is None:
            outside.take(size)
    return result


def _meets_anything(market: SymbolMarket, order: Order) -> bool:
    """Whether a limit order's price reaches the other side's best, ours or the outside market's."""
    price = order.price
    if order.side is _BUY:
        ask, resting = market.best_ask(), market.asks.best
        return ask is not None and ask <= price or resting is not None and resting.price <= price
    bid, resting = market.best_bid(), market.bids.best
    return bid is not None and bid >= price or resting is not None and resting.price >= price


def _comes_first(resting: Order, outside: _Outside, *, buying: bool) -> bool:
    """Whether one of our orders is met before the outside's level: at a better price, or first in its queue."""
    price = outside.price
    if price is None:
        return True
    if resting.price == price:
        return outside.before(resting) <= ZERO
    return resting.price < price if buying else resting.price > price


def _plan_prevention(result: Plan, order: Order, maker: Order, size: Decimal, left: Decimal) -> Decimal:
    """Plan a match that will be prevented; returns what the taker loses by it."""
    result.steps.append((_SELF, maker.price, size, maker))
    mode = order.stp
    if mode is SelfTradePrevention.EXPIRE_TAKER or mode is SelfTradePrevention.EXPIRE_BOTH:
        return left
    if mode is SelfTradePrevention.EXPIRE_MAKER:
        return ZERO
    if mode is SelfTradePrevention.TRANSFER:
        result.cost += maker.price * size
    return size


def _range(market: SymbolMarket, side: Side) -> tuple[Decimal | None, Decimal | None]:
    if market.price_range is None or market.reference_price is None:
        return None, None
    return market.price_range.limits(side, market.reference_price)


def is_prevented(state: State, taker: Order, maker: Order) -> bool:
    """Whether two orders belong to one account or trade group, and the taker's mode cares."""
    if taker.stp is SelfTradePrevention.NONE:
        return False
    if maker.account_id == taker.account_id:
        return True
    group = state.accounts[taker.account_id].trade_group
    return group >= 0 and group == state.accounts[maker.account_id].trade_group


def execute_plan(state: State, market: SymbolMarket, order: Order, steps: list[Step]) -> list[Fill]:
    """Carry out a plan made for this order just now; the last trade sets the market's last price."""
    fills: list[Fill] = []
    for against, price, quantity, maker in steps:
        if against is _SELF:
            assert maker is not None
            prevent(state, market, order, maker, price)
            continue
        market.trade_id += 1
        quote = price * quantity
        if state.tape is not None:
            state.print_trade(market, price, quantity, buyer_is_maker=order.side is not _BUY)
            market.average.add(price, quantity, state.now)
        if maker is None:
            _trade_outside(state, market, order.side, price, quantity, quote)
            market.take(order.side, price, quantity)
            _advance_queues(market, order.side, price, quantity)
        fills.append(fill(state, market, order, price, quantity, quote, market.trade_id, is_maker=False))
        if maker is not None:
            fill(state, market, maker, price, quantity, quote, market.trade_id, is_maker=True)
        market.last = price
        market.last_time = state.now
    return fills


def _trade_outside(
    state: State, market: SymbolMarket, side: Side, price: Decimal, quantity: Decimal, quote: Decimal
) -> None:
    """Book the outside market's side of a trade with an account that buys or sells."""
    base, counter = market.instrument.base, market.instrument.quote
    outside = state.outside
    if side is _BUY:
        outside[base] = outside.get(base, ZERO) - quantity
        outside[counter] = outside.get(counter, ZERO) + quote
    else:
        outside[base] = outside.get(base, ZERO) + quantity
        outside[counter] = outside.get(counter, ZERO) - quote


def _advance_queues(market: SymbolMarket, taker_side: Side, price: Decimal, quantity: Decimal) -> None:
    """What a taker took of a displayed level no longer stands before our orders there."""
    for _, _, resting in (market.asks if taker_side is _BUY else market.bids).entries:
        if resting.price != price:
            break
        if resting.queue_ahead is not None:
            resting.queue_ahead = max(ZERO, resting.queue_ahead - quantity)


def fill_resting(
    state: State, market: SymbolMarket, order: Order, quantity: Decimal, price: Decimal | None = None
) -> None:
    """Fill a resting order from the outside market, at its own price unless another is given."""
    market.trade_id += 1
    price = order.price if price is None else price
    quote = price * quantity
    state.print_trade(market, price, quantity, buyer_is_maker=order.side is _BUY)
    _trade_outside(state, market, order.side, price, quantity, quote)
    fill(state, market, order, price, quantity, quote, market.trade_id, is_maker=True)


def take(state: State, market: SymbolMarket, order: Order, prepared: Plan | None = None) -> list[Fill]:
    """Let an active order take what it can; what is left rests or expires as its type and time in force say."""
    if order.type is _LIMIT_MAKER:
        rest(state, market, order)
        return []
    if prepared is None and order.price and not _meets_anything(market, order):
        # Most limit orders come to rest: nothing is planned for them.
        prepared = Plan([])
    wanted = order.remaining
    made = prepared if prepared is not None else plan(state, market, order, wanted)
    if order.time_in_force is _FOK and made.quantity < wanted:
        expire(state, order, ExpiryReason.UNFILLED_FOK_ORDER_EXPIRED)
        return []
    fills = execute_plan(state, market, order, made.steps)
    if not order.is_open:
        return fills
    if made.is_out_of_range:
        expire(state, order, ExpiryReason.EXECUTION_RULE_PRICE_RANGE_EXCEEDED)
    elif not order.price:
        expire(state, order, ExpiryReason.INSUFFICIENT_LIQUIDITY)
    elif order.time_in_force is _IOC:
        expire(state, order, ExpiryReason.UNFILLED_IOC_QUANTITY_EXPIRED)
    else:
        rest(state, market, order)
    return fills


def rest(state: State, market: SymbolMarket, order: Order) -> None:
    """Put what is left of a limit order on the book, behind what stands there."""
    state.sequence += 1
    order.sequence = state.sequence
    order.queue_ahead = market.displayed_ahead(order)
    order.candle = market.candle_open
    market.rest(order)


def start_working(state: State, order: Order) -> None:
    """Report that an order is on the book (or takes from it) from now on."""
    order.status = _NEW
    order.is_working = True
    order.working_time = state.now
    state.report(order, _REPORT_NEW)
