"""Indicators over columns of candles: numpy in, numpy out, of the same length.

No indicator gives NaN while it warms up: a row with fewer rows before it than asked for is computed from what there
is (the mean of three prices where twenty were wanted, say). From row ``count`` on (``count + 1`` for RSI) values are
the full ones. An empty column gives an empty one; a count below 1 raises ValueError.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_DECAY_MIN = 1e-30
"""A recursion is unrolled over as many rows as its memory takes to fade to this; beyond, floats would overflow."""


def sma(values: npt.ArrayLike, count: int) -> Floats:
    """Simple moving average of the last ``count`` rows."""
    column = _column(values, count)
    if len(column) < count:
        return _means(column)
    full = np.lib.stride_tricks.sliding_window_view(column, count).mean(axis=1)
    return np.concatenate([_means(column[: count - 1]), full])


def ema(values: npt.ArrayLike, count: int) -> Floats:
    """Exponential moving average, weight 2 ÷ (count + 1) for the newest row, beginning with the first row."""
    column = _column(values, count)
    if not len(column):
        return column
    return np.concatenate([column[:1], _smoothed(column[1:], float(column[0]), 1.0 - 2.0 / (count + 1))])


def highest(values: npt.ArrayLike, count: int) -> Floats:
    """The highest of the last ``count`` rows."""
    column = _column(values, count)
    first: Floats = np.maximum.accumulate(column[: count - 1])
    if len(column) < count:
        return first
    full = np.lib.stride_tricks.sliding_window_view(column, count).max(axis=1)
    return np.concatenate([first, full])


def lowest(values: npt.ArrayLike, count: int) -> Floats:
    """The lowest of the last ``count`` rows."""
    return -highest(-_column(values, count), count)


def true_range(high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike) -> Floats:
    """High less low, counting the gap to the close before; the first row has no gap."""
    highs, lows, closes = _column(high), _column(low), _column(close)
    if not len(highs) == len(lows) == len(closes):
        raise ValueError(
            f"columns of {len(highs)}, {len(lows)} and {len(closes)} rows do not belong together"
        )
    if not len(highs):
        return highs
    before = np.concatenate([closes[:1].clip(lows[0], highs[0]), closes[:-1]])
    ranges: Floats = np.maximum(highs, before) - np.minimum(lows, before)
    return ranges


def atr(high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, count: int = 14) -> Floats:
    """Average true range with Wilder's smoothing, in units of price."""
    return _wilder(_column(true_range(high, low, close), count), count)


def rsi(close: npt.ArrayLike, count: int = 14) -> Floats:
    """Relative strength index with Wilder's smoothing, 0 to 100; 50 where nothing has moved."""
    column = _column(close, count)
    if not len(column):
        return column
    changes = np.diff(column)
    gains = _wilder(changes.clip(min=0.0), count)
    moves = gains + _wilder((-changes).clip(min=0.0), count)
    share = np.full(len(column), 0.5)
    np.divide(gains, moves, out=share[1:], where=moves > 0.0)
    return 100.0 * share


def _column(values: npt.ArrayLike, count: int = 1) -> Floats:
    if count < 1:
        raise ValueError(f"{count} rows are too few")
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1:
        raise ValueError(f"an array of {column.ndim} dimensions is not a column")
    return column


def _means(column: Floats) -> Floats:
    """The mean of each row and all before it."""
    return np.cumsum(column) / np.arange(1, len(column) + 1)


def _wilder(column: Floats, count: int) -> Floats:
    """Wilder's average: the mean of the first ``count`` rows, then each row weighs 1 ÷ count."""
    head = _means(column[:count])
    if len(column) <= count:
        return head
    return np.concatenate([head, _smoothed(column[count:], float(head[-1]), (count - 1) / count)])


def _smoothed(column: Floats, start: float, keep: float) -> Floats:
    """Row by row: keep × the result before + (1 − keep) × the row; unrolled block by block."""
    if keep <= 0.0:
        return column.copy()
    rows = max(1, int(math.log(_DECAY_MIN) / math.log(keep)))
    result = np.empty_like(column)
    for begin in range(0, len(column), rows):
        block = column[begin : begin + rows]
        decay = keep ** np.arange(1, len(block) + 1)
        part = decay * (start + (1.0 - keep) * np.cumsum(block / decay))
        result[begin : begin + len(block)] = part
        start = float(part[-1])
    return result
