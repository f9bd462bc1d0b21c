"""Opening a file, telling it from others, and writing it in whole transactions."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from fillwright.core import events as ev
from fillwright.ports import (
    CannotOpenError,
    CorruptStoreError,
    DiskFullError,
    NotADatabaseError,
    ReadOnlyStoreError,
    SchemaTooNewError,
    StorageError,
    StoreLockedError,
)
from fillwright.storage.sql import database, schema
from fillwright.storage.sql.database import PAGE_SIZE, connect_readonly, open_database
from fillwright.storage.sql.journal import SqliteJournal


def records(count: int, first: int = 1, size: int = 10) -> list[ev.Record]:
    """Records in a row."""
    return [ev.Record(seq, seq, 0, ev.Error("here", "w" * size)) for seq in range(first, first + count)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store may be."""
    return tmp_path / "journal.db"


@pytest.fixture
def used(path: Path) -> Path:
    """A store that has been used and closed."""
    opened = open_database(path)
    SqliteJournal(opened).append("main", 0, records(5))
    opened.close()
    return path


# -- opening -----------------------------------------------------------------------------------------------------


def test_a_fresh_store_is_made_and_carries_its_schema(path: Path) -> None:
    opened = open_database(path)

    assert database.read_revision(path) == schema.SCHEMA_REVISION
    assert opened.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    stall = database.WAL_STALL * database.WAL_BYTES // database.PAGE_SIZE
    assert opened.connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (stall,)
    assert opened.connection.execute("PRAGMA page_size").fetchone() == (PAGE_SIZE,)
    opened.close()
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]


@pytest.mark.parametrize(("durability", "level"), [("normal", 1), ("full", 2)])
def test_durability_is_a_choice(path: Path, durability: str, level: int) -> None:
    opened = open_database(path, durability)

    assert opened.connection.execute("PRAGMA synchronous").fetchone() == (level,)
    opened.close()


def test_a_store_is_opened_again_with_what_is_in_it(used: Path) -> None:
    opened = open_database(used)

    assert SqliteJournal(opened).last_seq("main") == 5
    opened.close()


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()

    opened = open_database(path)

    assert SqliteJournal(opened).last_seq("main") == 0
    opened.close()


def test_who_comes_second_to_an_empty_file_finds_the_tables(path: Path) -> None:
    first = open_database(path)
    again = sqlite3.connect(path, isolation_level=None)

    database._create(again)

    assert again.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
    again.close()
    first.close()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotOpenError, match="there is no folder"):
        open_database(tmp_path / "nowhere" / "journal.db")


def test_a_folder_is_not_a_store(tmp_path: Path) -> None:
    with pytest.raises(CannotOpenError, match="is a folder"):
        open_database(tmp_path)


def test_a_store_that_is_not_there_cannot_be_read(path: Path) -> None:
    with pytest.raises(CannotOpenError, match="there is no such file"):
        connect_readonly(path)

    assert not path.exists()


def test_a_file_of_another_kind_is_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"a letter, not a database " * 50)
    before = path.read_bytes()

    for attempt in (open_database, connect_readonly):
        with pytest.raises(NotADatabaseError):
            attempt(path)

    assert path.read_bytes() == before


