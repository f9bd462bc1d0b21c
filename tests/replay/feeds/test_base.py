from __future__ import annotations

import numpy as np

from fillwright.market.intervals import Interval
from fillwright.replay.feeds.base import as_view
from fillwright.replay.feeds.columns import TradeFeed
from tests.replay.builders import trades_tape
from tests.replay.feeds.test_columns import FakeMarket


def test_a_view_gives_pythons_integers() -> None:
    column = np.array([1, 2**62], dtype=np.int64)
    view = as_view(column)
    assert [type(number) for number in view] == [int, int]
    assert view[1] == 2**62


def test_chunks_without_rows_are_passed_over_and_an_end_is_an_end() -> None:
    feed = TradeFeed(trades_tape([(0, 1), (1, 2)], chunk_rows=1), FakeMarket(), (Interval.M1,))
    assert not feed.exhausted
    assert [feed.load(), feed.load(), feed.load(), feed.load()] == [True, True, False, False]
    assert feed.exhausted


def test_resuming_at_the_end_of_a_chunk_stays_there() -> None:
    feed = TradeFeed(trades_tape([(0, 1), (1, 2), (2, 3)], chunk_rows=2), FakeMarket(), (Interval.M1,))
    feed.resume(2, b"")
    assert feed.is_done
    assert feed.moment == 2
    assert feed.load()
    assert feed.moment == 2
