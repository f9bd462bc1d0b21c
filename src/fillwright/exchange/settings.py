"""How an exchange behaves where Binance leaves a choice, differs by site, or a tape lacks information."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.types import DAY, ONE, SECOND, ZERO, Asset

ORDERS_KEPT_MAX = 2_000
PREVENTED_MATCHES_KEPT_MAX = 2_000


class OrderCountLimit(msgspec.Struct, frozen=True, gc=False):
    """An ORDERS rate limit: at most ``limit`` unfilled orders in a clock-aligned window."""

    interval_us: int
    limit: int
    label: str
    """As the error message spells the window, for example ``10 SECOND``."""
    is_enforced: bool = True
    """Off: counted and shown, and nothing is refused."""


DEFAULT_ORDER_COUNTS = (
    OrderCountLimit(10 * SECOND, 100, "10 SECOND"),
    OrderCountLimit(DAY, 200_000, "1 DAY"),
)


class ExchangeLimits(msgspec.Struct, frozen=True, gc=False):
    """EXCHANGE_MAX_* filters, over all symbols of an account; None is off (as on recorded mainnet replies)."""

    orders_max: int | None = None
    algo_orders_max: int | None = None
    iceberg_orders_max: int | None = None
    order_lists_max: int | None = None


class AssetLimit(msgspec.Struct, frozen=True, gc=False):
    """MAX_ASSET: how much of an asset one order may be for, as quantity of a base or notional in a quote."""

    asset: Asset
    limit: Decimal


class ExchangeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that may differ between two exchanges of this kind."""

    slippage_bps: Decimal = Decimal(5)
    """Added to the price of what no displayed quantity covers; never used where the feed has depth."""
    spread_bps: Decimal = Decimal(2)
    """The whole spread assumed around the last trade where the feed has neither quotes nor depth."""
    queue_ahead_quote: Decimal | None = Decimal(50_000)
    """Quote value assumed ahead of a resting order whose level is not displayed; None: a touch never fills."""
    order_counts: tuple[OrderCountLimit, ...] = DEFAULT_ORDER_COUNTS
    """Empty: orders are not counted."""
    limits: ExchangeLimits = ExchangeLimits()
    asset_limits: tuple[AssetLimit, ...] = ()
    commission_free: bool = False
    """As on Spot Testnet."""
    public_trades: bool = False
    """Whether each trade of each symbol, the outside market's too, has a number and is told by ``drain_trades``."""
    bnb: Asset = "BNB"
    cancel_renames: bool = False
    """Whether an order is found by its cancel's id afterwards instead of its own."""
    unfilled_fok_null_list_id: bool = True
    """Whether a list whose working FOK found no match answers without its listClientOrderId."""
    opo_commission_from_free: bool = False
    """Whether an OPO's commission is taken from free base where that suffices; its exit is then the gross amount."""
    final_retention_us: int = DAY
    final_orders_max: int = ORDERS_KEPT_MAX
    """Final orders and final lists remembered, with their fills; a server that shows histories keeps more."""
    trades_max: int = PREVENTED_MATCHES_KEPT_MAX
    """Prevented matches remembered per account; fills are remembered with their orders."""
    fills_kept_max: int = 0
    """Fills remembered per account and symbol, at least, however long their orders are; 0: only with their orders."""

    @property
    def slippage(self) -> Decimal:
        """The slippage as a ratio."""
        return self.slippage_bps.scaleb(-4)

    @property
    def half_spread(self) -> Decimal:
        """Half the assumed spread as a ratio."""
        return self.spread_bps.scaleb(-4) / 2


class FeeSchedule(msgspec.Struct, frozen=True, gc=False):
    """An account's commission rates; ``bnb_rate`` is the part of a rate that is paid when BNB pays it."""

    maker: Decimal = ZERO
    taker: Decimal = ZERO
    pay_in_bnb: bool = False
    bnb_discount: Decimal = Decimal("0.25")
    """The share taken off when BNB pays: 0.25 leaves three quarters."""

    @property
    def bnb_rate(self) -> Decimal:
        """What is left of a rate under the discount."""
        return ONE - self.bnb_discount
