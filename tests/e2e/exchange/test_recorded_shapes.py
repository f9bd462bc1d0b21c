"""Every recorded body of Binance that has a counterpart here has its shape; every difference has its reason."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.exchange.box import Box
from tests.e2e.exchange.comparison import compare
from tests.e2e.exchange.samples import samples

MARGIN = {"event MARGIN_LEVEL_STATUS_CHANGE", "event USER_LIABILITY_CHANGE"}
"""Recorded beside Spot's, of another product."""


def test_every_difference_from_what_was_recorded_is_explained(box: Box, shared_data: Path) -> None:
    comparison = compare(samples(box), shared_data / "fixtures")
    assert set(comparison.without_counterpart) == MARGIN
    assert sum(comparison.compared.values()) > 150
    assert not comparison.unexplained, "\n".join(comparison.lines())
    assert not comparison.unused
