"""Candles as a feed: the worst-case path inside a candle, for accounts that are long.

The price walks from the open down to the low, up to the high, then down to the close, so a stop is met before a
target. What began to wait or work inside a candle gains nothing from its extremes, for nobody knows whether they
came before it: its stop sees the low, its target does not see the high.
"""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.types import ZERO
from fillwright.exchange.feed import touch
from fillwright.exchange.market import SymbolMarket, fires_rising, starts_rising
from fillwright.exchange.matching import fill_resting
from fillwright.exchange.messages import NO_ID
from fillwright.exchange.orders import Order
from fillwright.exchange.state import State
from fillwright.exchange.triggers import follow, settle_market


def candle_open(state: State, market: SymbolMarket, price: Decimal) -> None:
    """The first trade of a candle: stops behind a gap go off here, at this price; its volume is the close's matter."""
    market.candle_open = state.now
    market.has_trades = True
    market.last = price
    market.last_time = state.now
    settle_market(state, market)


def candle_close(
    state: State,
    market: SymbolMarket,
    open_: Decimal,
    high: Decimal,
    low: Decimal,
    close: Decimal,
    volume: Decimal,
) -> None:
    """Walk the inside of a candle; its volume bounds what resting orders get of it."""
    if market.candle_open == NO_ID:
        # Nobody told its beginning: what is here now was here before, what comes on the way comes inside.
        candle_open(state, market, open_)
    if market.is_trading:
        volume = _walk(state, market, low, volume, down=True, is_extreme=True)
        volume = _walk(state, market, high, volume, down=False, is_extreme=True)
        _walk(state, market, close, volume, down=True, is_extreme=False)
    market.candle_open = NO_ID
    market.last = close
    market.last_time = state.now
    settle_market(state, market)


def _walk(
    state: State, market: SymbolMarket, target: Decimal, volume: Decimal, *, down: bool, is_extreme: bool
) -> Decimal:
    """Move the price steadily to a target, meeting triggers and resting orders; returns the volume left.

    Every turn meets one order, and each is met once: the walk is as long as there are orders.
    """
    held = _hold(market, down=down) if is_extreme else []
    met: list[Order] = []
    while True:
        order = _next_on_way(market, target, met, down=down)
        if order is None:
            break
        met.append(order)
        if order.is_contingent:
            market.last = _meeting_price(order, down=down)
            settle_market(state, market)
            continue
        if volume <= ZERO:
            continue
        if order.price > target if down else order.price < target:
            size = min(volume, order.remaining)
            fill_resting(state, market, order, size)
        else:
            size = touch(state, market, order, volume)
        volume -= size
        if size > ZERO:
            market.last = order.price
            settle_market(state, market)
    market.last = target
    for order in list(market.trailing):
        if order.is_open and order.is_contingent:
            follow(state, market, order, target)
    for order in held:
        if not order.is_open or order.is_triggered and not order.price:
            continue
        if order.is_contingent:
            market.wait(order)
        else:
            market.rest(order)
    return volume


def _hold(market: SymbolMarket, *, down: bool) -> list[Order]:
    """Take aside what began inside this candle and would gain from this extreme."""
    triggers, book = (market.falling, market.bids) if down else (market.rising, market.asks)
    gaining = [order for order in triggers.orders() if order.is_profit_taking]
    gaining += [order for order in market.trailing if fires_rising(order) is down]
    gaining += book.orders()
    held = [order for order in gaining if order.candle == market.candle_open]
    for order in held:
        market.remove(order)
    return held


def _meeting_price(order: Order, *, down: bool) -> Decimal:
    """Where a walk meets an order: its trigger, the start of its trailing, or its limit."""
    if not order.is_contingent:
        return order.price
    return order.trigger if order.trigger else order.stop_price


def _next_on_way(market: SymbolMarket, target: Decimal, met: list[Order], *, down: bool) -> Order | None:
    """The order met first on the way to the target, of triggers and of the book, not met before."""
    triggers, book = (market.falling, market.bids) if down else (market.rising, market.asks)
    trailing = [
        order
        for order in market.trailing
        if (fires_rising(order) if order.extreme else starts_rising(order)) is not down
    ]
    best: tuple[Decimal, Order] | None = None
    for orders in (triggers.orders(), trailing, book.orders()):
        for order in orders:
            price = _meeting_price(order, down=down)
            if price < target if down else price > target:
                continue
            if any(order is other for other in met):
                continue
            if best is None or (price > best[0] if down else price < best[0]):
                best = (price, order)
    return None if best is None else best[1]
