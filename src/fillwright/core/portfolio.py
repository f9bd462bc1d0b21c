"""The account's money: balances, reservations, who owns which coins, exposure, marks and the trading day.

Two books are kept of each asset: what the venue says (free, locked) and our own ledger, built from executions and
transfers alone. They must agree; a lasting difference is a discrepancy (``reconcile``). Coins that no position owns
are the user's own: never sold, never exposure, never equity. Trading rules §3.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from fillwright.core.events import Fill
from fillwright.core.types import DAY, HOUR, HUNDRED, ZERO, Asset, Side, Symbol, Time

_BUY = Side.BUY  # looking it up in the class costs more than what is done with it


class Balance(msgspec.Struct, gc=False):
    """One asset: the venue's free and locked, and the total that our own executions and transfers give."""

    free: Decimal = ZERO
    locked: Decimal = ZERO
    ledger: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Free and locked."""
        return self.free + self.locked


class Portfolio(msgspec.Struct, kw_only=True):
    """Balances, reservations, ownership and the figures that limits look at."""

    quote_asset: Asset = "USDT"
    balances: dict[Asset, Balance] = {}
    differences: dict[Asset, tuple[Decimal, Time]] = {}
    """Totals of the venue that differ from our ledger, since when."""
    reserved: Decimal = ZERO
    """Quote set aside for orders of ours that may still buy."""
    in_flight: Decimal = ZERO
    """The part of it that the venue has not acknowledged yet, so that its free balance does not show it."""
    reserved_by_symbol: dict[Symbol, Decimal] = {}
    reserved_by_trader: dict[str, Decimal] = {}
    owned: dict[Symbol, Decimal] = {}
    """Coins that positions own."""
    owned_by_trader: dict[str, dict[Symbol, Decimal]] = {}

    realized: Decimal = ZERO
    dust_cost: Decimal = ZERO
    transfers: Decimal = ZERO
    """Net deposits of the quote asset."""
    commission_quote: Decimal = ZERO
    trades: int = 0
    wins: int = 0
    losses: int = 0

    equity: Decimal = ZERO
    """At the last mark."""
    peak: Decimal = ZERO
    drawdown_percent: Decimal = ZERO
    drawdown_max_percent: Decimal = ZERO
    day: int = -1
    day_start_equity: Decimal = ZERO
    day_trades: int = 0
    marked_at: Time = 0

    # -- balances --------------------------------------------------------------------------------------------

    def balance_of(self, asset: Asset) -> Balance:
        """The balance of an asset, to look at: nothing is made of one that nobody has heard of."""
        balance = self.balances.get(asset)
        return balance if balance is not None else Balance()

    def balance(self, asset: Asset) -> Balance:
        """The balance of an asset, to change (so for ``apply`` alone): made when there is none."""
        balance = self.balances.get(asset)
        if balance is None:
            balance = self.balances[asset] = Balance()
        return balance

    def book_fill(self, base: Asset, quote: Asset, side: Side, fill: Fill) -> None:
        """Move our ledger by an execution."""
        coins, money = self.balance(base), self.balance(quote)
        if side is _BUY:
            coins.ledger += fill.quantity
            money.ledger -= fill.quote
        else:
            coins.ledger -= fill.quantity
            money.ledger += fill.quote
        if fill.commission:
            self.balance(fill.commission_asset).ledger -= fill.commission
            self.commission_quote += fill.commission_quote

    def available(self) -> Decimal:
        """Quote that a new entry may use: by our own ledger, and never more than the venue shows as free."""
        balance = self.balance_of(self.quote_asset)
        return min(balance.ledger - self.reserved, balance.free - self.in_flight)

    def reserve(self, symbol: Symbol, trader_id: str, amount: Decimal, in_flight: Decimal) -> None:
        """Change what is set aside (negative: release)."""
        self.reserved += amount
        self.in_flight += in_flight
        self.reserved_by_symbol[symbol] = self.reserved_by_symbol.get(symbol, ZERO) + amount
        self.reserved_by_trader[trader_id] = self.reserved_by_trader.get(trader_id, ZERO) + amount

    def own(self, symbol: Symbol, trader_id: str, change: Decimal) -> None:
        """Change the coins that positions own."""
        self.owned[symbol] = self.owned.get(symbol, ZERO) + change
        mine = self.owned_by_trader.get(trader_id)
        if mine is None:
            mine = self.owned_by_trader[trader_id] = {}
        mine[symbol] = mine.get(symbol, ZERO) + change

    # -- exposure and equity ---------------------------------------------------------------------------------

    def exposure_symbol(self, symbol: Symbol, bids: Mapping[Symbol, Decimal]) -> Decimal:
        """Coins owned at the bid, and quote set aside for more."""
        owned = self.owned.get(symbol)
        value = owned * bids[symbol] if owned else ZERO
        return value + self.reserved_by_symbol.get(symbol, ZERO)

    def exposure_total(self, bids: Mapping[Symbol, Decimal]) -> Decimal:
        """Exposure of all symbols."""
        return self.equity_and_exposure(bids)[1]

    def exposure_trader(self, trader_id: str, bids: Mapping[Symbol, Decimal]) -> Decimal:
        """Exposure of one trader."""
        owned = self.owned_by_trader.get(trader_id)
        value = _value(owned, bids) if owned else ZERO
        return value + self.reserved_by_trader.get(trader_id, ZERO)

    def equity_at(self, bids: Mapping[Symbol, Decimal]) -> Decimal:
        """Quote free and locked, and the coins of positions at the bid (the user's own coins do not count)."""
        return self.equity_and_exposure(bids)[0]

    def equity_and_exposure(self, bids: Mapping[Symbol, Decimal]) -> tuple[Decimal, Decimal]:
        """Equity and the exposure of all symbols, from one look at the bids."""
        value, balance = _value(self.owned, bids), self.balances.get(self.quote_asset)
        return value if balance is None else balance.ledger + value, value + self.reserved

    def mark(self, equity: Decimal, now: Time) -> None:
        """Take a mark: only this moves equity, peak and drawdown."""
        self.equity = equity
        self.marked_at = now
        if equity > self.peak:
            self.peak = equity
            self.drawdown_percent = ZERO
        elif self.peak:
            self.drawdown_percent = (self.peak - equity) / self.peak * HUNDRED
            if self.drawdown_percent > self.drawdown_max_percent:
                self.drawdown_max_percent = self.drawdown_percent

    def transfer(self, delta: Decimal) -> None:
        """Book a deposit (or withdrawal) of the quote asset: neither gain nor loss."""
        self.transfers += delta
        self.equity += delta
        self.peak += delta
        self.day_start_equity += delta

    # -- the trading day -------------------------------------------------------------------------------------

    def start_day(self, day: int, equity: Decimal) -> None:
        """Begin a trading day."""
        self.day = day
        self.day_start_equity = equity
        self.day_trades = 0

    @property
    def daily_loss(self) -> Decimal:
        """Equity at the day's start − equity at the last mark (negative: a gain)."""
        return self.day_start_equity - self.equity


def trading_day(now: Time, day_start_hour: int) -> int:
    """The number of the trading day that a time belongs to."""
    return (now - day_start_hour * HOUR) // DAY


def trading_day_end(day: int, day_start_hour: int) -> Time:
    """The first microsecond after a trading day."""
    return (day + 1) * DAY + day_start_hour * HOUR


def _value(owned: Mapping[Symbol, Decimal], bids: Mapping[Symbol, Decimal]) -> Decimal:
    total = ZERO
    for symbol, quantity in owned.items():
        if quantity:
            total += quantity * bids[symbol]
    return total
