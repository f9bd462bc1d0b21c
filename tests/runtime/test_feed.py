from __future__ import annotations

import asyncio

import msgspec
import pytest

from fillwright.core import events as ev
from fillwright.runtime.feed import Feed, Published
from tests.runtime.builders import D, run, turns


def records(first: int, last: int) -> list[ev.Record]:
    return [ev.Record(seq, 1_000 + seq, 0, ev.EquityMarked(equity=D(seq))) for seq in range(first, last + 1)]


def seqs(found: list[Published] | None) -> list[int] | None:
    return None if found is None else [published.seq for published in found]


def test_a_reader_gets_what_came_after_its_place_oldest_first() -> None:
    feed = Feed(100)
    feed.publish(records(1, 3))
    feed.publish(records(4, 10))
    assert feed.last_seq == 10
    assert seqs(feed.since(0)) == list(range(1, 11))
    assert seqs(feed.since(8)) == [9, 10]
    assert seqs(feed.since(2)) == list(range(3, 11))
    assert seqs(feed.since(10)) == []
    assert seqs(feed.since(99)) == []


def test_a_reader_that_fell_out_of_the_ring_has_lagged() -> None:
    feed = Feed(4)
    feed.publish(records(1, 10))
    assert feed.since(5) is None
    assert seqs(feed.since(6)) == [7, 8, 9, 10]


def test_after_a_start_older_records_are_in_the_journal_alone() -> None:
    feed = Feed()
    feed.start(7)
    assert seqs(feed.since(7)) == []
    assert feed.since(6) is None
    feed.publish(records(8, 9))
    assert seqs(feed.since(7)) == [8, 9]
    feed.start(9)  # a recovery that found nothing more
    assert seqs(feed.since(7)) == [8, 9]
    feed.start(12)  # one that found records nobody published
    assert feed.since(9) is None
    assert feed.since(11) is None
    assert seqs(feed.since(12)) == []


def test_a_gap_is_a_bug() -> None:
    feed = Feed()
    feed.publish(records(1, 2))
    with pytest.raises(AssertionError, match="record 4 published after 2"):
        feed.publish(records(4, 5))
    feed.publish([])
    assert feed.last_seq == 2


def test_a_record_is_encoded_once_for_all_readers() -> None:
    feed = Feed()
    feed.publish(records(1, 1))
    (first,), (again,) = feed.since(0) or [], feed.since(0) or []
    assert first.body is again.body
    assert msgspec.json.decode(first.body) == {
        "seq": 1,
        "time": 1_001,
        "cause": 0,
        "event": {"kind": "EquityMarked", "equity": "1"},
    }


def test_waiting_ends_when_there_is_more_and_not_before() -> None:
    async def check() -> None:
        feed = Feed()
        feed.publish(records(1, 5))
        await feed.wait(4)  # there is more already
        behind, ahead = asyncio.create_task(feed.wait(5)), asyncio.create_task(feed.wait(7))
        await turns()
        assert not behind.done()
        feed.publish(records(6, 7))
        await turns()
        assert behind.done()
        assert not ahead.done()
        feed.publish(records(8, 8))
        await ahead

    run(check())


def test_closing_ends_all_waiting() -> None:
    async def check() -> None:
        feed = Feed()
        waiting = [asyncio.create_task(feed.wait(seq)) for seq in range(10)]
        await turns()
        feed.close()
        await asyncio.gather(*waiting)
        await feed.wait(99)
        assert feed.closed

    run(check())


def test_readers_that_leave_while_waiting_are_forgotten() -> None:
    async def check() -> None:
        feed = Feed()
        for _ in range(100):
            task = asyncio.create_task(feed.wait(0))
            await turns(3)
            task.cancel()
            await turns(3)
        assert not feed._waiting

    run(check())


def test_a_slow_reader_holds_nobody_up() -> None:
    async def check() -> None:
        feed = Feed(8)
        lagged = 0

        async def slow() -> None:
            nonlocal lagged
            seq = 0
            while True:
                await feed.wait(seq)
                found = feed.since(seq)
                lagged += found is None
                seq = feed.last_seq
                for _ in range(20):
                    await asyncio.sleep(0)

        task = asyncio.create_task(slow())
        for seq in range(1, 2_001):
            feed.publish(records(seq, seq))
            await asyncio.sleep(0)
        assert feed.last_seq == 2_000
        assert lagged > 50
        assert len(feed._ring) == 8
        task.cancel()

    run(check())
