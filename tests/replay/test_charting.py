"""Candles for the chart: the same whatever the chunks, coarser when they become too many."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core.types import MINUTE, SECOND
from fillwright.market.events import Event, Trade
from fillwright.market.intervals import Interval
from fillwright.replay import charting
from fillwright.replay.charting import Charts, read_charts
from tests.replay.builders import (
    START,
    ListTape,
    at,
    candles_tape,
    events_tape,
    quotes_tape,
    trades_tape,
)

D = Decimal


def candles_of(tape: ListTape) -> list[tuple[int, ...]]:
    (columns,) = read_charts([tape]).columns()
    names = ("open_time_us", "open", "high", "low", "close", "volume")
    return [tuple(int(getattr(columns, name)[row]) for name in names) for row in range(len(columns))]


@pytest.mark.parametrize("chunk_rows", [1, 2, 100])
def test_trades_become_candles_of_a_second(chunk_rows: int) -> None:
    rows = [(0, 100, 1), (0.5, 102, 1), (0.9, 99, 1), (3, 101, 2)]
    assert candles_of(trades_tape(rows, chunk_rows=chunk_rows)) == [
        (at(0), 10_000, 10_200, 9_900, 9_900, 300_000),
        (at(3), 10_100, 10_100, 10_100, 10_100, 200_000),
    ]


def test_a_recording_s_trades_become_the_same_candles() -> None:
    rows = [(0, 100, 1), (0.5, 102, 1), (0.9, 99, 1), (3, 101, 2)]
    events: list[Event] = [
        Trade("BTCUSDT", at(second), number, D(price), D(size), False)
        for number, (second, price, size) in enumerate(rows)
    ]
    assert candles_of(events_tape(events, chunk_rows=3)) == candles_of(trades_tape(rows))


def test_candles_stay_as_they_are() -> None:
    charts = read_charts([candles_tape([(0, 1, 3, 1, 2, 5), (1, 2, 2, 1, 1, 5)], interval=Interval.M15)])
    (columns,) = charts.columns()
    assert columns.interval is Interval.M15
    assert len(columns) == 2
    assert charts.span == (START, START + 30 * MINUTE)


@pytest.mark.parametrize("chunk_rows", [7, 1_000])
def test_too_many_become_coarser(monkeypatch: pytest.MonkeyPatch, chunk_rows: int) -> None:
    monkeypatch.setattr(charting, "CANDLES_MAX", 20)
    rows = [(number, 100 + number % 9, 1) for number in range(1_000)]
    (columns,) = read_charts([trades_tape(rows, chunk_rows=chunk_rows)]).columns()
    assert columns.interval is Interval.M1
    assert len(columns) == 17
    assert int(columns.volume.sum()) == 1_000 * 100_000
    assert int(columns.high.max()) == 10_800


def test_symbols_have_series_of_their_own() -> None:
    tapes = [trades_tape([(0, 1)]), trades_tape([(1, 2), (2, 3)], symbol="ETHUSDT")]
    columns = read_charts(tapes).columns()
    assert [(one.symbol, len(one)) for one in columns] == [("BTCUSDT", 1), ("ETHUSDT", 2)]


def test_quotes_have_no_candles() -> None:
    charts = read_charts([quotes_tape([(0, 1, 2)])])
    assert charts.columns() == []
    assert charts.span is None


def test_looking_does_not_disturb() -> None:
    charts, tape = Charts(), trades_tape([(0, 1), (1, 2), (2, 3), (5, 4)], chunk_rows=2)
    chunks = list(tape.chunks())
    charts.add(tape, chunks[0])
    assert charts.span == (at(0), at(2))
    charts.add(tape, chunks[1])
    (columns,) = charts.columns()
    assert [(int(one) - START) // SECOND for one in columns.open_time_us] == [0, 1, 2, 5]
