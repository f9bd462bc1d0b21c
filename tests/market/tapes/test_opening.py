from __future__ import annotations

from pathlib import Path

import pytest

from fillwright.market.intervals import Interval
from fillwright.market.tapes import TapeError, TapeKind, open_tape
from fillwright.wire.exchange_info import load_exchange_info
from tests.market.tapes.samples import (
    AGGREGATES,
    INSTRUMENTS,
    KLINES,
    PACKERS,
    QUOTES,
    TRADES,
    TRADES_WITH_HEADER,
    drained,
    written,
)


@pytest.mark.parametrize("packing", list(PACKERS))
@pytest.mark.parametrize(
    ("text", "kind", "rows"),
    [
        (TRADES, TapeKind.TRADES, 9),
        (AGGREGATES, TapeKind.TRADES, 2),
        (TRADES_WITH_HEADER, TapeKind.TRADES, 2),
        (KLINES, TapeKind.CANDLES, 5),
        (QUOTES, TapeKind.QUOTES, 2),
    ],
)
def test_the_content_tells_the_format(
    tmp_path: Path, text: str, kind: TapeKind, rows: int, packing: str
) -> None:
    path = written(tmp_path, PACKERS[packing](text.encode()), f"BTCUSDT.anything{packing}")
    tape = open_tape(path, None, INSTRUMENTS)
    assert tape.kind is kind
    assert tape.symbols == ("BTCUSDT",)
    assert drained(tape) == rows == tape.row
    assert tape.consumed == tape.total == path.stat().st_size


RECORDED = {
    "trades/BTCUSDT_trades_2026-02-03.csv.gz": (TapeKind.TRADES, 40_003, 0),
    "klines/BTCUSDT_1m_2025-05-20_2025-08-18.feather": (TapeKind.CANDLES, 130_708, 0),
    "klines/ETHUSDT_1m_2025-05-20_2025-08-18.feather": (TapeKind.CANDLES, 130_708, 0),
    "klines/lostleaf_BTCUSDT-1m-2020-01-01.zip": (TapeKind.CANDLES, 1_440, 0),
    "klines/BTCUSDT_1m_2025-10-29_3d.csv.zst": (TapeKind.CANDLES, 4_320, 0),
    "klines/static-klines_BTCUSDT_15m.csv.zst": (TapeKind.CANDLES, 46_673, 0),
    "klines/static-klines_ETHUSDT_15m.csv.zst": (TapeKind.CANDLES, 46_673, 0),
    "klines/static-klines_SOLUSDT_15m.csv.zst": (TapeKind.CANDLES, 46_673, 0),
    "l2/trades_btc_spot_2026-02-16_04.parquet": (TapeKind.TRADES, 10_215, 0),
    "l2/quality_twins/test_positive_binance_trade_stream_spot_trxusdt_04-03-2025.csv.zst": (
        TapeKind.TRADES,
        10_000,
        0,
    ),
}


@pytest.mark.parametrize("name", list(RECORDED))
def test_recorded_tapes_are_read_whole(shared_data: Path, name: str) -> None:
    kind, rows, gaps = RECORDED[name]
    tape = open_tape(shared_data / "tapes" / name, None, INSTRUMENTS, sort=kind is TapeKind.TRADES)
    assert (tape.kind, drained(tape), tape.gaps) == (kind, rows, gaps)
    assert tape.consumed == tape.total
    half = open_tape(
        shared_data / "tapes" / name, None, INSTRUMENTS, start_row=rows // 2, sort=kind is TapeKind.TRADES
    )
    assert drained(half) == rows - rows // 2


