"""The planner's statistics name every index there is, and are in every store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fillwright.storage.sql import open_store, schema
from fillwright.storage.sql.migrations import upgrade_to_head
from fillwright.storage.sql.statistics import STATISTICS, statistics_statements

SMALL = {
    "snapshots",
    "risk_limits",
    "read_model_positions",
    "paper_portfolios",
    "real_portfolios",
    "paper_trading_settings",
    "real_trading_settings",
}
"""Tables that stay small: whatever the planner does, it is quick."""


def test_every_index_of_a_table_that_grows_is_known() -> None:
    assert set(STATISTICS) == set(schema.metadata.tables) - SMALL
    for name, indexes in STATISTICS.items():
        table = schema.metadata.tables[name]
        key = "sqlite_autoindex_journal_1" if name == "journal" else name
        assert set(indexes) == {key, *(index.name for index in table.indexes)}
        assert len(indexes[key]) == len(table.primary_key.columns)
        for index in table.indexes:
            assert len(indexes[str(index.name)]) == len(index.expressions)


@pytest.mark.parametrize("way", ["made", "migrated"])
def test_every_store_has_them(tmp_path: Path, way: str) -> None:
    path = tmp_path / "journal.db"
    if way == "made":
        open_store(path).close()
    else:
        upgrade_to_head(path)

    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT tbl, idx, stat FROM sqlite_stat1").fetchall()

    expected = [(table, index) for table, indexes in STATISTICS.items() for index in indexes]
    assert [(table, index) for table, index, _ in found] == expected
    assert all(stat.startswith("1000000 ") for *_, stat in found)


def test_they_can_be_written_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    open_store(path).close()

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (before,) = connection.execute("SELECT count(*) FROM sqlite_stat1").fetchone()
        for statement in statistics_statements():
            connection.execute(statement)
        assert connection.execute("SELECT count(*) FROM sqlite_stat1").fetchone() == (before,)
