"""Alembic migrations, inside the package, so that an installed wheel can bring an old store up to date.

To add one: change ``schema.py``, then write ``versions/v<revision>_<words>.py`` after the newest, and raise
``SCHEMA_REVISION``. Alembic is imported only here: a fresh store, or one that is up to date, does not wait for it.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection
from sqlalchemy.pool import NullPool

from fillwright.storage.sql.errors import translating
from fillwright.storage.sql.statistics import statistics_statements

FOLDER = Path(__file__).parent
WAIT_MS = 60_000
"""How long a migration waits for another process's transaction: it may be migrating, too."""


def config() -> Config:
    """Alembic's configuration, without a file."""
    made = Config()
    made.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def known_revisions() -> list[str]:
    """All schemas this program can read, newest first."""
    return [script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()]


def upgrade_to_head(path: Path) -> None:
    """Run the migrations that a store lacks, all in one transaction; StorageErrors when it cannot be written."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        connect_args={"timeout": WAIT_MS / 1_000},
    )
    event.listen(engine, "connect", _use_explicit_transactions)
    event.listen(engine, "begin", _begin)
    settings = config()
    with translating(path), engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
        for statement in statistics_statements():
            connection.exec_driver_sql(statement)


def _use_explicit_transactions(connection: sqlite3.Connection, record: Any) -> None:
    # The driver would end the transaction before each change of the schema.
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
