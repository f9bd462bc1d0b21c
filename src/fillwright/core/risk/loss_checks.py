"""Checks of losses, rates and counts: CIRCUIT_OPEN to POSITIONS_PER_SYMBOL_MAX."""

from __future__ import annotations

from bisect import bisect_right

from fillwright.core.events import Check
from fillwright.core.risk.codes import DenialCode
from fillwright.core.risk.situation import MICRO, NUMBERS, SHORT, Situation
from fillwright.core.types import SECOND, ZERO

_RATE_WINDOW = 10 * SECOND

_CIRCUIT_OPEN = DenialCode.CIRCUIT_OPEN.value
_COOLDOWN_LOSSES = DenialCode.COOLDOWN_LOSSES.value
_DAILY_LOSS = DenialCode.DAILY_LOSS.value
_DRAWDOWN_MAX = DenialCode.DRAWDOWN_MAX.value
_DAILY_TRADES_MAX = DenialCode.DAILY_TRADES_MAX.value
_ORDER_RATE = DenialCode.ORDER_RATE.value
_SYMBOL_IN_DOUBT = DenialCode.SYMBOL_IN_DOUBT.value
_POSITIONS_MAX = DenialCode.POSITIONS_MAX.value
_POSITIONS_PER_SYMBOL_MAX = DenialCode.POSITIONS_PER_SYMBOL_MAX.value
_CIRCUIT_CLOSED = Check(_CIRCUIT_OPEN, True)
_NO_COOLDOWN = Check(_COOLDOWN_LOSSES, True)
_NO_DOUBT = Check(_SYMBOL_IN_DOUBT, True)


def check_losses(situation: Situation, checks: list[Check]) -> bool:
    """CIRCUIT_OPEN to DRAWDOWN_MAX: have errors or losses stopped entries."""
    state, limits = situation.ledger.state, situation.limits
    safety, portfolio, rules = state.safety, state.portfolio, limits.limits
    circuit = _CIRCUIT_CLOSED if not safety.breaker.is_open else _check_circuit(situation)
    if safety.cooldown_until > situation.now:
        seconds_left = MICRO * (safety.cooldown_until - situation.now)
        cooldown = Check(_COOLDOWN_LOSSES, False, seconds_left, ZERO, "seconds left")
    else:
        cooldown = _NO_COOLDOWN
    day_start = portfolio.day_start_equity
    loss = day_start - portfolio.equity
    loss_max = limits.daily_loss_share * day_start
    if rules.max_daily_loss_usdt < loss_max:
        loss_max = rules.max_daily_loss_usdt
    bearable = loss < loss_max or loss <= ZERO
    drawdown, drawdown_max = portfolio.drawdown_percent, rules.max_drawdown_percent
    shallow = drawdown < drawdown_max or not drawdown
    checks += (
        circuit,
        cooldown,
        Check(_DAILY_LOSS, bearable, loss if loss else ZERO, loss_max),
        Check(_DRAWDOWN_MAX, shallow, SHORT.plus(drawdown) if drawdown else ZERO, drawdown_max),
    )
    return circuit.passed and cooldown.passed and bearable and shallow


def _check_circuit(situation: Situation) -> Check:
    breaker = situation.ledger.state.safety.breaker
    seconds_left = MICRO * max(breaker.until - situation.now, 0)
    if breaker.probing:
        return Check(_CIRCUIT_OPEN, False, seconds_left, ZERO, f"a probe is under way; {breaker.last_error}")
    if seconds_left:
        return Check(_CIRCUIT_OPEN, False, seconds_left, ZERO, f"seconds left; {breaker.last_error}")
    return Check(_CIRCUIT_OPEN, True, seconds_left, ZERO, "this entry is the probe")


def check_counts(situation: Situation, checks: list[Check]) -> bool:
    """DAILY_TRADES_MAX to POSITIONS_PER_SYMBOL_MAX: how many, how fast, and is the symbol clear.

    A signal whose position is there already (its entry is tried again) does not count twice.
    """
    ledger, limits, signal = situation.ledger, situation.limits, situation.signal
    positions = ledger.open_positions
    if signal is not None:
        symbol, opens = signal.signal.symbol, 0 if signal.position_id in positions else 1
    else:
        symbol, opens = situation.symbol, 0
    count = len(positions) + opens
    count_symbol = len(ledger.positions_in(symbol)) + opens
    count_entering = len(ledger.entering) + opens
    trades = NUMBERS[ledger.state.portfolio.day_trades + count_entering]
    trades_max, total_max = limits.daily_trades_max, limits.positions_max
    in_symbol_max = limits.positions_per_symbol_max
    few_trades = trades <= trades_max
    # An entry that is tried again was counted, and waited, at its approval.
    rate = _check_rate(situation, opens if signal is not None else 1)
    clear = _NO_DOUBT if not ledger.doubts else _check_doubts(situation, symbol)
    total, in_symbol = NUMBERS[count], NUMBERS[count_symbol]
    few, few_in_symbol = total <= total_max, in_symbol <= in_symbol_max
    checks += (
        Check(_DAILY_TRADES_MAX, few_trades, trades, trades_max),
        rate,
        clear,
        Check(_POSITIONS_MAX, few, total, total_max),
        Check(_POSITIONS_PER_SYMBOL_MAX, few_in_symbol, in_symbol, in_symbol_max),
    )
    return few_trades and rate.passed and clear.passed and few and few_in_symbol


def _check_rate(situation: Situation, counts: int) -> Check:
    """How fast entries follow each other; ``counts`` is 0 when this one has been counted."""
    safety, limits, now = situation.ledger.state.safety, situation.limits, situation.now
    since = now - safety.last_entry_at
    if counts and since < limits.order_interval_min and safety.last_entry_at:
        least = limits.limits.min_order_interval_seconds
        return Check(_ORDER_RATE, False, MICRO * since, least, "seconds since the last entry")
    times, maximum = safety.entry_times, limits.orders_per_10s_max
    recent = NUMBERS[len(times) - bisect_right(times, now - _RATE_WINDOW) + counts]
    return Check(_ORDER_RATE, recent <= maximum, recent, maximum, "entries in ten seconds")


def _check_doubts(situation: Situation, symbol: str) -> Check:
    for order in situation.ledger.doubts.values():
        if order.symbol == symbol:
            return Check(_SYMBOL_IN_DOUBT, False, None, None, order.id)
    return _NO_DOUBT
