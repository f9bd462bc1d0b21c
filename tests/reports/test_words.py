from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core.types import DAY, HOUR, MINUTE, SECOND
from fillwright.reports.words import day, duration, moment, number, percent, plural, signed, tone
from tests.reports.sample import START

D = Decimal


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (D("1234567.891"), 2, "1\u202f234\u202f567.89"),
        (D("-0.004"), 2, "0.00"),
        (D("-0.006"), 2, "−0.01"),
        (1234, 0, "1\u202f234"),
        (0.125, 2, "0.12"),
        (None, 2, "–"),
        (float("nan"), 2, "–"),
        (float("inf"), 2, "–"),
    ],
)
def test_numbers(value: Decimal | float | None, decimals: int, expected: str) -> None:
    assert number(value, decimals) == expected


def test_signs() -> None:
    assert [signed(D(value)) for value in (1, -1, 0)] == ["+1.00", "−1.00", "0.00"]
    assert signed(None) == "–"
    assert signed(float("inf")) == "–"
    assert [tone(value) for value in (1, -1, 0, None)] == ["up", "down", "", ""]


def test_percentages() -> None:
    assert percent(12.345, 1) == "12.3\u00a0%"
    assert percent(None) == "–"


@pytest.mark.parametrize(
    ("us", "expected"),
    [
        (None, "–"),
        (1_500_000, "1.5 s"),
        (59 * SECOND, "59 s"),
        (61 * SECOND, "1 min 1 s"),
        (HOUR + 2 * MINUTE, "1 h 2 min"),
        (3 * DAY + 5 * HOUR, "3 d 5 h"),
    ],
)
def test_durations(us: int | None, expected: str) -> None:
    assert duration(us).replace("\u00a0", " ") == expected


def test_times() -> None:
    assert day(START) == "2025-05-20"
    assert moment(START + HOUR + 1) == "2025-05-20 01:00:00"


def test_plurals() -> None:
    assert [plural(count, "trade") for count in (0, 1, 2)] == ["0 trades", "1 trade", "2 trades"]
