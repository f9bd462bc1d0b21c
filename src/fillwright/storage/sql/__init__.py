"""Journal and read models in an SQL database; SQLite, a file, is the embedded default."""

from fillwright.storage.sql.housekeeping import checkpoint_beside
from fillwright.storage.sql.queries import SqlReadModel
from fillwright.storage.sql.store import SqliteStore, open_read_model, open_store

__all__ = ["SqlReadModel", "SqliteStore", "checkpoint_beside", "open_read_model", "open_store"]
