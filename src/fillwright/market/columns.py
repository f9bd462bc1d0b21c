"""Columns of market data: numpy int64 arrays scaled by a symbol's decimals, so that prices stay exact.

A chunk is a bounded run of rows of one symbol in time order. Numbers become ``Decimal`` only where somebody
looks at a row; the searches of ``market.search`` compare the integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, Self, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from fillwright.core.inputs import Candle
from fillwright.core.instruments import Instrument
from fillwright.core.types import Symbol
from fillwright.market.intervals import Interval
from fillwright.market.search import RangeSearch

Integers: TypeAlias = npt.NDArray[np.int64]
Booleans: TypeAlias = npt.NDArray[np.bool_]

DECIMALS_MAX = 8
"""Binance Spot quotes no number with more decimals."""
PRICE_HEADROOM_DECIMALS = 2
"""Symbols had finer ticks in the past than today's exchangeInfo says (DOGEUSDT 7 decimals, now 5)."""
QUANTITY_HEADROOM_DECIMALS = 3
"""Lot steps were finer in the past (BTCUSDT 6 decimals in 2020, now 5)."""
UNITS_MAX = 2**63 - 1

_QUANTA = tuple(Decimal(1).scaleb(-decimals) for decimals in range(DECIMALS_MAX + 1))
_FACTORS = tuple(Decimal(10) ** decimals for decimals in range(DECIMALS_MAX + 1))


class ScaleError(ValueError):
    """A number has more decimals than the scale of its symbol, or is too large for it."""


class Scale(msgspec.Struct, frozen=True, gc=False):
    """How many decimals the integers of a symbol's columns carry."""

    price_decimals: int
    quantity_decimals: int

    @classmethod
    def of(cls, instrument: Instrument) -> Scale:
        """The scale of an instrument: decimals of its tick and lot step, with room for the finer ones of the past."""
        tick, step = instrument.price_filter.tick, instrument.lot_size.step
        price = decimals_of(tick) + PRICE_HEADROOM_DECIMALS if tick else DECIMALS_MAX
        quantity = decimals_of(step) + QUANTITY_HEADROOM_DECIMALS if step else DECIMALS_MAX
        return cls(min(price, DECIMALS_MAX), min(quantity, DECIMALS_MAX))

    def price(self, units: int) -> Decimal:
        """The price that an integer of a price column stands for."""
        return Decimal(units) * _QUANTA[self.price_decimals]

    def quantity(self, units: int) -> Decimal:
        """The quantity that an integer of a quantity column stands for."""
        return Decimal(units) * _QUANTA[self.quantity_decimals]

    def price_units(self, price: Decimal) -> int:
        """The integer of a price; ScaleError when it has more decimals than the scale."""
        return _units(price, self.price_decimals)

    def quantity_units(self, quantity: Decimal) -> int:
        """The integer of a quantity; ScaleError when it has more decimals than the scale."""
        return _units(quantity, self.quantity_decimals)

    def price_floor(self, price: Decimal) -> int:
        """The largest integer not above a price: what ``price ≤ threshold`` compares with."""
        return int((price * _FACTORS[self.price_decimals]).to_integral_value("ROUND_FLOOR"))

    def price_ceiling(self, price: Decimal) -> int:
        """The smallest integer not below a price: what ``price ≥ threshold`` compares with."""
        return int((price * _FACTORS[self.price_decimals]).to_integral_value("ROUND_CEILING"))


def decimals_of(number: Decimal) -> int:
    """How many decimals a number needs, trailing zeros aside."""
    exponent = number.normalize().as_tuple().exponent
    if not isinstance(exponent, int):
        raise ScaleError(f"{number} is not finite")
    return max(0, -exponent)


def _units(number: Decimal, decimals: int) -> int:
    scaled = number * _FACTORS[decimals]
    units = int(scaled)
    if units != scaled:
        raise ScaleError(f"{number} has more than {decimals} decimals")
    if abs(units) > UNITS_MAX:
        raise ScaleError(f"{number} is too large")
    return units


