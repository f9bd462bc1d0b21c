"""One SQLite file: how it is opened, made, kept apart from other files, and written in whole transactions.

Write-ahead log; checkpoints happen when ``checkpoint`` is called, so that none stalls a commit, unless nobody calls it
in time: the log must not fill the disk that its own checkpoint needs. Durability ``normal`` survives the end of the
process, ``full`` also a power cut (one fdatasync per commit). A log that is laid out beforehand is only written over:
a commit that makes its file longer waits for the file system's own journal, too.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from functools import cache
from pathlib import Path

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from fillwright.ports import CannotOpenError, NotADatabaseError, SchemaTooNewError, StorageError
from fillwright.storage.sql import schema
from fillwright.storage.sql.errors import translating
from fillwright.storage.sql.statistics import statistics_statements

WAIT_MS = 5_000
"""How long a write waits for another process's transaction."""
PAGE_SIZE = 4_096
"""Small commits are quickest with small pages, each changed one being written whole; large groups do not mind."""
CACHE_KIB = 16_384
WAL_BYTES = 56 * 1024 * 1024
"""Size to which the write-ahead log is cut back once a checkpoint has moved all of it."""
LIVE_WAL_BYTES = 8 * 1024 * 1024
"""For stores that are written in small commits, laid out beforehand: 150 trades from one checkpoint to the next."""
WAL_GROWTH = 8
"""``checkpoint_due`` says yes when the log is an eighth longer than what is kept of it."""
WAL_STALL = 4
"""A commit makes a checkpoint itself when the log is so many times as long as what is kept of it."""
LAY_OUT_CACHE_KIB = 64
LAY_OUT = "INSERT INTO snapshots (account_id, seq, name, time, body) VALUES ('', 0, '', 0, zeroblob(?))"
_SYNCHRONOUS = {"normal": "NORMAL", "full": "FULL"}
_ENGINE_TABLES = {"sqlite_sequence", "sqlite_stat1", "sqlite_stat4"}


class Database:
    """A connection to one store, used by one thread; transactions nest into the outermost."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        durability: str = "normal",
        wal_bytes: int = WAL_BYTES,
    ) -> None:
        self.path = path
        self.connection = connection
        self._is_full = durability == "full"
        self._wal_bytes_max = wal_bytes + wal_bytes // WAL_GROWTH
        self._is_open = False
        self._on_commit: list[Callable[[], None]] = []

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, so that what is written now is committed later."""
        return self._is_open

    @contextmanager
    def transaction(self, *, derived: bool = False) -> Iterator[sqlite3.Connection]:
        """Make one transaction of what happens inside; joined by those opened inside it.

        ``derived``: all of it follows from what is stored already, so that its commit need not wait for the disk.
        """
        connection = self.connection
        if self._is_open:
            yield connection
            return
        with translating(self.path), self.relaxed() if derived else nullcontext():
            connection.execute("BEGIN IMMEDIATE")
            self._is_open = True
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                self._on_commit.clear()
                if connection.in_transaction:  # a full disk has rolled back already
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._is_open = False
        actions, self._on_commit = self._on_commit, []
        for action in actions:
            action()

    @contextmanager
    def relaxed(self) -> Iterator[None]:
        """Let the commit inside not wait for the disk: the next one that does takes it along, as the log is one."""
        if not self._is_full or self._is_open:
            yield
            return
        self.connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS['normal']}")
        try:
            yield
        finally:
            self.connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS['full']}")

    def on_commit(self, action: Callable[[], None]) -> None:
        """Do something once the open transaction is committed; forgotten when it is not."""
        self._on_commit.append(action)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read, with errors in the port's words."""
        with translating(self.path):
            yield self.connection

    def checkpoint(self) -> bool:
        """Move the write-ahead log into the file; whether all of it went (readers may hold some back)."""
        with translating(self.path):
            busy, frames, moved = self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return not busy and frames == moved

    def checkpoint_due(self) -> bool:
        """Whether the write-ahead log has outgrown its bound."""
        return _wal_size(self.path) >= self._wal_bytes_max

    def close(self) -> None:
        """Close the file; the last to close leaves no log beside it."""
        with translating(self.path):
            self.connection.close()


def _wal_size(path: Path) -> int:
    log = path.with_name(path.name + "-wal")
    return log.stat().st_size if log.exists() else 0


