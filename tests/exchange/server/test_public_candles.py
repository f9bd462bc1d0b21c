"""Candles against the plain way of making them: all trades of an interval, one after another."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fillwright.core.types import DAY, HOUR, MINUTE, SECOND
from fillwright.exchange.server.public_candles import (
    CLOSE,
    COLUMNS,
    COUNT,
    FIRST_ID,
    HIGH,
    LAST_ID,
    LOW,
    OPEN,
    OPEN_TIME,
    QUOTE,
    SECONDS_KEPT,
    TAKER_QUOTE,
    TAKER_VOLUME,
    VOLUME,
    Candles,
    Rows,
    Units,
    fold,
    open_time,
    sums,
)
from fillwright.market.intervals import Interval
from tests.exchange.builders import BTCUSDT

START = 1_795_168_800_000_000
UNITS = Units.of(BTCUSDT)


class Traded(NamedTuple):
    time: int
    price: int
    quantity: int
    buyer_is_maker: bool


traded = st.builds(
    Traded,
    st.integers(0, 5 * HOUR // SECOND).map(lambda second: START + second * SECOND + 7),
    st.integers(1, 10_000_000),
    st.integers(1, 1_000_000),
    st.booleans(),
)


def add(candles: Candles, trades: list[Traded]) -> None:
    for number, one in enumerate(trades):
        price = Decimal(one.price).scaleb(-UNITS.price_decimals)
        quantity = Decimal(one.quantity).scaleb(-UNITS.quantity_decimals)
        candles.add(one.time, price, quantity, number, buyer_is_maker=one.buyer_is_maker)


def plain(trades: list[Traded], interval: Interval, offset: int, until: int) -> list[list[int]]:
    """The candles from the first trade's to the one of ``until``."""
    rows: list[list[int]] = []
    begin = open_time(interval, trades[0].time, offset)
    while begin <= until:
        end = interval.next_open_time(begin + offset) - offset
        inside = [(number, one) for number, one in enumerate(trades) if begin <= one.time < end]
        if inside:
            prices = [one.price for _, one in inside]
            taken = [one for _, one in inside if not one.buyer_is_maker]
            rows.append(
                [
                    begin, prices[0], max(prices), min(prices), prices[-1],
                    sum(one.quantity for _, one in inside), sum(one.price * one.quantity for _, one in inside),
                    len(inside), sum(one.quantity for one in taken), sum(one.price * one.quantity for one in taken),
                    inside[0][0], inside[-1][0],
                ]
            )  # fmt: skip
        else:
            last = rows[-1][CLOSE]
            rows.append([begin, last, last, last, last, 0, 0, 0, 0, 0, -1, -1])
        begin = end
    return rows


def test_units_are_those_of_tick_and_step() -> None:
    assert Units(2, 5) == UNITS
    assert UNITS.quote_decimals == 7
    assert (UNITS.price(Decimal("12.3456")), UNITS.quantity(Decimal("0.00001"))) == (1234, 1)
    assert UNITS.quote(Decimal("1.00000009")) == 10_000_000
    assert Units(8, 8).quote_decimals == 8


@settings(max_examples=60, deadline=None)
@given(
    st.lists(traded, min_size=1, max_size=40),
    st.sampled_from(
        [Interval.M1, Interval.M3, Interval.M15, Interval.H1, Interval.H4, Interval.D1, Interval.MO1]
    ),
    st.sampled_from([0, 8 * HOUR, -5 * HOUR]),
)
def test_candles_are_what_trades_make(trades: list[Traded], interval: Interval, offset: int) -> None:
    trades.sort(key=lambda one: one.time)
    candles = Candles(UNITS)
    add(candles, trades)
    now = START + 5 * HOUR + 30 * SECOND
    rows = candles.read(interval, now, limit=1000, offset_us=offset).tolist()
    wanted = plain(trades, interval, offset, now)
    assert rows == wanted


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        traded.map(lambda one: one._replace(time=START + one.time % (40 * MINUTE))), min_size=1, max_size=40
    )
)
def test_seconds(trades: list[Traded]) -> None:
    trades.sort(key=lambda one: one.time)
    candles = Candles(UNITS)
    add(candles, trades)
    now = START + 41 * MINUTE
    rows = candles.read(Interval.S1, now, limit=100_000).tolist()
    assert rows == plain(trades, Interval.S1, 0, now)[-SECONDS_KEPT - 1 :]


