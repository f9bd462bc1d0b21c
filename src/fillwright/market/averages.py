"""The volume-weighted average price of the last minutes, as Binance's ``avgPrice`` has it, exactly.

PERCENT_PRICE(_BY_SIDE) and NOTIONAL of MARKET orders are judged by it (Binance Spot "Filters": avgPriceMins).
Sums are made in integers, for those rows alone that somebody looks at.
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

from fillwright.core.types import CONTEXT, MINUTE, ZERO, Time, money
from fillwright.market.columns import CandleColumns, Integers, TradeColumns

MODULUS = 2**64
STRIDE_BITS = 4
STRIDE = 1 << STRIDE_BITS
"""Rows from one running sum to the next."""


class _Sums:
    """Sums over runs of one chunk's rows: directly at first, from running sums once so much has been looked at.

    Running sums stand at every sixteenth row, modulo 2^64: their differences are exact. Price × quantity is summed in
    two halves of the quantity's bits, so that no sum over a chunk reaches 2^64.
    """

    __slots__ = ("_high", "_low", "_price", "_prices", "_quantities", "_quantity", "_rows", "_seen", "_split",
                 "_volume", "scale", "times")  # fmt: skip

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
        self._split = 0
        self._volume: Sequence[int] = ()
        self._low: Sequence[int] = ()
        self._high: Sequence[int] = ()

    def last_price(self, row: int) -> Decimal:
        """The price of a row."""
        return self.scale.price(self._prices[row])

    def between(self, start: int, stop: int) -> tuple[int, int]:
        """Price × quantity and quantity of the rows from start up to stop."""
        if not self._volume:
            self._seen += stop - start
            if self._seen <= self._rows:
                return _sum_columns(self._price[start:stop], self._quantity[start:stop])
            self._build()
        first, last = -(-start // STRIDE), stop // STRIDE
        if first >= last:
            return self._add_up(start, stop)
        head, head_volume = self._add_up(start, first * STRIDE)
        tail, tail_volume = self._add_up(last * STRIDE, stop)
        volume, low, high = (
            self._difference(sums, first, last) for sums in (self._volume, self._low, self._high)
        )
        return head + tail + low + (high << self._split), head_volume + tail_volume + volume

    def _add_up(self, start: int, stop: int) -> tuple[int, int]:
        """The same of so few rows that numpy would not pay."""
        quantities = self._quantities[start:stop]
        return sum(map(mul, self._prices[start:stop], quantities)), sum(quantities)

    def _difference(self, sums: Sequence[int], first: int, last: int) -> int:
        difference = sums[last] - sums[first]
        return difference % MODULUS if self._split else difference

    def _build(self) -> None:
        whole = self._rows // STRIDE * STRIDE
        price, quantity = self._price[:whole], self._quantity[:whole]
        self._split = _split_bits(price, quantity)
        if self._split:
            self._volume = _running(quantity)
            self._low = _running(price * (quantity & ((1 << self._split) - 1)))
            self._high = _running(price * (quantity >> self._split))
        else:  # no market is that large, but what does not fit is summed in Python's integers
            self._volume = [0, *accumulate(quantity.tolist())][::STRIDE]
            self._low = [0, *accumulate(map(mul, price.tolist(), quantity.tolist()))][::STRIDE]
            self._high = [0] * len(self._volume)


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
        newest = self._sums_of(len(self._chunks) - 1)
        last = newest.last_price(row)
        if not self._window_us:
            return last
        begin = newest.times[row] - self._window_us + 1
        notional, quantity, stop = 0, 0, row + 1
        for position in range(len(self._chunks) - 1, -1, -1):
            sums = self._sums_of(position)
            start = bisect_left(sums.times, begin, 0, stop)
            more, volume = sums.between(start, stop)
            notional += more
            quantity += volume
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
    dearest, largest = int(price.max(initial=0)), int(quantity.max(initial=0))
    bits = min(63, 64 - (dearest * rows).bit_length())
    fits = bits >= 1 and largest * rows < 2**63 and (dearest * int(quantity.sum())) >> bits < MODULUS
    return bits if fits else 0


def _sum_columns(price: Integers, quantity: Integers) -> tuple[int, int]:
    """Price × quantity and quantity of all rows."""
    split = _split_bits(price, quantity)
    if not split:
        return sum(map(mul, price.tolist(), quantity.tolist())), sum(quantity.tolist())
    high, low = np.dot(price, quantity >> split), np.dot(price, quantity & ((1 << split) - 1))
    return (int(high) % MODULUS << split) + int(low) % MODULUS, int(quantity.sum())


def _running(terms: Integers) -> Sequence[int]:
    """Running sums modulo 2^64 before each sixteenth row, and after the last."""
    for _ in range(STRIDE_BITS):  # halving is several times as quick as a sum over rows of sixteen
        terms = terms[::2] + terms[1::2]
    sums = np.zeros(len(terms) + 1, dtype=np.int64)
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
