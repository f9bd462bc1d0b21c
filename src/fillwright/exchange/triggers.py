"""Stops: which order the market sets off next, what its activation does, and trailing.

Binance Spot "Trailing stop FAQ": stops compare with the last trade; on feeds without trades with the quotes.
"""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.types import (
    ExpiryReason,
    Side,
)
from fillwright.exchange.lists import claim_lock, expire, expire_sibling
from fillwright.exchange.market import SymbolMarket, fires_rising, starts_rising
from fillwright.exchange.matching import Plan, plan, start_working, take
from fillwright.exchange.orders import Order
from fillwright.exchange.placing import track
from fillwright.exchange.placing_lists import release
from fillwright.exchange.state import State

# Members bound once: attribute access on an enum class costs more than the comparison itself.
_BUY = Side.BUY


def settle_market(state: State, market: SymbolMarket) -> None:
    """Carry out everything that has become due: releases first, then triggers, one after another.

    Each turn releases a list or sets off an order, and both happen once to each: the loop ends.
    """
    while True:
        while state.due:
            release(state, state.lists[state.due.popleft()])
        if not market.is_trading:
            return
        order = next_fired(state, market)
        if order is None:
            return
        activate(state, market, order)


def next_fired(state: State, market: SymbolMarket) -> Order | None:
    """The order that the market's present price sets off first; trailing orders follow the price here."""
    if market.trailing:
        fired = _follow(state, market)
        if fired is not None:
            return fired
    falling, rising = market.falling.entries, market.rising.entries
    if not falling and not rising:
        return None
    if market.has_trades:
        last = market.last
        if last is None:
            return None
        if falling and falling[0][2].trigger >= last:
            return falling[0][2]
        if rising and rising[0][0] <= last:
            return rising[0][2]
        return None
    for _, _, order in falling:
        price = market.trigger_price(order.side)
        if price is not None and order.trigger >= price:
            return order
    for _, _, order in rising:
        price = market.trigger_price(order.side)
        if price is not None and order.trigger <= price:
            return order
    return None


def _follow(state: State, market: SymbolMarket) -> Order | None:
    for order in market.trailing:
        price = market.trigger_price(order.side)
        if price is not None and follow(state, market, order, price):
            return order
    return None


def follow(state: State, market: SymbolMarket, order: Order, price: Decimal) -> bool:
    """Show a trailing order a price: it starts, moves its trigger, or fires (True)."""
    if not order.extreme:
        met = price >= order.stop_price if starts_rising(order) else price <= order.stop_price
        if not order.stop_price or met:
            track(order, price, state.now)
            market.dirty = True
        return False
    rising = fires_rising(order)
    if price < order.extreme if rising else price > order.extreme:
        track(order, price, state.now)
        market.dirty = True
        return False
    return price >= order.trigger if rising else price <= order.trigger


def activate(state: State, market: SymbolMarket, order: Order) -> None:
    """Set an order off: the pair's other leg ends, then the order works as MARKET or LIMIT."""
    market.remove(order)
    order.is_triggered = True
    order_list = state.lists.get(order.order_list_id)
    if order_list is not None and order.order_id in order_list.pending:
        if order_list.locked:
            claim_lock(state, order_list, order)
        expire_sibling(state, order_list, order)
    made: Plan | None = None
    if order.side is _BUY and not order.price:
        # A market buy has no price to lock at: what the stop price reserved is freed, and the real cost must be there.
        account = state.accounts[order.account_id]
        quote = market.instrument.quote
        account.unlock(quote, order.locked)
        order.locked -= order.locked
        state.touch(order.account_id, quote)
        made = plan(state, market, order, order.remaining)
        if made.cost > account.balance(quote).free:
            expire(state, order, ExpiryReason.REJECTED)
            return
    start_working(state, order)
    take(state, market, order, made)
