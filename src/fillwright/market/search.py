"""Search for the first row whose price leaves a range: a pyramid of minima and maxima over the columns.

Level 0 is the column, each entry of a level above summarises sixteen of the one below. A search climbs while
whole blocks stay inside the range and descends into the first one that does not. Building is a few numpy calls;
walking is plain Python over memoryviews, because a search touches too few entries for a numpy call to pay.
Columns of which little is searched have no pyramid: numpy scans the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

RADIX_BITS = 4
RADIX = 1 << RADIX_BITS
_MASK = RADIX - 1
_LEAST = -(2**63)
_MOST = 2**63 - 1
SCAN_SHARE = 4
"""The pyramid is built when a quarter of the rows has been scanned: that costs about as much."""
SCAN_ROWS = 1_024
"""Rows scanned at a time."""


class RangeSearch:
    """First row at or below a low, or at or above a high; lows and highs may be one column or two (candles)."""

    __slots__ = ("_high_column", "_highs", "_low_column", "_lows", "_maxima", "_minima", "_rows", "_scanned")

    def __init__(self, lows: npt.NDArray[np.int64], highs: npt.NDArray[np.int64]) -> None:
        assert lows.shape == highs.shape
        assert lows.ndim == 1
        self._rows = len(lows)
        self._low_column = np.ascontiguousarray(lows, dtype=np.int64)
        self._high_column = np.ascontiguousarray(highs, dtype=np.int64)
        self._lows = _view(self._low_column)
        self._highs = _view(self._high_column)
        self._scanned = 0
        self._minima: tuple[Sequence[int], ...] = ()
        self._maxima: tuple[Sequence[int], ...] = ()

    def __len__(self) -> int:
        return self._rows

    @property
    def extent(self) -> tuple[int, int]:
        """The lowest low and the highest high; there must be rows."""
        if self._minima:
            return min(self._minima[-1]), max(self._maxima[-1])
        return int(self._low_column.min()), int(self._high_column.max())

    def first_outside(self, start: int, stop: int, low: int | None, high: int | None) -> int:
        """The first row in [start, stop) with low ≤ ``low`` or high ≥ ``high``; ``stop`` when there is none."""
        if stop > self._rows:
            stop = self._rows
        if low is None:
            if high is None:
                return stop
            low = _LEAST
        elif high is None:
            high = _MOST
        border = (start | _MASK) + 1
        if border > stop:
            border = stop
        lows, highs = self._lows, self._highs
        for row in range(start, border):
            if lows[row] <= low or highs[row] >= high:
                return row
        if border >= stop:
            return stop
        if not self._minima:
            if self._scanned * SCAN_SHARE <= self._rows:
                return self._scan(border, stop, low, high)
            self._minima = _levels(self._low_column, np.minimum, _MOST)
            self._maxima = _levels(self._high_column, np.maximum, _LEAST)
        return self._climb(border, stop, low, high)

    def _scan(self, start: int, stop: int, low: int, high: int) -> int:
        """Look at every row, some at a time."""
        while start < stop:
            end = min(start + SCAN_ROWS, stop)
            outside = (self._low_column[start:end] <= low) | (self._high_column[start:end] >= high)
            row = int(outside.argmax())
            self._scanned += end - start
            if outside[row]:
                return start + row
            start = end
        return stop

    def _climb(self, start: int, stop: int, low: int, high: int) -> int:
        """Look at blocks, from the first row of one; rows before ``stop`` may have blocks that reach beyond it."""
        minima, maxima = self._minima, self._maxima
        level, index = 1, start >> RADIX_BITS
        while True:
            lows, highs = minima[level], maxima[level]
            end = min((index | _MASK) + 1, len(lows))
            while index < end and lows[index] > low and highs[index] < high:
                index += 1
            if index < end:
                break
            if index >= len(lows) or (index << RADIX_BITS * level) >= stop:
                return stop
            index >>= RADIX_BITS
            level += 1
        while level:
            level -= 1
            index <<= RADIX_BITS
            lows, highs = minima[level], maxima[level]
            while lows[index] > low and highs[index] < high:
                index += 1
        return min(index, stop)


def _levels(column: npt.NDArray[np.int64], fold: np.ufunc, neutral: int) -> tuple[Sequence[int], ...]:
    """The column and its summaries up to a level of at most sixteen entries, as memoryviews."""
    level = column
    levels = [level]
    while len(level) > RADIX:
        whole = len(level) // RADIX * RADIX
        upper = level[:whole]
        for _ in range(RADIX_BITS):  # halving is several times as quick as reducing rows of sixteen
            upper = fold(upper[::2], upper[1::2])
        if whole < len(level):
            upper = np.append(upper, fold.reduce(level[whole:], initial=neutral))
        level = upper
        levels.append(level)
    return tuple(_view(level) for level in levels)


def _view(column: npt.NDArray[np.int64]) -> Sequence[int]:
    return cast(Sequence[int], column.data)
