"""Exact numbers, and ids that can be read back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.types import (
    CLIENT_ORDER_ID_MAX,
    Leg,
    NumberError,
    Side,
    ceil_to,
    client_order_id,
    exact,
    floor_to,
    is_client_order_id,
    money,
    parse_client_order_id,
    plain,
)

D = Decimal
steps = st.sampled_from([D(0), D("0.00001"), D("0.01"), D("0.5"), D(1)])
numbers = st.decimals(0, 10**9, allow_nan=False, allow_infinity=False, places=8)


@pytest.mark.parametrize("text", ["0", "1", "-1.5", "0.00000001", "1" * 30 + "." + "9" * 30])
def test_plain_decimals_are_read_exactly(text: str) -> None:
    assert exact(text) == D(text)


@pytest.mark.parametrize("text", ["", " 1", "1e5", "NaN", "Infinity", "+1", "1.", ".5", "1_0", "1" * 31, "١"])
def test_what_is_not_a_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(NumberError):
        exact(text)


@pytest.mark.parametrize(
    ("number", "text"), [("1E-7", "0.0000001"), ("1.500", "1.5"), ("-0.0", "0"), ("1E+3", "1000"), ("0", "0")]
)
def test_numbers_are_written_without_exponent_and_padding(number: str, text: str) -> None:
    assert plain(D(number)) == text


def test_money_is_rounded_half_even_to_eighteen_decimals() -> None:
    """§3: each release of cost is rounded half-even to 18 decimals."""
    assert money(D("0.0000000000000000005")) == 0
    assert money(D("0.0000000000000000015")) == D("0.000000000000000002")


@given(numbers, steps)
def test_rounding_stays_within_one_step_and_on_the_grid(number: Decimal, step: Decimal) -> None:
    down, up = floor_to(number, step), ceil_to(number, step)
    if not step:
        assert down == up == number
        return
    assert down <= number <= up
    assert up - down in (0, step)
    assert down % step == up % step == 0


def test_each_side_has_its_opposite() -> None:
    assert (Side.BUY.opposite, Side.SELL.opposite) == (Side.SELL, Side.BUY)


@given(
    st.from_regex(r"[A-Za-z0-9]{1,8}", fullmatch=True),
    st.integers(0, 10**9),
    st.sampled_from(Leg),
    st.integers(0, 10**5),
)
def test_client_order_ids_are_reversible_and_fit(tag: str, position: int, leg: Leg, attempt: int) -> None:
    """§2: RT_<ledger tag>_<position>_<leg>_<attempt>, at most 36 of [A-Za-z0-9_-]."""
    name = client_order_id(tag, position, leg, attempt)
    assert len(name) <= CLIENT_ORDER_ID_MAX
    assert is_client_order_id(name)
    assert parse_client_order_id(name) == (tag, position, leg, attempt)


@pytest.mark.parametrize(
    "name", ["", "web_1", "RT_t_1_Q_1", "RT_t_1_E", "RT_t_1_E_1x", "RT__1_E_1", "rt_t_1_E_1"]
)
def test_other_ids_are_not_ours(name: str) -> None:
    assert parse_client_order_id(name) is None


@pytest.mark.parametrize("name", ["", "a" * 37, "a b", "ü"])
def test_what_the_venue_would_not_take_as_an_id(name: str) -> None:
    assert not is_client_order_id(name)
