"""Stores that tests of the live shell opened are closed after each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.runtime.builders import STORES


@pytest.fixture(autouse=True)
def _stores_are_closed() -> Iterator[None]:
    yield
    while STORES:
        STORES.pop().close()
