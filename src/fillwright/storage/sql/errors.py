"""SQLite's errors in the port's words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from fillwright.ports import (
    CannotOpenError,
    CorruptStoreError,
    DiskFullError,
    NotADatabaseError,
    ReadOnlyStoreError,
    StorageError,
    StoreLockedError,
)

_ERRORS: dict[int, tuple[type[StorageError], str]] = {
    sqlite3.SQLITE_FULL: (
        DiskFullError,
        "the disk is full; make room and start again, nothing is half written",
    ),
    sqlite3.SQLITE_READONLY: (
        ReadOnlyStoreError,
        "it may not be written: check its permissions and its folder's",
    ),
    sqlite3.SQLITE_PERM: (
        ReadOnlyStoreError,
        "it may not be written: check its permissions and its folder's",
    ),
    sqlite3.SQLITE_BUSY: (StoreLockedError, "another process is writing it"),
    sqlite3.SQLITE_LOCKED: (StoreLockedError, "another process is writing it"),
    sqlite3.SQLITE_PROTOCOL: (StoreLockedError, "another process is writing it"),
    sqlite3.SQLITE_CORRUPT: (CorruptStoreError, "it is damaged; restore a backup, or replay again"),
    sqlite3.SQLITE_NOTADB: (NotADatabaseError, "it is not an SQLite database"),
    sqlite3.SQLITE_CANTOPEN: (
        CannotOpenError,
        "it cannot be opened: check that it is there, and its permissions",
    ),
}
"""Primary result code → our error and what to tell."""


def translate(error: sqlite3.Error, path: Path) -> StorageError:
    """Say in the port's words what SQLite said."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and (code & 0xFF) in _ERRORS:
        cls, text = _ERRORS[code & 0xFF]
        return cls(f"{path}: {text} ({error})")
    return StorageError(f"{path}: {error}")


@contextmanager
def translating(path: Path) -> Iterator[None]:
    """Raise SQLite's errors, plain or wrapped by SQLAlchemy, as StorageErrors."""
    try:
        yield
    except sqlite3.Error as error:
        raise translate(error, path) from error
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise translate(error.orig, path) from error
        raise
