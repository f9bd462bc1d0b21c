"""Every test of clients has a server of its own: books and counters start anew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.exchange.box import Box, running_box


@pytest.fixture
def box() -> Iterator[Box]:
    """A server with a book of BTCUSDT and nobody else on it."""
    with running_box(forked=True) as one:
        yield one
