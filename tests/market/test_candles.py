from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.inputs import Candle
from fillwright.core.types import DAY, MINUTE, SECOND
from fillwright.market.candles import CandleAggregator, CandleBuilder, CandleFolder
from fillwright.market.columns import CandleColumns, Scale, ScaleError, TradeColumns
from fillwright.market.intervals import Interval, IntervalError

SCALE = Scale(2, 5)
START = 1_770_076_800 * SECOND

STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 999, 7 * SECOND, 40 * SECOND, 3 * MINUTE]),
        st.integers(1, 500),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=80,
)


def trades(rows: list[tuple[int, int, int]]) -> TradeColumns:
    times, prices, quantities = (np.array([row[n] for row in rows], dtype=np.int64) for n in range(3))
    return TradeColumns(
        "BTCUSDT", SCALE, times, prices, quantities, np.zeros(len(rows), dtype=np.bool_), np.arange(len(rows))
    )


def in_time(steps: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    rows, now = [], START + 13 * SECOND
    for step, price, quantity in steps:
        now += step
        rows.append((now, price, quantity))
    return rows


def built(rows: list[tuple[int, int, int]], interval: Interval) -> list[Candle]:
    builder = CandleBuilder("BTCUSDT", interval)
    candles = [
        builder.add(now, SCALE.price(price), SCALE.quantity(quantity)) for now, price, quantity in rows
    ]
    return [candle for candle in [*candles, builder.flush()] if candle is not None]


def candles_of(parts: list[CandleColumns]) -> list[Candle]:
    return [part.candle(index) for part in parts for index in range(len(part))]


def aggregated(rows: list[tuple[int, int, int]], interval: Interval, chunk_rows: int) -> list[CandleColumns]:
    aggregator = CandleAggregator("BTCUSDT", interval, SCALE)
    parts = [
        aggregator.push(trades(rows[start : start + chunk_rows])) for start in range(0, len(rows), chunk_rows)
    ]
    return [*parts, aggregator.flush()]


@given(STEPS, st.integers(1, 30), st.sampled_from([Interval.S1, Interval.M1, Interval.M3, Interval.MO1]))
def test_chunks_and_single_trades_give_the_same_candles(
    steps: list[tuple[int, int, int]], chunk_rows: int, interval: Interval
) -> None:
    rows = in_time(steps)
    assert candles_of(aggregated(rows, interval, chunk_rows)) == built(rows, interval)


@given(STEPS, st.integers(1, 30))
def test_candles_of_candles_are_candles_of_their_trades(
    steps: list[tuple[int, int, int]], chunk_rows: int
) -> None:
    rows = in_time(steps)
    aggregator = CandleAggregator("BTCUSDT", Interval.M15, SCALE)
    parts = [aggregator.push(part) for part in aggregated(rows, Interval.M1, chunk_rows)]
    assert candles_of([*parts, aggregator.flush()]) == built(rows, Interval.M15)


def test_a_naive_fold_agrees() -> None:
    rows = [
        (START, 5, 1),
        (START + 1, 9, 2),
        (START + 2, 3, 4),
        (START + MINUTE, 7, 8),
        (START + 5 * MINUTE, 6, 1),
    ]
    first, second, third = candles_of(aggregated(rows, Interval.M1, 2))
    assert (first.open, first.high, first.low, first.close) == tuple(map(SCALE.price, (5, 9, 3, 3)))
    assert first.volume == SCALE.quantity(7)
    assert (first.open_time, first.close_time) == (START, START + MINUTE - 1)
    assert second.open_time == START + MINUTE
    assert third.open_time == START + 5 * MINUTE


def test_the_last_smaller_candle_completes_the_larger_one_at_once() -> None:
    minutes = aggregated([(START + n * MINUTE, n + 1, 1) for n in range(15)], Interval.M1, 99)
    aggregator = CandleAggregator("BTCUSDT", Interval.M15, SCALE)
    parts = [aggregator.push(part) for part in minutes]
    assert sum(len(part) for part in parts) == 1
    assert parts[-1].row + len(parts[-1]) == 1
    assert len(aggregator.flush()) == 0


def test_candles_that_do_not_add_up_are_refused() -> None:
    minutes = aggregated([(START, 1, 1)], Interval.M3, 9)
    with pytest.raises(IntervalError, match="3m candles do not add up to 5m candles"):
        CandleAggregator("BTCUSDT", Interval.M5, SCALE).push(minutes[-1])


def test_a_volume_beyond_64_bits_is_refused() -> None:
    with pytest.raises(ScaleError, match="does not fit"):
        CandleAggregator("BTCUSDT", Interval.M1, SCALE).push(
            trades([(START, 1, 2**62), (START + 1, 1, 2**62)])
        )


def test_a_live_candle_closes_by_the_clock_and_leaves_late_trades_out() -> None:
    builder = CandleBuilder("BTCUSDT", Interval.M1)
    one = Decimal(1)
    assert builder.close_due(START + DAY) is None
    assert builder.add(START, one, one) is None
    assert builder.close_due(START + MINUTE - 1) is None
    candle = builder.close_due(START + MINUTE)
    assert candle is not None
    assert (candle.interval, candle.volume) == ("1m", one)
    assert builder.add(START + MINUTE - 1, one, one) is None
    assert builder.late == 1
    assert builder.flush() is None
    assert builder.add(START + MINUTE, one, one) is None
    assert builder.flush() is not None


def folded(candles: list[Candle], interval: Interval) -> list[Candle]:
    folder = CandleFolder(interval)
    return [done for candle in candles for done in folder.add(candle)]


@given(STEPS)
def test_folded_candles_are_those_of_the_trades(steps: list[tuple[int, int, int]]) -> None:
    rows = in_time(steps)
    whole = [candle for candle in built(rows, Interval.M1) if candle.open_time > rows[0][0]]
    found = folded(built(rows, Interval.S1), Interval.M1)
    assert found in (whole, whole[:-1])


def test_the_last_one_inside_completes_a_candle_at_once() -> None:
    seconds = built([(START + second * SECOND, 100 + second, 1) for second in range(12)], Interval.S1)
    folder = CandleFolder(Interval.S5)
    assert [len(folder.add(candle)) for candle in seconds] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0]
    (last,) = folded(seconds[1:], Interval.S5)
    assert (last.open_time, last.close_time) == (START + 5 * SECOND, START + 10 * SECOND - 1)
    assert (last.open, last.high, last.low, last.close) == tuple(map(SCALE.price, (105, 109, 105, 109)))
    assert last.volume == SCALE.quantity(5)


def test_a_hole_leaves_its_part_out() -> None:
    seconds = built([(START + second * SECOND, 100 + second, 1) for second in (0, 4, 7, 8, 13)], Interval.S1)
    first, second = folded(seconds, Interval.S5)
    assert (first.open, first.close, first.volume) == (
        SCALE.price(100),
        SCALE.price(104),
        SCALE.quantity(2),
    )
    assert (second.open_time, second.open, second.close) == (
        START + 5 * SECOND,
        SCALE.price(107),
        SCALE.price(108),
    )


def test_candles_that_do_not_fit_are_not_folded() -> None:
    minutes = built([(START, 100, 1)], Interval.M1)
    with pytest.raises(IntervalError, match="1m candles do not add up to 5s candles"):
        CandleFolder(Interval.S5).add(minutes[0])
