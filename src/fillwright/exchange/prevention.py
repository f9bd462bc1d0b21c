"""Self-trade prevention: what happens instead of a trade between orders of one account or trade group.

Binance Spot "Self Trade Prevention (STP) FAQ". The taker's mode decides; TRANSFER needs both.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.types import (
    ZERO,
    ExecutionType,
    SelfTradePrevention,
    Side,
    VenueOrderStatus,
)
from fillwright.exchange.lists import before_fill, end_others, expire_sibling
from fillwright.exchange.market import SymbolMarket
from fillwright.exchange.messages import ExecutionReport, PreventedMatch
from fillwright.exchange.orders import Order
from fillwright.exchange.state import State

_TAKER_LOSES = frozenset(
    {SelfTradePrevention.EXPIRE_TAKER, SelfTradePrevention.EXPIRE_BOTH, SelfTradePrevention.DECREMENT}
)
_MAKER_LOSES = frozenset(
    {SelfTradePrevention.EXPIRE_MAKER, SelfTradePrevention.EXPIRE_BOTH, SelfTradePrevention.DECREMENT}
)


def effective_mode(taker: Order, maker: Order) -> SelfTradePrevention:
    """TRANSFER acts as DECREMENT unless both orders say so and belong to different accounts."""
    if taker.stp is not SelfTradePrevention.TRANSFER:
        return taker.stp
    if maker.stp is SelfTradePrevention.TRANSFER and maker.account_id != taker.account_id:
        return SelfTradePrevention.TRANSFER
    return SelfTradePrevention.DECREMENT


def prevent(state: State, market: SymbolMarket, taker: Order, maker: Order, price: Decimal) -> None:
    """Prevent one match and end whichever order has nothing left."""
    mode = effective_mode(taker, maker)
    rule = SelfTradePrevention.DECREMENT if mode is SelfTradePrevention.TRANSFER else mode
    both = min(taker.remaining, maker.remaining)
    of_taker = _prevented(taker, rule, both, loses=rule in _TAKER_LOSES)
    of_maker = _prevented(maker, rule, both, loses=rule in _MAKER_LOSES)
    market.match_id += 1
    group = state.accounts[taker.account_id].trade_group
    match = PreventedMatch(
        taker.symbol, market.match_id, taker.order_id, maker.order_id, group, mode, price, of_taker, of_maker,
        state.now,
    )  # fmt: skip
    for order in (taker, maker) if taker.account_id != maker.account_id else (taker,):
        state.accounts[order.account_id].prevented_matches.append(match)
    losses = [one for one in ((taker, of_taker, maker), (maker, of_maker, taker)) if one[1]]
    for order, _, _ in losses:
        before_fill(state, order)
    if mode is SelfTradePrevention.TRANSFER:
        _transfer(state, market, taker, both, both * price)
        _transfer(state, market, maker, both, both * price)
    for order, quantity, other in losses:
        _lose(state, market, order, quantity, other, match)


def _prevented(order: Order, rule: SelfTradePrevention, both: Decimal, *, loses: bool) -> Decimal:
    if not loses:
        return ZERO
    return both if rule is SelfTradePrevention.DECREMENT else order.remaining


def _transfer(state: State, market: SymbolMarket, order: Order, quantity: Decimal, quote: Decimal) -> None:
    """Move the prevented quantity and its notional between two accounts, free of commission."""
    account = state.accounts[order.account_id]
    base, counter = account.balance(market.instrument.base), account.balance(market.instrument.quote)
    if order.side is Side.BUY:
        base.free += quantity
        giving, amount = counter, quote
    else:
        counter.free += quote
        giving, amount = base, quantity
    if order.locked:
        order.locked -= amount
        giving.locked -= amount
    else:
        giving.free -= amount


def _lose(
    state: State, market: SymbolMarket, order: Order, quantity: Decimal, other: Order, match: PreventedMatch
) -> None:
    """Take a prevented quantity off an order; one with nothing left is EXPIRED_IN_MATCH and ends its list."""
    order.prevented += quantity
    order.prevented_match_id = match.prevented_match_id
    account = state.accounts[order.account_id]
    instrument = market.instrument
    if order.locked:
        surplus = order.locked - order.lock_needed()
        order.locked -= surplus
        account.unlock(instrument.quote if order.side is Side.BUY else instrument.base, surplus)
    state.touch(order.account_id, instrument.base)
    state.touch(order.account_id, instrument.quote)
    is_final = order.remaining <= ZERO
    if is_final:
        order.status = VenueOrderStatus.EXPIRED_IN_MATCH
        state.finish(order)
    state.report(order, ExecutionType.TRADE_PREVENTION)
    report = state.events[-1]
    assert isinstance(report, ExecutionReport)
    state.events[-1] = msgspec.structs.replace(
        report,
        prevented_match_id=match.prevented_match_id,
        prevented_quantity=order.prevented,
        last_prevented_quantity=quantity,
        last_prevented_price=match.price,
        last_prevented_quote=quantity * match.price,
        trade_group_id=match.trade_group_id,
        counter_order_id=other.order_id,
        counter_symbol=other.symbol,
    )
    order_list = state.lists.get(order.order_list_id)
    if order_list is None:
        return
    if is_final:
        end_others(state, order_list, order)
    elif order.order_id in order_list.pending:
        expire_sibling(state, order_list, order)
