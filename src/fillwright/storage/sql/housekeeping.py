"""Housekeeping of a store that another thread writes, on a connection of its own."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from fillwright.storage.sql.database import WAIT_MS, open_beside
from fillwright.storage.sql.errors import translating


def checkpoint_beside(path: Path) -> bool:
    """Move the write-ahead log into the file while others read and write; whether all of it went.

    Raises StorageError. Commits never wait for it: they only add to the log meanwhile.
    """
    with translating(path), closing(open_beside(path, WAIT_MS)) as connection:
        busy, frames, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return not busy and frames == moved
