"""The flag of the stop by keys: as small, and as far from the market, as a symbol's rules allow."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from fillwright.core.instruments import PercentPrice
from fillwright.core.types import Side
from fillwright.venues.stop_flag import flag_of
from tests.core.builders import make_instrument

D = Decimal


def test_far_below_and_as_small_as_it_may_be() -> None:
    instrument = make_instrument()
    price, quantity = flag_of(instrument, D(50_000))
    assert price == 30_000
    assert instrument.price_violation(price) is None
    assert instrument.quantity_violation(quantity, market=False) is None
    assert instrument.notional_violation(price, quantity, market=False) is None
    assert price * quantity < instrument.notional_min * 2


@pytest.mark.parametrize("down", ["0.2", "0.5", "0.8", "0.95"])
def test_inside_the_band_of_prices(down: str) -> None:
    band = PercentPrice(True, D(5), D(down), D(5), D("0.2"))
    instrument = msgspec.structs.replace(make_instrument(), percent_price=band)
    price, _ = flag_of(instrument, D("51234.56"))
    assert instrument.percent_violation(Side.BUY, price, D("51234.56")) is None
    assert price < D("51234.56")
