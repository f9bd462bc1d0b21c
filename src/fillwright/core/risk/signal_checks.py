"""Checks of the account, the symbol and the signal: HALTED to TAKE_PROFIT_WRONG_SIDE.

Each function adds its checks in the order of the codes and says whether all of them passed. Results that carry no
figure are made once.
"""

from __future__ import annotations

from fillwright.core.apply import candle_key
from fillwright.core.events import Check
from fillwright.core.inputs import Signal
from fillwright.core.risk.codes import DenialCode
from fillwright.core.risk.limits import PERCENT
from fillwright.core.risk.situation import MICRO, NO_QUOTE, SHORT, Situation
from fillwright.core.state import SignalRecord
from fillwright.core.types import SECOND, ZERO, Direction, SymbolStatus

AHEAD_MAX = SECOND
"""A signal created further ahead of our clock than this is not believed."""

# Enum members by a name of their own: looking them up in the class costs more than a check.
_TRADING = SymbolStatus.TRADING
_LONG_SIDE = Direction.LONG

_HALTED = DenialCode.HALTED.value
_PAUSED = DenialCode.PAUSED.value
_MODE_DISABLED = DenialCode.MODE_DISABLED.value
_SYMBOL_NOT_ALLOWED = DenialCode.SYMBOL_NOT_ALLOWED.value
_SYMBOL_NOT_TRADING = DenialCode.SYMBOL_NOT_TRADING.value
_GATES = (_HALTED, _PAUSED, _MODE_DISABLED, _SYMBOL_NOT_ALLOWED, _SYMBOL_NOT_TRADING)
_GATES_OPEN = tuple(Check(code, True) for code in _GATES)

_SHORT_NOT_SUPPORTED = DenialCode.SHORT_NOT_SUPPORTED.value
_DUPLICATE_SIGNAL = DenialCode.DUPLICATE_SIGNAL.value
_SIGNAL_STALE = DenialCode.SIGNAL_STALE.value
_CONFIDENCE_TOO_LOW = DenialCode.CONFIDENCE_TOO_LOW.value
_STOP_LOSS_REQUIRED = DenialCode.STOP_LOSS_REQUIRED.value
_STOP_LOSS_WRONG_SIDE = DenialCode.STOP_LOSS_WRONG_SIDE.value
_STOP_LOSS_TOO_FAR = DenialCode.STOP_LOSS_TOO_FAR.value
_TAKE_PROFIT_WRONG_SIDE = DenialCode.TAKE_PROFIT_WRONG_SIDE.value
_LONG = Check(_SHORT_NOT_SUPPORTED, True)
_NOT_LONG = Check(_SHORT_NOT_SUPPORTED, False)
_FIRST_OF_CANDLE = Check(_DUPLICATE_SIGNAL, True)
_STOP_GIVEN = Check(_STOP_LOSS_REQUIRED, True)
_STOP_MISSING = Check(_STOP_LOSS_REQUIRED, False)
_NO_STOP = (Check(_STOP_LOSS_WRONG_SIDE, True), Check(_STOP_LOSS_TOO_FAR, True))
_UNJUDGED = tuple(
    Check(code, True, None, None, NO_QUOTE)
    for code in (_STOP_LOSS_WRONG_SIDE, _STOP_LOSS_TOO_FAR, _TAKE_PROFIT_WRONG_SIDE)
)
_NO_TARGET = Check(_TAKE_PROFIT_WRONG_SIDE, True)


def check_gates(situation: Situation, checks: list[Check]) -> bool:
    """HALTED to SYMBOL_NOT_TRADING: may anything be entered here at all."""
    state = situation.ledger.state
    safety, settings, instrument = state.safety, state.settings, situation.instrument
    allowed = (
        instrument is not None
        and situation.limits.symbol_listed
        and instrument.quote == settings.quote_asset
        and instrument.spot_allowed
    )
    trading = instrument is not None and instrument.status is _TRADING
    paused = safety.paused_until > situation.now or safety.shutdown
    enabled = settings.enabled and not safety.mode_off
    if allowed and trading and enabled and not paused and not safety.halted_cause:
        checks += _GATES_OPEN
        return True
    halted = f"{safety.halted_cause}: {safety.halted_reason}" if safety.halted_cause else ""
    checks += (
        Check(_HALTED, not safety.halted_cause, None, None, halted),
        Check(_PAUSED, not paused, None, None, _why_paused(situation) if paused else ""),
        Check(_MODE_DISABLED, enabled, None, None, "another mode is traded" if safety.mode_off else ""),
        Check(_SYMBOL_NOT_ALLOWED, allowed, None, None, "" if allowed else _why_not_allowed(situation)),
        Check(_SYMBOL_NOT_TRADING, trading, None, None, instrument.status if instrument else "unknown"),
    )
    return False


