"""Verification: everything that a replay claims, recomputed from the journal's fills by other means.

Exact fractions, no code of the core's arithmetic: for every trade realised PnL, commissions and average prices; the
exchange's balances against the engine's; realised results against the change in cash. What differs is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

import msgspec

from fillwright.core.events import (
    BalanceUpdated,
    Fill,
    OrderFilled,
    OrderPartiallyFilled,
    OrderRejected,
    OrderSubmitted,
    PositionClosed,
    PositionCreated,
    PositionProtected,
    Record,
)
from fillwright.core.state import Ledger
from fillwright.core.types import MONEY_DECIMALS, Asset, Direction, Side

DIFFERENCES_MAX = 20
"""Differences named at most; more are only counted."""


class Verification(msgspec.Struct):
    """What was recomputed, and what differed (nothing, if all is well)."""

    trades: int = 0
    fills: int = 0
    balances: int = 0
    filter_rejections: int = 0
    """Orders that the venue refused for a filter which could have been foreseen."""
    unprotected_us: list[int] = []
    """Of each spell: how long coins were without a live stop."""
    differences: list[str] = []
    differing: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything came out the same."""
        return not self.differing and not self.filter_rejections

    def expect(self, what: str, ours: Decimal | Fraction | None, theirs: Decimal | Fraction | None) -> None:
        """Note a difference between what was recorded and what was recomputed."""
        if ours != theirs:
            self.differing += 1
            if len(self.differences) < DIFFERENCES_MAX:
                self.differences.append(f"{what}: recorded {ours}, recomputed {theirs}")


class _Book:
    """One position recomputed: exact fractions, half-even at 18 decimals only where cost is released."""

    def __init__(self, created: PositionCreated, base: Asset) -> None:
        self.created = created
        self.base = base
        self.buys = created.direction is Direction.LONG
        self.held = Fraction(0)
        self.cost = Fraction(0)
        self.realized = Fraction(0)
        self.cash = Fraction(0)
        self.commissions: dict[Asset, Fraction] = {}
        self.entry = [Fraction(0), Fraction(0)]
        self.exit = [Fraction(0), Fraction(0)]

    def add(self, side: Side, fill: Fill) -> None:
        quantity, price = Fraction(fill.quantity), Fraction(fill.price)
        quote, commission = quantity * price, Fraction(fill.commission)
        asset = fill.commission_asset
        if commission:
            self.commissions[asset] = self.commissions.get(asset, Fraction(0)) + commission
        base_fee = commission if asset == self.base else Fraction(0)
        quote_fee = Fraction(0) if asset == self.base else Fraction(fill.commission_quote)
        bought = side is Side.BUY
        cash = (-quote if bought else quote) - quote_fee
        coins = (quantity if bought else -quantity) - base_fee
        self.cash += cash
        if bought == self.buys:
            self.entry[0] += quantity
            self.entry[1] += quote
            self.held += coins if self.buys else -coins
            self.cost -= cash
            return
        self.exit[0] += quantity
        self.exit[1] += quote
        sold = min(-coins if self.buys else coins, self.held)
        share = self.cost if sold == self.held else _round(self.cost * sold / self.held)
        self.held -= sold
        self.cost -= share
        self.realized += cash - share


def _round(value: Fraction) -> Fraction:
    return Fraction(round(value * 10**MONEY_DECIMALS), 10**MONEY_DECIMALS)


def verify(
    records: Iterable[Record],
    ledger: Ledger,
    exchange_balances: Iterable[tuple[Asset, Decimal, Decimal]],
) -> Verification:
    """Recompute a whole journal and compare with the engine's state and the exchange's balances."""
    found = Verification()
    books: dict[int, _Book] = {}
    sides: dict[str, tuple[int, Side]] = {}
    totals: dict[Asset, Fraction] = {}
    closed_cash = Fraction(0)
    for record in records:
        event = record.event
        if isinstance(event, PositionCreated):
            base = ledger.state.instruments[event.symbol].base
            books[event.position_id] = _Book(event, base)
        elif isinstance(event, OrderSubmitted):
            sides[event.id] = (event.position_id, event.side)
        elif isinstance(event, OrderFilled | OrderPartiallyFilled):
            found.fills += 1
            position_id, side = sides[event.id]
            book = books.get(position_id)
            if book is not None:
                book.add(side, event.fill)
                quote_asset = ledger.state.instruments[book.created.symbol].quote
                _move(totals, book.base, quote_asset, side, event.fill)
        elif isinstance(event, BalanceUpdated) and event.opening:
            totals[event.asset] = Fraction(event.free) + Fraction(event.locked)
        elif isinstance(event, PositionProtected):
            found.unprotected_us.append(event.unprotected_us)
        elif isinstance(event, OrderRejected) and "Filter failure" in event.reason:
            found.filter_rejections += 1
        elif isinstance(event, PositionClosed):
            found.trades += 1
            book = books.pop(event.position_id)
            _compare_closed(found, ledger, book, event)
            closed_cash += book.cash
    realized = sum((Fraction(book.realized) for book in books.values()), Fraction(0))
    left = sum((book.cost for book in books.values()), Fraction(0))
    cash = closed_cash + sum((book.cash for book in books.values()), Fraction(0))
    portfolio = ledger.state.portfolio
    found.expect(
        "realised − cost of what is left = change in cash",
        Fraction(portfolio.realized) + realized - left - Fraction(portfolio.dust_cost),
        cash,
    )
    for asset, free, locked in exchange_balances:
        found.balances += 1
        balance = portfolio.balance(asset)
        found.expect(f"{asset} free", balance.free, free)
        found.expect(f"{asset} locked", balance.locked, locked)
        found.expect(f"{asset} by executions", Fraction(balance.ledger), totals.get(asset, Fraction(0)))
        found.expect(f"{asset} in total", balance.ledger, free + locked)
    return found


def _move(totals: dict[Asset, Fraction], base: Asset, quote: Asset, side: Side, fill: Fill) -> None:
    sign = 1 if side is Side.BUY else -1
    quantity = Fraction(fill.quantity)
    totals[base] = totals.get(base, Fraction(0)) + sign * quantity
    totals[quote] = totals.get(quote, Fraction(0)) - sign * quantity * Fraction(fill.price)
    asset = fill.commission_asset
    totals[asset] = totals.get(asset, Fraction(0)) - Fraction(fill.commission)


def _compare_closed(found: Verification, ledger: Ledger, book: _Book, event: PositionClosed) -> None:
    name = f"position {event.position_id}"
    found.expect(f"{name} realised", Fraction(event.pnl), book.realized)
    found.expect(f"{name} dust", Fraction(event.dust_quantity), book.held)
    found.expect(f"{name} cost of dust", Fraction(event.dust_cost), book.cost)
    position = ledger.state.positions.get(event.position_id)
    if position is None:  # forgotten a day after it ended: its event carries the result
        return
    for asset, amount in position.commissions.items():
        found.expect(f"{name} commission in {asset}", Fraction(amount), book.commissions.get(asset))
    for what, average, (quantity, quote) in (
        ("entry price", position.entry_price, book.entry),
        ("exit price", position.exit_price, book.exit),
    ):
        expected = _round(quote / quantity) if quantity else None
        found.expect(f"{name} {what}", None if average is None else Fraction(average), expected)


def distribution(values: list[int]) -> dict[str, int]:
    """Least, median, 99th percentile and most of some times, and how many they are."""
    if not values:
        return {"count": 0}
    ordered = sorted(values)
    return {
        "count": len(ordered),
        "min": ordered[0],
        "p50": ordered[len(ordered) // 2],
        "p99": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
        "max": ordered[-1],
    }
