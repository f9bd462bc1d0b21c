"""Records as users see them, from the read models: names and shapes of the API, of the command line, of reports.

Amounts are exact; averages, percentages and ratios are derived to 18 decimals. Times are microseconds UTC. Percentages
are plain percent (1 = 1 %). What an account does not have yet is None.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

from fillwright.core.events import Check, Record
from fillwright.core.inputs import Entry, Size
from fillwright.core.settings import RiskLimits
from fillwright.core.types import AccountId, Asset, ClientOrderId, Mode, Symbol, Time

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A part of a listing, newest first, and the cursor of the next part (None: this was the last)."""

    items: tuple[T, ...]
    next_cursor: str | None = None


class SignalView(msgspec.Struct, frozen=True, kw_only=True):
    """A signal and what became of it."""

    id: int
    key: str
    trader_id: str
    symbol: Symbol
    side: str
    """long | short"""
    decision: str
    confidence: Decimal
    entry: Entry
    stop_loss: Decimal | None
    take_profit: Decimal | None
    size: Size | None
    interval: str
    created_at: Time
    """The caller's."""
    received_at: Time
    expires_at: Time | None
    reasoning: str
    metadata: dict[str, str]
    status: str
    status_reason: str
    """The code of the check when denied."""
    position_id: int | None
    updated_at: Time
    account_id: AccountId
    user_id: str
    mode: Mode


