"""The book as everybody sees it: the outside market's levels less what was taken of them, and orders that rest here.

Nobody shows a crossed book: outside levels that an order of ours stands across are left out. Of an iceberg only its
tip is seen (Binance Spot "Iceberg order FAQ"). Where the feed tells no quantities, one level a side is shown with
what is assumed to stand there.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from fillwright.core.types import ZERO, Side
from fillwright.exchange.market import SymbolMarket
from fillwright.exchange.orders import Order
from fillwright.exchange.shelf import Shelf
from fillwright.exchange.state import State

Level = tuple[Decimal, Decimal]
"""Price and quantity."""
Levels = list[Level]
Displayed = tuple[Levels, Levels]
"""Bids and asks, best first."""
Version = tuple[object, ...]
ASSUMED_QUOTE = Decimal(50_000)
"""Value shown at the touch where neither feed nor settings tell a quantity."""


def version(state: State, market: SymbolMarket) -> Version:
    """What the displayed book follows from, briefly: equal versions show the same book."""
    bids, asks = market.depth_bids, market.depth_asks
    return (
        state.execution_id,
        0 if bids is None else bids.version,
        0 if asks is None else asks.version,
        market.bid,
        market.bid_quantity,
        market.ask,
        market.ask_quantity,
        market.last,
    )


def displayed(market: SymbolMarket) -> Displayed:
    """Bids and asks, best first, aggregated by price."""
    best_bid, best_ask = market.bids.best, market.asks.best
    bids = _merged(
        _outside(market, Side.BUY, None if best_ask is None else best_ask.price), market.bids, descending=True
    )
    asks = _merged(
        _outside(market, Side.SELL, None if best_bid is None else best_bid.price),
        market.asks,
        descending=False,
    )
    return bids, asks


def best(market: SymbolMarket) -> tuple[Level | None, Level | None]:
    """The first level of each side of what is displayed; None where there is none."""
    best_bid, best_ask = market.bids.best, market.asks.best
    bid = next(_outside(market, Side.BUY, None if best_ask is None else best_ask.price), None)
    ask = next(_outside(market, Side.SELL, None if best_bid is None else best_bid.price), None)
    if best_bid is not None and (bid is None or best_bid.price >= bid[0]):
        bid = _joined(market.bids, best_bid.price, bid)
    if best_ask is not None and (ask is None or best_ask.price <= ask[0]):
        ask = _joined(market.asks, best_ask.price, ask)
    return bid, ask


def _joined(shelf: Shelf, price: Decimal, outside: Level | None) -> Level:
    """The orders at the best price of a shelf, with what stands there outside."""
    quantity = outside[1] if outside is not None and outside[0] == price else ZERO
    for _, _, order in shelf.entries:
        if order.price != price:
            break
        quantity += visible(order)
    return price, quantity


def visible(order: Order) -> Decimal:
    """What is seen of a resting order: all that remains of it, of an iceberg what is left of its tip."""
    tip = order.iceberg_quantity
    if not tip:
        return order.remaining
    return min(order.remaining, tip - order.executed % tip)


def _outside(market: SymbolMarket, side: Side, across: Decimal | None) -> Iterator[Level]:
    """The outside market's levels of a side, best first, less those across an order that rests here."""
    buying = side is Side.BUY
    ladder = market.depth_bids if buying else market.depth_asks
    levels = iter(_assumed(market, buying)) if ladder is None else ladder.levels()
    if across is None:
        return levels
    if buying:
        return (level for level in levels if level[0] < across)
    return (level for level in levels if level[0] > across)


def _assumed(market: SymbolMarket, buying: bool) -> Levels:
    """One level from quotes, or from the last trade."""
    price = market.bid if buying else market.ask
    if price is not None:
        quantity = market.bid_quantity if buying else market.ask_quantity
        return [(price, quantity)] if quantity > ZERO else []
    price = market.best_bid() if buying else market.best_ask()
    if not price:
        return []
    value = market.queue_ahead_quote or ASSUMED_QUOTE
    quantity = market.instrument.floor_quantity(value / price)
    return [(price, quantity)] if quantity > ZERO else []


def _merged(outside: Iterator[Level], shelf: Shelf, *, descending: bool) -> Levels:
    """Two runs of levels as one, quantities at one price added up."""
    own = _own(shelf)
    if not own:
        return list(outside)
    merged: Levels = []
    index = 0
    for price, quantity in outside:
        while index < len(own) and (own[index][0] > price if descending else own[index][0] < price):
            merged.append(own[index])
            index += 1
        if index < len(own) and own[index][0] == price:
            quantity += own[index][1]
            index += 1
        merged.append((price, quantity))
    merged.extend(own[index:])
    return merged


def _own(shelf: Shelf) -> Levels:
    levels: Levels = []
    for _, _, order in shelf.entries:
        if levels and levels[-1][0] == order.price:
            levels[-1] = (order.price, levels[-1][1] + visible(order))
        else:
            levels.append((order.price, visible(order)))
    return levels
