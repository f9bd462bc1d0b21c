"""Checks of exposure and size: EXPOSURE_SYMBOL_MAX to FEE_RESERVE.

What an entry adds is its quantity at its limit price, the worst that it may pay. A manual sale adds nothing.
"""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.events import Check
from fillwright.core.plans import Draft
from fillwright.core.risk.codes import DenialCode
from fillwright.core.risk.situation import NO_DRAFT, Room, Situation
from fillwright.core.rollout import CAP_NAME
from fillwright.core.types import ONE, ZERO, Asset, Side, Symbol

BNB = "BNB"
"""The asset in which fees may be paid at a discount."""
_SELL = Side.SELL

_EXPOSURE_SYMBOL_MAX = DenialCode.EXPOSURE_SYMBOL_MAX.value
_EXPOSURE_TOTAL_MAX = DenialCode.EXPOSURE_TOTAL_MAX.value
_ALLOCATION_MAX = DenialCode.ALLOCATION_MAX.value
_CORRELATION = DenialCode.CORRELATION.value
_POSITION_SIZE_MAX = DenialCode.POSITION_SIZE_MAX.value
_POSITION_SIZE_MIN = DenialCode.POSITION_SIZE_MIN.value
_ORDER_SIZE_MAX = DenialCode.ORDER_SIZE_MAX.value
_BALANCE_INSUFFICIENT = DenialCode.BALANCE_INSUFFICIENT.value
_FEE_RESERVE = DenialCode.FEE_RESERVE.value
_UNALLOTTED = Check(_ALLOCATION_MAX, True)
_ALONE = Check(_CORRELATION, True)
_NO_RESERVE = Check(_FEE_RESERVE, True)
_UNJUDGED = tuple(
    Check(code, False, None, None, NO_DRAFT)
    for code in (
        _EXPOSURE_SYMBOL_MAX,
        _EXPOSURE_TOTAL_MAX,
        _ALLOCATION_MAX,
        _CORRELATION,
        _POSITION_SIZE_MAX,
        _POSITION_SIZE_MIN,
        _ORDER_SIZE_MAX,
        _BALANCE_INSUFFICIENT,
        _FEE_RESERVE,
    )
)


def is_sale(situation: Situation) -> bool:
    """Whether this is a manual order to sell."""
    return situation.order is not None and situation.order.side is _SELL


def pays_fee_in_quote(situation: Situation) -> bool:
    """Whether a purchase costs its commission on top: only where the quote asset is the BNB that fees are paid in."""
    instrument = situation.instrument
    return (
        instrument is not None
        and instrument.quote == BNB
        and situation.ledger.state.settings.execution.pay_fees_in_bnb
    )


def refuse_unplanned(checks: list[Check]) -> bool:
    """Without a draft none of these checks passes."""
    checks += _UNJUDGED
    return False


def check_exposure(
    situation: Situation, draft: Draft, room: Room, notional: Decimal, checks: list[Check]
) -> bool:
    """EXPOSURE_SYMBOL_MAX to CORRELATION."""
    rules = situation.limits.limits
    added = notional if situation.order is None or not is_sale(situation) else ZERO
    in_symbol, total = room.exposure_symbol + added, room.exposure_total + added
    symbol_max, total_max = rules.max_symbol_exposure_usdt, rules.max_total_exposure_usdt
    fits_symbol, fits = in_symbol <= symbol_max, total <= total_max
    allotted = rules.allocation_usdt
    if allotted is None:
        allocation = _UNALLOTTED
    else:
        mine = room.exposure_trader + added
        allocation = Check(_ALLOCATION_MAX, mine <= allotted, mine, allotted)
    alone = not situation.ledger.open_positions or not added
    correlation = _ALONE if alone else _check_correlation(situation, draft, added)
    checks += (
        Check(_EXPOSURE_SYMBOL_MAX, fits_symbol, in_symbol, symbol_max),
        Check(_EXPOSURE_TOTAL_MAX, fits, total, total_max),
        allocation,
        correlation,
    )
    return fits_symbol and fits and allocation.passed and correlation.passed


