"""Objects of the core as rows of the read models: one function per table, values in the order of its columns.

Members of enumerations are written by ``str``, several times as quick as their ``value``; NULL and truth values as text
and integer, which the driver takes as they are: anything else it offers to adapters first, for as long as two texts.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec

from fillwright.core.events import DecisionMade, Fill, LimitsChanged, Record
from fillwright.core.orders import Order
from fillwright.core.portfolio import Portfolio
from fillwright.core.positions import Position
from fillwright.core.settings import Settings
from fillwright.core.state import Ledger, SignalRecord
from fillwright.core.types import (
    CONTEXT,
    HUNDRED,
    LEG_NAMES,
    ZERO,
    Direction,
    OrderState,
    PositionStatus,
    Time,
    money,
    plain,
)
from fillwright.ports import BalanceView, CommissionView
from fillwright.storage.sql.valuing import unrealized_of

Row = tuple[Any, ...]
NULL = ""
"""Statements make NULL of it in columns that may be NULL (as of None)."""


class Whose(msgspec.Struct, frozen=True, gc=False):
    """The owner of rows, as columns have it."""

    account_id: str
    user_id: str
    mode: str


ORDER_STATES = {
    OrderState.SUBMITTED: "Pending",
    OrderState.UNKNOWN: "Pending",
    OrderState.PENDING_NEW: "PendingNew",
    OrderState.ACCEPTED: "New",
    OrderState.PARTIALLY_FILLED: "PartiallyFilled",
    OrderState.CANCEL_PENDING: "PendingCancel",
    OrderState.FILLED: "Filled",
    OrderState.CANCELLED: "Cancelled",
    OrderState.REJECTED: "Rejected",
    OrderState.EXPIRED: "Expired",
}
"""The core's order states in users' words."""
OPEN_ORDER_STATES = ("Pending", "PendingNew", "New", "PartiallyFilled", "PendingCancel")
OPEN_POSITION_STATUSES = ("created", "submitting", "open", "monitoring", "closing")
OPEN_TRADE_STATUSES = ("PendingOpen", "PartiallyFilled", "Open", "PendingClose")
OPEN_SIGNAL_STATUSES = ("received", "monitoring", "entering", "in_position")
_REJECTED = ("rejected", "never_arrived", "denied")

_encode = msgspec.json.Encoder().encode
_has_exponent = re.compile("E[-+]").search  # several times as quick as two searches for two characters


def text(number: Decimal) -> str:
    """``core.types.plain``, quicker for the many numbers that are zero, or plain but for zeros at their end."""
    if not number:
        return "0"
    written = str(number)
    if "E" in written:
        return plain(number)
    return written.rstrip("0").rstrip(".") if "." in written else written


def maybe(number: Decimal | None) -> str:
    """A number's text, NULL without a number."""
    return NULL if number is None else text(number)


def percent(part: Decimal, whole: Decimal) -> Decimal:
    """Part of the whole in percent, to 18 decimals; 0 of nothing."""
    return money(CONTEXT.divide(CONTEXT.multiply(part, HUNDRED), whole)) if whole else ZERO


def result_percent(position: Position, unrealized: Decimal) -> Decimal:
    """What a trade has made, of the entry's value."""
    return percent(position.realized + unrealized, position.entry_quote)


def document(value: Any) -> str:
    """JSON text; numbers in it are plain decimal texts."""
    written = _encode(value).decode()
    if _has_exponent(written):  # rare: only then is it worth a walk through the fields
        return _encode(_plain_numbers(msgspec.to_builtins(value, builtin_types=(Decimal,)))).decode()
    return written


def _plain_numbers(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dict):
        return {key: _plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_numbers(item) for item in value]
    return value


def signal_row(whose: Whose, record: SignalRecord, seq: int | None) -> Row:
    """A row of ``signals``."""
    signal = record.signal
    return (
        whose.account_id,
        record.id,
        record.key.removeprefix(f"{signal.trader_id}|"),
        signal.trader_id,
        signal.symbol,
        str(signal.side),
        str(signal.decision),
        text(signal.confidence),
        document(signal.entry),
        maybe(signal.stop_loss),
        maybe(signal.take_profit),
        NULL if signal.size is None else document(signal.size),
        signal.interval,
        signal.expires_at or NULL,
        signal.reasoning,
        document(signal.metadata),
        str(record.status),
        record.reason,
        record.position_id or NULL,
        record.received_at,
        seq,
        whose.user_id,
        whose.mode,
        signal.created_at,
        record.updated_at,
    )


