from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.config.values import exact_number, optional_number, whole_number, words


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
