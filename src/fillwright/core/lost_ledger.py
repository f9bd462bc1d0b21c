"""A ledger that was lost: its positions are made anew from the orders that the venue remembers under its tag.

The operator names the old tag for a new ledger. Every position of which coins are left, or orders, is taken back: its
entry, its exits, their executions, its levels. What has ended stays forgotten, save the numbers that were used. A
position whose entry the venue does not remember is not made up: its orders are adopted alone. Trading rules §2, §7.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core import events as ev
from fillwright.core.context import Context
from fillwright.core.executions import report
from fillwright.core.inputs import OrderReport, Quote, VenueSnapshot
from fillwright.core.strangers import adopted
from fillwright.core.types import (
    STOP_TYPES,
    VENUE_FINAL,
    ZERO,
    Asset,
    Direction,
    Leg,
    OrderType,
    Protection,
    Side,
    parse_client_order_id,
)

TRADER = "recovered"
"""Whose the positions are: who traded them is lost with the ledger."""
NUMBERS_LEFT_OUT = 100
"""So many numbers are left out of each count, for what nobody remembers."""
_LEGS = (Leg.ENTRY, Leg.STOP_LOSS, Leg.TAKE_PROFIT, Leg.EXIT)


class _Found(msgspec.Struct):
    """One order of ours, as the venue remembers it."""

    leg: Leg
    attempt: int
    news: OrderReport

    @property
    def is_open(self) -> bool:
        return self.news.status not in VENUE_FINAL


def take_back(ctx: Context, snapshot: VenueSnapshot) -> None:
    """Make the positions anew, and go on counting after the numbers that were used."""
    found: dict[int, list[_Found]] = {}
    manual = 0
    for news in snapshot.orders:
        name = parse_client_order_id(news.client_order_id)
        if name is None or name[0] != ctx.state.tag or news.symbol not in ctx.state.instruments:
            continue
        _, number, leg, attempt = name
        manual = max(manual, attempt if leg is Leg.MANUAL else 0)
        found.setdefault(number, []).append(_Found(leg, attempt, news))
    taken = [number for number in sorted(found) if number and _take(ctx, number, found[number])]
    _correct_balances(ctx, snapshot)
    ctx.emit(
        ev.LedgerRecovered(
            tag=ctx.state.tag,
            positions=tuple(taken),
            positions_made=max(found, default=0) + NUMBERS_LEFT_OUT,
            manual_orders_made=manual + NUMBERS_LEFT_OUT,
            attempts_made=NUMBERS_LEFT_OUT,
        )
    )
    ctx.alert("warning", "LEDGER_RECOVERED", f"positions taken back by the tag {ctx.state.tag}: {taken}")


def _take(ctx: Context, number: int, orders: list[_Found]) -> bool:
    """Make one position anew; False when it has ended, or its entry is not remembered."""
    legs = [one for one in orders if one.leg in _LEGS and (one.is_open or one.news.executed_quantity)]
    entries = [one for one in legs if one.leg is Leg.ENTRY]
    if not legs or not (any(one.is_open for one in legs) or _has_coins(ctx, legs)):
        return False
    symbol = legs[0].news.symbol
    if not entries or any(one.news.symbol != symbol for one in legs):
        ctx.alert("error", "ENTRY_FORGOTTEN", f"position {number} cannot be taken back: look at {symbol}")
        return False
    ctx.emit(_created(ctx, number, entries[0].news, orders))
    for one in sorted(legs, key=lambda one: (one.leg is not Leg.ENTRY, one.news.order_id)):
        ctx.emit(adopted(one.news, number, one.leg, one.attempt))
        report(ctx, one.news)
    return True


def _has_coins(ctx: Context, legs: list[_Found]) -> bool:
    """Whether more is left than dust, at the price of its last execution."""
    instrument = ctx.instrument(legs[0].news.symbol)
    held, price = ZERO, ZERO
    for one in legs:
        for fill in one.news.fills:
            price = fill.price
            held += fill.quantity if one.news.side is Side.BUY else -fill.quantity
            held -= fill.commission if fill.commission_asset == instrument.base else ZERO
    return instrument.is_sellable(held, ctx.bids[instrument.symbol] or price)


def _created(ctx: Context, number: int, entry: OrderReport, orders: list[_Found]) -> ev.PositionCreated:
    price = entry.fills[0].price if entry.fills else entry.price or ZERO
    quote = ctx.quotes.get(entry.symbol) or Quote(entry.symbol, price, price, price, ctx.now)
    stop, target = _level(orders, Leg.STOP_LOSS), _level(orders, Leg.TAKE_PROFIT)
    if stop is None:
        ctx.alert("error", "STOP_FORGOTTEN", f"position {number} is taken back without a stop: give it one")
    return ev.PositionCreated(
        position_id=number,
        signal_id=0,
        trader_id=TRADER,
        symbol=entry.symbol,
        direction=Direction.LONG,
        quantity=entry.quantity or entry.executed_quantity,
        limit_price=entry.price or price,
        plan=Protection.OCO if target is not None else Protection.STOP,
        plan_reason="taken back by the tag of a lost ledger",
        max_loss_quote=ZERO,
        quote=quote,
        stop_loss=stop,
        take_profit=target,
        entry_market=entry.type is OrderType.MARKET,
    )


def _level(orders: list[_Found], leg: Leg) -> Decimal | None:
    """Where the newest exit of a kind rests, or rested."""
    newest = max((one for one in orders if one.leg is leg), key=lambda one: one.news.order_id, default=None)
    if newest is None:
        return None
    news = newest.news
    return news.stop_price if news.type in STOP_TYPES or news.stop_price else news.price


def _correct_balances(ctx: Context, snapshot: VenueSnapshot) -> None:
    """What the old ledger paid and got is in the account's balances already, with which this ledger began."""
    told: dict[Asset, Decimal] = {asset: free + locked for asset, free, locked in snapshot.balances}
    for asset, balance in list(ctx.state.portfolio.balances.items()):
        difference = told.get(asset, balance.free + balance.locked) - balance.ledger
        if difference:
            ctx.emit(ev.BalanceCorrected(asset=asset, difference=difference))
