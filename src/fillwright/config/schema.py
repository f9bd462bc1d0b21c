"""What each setting may be: types, ranges and words. Names and defaults come from ``core.settings`` alone."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_settings import BaseSettings

from fillwright.config.real import REAL_GROUPS
from fillwright.config.service import FAULTS, SERVICE_GROUPS
from fillwright.config.values import (
    INTERVAL_ALLOWED,
    Amount,
    AssetName,
    Attempts,
    Balance,
    BasisPoints,
    Count,
    Durability,
    Fee,
    Flag,
    Fraction,
    Hour,
    Interval,
    Milliseconds,
    Minutes,
    OptionalAmount,
    Percent,
    ReceiveWindow,
    Seconds,
    SymbolNames,
    TakeProfitStyle,
    Threshold,
    Timeout,
    UnprotectedAction,
    WholeSeconds,
    Window,
)
from fillwright.core import settings as core

BASIC: dict[str, Any] = {
    "enabled": Flag,
    "quote_asset": AssetName,
    "symbols": SymbolNames,
    "candle_interval": Interval,
    "take_profit_style": TakeProfitStyle,
}
RISK: dict[str, Any] = {
    "max_position_size_usdt": Amount,
    "max_position_size_percent": Percent,
    "min_position_size_usdt": Amount,
    "max_total_exposure_usdt": Amount,
    "max_symbol_exposure_usdt": Amount,
    "max_order_size_usdt": Amount,
    "risk_per_trade_percent": Percent,
    "max_positions": Count,
    "max_positions_per_symbol": Count,
    "allocation_usdt": OptionalAmount,
    "max_daily_loss_usdt": Amount,
    "max_daily_loss_percent": Percent,
    "max_drawdown_percent": Percent,
    "max_consecutive_losses": Threshold,
    "cooldown_minutes": Minutes,
    "max_daily_trades": Count,
    "day_start_hour_utc": Hour,
    "require_stop_loss": Flag,
    "max_stop_loss_percent": Percent,
    "max_price_deviation_percent": Percent,
    "max_spread_percent": Percent,
    "min_order_interval_seconds": Seconds,
    "max_orders_per_10s": Count,
    "min_confidence": Fraction,
    "signal_age_max_s": Seconds,
    "quote_age_max_s": Seconds,
    "correlation_limit": Fraction,
    "correlation_window_candles": Window,
    "correlated_exposure_max_percent": Percent,
}
EXECUTION: dict[str, Any] = {
    "slippage_max_percent": Percent,
    "entry_timeout_s": Timeout,
    "order_timeout_s": Timeout,
    "stale_order_timeout_s": Timeout,
    "partial_protect_s": Seconds,
    "arm_timeout_s": Timeout,
    "protection_check_s": Timeout,
    "stop_escalate_s": Timeout,
    "reprice_attempts": Attempts,
    "pay_fees_in_bnb": Flag,
    "bnb_reserve_trades": Count,
    "unprotected_action": UnprotectedAction,
}
BREAKER: dict[str, Any] = {
    "circuit_breaker_errors": Threshold,
    "circuit_breaker_cooldown_secs": WholeSeconds,
    "identical_rejects_max": Threshold,
}
RECONCILIATION: dict[str, Any] = {
    "reconciliation_interval_secs": WholeSeconds,
    "recv_window_ms": ReceiveWindow,
}
PAPER: dict[str, Any] = {
    "initial_balance": Balance,
    "latency_ms": Milliseconds,
    "maker_fee": Fee,
    "taker_fee": Fee,
    "slippage_bps": BasisPoints,
    "spread_bps": BasisPoints,
}

ACCOUNT_WIDE = frozenset({"day_start_hour_utc"})
"""Risk settings that a trader or a symbol cannot have of its own."""

GROUPS: dict[str, tuple[type[msgspec.Struct], dict[str, Any]]] = {
    "basic": (core.Settings, BASIC),
    "risk": (core.RiskLimits, RISK),
    "execution": (core.ExecutionSettings, EXECUTION),
    "breaker": (core.BreakerSettings, BREAKER),
    "reconciliation": (core.ReconciliationSettings, RECONCILIATION),
    "paper": (core.PaperSettings, PAPER),
}
"""Sections that become the account's settings: the struct that holds their defaults, and their types."""

_STRICT = ConfigDict(extra="forbid", frozen=True)


def _section(name: str) -> type[BaseModel]:
    struct, types = {**GROUPS, **SERVICE_GROUPS, **REAL_GROUPS}[name]
    default = struct()
    fields: dict[str, Any] = {key: (kind, getattr(default, key)) for key, kind in types.items()}
    return create_model(name.title() + "Section", __config__=_STRICT, **fields)


_SECTIONS = {name: _section(name) for name in (*GROUPS, *SERVICE_GROUPS, *REAL_GROUPS)}
_SECTIONS["paper"] = create_model("PaperSection", __base__=_SECTIONS["paper"], faults=(FAULTS, None))


class JournalSection(BaseModel):
    """How the journal is kept."""

    model_config = _STRICT
    durability: Durability = "auto"


class TraderSection(BaseModel):
    """A trader: its class and what it is given."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)
    trader_class: str | None = Field(
        default=None,
        alias="class",
        min_length=1,
        max_length=300,
        description="module:Class, path/to/file.py:Class or the name of one that is built in",
    )
    parameters: dict[str, Any] = Field(default={}, description="a table of names and values")
    interval: Interval | None = Field(default=None, description=INTERVAL_ALLOWED)
    symbols: SymbolNames = ()


_OPTIONAL_LIMITS: dict[str, Any] = {
    key: (kind, getattr(core.RiskLimits(), key)) for key, kind in RISK.items() if key not in ACCOUNT_WIDE
}
LimitsSection = create_model("LimitsSection", __config__=_STRICT, **_OPTIONAL_LIMITS)
"""Limits of one trader and symbol; what is not set is not limited beyond the account."""

Limits = dict[str, dict[str, LimitsSection]]  # type: ignore[valid-type]


class _Base(BaseSettings):
    model_config = {
        "extra": "forbid",
        "frozen": True,
        "env_prefix": "FILLWRIGHT__",
        "nested_model_default_partial_update": False,
    }


_ROOT: dict[str, Any] = {
    **{name: (section, section()) for name, section in _SECTIONS.items()},
    "journal": (JournalSection, JournalSection()),
    "traders": (dict[str, TraderSection], {}),
    "limits": (Limits, {}),
}
Schema: type[BaseSettings] = create_model("Schema", __base__=_Base, **_ROOT)
"""The whole file: sections and their keys."""


def keys_of(path: tuple[str, ...]) -> dict[str, str]:
    """The keys known at a place of the file with what each may be; empty where names are free."""
    if not path:
        return dict.fromkeys(_ROOT, "a section")
    if path[0] == "traders":
        model: type[BaseModel] | None = TraderSection if len(path) == 2 else None
    elif path[0] == "limits":
        model = LimitsSection if len(path) == 3 else None
    else:
        annotation = Schema.model_fields[path[0]].annotation if path[0] in _ROOT and len(path) == 1 else None
        model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    if model is None:
        return {}
    return {field.alias or name: field.description or "" for name, field in model.model_fields.items()}
