from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.types import DAY, MINUTE
from fillwright.market.intervals import Interval, IntervalError

TIMES = st.integers(0, 4_000_000_000_000_000)


def time(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[misc, arg-type]


@given(TIMES, st.sampled_from(list(Interval)))
def test_a_candle_contains_its_times_and_columns_agree(moment: int, interval: Interval) -> None:
    opened, closed = interval.open_time(moment), interval.close_time(moment)
    assert opened <= moment <= closed
    assert interval.open_time(opened) == opened == interval.open_time(closed)
    assert interval.open_time(closed + 1) == closed + 1
    column = np.array([moment], dtype=np.int64)
    assert interval.open_times(column).tolist() == [opened]
    assert interval.close_times(column).tolist() == [closed]


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    moment = time(2026, 2, 18, 13, 37)
    assert Interval.W1.open_time(moment) == time(2026, 2, 16)
    assert Interval.MO1.open_time(moment) == time(2026, 2, 1)
    assert Interval.MO1.close_time(moment) == time(2026, 3, 1) - 1
    assert Interval.MO1.next_open_time(time(2026, 12, 31)) == time(2027, 1, 1)
    assert Interval.D3.open_time(moment) % (3 * DAY) == 0


def test_lengths_name_their_interval() -> None:
    for interval in Interval:
        if interval.length_us is not None:
            assert Interval.of_length(interval.length_us) is interval
    for days in (28, 29, 30, 31):
        assert Interval.of_length(days * DAY) is Interval.MO1
    with pytest.raises(IntervalError, match="not the length"):
        Interval.of_length(7 * MINUTE)


def test_case_matters() -> None:
    assert Interval.parse("1m") is Interval.M1
    assert Interval.parse("1M") is Interval.MO1
    with pytest.raises(IntervalError, match="known are 1s 5s 10s 15s 30s 1m"):
        Interval.parse("1H")


def test_which_intervals_add_up_to_which() -> None:
    assert Interval.M1.divides(Interval.M15)
    assert Interval.M1.divides(Interval.MO1)
    assert Interval.D1.divides(Interval.W1)
    assert not Interval.D3.divides(Interval.W1)
    assert not Interval.D3.divides(Interval.MO1)
    assert not Interval.W1.divides(Interval.MO1)
    assert not Interval.H1.divides(Interval.M30)
    assert not Interval.M3.divides(Interval.M5)
    assert Interval.S1.divides(Interval.S5)
    assert Interval.S5.divides(Interval.S15)
    assert not Interval.S10.divides(Interval.S15)


def test_binance_has_the_others() -> None:
    ours = [interval.value for interval in Interval if not interval.is_binance]
    assert ours == ["5s", "10s", "15s", "30s"]
