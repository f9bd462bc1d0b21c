"""The admin door's actions on the market and on time: prices, quotes, books, trades, trading phases, the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec

from fillwright.core.types import DAY, ZERO, Symbol
from fillwright.exchange.server import market_source
from fillwright.exchange.server.admin_messages import (
    Done,
    MoveTime,
    PushDepth,
    PushQuote,
    PushTrade,
    SetPrice,
    SetSymbol,
    TimeAction,
    TimeTold,
    Wish,
)
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.settings import check_amount
from fillwright.exchange.server.synthetic_source import SyntheticSource

SKEW_MAX = 10 * 365 * 24 * 3_600 * 1_000_000
STEP_MAX = SKEW_MAX
SYNTHETIC_STEP_MAX = DAY
"""The same where prices are synthetic: each is made, and nobody else is served meanwhile."""
MARKET_MAX = 92_233_720_368
"""Prices and quantities; Binance's own end of them, 64 bits of eight decimals."""


def _positive(**amounts: Decimal) -> None:
    for name, amount in amounts.items():
        check_amount(name, amount)
        if not ZERO < amount <= MARKET_MAX:
            raise ValueError(f"{name} is more than zero and at most {MARKET_MAX}")


def _on_tick(box: Box, symbol: Symbol, prices: Iterable[Decimal]) -> None:
    """Refuse prices that nobody could trade at there; ExchangeError for a symbol that is none."""
    tick = box.exchange.instrument(symbol).price_filter.tick
    for price in prices:
        if tick and price % tick:
            raise ValueError(f"{price} is no price of {symbol}: its tick is {tick.normalize():f}")


def set_price(box: Box, wish: SetPrice) -> Done:
    """Best prices around a price, then a trade at it: stops that it reaches are set off."""
    _positive(price=wish.price, quantity=wish.quantity)
    _on_tick(box, wish.symbol, (wish.price,))
    market_source.set_price(box, wish.symbol, wish.price, wish.quantity)
    return Done(now=box.now)


def push_quote(box: Box, wish: PushQuote) -> Done:
    """New best quotes."""
    _positive(bid=wish.bid, ask=wish.ask, bid_quantity=wish.bid_quantity, ask_quantity=wish.ask_quantity)
    if wish.bid >= wish.ask:
        raise ValueError("bid is below ask")
    _on_tick(box, wish.symbol, (wish.bid, wish.ask))
    box.quote(wish.symbol, wish.bid, wish.bid_quantity, wish.ask, wish.ask_quantity, box.now)
    return Done(now=box.now)


def push_depth(box: Box, wish: PushDepth) -> Done:
    """The book of the outside market, or changes of it."""
    for price, quantity in (*wish.bids, *wish.asks):
        _positive(price=price)
        if quantity:
            _positive(quantity=quantity)
    _on_tick(box, wish.symbol, [price for price, _ in (*wish.bids, *wish.asks)])
    box.depth(wish.symbol, wish.bids, wish.asks, box.now, snapshot=wish.snapshot)
    return Done(now=box.now)


def push_trade(box: Box, wish: PushTrade) -> Done:
    """A trade of the outside market."""
    _positive(price=wish.price, quantity=wish.quantity)
    _on_tick(box, wish.symbol, (wish.price,))
    box.trade(wish.symbol, wish.price, wish.quantity, wish.buyer_is_maker, box.now)
    return Done(now=box.now)


def set_symbol(box: Box, wish: SetSymbol) -> Done:
    """Change a symbol's trading phase or reference price."""
    box.exchange.status(wish.symbol)
    if wish.reference_price is not msgspec.UNSET:
        if wish.reference_price is not None:
            _positive(reference_price=wish.reference_price)
        box.exchange.set_reference_price(wish.symbol, wish.reference_price)
    if wish.status is not None:
        box.exchange.set_status(wish.symbol, wish.status, box.now, cancel_orders=wish.cancel_orders)
        box.settle()
    return Done(now=box.now)


def time(box: Box, _wish: Wish) -> TimeTold:
    """How the clock stands."""
    return TimeTold(now=box.now, is_frozen=box.clock.is_frozen, skew_us=box.clock.skew_us)


def move_time(box: Box, wish: MoveTime) -> TimeTold:
    """Freeze, step or resume the clock, or tell clients a wrong time."""
    clock = box.clock
    if abs(wish.by_us) > STEP_MAX:
        raise ValueError("that is more than ten years")
    if (
        wish.action is TimeAction.STEP
        and wish.by_us > SYNTHETIC_STEP_MAX
        and isinstance(box.source, SyntheticSource)
    ):
        raise ValueError("synthetic prices go on by a day in one step at most: take several steps")
    if wish.action is TimeAction.FREEZE:
        clock.freeze()
    elif wish.action is TimeAction.STEP:
        clock.step(wish.by_us)
    elif wish.action is TimeAction.RESUME:
        clock.resume()
    else:
        clock.skew_us = wish.by_us
    box.tick()
    if box.on_wake is not None:
        box.on_wake()
    return time(box, wish)


ACTIONS: dict[tuple[str, str], tuple[Any, Callable[[Box, Any], object]]] = {
    ("POST", "/price"): (SetPrice, set_price),
    ("POST", "/quote"): (PushQuote, push_quote),
    ("POST", "/depth"): (PushDepth, push_depth),
    ("POST", "/trade"): (PushTrade, push_trade),
    ("POST", "/symbol"): (SetSymbol, set_symbol),
    ("GET", "/time"): (Wish, time),
    ("POST", "/time"): (MoveTime, move_time),
}
