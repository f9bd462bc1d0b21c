from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.inputs import (
    CandleClose,
    ListDone,
    Pause,
    PriceCrossed,
    Reconcile,
    StreamChanged,
    SubmitSignal,
    TimeReached,
)
from fillwright.runtime.errors import LaneFullError
from fillwright.runtime.inbox import RESERVE, Bounds, Depths, Inbox, Trouble
from tests.runtime.builders import make_candle, make_signal, run, turns


def news(number: int) -> ListDone:
    return ListDone("AAAUSDT", number, f"RT_t_{number}_L_1")


def kinds(inbox: Inbox, count: int = 64) -> list[str]:
    batch = inbox.take(count)
    return [type(item).__name__ for item in batch.reports] + [type(item).__name__ for item, _ in batch.asked]


def test_what_the_venue_says_comes_first_and_signals_last() -> None:
    inbox = Inbox()
    inbox.signal(make_signal())
    inbox.candle(make_candle(0))
    inbox.command(Reconcile())
    inbox.cross("AAAUSDT")
    inbox.reach()
    inbox.report([news(1)])
    assert kinds(inbox) == [
        "ListDone",
        "TimeReached",
        "PriceCrossed",
        "Reconcile",
        "CandleClose",
        "SubmitSignal",
    ]
    assert kinds(inbox) == []


def test_each_lane_keeps_its_order() -> None:
    inbox = Inbox()
    inbox.report([news(1), news(2)])
    inbox.report([news(3)])
    for key in "abc":
        inbox.signal(make_signal(key))
    batch = inbox.take(64)
    assert [item.order_list_id for item in batch.reports if isinstance(item, ListDone)] == [1, 2, 3]
    assert [item.signal.key for item, _ in batch.asked if isinstance(item, SubmitSignal)] == ["a", "b", "c"]


def test_a_symbol_waits_once_however_often_its_price_is_crossed() -> None:
    inbox = Inbox()
    for _ in range(10_000):
        inbox.cross("AAAUSDT")
        inbox.cross("BBBUSDT")
        inbox.reach()
    batch = inbox.take(64)
    assert [item for item, _ in batch.asked] == [
        TimeReached(),
        PriceCrossed("AAAUSDT"),
        PriceCrossed("BBBUSDT"),
    ]


@pytest.mark.parametrize("lane", ["operator", "signals", "candles"])
def test_a_full_lane_says_no_and_keeps_what_it_has(lane: str) -> None:
    inbox = Inbox(Bounds(operator=2, signals=2, candles=2))
    puts = {
        "operator": lambda: inbox.command(Reconcile()),
        "signals": lambda: inbox.signal(make_signal()),
        "candles": lambda: inbox.candle(make_candle(0)),
    }
    puts[lane]()
    puts[lane]()
    with pytest.raises(LaneFullError, match="are waiting already") as caught:
        puts[lane]()
    assert caught.value.bound == 2
    assert inbox.depths == Depths(0, **{"operator": 0, "signals": 0, "candles": 0, lane: 2})
    for other in puts.keys() - {lane}:
        puts[other]()  # the others have their own bounds
    inbox.report([news(1)])
    inbox.take(64)
    puts[lane]()


def test_reports_are_never_refused_but_given_up_at_their_bound_and_the_books_are_to_be_read() -> None:
    inbox = Inbox(Bounds(reports=3))
    inbox.report([StreamChanged(True), news(1)])
    inbox.report([news(2), news(3)])
    assert inbox.overflowed
    assert inbox.depths.reports == 0
    inbox.report([news(4)])  # the books that will be read know it
    batch = inbox.take(64)
    assert batch.overflowed
    assert batch.reports == []
    assert inbox.connected
    inbox.report([news(5)])
    after = inbox.take(64)
    assert (after.overflowed, after.reports) == (False, [news(5)])


def test_whether_the_stream_is_there_is_known_even_of_reports_that_were_given_up() -> None:
    inbox = Inbox(Bounds(reports=1))
    assert not inbox.connected
    inbox.report([StreamChanged(True), news(1)])
    assert inbox.connected
    inbox.report([StreamChanged(False)])
    assert not inbox.connected


