from __future__ import annotations

from decimal import Decimal
from typing import Any, NoReturn

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.market.tapes.arrays import flags_of, integers_of, times_of, units_of


def fail(row: int, what: str) -> NoReturn:
    raise ValueError(f"{row}: {what}")


@given(st.lists(st.integers(-(10**17), 10**17)), st.integers(0, 5))
def test_decimals_become_integers_whatever_the_slice(units: list[int], offset: int) -> None:
    numbers = [Decimal(unit).scaleb(-4) for unit in units]
    array = pa.array(numbers, pa.decimal128(38, 4)).slice(offset)
    assert units_of(array, 4, "price", fail).tolist() == units[offset:]


@given(st.lists(st.integers(0, 10**11)))
def test_floats_of_decimals_become_exact(units: list[int]) -> None:
    array = pa.array([unit / 10**4 for unit in units], pa.float64())
    assert units_of(array, 4, "price", fail).tolist() == units


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (pa.array([1.5, 1.00005]), "1: price .*1.00005.* has more than 4 decimals"),
        (pa.array([float("nan")]), "0: price is nan"),
        (pa.array([1.0, float("inf")]), "1: price is inf"),
        (pa.array([1e30]), "0: price 1e[+]30 is too large"),
        (pa.array([1.0, None]), "1: price is missing"),
        (pa.array(["1", "1.23456"]), "1: price '1.23456' is not a number with at most 4 decimals"),
        (pa.array(["x"]), "0: price 'x' is not a number"),
        (
            pa.array([Decimal("99999999999999999999")], pa.decimal128(38, 4)),
            "0: price 99999999999999999999.0000 is too",
        ),
    ],
)
def test_numbers_that_cannot_be_are_told(array: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        units_of(array, 4, "price", fail)


def test_numbers_as_text_and_integers_are_read() -> None:
    assert units_of(pa.array(["1.5", "2"]), 4, "price", fail).tolist() == [15_000, 20_000]
    assert units_of(pa.array([3, 4]), 4, "price", fail).tolist() == [30_000, 40_000]


@pytest.mark.parametrize("factor", [1, 10**3, 10**6, 10**9])
def test_units_of_time_show_in_their_size(factor: int) -> None:
    array = pa.array([1_770_076_800 * factor, 1_770_076_801 * factor])
    assert times_of(array, "time", fail).tolist() == [1_770_076_800_000_000, 1_770_076_801_000_000]


def test_timestamps_of_any_unit_are_times() -> None:
    for unit in ("s", "ms", "us", "ns"):
        array = (
            pa.array([1_770_076_800], pa.int64())
            .cast(pa.timestamp("s", tz="UTC"))
            .cast(pa.timestamp(unit, tz="UTC"))
        )
        assert times_of(array, "time", fail).tolist() == [1_770_076_800_000_000]


@pytest.mark.parametrize(
    ("values", "row"),
    [
        ([5, 1_770_076_800_000, 1_770_076_800_001], 0),
        ([1_770_076_800_000, 1_770_076_800_001, -1], 2),
        ([1_770_076_800_000_000_000, 1_770_076_800_000_000_000, 1_770_076_800_000], 2),
    ],
)
def test_a_time_of_another_unit_is_told(values: list[int], row: int) -> None:
    with pytest.raises(ValueError, match=f"{row}: time {values[row]} is no time"):
        times_of(pa.array(values), "time", fail)
    with pytest.raises(ValueError, match="0: time is of type double"):
        times_of(pa.array([1.0]), "time", fail)
    with pytest.raises(ValueError, match="1: time is missing"):
        times_of(pa.array([1, None]), "time", fail)


def test_ids_are_integers_or_digits() -> None:
    assert integers_of(pa.array(["17", "18"]), "id", fail).tolist() == [17, 18]
    assert integers_of(pa.array([17, 18]), "id", fail).tolist() == [17, 18]
    with pytest.raises(ValueError, match="1: id 'x' is not an id"):
        integers_of(pa.array(["17", "x"]), "id", fail)
    with pytest.raises(ValueError, match="0: id is missing"):
        integers_of(pa.array([None], pa.int64()), "id", fail)


def test_flags_are_booleans_bits_or_sides() -> None:
    assert flags_of(pa.array([True, False]), "flag", fail).tolist() == [True, False]
    assert flags_of(pa.array([1, 0]), "flag", fail).tolist() == [True, False]
    assert flags_of(pa.array(["sell", "BUY"]), "flag", fail).tolist() == [True, False]
    with pytest.raises(ValueError, match="1: flag is 2, neither 0 nor 1"):
        flags_of(pa.array([1, 2]), "flag", fail)
    with pytest.raises(ValueError, match="0: flag 'up' is neither buy nor sell"):
        flags_of(pa.array(["up"]), "flag", fail)
    with pytest.raises(ValueError, match="0: flag is missing"):
        flags_of(pa.array([None], pa.bool_()), "flag", fail)
