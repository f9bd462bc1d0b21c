from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.types import MINUTE
from fillwright.market.columns import CandleColumns, Scale
from fillwright.market.intervals import Interval
from fillwright.market.window import CandleWindow

SCALE = Scale(2, 5)


def candles(rows: int) -> CandleColumns:
    numbers = np.arange(1, rows + 1, dtype=np.int64)
    times = numbers * MINUTE
    return CandleColumns(
        "BTCUSDT",
        Interval.M1,
        SCALE,
        times,
        times + MINUTE - 1,
        numbers * 100 + 1,
        numbers * 100 + 4,
        numbers * 100,
        numbers * 100 + 3,
        numbers * 7,
    )


@given(st.integers(1, 9), st.integers(1, 60), st.lists(st.integers(1, 25), min_size=1))
def test_one_by_one_and_in_one_go_give_the_same_window(size: int, rows: int, cuts: list[int]) -> None:
    data = candles(rows)
    single, bulk = CandleWindow("BTCUSDT", Interval.M1, size), CandleWindow("BTCUSDT", Interval.M1, size)
    for row in range(rows):
        single.append(data.candle(row))
    start, turn = 0, 0
    while start < rows:
        stop = min(rows, start + cuts[turn % len(cuts)])
        bulk.extend(data, start, stop)
        start, turn = stop, turn + 1
    kept = slice(max(0, rows - size), rows)
    for window in (single, bulk):
        assert len(window) == min(rows, size)
        assert window.is_full == (rows >= size)
        assert window.open.tolist() == [float(SCALE.price(n)) for n in data.open[kept].tolist()]
        assert window.high.tolist() == [float(SCALE.price(n)) for n in data.high[kept].tolist()]
        assert window.low.tolist() == [float(SCALE.price(n)) for n in data.low[kept].tolist()]
        assert window.close.tolist() == [float(SCALE.price(n)) for n in data.close[kept].tolist()]
        assert window.volume.tolist() == [float(SCALE.quantity(n)) for n in data.volume[kept].tolist()]
        assert window.open_time.tolist() == data.open_time_us[kept].tolist()
        assert window.close_time.tolist() == data.close_time_us[kept].tolist()
        assert window.last == data.candle(rows - 1)
        assert window.last_close == data.candle(rows - 1).close


def test_columns_are_read_only_and_stay_as_they_were() -> None:
    window, data = CandleWindow("BTCUSDT", Interval.M1, 2), candles(40)
    window.append(data.candle(0))
    window.append(data.candle(1))
    closes = window.close
    before = closes.tolist()
    for row in range(2, 40):
        window.append(data.candle(row))
    assert closes.tolist() == before
    with pytest.raises(ValueError, match="read-only"):
        window.close[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        window.open_time[0] = 1


def test_an_empty_extension_changes_nothing() -> None:
    window = CandleWindow("BTCUSDT", Interval.M1, 3)
    window.extend(candles(5), 2, 2)
    assert len(window) == 0
    assert window.close.tolist() == []
