"""Levels of the outside book: absolute quantities, removals, consumption."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fillwright.exchange.ladder import Ladder
from tests.exchange.builders import D


def test_levels_run_from_best_to_worst() -> None:
    levels = [(D(3), D(1)), (D(1), D(1)), (D(2), D(1))]
    bids, asks = Ladder(descending=True), Ladder(descending=False)
    bids.replace(levels)
    asks.replace(levels)
    assert [price for price, _ in bids.levels()] == [3, 2, 1]
    assert [price for price, _ in asks.levels()] == [1, 2, 3]
    assert (bids.best, asks.best) == (3, 1)


def test_a_level_used_up_is_gone_and_comes_back_with_the_feed() -> None:
    asks = Ladder(descending=False)
    asks.set(D(1), D(2))
    asks.take(D(1), D("0.5"))
    assert list(asks.levels()) == [(1, D("1.5"))]
    asks.take(D(1), D("1.5"))
    assert asks.best is None
    asks.set(D(1), D(2))
    assert asks.best == 1


@given(st.lists(st.tuples(st.integers(1, 9).map(Decimal), st.integers(0, 3).map(Decimal)), max_size=40))
def test_changes_give_the_book_a_plain_dictionary_gives(changes: list[tuple[Decimal, Decimal]]) -> None:
    ladder, plain = Ladder(descending=True), dict[Decimal, Decimal]()
    for price, quantity in changes:
        ladder.set(price, quantity)
        if quantity:
            plain[price] = quantity
        else:
            plain.pop(price, None)
    assert list(ladder.levels()) == sorted(plain.items(), reverse=True)
