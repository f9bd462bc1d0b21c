"""The first schema: made from nothing in one transaction, and never taken back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from fillwright.ports import StorageError
from fillwright.storage.sql.migrations import config, upgrade_to_head

REVISION = "0001"


def tables(path: Path) -> list[str]:
    """The names of a file's tables."""
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


def test_it_is_the_first() -> None:
    script = ScriptDirectory.from_config(config()).get_revision(REVISION)

    assert script.down_revision is None


def test_it_makes_all_tables_or_none(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE decisions (in_the_way)")

    with pytest.raises(StorageError, match="decisions already exists"):
        upgrade_to_head(path)

    assert tables(path) == ["decisions"]


def test_it_is_not_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    upgrade_to_head(path)
    before = tables(path)
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)

    def downgrade() -> None:
        with engine.begin() as connection:
            settings = config()
            settings.attributes["connection"] = connection
            command.downgrade(settings, "base")

    with pytest.raises(StorageError, match="restore a backup"):
        downgrade()

    assert tables(path) == before
