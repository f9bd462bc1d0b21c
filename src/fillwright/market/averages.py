"""The volume-weighted average price of the last minutes, as Binance's ``avgPrice`` has it, exactly.

PERCENT_PRICE(_BY_SIDE) and NOTIONAL of MARKET orders are judged by it (Binance Spot "Filters": avgPriceMins).
Sums are made in integers, for those rows alone that somebody looks at.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from operator import mul
from typing import cast

import numpy as np

from fillwright.core.types import CONTEXT, MINUTE, ZERO, Time, money
from fillwright.market.columns import CandleColumns, Integers, TradeColumns

MODULUS = 2**64
STRIDE_BITS = 4
STRIDE = 1 << STRIDE_BITS
"""Rows from one running sum to the next."""
NEAR_ROWS = 64
"""So many rows are added up in Python sooner than numpy is called."""


class _Sums:
    """Sums over runs of one chunk's rows: of a run like the last one what it has more and less, else of the whole run
    directly, else from running sums, once so much has been looked at that they pay.

    numpy sums price × quantity modulo 2^64. What the sum is follows from that: all prices lie between a lowest and a
    highest, so it is at least lowest × volume, and as long as the rest of it stays under 2^64, it is known.
    """

    __slots__ = (
        "_chunk", "_highest", "_last", "_lowest", "_notionals", "_price", "_prices", "_quantities", "_quantity",
        "_rows", "_seen", "_volumes", "scale", "times",
    )  # fmt: skip

    def __init__(self, chunk: TradeColumns | CandleColumns) -> None:
        if isinstance(chunk, CandleColumns):
            times, price, quantity = chunk.close_time_us, chunk.close, chunk.volume
        else:
            times, price, quantity = chunk.time_us, chunk.price, chunk.quantity
        self.scale = chunk.scale
        self.times: Sequence[Time] = _view(times)
        self._price = price
        self._quantity = quantity
        self._prices = _view(price)
        self._quantities = _view(quantity)
        self._rows = len(chunk)
        self._seen = 0
        self._chunk = chunk
        self._lowest = self._highest = 0
        """Of the chunk, as soon as there are running sums."""
        self._last = (0, 0, 0, 0)
        """Start and stop of the last run, its price × quantity and its quantity."""
        self._volumes: Sequence[int] = ()
        self._notionals: Sequence[int] = ()

    def last_price(self, row: int) -> Decimal:
        """The price of a row."""
        return self.scale.price(self._prices[row])

    def between(self, start: int, stop: int) -> tuple[int, int]:
        """Price × quantity and quantity of the rows from start up to stop."""
        last_start, last_stop, notional, volume = self._last
        dropped, added = start - last_start, stop - last_stop
        if dropped >= 0 and added >= 0 and dropped + added <= NEAR_ROWS:
            if added:
                more, more_volume = self._add_up(last_stop, stop)
                notional += more
                volume += more_volume
            if dropped:
                less, less_volume = self._add_up(last_start, start)
                notional -= less
                volume -= less_volume
        else:
            notional, volume = self._sum(start, stop)
        self._last = (start, stop, notional, volume)
        return notional, volume

    def _sum(self, start: int, stop: int) -> tuple[int, int]:
        if stop - start <= NEAR_ROWS:
            return self._add_up(start, stop)
        if not self._volumes:
            self._seen += stop - start
            if self._seen <= self._rows or not self._build():
                return self._sum_directly(start, stop)
        first, last = -(-start // STRIDE), stop // STRIDE
        volume = self._volumes[last] - self._volumes[first]
        remainder = self._notionals[last] - self._notionals[first]
        notional = _resolved(remainder, volume, self._lowest, self._highest)
        if notional is None:
            return self._add_up(start, stop)
        head, head_volume = self._add_up(start, first * STRIDE)
        tail, tail_volume = self._add_up(last * STRIDE, stop)
        return head + notional + tail, head_volume + volume + tail_volume

    def _sum_directly(self, start: int, stop: int) -> tuple[int, int]:
        price, quantity = self._price[start:stop], self._quantity[start:stop]
        if int(quantity.max()) * len(quantity) < MODULUS // 2:
            volume, remainder = int(quantity.sum()), int(np.dot(price, quantity))
            notional = _resolved(remainder, volume, int(price.min()), int(price.max()))
            if notional is not None:
                return notional, volume
        return self._add_up(start, stop)

    def _add_up(self, start: int, stop: int) -> tuple[int, int]:
        """The same in Python's integers: for few rows, and for numbers too large for numpy."""
        quantities = self._quantities[start:stop]
        return sum(map(mul, self._prices[start:stop], quantities)), sum(quantities)

    def _build(self) -> bool:
        """Running sums before each sixteenth row, and after the last; False when quantities are too large for them."""
        whole = self._rows // STRIDE * STRIDE
        price, quantity = self._price[:whole], self._quantity[:whole]
        if int(quantity.max()) * whole >= MODULUS // 2:
            return False
        self._lowest, self._highest = self._chunk.search.extent
        self._volumes = _running(quantity)
        self._notionals = _running(price * quantity)
        return True


