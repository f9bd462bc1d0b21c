from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.types import MINUTE
from fillwright.market.intervals import Interval
from fillwright.market.tapes import TapeError, csv_tape, open_tape, tape
from tests.market.tapes.samples import (
    AGGREGATES,
    INSTRUMENTS,
    KLINES,
    QUOTES,
    START_MS,
    TRADES,
    TRADES_WITH_HEADER,
    candles_of,
    drained,
    kline,
    quotes_of,
    trades_of,
    written,
)


def test_trades_are_exact(tmp_path: Path) -> None:
    trades = trades_of(open_tape(written(tmp_path, TRADES), None, INSTRUMENTS))
    assert trades.trade_id.tolist() == list(range(100, 109))
    assert str(trades.scale.price(int(trades.price[1]))) == "78739.6000"
    assert str(trades.scale.quantity(int(trades.quantity[1]))) == "0.01059000"
    assert trades.time_us.tolist() == [(START_MS + 7 * n) * 1000 for n in range(9)]
    assert trades.buyer_is_maker.tolist() == [bool(n % 2) for n in range(9)]


def test_aggregates_headers_and_letters_are_understood(tmp_path: Path) -> None:
    aggregates = trades_of(open_tape(written(tmp_path, AGGREGATES), None, INSTRUMENTS))
    assert aggregates.trade_id.tolist() == [7, 8]
    assert aggregates.time_us.tolist() == [START_MS * 1000, (START_MS + 3) * 1000]
    named = trades_of(open_tape(written(tmp_path, TRADES_WITH_HEADER, "tape.csv"), None, INSTRUMENTS))
    assert (named.symbol, named.buyer_is_maker.tolist()) == ("BTCUSDT", [True, False])


def test_microseconds_are_told_from_milliseconds(tmp_path: Path) -> None:
    text = TRADES.replace(f",{START_MS // 1000}", f",{START_MS // 1000 * 1000}")
    trades = trades_of(open_tape(written(tmp_path, text), None, INSTRUMENTS))
    assert trades.time_us.tolist() == [START_MS * 1000 + 7 * n for n in range(9)]


def test_candles_know_their_interval_and_count_their_holes(tmp_path: Path) -> None:
    source = open_tape(written(tmp_path, KLINES), None, INSTRUMENTS)
    assert source.interval is Interval.M1
    candles = candles_of(source)
    assert (source.gaps, source.missing) == (1, 2)
    assert np.diff(candles.open_time_us).tolist() == [MINUTE, MINUTE, 3 * MINUTE, MINUTE]
    assert (candles.close_time_us - candles.open_time_us).tolist() == [MINUTE - 1] * 5
    assert str(candles.candle(0).volume) == "51.64281200"
    assert str(candles.candle(0).close) == "7186.6800"


def test_candles_of_others_need_no_closing_time(tmp_path: Path) -> None:
    text = "Date,Open,High,Low,Close,Volume\n" + "".join(
        f"2026-02-03 {hour:02d}:00:00,1.5,2.5,1,2,8e-05\n" for hour in range(3)
    )
    source = open_tape(written(tmp_path, text, "candles.csv"), "BTCUSDT", INSTRUMENTS)
    assert source.interval is Interval.H1
    assert str(candles_of(source).candle(2).volume) == "0.00008000"


def test_quotes_are_read(tmp_path: Path) -> None:
    quotes = quotes_of(open_tape(written(tmp_path, QUOTES), None, INSTRUMENTS))
    assert quotes.time_us.tolist() == [START_MS * 1000, START_MS * 1000 + 4000]
    assert str(quotes.scale.price(int(quotes.ask[1]))) == "60000.2000"


@given(start_row=st.integers(0, 12))
def test_reading_may_start_at_any_row(tmp_path_factory: pytest.TempPathFactory, start_row: int) -> None:
    path = written(
        tmp_path_factory.getbasetemp(),
        TRADES_WITH_HEADER.splitlines()[0]
        + "\n"
        + "".join(f"{100 + n},BTCUSDT,{78_738 + n}.60000000,0.01,1,{START_MS + n},t,t\n" for n in range(9)),
    )
    resumed = open_tape(path, None, INSTRUMENTS, start_row=start_row)
    chunks = list(resumed.chunks())
    ids = [number for chunk in chunks for number in chunk.trade_id.tolist()]  # type: ignore[union-attr]
    assert ids == list(range(100 + start_row, 109))
    assert [chunk.row for chunk in chunks] == ([start_row] if ids else [])
    assert resumed.row == 9


def test_chunks_and_blocks_meet_where_they_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f"{n},1{n}.5,0.5,1,{START_MS + n},False,True\n" for n in range(1, 2001))
    path = written(tmp_path, text)
    monkeypatch.setattr(csv_tape, "BLOCK_BYTES", 700)
    pieces = list(tape.cut_into_chunks(open_tape(path, None, INSTRUMENTS)._pieces(), 0, 256))  # type: ignore[attr-defined]
    assert [(piece.row, len(piece)) for piece in pieces] == [(n * 256, 256) for n in range(7)] + [(1792, 208)]
    resumed = open_tape(path, None, INSTRUMENTS, start_row=300)._pieces()  # type: ignore[attr-defined]
    assert [(piece.row, len(piece)) for piece in tape.cut_into_chunks(resumed, 300, 256)][:2] == [
        (300, 212),
        (512, 256),
    ]
    broken = text.replace("1,11500.5,", "1,x,").replace(f",1{1500}.5,", ",oops,")
    with pytest.raises(TapeError, match=r":1500: price 'oops' is not valid"):
        drained(open_tape(written(tmp_path, broken), None, INSTRUMENTS))


