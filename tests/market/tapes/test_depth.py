from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.market.events import DepthSnapshot, DepthUpdate
from fillwright.market.tapes import depth
from fillwright.market.tapes.depth import DepthError, DepthSequence


def update(first: int, final: int) -> DepthUpdate:
    return DepthUpdate("BTCUSDT", 0, first, final, ((Decimal(1), Decimal(1)),), ())


def snapshot(last: int) -> DepthSnapshot:
    return DepthSnapshot("BTCUSDT", 0, last, (), ())


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20), st.data())
def test_a_book_is_whole_wherever_the_snapshot_comes(lengths: list[int], data: st.DataObject) -> None:
    updates, begin = [], 100
    for length in lengths:
        updates.append(update(begin, begin + length - 1))
        begin += length
    arrival = data.draw(st.integers(0, len(updates)))
    seen = updates[arrival - 1].final_update_id if arrival else 99
    last = data.draw(st.integers(99, seen + 3))
    sequence = DepthSequence()
    usable: list[object] = []
    for one in updates[:arrival]:
        usable += sequence.update(one)
    assert usable == []
    usable += sequence.snapshot(snapshot(last))
    for one in updates[arrival:]:
        usable += sequence.update(one)
    assert usable == [snapshot(last), *(one for one in updates if one.final_update_id > last)]
    assert sequence.started
    assert sequence.waiting == 0


def test_a_snapshot_older_than_what_is_held_waits_for_another() -> None:
    sequence = DepthSequence()
    sequence.update(update(10, 12))
    assert sequence.snapshot(snapshot(5)) == []
    assert not sequence.started
    assert sequence.waiting == 1
    assert sequence.snapshot(snapshot(11)) == [snapshot(11), update(10, 12)]


def test_a_later_snapshot_replaces_and_an_earlier_one_is_nothing() -> None:
    sequence = DepthSequence()
    sequence.snapshot(snapshot(10))
    sequence.update(update(11, 15))
    assert sequence.snapshot(snapshot(14)) == []
    assert sequence.snapshot(snapshot(20)) == [snapshot(20)]
    assert sequence.update(update(16, 18)) == []
    assert sequence.update(update(19, 22)) == [update(19, 22)]


@pytest.mark.parametrize(
    ("first", "final", "what"),
    [
        (17, 19, "depth updates 16 to 16 of BTCUSDT are missing before 17 to 19"),
        (15, 19, "depth update 15 to 19 of BTCUSDT is repeated or late, after 15"),
        (11, 15, "depth update 11 to 15 of BTCUSDT is repeated or late, after 15"),
        (19, 17, "depth update 19 to 17 of BTCUSDT runs backwards"),
    ],
)
def test_gaps_name_what_is_missing(first: int, final: int, what: str) -> None:
    sequence = DepthSequence()
    sequence.snapshot(snapshot(10))
    sequence.update(update(11, 15))
    with pytest.raises(DepthError, match=what):
        sequence.update(update(first, final))


def test_gaps_show_before_and_right_after_the_snapshot() -> None:
    sequence = DepthSequence()
    sequence.update(update(10, 12))
    with pytest.raises(DepthError, match="13 to 13 of BTCUSDT are missing"):
        sequence.update(update(14, 14))
    sequence = DepthSequence()
    sequence.snapshot(snapshot(10))
    with pytest.raises(DepthError, match="11 to 12 of BTCUSDT are missing"):
        sequence.update(update(13, 14))


def test_waiting_for_a_snapshot_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth, "PENDING_UPDATES_MAX", 2)
    sequence = DepthSequence()
    sequence.update(update(1, 1))
    sequence.update(update(2, 2))
    with pytest.raises(DepthError, match="no depth snapshot of BTCUSDT within 2 updates"):
        sequence.update(update(3, 3))
