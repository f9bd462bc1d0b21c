"""Migrations lead to today's schema, from an old store as well as from nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from fillwright.ports import CannotOpenError, StoreLockedError
from fillwright.storage.sql import database, schema
from fillwright.storage.sql.migrations import FOLDER, known_revisions, upgrade_to_head


def shape(path: Path) -> dict[str, str]:
    """A file's tables and indexes, as SQLite wrote them down (but for spaces)."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: "".join(sql.split()) for name, sql in found}


def test_migrations_and_creation_lead_to_the_same_schema(tmp_path: Path) -> None:
    upgrade_to_head(tmp_path / "migrated.db")
    database.open_database(tmp_path / "made.db").close()

    assert shape(tmp_path / "migrated.db") == shape(tmp_path / "made.db")
    assert database.read_revision(tmp_path / "migrated.db") == schema.SCHEMA_REVISION


def test_alembic_finds_nothing_to_change(tmp_path: Path) -> None:
    upgrade_to_head(tmp_path / "migrated.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}", poolclass=NullPool)

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_the_newest_migration_is_the_schemas() -> None:
    assert known_revisions()[0] == schema.SCHEMA_REVISION
    assert len(known_revisions()) == len(list((FOLDER / "versions").glob("v*.py")))


def test_each_migration_is_named_after_its_revision() -> None:
    names = sorted(file.name.split("_")[0] for file in (FOLDER / "versions").glob("v*.py"))

    assert names == sorted(f"v{revision}" for revision in known_revisions())


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    upgrade_to_head(path)
    before = shape(path)

    upgrade_to_head(path)

    assert shape(path) == before


def test_opening_a_store_of_an_older_schema_migrates_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.db"
    database.open_database(path).close()
    migrated: list[Path] = []
    monkeypatch.setattr(schema, "SCHEMA_REVISION", "9999")
    monkeypatch.setattr(database, "migrate", lambda path, revision: migrated.append(path))

    database.open_database(path).close()

    assert migrated == [path]


def test_a_migration_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(CannotOpenError):
        upgrade_to_head(tmp_path / "nowhere" / "journal.db")


def test_a_store_in_use_is_not_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("fillwright.storage.sql.migrations.WAIT_MS", 1)

        with pytest.raises(StoreLockedError):
            upgrade_to_head(path)
