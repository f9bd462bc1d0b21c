"""Cursors come back as they were, and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.ports import CursorError
from fillwright.storage.sql.cursors import read_cursor, write_cursor


@given(number=st.integers(0, 2**62), name=st.text("RT_0123456789abcE-", min_size=1, max_size=36))
def test_a_cursor_comes_back(number: int, name: str) -> None:
    cursor = write_cursor("orders", (number, name))

    assert read_cursor("orders", cursor, (int, str)) == (number, name)
    assert cursor.isascii()
    assert "=" not in cursor


@given(st.text(max_size=300))
def test_nothing_else_is_a_cursor(text: str) -> None:
    with pytest.raises(CursorError):
        read_cursor("orders", text, (int, str))


@pytest.mark.parametrize(
    ("listing", "kinds"),
    [("trades", (int, str)), ("orders", (int,)), ("orders", (str, str)), ("orders", (int, str, int))],
)
def test_a_cursor_of_another_listing_is_refused(listing: str, kinds: tuple[type, ...]) -> None:
    with pytest.raises(CursorError, match=f"not a cursor of {listing}"):
        read_cursor(listing, write_cursor("orders", (1, "a")), kinds)
