"""What each setting may be: types, ranges and words. Names and defaults come from ``core.settings`` alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model
from pydantic_settings import BaseSettings

from fillwright.core import settings as core
from fillwright.core.types import MONEY_DECIMALS, NumberError, exact

EXPONENT_MAX = 30
"""Numbers have at most this many digits on either side of the point."""


def exact_number(value: object) -> Decimal:
    """Read a number of a file (int, Decimal) or of the environment (text), exactly; ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError("not a number")
    if isinstance(value, str):
        try:
            return exact(value.strip())
        except NumberError:
            raise ValueError("not a plain decimal number") from None
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError("not a finite number")
    exponent = number.as_tuple().exponent
    if number.adjusted() >= EXPONENT_MAX or (isinstance(exponent, int) and exponent < -EXPONENT_MAX):
        raise ValueError("too many digits")
    return exact(format(number, "f"))


def whole_number(value: object) -> int:
    """Read a whole number; ValueError for anything else, a bool included."""
    number = exact_number(value)
    if number != int(number):
        raise ValueError("not a whole number")
    return int(number)


def optional_number(value: object) -> Decimal | None:
    """Read a number, or the word none."""
    if value is None or (isinstance(value, str) and value.strip().lower() == "none"):
        return None
    return exact_number(value)


def words(value: object) -> object:
    """Split the text of an environment variable at commas; anything else stays as it is."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


_Exact = BeforeValidator(exact_number)
_Whole = BeforeValidator(whole_number)

AMOUNT_MAX = Decimal(10) ** 15
Amount = Annotated[
    Decimal,
    _Exact,
    Field(
        ge=0,
        le=AMOUNT_MAX,
        decimal_places=MONEY_DECIMALS,
        description="an amount from 0 to 10^15, at most 18 decimals",
    ),
]
OptionalAmount = Annotated[
    Annotated[Decimal, Field(ge=0, le=AMOUNT_MAX, decimal_places=MONEY_DECIMALS)] | None,
    BeforeValidator(optional_number),
    Field(description="an amount from 0 to 10^15, at most 18 decimals, or none"),
]
Balance = Annotated[
    Decimal,
    _Exact,
    Field(gt=0, le=AMOUNT_MAX, decimal_places=MONEY_DECIMALS, description="an amount above 0, at most 10^15"),
]
Percent = Annotated[
    Decimal, _Exact, Field(ge=0, le=100, decimal_places=8, description="a percentage from 0 to 100")
]
Fraction = Annotated[Decimal, _Exact, Field(ge=0, le=1, decimal_places=8, description="a number from 0 to 1")]
Fee = Annotated[
    Decimal,
    _Exact,
    Field(
        ge=0,
        le=Decimal("0.1"),
        decimal_places=8,
        description="a fraction from 0 to 0.1 (0.001 is one part in a thousand)",
    ),
]
BasisPoints = Annotated[
    Decimal,
    _Exact,
    Field(ge=0, le=1_000, decimal_places=8, description="basis points (1/100 percent) from 0 to 1000"),
]
Seconds = Annotated[
    Decimal,
    _Exact,
    Field(ge=0, le=86_400, decimal_places=6, description="seconds from 0 to 86400, at most 6 decimals"),
]
Timeout = Annotated[
    Decimal,
    _Exact,
    Field(
        gt=0, le=86_400, decimal_places=6, description="seconds above 0, at most 86400, at most 6 decimals"
    ),
]
Count = Annotated[int, _Whole, Field(ge=0, le=1_000_000, description="a whole number from 0 to 1000000")]
Threshold = Annotated[int, _Whole, Field(ge=1, le=1_000_000, description="a whole number from 1 to 1000000")]
Attempts = Annotated[int, _Whole, Field(ge=0, le=10, description="a whole number from 0 to 10")]
Window = Annotated[int, _Whole, Field(ge=2, le=1_000, description="a whole number from 2 to 1000")]
Minutes = Annotated[int, _Whole, Field(ge=0, le=43_200, description="whole minutes from 0 to 43200")]
WholeSeconds = Annotated[int, _Whole, Field(ge=1, le=86_400, description="whole seconds from 1 to 86400")]
Milliseconds = Annotated[
    int, _Whole, Field(ge=0, le=60_000, description="whole milliseconds from 0 to 60000")
]
ReceiveWindow = Annotated[
    int, _Whole, Field(ge=1, le=60_000, description="whole milliseconds from 1 to 60000")
]
Hour = Annotated[int, _Whole, Field(ge=0, le=23, description="an hour from 0 to 23")]
Flag = Annotated[bool, Field(description="true or false")]
AssetName = Annotated[
    str, Field(pattern=r"^[A-Z0-9]{1,20}$", description="an asset in capitals, such as USDT")
]
SymbolName = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,30}$")]
SymbolNames = Annotated[
    tuple[SymbolName, ...],
    BeforeValidator(words),
    Field(max_length=1_000, description='symbols in capitals, such as ["BTCUSDT", "ETHUSDT"]'),
]
INTERVALS = (
    "1s",
    "1m",
    "3m",
    "5m",
    "15m",
    "30m",
    "1h",
    "2h",
    "4h",
    "6h",
    "8h",
    "12h",
    "1d",
    "3d",
    "1w",
    "1M",
)
Interval = Annotated[
    Literal[
        "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"
    ],
    Field(description="one of " + " ".join(INTERVALS)),
]
TakeProfitStyle = Annotated[Literal["market", "maker"], Field(description="market or maker")]
UnprotectedAction = Annotated[Literal["sell", "alert"], Field(description="sell or alert")]
Feed = Annotated[
    Literal["auto", "binance", "synthetic", "tape"], Field(description="auto, binance, synthetic or tape")
]
Durability = Annotated[
    Literal["auto", "normal", "full"],
    Field(description="auto (full on mainnet, else normal), normal or full"),
]

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
    struct, types = GROUPS[name]
    default = struct()
    fields: dict[str, Any] = {key: (kind, getattr(default, key)) for key, kind in types.items()}
    return create_model(name.title() + "Section", __config__=_STRICT, **fields)


_SECTIONS = {name: _section(name) for name in GROUPS}


class MarketSection(BaseModel):
    """Where prices come from."""

    model_config = _STRICT
    feed: Feed = "auto"


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
    "market": (MarketSection, MarketSection()),
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
