"""How closely the returns of two symbols move together: Pearson's coefficient over their last candles.

Worked out when somebody asks and kept while the closes are the same ones. Decimals of a fixed precision, so that the
answer is the same on every machine and after every restart.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import reduce
from itertools import pairwise

from fillwright.core.types import ZERO, Symbol

RETURNS_MIN = 10
"""With fewer returns in common (or than the whole window, if that is shorter) nothing is said."""
PAIRS_MAX = 10_000
"""Pairs kept at most; then all are worked out anew."""
_CONTEXT = Context(prec=20, rounding=ROUND_HALF_EVEN)
_PLACES = Decimal("0.000001")


def returns_of(closes: list[Decimal]) -> list[Decimal]:
    """Give the relative change from each close to the next (0 after a close of 0)."""
    divide, subtract = _CONTEXT.divide, _CONTEXT.subtract
    return [divide(subtract(now, before), before) if before else ZERO for before, now in pairwise(closes)]


def pearson(left: list[Decimal], right: list[Decimal]) -> Decimal | None:
    """Give the correlation of two equally long series, to 6 decimals; None when one of them never changes."""
    count = len(left)
    if not count:
        return None
    add, multiply, subtract, divide = _CONTEXT.add, _CONTEXT.multiply, _CONTEXT.subtract, _CONTEXT.divide
    mean_left, mean_right = divide(reduce(add, left), count), divide(reduce(add, right), count)
    covariance = variance_left = variance_right = ZERO
    for one, other in zip(left, right, strict=True):
        off_left, off_right = subtract(one, mean_left), subtract(other, mean_right)
        covariance = add(covariance, multiply(off_left, off_right))
        variance_left = add(variance_left, multiply(off_left, off_left))
        variance_right = add(variance_right, multiply(off_right, off_right))
    if not variance_left or not variance_right:
        return None
    deviation = multiply(_CONTEXT.sqrt(variance_left), _CONTEXT.sqrt(variance_right))
    return divide(covariance, deviation).quantize(_PLACES, context=_CONTEXT)


class Correlations:
    """Correlations of pairs of symbols."""

    __slots__ = ("_pairs",)

    def __init__(self) -> None:
        self._pairs: dict[
            tuple[Symbol, Symbol, int], tuple[list[Decimal], list[Decimal], Decimal | None]
        ] = {}

    def __len__(self) -> int:
        return len(self._pairs)

    def of(
        self, closes: dict[Symbol, list[Decimal]], symbol: Symbol, other: Symbol, window: int
    ) -> Decimal | None:
        """Correlate the returns of two symbols over at most ``window`` candles; None when nothing can be said."""
        left, right = closes.get(symbol, []), closes.get(other, [])
        known = self._pairs.get((symbol, other, window))
        # Lists compare element by element, the same object first: cheap, and exact.
        if known is not None and known[0] == left and known[1] == right:
            return known[2]
        count = min(len(left) - 1, len(right) - 1, window)
        correlation = None
        if count >= max(min(RETURNS_MIN, window), 2):
            correlation = pearson(returns_of(left[-count - 1 :]), returns_of(right[-count - 1 :]))
        if len(self._pairs) >= PAIRS_MAX:
            self._pairs.clear()
        self._pairs[symbol, other, window] = (list(left), list(right), correlation)
        return correlation
