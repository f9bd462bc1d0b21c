"""Search for the first row whose price leaves a range: a pyramid of minima and maxima over the columns.

Level 0 is the column, each entry of a level above summarises sixteen of the one below. A search climbs while
whole blocks stay inside the range and descends into the first one that does not. Building is a few numpy calls;
walking is plain Python over memoryviews, because a search touches too few entries for a numpy call to pay.
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


class RangeSearch:
    """First row at or below a low, or at or above a high; lows and highs may be one column or two (candles)."""

    __slots__ = ("_maxima", "_minima", "_rows")

    def __init__(self, lows: npt.NDArray[np.int64], highs: npt.NDArray[np.int64]) -> None:
        assert lows.shape == highs.shape
        assert lows.ndim == 1
        self._rows = len(lows)
        self._minima = _levels(lows, np.minimum, _MOST)
        self._maxima = _levels(highs, np.maximum, _LEAST)

    def __len__(self) -> int:
        return self._rows

    @property
    def extent(self) -> tuple[int, int]:
        """The lowest low and the highest high; there must be rows."""
        return min(self._minima[-1]), max(self._maxima[-1])

    def first_below(self, start: int, stop: int, threshold: int) -> int:
        """The first row in [start, stop) whose low is ≤ the threshold; ``stop`` when there is none."""
        levels = self._minima
        level, index = 0, start
        stop = min(stop, self._rows)
        if start >= stop:
            return stop
        while True:
            entries = levels[level]
            end = min((index | _MASK) + 1, len(entries))
            while index < end and entries[index] > threshold:
                index += 1
            if index < end:
                break
            if index >= len(entries) or (index << RADIX_BITS * level) >= stop:
                return stop
            index >>= RADIX_BITS
            level += 1
        while level:
            level -= 1
            index <<= RADIX_BITS
            entries = levels[level]
            while entries[index] > threshold:
                index += 1
        return min(index, stop)

    def first_above(self, start: int, stop: int, threshold: int) -> int:
        """The first row in [start, stop) whose high is ≥ the threshold; ``stop`` when there is none."""
        levels = self._maxima
        level, index = 0, start
        stop = min(stop, self._rows)
        if start >= stop:
            return stop
        while True:
            entries = levels[level]
            end = min((index | _MASK) + 1, len(entries))
            while index < end and entries[index] < threshold:
                index += 1
            if index < end:
                break
            if index >= len(entries) or (index << RADIX_BITS * level) >= stop:
                return stop
            index >>= RADIX_BITS
            level += 1
        while level:
            level -= 1
            index <<= RADIX_BITS
            entries = levels[level]
            while entries[index] < threshold:
                index += 1
        return min(index, stop)

    def first_outside(self, start: int, stop: int, low: int | None, high: int | None) -> int:
        """The first row in [start, stop) with low ≤ ``low`` or high ≥ ``high``; ``stop`` when there is none."""
        if low is None:
            return min(stop, self._rows) if high is None else self.first_above(start, stop, high)
        if high is None:
            return self.first_below(start, stop, low)
        minima, maxima = self._minima, self._maxima
        level, index = 0, start
        stop = min(stop, self._rows)
        if start >= stop:
            return stop
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
    level = np.ascontiguousarray(column, dtype=np.int64)
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
    return tuple(cast(Sequence[int], level.data) for level in levels)
