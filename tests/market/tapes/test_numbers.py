from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.types import NumberError
from fillwright.market.columns import Scale
from fillwright.market.tapes.numbers import NumberReader, receive_time, wire_time

READER = NumberReader(Scale(4, 8))


@given(st.integers(1, 10**12))
def test_binances_spelling_and_the_short_one_are_the_same_number(units: int) -> None:
    number = Decimal(units).scaleb(-4)
    assert READER.price(f"{number:.8f}") == number == READER.price(format(number, "f"))
    assert READER.levels([(f"{number:.8f}", "0.00000000")]) == ((number, Decimal(0)),)


@pytest.mark.parametrize(
    "text",
    [
        "0.00000000",
        "-1.00000000",
        "1e5",
        "NaN",
        "",
        "inf",
        "1.00001000",
        "1.12345",
        "1_0.00000000",
        "9" * 20,
        " 1",
    ],
)
def test_prices_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(NumberError):
        READER.price(text)


def test_quantities_may_be_zero_unless_traded() -> None:
    assert READER.quantity("0.00000000") == 0
    with pytest.raises(NumberError, match="the quantity is zero"):
        READER.traded("0.00000000")
    with pytest.raises(NumberError, match="is not from 0"):
        READER.quantity("-1")


def test_times_of_messages_are_in_milliseconds_or_microseconds() -> None:
    assert wire_time(1_770_076_800_000) == wire_time(1_770_076_800_000_000) == 1_770_076_800_000_000
    for number in (0, -5, 17, 10**18):
        with pytest.raises(NumberError, match="is not between 2009 and 2100"):
            wire_time(number)


def test_recorders_clocks_come_in_any_unit() -> None:
    expected = 1_723_161_253_937_085
    for text in ("1723161253.937085", "1723161253937085", "1723161253937085768"):
        assert receive_time(text) == expected
    assert receive_time("1723161253937") == expected // 1000 * 1000
    assert receive_time("1723161253") == expected // 10**6 * 10**6
    with pytest.raises(NumberError, match="time of receipt"):
        receive_time("100000000.5")
