"""What the exchange knows of one symbol's market: prices, liquidity, our resting orders, waiting triggers.

Liquidity for takers comes from the best source the feed has: depth, else the best quotes (and what exceeds them
at a stated slippage), else the last trade ± half a stated spread, at that slippage.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from operator import attrgetter

import msgspec

from fillwright.core.instruments import Instrument
from fillwright.core.types import MINUTE, ONE, ZERO, OrderType, Side, SymbolStatus, Time, ceil_to, floor_to
from fillwright.exchange.ladder import Ladder
from fillwright.exchange.messages import NO_ID
from fillwright.exchange.orders import Order
from fillwright.exchange.settings import ExchangeLimits, ExchangeSettings
from fillwright.exchange.shelf import Shelf

# Members bound once: attribute access on an enum class costs more than the comparison itself.
_STOP_LOSS = OrderType.STOP_LOSS
_STOP_LOSS_LIMIT = OrderType.STOP_LOSS_LIMIT
_BUY = Side.BUY
_SELL = Side.SELL
_TRADING = SymbolStatus.TRADING

INFINITY = Decimal("Infinity")
AVERAGE_MINUTES_MAX = 60
COUNT_UNBOUNDED = 1 << 62
_SEQUENCE = attrgetter("sequence")

Level = tuple[Decimal, Decimal | None]
"""Price and quantity; None: as much as is asked for."""


class Quoted(msgspec.Struct, frozen=True, gc=False):
    """The market of a symbol as the exchange sees it; None where nothing is known yet."""

    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    """The last trade; on feeds without trades the bid (a trade of our own there would stay the last for good)."""


class PriceRange(msgspec.Struct, frozen=True, gc=False):
    """The PRICE_RANGE execution rule: how far from the reference price a taker may trade."""

    bid_up: Decimal
    bid_down: Decimal
    ask_up: Decimal
    ask_down: Decimal

    def limits(self, side: Side, reference: Decimal) -> tuple[Decimal, Decimal]:
        """Lowest and highest price at which a taker of this side may trade."""
        if side is _BUY:
            return reference * self.bid_down, reference * self.bid_up
        return reference * self.ask_down, reference * self.ask_up


class AverageWindow:
    """Volume weighted average price over the last minutes, in buckets of one minute."""

    __slots__ = ("buckets",)

    def __init__(self) -> None:
        self.buckets: deque[tuple[int, Decimal, Decimal]] = deque(maxlen=AVERAGE_MINUTES_MAX)
        """Minute, value and volume."""

    def add(self, price: Decimal, quantity: Decimal, now: Time) -> None:
        """Count a trade."""
        minute = now // MINUTE
        buckets = self.buckets
        if buckets and buckets[-1][0] == minute:
            _, value, volume = buckets[-1]
            buckets[-1] = (minute, value + price * quantity, volume + quantity)
        else:
            buckets.append((minute, price * quantity, quantity))

    def average(self, minutes: int, now: Time) -> Decimal | None:
        """The average over this many minutes up to now; None without volume."""
        since = now // MINUTE - minutes
        value, volume = ZERO, ZERO
        for minute, bucket_value, bucket_volume in self.buckets:
            if minute > since:
                value += bucket_value
                volume += bucket_volume
        return value / volume if volume else None


class SymbolMarket:
    """Everything about one symbol that is not an account's."""

    __slots__ = (
        "_above",
        "_below",
        "_cheaper",
        "_dearer",
        "_touch",
        "_touch_of",
        "ask",
        "ask_quantity",
        "asks",
        "average",
        "base_limit",
        "base_quantum",
        "bid",
        "bid_quantity",
        "bids",
        "candle_open",
        "depth_asks",
        "depth_bids",
        "dirty",
        "falling",
        "half_spread",
        "has_asset_limits",
        "has_reference",
        "has_trades",
        "high",
        "instrument",
        "last",
        "last_time",
        "least_count",
        "least_shared_count",
        "limits",
        "low",
        "match_id",
        "own_limits",
        "price_range",
        "queue_ahead_quote",
        "quote_limit",
        "quote_quantum",
        "range",
        "reference_price",
        "rising",
        "slippage",
        "status",
        "trade_id",
        "trailing",
    )  # fmt: skip

    def __init__(self, instrument: Instrument, settings: ExchangeSettings) -> None:
        self.limits = settings.limits
        self.base_limit: Decimal | None = None
        self.quote_limit: Decimal | None = None
        for rule in settings.asset_limits:
            if rule.asset == instrument.base:
                self.base_limit = rule.limit
            elif rule.asset == instrument.quote:
                self.quote_limit = rule.limit
        self.has_asset_limits = self.base_limit is not None or self.quote_limit is not None
        self.use(instrument)
        self.status = instrument.status
        self.slippage = settings.slippage
        self._dearer = ONE + self.slippage
        self._cheaper = ONE - self.slippage
        self.half_spread = settings.half_spread
        self._below = ONE - self.half_spread
        self._above = ONE + self.half_spread
        self.queue_ahead_quote = settings.queue_ahead_quote
        self.last: Decimal | None = None
        self.last_time: Time = 0
        self.has_trades = False
        self.bid: Decimal | None = None
        self.ask: Decimal | None = None
        self.bid_quantity = ZERO
        self.ask_quantity = ZERO
        self.depth_bids: Ladder | None = None
        self.depth_asks: Ladder | None = None
        self.candle_open: Time = NO_ID
        self.reference_price: Decimal | None = None
        self.has_reference = False
        """Whether a reference price was ever set; not part of a dump."""
        self.price_range: PriceRange | None = None
        self.average = AverageWindow()
        self.trade_id = 0
        self.match_id = 0
        self.bids = Shelf(descending=True)
        self.asks = Shelf(descending=False)
        self.falling = Shelf(descending=True)
        """Triggers that fire when the price falls to them."""
        self.rising = Shelf(descending=False)
        """Triggers that fire when the price rises to them."""
        self.trailing: list[Order] = []
        self.low = ZERO
        self.high = INFINITY
        self.range: tuple[Decimal | None, Decimal | None] = (None, None)
        """The same, None where there is no bound; another tuple when it was derived anew."""
        self.dirty = False
        """Whether ``low`` and ``high`` must be derived anew."""

    def use(self, instrument: Instrument) -> None:
        """Take an instrument, and what is derived from it for speed alone."""
        self.instrument = instrument
        self._touch = (ZERO, ZERO)
        self._touch_of: Decimal | None = None
        self.base_quantum = Decimal((0, (1,), -instrument.base_precision))
        self.quote_quantum = Decimal((0, (1,), -instrument.quote_precision))
        self.own_limits = ExchangeLimits(
            instrument.orders_max,
            instrument.algo_orders_max,
            instrument.iceberg_orders_max,
            instrument.order_lists_max,
        )
        self.least_count = _least(self.own_limits)
        self.least_shared_count = _least(self.limits)

    # -- prices --------------------------------------------------------------------------------------------------

    @property
    def is_trading(self) -> bool:
        """Whether orders may match."""
        return self.status is _TRADING

    def best_bid(self) -> Decimal | None:
        """The outside market's best bid: of depth, else quotes, else derived from the last trade."""
        if self.depth_bids is not None and self.depth_bids.prices:
            return self.depth_bids.best
        if self.bid is not None:
            return self.bid
        if self.last is None:
            return None
        return self._derived_touch()[0]

    def best_ask(self) -> Decimal | None:
        """The outside market's best ask, as ``best_bid``."""
        if self.depth_asks is not None and self.depth_asks.prices:
            return self.depth_asks.best
        if self.ask is not None:
            return self.ask
        if self.last is None:
            return None
        return self._derived_touch()[1]

    def quoted(self) -> Quoted:
        """Best bid and ask as the exchange sees them, and the price that stops to sell compare with."""
        last = self.last
        if self.bid is None and self.ask is None and self.depth_bids is None and last is not None:
            bid, ask = self._touch if last is self._touch_of else self._derived_touch()
            return Quoted(bid, ask, last if self.has_trades else bid)
        return Quoted(self.best_bid(), self.best_ask(), self.trigger_price(_SELL))

    def _derived_touch(self) -> tuple[Decimal, Decimal]:
        """Bid and ask around the last trade: worked out once for each, as many ask."""
        last = self.last
        if last is not self._touch_of:
            assert last is not None
            tick = self.instrument.price_filter.tick
            self._touch = (floor_to(last * self._below, tick), ceil_to(last * self._above, tick))
            self._touch_of = last
        return self._touch

    def trigger_price(self, side: Side) -> Decimal | None:
        """The price that stops of a side compare with: the last trade, on feeds without trades the quote."""
        if self.has_trades:
            return self.last
        price = self.best_bid() if side is _SELL else self.best_ask()
        return price if price is not None else self.last

    # -- liquidity -----------------------------------------------------------------------------------------------

    def levels(self, side: Side, limit: Decimal | None) -> Iterator[Level]:
        """What a taker of a side finds outside, best first; the limit only shapes prices that are assumed."""
        buying = side is _BUY
        ladder = self.depth_asks if buying else self.depth_bids
        if ladder is not None:
            return ladder.levels()
        displayed = self.ask if buying else self.bid
        if displayed is not None:
            quantity = self.ask_quantity if buying else self.bid_quantity
            beyond: Level = (self._slipped(side, displayed), None)
            return iter(((displayed, quantity), beyond) if quantity > ZERO else (beyond,))
        touch = self.best_ask() if buying else self.best_bid()
        if touch is None:
            return iter(())
        price = self._slipped(side, touch)
        if limit is not None and (touch <= limit < price if buying else price < limit <= touch):
            # Nobody knows how much stands at the touch: an order that crosses it trades, at its limit at worst.
            price = limit
        return iter(((price, None),))

    def _slipped(self, side: Side, price: Decimal) -> Decimal:
        instrument = self.instrument
        tick = instrument.price_filter.tick
        if side is _BUY:
            price = instrument.price_up(price * self._dearer)
        else:
            price = instrument.price_down(price * self._cheaper)
        # Written with the tick's digits: a price derived from a derived price must not grow longer each time.
        return price.quantize(tick) if tick else price

    def take(self, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Consume displayed liquidity on behalf of a taker of a side; it is gone until the feed refreshes it."""
        buying = side is _BUY
        ladder = self.depth_asks if buying else self.depth_bids
        if ladder is not None:
            ladder.take(price, quantity)
        elif buying and price == self.ask:
            self.ask_quantity = max(ZERO, self.ask_quantity - quantity)
        elif not buying and price == self.bid:
            self.bid_quantity = max(ZERO, self.bid_quantity - quantity)

    def displayed_ahead(self, order: Order) -> Decimal | None:
        """The quantity before an order that joins the book at its price: displayed, else assumed; None unknown."""
        buying = order.side is _BUY
        ladder = self.depth_bids if buying else self.depth_asks
        if ladder is not None and ladder.covers(order.price):
            return ladder.quantities.get(order.price, ZERO)
        best = self.bid if buying else self.ask
        if best is not None:
            if order.price == best:
                return self.bid_quantity if buying else self.ask_quantity
            if order.price > best if buying else order.price < best:
                return ZERO
        if self.queue_ahead_quote is None:
            return None
        return self.instrument.floor_quantity(self.queue_ahead_quote / order.price)

    # -- what may be skipped -------------------------------------------------------------------------------------

    def bounds(self) -> tuple[Decimal, Decimal]:
        """Prices strictly between these change nothing but the last price; derived when something changed."""
        if self.dirty:
            self._derive_bounds()
        return self.low, self.high

    def _derive_bounds(self) -> None:
        low, high = ZERO, INFINITY
        if self.bids.entries:
            low = self.bids.entries[0][2].price
        if self.asks.entries:
            high = self.asks.entries[0][0]
        if self.falling.entries:
            low = max(low, -self.falling.entries[0][0])
        if self.rising.entries:
            high = min(high, self.rising.entries[0][0])
        for order in self.trailing:
            if order.extreme:
                below, above = sorted((order.trigger, order.extreme))
                low, high = max(low, below), min(high, above)
            elif not order.stop_price:
                low, high = INFINITY, ZERO  # it begins with the first price there is, whichever that be
            elif starts_rising(order):
                high = min(high, order.stop_price)
            else:
                low = max(low, order.stop_price)
        self.low, self.high = low, high
        self.range = (low or None, None if high == INFINITY else high)
        self.dirty = False

    # -- own orders ----------------------------------------------------------------------------------------------

    def rest(self, order: Order) -> None:
        """Put a limit order on the book."""
        (self.bids if order.side is _BUY else self.asks).add(order.price, order)
        self.dirty = True

    def wait(self, order: Order) -> None:
        """Let a contingent order wait for its trigger."""
        if order.trailing_delta:
            insort(self.trailing, order, key=_SEQUENCE)
        else:
            (self.rising if fires_rising(order) else self.falling).add(order.trigger, order)
        self.dirty = True

    def remove(self, order: Order) -> None:
        """Take an order off the book or out of the triggers; one that is in neither is left alone."""
        if not order.is_contingent:
            if order.price:
                (self.bids if order.side is _BUY else self.asks).discard(order.price, order)
        elif order.trailing_delta:
            self.trailing = [other for other in self.trailing if other is not order]
        else:
            (self.rising if fires_rising(order) else self.falling).discard(order.trigger, order)
        self.dirty = True


def _least(limits: ExchangeLimits) -> int:
    """The number of open orders up to which none of these limits can be exceeded."""
    counts = (
        limits.orders_max,
        limits.algo_orders_max,
        limits.iceberg_orders_max,
        limits.order_lists_max,
    )
    return min([count for count in counts if count is not None], default=COUNT_UNBOUNDED)


def starts_rising(order: Order) -> bool:
    """Whether a stop price is met from below: stop losses that buy, take profits that sell."""
    is_stop = order.type is _STOP_LOSS or order.type is _STOP_LOSS_LIMIT
    return is_stop is (order.side is _BUY)


def fires_rising(order: Order) -> bool:
    """Whether the order fires on a rise: a fixed stop by its kind, a trailing one when it buys."""
    if order.trailing_delta:
        return order.side is _BUY
    return starts_rising(order)