def test_the_database_of_another_program_is_left_as_it_is(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE journal (x)")
    other.close()
    before = path.read_bytes()

    with pytest.raises(NotADatabaseError, match="another program"):
        open_database(path)

    assert path.read_bytes() == before


def test_a_store_of_a_newer_program_is_left_as_it_is(used: Path) -> None:
    newer = sqlite3.connect(used)
    newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.commit()
    newer.close()
    before = used.read_bytes()

    for attempt in (open_database, connect_readonly):
        with pytest.raises(SchemaTooNewError, match="written by a newer fillwright"):
            attempt(used)

    assert used.read_bytes() == before


def test_a_store_of_an_older_program_is_not_read_as_if_it_were_todays(
    used: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "SCHEMA_REVISION", "9999")

    with pytest.raises(StorageError, match="has schema 0002, not 9999"):
        connect_readonly(used)


# -- damage and want ---------------------------------------------------------------------------------------------


def test_a_damaged_file_is_named(path: Path) -> None:
    opened = open_database(path)
    SqliteJournal(opened).append("main", 0, records(500, size=200))
    opened.close()
    raw = bytearray(path.read_bytes())
    for page in range(30, len(raw) // PAGE_SIZE):
        raw[page * PAGE_SIZE : page * PAGE_SIZE + 512] = b"\xff" * 512
    path.write_bytes(raw)

    opened = open_database(path)
    with pytest.raises(CorruptStoreError, match="damaged"):
        list(SqliteJournal(opened).load("main"))
    opened.close()


def test_a_full_disk_loses_the_group_and_nothing_else(path: Path) -> None:
    opened = open_database(path)
    journal = SqliteJournal(opened)
    journal.append("main", 0, records(10))
    (pages,) = opened.connection.execute("PRAGMA page_count").fetchone()
    opened.connection.execute(f"PRAGMA max_page_count = {pages + 3}")

    with pytest.raises(DiskFullError, match="the disk is full"):
        journal.append("main", 10, records(500, first=11, size=1_000))

    assert list(journal.load("main")) == records(10)
    opened.connection.execute("PRAGMA max_page_count = 1000000")
    journal.append("main", 10, records(2, first=11))
    assert journal.last_seq("main") == 12
    opened.close()


def test_a_store_that_may_not_be_written_says_so(used: Path) -> None:
    opened = open_database(used)
    opened.connection.execute("PRAGMA query_only = ON")

    with pytest.raises(ReadOnlyStoreError, match="may not be written"):
        SqliteJournal(opened).append("main", 5, records(1, first=6))

    assert SqliteJournal(opened).last_seq("main") == 5
    opened.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_store_in_a_folder_that_may_not_be_written_can_be_read(used: Path) -> None:
    used.parent.chmod(0o500)
    try:
        connection = connect_readonly(used)
        assert connection.execute("SELECT count(*) FROM journal").fetchone() == (5,)
        connection.close()
    finally:
        used.parent.chmod(0o700)


def test_a_store_that_another_process_holds_is_waited_for_only_so_long(used: Path) -> None:
    holder = sqlite3.connect(used, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    opened = open_database(used, wait_ms=1)
    journal = SqliteJournal(opened)

    with pytest.raises(StoreLockedError, match="another process"):
        journal.append("main", 5, records(1, first=6))

    holder.execute("ROLLBACK")
    journal.append("main", 5, records(1, first=6))
    holder.close()
    opened.close()


# -- transactions and checkpoints --------------------------------------------------------------------------------


def test_transactions_nest_into_the_outermost(used: Path) -> None:
    opened = open_database(used)
    done: list[str] = []

    with opened.transaction() as connection:
        with opened.transaction():
            connection.execute("DELETE FROM journal WHERE seq = 5")
            opened.on_commit(lambda: done.append("committed"))
        assert connection.in_transaction
        assert done == []

    assert done == ["committed"]
    assert SqliteJournal(opened).last_seq("main") == 4
    opened.close()


def test_an_exception_undoes_the_outermost(used: Path) -> None:
    opened = open_database(used)
    done: list[str] = []

    def fail() -> None:
        with opened.transaction() as connection:
            connection.execute("DELETE FROM journal WHERE seq = 5")
            opened.on_commit(lambda: done.append("committed"))
            with opened.transaction():
                raise KeyError

    with pytest.raises(KeyError):
        fail()
    with opened.transaction():
        pass

    assert done == []
    assert SqliteJournal(opened).last_seq("main") == 5
    opened.close()


def test_checkpoints_come_only_when_asked_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAL_BYTES", 4_500_000)
    opened = open_database(path)
    journal = SqliteJournal(opened)
    opened.checkpoint()
    before = path.stat().st_size
    for at in range(0, 3_000, 300):
        journal.append("main", at, records(300, first=at + 1, size=1_000))
    assert path.stat().st_size == before
    assert not opened.checkpoint_due()
    journal.append("main", 3_000, records(1_200, first=3_001, size=1_000))
    assert opened.checkpoint_due()

    assert opened.checkpoint()

    assert path.stat().st_size > before
    journal.append("main", 4_200, records(1, first=4_201))
    assert not opened.checkpoint_due()  # the log begins anew
    opened.close()
    assert not opened.checkpoint_due()


def test_a_log_that_nobody_looks_after_does_not_grow_for_ever(path: Path) -> None:
    opened = open_database(path, lay_out=True)
    journal, log = SqliteJournal(opened), path.with_name(path.name + "-wal")
    bound = database.WAL_STALL * database.LIVE_WAL_BYTES
    lengths = []
    while path.stat().st_size < 2 * bound:
        at = journal.last_seq("main")
        journal.append("main", at, records(300, first=at + 1, size=10_000))
        lengths.append(log.stat().st_size)
        assert at < 30_000
    assert database.LIVE_WAL_BYTES * 2 < max(lengths) < bound + 6_000_000
    assert lengths.count(database.LIVE_WAL_BYTES) >= 2  # cut back each time
    opened.close()


def test_what_follows_from_durable_records_does_not_wait_for_the_disk(path: Path) -> None:
    opened = open_database(path, "full")

    def level() -> int:
        return int(opened.connection.execute("PRAGMA synchronous").fetchone()[0])

    with opened.transaction(derived=True):
        assert level() == 1
    assert level() == 2
    with opened.transaction(), opened.transaction(derived=True):
        assert level() == 2
    with opened.relaxed(), opened.transaction():
        assert level() == 1
    with opened.transaction(), opened.relaxed():
        assert level() == 2
    with pytest.raises(StorageError), opened.transaction(derived=True) as connection:
        connection.execute("INSERT INTO nowhere VALUES (1)")
    assert level() == 2
    opened.close()


@pytest.mark.parametrize("durability", ["normal", "full"])
def test_a_log_that_is_laid_out_is_written_over(path: Path, durability: str) -> None:
    log = path.with_name(path.name + "-wal")
    opened = open_database(path, durability, lay_out=True)
    laid_out = log.stat().st_size
    assert laid_out >= database.LIVE_WAL_BYTES
    journal = SqliteJournal(opened)
    for at in range(0, 900, 300):
        journal.append("main", at, records(300, first=at + 1, size=1_000))
    assert log.stat().st_size == laid_out
    assert not opened.checkpoint_due()
    assert connect_readonly(path).execute("SELECT count(*) FROM journal").fetchone() == (900,)
    assert connect_readonly(path).execute("SELECT count(*) FROM snapshots").fetchone() == (0,)
    while not opened.checkpoint_due():
        at = journal.last_seq("main")
        journal.append("main", at, records(300, first=at + 1, size=1_000))
    assert opened.checkpoint()
    journal.append("main", at + 300, records(1, first=at + 301))
    assert log.stat().st_size == database.LIVE_WAL_BYTES
    opened.close()


def test_a_store_that_was_laid_out_and_left_behind_is_read_whole(path: Path, tmp_path: Path) -> None:
    opened = open_database(path, lay_out=True)
    SqliteJournal(opened).append("main", 0, records(5))
    copy = tmp_path / "copy.db"
    for suffix in ("", "-wal"):  # as a power cut leaves them
        copy.with_name(copy.name + suffix).write_bytes(path.with_name(path.name + suffix).read_bytes())
    opened.close()
    file = copy.read_bytes()

    again = open_database(copy, lay_out=True)

    assert list(SqliteJournal(again).load("main")) == records(5)
    assert (
        copy.read_bytes() == file
    )  # a start after a crash does not begin with moving the log and making it anew
    again.close()


def test_a_reader_holds_a_checkpoint_back(used: Path) -> None:
    opened = open_database(used)
    reader = connect_readonly(used)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM journal").fetchone()
    SqliteJournal(opened).append("main", 5, records(3, first=6))

    assert not opened.checkpoint()

    reader.execute("COMMIT")
    assert opened.checkpoint()
    reader.close()
    opened.close()
