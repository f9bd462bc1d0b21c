"""Journal and read models in an SQL database; SQLite, a file, is the embedded default."""

from fillwright.storage.sql.database import BULK_PAGE_SIZE
from fillwright.storage.sql.queries import SqlReadModel
from fillwright.storage.sql.store import SqliteStore, open_read_model, open_store

__all__ = ["BULK_PAGE_SIZE", "SqlReadModel", "SqliteStore", "open_read_model", "open_store"]
