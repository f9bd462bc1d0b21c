"""What this machine does with the parts that everything here is made of: for ratios within one run."""

from __future__ import annotations

import sqlite3
import tempfile
import timeit
from decimal import Decimal
from pathlib import Path

from benchmarks.figures import Row, microseconds, row, timed


def calibration() -> list[Row]:
    """A Decimal product, a Python call a tick, and one row committed to SQLite."""
    price, quantity = Decimal("60012.34"), Decimal("0.00123")
    product = min(timeit.repeat(lambda: price * quantity, number=200_000, repeat=5)) / 200_000
    ticks = list(range(1_000_000))

    def visit() -> int:
        count = 0
        for tick in ticks:
            if tick < 0:
                count += 1
        return count

    loop = min(timeit.repeat(visit, number=1, repeat=5))
    rows = [
        Row(
            "Decimal × Decimal (with a call)", microseconds(product), "", "baseline 0.041 µs without the call"
        ),
        Row("Python loop over ticks, one comparison", f"{1 / loop:.0f} M ticks/s", "", "baseline 13.5-32 M"),
    ]
    for name in ("NORMAL", "FULL"):
        rows.append(row(f"sqlite3, one row and commit, WAL, {name}", _commits(name), "baseline 8 / 105 µs"))
    return rows


def _commits(synchronous: str) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "x.db", isolation_level=None)
        connection.execute("pragma journal_mode=wal")
        connection.execute(f"pragma synchronous={synchronous}")
        connection.execute("create table t (a integer primary key, b text)")
        samples = timed(lambda: connection.execute("insert into t (b) values ('x')"), 2_000)
        connection.close()
        return samples
