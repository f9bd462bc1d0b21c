"""Entry plans: how a position's entry and protection go to the venue, and what every leg will be."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.types import Direction, OrderType, Protection, Symbol


class Draft(msgspec.Struct, kw_only=True, gc=False):
    """An entry as it would leave, before the risk checks have judged it."""

    trader_id: str
    symbol: Symbol
    direction: Direction
    entry_market: bool
    """A market signal: FOK limit inside a list (plans 1, 2), MARKET otherwise."""
    limit_price: Decimal
    """The worst price the entry may pay; sizing and reservation use it."""
    quantity: Decimal
    """Floored to the step; 0 when nothing may be bought."""
    plan: Protection
    plan_reason: str
    stop_loss: Decimal | None = None
    """Aligned to the tick, upwards."""
    take_profit: Decimal | None = None
    """Aligned to the tick, downwards."""
    trailing_delta: int | None = None
    stop_type: OrderType = OrderType.STOP_LOSS
    stop_limit_price: Decimal | None = None
    """Only for STOP_LOSS_LIMIT."""
    target_type: OrderType | None = None
    algo_slots: int = 1
    """Legs that use a slot of MAX_NUM_ALGO_ORDERS."""
    orders: int = 2
    """Orders it adds to MAX_NUM_ORDERS and to the venue's order count."""
    lists: int = 1
    risk_amount: Decimal
    """Quote at risk that sizing aimed at."""
    clipped_by: str = ""
    """The limit that made it smaller than the risk amount allows; '' if none."""
