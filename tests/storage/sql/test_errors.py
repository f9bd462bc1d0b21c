"""What SQLite says, in the port's words."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from fillwright.ports import CannotOpenError, DiskFullError, NotADatabaseError, StorageError
from fillwright.storage.sql.errors import translate, translating

PATH = Path("some.db")


def full_disk(connection: sqlite3.Connection) -> None:
    """Write more than there is room for."""
    connection.execute("PRAGMA max_page_count = 2")
    connection.execute("CREATE TABLE t (x)")
    connection.execute("INSERT INTO t VALUES (zeroblob(100000))")


def test_a_full_disk_is_named() -> None:
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(DiskFullError, match=r"some\.db: the disk is full"),
        translating(PATH),
    ):
        full_disk(connection)


def test_an_error_wrapped_by_sqlalchemy_is_named_too() -> None:
    engine = create_engine("sqlite://")

    def ask() -> None:
        with translating(PATH), engine.connect() as connection:
            connection.execute(text("PRAGMA max_page_count = 1"))
            connection.execute(text("CREATE TABLE t (x)"))

    with pytest.raises(DiskFullError):
        ask()
    engine.dispose()


def test_any_other_error_is_a_storage_error() -> None:
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(StorageError, match="no such table: nowhere") as error,
        translating(PATH),
    ):
        connection.execute("SELECT * FROM nowhere")

    assert type(error.value) is StorageError


def test_extended_codes_count_as_their_primary() -> None:
    error = sqlite3.OperationalError("unable to open")
    error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN_ISDIR  # type: ignore[attr-defined]

    assert isinstance(translate(error, PATH), CannotOpenError)


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is a letter, not a database" * 100)

    with (
        closing(sqlite3.connect(tmp_path / "x.db")) as connection,
        pytest.raises(NotADatabaseError),
        translating(PATH),
    ):
        connection.execute("SELECT * FROM sqlite_master")


def test_what_is_not_a_database_error_passes() -> None:
    with pytest.raises(KeyError), translating(PATH):
        raise KeyError
