"""Order and its transition table.

The table admits what venues do: a fill before the acknowledgement, a fill that beats the cancel, a late fill of an
order that had ended, a report about an order that was thought never to have arrived. What it does not admit changes
nothing: a venue's impossible report becomes an anomaly, an illegal step of ours raises. Trading rules §2.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum, unique

import msgspec

from fillwright.core.events import Fill
from fillwright.core.types import (
    FINAL_STATES,
    ZERO,
    ClientOrderId,
    Leg,
    ListKind,
    OrderState,
    OrderType,
    SelfTradePrevention,
    Side,
    Symbol,
    Time,
    TimeInForce,
    money,
)


@unique
class Step(StrEnum):
    """What may happen to an order."""

    PENDED = "pended"
    PLACED = "placed"
    PART_FILLED = "part_filled"
    FILLED = "filled"
    CANCEL_REQUESTED = "cancel_requested"
    CANCEL_REFUSED = "cancel_refused"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    DOUBTED = "doubted"


EXIT_LEGS = (Leg.STOP_LOSS, Leg.TAKE_PROFIT, Leg.EXIT)
"""Legs that sell what a position holds."""

_S = OrderState
# Enum members by a name of their own: looking them up in the class costs more than what is done with them.
_ACCEPTED, _PARTIALLY_FILLED, _REJECTED, _UNKNOWN = _S.ACCEPTED, _S.PARTIALLY_FILLED, _S.REJECTED, _S.UNKNOWN
_CANCEL_REFUSED, _FILLED, _PART_FILLED = Step.CANCEL_REFUSED, Step.FILLED, Step.PART_FILLED
_ENDS = {
    Step.CANCELLED: _S.CANCELLED,
    Step.REJECTED: _S.REJECTED,
    Step.EXPIRED: _S.EXPIRED,
    Step.FILLED: _S.FILLED,
}
_NEWS = {
    Step.PENDED: _S.PENDING_NEW,
    Step.PLACED: _S.ACCEPTED,
    Step.PART_FILLED: _S.PARTIALLY_FILLED,
    **_ENDS,
}
_OURS = {Step.CANCEL_REQUESTED: _S.CANCEL_PENDING, Step.DOUBTED: _S.UNKNOWN}

TRANSITIONS: dict[OrderState, dict[Step, OrderState]] = {
    # Sent, nothing heard: any news may be the first.
    _S.SUBMITTED: {**_NEWS, **_OURS},
    _S.UNKNOWN: {**_NEWS, **_OURS},
    # A list's leg that waits; it may be released and filled in one report.
    _S.PENDING_NEW: {**_NEWS, **_OURS},
    _S.ACCEPTED: {Step.PART_FILLED: _S.PARTIALLY_FILLED, **_ENDS, **_OURS},
    _S.PARTIALLY_FILLED: {Step.PART_FILLED: _S.PARTIALLY_FILLED, **_ENDS, **_OURS},
    # The cancel may lose to a fill, or be refused while the order works on.
    _S.CANCEL_PENDING: {
        Step.PART_FILLED: _S.CANCEL_PENDING,
        Step.PENDED: _S.CANCEL_PENDING,
        Step.PLACED: _S.CANCEL_PENDING,
        Step.CANCEL_REQUESTED: _S.CANCEL_PENDING,
        Step.CANCEL_REFUSED: _S.ACCEPTED,
        Step.DOUBTED: _S.CANCEL_PENDING,
        **_ENDS,
    },
    # Ended, but a late report may still tell of an execution.
    _S.CANCELLED: {Step.PART_FILLED: _S.CANCELLED, Step.FILLED: _S.FILLED},
    _S.EXPIRED: {Step.PART_FILLED: _S.EXPIRED, Step.FILLED: _S.FILLED},
    _S.FILLED: {},
    # Only an order that was thought never to have arrived can come back (see ``Order.may``).
    _S.REJECTED: {**_NEWS},
}


class IllegalOrderStep(AssertionError):
    """A step of ours that the table does not allow: a bug."""


class Doubt(msgspec.Struct, gc=False):
    """What is known of an order whose outcome is unknown."""

    request: str
    """place | cancel | replace"""
    since: Time
    reason: str
    tries: int = 0
    next_at: Time = 0
    not_found: int = 0
    """So often since it cannot be under way any more."""
    not_found_at: Time = 0


class Order(msgspec.Struct):
    """An order of ours (or one adopted), from its intent to its end."""

    id: ClientOrderId
    position_id: int
    leg: Leg
    attempt: int
    symbol: Symbol
    side: Side
    type: OrderType
    submitted_at: Time
    updated_at: Time
    record: int = 0
    """The seq of the record that submitted it: the cause of what its reports lead to."""
    state: OrderState = OrderState.SUBMITTED
    quantity: Decimal | None = None
    """None: a pending OPO leg whose size the exchange has not set yet."""
    price: Decimal | None = None
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    time_in_force: TimeInForce | None = None
    stp: SelfTradePrevention | None = None
    list_id: ClientOrderId = ""
    list_kind: ListKind | None = None
    replaces: ClientOrderId = ""
    exchange_order_id: int = 0
    order_list_id: int = -1
    executed_quantity: Decimal = ZERO
    executed_quote: Decimal = ZERO
    fills: list[Fill] = []
    reserve: Decimal = ZERO
    """Quote set aside when it was submitted, and what of it is still set aside; not yet seen by the venue."""
    reserved: Decimal = ZERO
    in_flight: Decimal = ZERO
    reject_code: int = 0
    reject_reason: str = ""
    expiry_reason: str = ""
    never_arrived: bool = False
    retryable: bool = False
    """Whether the rejection was of a kind that may pass (clock, rate, overload)."""
    retry_at: Time = 0
    """When the venue takes its kind again, if it said so."""
    accepted_at: Time = 0
    cancel_id: ClientOrderId = ""
    cancel_requested_at: Time = 0
    cancel_reason: str = ""
    amend_to: Decimal | None = None
    amend_refused: bool = False
    """Whether the venue will not reduce it in place."""
    doubt: Doubt | None = None
    resends: int = 0

    @property
    def is_final(self) -> bool:
        """Whether the order has ended."""
        return self.state in FINAL_STATES

    @property
    def is_live(self) -> bool:
        """Whether the order is known to work at the venue now (a pending leg is not live)."""
        return self.state is _ACCEPTED or self.state is _PARTIALLY_FILLED

    @property
    def remaining(self) -> Decimal:
        """What is still to be executed; 0 while the size is not known."""
        return self.quantity - self.executed_quantity if self.quantity is not None else ZERO

    @property
    def average_price(self) -> Decimal | None:
        """Quote ÷ quantity of what was executed, to 18 decimals; None without executions."""
        return money(self.executed_quote / self.executed_quantity) if self.executed_quantity else None

    def has_fill(self, trade_id: int) -> bool:
        """Whether an execution is known already."""
        for fill in self.fills:  # noqa: SIM110 - most orders have none: a generator costs more than that
            if fill.trade_id == trade_id:
                return True
        return False

    def may(self, step: Step) -> bool:
        """Whether the table admits a step now."""
        state = self.state
        return step in TRANSITIONS[state] and (state is not _REJECTED or self.never_arrived)

    def move(self, step: Step) -> None:
        """Take a step of the table; IllegalOrderStep (and no change) when there is none."""
        if not self.may(step):
            raise IllegalOrderStep(f"order {self.id}: {step} in state {self.state}")
        before = self.state
        if step is _CANCEL_REFUSED:
            self.state = self._before_cancel()
        else:
            self.state = TRANSITIONS[before][step]
            if self.state is _ACCEPTED and self.executed_quantity:
                self.state = _PARTIALLY_FILLED
        if self.doubt is not None and (
            self.state in FINAL_STATES
            or step is _CANCEL_REFUSED
            or (before is _UNKNOWN and step not in _OURS)
        ):
            self.doubt = None

    def _before_cancel(self) -> OrderState:
        """What the order is again when its cancel was refused: a leg that waits is not live for that."""
        if self.executed_quantity:
            return OrderState.PARTIALLY_FILLED
        if self.accepted_at:
            return OrderState.ACCEPTED
        return OrderState.PENDING_NEW if self.exchange_order_id else OrderState.SUBMITTED

    def add_fill(self, fill: Fill, complete: bool) -> None:
        """Book an execution."""
        self.move(_FILLED if complete else _PART_FILLED)
        self.fills.append(fill)
        self.executed_quantity += fill.quantity
        self.executed_quote += fill.quote