def order_row(whose: Whose, order: Order) -> Row:
    """A row of ``orders``."""
    return (
        whose.account_id,
        order.id,
        order.exchange_order_id or NULL,
        NULL if order.order_list_id == -1 else order.order_list_id,
        order.position_id or NULL,
        LEG_NAMES[order.leg],
        order.symbol,
        str(order.side),
        str(order.type),
        NULL if order.time_in_force is None else str(order.time_in_force),
        maybe(order.quantity),
        text(order.executed_quantity),
        text(order.executed_quote),
        text(order.remaining),
        maybe(order.price),
        maybe(order.stop_price),
        order.trailing_delta or NULL,
        maybe(order.average_price),
        ORDER_STATES[order.state],
        int(order.doubt is not None),
        order.reject_code or NULL,
        order.reject_reason or NULL,
        order.expiry_reason or NULL,
        order.attempt,
        order.submitted_at,
        whose.user_id,
        whose.mode,
        order.submitted_at,
        order.updated_at,
    )


def fill_row(whose: Whose, order: Order, fill: Fill, now: Time) -> Row:
    """A row of ``fills``."""
    return (
        whose.account_id,
        order.symbol,
        fill.trade_id,
        order.id,
        order.position_id or NULL,
        str(order.side),
        text(fill.price),
        text(fill.quantity),
        text(fill.quote),
        text(fill.commission),
        fill.commission_asset,
        text(fill.commission_quote),
        int(fill.is_maker),
        fill.time,
        whose.user_id,
        whose.mode,
        now,
        now,
    )


class Valuation(msgspec.Struct, gc=False):
    """What is derived of a position for its row and its trade's alike."""

    price: str
    unrealized: Decimal
    entry_price: str
    exit_price: str


def value_of(position: Position, ledger: Ledger) -> Valuation:
    """Value a position at the last price; one that has ended has none."""
    price = None if position.is_ended else ledger.state.prices.get(position.symbol)
    return Valuation(
        maybe(price), unrealized_of(position, ledger), maybe(position.entry_price), maybe(position.exit_price)
    )


def position_row(whose: Whose, position: Position, valued: Valuation) -> Row:
    """A row of ``positions``, but in place of ``order_list_id`` where to look it up: the stop's account and id."""
    return (
        whose.account_id,
        position.id,
        position.signal_id or NULL,
        position.trader_id,
        position.symbol,
        "LONG" if position.direction is Direction.LONG else "SHORT",
        str(position.status),
        text(position.quantity),
        text(position.requested_quantity),
        valued.entry_price,
        valued.exit_price,
        valued.price,
        text(valued.unrealized),
        text(position.realized),
        maybe(position.stop_loss),
        maybe(position.take_profit),
        position.trailing_delta or NULL,
        position.stop_order_id or NULL,
        position.target_order_id or NULL,
        whose.account_id,
        position.stop_order_id,
        document(position.entry_order_ids),
        document(position.exit_order_ids),
        str(position.protection),
        str(position.plan),
        position.plan_reason,
        int(position.exit_blocked),
        text(Decimal(position.unprotected_us).scaleb(-3)),
        position.unprotected_since or NULL,
        position.unprotected_spells,
        text(position.cost),
        text(position.dust_quantity),
        text(position.dust_cost),
        text(position.max_loss_quote),
        position.exit_reason or NULL,
        position.failure_reason or NULL,
        position.closed_at or NULL,
        whose.user_id,
        whose.mode,
        position.created_at,
        position.updated_at,
    )


def trade_status(position: Position) -> str:
    """The status of a trade, from its position's."""
    status = position.status
    if status in (PositionStatus.CREATED, PositionStatus.SUBMITTING):
        return "PendingOpen"
    if status in (PositionStatus.OPEN, PositionStatus.MONITORING):
        working = any(name in position.open_order_ids for name in position.entry_order_ids)
        return "PartiallyFilled" if working else "Open"
    if status is PositionStatus.CLOSING:
        return "PendingClose"
    if status is PositionStatus.CLOSED:
        return "Closed"
    return "Rejected" if position.failure_status in _REJECTED else "Cancelled"


