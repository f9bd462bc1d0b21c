"""The volume-weighted average price of the last minutes, as Binance's ``avgPrice`` has it, exactly.

PERCENT_PRICE(_BY_SIDE) and NOTIONAL of MARKET orders are judged by it (Binance Spot "Filters": avgPriceMins).
Sums are built lazily, a chunk at a time, in integers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import cast

import numpy as np

from fillwright.core.types import CONTEXT, MINUTE, Time, money
from fillwright.market.columns import CandleColumns, Integers, TradeColumns


class _Sums:
    """Running sums of one chunk: entry n sums the first n rows."""

    __slots__ = ("last_price", "notional", "quantity", "scale", "times")

    def __init__(self, chunk: TradeColumns | CandleColumns) -> None:
        if isinstance(chunk, CandleColumns):
            times, price, quantity = chunk.close_time_us, chunk.close, chunk.volume
        else:
            times, price, quantity = chunk.time_us, chunk.price, chunk.quantity
        self.scale = chunk.scale
        self.times: Sequence[Time] = _view(times)
        self.last_price: Sequence[int] = _view(price)
        self.quantity = _running(quantity, None)
        self.notional = _running(quantity, price)


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
            notional += sums.notional[stop] - sums.notional[start]
            quantity += sums.quantity[stop] - sums.quantity[start]
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


def _running(quantity: Integers, price: Integers | None) -> Sequence[int]:
    """Running sums of quantity, or of price × quantity: in int64 where the total fits, else in Python's integers.

    It fits for about 92 million units of quote at the scales of BTCUSDT when both columns end in zeros, as
    recorded ones do: factors of ten that a whole column shares are taken out first.
    """
    terms, factor = _without_common_zeros(quantity)
    most = int(terms.max(initial=0))
    if price is not None:
        prices, price_factor = _without_common_zeros(price)
        factor *= price_factor
        most *= int(prices.max(initial=0))
        terms = terms * prices if most < 2**63 else terms.astype(object) * prices.astype(object)
    if most * len(terms) < 2**63:
        sums = np.zeros(len(terms) + 1, dtype=np.int64)
        np.cumsum(terms, out=sums[1:])
        if factor == 1:
            return _view(sums)
        if int(sums[-1]) * factor < 2**63:
            return _view(sums * factor)
        return [total * factor for total in sums.tolist()]
    totals, total = [0], 0
    for term in terms.tolist():
        total += term * factor
        totals.append(total)
    return totals


def _without_common_zeros(column: Integers) -> tuple[Integers, int]:
    factor = 1
    while len(column) and factor < 10**18 and column.any() and not (column % 10).any():
        column, factor = column // 10, factor * 10
    return column, factor


def _unscaled(notional: int, decimals: int) -> Decimal:
    return Decimal(notional).scaleb(-decimals, context=CONTEXT)


def _view(column: Integers) -> Sequence[int]:
    return cast(Sequence[int], np.ascontiguousarray(column).data)


def _first_time(chunk: TradeColumns | CandleColumns) -> Time:
    return int(chunk.close_time_us[0] if isinstance(chunk, CandleColumns) else chunk.time_us[0])


def _last_time(chunk: TradeColumns | CandleColumns) -> Time:
    return int(chunk.close_time_us[-1] if isinstance(chunk, CandleColumns) else chunk.time_us[-1])
