"""Verification: everything that a replay claims, recomputed from the journal's fills by other means.

Exact fractions, no code of the core's arithmetic: for every trade realised PnL, commissions and average prices; the
exchange's balances against the engine's; realised results against the change in cash. What differs is named.

The journal and the users' trades are read side by side, once: what is held in memory is what is open, and as much of
what has ended as something late may still bring back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

import msgspec

from fillwright.core.events import (
    BalanceCorrected,
    BalanceUpdated,
    Event,
    Fill,
    OrderAdopted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderPartiallyFilled,
    OrderRejected,
    OrderSubmitted,
    PositionClosed,
    PositionCreated,
    PositionProtected,
    PositionReduced,
    Record,
    TransferSeen,
)
from fillwright.core.state import Ledger
from fillwright.core.types import MONEY_DECIMALS, Asset, Direction, Side, Symbol
from fillwright.ports import TradeView

CLOSED_KEPT_MAX = 1_000
"""Closed positions that a late fill may still bring back."""
ENDED_KEPT_MAX = 4_000
"""Ended orders that a late fill may still name."""
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
        self.sold_ahead = Fraction(0)
        """Sold before the entry's executions were heard of."""
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
            gone = min(self.sold_ahead, self.held)
            self.sold_ahead -= gone
            self.realized -= self._release(gone)
            return
        self.exit[0] += quantity
        self.exit[1] += quote
        self.sold_ahead += max(quantity - self.held, Fraction(0))
        self.realized += cash - self._release(-coins if self.buys else coins)

    def lose(self, quantity: Decimal) -> None:
        """Coins that left by another hand take their share of the cost along; no cash came for them."""
        self.cash += self._release(Fraction(quantity))

    def _release(self, wanted: Fraction) -> Fraction:
        """Let go of coins, at most what is held; returns their share of the cost."""
        if not wanted:
            return Fraction(0)
        quantity = min(wanted, self.held)
        share = self.cost if quantity == self.held else _round(self.cost * quantity / self.held)
        self.held -= quantity
        self.cost -= share
        return share


def _round(value: Fraction) -> Fraction:
    return Fraction(round(value * 10**MONEY_DECIMALS), 10**MONEY_DECIMALS)


class _Trades:
    """The users' closed trades by their ids, read on as far as the next result needs them."""

    def __init__(self, trades: Iterable[TradeView]) -> None:
        self._rest = iter(trades)
        self._ahead: dict[int, TradeView] = {}

    def take(self, number: int) -> TradeView | None:
        """The trade of a closed position; None when there is none."""
        if number in self._ahead:
            return self._ahead.pop(number)
        for trade in self._rest:
            if trade.id == number:
                return trade
            if trade.status == "Closed":
                self._ahead[trade.id] = trade
            if trade.id > number:
                break
        return None


class _Recount:
    """One pass over the journal's fills: books of open positions, results of closed ones, totals of every asset."""

    def __init__(self, ledger: Ledger, found: Verification, trades: Iterable[TradeView] | None) -> None:
        self.instruments = ledger.state.instruments
        self.found = found
        self.books: dict[int, _Book] = {}
        self._trades = None if trades is None else _Trades(trades)
        self.totals: dict[Asset, Fraction] = {}
        self.closed_cash = Fraction(0)
        self._closed: dict[int, _Book] = {}
        self._sides: dict[str, tuple[int, Symbol, Side]] = {}
        self._ended: deque[str] = deque()

    def take(self, event: Event) -> None:
        """Take the next event of the journal."""
        if isinstance(event, PositionCreated):
            self.books[event.position_id] = _Book(event, self.instruments[event.symbol].base)
        elif isinstance(event, OrderSubmitted | OrderAdopted):
            self._sides[event.id] = (event.position_id, event.symbol, event.side)
        elif isinstance(event, OrderFilled | OrderPartiallyFilled):
            self._fill(event)
        elif isinstance(event, BalanceUpdated):
            if event.opening:
                for asset, free, locked in event.balances:
                    self.totals[asset] = Fraction(free) + Fraction(locked)
        elif isinstance(event, TransferSeen | BalanceCorrected):
            delta = event.delta if isinstance(event, TransferSeen) else event.difference
            self.totals[event.asset] = self.totals.get(event.asset, Fraction(0)) + Fraction(delta)
        elif isinstance(event, PositionProtected):
            self.found.unprotected_us.append(event.unprotected_us)
        elif isinstance(event, OrderCancelled | OrderExpired):
            self._end(event.id)
        elif isinstance(event, OrderRejected):
            self.found.filter_rejections += "Filter failure" in event.reason
            self._end(event.id)
        elif isinstance(event, PositionReduced):
            self.books[event.position_id].lose(event.quantity)
        elif isinstance(event, PositionClosed):
            self._close(event)

    def _fill(self, event: OrderFilled | OrderPartiallyFilled) -> None:
        self.found.fills += 1
        position_id, symbol, side = self._sides[event.id]
        if isinstance(event, OrderFilled):
            del self._sides[event.id]
        instrument = self.instruments[symbol]
        _move(self.totals, instrument.base, instrument.quote, side, event.fill)
        if position_id in self._closed:
            self._reopen(position_id)
        if position_id in self.books:
            self.books[position_id].add(side, event.fill)

    def _end(self, order_id: str) -> None:
        self._ended.append(order_id)
        if len(self._ended) > ENDED_KEPT_MAX:
            self._sides.pop(self._ended.popleft(), None)

    def _reopen(self, position_id: int) -> None:
        """A late fill brings a closed position back, its dust with it."""
        book = self.books[position_id] = self._closed.pop(position_id)
        self.found.trades -= 1
        self.closed_cash -= book.cash

    def _close(self, event: PositionClosed) -> None:
        self.found.trades += 1
        book = self.books.pop(event.position_id)
        self.closed_cash += book.cash
        self._closed[event.position_id] = book
        if len(self._closed) > CLOSED_KEPT_MAX:
            self._compare(next(iter(self._closed)))
        name = f"position {event.position_id}"
        self.found.expect(f"{name} realised", Fraction(event.pnl), book.realized)
        self.found.expect(f"{name} dust", Fraction(event.dust_quantity), book.held)
        self.found.expect(f"{name} cost of dust", Fraction(event.dust_cost), book.cost)

    def finish(self) -> None:
        """Compare the closed positions that are left."""
        for number in tuple(self._closed):
            self._compare(number)

    def _compare(self, number: int) -> None:
        """Let go of a closed position: its trade must say what its fills say."""
        book = self._closed.pop(number)
        if self._trades is None:
            return
        trade = self._trades.take(number)
        if trade is None:
            self.found.expect(f"trade {number} realised", None, book.realized)
        else:
            _compare_trade(self.found, trade, book)


