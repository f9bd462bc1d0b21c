"""Position: one trade idea in the market, its life and its money on average cost. Trading rules §3.

The arithmetic serves both directions. ``cost`` is the cash that went into what is held (negative for shorts: the
cash received). An entry moves cash into cost; an exit releases a share of it, and what is left of its own cash
is realised. So always: sum of realised − cost of what is left = change in cash.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.events import Fill
from fillwright.core.inputs import Quote
from fillwright.core.types import (
    MINUTE,
    SECOND,
    ZERO,
    Asset,
    ClientOrderId,
    Direction,
    PositionStatus,
    Protection,
    Side,
    Symbol,
    Time,
    money,
)

_P = PositionStatus
# Enum members by a name of their own: looking them up in the class costs more than what is done with them.
_LONG, _BUY, _SELL = Direction.LONG, Side.BUY, Side.SELL

TRANSITIONS: dict[PositionStatus, frozenset[PositionStatus]] = {
    # denied before its intent was journaled: failed
    _P.CREATED: frozenset({_P.SUBMITTING, _P.FAILED}),
    # first fill: open; rejected, never arrived, expired or cancelled unfilled: failed
    _P.SUBMITTING: frozenset({_P.SUBMITTING, _P.OPEN, _P.FAILED}),
    # an advisor manages it; an exit goes out; or its coins are gone outside
    _P.OPEN: frozenset({_P.MONITORING, _P.CLOSING, _P.CLOSED}),
    _P.MONITORING: frozenset({_P.OPEN, _P.CLOSING, _P.CLOSED}),
    # an exit that ended with something left is followed by another, at last by protection again
    _P.CLOSING: frozenset({_P.CLOSING, _P.CLOSED, _P.OPEN, _P.MONITORING}),
    # a late fill of the entry: protect at once
    _P.CLOSED: frozenset({_P.OPEN}),
    _P.FAILED: frozenset({_P.OPEN}),
}

BACK_OFF_FIRST: Time = SECOND
BACK_OFF_MAX: Time = MINUTE

ENDED = frozenset({_P.CLOSED, _P.FAILED})
ENTERING = frozenset({_P.CREATED, _P.SUBMITTING})
"""Nothing is bought yet."""
HOLDING = frozenset({_P.OPEN, _P.MONITORING, _P.CLOSING})


class IllegalPositionStep(AssertionError):
    """A step that the position's life does not allow: a bug."""


