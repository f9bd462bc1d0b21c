from __future__ import annotations

import pytest

from fillwright.binance.rate_window import Window, interval_in_words, interval_of
from fillwright.core.types import DAY, MINUTE, SECOND

START = 1_795_168_800_000_000


@pytest.mark.parametrize(
    ("text", "length"), [("1M", MINUTE), ("10S", 10 * SECOND), ("1d", DAY), ("", 0), ("M", 0), ("1X", 0)]
)
def test_headers_name_a_length(text: str, length: int) -> None:
    assert interval_of(text) == length


def test_words_name_a_length() -> None:
    assert interval_in_words("SECOND", 10) == 10 * SECOND
    assert interval_in_words("FORTNIGHT", 1) == 0


def test_what_was_asked_counts_until_binance_tells() -> None:
    window = Window("REQUEST_WEIGHT", 6_000, MINUTE)
    window.add(1, 20, START)
    window.add(2, 4, START)
    assert window.used(START) == 24
    window.tell(1, START, 120, START)
    assert window.used(START) == 124
    window.tell(2, START, 124, START)
    assert window.used(START) == 124


def test_an_older_answer_tells_nothing_new() -> None:
    window = Window("REQUEST_WEIGHT", 6_000, MINUTE)
    window.add(1, 1, START)
    window.add(2, 1, START)
    window.tell(2, START, 50, START)
    window.tell(1, START, 49, START)
    assert window.used(START) == 50


def test_windows_are_aligned_to_the_clock() -> None:
    window = Window("ORDERS", 100, 10 * SECOND)
    window.add(1, 3, START + 9 * SECOND)
    assert window.end(START + 9 * SECOND) == START + 10 * SECOND
    assert window.used(START + 10 * SECOND) == 0


def test_an_answer_from_the_window_before_says_nothing_of_this_one() -> None:
    window = Window("ORDERS", 100, 10 * SECOND)
    window.add(1, 1, START + 9 * SECOND)
    window.tell(1, START + 9 * SECOND, 90, START + 10 * SECOND)
    assert window.used(START + 10 * SECOND) == 0


def test_a_clock_set_back_begins_anew() -> None:
    window = Window("ORDERS", 100, 10 * SECOND)
    window.add(1, 5, START + 60 * SECOND)
    assert window.used(START) == 0


def test_what_was_answered_without_a_count_is_in_the_next_one() -> None:
    window = Window("ORDERS", 100, 10 * SECOND)
    for claim in (1, 2, 3, 4):
        window.add(claim, 1, START)
    window.settle(1)
    window.settle(4)
    window.tell(3, START, 10, START)
    assert window.used(START) == 12
    window.settle(2)
    window.add(5, 1, START)
    window.tell(5, START, 13, START)
    assert window.used(START) == 13


def test_a_count_that_is_never_told_is_ours() -> None:
    window = Window("RAW_REQUESTS", 300_000, 5 * MINUTE, is_told=False)
    for claim in (1, 2, 3):
        window.add(claim, 1, START)
        window.settle(claim)
    window.drop(3)
    assert window.used(START) == 3
    assert window.used(START + 5 * MINUTE) == 0