class Rows:
    """Rows of one symbol in time order, a column each; ``row`` is the tape's row of the first one."""

    COLUMNS: ClassVar[tuple[str, ...]]
    SHARED: ClassVar[tuple[str, ...]] = ("symbol", "scale", "row")
    """What all rows have in common."""

    symbol: Symbol
    scale: Scale
    row: int

    def __len__(self) -> int:
        return len(getattr(self, self.COLUMNS[0]))

    def slice(self, start: int, stop: int) -> Self:
        """The rows from start up to stop, sharing memory."""
        part = slice(start, stop)
        return self._changed(lambda name: getattr(self, name)[part], self.row + start)

    def take(self, order: Integers) -> Self:
        """The rows in another order, copied."""
        return self._changed(lambda name: getattr(self, name)[order], self.row)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """One run of rows from several that follow each other, copied."""
        first = parts[0]
        return first._changed(lambda name: np.concatenate([getattr(part, name) for part in parts]), first.row)

    def _changed(self, column: Callable[[str], npt.NDArray[Any]], row: int) -> Self:
        rows = object.__new__(type(self))
        for name in self.SHARED:
            setattr(rows, name, getattr(self, name))
        for name in self.COLUMNS:
            setattr(rows, name, column(name))
        rows.row = row
        return rows


class TradeColumns(Rows):
    """Trades of one symbol."""

    COLUMNS = ("time_us", "price", "quantity", "buyer_is_maker", "trade_id")

    def __init__(
        self,
        symbol: Symbol,
        scale: Scale,
        time_us: Integers,
        price: Integers,
        quantity: Integers,
        buyer_is_maker: Booleans,
        trade_id: Integers,
        row: int = 0,
    ) -> None:
        self.symbol = symbol
        self.scale = scale
        self.time_us = time_us
        self.price = price
        self.quantity = quantity
        self.buyer_is_maker = buyer_is_maker
        self.trade_id = trade_id
        self.row = row

    @cached_property
    def search(self) -> RangeSearch:
        """The search over prices, built when first asked for."""
        return RangeSearch(self.price, self.price)


class CandleColumns(Rows):
    """Closed candles of one symbol and interval; ``close_time_us`` is the last microsecond inside."""

    COLUMNS = ("open_time_us", "close_time_us", "open", "high", "low", "close", "volume")
    SHARED = ("symbol", "interval", "scale", "row")

    def __init__(
        self,
        symbol: Symbol,
        interval: Interval,
        scale: Scale,
        open_time_us: Integers,
        close_time_us: Integers,
        open: Integers,
        high: Integers,
        low: Integers,
        close: Integers,
        volume: Integers,
        row: int = 0,
    ) -> None:
        self.symbol = symbol
        self.interval = interval
        self.scale = scale
        self.open_time_us = open_time_us
        self.close_time_us = close_time_us
        self.open = open
        self.high = high
        self.low = low
        self.close = close
        self.volume = volume
        self.row = row

    @cached_property
    def search(self) -> RangeSearch:
        """The search over lows (for ``≤``) and highs (for ``≥``), built when first asked for."""
        return RangeSearch(self.low, self.high)

    def candle(self, index: int) -> Candle:
        """One row as the core's input, with exact numbers."""
        price = self.scale.price
        return Candle(
            self.symbol,
            self.interval.value,
            int(self.open_time_us[index]),
            int(self.close_time_us[index]),
            price(int(self.open[index])),
            price(int(self.high[index])),
            price(int(self.low[index])),
            price(int(self.close[index])),
            self.scale.quantity(int(self.volume[index])),
        )


class QuoteColumns(Rows):
    """Best bids and asks of one symbol."""

    COLUMNS = ("time_us", "bid", "bid_quantity", "ask", "ask_quantity")

    def __init__(
        self,
        symbol: Symbol,
        scale: Scale,
        time_us: Integers,
        bid: Integers,
        bid_quantity: Integers,
        ask: Integers,
        ask_quantity: Integers,
        row: int = 0,
    ) -> None:
        self.symbol = symbol
        self.scale = scale
        self.time_us = time_us
        self.bid = bid
        self.bid_quantity = bid_quantity
        self.ask = ask
        self.ask_quantity = ask_quantity
        self.row = row

    @cached_property
    def bid_search(self) -> RangeSearch:
        """The search over best bids, built when first asked for."""
        return RangeSearch(self.bid, self.bid)

    @cached_property
    def ask_search(self) -> RangeSearch:
        """The search over best asks, built when first asked for."""
        return RangeSearch(self.ask, self.ask)


Columns: TypeAlias = TradeColumns | CandleColumns | QuoteColumns
