"""What the paper exchange has not been shown yet of a symbol's market, and what it need not be shown.

Strictly inside of a symbol's bounds (``exchange.bounds``) a tick changes nothing but the latest prices. Then it only
overwrites the symbol's slot, and the exchange is shown the slot before it does anything else with that symbol.
"""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.types import MINUTE, ZERO, Symbol, Time
from fillwright.exchange.market import AVERAGE_MINUTES_MAX, INFINITY, SymbolMarket
from fillwright.exchange.shelf import Shelf
from fillwright.ports import Levels


class Slot:
    """The latest of one symbol's market that the exchange has not been shown yet (None: nothing new); its bounds."""

    __slots__ = (
        "ask", "ask_quantity", "asks", "bid", "bid_quantity", "bids", "has_depth", "has_trades", "high", "last", "low",
        "market", "minute", "minute_begins", "minute_ends", "minutes", "symbol", "value", "volume",
    )  # fmt: skip

    def __init__(self, symbol: Symbol, market: SymbolMarket) -> None:
        self.symbol = symbol
        self.market = market
        self.last: Decimal | None = None
        self.bid: Decimal | None = None
        self.bid_quantity = ZERO
        self.ask = ZERO
        self.ask_quantity = ZERO
        self.bids: Levels | None = None
        self.asks: Levels = ()
        self.minute = 0
        self.minute_begins: Time = 0
        self.minute_ends: Time = 0
        self.value = ZERO
        self.volume = ZERO
        self.minutes: list[tuple[int, Decimal, Decimal]] = []
        """Minute, value and volume of those before the one that is open."""
        self.renew()

    def renew(self) -> None:
        """Take up what the exchange now has to say of this market: after everything that it did."""
        market = self.market
        self.has_trades = market.has_trades
        self.has_depth = market.depth_bids is not None
        if not self.is_known:
            self.low, self.high = INFINITY, ZERO  # the first tick matters, whatever it is
        elif market.is_trading:
            self.low, self.high = market.bounds()
        else:
            # No price sets anything off; what was crossed meanwhile is set off when the symbol trades again.
            self.low, self.high = ZERO, INFINITY

    @property
    def is_known(self) -> bool:
        """Whether the exchange has heard anything of this market."""
        market = self.market
        return market.last is not None or market.bid is not None or market.depth_bids is not None

    def forget(self) -> None:
        """Have the exchange know nothing of this market, as before its first tick; orders are left as they are."""
        self.last = self.bid = self.bids = None
        self.asks = ()
        market = self.market
        market.last = market.bid = market.ask = None
        market.bid_quantity = market.ask_quantity = ZERO
        market.depth_bids = market.depth_asks = None
        market.has_trades = False
        market.dirty = True
        self.renew()

    def begin_minute(self, time: Time) -> None:
        """A trade of another minute begins: what the minute before summed up to is put away."""
        if self.volume:
            self.minutes.append((self.minute, self.value, self.volume))
            if len(self.minutes) > AVERAGE_MINUTES_MAX:
                del self.minutes[0]
        self.minute = time // MINUTE
        self.minute_begins = self.minute * MINUTE
        self.minute_ends = self.minute_begins + MINUTE
        self.value = self.volume = ZERO

    def average(self, minutes: int) -> Decimal | None:
        """The volume weighted average price of the last minutes with the one that is open; None without trades."""
        value, volume = self.value, self.volume
        for minute, minute_value, minute_volume in reversed(self.minutes):
            if minute <= self.minute - minutes:
                break
            value += minute_value
            volume += minute_volume
        return value / volume if volume else None

    def depth_may_wait(self, bids: Levels, asks: Levels) -> bool:
        """Whether a new book can move no order: the exchange will see it before it does anything else."""
        market = self.market
        if market.bids.entries and _shortens(market.bids, bids):
            return False
        if market.asks.entries and _shortens(market.asks, asks):
            return False
        if self.has_trades:
            return True
        if not (self.has_depth and bids and asks):
            return False
        return self.low < bids[0][0] <= asks[0][0] < self.high


def _shortens(shelf: Shelf, levels: Levels) -> bool:
    """Whether less is displayed at a resting order's price than is assumed to stand before it."""
    if not levels:
        return False
    best, end = shelf.entries[0][2].price, levels[-1][0]
    if best < end if shelf.descending else best > end:
        return False  # by far the most common: our orders are further away than what is displayed
    displayed = {price: quantity for price, quantity in levels if quantity}
    if not displayed:
        return False
    worst = min(displayed) if shelf.descending else max(displayed)
    for _, _, order in shelf.entries:
        price = order.price
        if price < worst if shelf.descending else price > worst:
            return False
        ahead = order.queue_ahead
        if ahead is None or ahead > displayed.get(price, ZERO):
            return True
    return False
