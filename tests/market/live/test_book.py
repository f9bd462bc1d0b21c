from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fillwright.market.live.book import LocalBook

LEVELS = st.lists(st.tuples(st.integers(1, 30).map(Decimal), st.integers(0, 3).map(Decimal)), max_size=12)


@given(LEVELS, LEVELS, st.lists(st.tuples(LEVELS, LEVELS), max_size=6))
def test_the_book_is_what_its_updates_make_of_it(
    bids: list[tuple[Decimal, Decimal]],
    asks: list[tuple[Decimal, Decimal]],
    updates: list[tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]],
) -> None:
    book = LocalBook()
    book.replace(tuple(bids), tuple(asks))
    expected = [dict(bids), dict(asks)]
    for changes in updates:
        book.apply(tuple(changes[0]), tuple(changes[1]))
        for side, levels in zip(expected, changes, strict=True):
            side.update(levels)
    best_bids, best_asks = book.best(5)
    left = [{price: size for price, size in side.items() if size} for side in expected]
    assert best_bids == tuple(sorted(left[0].items(), reverse=True)[:5])
    assert best_asks == tuple(sorted(left[1].items())[:5])


def test_twenty_levels_are_shown() -> None:
    book = LocalBook()
    levels = tuple((Decimal(price), Decimal(1)) for price in range(1, 101))
    book.replace(levels, levels)
    bids, asks = book.best()
    assert (len(bids), bids[0][0], len(asks), asks[0][0]) == (20, Decimal(100), 20, Decimal(1))