class Position(msgspec.Struct):
    """One trade idea, from its sizing to its end."""

    id: int
    signal_id: int
    trader_id: str
    symbol: Symbol
    base: Asset
    direction: Direction
    created_at: Time
    updated_at: Time
    requested_quantity: Decimal
    limit_price: Decimal
    decision_quote: Quote
    plan: Protection
    plan_reason: str
    max_loss_quote: Decimal
    entry_market: bool = True
    status: PositionStatus = PositionStatus.CREATED
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    trailing_delta: int | None = None
    trail_distance: Decimal = ZERO

    # what is held and what it cost
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO
    entry_quantity: Decimal = ZERO
    entry_quote: Decimal = ZERO
    exit_quantity: Decimal = ZERO
    exit_quote: Decimal = ZERO
    commissions: dict[Asset, Decimal] = {}
    commission_quote: Decimal = ZERO
    dust_quantity: Decimal = ZERO
    dust_cost: Decimal = ZERO
    closed_outside: Decimal = ZERO
    sold_ahead: Decimal = ZERO
    """Sold by its exits before the entry's executions were heard of: what they bring is not held."""

    # its orders
    entry_order_ids: list[ClientOrderId] = []
    exit_order_ids: list[ClientOrderId] = []
    open_order_ids: list[ClientOrderId] = []
    attempts: dict[str, int] = {}

    # protection and exit
    protection: Protection = Protection.NONE
    stop_order_id: ClientOrderId = ""
    target_order_id: ClientOrderId = ""
    exit_reason: str = ""
    exit_failures: int = 0
    reduce_quantity: Decimal = ZERO
    """What a decision wants sold while the rest stays."""
    exit_blocked: bool = False
    monitoring: bool = False
    protection_failures: int = 0
    taken_stop_id: ClientOrderId = ""
    """The last stop that somebody else has cancelled, and that the books were read for."""
    taken_until: Time = 0
    """So long they are waited for."""
    failed_stop_id: ClientOrderId = ""
    failed_exit_id: ClientOrderId = ""
    """The last failed ones that have been counted."""
    retry_at: Time = 0
    """Before this, failed protection or a failed exit is not tried again."""
    setbacks: int = 0
    """Rounds of failed exits and protection: the exponent of the back-off."""
    reprices: int = 0
    unprotected_since: Time = 0
    unprotected_us: int = 0
    unprotected_last_us: int = 0
    unprotected_spells: int = 0
    moved_at: Time = 0

    # when
    first_fill_at: Time = 0
    last_entry_fill_at: Time = 0
    closed_at: Time = 0
    failure_reason: str = ""
    failure_status: str = ""

    @property
    def entry_side(self) -> Side:
        """The side that builds the position up."""
        return _BUY if self.direction is _LONG else _SELL

    @property
    def exit_side(self) -> Side:
        """The side that winds it down."""
        return _SELL if self.direction is _LONG else _BUY

    @property
    def is_ended(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.status in ENDED

    @property
    def entry_price(self) -> Decimal | None:
        """Average price of the entry's executions, to 18 decimals."""
        return money(self.entry_quote / self.entry_quantity) if self.entry_quantity else None

    @property
    def exit_price(self) -> Decimal | None:
        """Average price of the exit's executions, to 18 decimals."""
        return money(self.exit_quote / self.exit_quantity) if self.exit_quantity else None

    @property
    def back_off(self) -> Time:
        """How long to wait after the next setback: twice as long each time."""
        return min(BACK_OFF_FIRST << min(self.setbacks, 10), BACK_OFF_MAX)

    def set_back(self, retry_at: Time) -> None:
        """Wait until a time before exits and protection are tried again (several setbacks of one moment are one)."""
        if retry_at > self.retry_at:
            self.setbacks += 1
            self.retry_at = retry_at

    def go_on(self) -> None:
        """Forget setbacks: the venue does as it is asked again; a sale that failed waits for its time all the same."""
        if not self.failed_exit_id:
            self.setbacks = self.retry_at = 0

    def move(self, status: PositionStatus) -> None:
        """Take a step of the table; IllegalPositionStep (and no change) when there is none."""
        if status not in TRANSITIONS[self.status]:
            raise IllegalPositionStep(f"position {self.id}: {self.status} to {status}")
        self.status = status

    def take_attempt(self, leg: str) -> None:
        """Count an attempt of a leg, so that the next order of that leg gets a fresh id."""
        self.attempts[leg] = self.attempts.get(leg, 0) + 1

    def next_attempt(self, leg: str) -> int:
        """The number of the next attempt of a leg, from 1."""
        return self.attempts.get(leg, 0) + 1

    def book_fill(self, side: Side, fill: Fill) -> None:
        """Book an execution of one of the position's orders, entry or exit by its side."""
        in_base = fill.commission_asset == self.base
        charged_quote = ZERO if in_base else fill.commission_quote
        charged_base = fill.commission if in_base else ZERO
        if fill.commission:
            asset = fill.commission_asset
            self.commissions[asset] = self.commissions.get(asset, ZERO) + fill.commission
            self.commission_quote += fill.commission_quote
        bought = side is _BUY
        cash = (-fill.quote if bought else fill.quote) - charged_quote
        coins = (fill.quantity if bought else -fill.quantity) - charged_base
        is_long = self.direction is _LONG
        change = coins if is_long else -coins
        if bought is is_long:
            self.entry_quantity += fill.quantity
            self.entry_quote += fill.quote
            self.quantity += change
            self.cost -= cash
            if self.sold_ahead:
                gone = min(self.sold_ahead, self.quantity)
                self.sold_ahead -= gone
                self.realized -= self.release(gone)
            return
        self.exit_quantity += fill.quantity
        self.exit_quote += fill.quote
        if fill.quantity > self.quantity:
            self.sold_ahead += fill.quantity - self.quantity
        self.realized += cash - self.release(-change)

    def release(self, quantity: Decimal) -> Decimal:
        """Take a quantity (at most what is held) out of the position and return its share of the cost."""
        if quantity >= self.quantity:
            share, self.quantity = self.cost, ZERO
        else:
            share = money(self.cost * quantity / self.quantity)
            self.quantity -= quantity
        self.cost -= share
        return share

    def unrealized(self, price: Decimal, exit_fee: Decimal) -> Decimal:
        """Quantity × price − estimated exit fee − cost (shorts mirrored)."""
        value = self.quantity * price
        signed = value if self.direction is Direction.LONG else -value
        return signed - value * exit_fee - self.cost

    def slippage(self) -> Decimal:
        """What the executions cost in quote against the quote at the decision (entry side only; positive is worse)."""
        if not self.entry_quantity:
            return ZERO
        quote = self.decision_quote
        if self.direction is Direction.LONG:
            return self.entry_quote - quote.ask * self.entry_quantity
        return quote.bid * self.entry_quantity - self.entry_quote
