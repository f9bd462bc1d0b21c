"""What the outside market does to the exchange: trades, quotes, depth.

A resting order fills when the market trades through it, up to the volume traded, or at its price after the queue
ahead has traded. On feeds without trades it fills when the other side's quotes or levels reach it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from fillwright.core.types import ZERO, Side
from fillwright.exchange.ladder import Ladder
from fillwright.exchange.market import SymbolMarket
from fillwright.exchange.matching import fill_resting
from fillwright.exchange.orders import Order
from fillwright.exchange.shelf import Shelf
from fillwright.exchange.state import State
from fillwright.exchange.triggers import settle_market

Levels = Sequence[tuple[Decimal, Decimal]]


def trade(
    state: State, market: SymbolMarket, price: Decimal, quantity: Decimal, buyer_is_maker: bool | None
) -> None:
    """A trade of the outside market: resting orders first (they stood in its way), then stops."""
    market.has_trades = True
    if market.is_trading:
        if buyer_is_maker is not False or _is_through(market.bids, price):
            quantity = _fill_shelf(state, market, market.bids, price, quantity, buyer_is_maker)
        if buyer_is_maker is not True or _is_through(market.asks, price):
            quantity = _fill_shelf(state, market, market.asks, price, quantity, buyer_is_maker)
    if quantity > ZERO:
        state.print_outside(market, price, quantity, buyer_is_maker)
    market.last = price
    market.last_time = state.now
    settle_market(state, market)


def _is_through(shelf: Shelf, price: Decimal) -> bool:
    best = shelf.best
    if best is None:
        return False
    return best.price > price if shelf.descending else best.price < price


def _fill_shelf(
    state: State,
    market: SymbolMarket,
    shelf: Shelf,
    price: Decimal,
    quantity: Decimal,
    buyer_is_maker: bool | None,
) -> Decimal:
    """Give a trade's volume to the orders it went through, then to those at its price; returns what is left."""
    aggressor_hits_shelf = buyer_is_maker is None or buyer_is_maker is shelf.descending
    for order in shelf.orders():
        if quantity <= ZERO:
            break
        if not order.is_open:
            continue
        if order.price > price if shelf.descending else order.price < price:
            size = min(quantity, order.remaining)
            fill_resting(state, market, order, size)
            quantity -= size
        elif order.price == price and aggressor_hits_shelf:
            quantity -= touch(state, market, order, quantity)
        else:
            break
    return quantity


def touch(state: State, market: SymbolMarket, order: Order, quantity: Decimal) -> Decimal:
    """Let a volume traded at an order's own price serve the queue before it first; returns what the order got.

    The queue of a later order contains that of an earlier one, so the volume that served the earlier queue serves
    the later one as well, and only what our own orders took is gone.
    """
    ahead = order.queue_ahead
    if ahead is None:
        return ZERO
    served = min(ahead, quantity)
    order.queue_ahead = ahead - served
    size = min(quantity - served, order.remaining)
    if size > ZERO:
        fill_resting(state, market, order, size)
    return size


def quote(
    state: State,
    market: SymbolMarket,
    bid: Decimal,
    bid_quantity: Decimal,
    ask: Decimal,
    ask_quantity: Decimal,
) -> None:
    """New best quotes; what our accounts took of the old ones is forgotten with them.

    They move orders only on feeds that have neither trades nor depth.
    """
    market.bid, market.bid_quantity = bid, bid_quantity
    market.ask, market.ask_quantity = ask, ask_quantity
    if market.has_trades or market.depth_bids is not None:
        return
    if market.is_trading:
        _cross(state, market, market.bids, [(ask, ask_quantity)])
        _cross(state, market, market.asks, [(bid, bid_quantity)])
    settle_market(state, market)


def depth(state: State, market: SymbolMarket, bids: Levels, asks: Levels, *, snapshot: bool) -> None:
    """A snapshot of the book, or absolute changes of levels (0 removes)."""
    if market.depth_bids is None or market.depth_asks is None:
        market.depth_bids, market.depth_asks = Ladder(descending=True), Ladder(descending=False)
    for ladder, levels in ((market.depth_bids, bids), (market.depth_asks, asks)):
        if snapshot:
            ladder.replace(levels)
        else:
            for price, quantity in levels:
                ladder.set(price, quantity)
    _shorten_queues(market.bids, market.depth_bids)
    _shorten_queues(market.asks, market.depth_asks)
    if market.has_trades:
        return
    if market.is_trading:
        _cross(state, market, market.bids, list(market.depth_asks.levels()) if market.bids else [])
        _cross(state, market, market.asks, list(market.depth_bids.levels()) if market.asks else [])
    settle_market(state, market)


def _shorten_queues(shelf: Shelf, ladder: Ladder) -> None:
    """Nobody can stand before us but what is displayed: cancels ahead of us shorten our queue."""
    for _, _, order in shelf.entries:
        if not ladder.covers(order.price):
            continue
        displayed = ladder.quantities.get(order.price, ZERO)
        if order.queue_ahead is None or order.queue_ahead > displayed:
            order.queue_ahead = displayed


def _cross(state: State, market: SymbolMarket, shelf: Shelf, levels: list[tuple[Decimal, Decimal]]) -> None:
    """Fill resting orders that the other side's liquidity has reached, at their own prices, and consume it."""
    taker_side = Side.BUY if shelf.descending else Side.SELL
    index = 0
    left = levels[0][1] if levels else ZERO
    for order in shelf.orders():
        while order.is_open and index < len(levels):
            price = levels[index][0]
            if price > order.price if shelf.descending else price < order.price:
                return
            size = min(left, order.remaining)
            if size > ZERO:
                market.take(taker_side, price, size)
                fill_resting(state, market, order, size)
                left -= size
            if left <= ZERO:
                index += 1
                left = levels[index][1] if index < len(levels) else ZERO
