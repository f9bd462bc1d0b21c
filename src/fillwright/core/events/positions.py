"""Events of positions and their protection."""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.events.base import Event
from fillwright.core.inputs import Quote
from fillwright.core.types import ZERO, ClientOrderId, Direction, Protection, Symbol, Time


class PositionCreated(Event, frozen=True):
    """A trade idea was approved and sized; its first order follows."""

    position_id: int
    signal_id: int
    trader_id: str
    symbol: Symbol
    direction: Direction
    quantity: Decimal
    limit_price: Decimal
    plan: Protection
    plan_reason: str
    max_loss_quote: Decimal
    quote: Quote
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    trailing_delta: int | None = None
    trail_distance: Decimal = ZERO
    """Of a trailing stop: its distance as a fraction of the price; 0: it does not trail."""
    entry_market: bool = True


class PositionOpened(Event, frozen=True):
    """The first execution of an entry."""

    position_id: int


class PositionUpdated(Event, frozen=True):
    """Levels, plan or management of a position changed (absent: as before)."""

    position_id: int
    reason: str
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    plan: Protection | None = None
    monitoring: bool | None = None
    exit_blocked: bool | None = None
    limit_price: Decimal | None = None
    quantity: Decimal | None = None
    """What the entry asks for now (tried again at a fresh quote)."""
    trailing_delta: int | None = None


class PositionClosing(Event, frozen=True):
    """The position is on its way out: an exit was decided, or a protective order triggered."""

    position_id: int
    reason: str


class PositionReopened(Event, frozen=True):
    """A closing, closed or failed position holds coins that must be protected again."""

    position_id: int
    reason: str


class PositionReduceRequested(Event, frozen=True):
    """A part of the position is to be sold while the rest stays protected (0: no longer)."""

    position_id: int
    quantity: Decimal
    reason: str


class PositionReduced(Event, frozen=True):
    """Coins of a position are gone without an order of ours (sold or moved outside)."""

    position_id: int
    quantity: Decimal
    reason: str
    cost: Decimal = ZERO


class PositionProtected(Event, frozen=True):
    """The whole sellable quantity has a live stop; for how long it had none since the entry's last fill."""

    position_id: int
    stop_order_id: ClientOrderId
    unprotected_us: int
    target_order_id: ClientOrderId = ""
    protection: Protection = Protection.STOP


class PositionUnprotected(Event, frozen=True):
    """A sellable quantity has no live stop."""

    position_id: int
    reason: str


class StopTakenAway(Event, frozen=True):
    """Somebody else has cancelled a stop, and the account has coins of the kind beside: the books are read first.

    Whoever did it may be selling the coins; a new stop would rest on those that no position owns.
    """

    position_id: int
    order_id: ClientOrderId
    until: Time


class ProtectionFailed(Event, frozen=True):
    """An attempt to place protection failed; after two the position is sold (or a person told)."""

    position_id: int
    failures: int
    reason: str
    retry_at: Time = 0
    order_id: ClientOrderId = ""


class ExitFailed(Event, frozen=True):
    """An attempt to sell ended with something sellable left."""

    position_id: int
    failures: int
    reason: str
    retry_at: Time = 0
    order_id: ClientOrderId = ""


class PositionClosed(Event, frozen=True):
    """Nothing sellable is left; what remains is dust at its cost."""

    position_id: int
    pnl: Decimal
    reason: str
    dust_quantity: Decimal = ZERO
    dust_cost: Decimal = ZERO


class PositionFailed(Event, frozen=True):
    """No coin was ever bought."""

    position_id: int
    reason: str
    status: str
    """denied | rejected | never_arrived | expired | cancelled"""
