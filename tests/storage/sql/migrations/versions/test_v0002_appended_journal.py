"""The second schema: the journal's rows as they were, in a table that is appended to."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from fillwright.core import events as ev
from fillwright.storage.sql import open_store
from fillwright.storage.sql.migrations import config

RECORDS = [ev.Record(seq, 1_000 + seq, seq - 1, ev.Error("here", "w" * seq)) for seq in range(1, 31)]


def first_schema(path: Path) -> None:
    """A store as revision 0001 made it."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.begin() as connection:
        settings = config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0001")


def rows(path: Path) -> list[tuple[object, ...]]:
    """The journal's rows, as SQLite has them."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM journal ORDER BY account_id, seq").fetchall()


def test_records_of_an_older_store_stay(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    with open_store(new) as store:
        for account_id in ("b", "a"):
            store.journal.append(account_id, 0, RECORDS)
    first_schema(old)
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        connection.executemany("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", rows(new))

    with open_store(old) as store:
        assert list(store.journal.load("a")) == list(store.journal.load("b")) == RECORDS
        store.journal.append("a", 30, [ev.Record(31, 2_000, 0, ev.Error("here", "more"))])

    assert rows(old)[:30] == rows(new)[:30]
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("SELECT max(rowid) FROM journal").fetchone() == (61,)
        names = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'journal%'").fetchall()
    assert names == [("journal",)]
