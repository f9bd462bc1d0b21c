from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.instruments import Instrument, LotSize, PriceFilter
from fillwright.market.columns import QuoteColumns, Scale, ScaleError, TradeColumns, decimals_of

BTCUSDT = Instrument(
    symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    price_filter=PriceFilter(tick=Decimal("0.01000000")),
    lot_size=LotSize(step=Decimal("0.00001000")),
)


def test_a_scale_has_room_for_the_finer_ticks_and_steps_of_the_past() -> None:
    assert Scale.of(BTCUSDT) == Scale(4, 8)
    assert Scale.of(Instrument(symbol="PEPEUSDT", base="PEPE", quote="USDT")) == Scale(8, 8)
    coarse = Instrument(
        symbol="DOGEUSDT",
        base="DOGE",
        quote="USDT",
        price_filter=PriceFilter(tick=Decimal("0.00001")),
        lot_size=LotSize(step=Decimal("1.00")),
    )
    assert Scale.of(coarse) == Scale(7, 3)


@given(st.integers(0, 2**63 - 1), st.integers(0, 8))
def test_integers_become_decimals_and_back_without_loss(units: int, decimals: int) -> None:
    scale = Scale(decimals, decimals)
    assert scale.price(units) == Decimal(units).scaleb(-decimals)
    assert scale.price_units(scale.price(units)) == units
    assert scale.quantity_units(scale.quantity(units)) == units


def test_too_many_decimals_and_too_large_numbers_are_refused() -> None:
    scale = Scale(2, 5)
    with pytest.raises(ScaleError, match="more than 2 decimals"):
        scale.price_units(Decimal("1.234"))
    with pytest.raises(ScaleError, match="too large"):
        scale.quantity_units(Decimal("1e20"))
    with pytest.raises(ScaleError, match="not finite"):
        decimals_of(Decimal("NaN"))


@given(st.decimals("0.000001", "1000", places=6), st.integers(0, 100_000))
def test_thresholds_round_so_that_comparisons_keep_their_meaning(threshold: Decimal, units: int) -> None:
    scale = Scale(2, 5)
    assert (units <= scale.price_floor(threshold)) == (scale.price(units) <= threshold)
    assert (units >= scale.price_ceiling(threshold)) == (scale.price(units) >= threshold)


def test_slices_share_memory_and_know_their_row() -> None:
    column = np.arange(10, dtype=np.int64)
    trades = TradeColumns("BTCUSDT", Scale(2, 5), column, column, column, column > 5, column, row=100)
    part = trades.slice(3, 7)
    assert (len(part), part.row, part.price.tolist()) == (4, 103, [3, 4, 5, 6])
    assert part.price.base is not None
    assert part.search.first_outside(0, 4, None, 5) == 2

    quotes = QuoteColumns("BTCUSDT", Scale(2, 5), column, column, column, column + 1, column)
    assert quotes.bid_search.first_outside(4, 10, 3, None) == 10
    assert quotes.ask_search.first_outside(0, 10, None, 4) == 3
    assert quotes.slice(2, 3).ask.tolist() == [3]
