"""The synthetic book: changes lead from one book to the next, as a book made anew would be."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from fillwright.core.types import SECOND
from fillwright.exchange.ladder import Ladder
from fillwright.exchange.server.synthetic_depth import LEVELS, Levels, SyntheticDepth
from fillwright.market.columns import Scale
from tests.exchange.builders import BTCUSDT

START = 1_795_168_800_000_000
SCALE = Scale.of(BTCUSDT)
PRICE = SCALE.price_floor(Decimal(90_000))
TICK = SCALE.price_units(Decimal("0.01"))


def depth(seed: int = 1) -> SyntheticDepth:
    return SyntheticDepth(BTCUSDT, SCALE, seed, PRICE, SCALE.quantity_units(Decimal("0.3")))


class Book:
    def __init__(self) -> None:
        self.bids, self.asks = Ladder(descending=True), Ladder(descending=False)
        self.snapshots = 0

    def take(self, told: tuple[Levels, Levels, bool]) -> None:
        bids, asks, is_snapshot = told
        self.snapshots += is_snapshot
        for ladder, levels in ((self.bids, bids), (self.asks, asks)):
            if is_snapshot:
                ladder.replace(levels)
            for price, quantity in levels:
                ladder.set(price, quantity)

    def shown(self) -> tuple[Levels, Levels]:
        return list(self.bids.levels()), list(self.asks.levels())


moves = st.lists(st.tuples(st.integers(-60_000, 60_000), st.integers(1, 2_000)), min_size=1, max_size=12)


@settings(max_examples=80, deadline=None)
@given(moves)
def test_changes_lead_to_the_book_that_a_snapshot_shows(steps: list[tuple[int, int]]) -> None:
    walking, book = depth(), Book()
    bid = PRICE
    for step, spread in steps:
        bid += step * TICK
        ask = bid + spread * TICK
        book.take(walking.update(bid, 5, ask, 7, START))
        fresh = Book()
        fresh.take(depth().update(bid, 5, ask, 7, START))
        assert book.shown() == fresh.shown()


def test_both_sides_are_full_and_do_not_cross() -> None:
    bids, asks, is_snapshot = depth().update(PRICE, 5, PRICE + TICK, 7, START)
    assert is_snapshot
    assert len(bids) == len(asks) == LEVELS
    assert max(price for price, _ in bids) < min(price for price, _ in asks)
    assert all(quantity > 0 for _, quantity in bids + asks)
    assert bids[0] == (SCALE.price(PRICE), SCALE.quantity(5))


def test_a_snapshot_each_second_and_new_quantities_in_between() -> None:
    walking, book = depth(), Book()
    for tick in range(10):
        book.take(walking.update(PRICE, 5, PRICE + TICK, 7, START + tick * SECOND // 4))
    assert book.snapshots == 3
    later = depth().update(PRICE, 5, PRICE + TICK, 7, START + 20 * SECOND)
    now = depth().update(PRICE, 5, PRICE + TICK, 7, START)
    assert later[0] != now[0]
    assert [price for price, _ in later[0]] == [price for price, _ in now[0]]


def test_seeds_differ_and_repeat() -> None:
    one, same, other = (depth(seed).update(PRICE, 5, PRICE + TICK, 7, START) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_a_price_near_nothing_has_few_bids() -> None:
    low = SyntheticDepth(BTCUSDT, SCALE, 1, 3 * TICK, 100)
    bids, asks, _ = low.update(3 * TICK, 5, 4 * TICK, 7, START)
    assert [price for price, _ in bids] == [SCALE.price(step * TICK) for step in (3, 2, 1)]
    assert len(asks) == LEVELS