def trade_row(
    whose: Whose, position: Position, entry: Order | None, confidence: Decimal | None, valued: Valuation
) -> Row:
    """A row of ``paper_trades`` or ``real_trades``; without its entry, that of the stored row stays."""
    has_result = bool(position.exit_quantity) or position.status is PositionStatus.CLOSED
    return (
        whose.account_id,
        position.id,
        NULL if entry is None else entry.exchange_order_id or NULL,
        "" if entry is None else entry.id,
        position.trader_id,
        position.symbol,
        "Long" if position.direction is Direction.LONG else "Short",
        trade_status(position),
        valued.entry_price,
        valued.exit_price,
        text(position.entry_quantity),
        text(position.exit_quantity),
        text(position.requested_quantity),
        text(position.entry_quote),
        text(position.exit_quote) if position.exit_quantity else NULL,
        1,
        maybe(position.stop_loss),
        maybe(position.take_profit),
        position.stop_order_id or NULL,
        position.target_order_id or NULL,
        text(valued.unrealized),
        text(position.realized) if has_result else NULL,
        text(result_percent(position, valued.unrealized)),
        text(position.commission_quote),
        document([CommissionView(asset, amount) for asset, amount in position.commissions.items()]),
        text(position.slippage()),
        position.exit_reason or position.failure_reason or NULL,
        position.created_at,
        position.first_fill_at or NULL,
        position.closed_at or NULL,
        position.signal_id or NULL,
        maybe(confidence),
        whose.user_id,
        whose.mode,
        position.created_at,
        position.updated_at,
    )


def portfolio_row(whose: Whose, ledger: Ledger, now: Time, total: Decimal) -> Row:
    """A row of ``paper_portfolios`` or ``real_portfolios``; ``now`` is its ``created_at`` if it is new."""
    state = ledger.state
    portfolio = state.portfolio
    quote = portfolio.balances.get(portfolio.quote_asset)
    equity, exposure = portfolio.equity_and_exposure(state.prices)
    available = locked = ZERO
    if quote is None:
        equity = ZERO
    else:  # asking the portfolio for a balance that it lacks would make one
        available, locked = portfolio.available(), quote.locked
    return (
        whose.account_id,
        portfolio.quote_asset,
        text(equity),
        text(available),
        text(locked),
        document(balances(portfolio)),
        text(total),
        text(equity - portfolio.day_start_equity),
        portfolio.trades,
        portfolio.wins,
        portfolio.losses,
        text(percent(Decimal(portfolio.wins), Decimal(portfolio.wins + portfolio.losses))),
        text(money(portfolio.drawdown_max_percent)),
        text(exposure),
        len(ledger.open_positions),
        state.reconciled_at or NULL,
        whose.user_id,
        whose.mode,
        now,
        state.time,
    )


def balances(portfolio: Portfolio) -> list[BalanceView]:
    """Balances that are not empty, by asset."""
    return [
        BalanceView(asset, balance.free, balance.locked)
        for asset, balance in sorted(portfolio.balances.items())
        if balance.free or balance.locked
    ]


def settings_row(whose: Whose, settings: Settings, now: Time) -> Row:
    """A row of ``paper_trading_settings`` or ``real_trading_settings``."""
    return (whose.account_id, document(settings), whose.user_id, whose.mode, now, now)


def limits_row(whose: Whose, change: LimitsChanged, now: Time) -> Row:
    """A row of ``risk_limits``."""
    return (
        whose.account_id,
        change.trader_id,
        change.symbol,
        document(change.limits),
        whose.user_id,
        whose.mode,
        now,
        now,
    )


def decision_row(whose: Whose, record: Record) -> Row:
    """A row of ``decisions``."""
    event = record.event
    assert isinstance(event, DecisionMade)
    return (
        whose.account_id,
        record.seq,
        event.decision,
        event.by,
        event.signal_id or NULL,
        event.position_id or NULL,
        maybe(event.price),
        maybe(event.quantity),
        maybe(event.confidence),
        event.reasoning,
        event.outcome,
        whose.user_id,
        whose.mode,
        record.time,
        record.time,
    )


Mark = tuple[int, Time, Decimal, Decimal, Decimal, Decimal]
"""seq, time, equity, peak, drawdown in percent, realised: as they were when the mark was taken."""


def pnl_row(whose: Whose, mark: Mark) -> Row:
    """A row of ``pnl_snapshots``."""
    seq, time, equity, peak, drawdown_percent, realized = mark
    return (
        whose.account_id,
        seq,
        time,
        text(equity),
        text(peak),
        text(money(drawdown_percent)),
        text(realized),
    )
