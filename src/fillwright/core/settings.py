"""Settings of one account, by group, with their defaults; every number of the trading rules is one of these.

Amounts named ``*_usdt`` are in the account's quote asset. Percentages are plain percent (1 = 1 %). None switches an
optional limit off.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.types import Asset, Symbol

D = Decimal


class RiskLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of an account, a trader or a symbol; nested ones combine by the tightest (see ``risk.limits``)."""

    # size
    max_position_size_usdt: Decimal = D(100)
    max_position_size_percent: Decimal = D(20)
    min_position_size_usdt: Decimal = D(10)
    max_total_exposure_usdt: Decimal = D(500)
    max_symbol_exposure_usdt: Decimal = D(200)
    max_order_size_usdt: Decimal = D(1000)
    risk_per_trade_percent: Decimal = D(1)
    max_positions: int = 5
    max_positions_per_symbol: int = 1
    allocation_usdt: Decimal | None = None
    # loss
    max_daily_loss_usdt: Decimal = D(50)
    max_daily_loss_percent: Decimal = D(5)
    max_drawdown_percent: Decimal = D(20)
    max_consecutive_losses: int = 5
    cooldown_minutes: int = 60
    max_daily_trades: int = 100
    day_start_hour_utc: int = 0
    # order
    require_stop_loss: bool = True
    max_stop_loss_percent: Decimal = D(10)
    max_price_deviation_percent: Decimal = D(2)
    max_spread_percent: Decimal = D("0.5")
    min_order_interval_seconds: Decimal = D(1)
    max_orders_per_10s: int = 20
    min_confidence: Decimal = D("0.5")
    signal_age_max_s: Decimal = D(60)
    quote_age_max_s: Decimal = D(2)
    correlation_limit: Decimal = D("0.7")
    correlation_window_candles: int = 96
    correlated_exposure_max_percent: Decimal = D(60)


class ExecutionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How orders are worked and positions protected."""

    slippage_max_percent: Decimal = D("0.5")
    entry_timeout_s: Decimal = D(30)
    order_timeout_s: Decimal = D(30)
    stale_order_timeout_s: Decimal = D(10)
    partial_protect_s: Decimal = D(1)
    arm_timeout_s: Decimal = D(1)
    protection_check_s: Decimal = D(2)
    stop_escalate_s: Decimal = D(3)
    reprice_attempts: int = 1
    pay_fees_in_bnb: bool = False
    bnb_reserve_trades: int = 10
    unprotected_action: str = "sell"
    """sell | alert"""


class BreakerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """When repeated venue errors or identical rejections stop entries for a while."""

    circuit_breaker_errors: int = 3
    circuit_breaker_cooldown_secs: int = 300
    identical_rejects_max: int = 3


class ReconciliationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How often the venue's books are compared with ours, and how long a request stays valid."""

    reconciliation_interval_secs: int = 300
    recv_window_ms: int = 5000


class PaperSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The in-process exchange of paper mode and replay."""

    initial_balance: Decimal = D(10000)
    latency_ms: int = 50
    maker_fee: Decimal = D("0.001")
    taker_fee: Decimal = D("0.001")
    slippage_bps: Decimal = D(2)
    """Only without depth."""
    spread_bps: Decimal = D(2)
    """Only without quotes."""


class VenueProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What the core must know of its venue: how reliable reports are and how long a request may be under way."""

    in_flight_max_ms: int = 10_000
    """A request not found after this long (beyond recvWindow) never arrived; 0 for the in-process exchange."""
    protection_read_s: int = 30
    """Open orders of symbols with positions are read from the venue this often; 0: the stream cannot lose a report."""
    reconciliation: bool = True
    """Whether periodic reconciliation is due; False where venue and stream are the same process."""
    keep_ended_s: int = 86_400
    """How long ended orders, positions and signals stay in State, where late reports find them."""
    mark_interval_s: int = 1
    """Equity is marked this often while a position is open; while nothing changes about it, once a minute."""
    order_limits: tuple[tuple[int, int], ...] = ((10, 100), (86_400, 200_000))
    """Unfilled order counts of the venue: (window in seconds, orders)."""


class RolloutSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an account that is new at a real venue has to prove; of the mode, and nobody's choice."""

    clean_trades: int = 0
    """So many clean trades are asked for; 0: none, and no trade is judged."""
    caps: tuple[Decimal, ...] = ()
    """Quote that one trade may be worth: the first until the clean trades are made, the last until it is lifted."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of one account."""

    enabled: bool = True
    quote_asset: Asset = "USDT"
    symbols: tuple[Symbol, ...] = ()
    """Empty: all that the venue allows."""
    candle_interval: str = "15m"
    take_profit_style: str = "market"
    """market: TAKE_PROFIT; maker: LIMIT_MAKER."""
    risk: RiskLimits = RiskLimits()
    execution: ExecutionSettings = ExecutionSettings()
    breaker: BreakerSettings = BreakerSettings()
    reconciliation: ReconciliationSettings = ReconciliationSettings()
    paper: PaperSettings = PaperSettings()
    venue: VenueProfile = VenueProfile()
    rollout: RolloutSettings = RolloutSettings()