@pytest.mark.parametrize(
    ("name", "line", "what"),
    [
        (
            "klines/BTCUSDT_1m_2021-10_with_duplicates.csv.zst",
            8_488,
            "the candle of 2021-10-16 21:25:00 is repeated",
        ),
        ("trades/BTCUSDT_trades_2026-02-03.csv.gz", 148, r"unsorted: .* \(--sort puts rows in order\)"),
        (
            "l2/quality_twins/test_negative_binance_trade_stream_spot_trxusdt_04-03-2025.csv.zst",
            4,
            "trade id 348656871 is repeated",
        ),
        (
            "l2/quality_twins/test_negative_binance_difference_depth_stream_spot_trxusdt_04-03-2025.csv.zst",
            2,
            "event time 0 is no time",
        ),
        (
            "l2/quality_twins/test_negative_binance_depth_snapshot_spot_btcusdt_14-04-2025.csv.zst",
            10_031,
            "TimestampOfReceive '#1744588800258' is not valid",
        ),
    ],
)
def test_corrupted_recordings_are_refused_at_their_line(
    shared_data: Path, name: str, line: int, what: str
) -> None:
    path = shared_data / "tapes" / name
    with pytest.raises(TapeError, match=what) as caught:
        drained(open_tape(path, None, INSTRUMENTS))
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_text_times_and_closing_times_tell_the_interval(shared_data: Path) -> None:
    klines = shared_data / "tapes" / "klines"
    assert open_tape(klines / "BTCUSDT_1m_2025-10-29_3d.csv.zst", None, INSTRUMENTS).interval is Interval.M1
    assert open_tape(klines / "static-klines_SOLUSDT_15m.csv.zst", None, INSTRUMENTS).interval is Interval.M15


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (b"\n", "unknown format"),
        (b"hello world\n", "unknown format: 'hello world'"),
        (b"a,b,c\n1,2,3\n", "unknown format: columns a, b, c"),
        (b"\x00\x01\x02\x03" * 100, "unknown format: neither a text"),
        (b"# only\n# comments\n", "has no rows"),
        (b"PAR1 but not really parquet", "truncated or broken parquet data"),
        (b"ARROW1 but not really feather", "truncated or broken feather data"),
        (b"FEA1....", "Feather file of version 1"),
        (b"BZh91AY&SY", "packed with bzip2"),
        (b"\x1f\x8bnot gzip at all", "broken gzip data"),
        (b"PK\x03\x04 no archive", "truncated zip data"),
        (TRADES_WITH_HEADER.splitlines()[0].encode() + b"\n", "has no rows"),
    ],
)
def test_files_that_are_no_tapes_are_refused(tmp_path: Path, data: bytes, what: str) -> None:
    path = written(tmp_path, data)
    with pytest.raises(TapeError, match=what) as caught:
        drained(open_tape(path, None, INSTRUMENTS))
    assert str(caught.value).startswith(str(path))


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="no such file"):
        open_tape(tmp_path / "absent.csv", None, INSTRUMENTS)
    with pytest.raises(TapeError, match="is a directory"):
        open_tape(tmp_path, None, INSTRUMENTS)


@pytest.mark.parametrize("packing", [".gz", ".zst", ".zip"])
def test_truncated_files_are_refused(tmp_path: Path, packing: str) -> None:
    whole = PACKERS[packing](TRADES.encode() * 50)
    path = written(tmp_path, whole[: len(whole) * 2 // 3])
    with pytest.raises(
        TapeError, match=f"truncated {packing[1:].replace('zst', 'zstd').replace('gz', 'gzip')} data"
    ):
        drained(open_tape(path, None, INSTRUMENTS))


def test_old_recordings_are_read_with_the_exchange_info_of_their_time(shared_data: Path) -> None:
    path = shared_data / "tapes" / "ws" / "cryptofeed_10symbols_20210405_ws.zst"
    with pytest.raises(TapeError, match=r"ws\.zst:3: symbol 'ZILUSDT' is not in the exchange info"):
        open_tape(path, None, INSTRUMENTS)
    info = load_exchange_info(
        shared_data / "fixtures" / "exchangeInfo" / "exchangeInfo_2021-04-17_full.json.zst"
    )
    tape = open_tape(path, None, info.instruments)
    assert drained(tape) == 11_300
    assert len(tape.symbols) == 10