def _why_paused(situation: Situation) -> str:
    safety = situation.ledger.state.safety
    if safety.shutdown:
        return "the service is shutting down"
    seconds_left = -(-(safety.paused_until - situation.now) // SECOND)
    return f"{safety.paused_cause}, {seconds_left} s left"


def _why_not_allowed(situation: Situation) -> str:
    instrument, symbol = situation.instrument, situation.symbol
    if instrument is None:
        return f"{symbol}: unknown to the venue"
    if not situation.limits.symbol_listed:
        return f"{symbol}: not on the account's list"
    if not instrument.spot_allowed:
        return f"{symbol}: not for Spot"
    return f"{symbol}: quoted in {instrument.quote}, the account in {situation.ledger.state.settings.quote_asset}"


def check_signal(situation: Situation, record: SignalRecord, checks: list[Check]) -> bool:
    """SHORT_NOT_SUPPORTED to CONFIDENCE_TOO_LOW: is this signal one to follow."""
    signal = record.signal
    is_long = signal.side is _LONG_SIDE
    first = _check_duplicate(situation, record)
    stale = _check_age(situation, record)
    confidence, confidence_min = signal.confidence, situation.limits.limits.min_confidence
    confident = confidence >= confidence_min
    checks += (
        _LONG if is_long else _NOT_LONG,
        first,
        stale,
        Check(_CONFIDENCE_TOO_LOW, confident, confidence, confidence_min),
    )
    return is_long and confident and first.passed and stale.passed


def _check_duplicate(situation: Situation, record: SignalRecord) -> Check:
    known = situation.ledger.state.candle_signals
    if not known:
        return _FIRST_OF_CANDLE
    earlier = known.get(candle_key(situation.ledger, record))
    if earlier is None or earlier == record.id:
        return _FIRST_OF_CANDLE
    return Check(_DUPLICATE_SIGNAL, False, None, None, f"signal {earlier} came before")


def _check_age(situation: Situation, record: SignalRecord) -> Check:
    now, signal, limits = situation.now, record.signal, situation.limits
    age, expires_at = now - record.decided_at, signal.expires_at
    passed, note = age <= limits.signal_age_max, ""
    if expires_at is not None and now >= expires_at:
        passed, note = False, "expired"
    elif signal.created_at > now + AHEAD_MAX:
        passed, note = False, "created in the future"
    return Check(_SIGNAL_STALE, passed, MICRO * age, limits.limits.signal_age_max_s, note)


def check_exits(situation: Situation, signal: Signal, checks: list[Check]) -> bool:
    """STOP_LOSS_REQUIRED to TAKE_PROFIT_WRONG_SIDE: are stop and target where they belong."""
    limits, quote = situation.limits.limits, situation.quote
    stop, target = signal.stop_loss, signal.take_profit
    is_long, entry = signal.side is _LONG_SIDE, signal.entry
    if entry.price is not None and entry.type == "limit":
        price = entry.price
    elif quote is not None:
        price = quote.ask if is_long else quote.bid
    else:  # QUOTE_STALE denies it; what cannot be judged must not hide that
        missing = stop is None and limits.require_stop_loss
        checks.append(_STOP_MISSING if missing else _STOP_GIVEN)
        checks += _UNJUDGED
        return not missing
    passed = True
    if stop is None:
        passed = not limits.require_stop_loss
        checks.append(_STOP_GIVEN if passed else _STOP_MISSING)
        checks += _NO_STOP
    else:
        distance = price - stop if is_long else stop - price
        percent = price * PERCENT
        right = distance > ZERO
        near = distance <= percent * limits.max_stop_loss_percent
        checks += (
            _STOP_GIVEN,
            Check(_STOP_LOSS_WRONG_SIDE, right, stop, price),
            Check(
                _STOP_LOSS_TOO_FAR,
                near,
                SHORT.divide(distance, percent) if percent else None,
                limits.max_stop_loss_percent,
            ),
        )
        passed = right and near
    if target is None:
        checks.append(_NO_TARGET)
        return passed
    right = target > price if is_long else target < price
    checks.append(Check(_TAKE_PROFIT_WRONG_SIDE, right, target, price))
    return passed and right
