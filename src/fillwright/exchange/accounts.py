"""Accounts: balances, locks, commission, unfilled order counts.

Every unit that leaves one account arrives in another: fees in the house's, the rest with the counterparty or the
outside market, so that sums never change except by deposits and withdrawals.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from decimal import ROUND_DOWN, Decimal

import msgspec

from fillwright.core.types import ONE, ZERO, AccountId, Asset, ClientOrderId, Symbol, Time
from fillwright.exchange.messages import ExchangeError, OrderCount, PreventedMatch, TradeView
from fillwright.exchange.orders import Order
from fillwright.exchange.settings import ExchangeSettings, FeeSchedule, OrderCountLimit


class Balance(msgspec.Struct, gc=False):
    """One asset of one account."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


class CountWindow(msgspec.Struct, gc=False):
    """Unfilled orders in the current clock-aligned window."""

    start: Time = 0
    count: int = 0


class Account:
    """One customer of the exchange."""

    __slots__ = (
        "account_id", "balances", "by_client_id", "can_trade", "fees", "fills", "lists_by_client_id", "open",
        "open_by_symbol", "open_lists", "prevented_matches", "trade_group", "update_time",
        "windows",
    )  # fmt: skip

    def __init__(
        self, account_id: AccountId, fees: FeeSchedule, trade_group: int, settings: ExchangeSettings
    ) -> None:
        self.account_id = account_id
        self.fees = fees
        self.trade_group = trade_group
        self.can_trade = True
        self.update_time: Time = 0
        """When a balance last changed."""
        self.balances: dict[Asset, Balance] = {}
        self.open: dict[int, Order] = {}
        """Open orders by id, in order of creation."""
        self.open_by_symbol: dict[Symbol, dict[int, Order]] = {}
        """The same orders by symbol; symbols stay, so a symbol without orders may have an empty entry."""
        self.by_client_id: dict[tuple[Symbol, ClientOrderId], int] = {}
        """The newest order of each id, final ones included."""
        self.open_lists: dict[int, Symbol] = {}
        self.lists_by_client_id: dict[ClientOrderId, int] = {}
        self.prevented_matches: deque[PreventedMatch] = deque(maxlen=settings.trades_max)
        self.fills: dict[Symbol, list[TradeView]] = {}
        """Fills in their order, where settings say that they are kept beyond their orders."""
        self.windows = [CountWindow() for _ in settings.order_counts]

    def add_open(self, order: Order) -> None:
        """Keep an order as open."""
        self.open[order.order_id] = order
        mine = self.open_by_symbol.get(order.symbol)
        if mine is None:
            mine = self.open_by_symbol[order.symbol] = {}
        mine[order.order_id] = order

    def drop_open(self, order: Order) -> None:
        """An order is not open any more."""
        if self.open.pop(order.order_id, None) is not None:
            del self.open_by_symbol[order.symbol][order.order_id]

    def open_of(self, symbol: Symbol) -> Collection[Order]:
        """Open orders of a symbol, in order of creation."""
        mine = self.open_by_symbol.get(symbol)
        return mine.values() if mine is not None else ()

    def keep_fill(self, fill: TradeView, kept_max: int) -> None:
        """Keep a fill; the oldest go half of them at a time, so that this costs O(1) each."""
        fills = self.fills.get(fill.symbol)
        if fills is None:
            fills = self.fills[fill.symbol] = []
        fills.append(fill)
        if len(fills) >= 2 * kept_max:
            del fills[:kept_max]

    def balance(self, asset: Asset) -> Balance:
        """The balance of an asset, made on first use."""
        balance = self.balances.get(asset)
        if balance is None:
            balance = self.balances[asset] = Balance()
        return balance

    def lock(self, asset: Asset, amount: Decimal) -> bool:
        """Move free to locked; False, and nothing done, when free does not suffice."""
        if not amount:
            return True
        balance = self.balance(asset)
        if balance.free < amount:
            return False
        balance.free -= amount
        balance.locked += amount
        return True

    def unlock(self, asset: Asset, amount: Decimal) -> None:
        """Move locked to free."""
        if amount:
            balance = self.balance(asset)
            balance.locked -= amount
            balance.free += amount

    # -- unfilled order count ------------------------------------------------------------------------------------

    def counts(self, limits: tuple[OrderCountLimit, ...], now: Time) -> list[OrderCount]:
        """The state of every window at a time."""
        return [
            OrderCount(
                limit.interval_us,
                limit.limit,
                window.count if window.start == now - now % limit.interval_us else 0,
            )
            for limit, window in zip(limits, self.windows, strict=True)
        ]

    def check_count(self, limits: tuple[OrderCountLimit, ...], orders: int, now: Time) -> None:
        """Refuse with -1015 when this many more orders exceed a window's limit."""
        for limit, window in zip(limits, self.windows, strict=True):
            start = now - now % limit.interval_us
            if window.start != start:
                window.start, window.count = start, 0
            if window.count + orders > limit.limit and limit.is_enforced:
                raise ExchangeError(
                    -1015,
                    f"Too many new orders; current limit is {limit.limit} orders per {limit.label}.",
                    429,
                )

    def add_count(self, limits: tuple[OrderCountLimit, ...], orders: int, now: Time) -> None:
        """Count accepted orders, or take back filled ones (never below zero), in the windows of now."""
        windows = self.windows
        for index, limit in enumerate(limits):
            window = windows[index]
            start = now - now % limit.interval_us
            if window.start != start:
                window.start, window.count = start, 0
            count = window.count + orders
            window.count = count if count > 0 else 0


def round_commission(amount: Decimal, precision: int) -> Decimal:
    """Cut a commission to the asset's commission precision.

    Binance documents the precision, not the rounding; cutting off never takes more than the rate says.
    """
    quantum = ONE.scaleb(-precision)
    if amount.same_quantum(quantum):
        return amount
    rounded = amount.quantize(quantum, ROUND_DOWN)
    if rounded != amount:
        return rounded
    exponent = amount.as_tuple().exponent
    return amount if isinstance(exponent, int) and exponent >= -precision else rounded