class FillView(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of an order."""

    trade_id: int
    symbol: Symbol
    order_id: ClientOrderId
    position_id: int | None
    side: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: Asset
    commission_quote: Decimal
    is_maker: bool
    timestamp: Time


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order; ``state`` is Pending, PendingNew, New, PartiallyFilled, Filled, PendingCancel, Cancelled, Rejected or
    Expired.
    """

    id: ClientOrderId
    exchange_order_id: int | None
    order_list_id: int | None
    position_id: int | None
    leg: str
    """entry | stop_loss | take_profit | exit | manual"""
    symbol: Symbol
    side: str
    order_type: str
    time_in_force: str | None
    original_quantity: Decimal | None
    """None: a pending leg that the exchange has not sized yet."""
    executed_quantity: Decimal
    executed_quote: Decimal
    remaining_quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    trailing_delta: int | None
    average_fill_price: Decimal | None
    state: str
    in_doubt: bool
    reject_code: int | None
    reject_reason: str | None
    expiry_reason: str | None
    attempt: int
    sent_at: Time | None
    created_at: Time
    updated_at: Time
    account_id: AccountId
    user_id: str
    mode: Mode
    fills: tuple[FillView, ...] = ()
    """Filled in where one order is asked for; listings leave it empty."""


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    """One trade idea in the market."""

    id: int
    signal_id: int | None
    trader_id: str
    symbol: Symbol
    side: str
    """LONG | SHORT"""
    status: str
    """created | submitting | open | monitoring | closing | closed | failed"""
    quantity: Decimal
    requested_quantity: Decimal
    entry_price: Decimal | None
    exit_price: Decimal | None
    current_price: Decimal | None
    """The journal's last price: of a mark or an execution."""
    unrealized_pnl: Decimal
    realized_pnl: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    trailing_delta: int | None
    stop_loss_order_id: ClientOrderId | None
    take_profit_order_id: ClientOrderId | None
    order_list_id: int | None
    entry_order_ids: tuple[ClientOrderId, ...]
    exit_order_ids: tuple[ClientOrderId, ...]
    protection: str
    """How stop and target rest at the venue: opoco | opo | otoco | oto | oco | stop | none."""
    plan: str
    """How they were meant to go there, and why so."""
    plan_reason: str
    exit_blocked: bool
    """The symbol does not trade now."""
    unprotected_ms: Decimal
    """In all, from an entry's last fill to the stop leg's being live."""
    unprotected_since: Time | None
    unprotected_spells: int
    cost: Decimal
    dust_quantity: Decimal
    dust_cost: Decimal
    max_loss_quote: Decimal
    exit_reason: str | None
    failure_reason: str | None
    closed_at: Time | None
    created_at: Time
    updated_at: Time
    account_id: AccountId
    user_id: str
    mode: Mode


class CommissionView(msgspec.Struct, frozen=True):
    """What was paid in one asset."""

    asset: Asset
    amount: Decimal


class TradeView(msgspec.Struct, frozen=True, kw_only=True):
    """The user's record of one position, from its first order on; the id is the position's."""

    id: int
    binance_order_id: int | None
    client_order_id: ClientOrderId
    """The entry that was executed, or else the last one tried."""
    trader_id: str
    symbol: Symbol
    trade_type: str
    """Long | Short"""
    status: str
    """PendingOpen | PartiallyFilled | Open | PendingClose | Closed | Cancelled | Rejected"""
    entry_price: Decimal | None
    exit_price: Decimal | None
    quantity: Decimal
    """Executed by the entry."""
    exit_quantity: Decimal
    requested_quantity: Decimal
    entry_value: Decimal
    exit_value: Decimal | None
    leverage: int
    stop_loss: Decimal | None
    take_profit: Decimal | None
    stop_loss_order_id: ClientOrderId | None
    take_profit_order_id: ClientOrderId | None
    unrealized_pnl: Decimal
    realized_pnl: Decimal | None
    pnl_percentage: Decimal
    """Realised and unrealised, in percent of the entry's value."""
    commission_paid: Decimal
    """In quote, at the value of each execution's moment."""
    commissions: tuple[CommissionView, ...]
    slippage: Decimal
    """Quote paid for the entry beyond the quote at the decision; negative: better."""
    exit_reason: str | None
    order_time: Time
    fill_time: Time | None
    """Of the entry's first execution."""
    close_time: Time | None
    ai_signal_id: int | None
    ai_confidence: Decimal | None
    created_at: Time
    updated_at: Time
    account_id: AccountId
    user_id: str
    mode: Mode


class BalanceView(msgspec.Struct, frozen=True):
    """The venue's balance of one asset."""

    asset: Asset
    free: Decimal
    locked: Decimal


class PortfolioView(msgspec.Struct, frozen=True, kw_only=True):
    """An account's money; amounts in its quote asset."""

    user_id: str
    account_id: AccountId
    mode: Mode
    quote_asset: Asset
    balance: Decimal
    """Equity: quote free and locked, and the coins of positions at the last price."""
    available_balance: Decimal
    locked_balance: Decimal
    balances: tuple[BalanceView, ...]
    total_pnl: Decimal
    """Realised by all positions, and unrealised of those that are open."""
    daily_pnl: Decimal
    total_trades: int
    winning_trades: int
    losing_trades: int
    win_rate: Decimal
    max_drawdown: Decimal
    """In percent of the peak, by marks."""
    exposure: Decimal
    positions_open: int
    last_sync_time: Time | None
    created_at: Time
    updated_at: Time


class EquityPoint(msgspec.Struct, frozen=True):
    """Equity at a mark."""

    seq: int
    time: Time
    equity: Decimal
    drawdown_percent: Decimal


class DecisionView(msgspec.Struct, frozen=True, kw_only=True):
    """What a trader, advisor or operator decided, and what came of it."""

    seq: int
    created_at: Time
    decision: str
    by: str
    signal_id: int | None
    position_id: int | None
    price: Decimal | None
    quantity: Decimal | None
    confidence: Decimal | None
    reasoning: str
    outcome: str


class LimitsView(msgspec.Struct, frozen=True):
    """Limits of a trader or symbol ('' = all)."""

    trader_id: str
    symbol: Symbol
    limits: RiskLimits


class DenialCount(msgspec.Struct, frozen=True):
    """How often a check's code was the reason against a signal, or against an order of its own."""

    code: str
    signals: int
    orders: int


class Verdict(msgspec.Struct, frozen=True):
    """The risk checks' answer about a signal (or one of its later orders): every check with value and limit."""

    seq: int
    time: Time
    approved: bool
    code: str
    """'' when approved."""
    checks: tuple[Check, ...]


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the journal tells of one signal."""

    signal: SignalView
    verdicts: tuple[Verdict, ...]
    chain: tuple[Record, ...]
    """The signal's record and all that followed from it: by cause, or about its position and orders."""
    position: PositionView | None
    trade: TradeView | None
    orders: tuple[OrderView, ...]
