from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import structlog

from fillwright.core import events as ev
from fillwright.core.effects import FetchSnapshot, Send
from fillwright.core.engine import Engine, Step
from fillwright.core.inputs import EmergencyStop, ListDone, Pause, PriceCrossed, StreamChanged
from fillwright.core.requests import CancelReplaceRequest
from fillwright.core.types import SECOND, OrderType
from fillwright.ports import Snapshot, StorageError
from fillwright.runtime import work as work_module
from fillwright.runtime.inbox import Bounds
from fillwright.runtime.work import BATCH_MAX, DEADLINE_PAUSE
from tests.runtime.builders import (
    NOW,
    OWNER,
    SYMBOL,
    Bench,
    D,
    make_candle,
    make_signal,
    open_bench,
    run,
    turns,
    until,
)
from tests.sim.harness import make_instrument


def watched(bench: Bench) -> list[tuple[Any, ...]]:
    """What the engine is stepped with from now on."""
    steps: list[tuple[Any, ...]] = []
    step = bench.account.engine.step

    def noting(*items: Any, now: int) -> Step:
        steps.append(items)
        return step(*items, now=now)

    bench.account.engine.step = noting  # type: ignore[method-assign]
    return steps


def test_every_effect_finds_its_records_in_the_journal(tmp_path: Path) -> None:
    """Whenever the venue is called, the journal holds the record that led to it."""

    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running():
            for number in range(10):
                await bench.submit(make_signal(f"k{number}", trader_id=f"t{number}"))
                await turns()
            bench.price(D(94), volume=D(1_000))  # every stop is hit
            await turns(200)
        submitted = {
            record.event.id: record.seq
            for record in bench.records()
            if isinstance(record.event, ev.OrderSubmitted)
        }
        names = 0
        for call in bench.venue.sent():
            request = call.effect.request  # type: ignore[union-attr]
            for leg in getattr(request, "legs", (request,)):
                names += 1
                assert call.journal_seq >= submitted[leg.client_order_id]
        assert names == 30
        assert len(bench.events(ev.PositionClosed)) == 10
        bench.check()

    run(check())


