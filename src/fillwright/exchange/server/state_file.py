"""The state file: everything that a server goes on with after a restart, in one SQLite database.

What is kept is the whole state, written anew in one transaction: when the server stops, and while it runs whenever
something of an account has changed, at most every ``save_every_us``, and never more than a twentieth of the time.
A crash takes back what happened after the last save, and with it the answers that clients got: as an exchange that
fell back to a backup. Whoever wants to test that kills the process; whoever does not, stops it.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from fillwright.core.types import Symbol, Time
from fillwright.exchange.server.keys import ApiKey

VERSION = 1
APPLICATION_ID = 0x66776578
"""Says that a SQLite file is one of these."""
FILE_MODE = 0o600
"""Secrets of keys are in it."""
BUSY_MS = 2_000
"""How long another process may hold the file."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
"""


class StateFileError(Exception):
    """A state file that cannot be used; the message says why and what to do."""


class SavedState(msgspec.Struct, kw_only=True):
    """What is kept."""

    version: int = VERSION
    now: Time = 0
    seed: int = 0
    symbols: tuple[Symbol, ...] = ()
    exchange: bytes = b""
    keys: tuple[ApiKey, ...] = ()


class StateFile:
    """A state file, opened by this process alone.

    Raises StateFileError.
    """

    __slots__ = ("_connection", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise StateFileError(f"{path}: cannot be opened: {error}") from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            why = f"cannot be used: {error}"
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                why = "is in use by another process: stop that, or keep this server's state in a file of its own"
            raise StateFileError(f"{path}: {why}") from error
        except StateFileError:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        connection = self._connection
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        (found,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables and found != APPLICATION_ID:
            raise StateFileError(f"{self.path}: is the database of something else")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.executescript(_SCHEMA)

    def load(self) -> SavedState | None:
        """What was saved last; None when nothing was. Raises StateFileError."""
        try:
            with closing(self._connection.execute("SELECT body FROM state WHERE name = 'box'")) as rows:
                row = rows.fetchone()
            if row is None:
                return None
            state = msgspec.msgpack.decode(row[0], type=SavedState)
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            raise StateFileError(
                f"{self.path}: cannot be read: {error}; move it away to begin anew"
            ) from error
        if state.version != VERSION:
            raise StateFileError(
                f"{self.path}: is of version {state.version}, this is {VERSION}; move it away to begin anew"
            )
        return state

    def save(self, state: SavedState) -> None:
        """Write everything anew, in one transaction; may be called in a thread. Raises StateFileError."""
        body = msgspec.msgpack.encode(state)
        try:
            self._connection.execute("INSERT OR REPLACE INTO state (name, body) VALUES ('box', ?)", (body,))
        except sqlite3.Error as error:
            raise StateFileError(f"{self.path}: cannot be written: {error}") from error

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()
