"""Situation: all that sizing and the risk checks look at when an entry or a manual order is judged."""

from __future__ import annotations

import decimal
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from fillwright.core.events import Check
from fillwright.core.inputs import PlaceOrder, Quote
from fillwright.core.instruments import Instrument
from fillwright.core.plans import Draft
from fillwright.core.portfolio import Portfolio
from fillwright.core.positions import Position
from fillwright.core.risk.limits import Combined
from fillwright.core.state import Ledger, SignalRecord
from fillwright.core.types import ZERO, Symbol, Time

SHORT = decimal.Context(prec=6, rounding=decimal.ROUND_HALF_EVEN)
"""Percentages are shown to six digits; what decides is compared exactly, without division."""
MICRO = Decimal("0.000001")
NO_QUOTE = "no quote"
NO_DRAFT = "no entry could be planned"


class _Numbers(dict[int, Decimal]):
    def __missing__(self, number: int) -> Decimal:
        return Decimal(number)


NUMBERS: Mapping[int, Decimal] = _Numbers({number: Decimal(number) for number in range(1024)})
"""Counts as they are shown: small ones are looked up, because a conversion costs more than a check."""


class Room(msgspec.Struct, frozen=True, gc=False):
    """What the account has and holds when an entry is sized and judged, in quote."""

    equity: Decimal
    available: Decimal
    exposure_symbol: Decimal = ZERO
    exposure_total: Decimal = ZERO
    exposure_trader: Decimal = ZERO
    held: Decimal = ZERO
    """What the position that is added to is worth."""


def room_for(
    draft: Draft, portfolio: Portfolio, bids: Mapping[Symbol, Decimal], position: Position | None = None
) -> Room:
    """Look up what the account, and the position to be added to, has and holds."""
    equity, exposure = portfolio.equity_and_exposure(bids)
    return Room(
        equity,
        portfolio.available(),
        portfolio.exposure_symbol(draft.symbol, bids),
        exposure,
        portfolio.exposure_trader(draft.trader_id, bids),
        position.quantity * bids[draft.symbol] if position is not None else ZERO,
    )


class Situation(msgspec.Struct):
    """An entry about to leave, and the world around it.

    A signal's entry brings ``signal``, a manual order ``order``, an addition to an open position ``position``.
    """

    ledger: Ledger
    limits: Combined
    instrument: Instrument | None
    """None: the venue does not know the symbol."""
    quote: Quote | None
    bids: Mapping[Symbol, Decimal]
    """The bid of every symbol that positions hold."""
    draft: Draft | None
    """None: no entry could be planned (no quote, unknown symbol)."""
    now: Time
    room: Room | None = None
    """What sizing found (``size_draft`` returns it), so that it is not looked up twice."""
    average: Decimal | None = None
    """The venue's average price of the symbol, if known."""
    signal: SignalRecord | None = None
    order: PlaceOrder | None = None
    position: Position | None = None

    @property
    def symbol(self) -> Symbol:
        """The symbol to be traded."""
        if self.signal is not None:
            return self.signal.signal.symbol
        if self.order is not None:
            return self.order.symbol
        return self.draft.symbol if self.draft is not None else ""


class Assessment(msgspec.Struct, frozen=True, gc=False):
    """Every check in order, and the code of the first that failed (None: approved)."""

    checks: tuple[Check, ...]
    code: str | None = None
