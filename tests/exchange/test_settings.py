"""Settings: basis points become ratios."""

from __future__ import annotations

from fillwright.exchange.settings import ExchangeSettings, FeeSchedule
from tests.exchange.builders import D


def test_basis_points_become_ratios() -> None:
    settings = ExchangeSettings(slippage_bps=D(5), spread_bps=D(3))
    assert (settings.slippage, settings.half_spread) == (D("0.0005"), D("0.00015"))


def test_a_discount_leaves_the_rest_of_a_rate() -> None:
    assert FeeSchedule(bnb_discount=D("0.25")).bnb_rate == D("0.75")