def test_a_flood_of_reports_leaves_every_lane_its_places() -> None:
    inbox = Inbox()
    inbox.report([news(number) for number in range(1_000)])
    for number in range(20):
        inbox.signal(make_signal(str(number)))
        inbox.command(Pause(until=1, by="ada"))
        inbox.candle(make_candle(number))
        inbox.cross(f"S{number}USDT")
    batch = inbox.take(64)
    counts = {kind: sum(type(item) is kind for item, _ in batch.asked) for kind in
              (SubmitSignal, Pause, CandleClose, PriceCrossed)}  # fmt: skip
    assert counts == dict.fromkeys(counts, RESERVE)
    assert len(batch.reports) == 64 - 4 * RESERVE


def test_a_flood_of_signals_does_not_keep_reports_waiting() -> None:
    inbox = Inbox()
    for number in range(1_000):
        inbox.signal(make_signal(str(number)))
    inbox.report([news(number) for number in range(100)])
    batch = inbox.take(64)
    assert len(batch.reports) == 64 - RESERVE
    assert len(batch.asked) == RESERVE


Put = st.sampled_from(["report", "signal", "command", "candle", "cross", "reach"])


@given(st.lists(st.tuples(Put, st.integers(1, 40)), max_size=30), st.integers(40, 100))
def test_everything_comes_out_once_in_batches_of_their_size(puts: list[tuple[str, int]], count: int) -> None:
    inbox = Inbox()
    wanted = 0
    symbols: set[str] = set()
    due = False
    for put, number in puts:
        for one in range(number):
            if put == "report":
                inbox.report([news(one)])
            elif put == "signal":
                inbox.signal(make_signal())
            elif put == "command":
                if inbox.depths.operator == inbox.bounds.operator:
                    continue
                inbox.command(Trouble("x", "y"))
            elif put == "candle":
                inbox.candle(make_candle(one))
            elif put == "cross":
                symbols.add(f"S{one}")
                inbox.cross(f"S{one}")
                continue
            else:
                due = True
                inbox.reach()
                continue
            wanted += 1
    wanted += len(symbols) + due
    seen = 0
    for _ in range(wanted):
        batch = inbox.take(count)
        size = len(batch.reports) + len(batch.asked)
        assert size <= count
        assert size == min(count, wanted - seen)  # no place stays empty while something waits
        seen += size
        if seen == wanted:
            break
    assert seen == wanted
    assert kinds(inbox) == []


def test_the_reader_sleeps_until_something_comes_and_does_not_wake_for_nothing() -> None:
    async def check() -> None:
        inbox = Inbox()
        woken = 0

        async def read() -> None:
            nonlocal woken
            while True:
                await inbox.wait()
                woken += 1
                inbox.take(64)

        reader = asyncio.create_task(read())
        await turns()
        assert woken == 0
        inbox.signal(make_signal())
        inbox.command(Reconcile())
        await turns()
        assert woken == 1
        for number in range(100):
            inbox.report([news(number)])
        await turns()
        assert woken == 3  # 64 and the rest
        inbox.wake()
        await turns()
        assert woken == 4
        reader.cancel()

    run(check())


def test_a_reader_with_much_to_do_lets_others_have_their_turn() -> None:
    async def check() -> None:
        inbox = Inbox()
        inbox.report([news(number) for number in range(640)])
        others = 0

        async def other() -> None:
            nonlocal others
            while True:
                others += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        for _ in range(10):
            await inbox.wait()
            inbox.take(64)
        assert others >= 9
        task.cancel()

    run(check())


def test_clearing_gives_back_what_somebody_asked() -> None:
    async def check() -> None:
        inbox = Inbox(Bounds(reports=1))
        reply: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        signal, command = make_signal(), Reconcile()
        inbox.signal(signal, reply)  # type: ignore[arg-type]
        inbox.command(command)
        inbox.candle(make_candle(1))
        inbox.cross("AAAUSDT")
        inbox.reach()
        inbox.report([StreamChanged(True), news(1)])
        assert inbox.clear() == [(command, None), (signal, reply)]
        assert inbox.depths == Depths(0, 0, 0, 0)
        assert (inbox.connected, inbox.overflowed) == (False, False)
        assert kinds(inbox) == []

    run(check())