def verify(
    records: Iterable[Record],
    ledger: Ledger,
    exchange_balances: Iterable[tuple[Asset, Decimal, Decimal]],
    trades: Iterable[TradeView] | None = None,
) -> Verification:
    """Recompute a whole journal; compare with events, the users' trades, the engine's state, the exchange's balances.

    ``trades`` are the read model's, by their ids: every closed one must be there, and say what its fills say (None:
    there is no read model).
    """
    found = Verification()
    recount = _Recount(ledger, found, trades)
    for record in records:
        recount.take(record.event)
    recount.finish()
    left = recount.books.values()
    cash = recount.closed_cash + sum((book.cash for book in left), Fraction(0))
    open_realized = sum((book.realized for book in left), Fraction(0))
    open_cost = sum((book.cost for book in left), Fraction(0))
    portfolio = ledger.state.portfolio
    found.expect(
        "realised − cost of what is left = change in cash",
        Fraction(portfolio.realized) + open_realized - open_cost - Fraction(portfolio.dust_cost),
        cash,
    )
    for asset, free, locked in exchange_balances:
        found.balances += 1
        balance = portfolio.balance_of(asset)
        found.expect(f"{asset} free", balance.free, free)
        found.expect(f"{asset} locked", balance.locked, locked)
        executed = recount.totals.get(asset, Fraction(0))
        found.expect(f"{asset} by executions", Fraction(balance.ledger), executed)
        found.expect(f"{asset} in total", balance.ledger, free + locked)
    return found


def _average(sums: list[Fraction]) -> Fraction | None:
    quantity, quote = sums
    return _round(quote / quantity) if quantity else None


def _compare_trade(found: Verification, trade: TradeView, book: _Book) -> None:
    name = f"trade {trade.id}"
    realized = None if trade.realized_pnl is None else Fraction(trade.realized_pnl)
    found.expect(f"{name} realised", realized, book.realized)
    for what, price, expected in (
        ("entry price", trade.entry_price, _average(book.entry)),
        ("exit price", trade.exit_price, _average(book.exit)),
    ):
        found.expect(f"{name} {what}", None if price is None else Fraction(price), expected)
    told = {one.asset: Fraction(one.amount) for one in trade.commissions}
    for asset in {**told, **book.commissions}:
        found.expect(f"{name} commission in {asset}", told.get(asset), book.commissions.get(asset))


def _move(totals: dict[Asset, Fraction], base: Asset, quote: Asset, side: Side, fill: Fill) -> None:
    sign = 1 if side is Side.BUY else -1
    quantity = Fraction(fill.quantity)
    totals[base] = totals.get(base, Fraction(0)) + sign * quantity
    totals[quote] = totals.get(quote, Fraction(0)) - sign * quantity * Fraction(fill.price)
    asset = fill.commission_asset
    totals[asset] = totals.get(asset, Fraction(0)) - Fraction(fill.commission)


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
