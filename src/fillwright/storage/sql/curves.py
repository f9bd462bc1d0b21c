"""Thinning a curve so that it still shows what matters."""

from __future__ import annotations

from collections.abc import Sequence

from fillwright.ports import EquityPoint

POINTS_MIN = 4


def thin(points: Sequence[EquityPoint], points_max: int) -> list[EquityPoint]:
    """Keep first and last, and of each stretch its deepest drawdown and its highest equity.

    At most ``points_max`` points (at least 4) are left, in order.
    """
    if len(points) <= max(points_max, POINTS_MIN):
        return list(points)
    stretches = (max(points_max, POINTS_MIN) - 2) // 2
    inner = range(1, len(points) - 1)
    kept = {0, len(points) - 1}
    for number in range(stretches):
        part = inner[number * len(inner) // stretches : (number + 1) * len(inner) // stretches]
        if part:
            kept.add(max(part, key=lambda at: points[at].drawdown_percent))
            kept.add(max(part, key=lambda at: points[at].equity))
    return [points[at] for at in sorted(kept)]
