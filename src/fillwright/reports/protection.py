"""How long positions were without a live stop: the distribution over all that ever held a coin."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from fillwright.core.types import ZERO
from fillwright.ports import PositionView

BOUNDS_MS = tuple(Decimal(bound) for bound in (0, 1, 10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000))
"""Upper bounds of the classes, inclusive; one more class holds what is above."""


class ProtectionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds without a live stop, per position: from the entry's last fill to the stop's being live, in all."""

    positions: int = 0
    always_protected: int = 0
    """Positions that had their stop at once."""
    median_ms: Decimal = ZERO
    p99_ms: Decimal = ZERO
    maximum_ms: Decimal = ZERO
    maximum_id: int | None = None
    spells: int = 0
    still_unprotected: int = 0
    classes: tuple[tuple[str, int], ...] = ()
    """Label and count, in order."""


def protection_figures(positions: Iterable[PositionView]) -> ProtectionFigures:
    """Work out the distribution from all positions; those that never held a coin do not count."""
    held = [position for position in positions if position.entry_price is not None]
    if not held:
        return ProtectionFigures(classes=classes([]))
    times = sorted(position.unprotected_ms for position in held)
    worst = max(held, key=lambda position: (position.unprotected_ms, -position.id))
    return ProtectionFigures(
        positions=len(held),
        always_protected=sum(1 for time in times if not time),
        median_ms=at_quantile(times, 50),
        p99_ms=at_quantile(times, 99),
        maximum_ms=worst.unprotected_ms,
        maximum_id=worst.id if worst.unprotected_ms else None,
        spells=sum(position.unprotected_spells for position in held),
        still_unprotected=sum(1 for position in held if position.unprotected_since is not None),
        classes=classes(times),
    )


def at_quantile(ordered: list[Decimal], percent: int) -> Decimal:
    """The smallest value that at least so many percent of the values do not exceed."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1]


def classes(times: list[Decimal]) -> tuple[tuple[str, int], ...]:
    """Count the values by class."""
    counts = [0] * (len(BOUNDS_MS) + 1)
    for time in times:
        counts[next((i for i, bound in enumerate(BOUNDS_MS) if time <= bound), len(BOUNDS_MS))] += 1
    labels = ["none", *(f"≤ {label(bound)}" for bound in BOUNDS_MS[1:]), f"> {label(BOUNDS_MS[-1])}"]
    return tuple(zip(labels, counts, strict=True))


def label(milliseconds: Decimal) -> str:
    """A bound in words."""
    if milliseconds >= 1_000:
        return f"{(milliseconds / 1_000).normalize():f} s"
    return f"{milliseconds:f} ms"
