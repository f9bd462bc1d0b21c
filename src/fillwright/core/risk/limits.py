"""Nested limits: account → trader → symbol, the tightest wins.

Of maxima the smallest holds, of minima the greatest, and what any level requires is required. Every limit is held
against the account's figures, whichever level set it; ``allocation_usdt`` alone looks at the trader's own exposure.
What is no limit (the start of the day, the window of correlations) is the account's. Over all of them stands the cap of
the account's rollout.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from fillwright.core.risk.correlation import Correlations
from fillwright.core.settings import RiskLimits, Settings
from fillwright.core.state import State
from fillwright.core.types import SECOND, Symbol, Time

PERCENT = Decimal("0.01")
ENTRY_SHARE_PERCENT = 60
"""Entries stop at this share of every order-count window of the venue; the rest belongs to exits."""
CACHE_MAX = 10_000
"""Combined limits kept at most; then all are made anew."""


def _first(account: Any, nested: Any) -> Any:
    return account


def _least_given(account: Decimal | None, nested: Decimal | None) -> Decimal | None:
    if account is None or nested is None:
        return nested if account is None else account
    return min(account, nested)


_RULES: dict[str, Callable[[Any, Any], Any]] = {
    "max_position_size_usdt": min,
    "max_position_size_percent": min,
    "min_position_size_usdt": max,
    "max_total_exposure_usdt": min,
    "max_symbol_exposure_usdt": min,
    "max_order_size_usdt": min,
    "risk_per_trade_percent": min,
    "max_positions": min,
    "max_positions_per_symbol": min,
    "allocation_usdt": _least_given,
    "max_daily_loss_usdt": min,
    "max_daily_loss_percent": min,
    "max_drawdown_percent": min,
    "max_consecutive_losses": min,
    "cooldown_minutes": max,
    "max_daily_trades": min,
    "day_start_hour_utc": _first,
    "require_stop_loss": max,
    "max_stop_loss_percent": min,
    "max_price_deviation_percent": min,
    "max_spread_percent": min,
    "min_order_interval_seconds": max,
    "max_orders_per_10s": min,
    "min_confidence": max,
    "signal_age_max_s": min,
    "quote_age_max_s": min,
    "correlation_limit": min,
    "correlation_window_candles": _first,
    "correlated_exposure_max_percent": min,
}


def tightest(account: RiskLimits, nested: RiskLimits) -> RiskLimits:
    """Combine two levels of limits, the outer one first."""
    return RiskLimits(
        **{name: rule(getattr(account, name), getattr(nested, name)) for name, rule in _RULES.items()}
    )


def effective(state: State, trader_id: str, symbol: Symbol) -> RiskLimits:
    """Give the limits that hold for a trader in a symbol."""
    limits = state.settings.risk
    for key in ("|", f"{trader_id}|", f"|{symbol}", f"{trader_id}|{symbol}"):
        nested = state.limits.get(key)
        if nested is not None:
            limits = tightest(limits, nested)
    return limits


class Combined(msgspec.Struct, frozen=True, gc=False):
    """Limits in force for one trader in one symbol, with all that follows from them worked out once."""

    limits: RiskLimits
    cap: Decimal | None
    """The rollout's, where it is the narrowest of what a trade may be worth."""
    symbol_listed: bool
    """Whether the account's list of symbols admits this one."""
    signal_age_max: Time
    quote_age_max: Time
    order_interval_min: Time
    positions_max: Decimal
    positions_per_symbol_max: Decimal
    daily_trades_max: Decimal
    orders_per_10s_max: Decimal
    consecutive_losses_max: Decimal
    position_share: Decimal
    """max_position_size_percent as a fraction, and so on."""
    risk_share: Decimal
    daily_loss_share: Decimal
    correlated_exposure_max: Decimal
    """In quote."""
    order_ceilings: tuple[tuple[Time, int], ...]
    """Length of each order-count window, and the count at which entries stop."""
    correlations: Correlations


def _capped(limits: RiskLimits, cap: Decimal) -> RiskLimits:
    """Limits under which no position and no order is larger than a cap."""
    return msgspec.structs.replace(
        limits,
        max_position_size_usdt=min(limits.max_position_size_usdt, cap),
        max_order_size_usdt=min(limits.max_order_size_usdt, cap),
    )


def _combine(
    limits: RiskLimits, settings: Settings, symbol: Symbol, correlations: Correlations, cap: Decimal | None
) -> Combined:
    binding = cap if cap is not None and cap < limits.max_position_size_usdt else None
    if cap is not None:
        limits = _capped(limits, cap)
    return Combined(
        limits=limits,
        cap=binding,
        symbol_listed=not settings.symbols or symbol in settings.symbols,
        signal_age_max=int(limits.signal_age_max_s * SECOND),
        quote_age_max=int(limits.quote_age_max_s * SECOND),
        order_interval_min=int(limits.min_order_interval_seconds * SECOND),
        positions_max=Decimal(limits.max_positions),
        positions_per_symbol_max=Decimal(limits.max_positions_per_symbol),
        daily_trades_max=Decimal(limits.max_daily_trades),
        orders_per_10s_max=Decimal(limits.max_orders_per_10s),
        consecutive_losses_max=Decimal(limits.max_consecutive_losses),
        position_share=limits.max_position_size_percent * PERCENT,
        risk_share=limits.risk_per_trade_percent * PERCENT,
        daily_loss_share=limits.max_daily_loss_percent * PERCENT,
        correlated_exposure_max=limits.correlated_exposure_max_percent
        * limits.max_total_exposure_usdt
        * PERCENT,
        order_ceilings=tuple(
            (length_s * SECOND, orders * ENTRY_SHARE_PERCENT // 100)
            for length_s, orders in settings.venue.order_limits
        ),
        correlations=correlations,
    )


class Limits:
    """Combined limits by trader and symbol, kept until settings or limits are replaced (they are never mutated)."""

    __slots__ = ("_cap", "_combined", "_correlations", "_nested", "_settings")

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._nested: dict[str, RiskLimits] | None = None
        self._cap: Decimal | None = None
        self._combined: dict[tuple[str, Symbol], Combined] = {}
        self._correlations = Correlations()

    def of(self, state: State, trader_id: str, symbol: Symbol) -> Combined:
        """Give the limits in force for a trader ('' for manual orders) in a symbol."""
        cap = state.rollout.cap
        if state.settings is not self._settings or state.limits is not self._nested or cap is not self._cap:
            self._settings, self._nested, self._cap = state.settings, state.limits, cap
            self._combined.clear()
        combined = self._combined.get((trader_id, symbol))
        if combined is None:
            if len(self._combined) >= CACHE_MAX:
                self._combined.clear()
            limits = effective(state, trader_id, symbol)
            combined = _combine(limits, state.settings, symbol, self._correlations, cap)
            self._combined[trader_id, symbol] = combined
        return combined