def test_what_is_asked_for_by_time_and_number() -> None:
    candles = Candles(UNITS)
    for minute in range(10):
        candles.add(START + minute * MINUTE, Decimal(100 + minute), Decimal(1), minute, buyer_is_maker=False)
    now = START + 9 * MINUTE + 1

    def opens(**asked: int) -> list[int]:
        rows = candles.read(Interval.M1, now, **asked)
        return [(time - START) // MINUTE for time in rows[:, OPEN_TIME].tolist()]

    assert opens() == list(range(10))
    assert opens(limit=3) == [7, 8, 9]
    assert opens(start=START + 2 * MINUTE, limit=3) == [2, 3, 4]
    assert opens(start=START + 2 * MINUTE + 1, limit=3) == [3, 4, 5]
    assert opens(end=START + 4 * MINUTE, limit=3) == [2, 3, 4]
    assert opens(end=START + 4 * MINUTE - 1, limit=3) == [1, 2, 3]
    assert opens(start=START + 8 * MINUTE, end=START + DAY) == [8, 9]
    assert opens(start=START + 3 * MINUTE, end=START + 2 * MINUTE) == []
    assert opens(start=START + DAY) == []
    assert opens(end=0) == []
    assert opens(start=0, limit=4) == [0, 1, 2, 3]
    assert opens(start=0, end=START - 1) == []


@pytest.mark.parametrize("interval", [one for one in Interval if one.is_binance])
@pytest.mark.parametrize("offset", [0, 14 * HOUR, -12 * HOUR, 345 * MINUTE])
def test_times_that_are_no_dates(interval: Interval, offset: int) -> None:
    candles = Candles(UNITS)
    candles.add(START, Decimal(100), Decimal(1), 1, buyer_is_maker=False)
    far = 2**63 - 1
    for asked in ({"start": far}, {"start": far, "end": far}, {"start": far, "end": 0}, {"end": 0}):
        assert len(candles.read(interval, START, offset_us=offset, **asked)) == 0
    for asked in ({"start": 0}, {"end": far}, {"start": 0, "end": far}):
        assert candles.read(interval, START, offset_us=offset, **asked)[:, COUNT].tolist() == [1]
    nothing = Candles(UNITS)
    for asked in ({"start": 0}, {"end": far}, {"start": far}, {"end": 0}):
        assert len(nothing.read(interval, START, offset_us=offset, **asked)) == 0


def test_a_candle_of_a_single_row_begins_where_its_interval_does() -> None:
    candles = Candles(UNITS)
    candles.add(START, Decimal(100), Decimal(1), 1, buyer_is_maker=False)
    rows = candles.read(Interval.D1, START + MINUTE)
    assert rows[:, OPEN_TIME].tolist() == [START // DAY * DAY]


def test_no_trades_no_candles() -> None:
    assert len(Candles(UNITS).read(Interval.M1, START)) == 0


def test_long_silence_is_flat_and_bounded() -> None:
    candles = Candles(UNITS)
    candles.add(START, Decimal(100), Decimal(1), 1, buyer_is_maker=False)
    now = START + 400 * DAY
    rows = candles.read(Interval.S1, now, limit=5000)
    assert len(rows) == SECONDS_KEPT + 1
    assert set(rows[:, CLOSE].tolist()) == {100_00}
    assert rows[-1, OPEN_TIME] == now
    days = candles.read(Interval.D1, now, limit=1000)
    assert len(days) == 401
    assert days[0, COUNT] == 1
    assert days[1:, COUNT].sum() == 0


class Known:
    """A past of an hour and a half that says how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        rows = np.zeros((90, COLUMNS), dtype=np.int64)
        rows[:, OPEN_TIME] = START - np.arange(90, 0, -1) * MINUTE + 30 * MINUTE
        rows[:, [OPEN, HIGH, LOW, CLOSE]] = (90_00, 95_00, 85_00, 92_00)
        rows[:, [VOLUME, QUOTE, COUNT, TAKER_VOLUME, TAKER_QUOTE]] = (5, 6, 2, 3, 4)
        rows[:, FIRST_ID] = np.arange(0, 180, 2)
        rows[:, LAST_ID] = rows[:, FIRST_ID] + 1
        self.rows = rows

    def recent(self) -> tuple[Rows, Rows]:
        self.asked.append("recent")
        return self.rows[-1:], self.rows[-45:]

    def older(self) -> tuple[Rows, Rows]:
        self.asked.append("older")
        return self.rows[:-45], fold(self.rows, Interval.H1)


def test_no_more_of_the_past_is_asked_for_than_is_read() -> None:
    past = Known()
    candles, now = Candles(UNITS, past), START + 31 * MINUTE
    candles.begin(START + 30 * MINUTE, Decimal(92))
    assert past.asked == []
    assert len(candles.read(Interval.M1, now, limit=10)) == 10
    assert len(candles.read(Interval.S1, now, limit=10)) == 10
    assert past.asked == ["recent"]
    assert len(candles.read(Interval.M1, now, limit=60)) == 60
    assert past.asked == ["recent", "older"]
    assert len(candles.read(Interval.H1, now)) == 2
    assert past.asked == ["recent", "older"]
    again = Known()
    assert len(Candles(UNITS, again).read(Interval.H1, now)) == 2
    assert again.asked == ["recent", "older"]


def test_history_and_the_first_trades_share_a_candle() -> None:
    candles = Candles(UNITS, Known())
    candles.begin(START + 30 * MINUTE, Decimal(92))
    candles.add(START + 31 * MINUTE, Decimal(99), Decimal("0.00001"), 180, buyer_is_maker=True)
    hours = candles.read(Interval.H1, START + 32 * MINUTE).tolist()
    assert [row[OPEN_TIME] - START for row in hours] == [-HOUR, 0]
    assert hours[1][OPEN : VOLUME + 1] == [90_00, 99_00, 85_00, 99_00, 30 * 5 + 1]
    assert hours[1][COUNT] == 61
    assert hours[1][FIRST_ID:] == [120, 180]
    minutes = candles.read(Interval.M1, START + 32 * MINUTE, limit=4)
    assert ((minutes[:, OPEN_TIME] - START) // MINUTE).tolist() == [29, 30, 31, 32]


def test_sums_beyond_64_bits_stay_at_the_largest_number() -> None:
    column = np.array([2**62, 2**62, 5], dtype=np.int64)
    assert sums(column, [0, 2]).tolist() == [2**63 - 1, 5]
