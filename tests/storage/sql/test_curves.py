"""A thinned curve still shows first, last, deepest and highest."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fillwright.ports import EquityPoint
from fillwright.storage.sql.curves import POINTS_MIN, thin

CURVE = st.lists(st.tuples(st.integers(1, 9_999), st.integers(0, 99)), min_size=1, max_size=200).map(
    lambda rows: [
        EquityPoint(seq, seq, Decimal(equity), Decimal(down)) for seq, (equity, down) in enumerate(rows)
    ]
)


@given(points=CURVE, points_max=st.integers(0, 50))
def test_thinning_keeps_what_matters(points: list[EquityPoint], points_max: int) -> None:
    thinned = thin(points, points_max)

    assert len(thinned) <= max(points_max, POINTS_MIN)
    assert [point for point in points if point in thinned] == thinned
    assert (thinned[0], thinned[-1]) == (points[0], points[-1])
    assert max(p.drawdown_percent for p in thinned) == max(p.drawdown_percent for p in points)
    assert max(p.equity for p in thinned) == max(p.equity for p in points)


def test_a_short_curve_stays_as_it_is() -> None:
    points = [EquityPoint(seq, seq, Decimal(seq), Decimal(0)) for seq in range(10)]

    assert thin(points, 10) == points
    assert len(thin(points, 9)) < 10


def test_an_empty_curve_is_empty() -> None:
    assert thin([], 5) == []
