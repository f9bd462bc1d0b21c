"""Walking through the pages of a listing."""

from __future__ import annotations

from fillwright.ports import Page, every


def test_every_page_is_read_until_the_last() -> None:
    pages = {None: Page((1, 2), "a"), "a": Page((3,), "b"), "b": Page[int](())}
    asked: list[str | None] = []

    def fetch(cursor: str | None) -> Page[int]:
        asked.append(cursor)
        return pages[cursor]

    assert list(every(fetch)) == [1, 2, 3]
    assert asked == [None, "a", "b"]


def test_pages_are_read_only_as_they_are_needed() -> None:
    asked: list[str | None] = []

    def fetch(cursor: str | None) -> Page[int]:
        asked.append(cursor)
        return Page((1,), "again")

    items = every(fetch)

    assert [next(items), next(items)] == [1, 1]
    assert asked == [None, "again"]
