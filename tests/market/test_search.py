from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.market.search import RADIX, RangeSearch

COLUMNS = st.lists(st.integers(-20, 20), max_size=3 * RADIX * RADIX)
THRESHOLDS = st.none() | st.integers(-25, 25)


def naive(lows: list[int], highs: list[int], start: int, stop: int, low: int | None, high: int | None) -> int:
    stop = min(stop, len(lows))
    for row in range(start, stop):
        if low is not None and lows[row] <= low or high is not None and highs[row] >= high:
            return row
    return stop


def build_pyramid(search: RangeSearch) -> None:
    """Look at all rows in vain, until looking at each of them again costs more than a pyramid."""
    for _ in range(2):
        assert search.first_outside(0, len(search), -(2**40), 2**40) == len(search)


@given(COLUMNS, st.data(), THRESHOLDS, THRESHOLDS, st.booleans())
def test_search_finds_what_a_scan_finds(
    lows: list[int], data: st.DataObject, low: int | None, high: int | None, has_pyramid: bool
) -> None:
    highs = [value + data.draw(st.integers(0, 3)) for value in lows[:40]] + lows[40:]
    start = data.draw(st.integers(0, len(lows)))
    stop = data.draw(st.integers(start, len(lows) + 5))
    search = RangeSearch(np.array(lows, dtype=np.int64), np.array(highs, dtype=np.int64))

    if has_pyramid:
        build_pyramid(search)
    assert search.first_outside(start, stop, low, high) == naive(lows, highs, start, stop, low, high)
    if lows:
        assert search.extent == (min(lows), max(highs))


@pytest.mark.parametrize("rows", [1, 15, 16, 17, 255, 256, 257, 4095, 4096, 4097, 70_000])
def test_a_single_outlier_is_found_from_any_start(rows: int) -> None:
    column = np.zeros(rows, dtype=np.int64)
    for spot in {0, rows // 3, rows - 1}:
        column[spot] = 9
        search = RangeSearch(column, column)
        for _ in range(2):
            for start in {0, spot // 2, spot}:
                assert search.first_outside(start, rows, None, 9) == spot
                assert search.first_outside(start, rows, -1, 9) == spot
                assert search.first_outside(start, spot, None, 9) == spot
            assert search.first_outside(min(spot + 1, rows), rows, None, 9) == rows
            build_pyramid(search)
        column[spot] = -9
        search = RangeSearch(column, column)
        for _ in range(2):
            assert search.first_outside(0, rows, -9, None) == spot
            assert search.first_outside(0, rows, -10, None) == rows
            build_pyramid(search)
        column[spot] = 0


def test_bounds_are_inclusive_and_the_stop_is_not() -> None:
    column = np.array([5, 4, 6, 5], dtype=np.int64)
    search = RangeSearch(column, column)
    assert search.first_outside(0, 4, 4, None) == 1
    assert search.first_outside(0, 4, None, 6) == 2
    assert search.first_outside(0, 2, None, 6) == 2
    assert search.first_outside(0, 4, None, None) == 4
    assert search.first_outside(4, 4, 9, 0) == 4


def test_an_empty_column_has_no_rows_to_find() -> None:
    empty = np.array([], dtype=np.int64)
    assert RangeSearch(empty, empty).first_outside(0, 10, 0, 0) == 0
