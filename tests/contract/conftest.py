"""The stores that the contract suites run on: each a factory that opens (and opens again) the same store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fillwright.ports import Store
from fillwright.storage.sql import open_store

OpenStore = Callable[[], Store]


def sqlite(folder: Path) -> OpenStore:
    """A file."""
    return lambda: open_store(folder / "journal.db")


ADAPTERS = {"sqlite": sqlite}


@pytest.fixture(params=sorted(ADAPTERS))
def open_again(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Open the store under test: each call gives another process's view of the same store."""
    factory = ADAPTERS[request.param](tmp_path)
    opened: list[Store] = []

    def open_one() -> Store:
        opened.append(factory())
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_again: OpenStore) -> Store:
    """An empty store."""
    return open_again()
