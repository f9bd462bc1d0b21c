from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.market.intervals import Interval
from fillwright.market.tapes import TapeError, arrow_tape, open_tape
from tests.market.tapes.samples import INSTRUMENTS, START_MS, candles_of, drained, trades_of

OPENS = [datetime(2025, 5, 20, tzinfo=UTC) + timedelta(minutes=n) for n in range(40)]


def candle_table(**changes: list[Any]) -> pa.Table:
    rows = range(len(OPENS))
    columns: dict[str, list[Any]] = {
        "date": OPENS,
        "open": [105_573.73 + n for n in rows],
        "high": [105_597.1 + n for n in rows],
        "low": [105_554.31 + n for n in rows],
        "close": [105_554.32 + n for n in rows],
        "volume": [10.82647 for n in rows],
        **changes,
    }
    return pa.table(columns).set_column(0, "date", pa.array(columns["date"], pa.timestamp("ns", tz="UTC")))


def trade_table(**changes: list[Any]) -> pa.Table:
    rows = range(30)
    columns: dict[str, list[Any]] = {
        "exch_ts_ms": [START_MS + 5 * n for n in rows],
        "symbol": ["BTCUSDT" for n in rows],
        "trade_id": [str(5_967_339_559 + n) for n in rows],
        "price": [68_424.82 + n for n in rows],
        "qty": [8e-05 for n in rows],
        "side": ["buy" if n % 2 else "sell" for n in rows],
        **changes,
    }
    return pa.table(columns)


def test_floats_of_candles_become_exact(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT_1m.feather"
    feather.write_feather(candle_table(), path, chunksize=7)
    tape = open_tape(path, None, INSTRUMENTS)
    assert tape.interval is Interval.M1
    candles = candles_of(tape)
    assert str(candles.candle(1).open) == "105574.7300"
    assert str(candles.candle(1).volume) == "10.82647000"
    assert tape.consumed == tape.total == 40


@given(start_row=st.integers(0, 45), group=st.integers(1, 50))
def test_reading_may_start_at_any_row(
    tmp_path_factory: pytest.TempPathFactory, start_row: int, group: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    feather.write_feather(candle_table(), folder / "BTCUSDT.feather", chunksize=group)
    pq.write_table(candle_table(), folder / "BTCUSDT.parquet", row_group_size=group)
    for name in ("BTCUSDT.feather", "BTCUSDT.parquet"):
        tape = open_tape(folder / name, None, INSTRUMENTS, start_row=start_row)
        chunks = list(tape.chunks())
        assert sum(map(len, chunks)) == max(0, 40 - start_row)
        assert [chunk.row for chunk in chunks] == ([start_row] if start_row < 40 else [])
        assert tape.row == 40


def test_sides_and_ids_as_text_are_trades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_tape, "BATCH_ROWS", 4)
    pq.write_table(trade_table(), tmp_path / "tape.parquet")
    trades = trades_of(open_tape(tmp_path / "tape.parquet", None, INSTRUMENTS))
    assert trades.trade_id[0] == 5_967_339_559
    assert trades.buyer_is_maker.tolist()[:2] == [True, False]
    assert str(trades.scale.quantity(int(trades.quantity[0]))) == "0.00008000"


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("price", -1.0, "price is negative"),
        ("price", 0.0, "price is zero"),
        ("price", float("nan"), "price is nan"),
        ("price", None, "price is missing"),
        ("price", 68_424.820001, "has more than 4 decimals"),
        ("qty", 1e300, "is too large"),
        ("trade_id", "5967339560", "trade id 5967339560 is repeated|out of order"),
        ("trade_id", "five", "trade id 'five' is not an id"),
        ("side", "up", "neither buy nor sell"),
        ("symbol", "ETHUSDT", "is of 'ETHUSDT'"),
        ("exch_ts_ms", START_MS, "unsorted"),
    ],
)
def test_a_bad_row_is_told(tmp_path: Path, column: str, value: Any, what: str) -> None:
    values = trade_table().column(column).to_pylist()
    values[17] = value
    path = tmp_path / "tape.parquet"
    pq.write_table(trade_table(**{column: values}), path)
    with pytest.raises(TapeError, match=what) as caught:
        drained(open_tape(path, None, INSTRUMENTS))
    assert str(caught.value).startswith(f"{path}:row 18: ")


def test_sorting_puts_rows_in_order(tmp_path: Path) -> None:
    path = tmp_path / "tape.parquet"
    pq.write_table(trade_table().take(pa.array(list(reversed(range(30))))), path)
    with pytest.raises(TapeError, match="unsorted"):
        drained(open_tape(path, None, INSTRUMENTS))
    ids = trades_of(open_tape(path, None, INSTRUMENTS, sort=True, start_row=3)).trade_id
    assert ids.tolist() == [5_967_339_559 + n for n in range(3, 30)]


def test_broken_and_empty_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT.parquet"
    pq.write_table(trade_table(), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TapeError, match="truncated or broken parquet data"):
        open_tape(path, None, INSTRUMENTS)
    pq.write_table(trade_table().slice(0, 0), path)
    with pytest.raises(TapeError, match="has no rows"):
        open_tape(path, None, INSTRUMENTS)
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(TapeError, match="unknown format: columns a"):
        open_tape(path, None, INSTRUMENTS)
    feather.write_feather(candle_table(), tmp_path / "BTCUSDT.feather")
    whole = (tmp_path / "BTCUSDT.feather").read_bytes()
    (tmp_path / "BTCUSDT.feather").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TapeError, match="truncated or broken feather data"):
        open_tape(tmp_path / "BTCUSDT.feather", None, INSTRUMENTS)
