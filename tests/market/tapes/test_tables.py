from __future__ import annotations

from typing import Any, NoReturn

import pyarrow as pa
import pytest

from fillwright.core.types import MINUTE, SECOND
from fillwright.market.columns import Scale, TradeColumns
from fillwright.market.intervals import Interval
from fillwright.market.tapes import tables
from fillwright.market.tapes.layouts import Layout, by_names
from fillwright.market.tapes.tables import TableReader, first_symbol, interval_of, record_batch, sorted_rows

START_MS = 1_770_076_800_000
SCALE = Scale(2, 5)


def fail(row: int, what: str) -> NoReturn:
    raise ValueError(f"{row}: {what}")


def batch(**columns: list[Any]) -> tuple[Any, Layout]:
    found = by_names(tuple(columns))
    assert found is not None
    return record_batch(pa.table(columns)), found


def trade_rows(ids: list[int]) -> tuple[Any, Layout]:
    return batch(
        id=ids,
        time=[START_MS + number for number in ids],
        price=[1.5] * len(ids),
        qty=[0.5] * len(ids),
        side=["buy"] * len(ids),
        symbol=["BTCUSDT"] * len(ids),
    )


def test_rows_become_checked_columns() -> None:
    rows, layout = trade_rows([1, 2, 5])
    reader = TableReader(layout, "BTCUSDT", SCALE, None)
    trades = reader.read(rows, fail)
    assert isinstance(trades, TradeColumns)
    assert trades.price.tolist() == [150] * 3
    assert reader.gaps == (1, 2)
    assert first_symbol(layout, rows) == "BTCUSDT"
    with pytest.raises(ValueError, match="0: unsorted"):
        reader.read(rows, fail)


def test_rows_are_sorted_and_told_by_their_old_place() -> None:
    rows, layout = trade_rows([7, 5, 6])
    reader = TableReader(layout, "BTCUSDT", SCALE, None)
    whole = sorted_rows(iter([reader.convert(rows, fail)]), reader, fail)
    assert isinstance(whole, TradeColumns)
    assert whole.trade_id.tolist() == [5, 6, 7]
    assert sorted_rows(iter([]), reader, fail) is None

    rows, layout = trade_rows([7, 5, 7])
    reader = TableReader(layout, "BTCUSDT", SCALE, None)
    with pytest.raises(ValueError, match="2: trade id 7 is repeated"):
        sorted_rows(iter([reader.convert(rows, fail)]), reader, fail)


def test_sorting_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "SORT_ROWS_MAX", 2)
    rows, layout = trade_rows([7, 5, 6])
    reader = TableReader(layout, "BTCUSDT", SCALE, None)
    with pytest.raises(ValueError, match="only tapes of at most 2 rows are sorted"):
        sorted_rows(iter([reader.convert(rows, fail)]), reader, fail)


def candle_rows(opens: list[int], closes: list[int] | None = None) -> tuple[Any, Layout]:
    prices = [1.0] * len(opens)
    more = {} if closes is None else {"close_time": closes}
    return batch(open_time=opens, open=prices, high=prices, low=prices, close=prices, volume=prices, **more)


def test_the_usual_length_is_the_interval() -> None:
    minute = MINUTE // 1000
    opens = [START_MS + n * minute for n in (0, 1, 5, 6, 7)]
    rows, layout = candle_rows(opens)
    assert interval_of(layout, rows, fail) is Interval.M1
    rows, layout = candle_rows(opens[:1], [START_MS + 15 * minute - 1])
    assert interval_of(layout, rows, fail) is Interval.M15
    microseconds = START_MS * 1000
    rows, layout = candle_rows([microseconds], [microseconds + 5 * MINUTE - 1])
    assert interval_of(layout, rows, fail) is Interval.M5
    rows, layout = candle_rows(opens[:1])
    with pytest.raises(ValueError, match="one candle without a close time does not tell its interval"):
        interval_of(layout, rows, fail)
    rows, layout = candle_rows([START_MS, START_MS + 7 * SECOND // 1000])
    with pytest.raises(ValueError, match="the rows' interval is unknown"):
        interval_of(layout, rows, fail)
