from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fillwright.market.events import DepthSnapshot, DepthUpdate
from fillwright.market.tapes import TapeError, TapeKind, depth_tape, open_tape
from tests.market.tapes.samples import INSTRUMENTS, START_MS, drained, events_of, written

UPDATES_HEADER = (
    "TimestampOfReceive,Stream,EventType,EventTime,Symbol,FirstUpdateId,FinalUpdateId,IsAsk,Price,Quantity\n"
)


def update(first: int, final: int, side: int, price: str, after_us: int = 0, quantity: str = "5.0") -> str:
    time = START_MS * 1000 + after_us
    return (
        f"{time},trxusdt@depth@100ms,depthUpdate,{time},TRXUSDT,{first},{final},{side},{price},{quantity}\n"
    )


UPDATES = (
    UPDATES_HEADER
    + update(10, 12, 0, "0.2311")
    + update(10, 12, 1, "0.2313")
    + update(13, 13, 0, "0.2310", 100_000, "0.0")
    + update(14, 20, 1, "0.2314", 200_000)
)
LEVELS = """\
# a report
TimestampOfReceive,TimestampOfRequest,LastUpdateId,IsAsk,Price,Quantity
1744588800258,1744588800180,7,0,83759.99000000,2.08852000
1744588800258,1744588800180,7,0,83759.98000000,0.00031000
1744588800258,1744588800180,7,1,83760.00000000,1.00000000
1744588900258,1744588900180,9,0,83750.00000000,2.00000000
1744588900258,1744588900180,9,1,83751.00000000,1.00000000
"""


def test_rows_of_one_update_become_one_event_and_the_book_starts_empty(tmp_path: Path) -> None:
    tape = open_tape(written(tmp_path, UPDATES), None, INSTRUMENTS)
    assert (tape.kind, tape.symbols) == (TapeKind.EVENTS, ("TRXUSDT",))
    empty, first, second, third = events_of(tape)
    assert isinstance(empty, DepthSnapshot)
    assert (empty.last_update_id, empty.bids, empty.asks) == (9, (), ())
    assert isinstance(first, DepthUpdate)
    assert (first.bids, first.asks) == (
        ((Decimal("0.2311"), Decimal(5)),),
        ((Decimal("0.2313"), Decimal(5)),),
    )
    assert isinstance(second, DepthUpdate)
    assert second.bids == ((Decimal("0.2310"), Decimal(0)),)
    assert third.time_us == START_MS * 1000 + 200_000
    assert tape.consumed == tape.total
    assert len(events_of(open_tape(written(tmp_path, UPDATES), None, INSTRUMENTS, start_row=3))) == 1


def test_rows_of_one_snapshot_become_one_book(tmp_path: Path) -> None:
    one, other = events_of(open_tape(written(tmp_path, LEVELS), None, INSTRUMENTS))
    assert isinstance(one, DepthSnapshot)
    assert isinstance(other, DepthSnapshot)
    assert (one.last_update_id, len(one.bids), len(one.asks)) == (7, 2, 1)
    assert other.time_us == 1_744_588_900_258_000


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (UPDATES + update(22, 25, 0, "0.2", 300_000), 6, "depth updates 21 to 21 of TRXUSDT are missing"),
        (UPDATES + update(21, 25, 0, "-1", 300_000), 6, "the price is not above 0"),
        (UPDATES + update(21, 25, 2, "1", 300_000), 6, "the side is 2, neither 0 nor 1"),
        (UPDATES + update(21, 25, 0, "1", 300_000, "-2"), 6, "the quantity is below 0"),
        (UPDATES + update(21, 25, 0, "1", 100_000), 6, "unsorted"),
        (UPDATES + update(14, 20, 0, "1", 300_000), 6, "the time differs from the rows of the same depth"),
        (UPDATES + update(21, 25, 0, "1", 300_000).replace("TRX", "ADA"), 6, "is of ADAUSDT"),
        (UPDATES_HEADER + "1,2,3\n", 2, "3 columns where 10 are expected"),
        (UPDATES_HEADER, 1, "has no rows"),
        (LEVELS.replace("83760.00", "83759.98"), 3, "the bid 83759.9900 is not below the ask 83759.9800"),
        (LEVELS.replace("83759.98", "83759.99"), 3, "the bids do not fall from level to level"),
        (LEVELS.replace("1744588800258", "1", 1), 3, "time of receipt 1 is no time"),
    ],
)
def test_bad_rows_are_told(tmp_path: Path, text: str, line: int, what: str) -> None:
    with pytest.raises(TapeError, match=what) as caught:
        drained(open_tape(written(tmp_path, text), None, INSTRUMENTS))
    assert caught.value.line == line


def test_levels_at_once_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth_tape, "LEVELS_PER_EVENT_MAX", 1)
    with pytest.raises(TapeError, match=":3: more than 1 levels at once"):
        drained(open_tape(written(tmp_path, UPDATES), None, INSTRUMENTS))


BIDS = [[100.0, 99.5], [100.0, 99.0], [100.0, 99.0], [101.0]]
BID_SIZES = [[1.0, 2.0], [3.0, 2.0], [3.0, 2.0], [1.0]]
ASKS = [[101.0, 102.0], [101.0, 102.0], [101.0, 102.0], []]
ASK_SIZES = [[1.0, 1.0], [1.0, 5.0], [1.0, 5.0], []]


