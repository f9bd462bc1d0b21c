from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.config.schema import GROUPS, exact_number, keys_of, optional_number, whole_number, words


@pytest.mark.parametrize(
    ("given", "expected"),
    [(1, "1"), (Decimal("1E+3"), "1000"), (" 0.10 ", "0.10"), (Decimal("1E-5"), "0.00001")],
)
def test_exact_numbers(given: object, expected: str) -> None:
    assert str(exact_number(given)) == expected


@pytest.mark.parametrize(
    "given",
    [
        True,
        0.1,
        None,
        "",
        "1e3",
        "+1",
        "NaN",
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1E+999999999"),
        [],
    ],
)
def test_what_is_no_exact_number(given: object) -> None:
    with pytest.raises(ValueError, match=r"not a|too many"):
        exact_number(given)


def test_whole_numbers() -> None:
    assert whole_number("5") == 5
    assert whole_number(Decimal("5.0")) == 5
    with pytest.raises(ValueError, match="not a whole number"):
        whole_number("5.5")


def test_optional_numbers() -> None:
    assert optional_number(" None ") is None
    assert optional_number("5") == 5


def test_words() -> None:
    assert words("A, B,,") == ["A", "B"]
    assert words(["A"]) == ["A"]


def test_every_key_says_what_it_may_be() -> None:
    for section in (*GROUPS, "market", "journal"):
        assert all(keys_of((section,)).values())
    assert keys_of(("traders", "a")).keys() == {"class", "parameters"}
    assert "day_start_hour_utc" not in keys_of(("limits", "a", "BTCUSDT"))
    assert keys_of(("nowhere",)) == {}