def _check_correlation(situation: Situation, draft: Draft, added: Decimal) -> Check:
    limits, state, bids = situation.limits, situation.ledger.state, situation.bids
    limit, window = limits.limits.correlation_limit, limits.limits.correlation_window_candles
    related: list[Symbol] = []
    seen = {draft.symbol}
    exposure = added
    for position in situation.ledger.open_positions.values():
        symbol = position.symbol
        if symbol in seen or position.direction is not draft.direction:
            continue
        seen.add(symbol)
        correlation = limits.correlations.of(state.closes, draft.symbol, symbol, window)
        if correlation is not None and correlation > limit:
            related.append(f"{symbol} {correlation}")
            exposure += state.portfolio.exposure_symbol(symbol, bids)
    if not related:
        return _ALONE
    exposure += state.portfolio.exposure_symbol(draft.symbol, bids)
    limit = limits.correlated_exposure_max
    return Check(_CORRELATION, exposure <= limit, exposure, limit, ", ".join(related))


def check_size(
    situation: Situation, draft: Draft, room: Room, notional: Decimal, checks: list[Check]
) -> bool:
    """POSITION_SIZE_MAX to FEE_RESERVE."""
    limits, held = situation.limits, room.held
    rules, sale = limits.limits, situation.order is not None and is_sale(situation)
    size_max, share = rules.max_position_size_usdt, room.equity * limits.position_share
    if share < size_max:
        size_max = share
    size = ZERO if sale else notional + held if held else notional
    size_min, order_max = rules.min_position_size_usdt, rules.max_order_size_usdt
    not_too_large, large_enough, order_fits = size <= size_max, notional >= size_min, notional <= order_max
    narrowed_by = "" if limits.cap is None else CAP_NAME
    balance, reserve = _check_balance(situation, draft, room, notional, sale), _NO_RESERVE
    if situation.ledger.state.settings.execution.pay_fees_in_bnb:
        reserve = _check_fee_reserve(situation, notional)
    checks += (
        Check(_POSITION_SIZE_MAX, not_too_large, size, size_max, narrowed_by),
        Check(_POSITION_SIZE_MIN, large_enough, notional, size_min, draft.clipped_by),
        Check(_ORDER_SIZE_MAX, order_fits, notional, order_max, narrowed_by),
        balance,
        reserve,
    )
    return not_too_large and large_enough and order_fits and balance.passed and reserve.passed


def _check_balance(situation: Situation, draft: Draft, room: Room, notional: Decimal, sale: bool) -> Check:
    if sale:
        free = sellable_by_hand(situation, situation.instrument.base if situation.instrument else "")
        return Check(_BALANCE_INSUFFICIENT, draft.quantity <= free, draft.quantity, free)
    cost, available = notional, room.available
    if pays_fee_in_quote(situation):
        cost = notional * (ONE + situation.ledger.state.taker_fee)
    return Check(_BALANCE_INSUFFICIENT, cost <= available, cost, available)


def sellable_by_hand(situation: Situation, asset: Asset) -> Decimal:
    """Give what a manual order may sell of an asset: free, and owned by no position."""
    state = situation.ledger.state
    balance = state.portfolio.balances.get(asset)
    if balance is None:
        return ZERO
    owned = ZERO
    for symbol, quantity in state.portfolio.owned.items():
        instrument = state.instruments.get(symbol)
        if instrument is not None and instrument.base == asset:
            owned += quantity
    return max(min(balance.free, balance.total - owned), ZERO)


def _check_fee_reserve(situation: Situation, notional: Decimal) -> Check:
    """Free BNB against the fees, both ways, of so many trades of this size."""
    state = situation.ledger.state
    quote_asset = state.settings.quote_asset
    price = ONE if quote_asset == BNB else situation.bids.get(BNB + quote_asset)
    needed = notional * state.taker_fee * (2 * state.settings.execution.bnb_reserve_trades)
    if not price:
        return Check(_FEE_RESERVE, False, None, needed, f"no price of {BNB}")
    balance = state.portfolio.balances.get(BNB)
    worth = balance.free * price if balance is not None else ZERO
    return Check(_FEE_RESERVE, worth >= needed, worth, needed)