def books(folder: Path, **changes: list[Any]) -> Path:
    columns = {
        "exch_ts_ms": [START_MS, START_MS + 100, START_MS + 200, START_MS + 300],
        "symbol": ["BTCUSDT"] * 4,
        "seq": [5, 9, 9, 12],
        "bids_px": BIDS,
        "bids_qty": BID_SIZES,
        "asks_px": ASKS,
        "asks_qty": ASK_SIZES,
        **changes,
    }
    path = folder / "books.parquet"
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("batch_rows", [1, 3, 64])
def test_books_become_a_snapshot_and_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    monkeypatch.setattr(depth_tape, "BOOK_BATCH_ROWS", batch_rows)
    tape = open_tape(books(tmp_path), None, INSTRUMENTS)
    book, change, last = events_of(tape)
    assert isinstance(book, DepthSnapshot)
    assert book.bids == ((Decimal(100), Decimal(1)), (Decimal("99.5"), Decimal(2)))
    assert isinstance(change, DepthUpdate)
    assert (change.first_update_id, change.final_update_id) == (6, 9)
    assert sorted(change.bids) == [
        (Decimal(99), Decimal(2)),
        (Decimal("99.5"), Decimal(0)),
        (Decimal(100), Decimal(3)),
    ]
    assert change.asks == ((Decimal(102), Decimal(5)),)
    assert isinstance(last, DepthUpdate)
    assert sorted(last.asks) == [(Decimal(101), Decimal(0)), (Decimal(102), Decimal(0))]
    assert tape.consumed == tape.total == 4


@pytest.mark.parametrize(
    ("column", "values", "what"),
    [
        ("exch_ts_ms", [START_MS, START_MS + 100, START_MS, START_MS], "row 3: unsorted"),
        ("seq", [5, 9, 8, 12], "row 3: unsorted: update id 8"),
        (
            "bids_px",
            [[100.0, 99.5], [100.0, 100.0], *BIDS[2:]],
            "row 2: bids, level 2: the price does not fall",
        ),
        (
            "asks_px",
            [[101.0, 102.0], [103.0, 102.0], *ASKS[2:]],
            "row 2: asks, level 2: the price does not rise",
        ),
        (
            "asks_px",
            [[101.0, 102.0], [100.0, 102.0], *ASKS[2:]],
            "row 2: the bid 100.0000 is not below the ask",
        ),
        ("bids_px", [*BIDS[:2], [100.0, -1.0], BIDS[3]], "row 3: bids, level 2: the price is not above 0"),
        (
            "bids_qty",
            [*BID_SIZES[:2], [1.0, float("nan")], BID_SIZES[3]],
            "row 3: bids, level 2: quantity is nan",
        ),
        ("bids_qty", [[1.0], *BID_SIZES[1:]], "row 1: bids has another number of prices than of quantities"),
    ],
)
def test_bad_books_are_told(tmp_path: Path, column: str, values: list[Any], what: str) -> None:
    with pytest.raises(TapeError, match=what):
        drained(open_tape(books(tmp_path, **{column: values}), None, INSTRUMENTS))


def test_another_book_under_the_same_id_is_a_new_snapshot(tmp_path: Path) -> None:
    path = books(tmp_path, seq=[5, 5, 5, 12])
    assert [type(event) for event in events_of(open_tape(path, None, INSTRUMENTS))] == [
        DepthSnapshot,
        DepthSnapshot,
        DepthUpdate,
    ]


def test_recorded_books_are_rebuilt_exactly(shared_data: Path) -> None:
    path = shared_data / "tapes" / "l2" / "lobdeep_btc_spot_2026-02-16_04.parquet"
    recorded = pq.ParquetFile(path).read(columns=["seq", "bids_px", "bids_qty", "asks_px", "asks_qty"])
    rows = {row["seq"]: row for row in recorded.slice(0, 2559).take(list(range(0, 2559, 250))).to_pylist()}
    book: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] = ({}, {})
    compared = 0
    for event in events_of(open_tape(path, None, INSTRUMENTS)):
        assert isinstance(event, DepthSnapshot | DepthUpdate)
        for side, levels in zip(book, (event.bids, event.asks), strict=True):
            for price, quantity in levels:
                side[price] = quantity
                if not quantity:
                    del side[price]
        number = event.last_update_id if isinstance(event, DepthSnapshot) else event.final_update_id
        if number in rows:
            compared += 1
            row = rows[number]
            bids, asks = sorted(book[0].items(), reverse=True), sorted(book[1].items())
            assert [(float(price), float(quantity)) for price, quantity in bids] == list(
                zip(row["bids_px"], row["bids_qty"], strict=True)
            )
            assert [(float(price), float(quantity)) for price, quantity in asks] == list(
                zip(row["asks_px"], row["asks_qty"], strict=True)
            )
    assert compared == len(rows)


@pytest.mark.parametrize(
    ("name", "events"),
    [
        ("test_positive_binance_difference_depth_stream_spot_trxusdt_04-03-2025.csv.zst", 2_834),
        ("test_positive_binance_depth_snapshot_spot_btcusdt_14-04-2025.csv.zst", 2),
    ],
)
def test_recorded_depth_tables_are_read_whole(shared_data: Path, name: str, events: int) -> None:
    path = shared_data / "tapes" / "l2" / "quality_twins" / name
    assert drained(open_tape(path, None, INSTRUMENTS)) == events