def _resolved(remainder: int, volume: int, lowest: int, highest: int) -> int | None:
    """A sum of price × quantity from its remainder modulo 2^64; None when more than one sum has it."""
    if (highest - lowest) * volume >= MODULUS:
        return None
    least = lowest * volume
    return least + (remainder - least) % MODULUS


class AveragePrice:
    """Average price of the last minutes over trades, or over closes and volumes of candles.

    Chunks are pushed in time order; ``at`` answers for rows of the newest one and looks back into older ones.
    """

    __slots__ = ("_answer", "_answered_row", "_chunks", "_sums", "_window_us")

    def __init__(self, minutes: int) -> None:
        self._window_us = minutes * MINUTE
        self._chunks: deque[TradeColumns | CandleColumns] = deque()
        self._sums: deque[_Sums | None] = deque()
        self._answered_row = -1
        self._answer = ZERO

    def push(self, chunk: TradeColumns | CandleColumns) -> None:
        """Take the next chunk; chunks that no window reaches any more are dropped."""
        if not len(chunk):
            return
        self._answered_row = -1
        self._chunks.append(chunk)
        self._sums.append(None)
        horizon = _first_time(chunk) - self._window_us
        while len(self._chunks) > 1 and _last_time(self._chunks[0]) <= horizon:
            self._chunks.popleft()
            self._sums.popleft()

    def at(self, row: int) -> Decimal:
        """The average as of a row of the newest chunk, that row included, rounded to 18 decimals.

        A window without volume, and one of no minutes, give the row's own price.
        """
        if row != self._answered_row:  # who places an order and who takes it ask of the same moment
            self._answer = self._average(row)
            self._answered_row = row
        return self._answer

    def _average(self, row: int) -> Decimal:
        position = len(self._chunks) - 1
        newest = self._sums[position] or self._sums_of(position)
        if not self._window_us:
            return newest.last_price(row)
        begin = newest.times[row] - self._window_us + 1
        start = bisect_left(newest.times, begin, 0, row)
        notional, quantity = newest.between(start, row + 1)
        while not start and position:  # the window reaches back into older chunks
            position -= 1
            sums = self._sums_of(position)
            stop = len(sums.times)
            start = bisect_left(sums.times, begin, 0, stop)
            more, volume = sums.between(start, stop)
            notional += more
            quantity += volume
        if not quantity:
            return newest.last_price(row)
        unscaled = Decimal(quantity * 10**newest.scale.price_decimals)
        return money(CONTEXT.divide(Decimal(notional), unscaled))

    def _sums_of(self, position: int) -> _Sums:
        sums = self._sums[position]
        if sums is None:
            sums = self._sums[position] = _Sums(self._chunks[position])
        return sums


def _running(terms: Integers) -> Sequence[int]:
    """Sums, modulo 2^64, of all rows before each sixteenth one, and of all."""
    for _ in range(STRIDE_BITS):  # halving is several times as quick as a sum over rows of sixteen
        terms = terms[::2] + terms[1::2]
    sums = np.zeros(len(terms) + 1, dtype=np.int64)
    np.cumsum(terms, out=sums[1:])
    return cast(Sequence[int], sums.data)


def _view(column: Integers) -> Sequence[int]:
    return cast(Sequence[int], np.ascontiguousarray(column).data)


def _first_time(chunk: TradeColumns | CandleColumns) -> Time:
    return int(chunk.close_time_us[0] if isinstance(chunk, CandleColumns) else chunk.time_us[0])


def _last_time(chunk: TradeColumns | CandleColumns) -> Time:
    return int(chunk.close_time_us[-1] if isinstance(chunk, CandleColumns) else chunk.time_us[-1])
