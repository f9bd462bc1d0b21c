"""The parts of a store's port fit together: what SQLite offers is what shells ask for."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from fillwright.ports import Journal, Projection, ReadModel, Store
from fillwright.storage.sql import SqliteStore, open_store
from fillwright.storage.sql.journal import SqliteJournal
from fillwright.storage.sql.projection import SqliteProjection
from fillwright.storage.sql.queries import SqlReadModel

ADAPTERS = [
    (Journal, SqliteJournal),
    (Projection, SqliteProjection),
    (ReadModel, SqlReadModel),
    (Store, SqliteStore),
]


def promised(port: type) -> dict[str, inspect.Signature | None]:
    """The public members of a port: signatures of methods, None for properties."""
    return {
        name: inspect.signature(member) if callable(member) else None
        for name, member in vars(port).items()
        if not name.startswith("_")
    }


@pytest.mark.parametrize(("port", "adapter"), ADAPTERS)
def test_an_adapter_takes_what_its_port_promises(port: type, adapter: type) -> None:
    for name, signature in promised(port).items():
        if signature is not None:
            offered = inspect.signature(getattr(adapter, name))
            assert list(offered.parameters) == list(signature.parameters), name
            for parameter in signature.parameters.values():
                assert offered.parameters[parameter.name].default == parameter.default, name


def test_a_store_has_a_journal(tmp_path: Path) -> None:
    with open_store(tmp_path / "journal.db") as store:
        assert store.journal.accounts() == []
