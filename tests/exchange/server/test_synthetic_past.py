"""The past of a synthetic symbol: it leads up to the present, and all intervals tell the same story."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np

from fillwright.core.types import HOUR, MINUTE, SECOND
from fillwright.exchange.server.public_candles import (
    CLOSE,
    COUNT,
    FIRST_ID,
    HIGH,
    LAST_ID,
    LOW,
    OPEN,
    OPEN_TIME,
    QUOTE,
    TAKER_VOLUME,
    VOLUME,
    Rows,
    Units,
    fold,
)
from fillwright.exchange.server.synthetic_past import LAST_TRADE_ID, PastShape, SyntheticPast
from fillwright.market.intervals import Interval

BEGIN = 1_795_168_800_000_000 + 17 * MINUTE
SHAPE = PastShape(
    seed=1,
    symbol="BTCUSDT",
    units=Units(2, 5),
    begin=BEGIN,
    price=9_000_000,
    tick=1,
    step=1,
    daily_volatility=0.03,
    trades_per_second=5.0,
    quantity=1_100.0,
)


class Whole(NamedTuple):
    seconds: Rows
    minutes: Rows
    hours: Rows


def whole(shape: PastShape) -> Whole:
    past = SyntheticPast(shape)
    seconds, recent = past.recent()
    older, hours = past.older()
    return Whole(seconds, np.concatenate([older, recent]), hours)


PAST = whole(SHAPE)
LINES = ((PAST.seconds, SECOND), (PAST.minutes, MINUTE), (PAST.hours, HOUR))


def test_rows_follow_each_other_and_end_where_the_market_begins() -> None:
    for rows, length in LINES:
        assert set(np.diff(rows[:, OPEN_TIME]).tolist()) == {length}
        assert rows[-1, OPEN_TIME] == (BEGIN - 1) // length * length
        assert rows[-1, CLOSE] == 9_000_000
        assert rows[0, OPEN_TIME] % length == 0


def test_there_are_a_thousand_candles_of_every_interval_up_to_a_day() -> None:
    for interval, rows in (
        (Interval.S1, PAST.seconds),
        (Interval.M30, PAST.minutes),
        (Interval.D1, PAST.hours),
    ):
        assert len(fold(rows, interval)) >= 1_000


def test_candles_are_candles() -> None:
    for rows, _ in LINES:
        assert (rows[:, LOW] <= np.minimum(rows[:, OPEN], rows[:, CLOSE])).all()
        assert (rows[:, HIGH] >= np.maximum(rows[:, OPEN], rows[:, CLOSE])).all()
        assert (rows[:, LOW] > 0).all()
        assert (rows[:, COUNT] > 0).all()
        assert (rows[:, VOLUME] > 0).all()
        assert (rows[:, TAKER_VOLUME] <= rows[:, VOLUME]).all()
        worth = rows[:, QUOTE] / rows[:, VOLUME]
        assert (worth >= rows[:, LOW] - 1).all()
        assert (worth <= rows[:, HIGH] + 1).all()


def test_each_interval_tells_what_shorter_ones_do() -> None:
    minutes = fold(PAST.seconds, Interval.M1)
    assert (PAST.minutes[-len(minutes) :] == minutes).all()
    hours = fold(PAST.minutes, Interval.H1)
    assert (PAST.hours[-len(hours) :, : COUNT + 1] == hours[:, : COUNT + 1]).all()


def test_trades_are_numbered_without_a_gap() -> None:
    for rows, _ in LINES:
        assert rows[-1, LAST_ID] == LAST_TRADE_ID
        assert all(before[LAST_ID] + 1 == after[FIRST_ID] for before, after in pairwise(rows.tolist()))
        assert rows[0, FIRST_ID] > 0


def test_a_busy_market_has_numbers_enough() -> None:
    busy = whole(msgspec.structs.replace(SHAPE, trades_per_second=5_000.0))
    assert busy.hours[0, FIRST_ID] > 0


def test_it_does_not_matter_what_is_asked_for_first() -> None:
    older, hours = SyntheticPast(SHAPE).older()
    assert (hours == PAST.hours).all()
    assert (older == PAST.minutes[: len(older)]).all()


def test_the_same_for_the_same_seed() -> None:
    assert (whole(SHAPE).hours == PAST.hours).all()
    assert (whole(msgspec.structs.replace(SHAPE, seed=2)).hours[:, OPEN] != PAST.hours[:, OPEN]).any()


def test_tiny_prices_and_huge_quantities() -> None:
    units = Units(8, 0)
    shape = msgspec.structs.replace(SHAPE, units=units, price=100, quantity=1e8, symbol="SHIBUSDT")
    past = whole(shape)
    assert (past.hours[:, LOW] >= 1).all()
    assert (past.hours[:, QUOTE] > 0).all()
