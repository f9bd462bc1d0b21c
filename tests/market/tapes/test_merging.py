from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from fillwright.core.types import MINUTE
from fillwright.market.columns import CandleColumns
from fillwright.market.events import CandleClosed, DepthSnapshot, DepthUpdate, Quote, Trade
from fillwright.market.tapes import TapeError, TapeKind, open_tapes
from fillwright.market.tapes.merging import ChainedTape, MergedTape
from tests.market.tapes.samples import (
    INSTRUMENTS,
    KLINES,
    QUOTES,
    TRADES,
    candles_of,
    drained,
    events_of,
    kline,
    trades_of,
    written,
)


def test_parts_follow_each_other_whatever_order_they_are_named_in(tmp_path: Path) -> None:
    early = written(tmp_path, KLINES, "BTCUSDT-1.csv")
    late = written(tmp_path, "".join(kline(minute) for minute in (7, 8, 10)), "BTCUSDT-2.csv")
    tape = open_tapes([late, early], None, INSTRUMENTS)
    assert isinstance(tape, ChainedTape)
    assert tape.kind is TapeKind.CANDLES
    chunks = list(tape.chunks())
    assert [chunk.row for chunk in chunks] == [0, 5]
    assert (tape.row, tape.gaps, tape.missing) == (8, 2, 3)
    assert tape.consumed == tape.total
    for start_row in range(9):
        rest = open_tapes([late, early], None, INSTRUMENTS, start_row=start_row)
        chunks = list(rest.chunks())
        assert sum(map(len, chunks)) == 8 - start_row
        if chunks:
            assert chunks[0].row == start_row


def test_parts_that_overlap_are_refused(tmp_path: Path) -> None:
    one = written(tmp_path, KLINES, "BTCUSDT-1.csv")
    other = written(tmp_path, kline(6) + kline(7), "BTCUSDT-2.csv")
    with pytest.raises(
        TapeError, match=r"BTCUSDT-2\.csv: begins at 2026-02-03 00:06:00, before .*BTCUSDT-1\.csv ends"
    ):
        drained(open_tapes([one, other], None, INSTRUMENTS))


def test_trades_may_meet_at_a_time(tmp_path: Path) -> None:
    lines = TRADES.splitlines(keepends=True)
    one = written(tmp_path, "".join(lines[:4]), "BTCUSDT-1.csv")
    other = written(tmp_path, "".join(lines[4:]), "BTCUSDT-2.csv")
    assert trades_of(open_tapes([other, one], None, INSTRUMENTS)).trade_id.tolist() == list(range(100, 109))
    assert drained(open_tapes([one], None, INSTRUMENTS, start_row=1)) == 3


def test_different_tapes_are_interleaved_by_time(tmp_path: Path) -> None:
    paths = [
        written(tmp_path, KLINES, "BTCUSDT-1m.csv"),
        written(tmp_path, TRADES, "BTCUSDT-trades.csv"),
        written(tmp_path, QUOTES, "ETHUSDT-quotes.csv"),
    ]
    tape = open_tapes(paths, None, INSTRUMENTS)
    assert isinstance(tape, MergedTape)
    events = events_of(tape)
    assert [type(event) for event in events[:4]] == [Trade, Quote, Quote, Trade]
    assert isinstance(events[-1], CandleClosed)
    assert events[-1].time_us % MINUTE == MINUTE - 1
    assert all(one.time_us <= other.time_us for one, other in pairwise(events))
    assert set(tape.symbols) == {"BTCUSDT", "ETHUSDT"} == set(tape.scales)
    assert (len(events), tape.row, tape.gaps) == (16, 16, 1)
    assert tape.consumed == tape.total
    assert events_of(open_tapes(paths, None, INSTRUMENTS, start_row=6)) == events[6:]


def test_events_carry_the_numbers_of_their_columns(tmp_path: Path) -> None:
    trades = written(tmp_path, TRADES, "BTCUSDT-trades.csv")
    quotes = written(tmp_path, QUOTES, "ETHUSDT.csv")
    events = events_of(open_tapes([trades, quotes], None, INSTRUMENTS))
    trade = next(event for event in events if isinstance(event, Trade))
    quote = next(event for event in events if isinstance(event, Quote))
    assert (trade.trade_id, str(trade.price), trade.buyer_is_maker) == (100, "78738.6000", False)
    assert (quote.symbol, str(quote.bid), str(quote.ask_quantity)) == ("ETHUSDT", "60000.1000", "2.0000000")


def test_recorded_days_and_streams_go_together(shared_data: Path) -> None:
    tapes = shared_data / "tapes"
    days = [tapes / "klines" / f"lostleaf_BTCUSDT-1m-2020-01-0{day}.zip" for day in (2, 3, 1)]
    tape = open_tapes(days, None, INSTRUMENTS)
    candles = candles_of(tape)
    assert isinstance(candles, CandleColumns)
    assert (len(candles), tape.gaps) == (4_320, 0)
    assert set((candles.open_time_us[1:] - candles.open_time_us[:-1]).tolist()) == {MINUTE}

    names = ("lobdeep_btc_spot_2026-02-16_04.parquet", "trades_btc_spot_2026-02-16_04.parquet")
    events = events_of(open_tapes([tapes / "l2" / name for name in names], None, INSTRUMENTS))
    assert {type(event) for event in events} == {DepthSnapshot, DepthUpdate, Trade}
    assert sum(isinstance(event, Trade) for event in events) == 10_215
    assert all(one.time_us <= other.time_us for one, other in pairwise(events))
