from __future__ import annotations

import itertools
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fillwright.binance.candles import HELD_MAX, LATE_MAX, MISSING_MAX, TRIES_MAX, CandleLine
from fillwright.core.inputs import Candle
from fillwright.core.types import MINUTE, SECOND, Time
from fillwright.market.intervals import Interval

START = 1_790_000_040 * SECOND


def candle(number: int, interval: Interval = Interval.M1) -> Candle:
    assert interval.length_us is not None
    opened = START + number * interval.length_us
    price = Decimal(number + 1)
    return Candle(
        "BTCUSDT", interval.value, opened, opened + interval.length_us - 1, price, price, price, price, price
    )


class Story:
    """A line and what REST would say to it."""

    def __init__(self, interval: Interval = Interval.M1, *, holes: frozenset[int] = frozenset()) -> None:
        self.got: list[Candle] = []
        self.line = CandleLine("BTCUSDT", interval, self.got.append)
        self.holes = holes

    def fetch(self, known_until: int) -> None:
        """Once: what REST has up to a candle."""
        missing = self.line.missing
        if missing is None:
            return
        start, end = missing
        rest = [
            candle(number, self.line.source)
            for number in range(known_until)
            if number not in self.holes and start <= candle(number, self.line.source).open_time <= end
        ]
        self.line.fill(rest[:1000], end, len(rest) < 1000)

    @property
    def numbers(self) -> list[int]:
        return [int(found.close) - 1 for found in self.got]


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["closed", "working", "twice", "fetch"]))))
def test_whatever_the_stream_loses_or_repeats_candles_come_once_and_in_order(
    steps: list[tuple[int, str]],
) -> None:
    story, latest = Story(), 0
    story.line.history_given(candle(-1))
    for ahead, what in steps:
        number = max(0, latest + ahead - 10)
        latest = max(latest, number)
        if what in ("closed", "twice"):
            story.line.closed(candle(number))
            if what == "twice":
                story.line.closed(candle(number))
        elif what == "working":
            story.line.working(candle(number).open_time)
        else:
            story.fetch(latest)
        assert story.numbers == list(range(len(story.got)))
    story.line.working(candle(latest + 1).open_time)
    while story.line.missing is not None:
        story.fetch(latest + 1)
    assert story.numbers == list(range(latest + 1))


def test_the_first_that_comes_is_the_first_when_there_was_no_history() -> None:
    story = Story()
    story.line.closed(candle(5))
    story.line.closed(candle(4))
    assert story.numbers == [5]
    story = Story()
    story.line.working(candle(7).open_time)
    assert story.line.missing is None
    story.line.closed(candle(7))
    assert story.numbers == [7]


def test_a_later_history_is_gone_on_from() -> None:
    story = Story()
    story.line.history_given(candle(0))
    story.line.history_given(candle(2))
    story.line.closed(candle(2))
    story.line.closed(candle(3))
    story.line.history_given(candle(5))
    story.line.closed(candle(4))
    assert story.numbers == [3, 4]


def test_rest_may_lag_behind_the_stream_for_a_while() -> None:
    story = Story()
    story.line.closed(candle(0))
    story.line.working(candle(3).open_time)
    story.fetch(1)
    story.fetch(2)
    assert story.numbers == [0, 1]
    story.fetch(3)
    assert story.numbers == [0, 1, 2]
    assert story.line.missing is None


def test_what_rest_never_has_does_not_exist() -> None:
    story = Story(holes=frozenset({1, 2, 5}))
    story.line.closed(candle(0))
    story.line.closed(candle(3))
    for _ in range(TRIES_MAX - 1):
        story.fetch(9)
        assert story.numbers == [0]
    story.fetch(9)
    assert story.numbers == [0, 3]
    story.line.closed(candle(7))
    story.fetch(9)
    assert story.numbers == [0, 3, 4, 6, 7]


def test_the_clock_finds_what_is_overdue() -> None:
    story = Story()
    now: Time = START + 3 * MINUTE
    assert not story.line.is_late(now)
    story.line.look(now)
    assert story.line.missing is None
    story.line.history_given(candle(0))
    assert story.line.is_late(now)
    assert not story.line.is_late(candle(1).close_time + LATE_MAX)
    story.line.look(now)
    assert story.line.missing == (candle(1).open_time, candle(1).close_time)
    story.line.look(now + LATE_MAX)
    assert story.line.missing == (candle(1).open_time, candle(2).close_time)


def test_holes_and_waiting_candles_are_bounded() -> None:
    story = Story()
    story.line.closed(candle(0))
    for number in range(10, 10 + 2 * HELD_MAX):
        story.line.closed(candle(number))
    story.fetch(10)
    assert story.numbers == list(range(10 + HELD_MAX))
    story.fetch(10_000)
    assert story.numbers == list(range(10 + 2 * HELD_MAX))
    story.line.working(candle(99_999).open_time)
    assert story.line.missing is not None
    start, end = story.line.missing
    assert end == candle(99_998).close_time
    assert (end + 1 - start) // MINUTE == MISSING_MAX


def test_what_binance_lacks_is_folded() -> None:
    story = Story(Interval.S15)
    assert story.line.source is Interval.S1
    for number in (*range(3, 20), *range(22, 46)):
        story.line.closed(candle(number, Interval.S1))
    story.fetch(46)
    assert [found.interval for found in story.got] == ["15s", "15s"]
    assert [found.open_time - START for found in story.got] == [15 * SECOND, 30 * SECOND]
    for before, after in itertools.pairwise(story.got):
        assert before.close_time + 1 == after.open_time
    assert story.got[0].volume == sum(range(16, 31))
