"""Settings have the defaults of the rules, do not change under one's hands, and survive being written down."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fillwright.core.settings import (
    BreakerSettings,
    ExecutionSettings,
    PaperSettings,
    ReconciliationSettings,
    RiskLimits,
    Settings,
)

DEFAULTS: dict[type[msgspec.Struct], str] = {
    RiskLimits: """
        max_position_size_usdt = 100, max_position_size_percent = 20, min_position_size_usdt = 10,
        max_total_exposure_usdt = 500, max_symbol_exposure_usdt = 200, max_order_size_usdt = 1000,
        risk_per_trade_percent = 1, max_positions = 5, max_positions_per_symbol = 1, allocation_usdt = None,
        max_daily_loss_usdt = 50, max_daily_loss_percent = 5, max_drawdown_percent = 20, max_consecutive_losses = 5,
        cooldown_minutes = 60, max_daily_trades = 100, day_start_hour_utc = 0,
        require_stop_loss = True, max_stop_loss_percent = 10, max_price_deviation_percent = 2,
        max_spread_percent = 0.5, min_order_interval_seconds = 1, max_orders_per_10s = 20, min_confidence = 0.5,
        signal_age_max_s = 60, quote_age_max_s = 2, correlation_limit = 0.7, correlation_window_candles = 96,
        correlated_exposure_max_percent = 60
    """,
    ExecutionSettings: """
        slippage_max_percent = 0.5, entry_timeout_s = 30, order_timeout_s = 30, stale_order_timeout_s = 10,
        partial_protect_s = 1, arm_timeout_s = 1, protection_check_s = 2, stop_escalate_s = 3, reprice_attempts = 1,
        pay_fees_in_bnb = False, bnb_reserve_trades = 10, unprotected_action = sell
    """,
    BreakerSettings: "circuit_breaker_errors = 3, circuit_breaker_cooldown_secs = 300, identical_rejects_max = 3",
    ReconciliationSettings: "reconciliation_interval_secs = 300, recv_window_ms = 5000",
    PaperSettings: """
        initial_balance = 10000, latency_ms = 50, maker_fee = 0.001, taker_fee = 0.001, slippage_bps = 2, spread_bps = 2
    """,
}


@pytest.mark.parametrize("struct", DEFAULTS)
def test_defaults(struct: type[msgspec.Struct]) -> None:
    pairs = (pair.split("=") for pair in DEFAULTS[struct].split(","))
    expected = {name.strip(): value.strip() for name, value in pairs}
    group = struct()
    assert {name: str(getattr(group, name)) for name in struct.__struct_fields__} == expected


def test_the_settings_of_an_account_by_default() -> None:
    settings = Settings()
    assert (settings.enabled, settings.quote_asset, settings.symbols) == (True, "USDT", ())
    assert (settings.candle_interval, settings.take_profit_style) == ("15m", "market")
    assert settings.venue.order_limits[0] == (10, 100)


def test_no_number_is_a_float() -> None:
    def numbers(value: Any) -> list[Any]:
        if isinstance(value, msgspec.Struct):
            return [n for name in value.__struct_fields__ for n in numbers(getattr(value, name))]
        return [n for item in value for n in numbers(item)] if isinstance(value, tuple) else [value]

    assert not [number for number in numbers(Settings()) if isinstance(number, float)]


def test_settings_survive_being_written_down_exactly() -> None:
    settings = Settings(
        symbols=("BTCUSDT",), risk=RiskLimits(max_spread_percent=Decimal("0.10"), allocation_usdt=Decimal(7))
    )
    for codec in (msgspec.json, msgspec.msgpack):
        again = codec.decode(codec.encode(settings), type=Settings)
        assert again == settings
        assert str(again.risk.max_spread_percent) == "0.10"


def test_settings_are_replaced_and_never_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().risk.max_positions = 9  # type: ignore[misc]
    assert Settings().risk == RiskLimits()
