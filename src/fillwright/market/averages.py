"""The volume-weighted average price of the last minutes, as Binance's ``avgPrice`` has it, exactly.

PERCENT_PRICE(_BY_SIDE) and NOTIONAL of MARKET orders are judged by it (Binance Spot "Filters": avgPriceMins).
Sums are built lazily, a chunk at a time, in integers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate
from operator import mul
from typing import cast

import numpy as np
import numpy.typing as npt

from fillwright.core.types import CONTEXT, MINUTE, Time, money
from fillwright.market.columns import CandleColumns, Integers, TradeColumns

MODULUS = 2**64


class _Sums:
    """Running sums of one chunk modulo 2^64: entry n sums the first n rows, differences of entries are exact.

    Price × quantity is summed in two halves of the quantity's bits, so that no sum over a chunk reaches 2^64.
    """

    __slots__ = ("_high", "_low", "_quantity", "_split", "last_price", "scale", "times")

    def __init__(self, chunk: TradeColumns | CandleColumns) -> None:
        if isinstance(chunk, CandleColumns):
            times, price, quantity = chunk.close_time_us, chunk.close, chunk.volume
        else:
            times, price, quantity = chunk.time_us, chunk.price, chunk.quantity
        self.scale = chunk.scale
        self.times: Sequence[Time] = _view(times)
        self.last_price: Sequence[int] = _view(price)
        self._quantity: Sequence[int]
        self._low: Sequence[int]
        self._high: Sequence[int]
        self._split = _split_bits(price, quantity)
        if self._split:
            prices, sizes = price.astype(np.uint64), quantity.astype(np.uint64)
            self._quantity = _running(sizes)
            self._low = _running(prices * (sizes & np.uint64((1 << self._split) - 1)))
            self._high = _running(prices * (sizes >> np.uint64(self._split)))
        else:  # no market is that large, but what does not fit is summed in Python's integers
            self._quantity = [0, *accumulate(quantity.tolist())]
            self._low = [0, *accumulate(map(mul, price.tolist(), quantity.tolist()))]
            self._high = [0] * (len(quantity) + 1)

    def quantity(self, start: int, stop: int) -> int:
        """The quantity of the rows from start up to stop."""
        return self._difference(self._quantity, start, stop)

    def notional(self, start: int, stop: int) -> int:
        """Price × quantity of the rows from start up to stop."""
        low = self._difference(self._low, start, stop)
        return (self._difference(self._high, start, stop) << self._split) + low

    def _difference(self, sums: Sequence[int], start: int, stop: int) -> int:
        difference = sums[stop] - sums[start]
        return difference % MODULUS if self._split else difference


class AveragePrice:
    """Average price of the last minutes over trades, or over closes and volumes of candles.

    Chunks are pushed in time order; ``at`` answers for rows of the newest one and looks back into older ones.
    """

    __slots__ = ("_chunks", "_sums", "_window_us")

    def __init__(self, minutes: int) -> None:
        self._window_us = minutes * MINUTE
        self._chunks: deque[TradeColumns | CandleColumns] = deque()
        self._sums: deque[_Sums | None] = deque()

    def push(self, chunk: TradeColumns | CandleColumns) -> None:
        """Take the next chunk; chunks that no window reaches any more are dropped."""
        if not len(chunk):
            return
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
        newest = self._sums_of(len(self._chunks) - 1)
        last = newest.scale.price(newest.last_price[row])
        if not self._window_us:
            return last
        begin = newest.times[row] - self._window_us + 1
        notional, quantity, stop = 0, 0, row + 1
        for position in range(len(self._chunks) - 1, -1, -1):
            sums = self._sums_of(position)
            start = bisect_left(sums.times, begin, 0, stop)
            notional += sums.notional(start, stop)
            quantity += sums.quantity(start, stop)
            if start or not position:
                break
            stop = len(self._chunks[position - 1])
        if not quantity:
            return last
        return money(CONTEXT.divide(_unscaled(notional, newest.scale.price_decimals), Decimal(quantity)))

    def _sums_of(self, position: int) -> _Sums:
        sums = self._sums[position]
        if sums is None:
            sums = self._sums[position] = _Sums(self._chunks[position])
        return sums


def _split_bits(price: Integers, quantity: Integers) -> int:
    """At which bit to split quantities; 0 when even two halves do not fit 64 bits."""
    rows = len(price)
    dearest, largest = int(price.max()), int(quantity.max())
    bits = min(63, 64 - (dearest * rows).bit_length())
    fits = bits >= 1 and largest * rows < 2**63 and (dearest * int(quantity.sum())) >> bits < MODULUS
    return bits if fits else 0


def _running(terms: npt.NDArray[np.uint64]) -> Sequence[int]:
    sums = np.zeros(len(terms) + 1, dtype=np.uint64)
    np.cumsum(terms, out=sums[1:])
    return cast(Sequence[int], sums.data)


def _unscaled(notional: int, decimals: int) -> Decimal:
    return Decimal(notional).scaleb(-decimals, context=CONTEXT)


def _view(column: Integers) -> Sequence[int]:
    return cast(Sequence[int], np.ascontiguousarray(column).data)


def _first_time(chunk: TradeColumns | CandleColumns) -> Time:
    return int(chunk.close_time_us[0] if isinstance(chunk, CandleColumns) else chunk.time_us[0])


def _last_time(chunk: TradeColumns | CandleColumns) -> Time:
    return int(chunk.close_time_us[-1] if isinstance(chunk, CandleColumns) else chunk.time_us[-1])
