"""Sizing: risk amount ÷ loss per coin, clipped by every size limit and by balance, floored to the step.

The loss per coin counts the limit price (the worst entry) and the commission both ways. A signal may ask for an amount
of quote or a percentage of equity at risk; neither goes beyond the limits. Trading rules §5.
"""

from __future__ import annotations

import decimal
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from fillwright.core.inputs import Signal, Size
from fillwright.core.instruments import Instrument
from fillwright.core.plans import Draft
from fillwright.core.positions import Position
from fillwright.core.risk.exposure_checks import BNB
from fillwright.core.risk.limits import PERCENT, Combined
from fillwright.core.risk.situation import Room, room_for
from fillwright.core.rollout import CAP_NAME
from fillwright.core.state import Ledger
from fillwright.core.types import ONE, ZERO, Symbol, floor_to

BALANCE = "balance"
"""``clipped_by`` when the free balance was the narrowest limit."""
_DOWN = decimal.Context(prec=40, rounding=decimal.ROUND_DOWN)
"""Quotients are cut off, so that no limit is exceeded by a rounding."""


class Sized(msgspec.Struct, frozen=True, gc=False):
    """A quantity, the quote at risk that it aimed at, and the limit that made it smaller ('' if none)."""

    quantity: Decimal
    risk_amount: Decimal
    clipped_by: str = ""


def size(
    limits: Combined,
    instrument: Instrument,
    room: Room,
    limit_price: Decimal,
    stop_loss: Decimal | None,
    wanted: Size | None,
    taker_fee: Decimal,
    fee_in_quote: bool = False,
) -> Sized:
    """Size an entry at its limit price; quantity 0 when nothing may be bought."""
    if limit_price <= ZERO:
        return Sized(ZERO, ZERO, "limit_price")
    amount, narrowest = _widest(limits, instrument, room, taker_fee if fee_in_quote else ZERO)
    clipped_by = ""
    risk_share = limits.risk_share
    if wanted is not None and wanted.risk_percent is not None:
        share = wanted.risk_percent * PERCENT
        if share > risk_share:
            clipped_by = "risk_per_trade_percent"
        else:
            risk_share = share
    risk = room.equity * risk_share
    loss = None
    if stop_loss is not None:
        if stop_loss >= limit_price:
            return Sized(ZERO, risk, "stop_loss")
        loss = limit_price - stop_loss + taker_fee * (limit_price + stop_loss)
    if wanted is not None and wanted.quote is not None:
        quantity = _DOWN.divide(wanted.quote, limit_price)
        if loss is None:
            risk = wanted.quote
        elif quantity * loss > risk:
            quantity, clipped_by = _DOWN.divide(risk, loss), "risk_per_trade_percent"
        else:
            risk = quantity * loss
    elif loss is not None:
        quantity = _DOWN.divide(risk, loss)
    else:  # no stop: all that the size limits allow, and all of it at risk
        quantity, risk, clipped_by = _DOWN.divide(amount, limit_price), amount, narrowest
    if quantity * limit_price > amount:
        quantity, clipped_by = _DOWN.divide(amount, limit_price), narrowest
    return _admitted(instrument, quantity, risk, clipped_by)


def _widest(limits: Combined, instrument: Instrument, room: Room, quote_fee: Decimal) -> tuple[Decimal, str]:
    """Give the largest amount of quote that every limit allows, and the narrowest limit's name."""
    rules = limits.limits
    amount, narrowest = rules.max_position_size_usdt, "max_position_size_usdt"
    if limits.cap is not None:
        narrowest = CAP_NAME
    if (share := room.equity * limits.position_share) < amount:
        amount, narrowest = share, "max_position_size_percent"
    if room.held:
        amount -= room.held
    if rules.max_order_size_usdt < amount:
        amount, narrowest = rules.max_order_size_usdt, "max_order_size_usdt"
    if (left := rules.max_symbol_exposure_usdt - room.exposure_symbol) < amount:
        amount, narrowest = left, "max_symbol_exposure_usdt"
    if (left := rules.max_total_exposure_usdt - room.exposure_total) < amount:
        amount, narrowest = left, "max_total_exposure_usdt"
    if rules.allocation_usdt is not None and (left := rules.allocation_usdt - room.exposure_trader) < amount:
        amount, narrowest = left, "allocation_usdt"
    available = _DOWN.divide(room.available, ONE + quote_fee) if quote_fee else room.available
    if available < amount:
        amount, narrowest = available, BALANCE
    if instrument.notional is not None and ZERO < instrument.notional.maximum < amount:
        amount, narrowest = instrument.notional.maximum, instrument.notional.filter_name
    return (amount, narrowest) if amount > ZERO else (ZERO, narrowest)


def _admitted(instrument: Instrument, quantity: Decimal, risk: Decimal, clipped_by: str) -> Sized:
    """Fit a quantity into the lot filters: capped, floored, and 0 when it is too small to be ordered."""
    lot, market_max = instrument.lot_size, instrument.market_lot_size.maximum
    if quantity > lot.maximum > ZERO:
        quantity, clipped_by = lot.maximum, "LOT_SIZE"
    if quantity > market_max > ZERO:
        quantity, clipped_by = market_max, "MARKET_LOT_SIZE"
    quantity = floor_to(quantity, lot.step or Decimal(1).scaleb(-instrument.base_precision))
    return Sized(quantity if quantity and quantity >= lot.minimum else ZERO, risk, clipped_by)


def size_draft(
    draft: Draft,
    ledger: Ledger,
    limits: Combined,
    signal: Signal,
    instrument: Instrument,
    bids: Mapping[Symbol, Decimal],
    position: Position | None = None,
) -> Room:
    """Set a draft's quantity from the account as it stands; returns what was looked up, for the checks.

    ``position`` is the one to be added to.
    """
    state = ledger.state
    room = room_for(draft, state.portfolio, bids, position)
    sized = size(
        limits,
        instrument,
        room,
        draft.limit_price,
        draft.stop_loss,
        signal.size,
        state.taker_fee,
        instrument.quote == BNB and state.settings.execution.pay_fees_in_bnb,
    )
    draft.quantity, draft.risk_amount, draft.clipped_by = sized.quantity, sized.risk_amount, sized.clipped_by
    return room
