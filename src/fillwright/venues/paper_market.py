"""The paper exchange's ear on the market: a tick overwrites a slot, and wakes the exchange only when it matters."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from fillwright.core.inputs import Candle
from fillwright.core.types import Symbol, Time
from fillwright.ports import FeedState, Levels
from fillwright.venues.paper_books import PaperExchange
from fillwright.venues.paper_slots import Slot


class PaperMarket:
    """``ports.MarketSink`` of one paper exchange; before it is attached to one, and afterwards, ticks are passed over.

    The exchange goes by the venue's clock: what a source says of time only tells its minutes apart.
    """

    __slots__ = ("_exchange", "_moved", "_now", "_slots")

    def __init__(self, now: Callable[[], Time], moved: Callable[[], None]) -> None:
        self._now = now
        self._moved = moved
        """Called after the exchange did something."""
        self._slots: dict[Symbol, Slot] = {}
        self._exchange: PaperExchange | None = None

    def attach(self, exchange: PaperExchange | None) -> None:
        """Move this exchange from now on; None: nobody."""
        self._exchange = exchange
        self._slots = {} if exchange is None else exchange.slots

    def trade(
        self, symbol: Symbol, price: Decimal, quantity: Decimal, buyer_is_maker: bool, time: Time
    ) -> None:
        """One trade of the market."""
        slot = self._slots.get(symbol)
        if slot is None:
            return
        if not slot.minute_begins <= time < slot.minute_ends:
            slot.begin_minute(time)
        slot.value += price * quantity
        slot.volume += quantity
        if slot.low < price < slot.high and slot.has_trades:
            slot.last = price
            return
        assert self._exchange is not None
        self._exchange.traded(slot, price, quantity, buyer_is_maker, self._now())
        self._moved()

    def quote(
        self,
        symbol: Symbol,
        bid: Decimal,
        bid_quantity: Decimal,
        ask: Decimal,
        ask_quantity: Decimal,
        time: Time,
    ) -> None:
        """The best bid and ask; they move orders only as long as there are neither trades nor depth."""
        slot = self._slots.get(symbol)
        if slot is None:
            return
        if slot.has_trades or slot.low < bid <= ask < slot.high:
            slot.bid, slot.bid_quantity = bid, bid_quantity
            slot.ask, slot.ask_quantity = ask, ask_quantity
            return
        assert self._exchange is not None
        self._exchange.quoted(slot, bid, bid_quantity, ask, ask_quantity, self._now())
        self._moved()

    def depth(self, symbol: Symbol, bids: Levels, asks: Levels, time: Time) -> None:
        """The best levels of the book, in place of those before; the sequences are kept, not copied."""
        slot = self._slots.get(symbol)
        if slot is None:
            return
        slot.bids, slot.asks = bids, asks
        if slot.depth_may_wait(bids, asks):
            return
        assert self._exchange is not None
        self._exchange.deepened(slot, self._now())
        self._moved()

    def candle(self, candle: Candle) -> None:
        """Candles tell the exchange nothing that trades have not."""

    def state(self, state: FeedState) -> None:
        """An exchange trades on whatever becomes of its customers' view of it."""
