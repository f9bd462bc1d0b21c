from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fillwright.traders.errors import ParameterError
from fillwright.traders.parameters import did_you_mean, fitted, unknown


@pytest.mark.parametrize(
    ("default", "value", "expected"),
    [
        (20, 30, 30),
        (20, Decimal("30"), 30),
        (20, "30", 30),
        (20, 30.0, 30),
        (2.5, Decimal("3.5"), 3.5),
        (2.5, 3, 3.0),
        (2.5, "3.25", 3.25),
        (Decimal(1), 0.1, Decimal("0.1")),
        (Decimal(1), 2, Decimal(2)),
        (True, False, False),
        ("a", "b", "b"),
        ((1, 2), [3, 4], (3, 4)),
        (None, "5m", "5m"),
        ([1], [2], [2]),
    ],
)
def test_a_value_takes_the_kind_of_its_default(default: object, value: object, expected: object) -> None:
    result = fitted("name", default, value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("default", "value", "said"),
    [
        (20, 20.5, "whole"),
        (20, True, "not a number"),
        (20, "many", "plain decimal"),
        (20, None, "not a number"),
        (2.5, Decimal("NaN"), "finite"),
        (2.5, float("inf"), "finite"),
        (2.5, [1], "not a number"),
        (True, 1, "neither true nor false"),
        ("a", 3, "not text"),
    ],
)
def test_a_value_of_another_kind_is_refused(default: object, value: Any, said: str) -> None:
    with pytest.raises(ParameterError, match=said) as caught:
        fitted("lookback", default, value)
    assert caught.value.name == "lookback"


def test_an_unknown_name_is_answered_with_the_nearest_or_with_all() -> None:
    assert str(unknown("lookbak", ["trend", "lookback"])).endswith("; did you mean lookback?")
    assert str(unknown("Trend", ["trend", "lookback"])).endswith("; did you mean trend?")
    assert str(unknown("zzz", ["trend", "lookback"])).endswith("; there is lookback, trend")
    assert did_you_mean("x", []) == ""
