from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fillwright.binance.full_book import WAITING_MAX, FullBook
from fillwright.market.events import Levels
from fillwright.wire.market_streams import DepthUpdateMessage, PartialDepthMessage

Level = tuple[Decimal, Decimal]


class Market:
    """A book that changes, and what is told of it."""

    def __init__(self) -> None:
        self.bids: dict[Decimal, Decimal] = {}
        self.update_id = 100
        self.shown: list[tuple[Levels, Levels]] = []
        self.book = FullBook(lambda bids, asks: self.shown.append((bids, asks)))

    def change(self, levels: list[Level], ids: int = 1) -> DepthUpdateMessage:
        first = self.update_id + 1
        self.update_id += ids
        for price, quantity in levels:
            self.bids[price] = quantity
        return DepthUpdateMessage(
            event_time=0,
            symbol="BTCUSDT",
            first_update_id=first,
            final_update_id=self.update_id,
            bids=tuple(levels),
            asks=(),
        )

    def snapshot(self) -> PartialDepthMessage:
        return PartialDepthMessage(last_update_id=self.update_id, bids=self.best, asks=())

    @property
    def best(self) -> Levels:
        return tuple(sorted(((p, q) for p, q in self.bids.items() if q), reverse=True))


LEVEL = st.tuples(st.integers(1, 15).map(Decimal), st.integers(0, 3).map(Decimal))
STEP = st.tuples(
    st.lists(LEVEL, max_size=3), st.sampled_from(["told", "told", "twice", "lost", "snapshot", "break"])
)


@given(st.lists(STEP, max_size=40))
def test_what_is_shown_is_the_markets_book_whatever_is_lost_or_repeated(
    steps: list[tuple[list[Level], str]],
) -> None:
    market = Market()
    old: PartialDepthMessage = market.snapshot()
    for levels, what in steps:
        update = market.change(levels, 1 + len(levels))
        shown = len(market.shown)
        if what == "break":
            market.book.begin_anew()
        elif what != "lost":
            market.book.changed(update)
            if what == "twice":
                market.book.changed(update)
        if what == "snapshot":
            market.book.snapshot(old)
            old = market.snapshot()
            if market.book.wants_snapshot:
                market.book.snapshot(old)
        if len(market.shown) > shown:
            assert market.shown[-1][0] == market.best[:20]
    market.book.changed(market.change([(Decimal(7), Decimal(1))]))
    while market.book.wants_snapshot:
        market.book.snapshot(market.snapshot())
    assert market.shown[-1][0] == market.best[:20]


def test_changes_wait_for_a_snapshot_that_is_new_enough() -> None:
    market = Market()
    old = market.snapshot()
    market.change([(Decimal(1), Decimal(1))])
    market.book.changed(market.change([(Decimal(2), Decimal(1))]))
    assert market.book.wants_snapshot
    market.book.snapshot(old)
    assert market.book.wants_snapshot
    assert market.shown == []
    market.book.snapshot(market.snapshot())
    assert not market.book.wants_snapshot
    assert market.shown[-1][0] == market.best


def test_a_missing_change_begins_anew() -> None:
    market = Market()
    market.book.changed(market.change([(Decimal(1), Decimal(1))]))
    market.book.snapshot(market.snapshot())
    market.change([(Decimal(9), Decimal(1))])
    market.book.changed(market.change([(Decimal(2), Decimal(1))]))
    assert (market.book.restarts, market.book.wants_snapshot) == (1, True)
    market.book.snapshot(market.snapshot())
    assert market.shown[-1][0] == market.best


def test_what_waits_is_bounded() -> None:
    market = Market()
    for _ in range(2 * WAITING_MAX):
        market.book.changed(market.change([(Decimal(1), Decimal(1))]))
    market.book.snapshot(PartialDepthMessage(last_update_id=101, bids=(), asks=()))
    assert market.book.wants_snapshot
    market.book.snapshot(market.snapshot())
    assert not market.book.wants_snapshot
