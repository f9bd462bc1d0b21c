"""A real account beside its shadow, the paper account that gets the same signals: what the two are compared by.

A shadow's id is its real account's with a prefix; the key of each of its signals names the real account's signal.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.types import ZERO, AccountId, Asset, ClientOrderId, Mode, Symbol, Time

SHADOW = "shadow-"
"""Before the real account's id: that of its shadow."""
SHADOW_KEY = "shadow:"
"""Before the real signal's id: the key of its twin."""


def shadow_of(account_id: AccountId) -> AccountId:
    """The id of an account's shadow."""
    return SHADOW + account_id


def is_shadow(account_id: AccountId) -> bool:
    """Whether an account is the shadow of another."""
    return account_id.startswith(SHADOW)


def twin_key(signal_id: int) -> str:
    """The key, within its trader, of the shadow's twin of a signal."""
    return f"{SHADOW_KEY}{signal_id}"


def twin_of(key: str) -> int | None:
    """The real signal that a shadow's signal is the twin of; None when its key does not say."""
    number = key.removeprefix(SHADOW_KEY)
    return int(number) if number != key and number.isascii() and number.isdigit() else None


# -- what is compared ----------------------------------------------------------------------------------------------


class OrderExecution(msgspec.Struct, frozen=True, kw_only=True):
    """An order of a signal's position, and how it was executed; times are ours, not the venue's."""

    id: ClientOrderId
    leg: str
    """entry | stop_loss | take_profit | exit"""
    side: str
    order_type: str
    sent_at: Time
    acknowledged_at: Time | None
    """When the venue's word came that it has the order; an execution says so, too."""
    first_fill_at: Time | None
    executed_quantity: Decimal
    executed_quote: Decimal
    commission_quote: Decimal


class SignalExecution(msgspec.Struct, frozen=True, kw_only=True):
    """A signal and how it was executed."""

    signal_id: int
    key: str
    trader_id: str
    symbol: Symbol
    received_at: Time
    status: str
    code: str
    """Why it was denied; '' when it was not."""
    has_position: bool
    is_ended: bool
    """Its position has closed or failed."""
    entry_value: Decimal
    realized_pnl: Decimal
    orders: tuple[OrderExecution, ...]
    """Oldest first."""


# -- what is told --------------------------------------------------------------------------------------------------


class Spread(msgspec.Struct, frozen=True):
    """How values lie: null where there is none. Percentiles are values that were seen (nearest rank)."""

    count: int = 0
    mean: Decimal | None = None
    p50: Decimal | None = None
    p99: Decimal | None = None


class DriftGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The executions of one symbol, leg and order type."""

    symbol: Symbol
    leg: str
    """entry | stop_loss | take_profit | exit"""
    order_type: str
    pairs: int
    """Filled by both."""
    price_bps: Spread
    """How much worse the real average fill price was than the shadow's, in basis points; negative: better."""
    fee_bps: Spread
    """How much more commission was paid for the same value, in basis points; negative: less."""
    fees_real: Decimal
    """Of the pairs, in quote."""
    fees_shadow: Decimal
    ack_ms_real: Spread
    """Signal → acknowledged for entries, order sent → acknowledged for all else, in milliseconds."""
    ack_ms_shadow: Spread
    fill_ms_real: Spread
    """Signal → first fill for entries, order sent → first fill for exits; none for what rests."""
    fill_ms_shadow: Spread
    missed_by_real: int
    """Filled by the shadow alone, and the real position has ended without."""
    missed_by_shadow: int
    """Filled by the real account alone."""
    pending: int
    """Filled by one, and the other's position is open still."""


class DriftDenial(msgspec.Struct, frozen=True, kw_only=True):
    """Signals on which the risk checks of the two accounts did not agree."""

    symbol: Symbol
    code_real: str
    """'' when it was not denied."""
    code_shadow: str
    signals: int


class DriftResult(msgspec.Struct, frozen=True, kw_only=True):
    """What closed positions of one symbol brought, where both accounts have closed theirs."""

    symbol: Symbol
    """'' for all of them."""
    pairs: int
    pnl_real: Decimal
    pnl_shadow: Decimal
    pnl_difference: Decimal
    """Real less shadow, in quote; negative: paper promised too much."""
    return_bps: Spread
    """The same of each pair in basis points of what was entered: sizes may differ."""


class DriftReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a real account fared against its shadow, a paper account that got the same signals."""

    account_id: AccountId
    shadow_id: AccountId
    mode: Mode
    quote_asset: Asset
    since: Time
    """Signals from then on: when the shadow began, or what was asked for, or the oldest of those that are told of."""
    is_cut: bool
    """There are more signals than a report tells of; these are the newest."""
    signals: int
    """Of the real account."""
    shadowed: int
    unshadowed: int
    """That the shadow missed: it was not up, or too much was waiting."""
    groups: tuple[DriftGroup, ...]
    denials: tuple[DriftDenial, ...]
    results: tuple[DriftResult, ...]
    total: DriftResult


NO_SPREAD = Spread()
NOTHING = DriftResult(
    symbol="", pairs=0, pnl_real=ZERO, pnl_shadow=ZERO, pnl_difference=ZERO, return_bps=NO_SPREAD
)
