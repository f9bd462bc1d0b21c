"""Market data one event at a time: what a recording of several streams becomes, with exact numbers.

``time_us`` never goes back within a tape. Depth follows Binance's procedure ("How to manage a local order book
correctly"): a snapshot first, then updates that continue it without a gap.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

import msgspec

from fillwright.core.inputs import Candle
from fillwright.core.types import Symbol, Time

Level: TypeAlias = tuple[Decimal, Decimal]
"""Price and quantity; in an update a quantity of 0 removes the level."""
Levels: TypeAlias = tuple[Level, ...]


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One trade of the market (or one aggregate of trades at a price)."""

    symbol: Symbol
    time_us: Time
    trade_id: int
    price: Decimal
    quantity: Decimal
    buyer_is_maker: bool


class Quote(msgspec.Struct, frozen=True, gc=False):
    """The best bid and ask."""

    symbol: Symbol
    time_us: Time
    update_id: int
    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal


class DepthSnapshot(msgspec.Struct, frozen=True):
    """A whole book, best levels first; it replaces what was known."""

    symbol: Symbol
    time_us: Time
    last_update_id: int
    bids: Levels
    asks: Levels


class DepthUpdate(msgspec.Struct, frozen=True):
    """Changed levels with their new quantities."""

    symbol: Symbol
    time_us: Time
    first_update_id: int
    final_update_id: int
    bids: Levels
    asks: Levels


class CandleClosed(msgspec.Struct, frozen=True, gc=False):
    """A candle has closed."""

    time_us: Time
    candle: Candle

    @property
    def symbol(self) -> Symbol:
        """The candle's symbol."""
        return self.candle.symbol


Event: TypeAlias = Trade | Quote | DepthSnapshot | DepthUpdate | CandleClosed


class EventChunk:
    """A bounded run of events in time order; ``row`` is the number of events of the tape before it."""

    __slots__ = ("events", "row")

    def __init__(self, events: list[Event], row: int) -> None:
        self.events = events
        self.row = row

    def __len__(self) -> int:
        return len(self.events)