def open_database(
    path: Path,
    durability: str = "normal",
    *,
    wait_ms: int = WAIT_MS,
    lay_out: bool = False,
) -> Database:
    """Open a store for writing; make it when it is not there, migrate it when it is old.

    ``lay_out``: have the write-ahead log's file at its size (8 MiB) from the first commit on.

    Raises CannotOpenError, NotADatabaseError, SchemaTooNewError and other StorageErrors.
    """
    if not path.parent.is_dir():
        raise CannotOpenError(f"{path}: there is no folder {path.parent}")
    if path.is_dir():
        raise CannotOpenError(f"{path}: is a folder, not a file")
    wal_bytes = LIVE_WAL_BYTES if lay_out else WAL_BYTES
    with translating(path), ExitStack() as held:
        revision = ""
        if path.exists() and path.stat().st_size:
            # Held until ours is open: the last to close would move all of the log into the file, and remove it.
            reader = held.enter_context(closing(_connect_readonly(path, WAIT_MS)))
            revision = _revision_of(reader, path)
            if revision and revision != schema.SCHEMA_REVISION:
                held.close()
                migrate(path, revision)
        connection = sqlite3.connect(path, timeout=wait_ms / 1_000, isolation_level=None)
        try:
            connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_STALL * wal_bytes // PAGE_SIZE}")
            connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute(f"PRAGMA journal_size_limit = {wal_bytes}")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            if not revision:
                _create(connection)
            if lay_out and _wal_size(path) < wal_bytes:
                _lay_out(connection, path, wal_bytes)
        except BaseException:
            connection.close()
            raise
    return Database(path, connection, durability, wal_bytes)


def open_beside(path: Path, wait_ms: int = WAIT_MS) -> sqlite3.Connection:
    """One more connection to a store that is there, for housekeeping; any thread may use it."""
    return _connect(f"{path.absolute().as_uri()}?mode=rw", wait_ms)


def _lay_out(connection: sqlite3.Connection, path: Path, size: int) -> None:
    """Make the log's file as long as it will be: a large transaction that spills into it, and is taken back."""
    connection.execute(f"PRAGMA cache_size = -{LAY_OUT_CACHE_KIB}")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(LAY_OUT, (size,))
    connection.execute("ROLLBACK")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    with path.with_name(path.name + "-wal").open("rb") as log:
        os.fsync(log.fileno())


def connect_readonly(path: Path, *, wait_ms: int = WAIT_MS) -> sqlite3.Connection:
    """Open a store that is there for reading; it may be written by another process meanwhile."""
    revision = read_revision(path)
    if revision != schema.SCHEMA_REVISION:
        raise StorageError(
            f"{path}: has schema {revision or 'none'}, not {schema.SCHEMA_REVISION}; "
            "open it for writing once, to bring it up to date"
        )
    return _connect_readonly(path, wait_ms)


def _connect_readonly(path: Path, wait_ms: int) -> sqlite3.Connection:
    if not path.is_file():
        raise CannotOpenError(f"{path}: there is no such file")
    uri = path.absolute().as_uri()
    with translating(path):
        # Opened as a writer that never writes: unlike mode=ro, it leaves no log behind when it is the last to close.
        connection = _connect(f"{uri}?mode=rw", wait_ms)
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError as error:
            connection.close()
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            # In a folder that may not be written there is no place for the log: then nobody writes it, either.
            connection = _connect(f"{uri}?mode=ro&immutable=1", wait_ms)
        except BaseException:
            connection.close()
            raise
    return connection


def _connect(uri: str, wait_ms: int) -> sqlite3.Connection:
    return sqlite3.connect(
        uri, timeout=wait_ms / 1_000, isolation_level=None, uri=True, check_same_thread=False
    )


def read_revision(path: Path) -> str:
    """The schema that a file has ('': none yet); NotADatabaseError or SchemaTooNewError when it is not ours to use."""
    with closing(_connect_readonly(path, WAIT_MS)) as connection:
        return _revision_of(connection, path)


def _revision_of(connection: sqlite3.Connection, path: Path) -> str:
    with translating(path):
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if not tables - _ENGINE_TABLES:
            return ""
        if "alembic_version" not in tables or "journal" not in tables:
            raise NotADatabaseError(f"{path}: is the database of another program")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    revision = row[0] if row is not None else ""
    if revision != schema.SCHEMA_REVISION and not is_known_revision(revision):
        raise SchemaTooNewError(
            f"{path}: was written by a newer fillwright (schema {revision!r}, this one knows up to "
            f"{schema.SCHEMA_REVISION!r}); use that version, or another file"
        )
    return str(revision)


def is_known_revision(revision: str) -> bool:
    """Whether a schema is one of this program's or of its predecessors."""
    from fillwright.storage.sql.migrations import known_revisions

    return revision in known_revisions()


def migrate(path: Path, revision: str) -> None:
    """Bring a store of an older schema up to today's."""
    from fillwright.storage.sql.migrations import upgrade_to_head

    upgrade_to_head(path)


def _create(connection: sqlite3.Connection) -> None:
    """Make all tables at once, as the migrations would (Alembic is slow to start), and say so in its table."""
    connection.execute("BEGIN IMMEDIATE")
    made = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    if made is None:  # nobody was quicker
        for statement in creation_statements():
            connection.execute(statement)
        connection.execute("INSERT INTO alembic_version (version_num) VALUES (?)", (schema.SCHEMA_REVISION,))
        for statement in statistics_statements():
            connection.execute(statement)
    connection.execute("COMMIT")


@cache
def creation_statements() -> tuple[str, ...]:
    """What makes an empty database a store."""
    dialect = sqlite.dialect()
    versions = (
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    made = [versions]
    for table in schema.metadata.sorted_tables:
        made.append(str(CreateTable(table).compile(dialect=dialect)))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            made.append(str(CreateIndex(index).compile(dialect=dialect)))
    return tuple(made)
