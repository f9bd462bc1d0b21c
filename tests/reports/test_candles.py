from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather

from fillwright.core.types import DAY, HOUR, MINUTE, SECOND
from fillwright.reports.candles import (
    CANDLES_MAX,
    CandleSeries,
    CandlesError,
    chart_interval,
    fits_packed,
    load_candles,
    packed_columns,
    save_candles,
    with_needed_decimals,
)
from tests.reports.sample import START, candles


def equal(one: CandleSeries, other: CandleSeries) -> bool:
    return all(
        np.array_equal(*pair) for pair in zip(*map(msgspec.structs.astuple, (one, other)), strict=True)
    )


def test_coarser_candles_hold_what_finer_ones_held() -> None:
    fine = candles(days=2)
    coarse = fine.coarser(HOUR)
    assert len(coarse) == 48
    part = slice(60, 120)
    assert coarse.time_us[1] == START + HOUR
    assert (coarse.open[1], coarse.close[1]) == (fine.open[60], fine.close[119])
    assert (coarse.high[1], coarse.low[1]) == (fine.high[part].max(), fine.low[part].min())
    assert coarse.volume[1] == pytest.approx(fine.volume[part].sum())


def test_an_empty_hour_has_no_candle() -> None:
    fine = candles(days=1)
    kept = np.r_[0:60, 180:240]
    gap = msgspec.structs.replace(
        fine,
        **{name: getattr(fine, name)[kept] for name in ("time_us", "open", "high", "low", "close", "volume")},
    )
    assert [int(time - START) // HOUR for time in gap.coarser(HOUR).time_us] == [0, 3]


def test_a_long_series_is_bounded_by_a_coarser_interval() -> None:
    series = candles(days=5)
    assert series.bounded() is series
    assert series.bounded(5_000).interval_us == 5 * MINUTE
    assert len(series.bounded(5)) == 5


def test_the_markets_own_change() -> None:
    series = candles(days=1)
    assert series.change_percent == pytest.approx(100 * (series.close[-1] / series.open[0] - 1))
    empty = msgspec.structs.replace(
        series,
        **{name: getattr(series, name)[:0] for name in ("time_us", "open", "high", "low", "close", "volume")},
    )
    assert empty.change_percent is None
    assert len(empty.coarser(HOUR)) == 0


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (10 * MINUTE, "1s"),
        (6 * HOUR, "1s"),
        (DAY, "1m"),
        (90 * DAY, "1m"),
        (365 * DAY, "5m"),
        (20_000 * DAY, "4h"),
    ],
)
def test_the_interval_suits_the_period(length: int, expected: str) -> None:
    assert chart_interval(START, START + length) == expected
    assert length / CANDLES_MAX <= {"1s": SECOND, "1m": MINUTE, "5m": 5 * MINUTE, "4h": 4 * HOUR}[expected]


def test_candles_are_saved_and_read_back(tmp_path: Path) -> None:
    written = (candles(days=1), candles("ETHUSDT", days=2, price=2_500, seed=3))
    save_candles(tmp_path / "candles.feather", written)
    read = load_candles(tmp_path / "candles.feather")
    assert len(read) == 2
    assert all(equal(*pair) for pair in zip(written, read, strict=True))


def test_no_candles_are_saved_and_read_back(tmp_path: Path) -> None:
    save_candles(tmp_path / "candles.feather", ())
    assert load_candles(tmp_path / "candles.feather") == ()


def test_a_file_that_holds_no_candles_is_refused(tmp_path: Path) -> None:
    text, other = tmp_path / "text", tmp_path / "other"
    text.write_text("hello")
    feather.write_feather(pa.table({"x": [1]}), other)
    with pytest.raises(CandlesError, match="not a feather file"):
        load_candles(text)
    with pytest.raises(CandlesError, match="no column symbol"):
        load_candles(other)
    with pytest.raises(FileNotFoundError):
        load_candles(tmp_path / "nowhere")


def test_packed_columns_give_the_prices_back() -> None:
    series = candles(days=1)
    steps, opens, highs, lows, bodies, volume = (
        np.asarray(c).astype(np.float64) for c in packed_columns(series)
    )
    assert np.array_equal(np.cumsum(steps) * series.interval_us, series.time_us)
    close = np.cumsum(opens + bodies)
    opened = close - bodies
    assert np.array_equal(np.rint(series.close * 100), close)
    assert np.array_equal(np.rint(series.open * 100), opened)
    assert np.array_equal(np.rint(series.high * 100), np.maximum(opened, close) + highs)
    assert np.array_equal(np.rint(series.low * 100), np.minimum(opened, close) - lows)
    assert np.allclose(volume, series.volume)


def test_prices_that_are_too_fine_for_32_bits_are_told() -> None:
    series = candles(days=1)
    assert fits_packed(series)
    assert not fits_packed(msgspec.structs.replace(series, price_decimals=8))


@pytest.mark.parametrize(("given", "needed"), [(8, 2), (2, 2), (1, 1)])
def test_no_more_decimals_than_prices_have(given: int, needed: int) -> None:
    series = msgspec.structs.replace(candles(days=1), price_decimals=given)
    assert with_needed_decimals(series).price_decimals == needed
