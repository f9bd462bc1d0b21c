"""Instrument: one traded pair with its filters and rounding. The one place where filters exist.

The exchange rejects by these rules, the risk checks foresee them, and rounding for orders is done here alone.
Sources: Binance Spot ``filters``, exchangeInfo; binance-spot.md §3.4, §5, §13.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.types import (
    ONE,
    STOP_TYPES,
    ZERO,
    Asset,
    OrderType,
    SelfTradePrevention,
    Side,
    Symbol,
    SymbolStatus,
    ceil_to,
    floor_to,
)

ALL_ORDER_TYPES = tuple(OrderType)
DEFAULT_STP_MODES = (
    SelfTradePrevention.EXPIRE_TAKER,
    SelfTradePrevention.EXPIRE_MAKER,
    SelfTradePrevention.EXPIRE_BOTH,
    SelfTradePrevention.DECREMENT,
    SelfTradePrevention.TRANSFER,
)


class PriceFilter(msgspec.Struct, frozen=True, gc=False):
    """PRICE_FILTER: a part that is 0 is off."""

    minimum: Decimal = ZERO
    maximum: Decimal = ZERO
    tick: Decimal = ZERO


class LotSize(msgspec.Struct, frozen=True, gc=False):
    """LOT_SIZE and MARKET_LOT_SIZE: a part that is 0 is off."""

    minimum: Decimal = ZERO
    maximum: Decimal = ZERO
    step: Decimal = ZERO


class PercentPrice(msgspec.Struct, frozen=True, gc=False):
    """PERCENT_PRICE (both sides alike) and PERCENT_PRICE_BY_SIDE: bands around the average price."""

    by_side: bool
    bid_up: Decimal
    bid_down: Decimal
    ask_up: Decimal
    ask_down: Decimal
    average_minutes: int = 5

    def band(self, side: Side, average: Decimal) -> tuple[Decimal, Decimal]:
        """Lowest and highest price allowed for an order of this side."""
        if side is Side.BUY:
            return average * self.bid_down, average * self.bid_up
        return average * self.ask_down, average * self.ask_up


class Notional(msgspec.Struct, frozen=True, gc=False):
    """NOTIONAL and MIN_NOTIONAL: bounds of price × quantity; 0 is off."""

    filter_name: str = "NOTIONAL"
    minimum: Decimal = ZERO
    minimum_for_market: bool = True
    maximum: Decimal = ZERO
    maximum_for_market: bool = False
    average_minutes: int = 5


class TrailingDelta(msgspec.Struct, frozen=True, gc=False):
    """TRAILING_DELTA, in basis points, inclusive."""

    above_minimum: int
    above_maximum: int
    below_minimum: int
    below_maximum: int


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol as exchangeInfo describes it."""

    symbol: Symbol
    base: Asset
    quote: Asset
    status: SymbolStatus = SymbolStatus.TRADING
    base_precision: int = 8
    quote_precision: int = 8
    base_commission_precision: int = 8
    quote_commission_precision: int = 8
    order_types: tuple[OrderType, ...] = ALL_ORDER_TYPES
    iceberg_allowed: bool = True
    oco_allowed: bool = True
    oto_allowed: bool = True
    opo_allowed: bool = True
    quote_order_quantity_allowed: bool = True
    trailing_allowed: bool = True
    cancel_replace_allowed: bool = True
    amend_allowed: bool = True
    spot_allowed: bool = True
    default_stp: SelfTradePrevention = SelfTradePrevention.EXPIRE_MAKER
    allowed_stp: tuple[SelfTradePrevention, ...] = DEFAULT_STP_MODES
    price_filter: PriceFilter = PriceFilter()
    lot_size: LotSize = LotSize()
    market_lot_size: LotSize = LotSize()
    percent_price: PercentPrice | None = None
    notional: Notional | None = None
    trailing_delta: TrailingDelta | None = None
    iceberg_parts_max: int | None = None
    orders_max: int | None = None
    algo_orders_max: int | None = None
    iceberg_orders_max: int | None = None
    order_lists_max: int | None = None
    amends_max: int | None = None
    position_max: Decimal | None = None

    # -- rounding: never widens risk -------------------------------------------------------------------------

    def floor_quantity(self, quantity: Decimal) -> Decimal:
        """Round a quantity down to the lot step."""
        return floor_to(quantity, self.lot_size.step) if quantity > ZERO else ZERO

    def floor_market_quantity(self, quantity: Decimal) -> Decimal:
        """Round a quantity down to what a MARKET order may carry in one piece (step of both lot filters, maximum)."""
        if quantity <= ZERO:
            return ZERO
        maximum = self.market_quantity_max
        if maximum and quantity > maximum:
            quantity = maximum
        return floor_to(floor_to(quantity, self.market_lot_size.step), self.lot_size.step)

    @property
    def market_quantity_max(self) -> Decimal:
        """The largest MARKET quantity; 0 when unbounded."""
        limits = [lot.maximum for lot in (self.lot_size, self.market_lot_size) if lot.maximum]
        return min(limits, default=ZERO)

    def price_down(self, price: Decimal) -> Decimal:
        """Align a price to the tick, downwards (buy limits, targets of longs)."""
        return floor_to(price, self.price_filter.tick)

    def price_up(self, price: Decimal) -> Decimal:
        """Align a price to the tick, upwards (stops of longs)."""
        return ceil_to(price, self.price_filter.tick)

    # -- filters: the name of the first one violated, or None ------------------------------------------------

    def price_violation(self, price: Decimal) -> str | None:
        """PRICE_FILTER of a price or stop price."""
        rule = self.price_filter
        if rule.minimum and price < rule.minimum or rule.maximum and price > rule.maximum:
            return "PRICE_FILTER"
        if rule.tick and price % rule.tick:
            return "PRICE_FILTER"
        return None

    def percent_violation(
        self, side: Side, price: Decimal, average: Decimal | None, margin: Decimal = ZERO
    ) -> str | None:
        """PERCENT_PRICE(_BY_SIDE) of a limit price, the band narrowed by a margin (0.02 = 2 % at each edge)."""
        rule = self.percent_price
        if rule is None or average is None:
            return None
        low, high = rule.band(side, average)
        if low * (ONE + margin) <= price <= high * (ONE - margin):
            return None
        return "PERCENT_PRICE_BY_SIDE" if rule.by_side else "PERCENT_PRICE"

    def quantity_violation(self, quantity: Decimal, market: bool) -> str | None:
        """LOT_SIZE of a quantity, and MARKET_LOT_SIZE when the order is a MARKET order."""
        rules = (("LOT_SIZE", self.lot_size), ("MARKET_LOT_SIZE", self.market_lot_size))
        for name, rule in rules if market else rules[:1]:
            if rule.minimum and quantity < rule.minimum or rule.maximum and quantity > rule.maximum:
                return name
            if rule.step and quantity % rule.step:
                return name
        return None

    def notional_violation(self, price: Decimal, quantity: Decimal, market: bool) -> str | None:
        """(MIN_)NOTIONAL of price × quantity; for MARKET orders the price is the average price."""
        rule = self.notional
        if rule is None:
            return None
        notional = price * quantity
        if rule.minimum and notional < rule.minimum and (rule.minimum_for_market or not market):
            return rule.filter_name
        if rule.maximum and notional > rule.maximum and (rule.maximum_for_market or not market):
            return rule.filter_name
        return None

    def trailing_violation(self, order_type: OrderType, side: Side, delta: int) -> str | None:
        """TRAILING_DELTA of a trailing stop in basis points."""
        rule = self.trailing_delta
        if rule is None:
            return None
        above = (order_type in STOP_TYPES) == (side is Side.BUY)
        low, high = (
            (rule.above_minimum, rule.above_maximum) if above else (rule.below_minimum, rule.below_maximum)
        )
        return None if low <= delta <= high else "TRAILING_DELTA"

    @property
    def notional_min(self) -> Decimal:
        """The least notional of an order; 0 when unbounded."""
        return self.notional.minimum if self.notional is not None else ZERO

    def is_sellable(self, quantity: Decimal, price: Decimal) -> bool:
        """Whether a quantity, floored, may be sold at a price at all: the border between coins and dust."""
        least, least_at_market = self.lot_size.minimum, self.market_lot_size.minimum
        if quantity <= ZERO or quantity < least or quantity < least_at_market:
            return False
        floored = self.floor_quantity(quantity)
        return (
            floored > ZERO
            and floored >= least
            and floored >= least_at_market
            and floored * price >= self.notional_min
        )
