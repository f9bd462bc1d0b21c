from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.traders.indicators import Floats, atr, ema, highest, lowest, rsi, sma, true_range

prices = st.lists(st.floats(0.01, 1e6), max_size=60)
counts = st.integers(1, 25)


def naive_wilder(values: list[float], count: int) -> list[float]:
    result: list[float] = []
    for row, value in enumerate(values):
        if row < count:
            result.append(sum(values[: row + 1]) / (row + 1))
        else:
            result.append((result[-1] * (count - 1) + value) / count)
    return result


def naive_ema(values: list[float], count: int) -> list[float]:
    result = values[:1]
    weight = 2 / (count + 1)
    for value in values[1:]:
        result.append(result[-1] + weight * (value - result[-1]))
    return result


def naive_true_range(high: list[float], low: list[float], close: list[float]) -> list[float]:
    result = []
    for row in range(len(high)):
        ranges = [high[row] - low[row]]
        if row:
            ranges += [abs(high[row] - close[row - 1]), abs(low[row] - close[row - 1])]
        result.append(max(ranges))
    return result


def last(values: list[float], row: int, count: int) -> list[float]:
    return values[max(0, row + 1 - count) : row + 1]


def same(result: Floats, expected: list[float]) -> None:
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-9 * max(map(abs, expected), default=0.0))


@given(prices, counts)
def test_a_simple_average_is_the_mean_of_what_there_is(values: list[float], count: int) -> None:
    rows = [last(values, row, count) for row in range(len(values))]
    same(sma(values, count), [sum(row) / len(row) for row in rows])


@given(prices, counts)
def test_extremes_are_those_of_what_there_is(values: list[float], count: int) -> None:
    assert highest(values, count).tolist() == [max(last(values, row, count)) for row in range(len(values))]
    assert lowest(values, count).tolist() == [min(last(values, row, count)) for row in range(len(values))]


@given(prices, counts)
def test_an_exponential_average_follows_its_recursion(values: list[float], count: int) -> None:
    same(ema(values, count), naive_ema(values, count))


@pytest.mark.parametrize("count", [1, 2, 3, 14, 200])
def test_recursions_hold_over_many_blocks(count: int) -> None:
    values = [100 + 10 * np.sin(row / 7) + row % 5 for row in range(5000)]
    same(ema(values, count), naive_ema(values, count))
    same(atr(values, [0.0] * 5000, [0.0] * 5000, count), naive_wilder(values, count))


@st.composite
def candles(draw: st.DrawFn) -> tuple[list[float], list[float], list[float]]:
    rows = draw(st.lists(st.tuples(*[st.floats(1.0, 1000.0)] * 3), max_size=50))
    ordered = [sorted(row) for row in rows]
    return [row[2] for row in ordered], [row[0] for row in ordered], [row[1] for row in ordered]


@given(candles(), counts)
def test_average_true_range_is_wilders(
    data: tuple[list[float], list[float], list[float]], count: int
) -> None:
    expected = naive_true_range(*data)
    same(true_range(*data), expected)
    same(atr(*data, count), naive_wilder(expected, count))


@given(prices, counts)
def test_relative_strength_is_wilders(values: list[float], count: int) -> None:
    changes = [values[row + 1] - values[row] for row in range(len(values) - 1)]
    gains = naive_wilder([max(change, 0.0) for change in changes], count)
    losses = naive_wilder([max(-change, 0.0) for change in changes], count)
    expected = [50.0] * len(values[:1])
    for gain, loss in zip(gains, losses, strict=True):
        expected.append(100 - 100 / (1 + gain / loss) if loss else 100.0 if gain else 50.0)
    result = rsi(values, count)
    np.testing.assert_allclose(result, expected, rtol=1e-7, atol=1e-7)
    assert ((result >= 0) & (result <= 100)).all()


def test_known_values() -> None:
    assert sma([1, 2, 3, 4], 2).tolist() == [1.0, 1.5, 2.5, 3.5]
    assert ema([2, 4, 4], 3).tolist() == [2.0, 3.0, 3.5]
    assert true_range([10, 12, 9], [8, 11, 7], [9, 11, 8]).tolist() == [2.0, 3.0, 4.0]
    assert rsi([1, 2, 3, 4], 2).tolist() == [50.0, 100.0, 100.0, 100.0]
    assert rsi([5, 5, 5], 2).tolist() == [50.0, 50.0, 50.0]
    assert rsi([3, 2, 1], 2).tolist() == [50.0, 0.0, 0.0]


ONE_COLUMN: list[Callable[..., Floats]] = [sma, ema, highest, lowest, rsi]


@pytest.mark.parametrize("indicator", ONE_COLUMN)
def test_columns_are_columns(indicator: Callable[..., Floats]) -> None:
    assert indicator([], 3).tolist() == []
    with pytest.raises(ValueError, match="0 rows"):
        indicator([1.0], 0)
    with pytest.raises(ValueError, match="2 dimensions"):
        indicator([[1.0]], 3)


@pytest.mark.parametrize("indicator", ONE_COLUMN)
def test_a_column_given_stays_as_it_was(indicator: Callable[..., Floats]) -> None:
    column = np.array([3.0, 1.0, 2.0, 5.0])
    column.flags.writeable = False
    result = indicator(column, 2)
    assert not np.shares_memory(result, column)
    assert column.tolist() == [3.0, 1.0, 2.0, 5.0]


def test_columns_of_candles_belong_together() -> None:
    assert true_range([], [], []).tolist() == []
    assert atr([], [], []).tolist() == []
    with pytest.raises(ValueError, match="2, 1 and 1 rows"):
        true_range([1, 2], [1], [1])
    with pytest.raises(ValueError, match="0 rows"):
        atr([1], [1], [1], 0)
