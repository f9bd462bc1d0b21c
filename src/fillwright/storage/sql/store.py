"""One SQLite store as a whole: its journal, its projections, and who may read it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from fillwright.ports import Owner
from fillwright.storage.sql.database import WAIT_MS, Database, open_database
from fillwright.storage.sql.journal import SqliteJournal
from fillwright.storage.sql.projection import SqliteProjection
from fillwright.storage.sql.queries import SqlReadModel


class SqliteStore:
    """Journal and read models in one file, written by one thread; a context manager that closes it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.journal = SqliteJournal(database)
        self._read_models: list[SqlReadModel] = []

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    def projection(self, owner: Owner) -> SqliteProjection:
        """The writer of one account's read models; it shares the journal's transactions."""
        return SqliteProjection(self._database, self.journal, owner)

    def read_model(self) -> SqlReadModel:
        """Queries, on connections of their own, closed with the store; they see what has been committed."""
        self._read_models.append(open_read_model(self.path))
        return self._read_models[-1]

    def checkpoint(self) -> bool:
        """Move the write-ahead log into the file, between groups; whether all of it went."""
        return self._database.checkpoint()

    def checkpoint_due(self) -> bool:
        """Whether the write-ahead log has outgrown its bound (63 MiB; 9 when it was laid out)."""
        return self._database.checkpoint_due()

    def close(self) -> None:
        """Close the file, and the queries that were opened here."""
        for model in self._read_models:
            model.close()
        self._database.close()

    def __enter__(self) -> SqliteStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_store(
    path: Path,
    durability: str = "normal",
    *,
    wait_ms: int = WAIT_MS,
    lay_out: bool = False,
) -> SqliteStore:
    """Open a store for writing, making or migrating it as needed; ``durability``: normal or full.

    ``lay_out``, for a store of small commits that stays open: make the write-ahead log's file at once, so that no
    commit waits for its growth. Raises CannotOpenError, NotADatabaseError, SchemaTooNewError, CorruptStoreError and
    other StorageErrors.
    """
    return SqliteStore(open_database(path, durability, wait_ms=wait_ms, lay_out=lay_out))


def open_read_model(path: Path) -> SqlReadModel:
    """Open a store that is there for queries alone."""
    return SqlReadModel(path)