def row(**changes: str) -> str:
    fields = {
        "id": "109",
        "price": "78738.60000000",
        "qty": "0.00059000",
        "quote": "46.4",
        "time": str(START_MS + 900),
        "maker": "True",
        "best": "True",
        **changes,
    }
    return ",".join(fields.values()) + "\n"


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (row(price="-5"), "price is negative"),
        (row(price="0.00000000"), "price is zero"),
        (row(qty="0"), "quantity is zero"),
        (row(price="NaN"), "price 'NaN' is not valid"),
        (row(price="1e400"), "price '1e400' is not valid"),
        (row(price="inf"), "price 'inf' is not valid"),
        (row(price="78738.123456789"), r"price '78738\.123456789' has too many decimals"),
        (row(qty="0.000000001"), r"quantity '0\.000000001' has too many decimals"),
        (row(price="99999999999999999999"), "price 99999999999999999999.* is too large"),
        (row(price=""), "price is missing"),
        (row(price="seven"), "price 'seven' is not valid"),
        (row(maker="perhaps"), "maker 'perhaps' is not valid"),
        (row(id="12.5"), r"trade_id '12\.5' is not valid"),
        (row(id="108"), "trade id 108 is repeated"),
        (row(id="50"), "trade id 50 is out of order, after 108"),
        (row(time=str(START_MS)), "unsorted: 2026-02-03 00:00:00 comes after 2026-02-03 00:00:00.056"),
        (row(time="17"), "time 17 is no time"),
        (row(time="1770076800"), "time 1770076800 is no time, or of another unit"),
        ("109,78738.6,0.5\n", "3 columns where 7 are expected"),
        (row().strip() + ",extra\n", "8 columns where 7 are expected"),
        ("109,78738.60000000,0.0005", "3 columns where 7 are expected"),
        ("\n", "an empty line"),
    ],
)
def test_a_bad_row_is_told_with_its_line(tmp_path: Path, bad: str, what: str) -> None:
    path = written(tmp_path, TRADES + bad)
    with pytest.raises(TapeError, match=what) as caught:
        drained(open_tape(path, None, INSTRUMENTS))
    assert str(caught.value).startswith(f"{path}:10: ")


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (kline(6), "the candle of 2026-02-03 00:06:00 is repeated"),
        (kline(3), "comes after the one of 2026-02-03 00:06:00: repeated or unsorted"),
        (kline(7, close="7182"), "the close 7182.0000 is not between low and high"),
        (kline(7).replace("7196.25", "7000.00"), "the high 7000.0000 is below the low 7183.1400"),
        (kline(7).replace("51.64281200", "-1"), "volume is negative"),
        (
            kline(7).replace(str(START_MS + 420_000), str(START_MS + 420_001)),
            "is not where a 1m candle begins",
        ),
        (kline(7).replace(str(START_MS + 479_999), str(START_MS + 539_999)), "is not inside a 1m candle"),
    ],
)
def test_a_bad_candle_is_told_with_its_line(tmp_path: Path, bad: str, what: str) -> None:
    path = written(tmp_path, KLINES + bad)
    with pytest.raises(TapeError, match=what) as caught:
        drained(open_tape(path, None, INSTRUMENTS))
    assert caught.value.line == 6


@pytest.mark.parametrize(
    "bad", ["2,60000.3,1,60000.2,1,{},1\n", "2,0,1,60000.2,1,{},1\n", "2,1,-1,60000.2,1,{},1\n"]
)
def test_a_bad_quote_is_told_with_its_line(tmp_path: Path, bad: str) -> None:
    path = written(tmp_path, QUOTES + bad.format(START_MS + 9))
    with pytest.raises(TapeError, match=r"not below the ask|bid is zero|bid quantity is negative") as caught:
        drained(open_tape(path, None, INSTRUMENTS))
    assert caught.value.line == 4


def test_order_is_checked_across_the_row_where_reading_starts(tmp_path: Path) -> None:
    lines = TRADES.splitlines(keepends=True)
    path = written(tmp_path, "".join(lines[:5] + lines[3:4] + lines[5:]))
    with pytest.raises(TapeError, match=r":6: .*comes after"):
        drained(open_tape(path, None, INSTRUMENTS, start_row=5))


def test_sorting_puts_rows_in_order_and_still_refuses_duplicates(tmp_path: Path) -> None:
    lines = TRADES.splitlines(keepends=True)
    path = written(tmp_path, "".join(reversed(lines)))
    source = open_tape(path, None, INSTRUMENTS, sort=True)
    assert trades_of(source).trade_id.tolist() == list(range(100, 109))
    assert drained(open_tape(path, None, INSTRUMENTS, sort=True, start_row=4)) == 5
    path = written(tmp_path, "".join([*reversed(lines), lines[4]]))
    with pytest.raises(TapeError, match=r":10: trade id 104 is repeated"):
        drained(open_tape(path, None, INSTRUMENTS, sort=True))


def test_several_symbols_in_one_table_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, TRADES_WITH_HEADER.replace("6,BTCUSDT", "6,ETHUSDT"), "tape.csv")
    with pytest.raises(TapeError, match=r":3: is of 'ETHUSDT', the rows before of BTCUSDT"):
        drained(open_tape(path, None, INSTRUMENTS))
