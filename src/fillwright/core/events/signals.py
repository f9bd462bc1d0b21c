"""Events of signals, decisions and commands."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from fillwright.core.events.base import Check, Event
from fillwright.core.inputs import Signal
from fillwright.core.types import ClientOrderId, SignalStatus


class SignalReceived(Event, frozen=True):
    """A signal came in and got an id."""

    version: ClassVar[int] = 2

    signal_id: int
    signal: Signal
    key: str


class SignalApproved(Event, frozen=True):
    """Every risk check passed."""

    signal_id: int
    checks: tuple[Check, ...]


class SignalDenied(Event, frozen=True):
    """A risk check refused the signal; ``code`` is the first that failed."""

    signal_id: int
    code: str
    checks: tuple[Check, ...]


class SignalStatusChanged(Event, frozen=True):
    """A signal moved on."""

    signal_id: int
    status: SignalStatus
    reason: str = ""


class DecisionMade(Event, frozen=True):
    """A trader or advisor decided about a signal or position, and why."""

    decision: str
    by: str
    signal_id: int = 0
    position_id: int = 0
    price: Decimal | None = None
    quantity: Decimal | None = None
    confidence: Decimal | None = None
    reasoning: str = ""
    outcome: str = "accepted"
    """accepted, or why it was refused."""


class CommandTaken(Event, frozen=True):
    """A command that brought an idempotency key was taken or refused: what is answered when it comes again."""

    key: str
    """Who commanded, and the key: ``by|key``."""
    command: str
    """ClosePosition | Decision | AdjustProtection | PlaceOrder | Resume"""
    body_hash: str
    """Of the command without its key: another one under the same key is a conflict."""
    ok: bool
    code: str = ""
    """Why it was refused."""
    message: str = ""
    position_id: int = 0
    orders: tuple[ClientOrderId, ...] = ()
