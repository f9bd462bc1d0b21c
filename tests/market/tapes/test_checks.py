from __future__ import annotations

from typing import NoReturn

import numpy as np
import pytest

from fillwright.core.types import DAY, MINUTE, SECOND
from fillwright.market.columns import CandleColumns, QuoteColumns, Scale, TradeColumns
from fillwright.market.intervals import Interval
from fillwright.market.tapes.checks import (
    TIME_MIN,
    CandleChecker,
    QuoteChecker,
    TradeChecker,
    first_true,
    moment,
)

SCALE = Scale(2, 5)
START = 1_770_076_800 * SECOND


def fail(row: int, what: str) -> NoReturn:
    raise ValueError(f"{row}: {what}")


def column(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


def trades(ids: list[int], times: list[int] | None = None) -> TradeColumns:
    ones = column([1] * len(ids))
    stamps = column([START + n for n in ids] if times is None else times)
    return TradeColumns("BTCUSDT", SCALE, stamps, ones, ones, ones > 0, column(ids))


def candles(opens: list[int], interval: Interval = Interval.M1) -> CandleColumns:
    times = column(opens)
    ones = column([1] * len(opens))
    return CandleColumns(
        "BTCUSDT", interval, SCALE, times, interval.close_times(times), ones, ones, ones, ones, ones
    )


def test_the_first_index_of_a_mask() -> None:
    assert first_true(np.array([False, True, True])) == 1
    assert first_true(np.array([False])) is None
    assert first_true(np.array([], dtype=np.bool_)) is None


def test_times_are_written_for_people() -> None:
    assert moment(START) == "2026-02-03 00:00:00"
    assert moment(START + 5_000) == "2026-02-03 00:00:00.005"
    assert moment(START + 1) == "2026-02-03 00:00:00.000001"


def test_trades_are_remembered_from_piece_to_piece() -> None:
    checker = TradeChecker()
    checker.check(trades([]), fail)
    checker.check(trades([5, 6, 9]), fail)
    checker.check(trades([10, 15]), fail)
    assert (checker.gaps, checker.missing) == (2, 6)
    with pytest.raises(ValueError, match="0: trade id 15 is repeated"):
        checker.check(trades([15]), fail)
    with pytest.raises(ValueError, match="1: unsorted"):
        checker.check(trades([16, 17], [START + 20, START + 19]), fail)
    with pytest.raises(ValueError, match=r"0: time .* is not between 2009 and 2100"):
        TradeChecker().check(trades([1], [TIME_MIN - 1]), fail)


def test_holes_between_pieces_of_candles_are_counted() -> None:
    checker = CandleChecker(Interval.M1)
    checker.check(candles([START, START + MINUTE]), fail)
    checker.check(candles([]), fail)
    checker.check(candles([START + 4 * MINUTE]), fail)
    assert (checker.gaps, checker.missing) == (1, 2)
    with pytest.raises(ValueError, match="0: the candle of 2026-02-03 00:04:00 is repeated"):
        checker.check(candles([START + 4 * MINUTE]), fail)
    with pytest.raises(ValueError, match=r"0: open time .* is not between 2009 and 2100"):
        CandleChecker(Interval.M1).check(candles([0]), fail)


def test_months_have_no_holes_between_them() -> None:
    january = Interval.MO1.open_time(START - 10 * DAY)
    february = Interval.MO1.next_open_time(january)
    april = Interval.MO1.next_open_time(Interval.MO1.next_open_time(february))
    checker = CandleChecker(Interval.MO1)
    checker.check(candles([january, february, april], Interval.MO1), fail)
    assert (checker.gaps, checker.missing) == (1, 1)


def test_quotes_are_remembered_from_piece_to_piece() -> None:
    one = QuoteColumns("BTCUSDT", SCALE, column([START]), column([1]), column([1]), column([2]), column([0]))
    earlier = QuoteColumns(
        "BTCUSDT", SCALE, column([START - 1]), column([1]), column([1]), column([2]), column([0])
    )
    checker = QuoteChecker()
    checker.check(one, fail)
    checker.check(one.slice(0, 0), fail)
    with pytest.raises(ValueError, match="0: unsorted"):
        checker.check(earlier, fail)
