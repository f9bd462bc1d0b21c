"""Columns of market data: numpy int64 arrays scaled by a symbol's decimals, so that prices stay exact.

A chunk is a bounded run of rows of one symbol in time order. Numbers become ``Decimal`` only where somebody
looks at a row; the searches of ``market.search`` compare the integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

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


class TradeColumns:
    """Trades of one symbol in time order; ``row`` is the tape's row of the first one."""

    __slots__ = (
        "__dict__",
        "buyer_is_maker",
        "price",
        "quantity",
        "row",
        "scale",
        "symbol",
        "time_us",
        "trade_id",
    )

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

    def __len__(self) -> int:
        return len(self.time_us)

    def slice(self, start: int, stop: int) -> TradeColumns:
        """The rows from start up to stop, sharing memory."""
        part = slice(start, stop)
        return TradeColumns(
            self.symbol,
            self.scale,
            self.time_us[part],
            self.price[part],
            self.quantity[part],
            self.buyer_is_maker[part],
            self.trade_id[part],
            self.row + start,
        )

    @classmethod
    def join(cls, parts: Sequence[TradeColumns]) -> TradeColumns:
        """One run of rows from several that follow each other."""
        first = parts[0]
        return cls(
            first.symbol,
            first.scale,
            np.concatenate([part.time_us for part in parts]),
            np.concatenate([part.price for part in parts]),
            np.concatenate([part.quantity for part in parts]),
            np.concatenate([part.buyer_is_maker for part in parts]),
            np.concatenate([part.trade_id for part in parts]),
            row=first.row,
        )

    @cached_property
    def search(self) -> RangeSearch:
        """The search over prices, built when first asked for."""
        return RangeSearch(self.price, self.price)


class CandleColumns:
    """Closed candles of one symbol and interval in time order; ``close_time_us`` is the last microsecond inside."""

    __slots__ = (
        "__dict__",
        "close",
        "close_time_us",
        "high",
        "interval",
        "low",
        "open",
        "open_time_us",
        "row",
        "scale",
        "symbol",
        "volume",
    )

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

    def __len__(self) -> int:
        return len(self.open_time_us)

    def slice(self, start: int, stop: int) -> CandleColumns:
        """The rows from start up to stop, sharing memory."""
        part = slice(start, stop)
        return CandleColumns(
            self.symbol,
            self.interval,
            self.scale,
            self.open_time_us[part],
            self.close_time_us[part],
            self.open[part],
            self.high[part],
            self.low[part],
            self.close[part],
            self.volume[part],
            self.row + start,
        )

    @classmethod
    def join(cls, parts: Sequence[CandleColumns]) -> CandleColumns:
        """One run of rows from several that follow each other."""
        first = parts[0]
        return cls(
            first.symbol,
            first.interval,
            first.scale,
            np.concatenate([part.open_time_us for part in parts]),
            np.concatenate([part.close_time_us for part in parts]),
            np.concatenate([part.open for part in parts]),
            np.concatenate([part.high for part in parts]),
            np.concatenate([part.low for part in parts]),
            np.concatenate([part.close for part in parts]),
            np.concatenate([part.volume for part in parts]),
            row=first.row,
        )

    @cached_property
    def search(self) -> RangeSearch:
        """The search over lows (for ``≤``) and highs (for ``≥``), built when first asked for."""
        return RangeSearch(self.low, self.high)


class QuoteColumns:
    """Best bids and asks of one symbol in time order."""

    __slots__ = (
        "__dict__",
        "ask",
        "ask_quantity",
        "bid",
        "bid_quantity",
        "row",
        "scale",
        "symbol",
        "time_us",
    )

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

    def __len__(self) -> int:
        return len(self.time_us)

    def slice(self, start: int, stop: int) -> QuoteColumns:
        """The rows from start up to stop, sharing memory."""
        part = slice(start, stop)
        return QuoteColumns(
            self.symbol,
            self.scale,
            self.time_us[part],
            self.bid[part],
            self.bid_quantity[part],
            self.ask[part],
            self.ask_quantity[part],
            self.row + start,
        )

    @classmethod
    def join(cls, parts: Sequence[QuoteColumns]) -> QuoteColumns:
        """One run of rows from several that follow each other."""
        first = parts[0]
        return cls(
            first.symbol,
            first.scale,
            np.concatenate([part.time_us for part in parts]),
            np.concatenate([part.bid for part in parts]),
            np.concatenate([part.bid_quantity for part in parts]),
            np.concatenate([part.ask for part in parts]),
            np.concatenate([part.ask_quantity for part in parts]),
            row=first.row,
        )

    @cached_property
    def bid_search(self) -> RangeSearch:
        """The search over best bids, built when first asked for."""
        return RangeSearch(self.bid, self.bid)

    @cached_property
    def ask_search(self) -> RangeSearch:
        """The search over best asks, built when first asked for."""
        return RangeSearch(self.ask, self.ask)


Columns: TypeAlias = TradeColumns | CandleColumns | QuoteColumns
