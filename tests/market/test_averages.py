from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.types import CONTEXT, MINUTE, money
from fillwright.market.averages import AveragePrice
from fillwright.market.columns import CandleColumns, Scale, TradeColumns
from fillwright.market.intervals import Interval

SCALE = Scale(2, 5)


def trades(rows: list[tuple[int, int, int]], scale: Scale = SCALE) -> TradeColumns:
    times, prices, quantities = (np.array([row[n] for row in rows], dtype=np.int64) for n in range(3))
    makers = np.zeros(len(rows), dtype=np.bool_)
    return TradeColumns("BTCUSDT", scale, times, prices, quantities, makers, np.arange(len(rows)))


def naive(rows: list[tuple[int, int, int]], last: int, minutes: int) -> Decimal:
    begin = rows[last][0] - minutes * MINUTE
    inside = [row for row in rows[: last + 1] if row[0] > begin]
    with localcontext(CONTEXT):
        notional = sum(SCALE.price(row[1]) * SCALE.quantity(row[2]) for row in inside)
        return money(Decimal(notional) / sum((SCALE.quantity(row[2]) for row in inside), Decimal(0)))


ROWS = st.lists(
    st.tuples(st.integers(0, 40_000_000), st.integers(1, 10**9), st.integers(1, 10**12)),
    min_size=1,
    max_size=60,
)


@given(ROWS, st.integers(1, 3), st.integers(1, 20))
def test_average_equals_the_sum_over_the_window(
    steps: list[tuple[int, int, int]], minutes: int, chunk_rows: int
) -> None:
    rows, time = [], 0
    for step, price, quantity in steps:
        time += step
        rows.append((time, price, quantity))
    average = AveragePrice(minutes)
    for start in range(0, len(rows), chunk_rows):
        chunk = rows[start : start + chunk_rows]
        average.push(trades(chunk))
        for row in range(len(chunk)):
            assert average.at(row) == naive(rows, start + row, minutes)


def test_sums_beyond_64_bits_stay_exact() -> None:
    scale = Scale(8, 8)
    price, quantity = 12_345_678_901_234_567, 9_007_199_254_740_993
    average = AveragePrice(5)
    average.push(trades([(n, price, quantity) for n in range(40)], scale))
    assert average.at(39) == scale.price(price)


def test_no_minutes_and_no_volume_give_the_last_price() -> None:
    average = AveragePrice(0)
    average.push(trades([(0, 100, 5), (1, 300, 5)]))
    assert average.at(1) == Decimal("3")

    ones = np.array([100, 200], dtype=np.int64)
    times = np.array([0, MINUTE], dtype=np.int64)
    candles = CandleColumns(
        "BTCUSDT",
        Interval.M1,
        SCALE,
        times,
        times + MINUTE - 1,
        ones,
        ones,
        ones,
        ones,
        np.zeros(2, dtype=np.int64),
    )
    average = AveragePrice(5)
    average.push(candles)
    assert average.at(1) == Decimal("2")


@given(st.integers(0, 2**32), st.integers(1, 700), st.booleans())
def test_many_looks_at_one_chunk_give_what_few_looks_give(seed: int, count: int, is_huge: bool) -> None:
    """The first looks are summed directly, later ones come from running sums."""
    random = np.random.default_rng(seed)
    rows = list(
        zip(
            np.cumsum(random.integers(0, 5_000_000, count)).tolist(),
            random.integers(1, 10**15 if is_huge else 10**9, count).tolist(),
            random.integers(1, 10**15 if is_huge else 10**9, count).tolist(),
            strict=True,
        )
    )
    average = AveragePrice(1)
    average.push(trades(rows))
    for row in [*range(0, count, 7), *range(0, count, 5)]:
        assert average.at(row) == naive(rows, row, 1)