def test_sixty_four_signals_that_wait_are_one_commit(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            await turns()
            bench.store.journal.appends.clear()
            replies = [account.post(make_signal(f"k{n}", trader_id=f"t{n}")) for n in range(BATCH_MAX)]
            commits: list[int] = []
            replies[0].add_done_callback(lambda _: commits.extend(bench.store.journal.appends))
            answers = await asyncio.gather(*replies)
            assert len(commits) == 1
            assert [answer.signal_id for answer in answers] == list(range(1, BATCH_MAX + 1))
            await turns(200)
            assert len(bench.venue.sent()) == sum(answer.ok for answer in answers) == 10
            bench.check()

    run(check())


def test_reports_of_one_batch_are_one_step(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running():
            steps = watched(bench)
            assert bench.venue.reports is not None
            bench.venue.reports([ListDone(SYMBOL, 1, "a"), ListDone(SYMBOL, 2, "b")])
            bench.venue.reports([ListDone(SYMBOL, 3, "c")])
            await turns()
            assert [len(items) for items in steps] == [3]

    run(check())


# -- time --------------------------------------------------------------------------------------------------------


def test_the_engine_is_told_when_its_deadline_has_come(tmp_path: Path) -> None:
    """A limit entry that does not fill is cancelled after entry_timeout_s, and no moment sooner."""

    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running():
            answer = await bench.submit(make_signal(limit=D(99)))
            assert answer.ok
            await turns()
            assert len(bench.venue.exchange.open_orders(OWNER.account_id)) == 3
            await bench.clock.pass_by(29 * SECOND)
            assert len(bench.venue.exchange.open_orders(OWNER.account_id)) == 3
            await bench.clock.pass_by(2 * SECOND)
            assert bench.venue.exchange.open_orders(OWNER.account_id) == ()
            cancels = [r for r in bench.records() if isinstance(r.event, ev.OrderCancelRequested)]
            assert {record.time - NOW for record in cancels} == {30 * SECOND}
            bench.check()

    run(check())


def test_an_earlier_deadline_moves_the_alarm(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running():
            before = bench.account.engine.next_deadline
            assert before is not None
            assert before > NOW + 60 * SECOND
            await bench.submit(make_signal())
            await turns()
            due = bench.account.engine.next_deadline
            assert due is not None
            assert due < before
            assert due in bench.clock.sleeping_until
            marks = len(bench.events(ev.EquityMarked))
            await bench.clock.pass_by(5 * SECOND)
            assert bench.account.engine.next_deadline == due + 5 * SECOND
            assert len(bench.events(ev.EquityMarked)) == marks + 1  # prices stand still

    run(check())


def test_a_deadline_that_does_not_move_on_is_no_endless_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            told = 0

            def stubborn(*items: Any, now: int) -> Step:
                nonlocal told
                told += 1
                return Step([], [], None)

            account.engine.step = stubborn  # type: ignore[method-assign]
            monkeypatch.setattr(Engine, "next_deadline", property(lambda _: NOW))
            assert account._work is not None
            account._inbox.wake()
            await turns(500)
            assert told == 0
            await bench.clock.pass_by(10 * DEADLINE_PAUSE)
            assert 9 <= told <= 11
            monkeypatch.undo()

    run(check())


# -- the market --------------------------------------------------------------------------------------------------


def test_a_tick_wakes_the_engine_only_when_a_watched_price_is_crossed(tmp_path: Path) -> None:
    """A trailing stop that the engine moves: the price must rise by its step."""

    async def check() -> None:
        bench = open_bench(tmp_path, instrument=make_instrument(SYMBOL, trailing_delta=None))
        async with bench.running() as account:
            await bench.submit(make_signal(trailing=True, stop_loss=D("97.777")))
            await turns()
            bounds = account.engine.price_bounds(SYMBOL)
            steps = watched(bench)
            for _ in range(100):
                bench.price(D(100))
            await turns()
            assert (PriceCrossed(SYMBOL),) not in steps
            assert bounds is not None
            assert bounds.last_high is not None
            bench.price(bounds.last_high + 1)
            await turns()
            assert steps.count((PriceCrossed(SYMBOL),)) == 1

    run(check())


def test_a_candle_of_the_accounts_interval_is_stepped_once(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running():
            for candle in (make_candle(0), make_candle(0), make_candle(1), make_candle(0)):
                bench.hub.candle(candle)
            bench.hub.candle(make_candle(0, interval="1m"))
            bench.hub.candle(make_candle(0, symbol="ZZZUSDT"))
            await turns()
            closed = bench.events(ev.CandleClosed)
            assert closed == [ev.CandleClosed(make_candle(0)), ev.CandleClosed(make_candle(1))]

    run(check())


# -- the venue ---------------------------------------------------------------------------------------------------


def test_a_lane_of_reports_that_overflows_has_the_books_read(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path, bounds=Bounds(reports=10))
        async with bench.running() as account:
            await bench.submit(make_signal())
            await turns()
            asked = len(bench.venue.questions())
            bench.venue.held = lambda effect: isinstance(effect, FetchSnapshot)
            reports = bench.venue.reports
            assert reports is not None
            reports([ListDone(SYMBOL, number, f"x{number}") for number in range(11)])
            await turns()
            states = [event.connected for event in bench.events(ev.StreamStateChanged)]
            assert states[-2:] == [False, True]
            assert len(bench.venue.questions()) == asked + 1
            assert account.engine.state.reconciling
            bench.venue.release()
            await until(lambda: not account.engine.state.reconciling)
            bench.check()

    run(check())


def test_a_stream_that_is_down_when_its_lane_overflows_stays_down(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path, bounds=Bounds(reports=2))
        async with bench.running() as account:
            reports = bench.venue.reports
            assert reports is not None
            reports([StreamChanged(False), *(ListDone(SYMBOL, n, "x") for n in range(5))])
            await turns()
            assert not account.engine.state.stream_connected
            reports([StreamChanged(True)])
            await until(
                lambda: account.engine.state.stream_connected and not account.engine.state.reconciling
            )

    run(check())


def test_reports_come_in_while_an_effect_is_under_way(tmp_path: Path) -> None:
    """The entry's request hangs; meanwhile another signal is taken, approved, and sent."""

    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running():
            first: list[Send] = []

            def is_first(effect: object) -> bool:
                if isinstance(effect, Send) and not first:
                    first.append(effect)
                return bool(first) and effect is first[0]

            bench.venue.held = is_first
            assert (await bench.submit(make_signal("a", trader_id="a"))).ok
            assert len(bench.events(ev.OrderFilled)) == 0
            await turns()
            second = await bench.submit(make_signal("b", trader_id="b"))
            await turns()
            filled = {event.id for event in bench.events(ev.OrderFilled)}  # type: ignore[attr-defined]
            assert second.ok
            assert filled == {"RT_t_2_E_1"}
            bench.venue.release()
            await until(lambda: len(bench.events(ev.OrderFilled)) == 2)
            bench.check()

    run(check())


# -- snapshots ---------------------------------------------------------------------------------------------------


def test_a_snapshot_is_taken_after_so_many_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_module, "SNAPSHOT_RECORDS", 20)

    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            for number in range(6):
                await bench.submit(make_signal(f"k{number}", trader_id=f"t{number}"))
                await turns()
            snapshot = bench.real_store.journal.load_snapshot(OWNER.account_id)
            assert snapshot is not None
            assert account.engine.state.seq - snapshot.seq <= 20
            assert snapshot.seq > 60

    run(check())


def test_snapshots_take_a_small_part_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes a tenth of a second here: the next may come five seconds later."""
    monkeypatch.setattr(work_module, "SNAPSHOT_RECORDS", 1)

    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            taken: list[int] = []
            save = bench.store.journal.save_snapshot

            def slow(account_id: str, snapshot: Snapshot) -> None:
                bench.clock.time += SECOND // 10
                taken.append(bench.clock.now() - NOW)
                save(account_id, snapshot)

            bench.store.journal.save_snapshot = slow  # type: ignore[method-assign]
            for _ in range(100):
                await account.submit(Pause(until=0, by="ada"))
                await bench.clock.pass_by(SECOND // 10)
            assert len(taken) in (2, 3)
            assert all(later - sooner >= 5 * SECOND for sooner, later in pairwise(taken))

    run(check())


# -- an emergency stop that cannot be recorded -------------------------------------------------------------------


@pytest.mark.parametrize("venue_fails", [False, True])
def test_its_cancels_go_out_all_the_same_and_it_is_recorded_as_soon_as_can_be(
    tmp_path: Path, venue_fails: bool
) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            await bench.submit(make_signal("a", limit=D(99)))
            await bench.submit(make_signal("b", trader_id="bob"))
            await turns()
            assert len(bench.venue.exchange.open_orders(OWNER.account_id)) == 5
            bench.store.journal.errors += [StorageError("torn")] * 2
            if venue_fails:
                bench.venue.call_errors.append(StorageError("torn too"))
            with structlog.testing.capture_logs() as logs:
                stop = account.post(EmergencyStop(by="ada"))
                await turns()
            said = [log["event"] for log in logs]
            assert "an emergency stop could not be recorded: its cancels go out all the same" in said
            assert ("a cancel of the emergency stop failed" in said) == venue_fails
            live = bench.venue.exchange.open_orders(OWNER.account_id)
            assert len(live) == (5 if venue_fails else 2)
            assert not stop.done()
            assert not bench.events(ev.Halted)
            await bench.clock.pass_by(2 * SECOND)
            assert (await stop).ok
            assert len(bench.events(ev.EmergencyStopped)) == 1
            await until(lambda: account.state == "ready")
            await turns()
            assert len(bench.venue.exchange.open_orders(OWNER.account_id)) == 2  # the other's exits
            bench.check()

    run(check())


def test_market_orders_are_never_sent_unrecorded(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            await bench.submit(make_signal("a"))
            await turns()
            sent = len(bench.venue.sent())
            bench.store.journal.errors.append(StorageError("torn"))
            stop = account.post(EmergencyStop(by="ada", flatten=True))
            await turns()
            assert len(bench.venue.sent()) == sent
            await bench.clock.pass_by(SECOND)
            assert (await stop).ok
            await until(lambda: not account.engine.ledger.open_positions)
            requests = [call.effect.request for call in bench.venue.sent()[sent:]]  # type: ignore[union-attr]
            assert [type(request) for request in requests] == [CancelReplaceRequest]
            assert requests[0].order.type is OrderType.MARKET
            bench.check()

    run(check())


# -- its end -----------------------------------------------------------------------------------------------------


def test_what_has_been_told_when_it_comes_to_rest_is_taken(tmp_path: Path) -> None:
    """The price falls while the shutdown is being written: stops are executed, and heard before the end."""

    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            await bench.submit(make_signal("a"))
            await turns()
            append = bench.store.journal.append

            def append_and_fall(account_id: str, seq: int, records: Any) -> None:
                append(account_id, seq, records)
                if any(isinstance(record.event, ev.ShutdownBegun) for record in records):
                    bench.price(D(94), volume=D(1_000))

            bench.store.journal.append = append_and_fall  # type: ignore[method-assign]
            account.stop()
            assert bench.task is not None
            await asyncio.wait((bench.task,))
        assert len(bench.events(ev.PositionClosed)) == 1
        bench.check()

    run(check())


def test_at_rest_the_venue_is_shown_no_more_of_the_market(tmp_path: Path) -> None:
    """The price falls while the last snapshot is being written: the stops rest until the next start."""

    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            await bench.submit(make_signal("a"))
            await turns()
            save = bench.store.journal.save_snapshot

            def save_and_fall(account_id: str, snapshot: Snapshot) -> None:
                save(account_id, snapshot)
                bench.price(D(94), volume=D(1_000))

            bench.store.journal.save_snapshot = save_and_fall  # type: ignore[method-assign]
            account.stop()
            assert bench.task is not None
            await asyncio.wait((bench.task,))
        assert bench.events(ev.PositionClosed) == []
        bench.check()

    run(check())
