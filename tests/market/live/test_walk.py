from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.types import SECOND
from fillwright.market.columns import CandleColumns, Scale
from fillwright.market.intervals import Interval
from fillwright.market.live.epoch import open_epoch
from fillwright.market.live.walk import CANDLES_KEPT, SymbolWalk, filled
from fillwright.market.synthetic import MarketShape
from fillwright.wire.exchange_info import default_exchange_info
from tests.market.live.worlds import NOW, Book

BTC = default_exchange_info().instruments["BTCUSDT"]


def candles(opens: list[int]) -> CandleColumns:
    times = np.array(opens, dtype=np.int64) * SECOND
    prices = [np.array([10 * second + add for second in opens], dtype=np.int64) for add in (1, 3, 0, 2)]
    volume = np.ones(len(opens), dtype=np.int64)
    return CandleColumns("BTCUSDT", Interval.S1, Scale(2, 5), times, times + SECOND - 1, *prices, volume)


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(31, 60), min_size=1))
def test_every_interval_gets_a_candle(before: set[int], after: set[int]) -> None:
    held, new = candles(sorted(before)), candles(sorted(after))
    found = filled(held, new)
    first = max(before) + 1 if before else min(after)
    assert (found.open_time_us // SECOND).tolist() == list(range(first, max(after) + 1))
    last = 10 * max(before) + 2 if before else None
    for index in range(len(found)):
        second = int(found.open_time_us[index]) // SECOND
        row = [int(getattr(found, name)[index]) for name in ("open", "high", "low", "close", "volume")]
        if second in after:
            assert row == [10 * second + 1, 10 * second + 3, 10 * second, 10 * second + 2, 1]
        else:
            assert row == [last, last, last, last, 0]
        last = row[3]
        assert int(found.close_time_us[index]) == (second + 1) * SECOND - 1


def test_a_long_walk_keeps_a_bounded_number_of_candles() -> None:
    epoch, _ = open_epoch(None, 1, MarketShape(trades_per_second=500.0, pause_chance=0.0), NOW)
    intervals = (Interval.S1, Interval.M15)
    epoch.renew(BTC, intervals, NOW)
    walk = SymbolWalk(epoch, BTC, intervals)
    walk.draw_to(NOW)
    line = walk.lines[Interval.S1]
    assert len(line.closed_before(NOW, 10**6)) in range(CANDLES_KEPT, CANDLES_KEPT + 300)
    walk.begin(NOW)
    book = Book()
    for second in range(600):
        while walk.push(book, NOW + second * SECOND):
            pass
    assert len(book.line("BTCUSDT", "1s")) == 599
    assert len(line.closed_before(NOW, 10**6)) <= CANDLES_KEPT + 300
    assert walk.next_time <= NOW + 601 * SECOND
