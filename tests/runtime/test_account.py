from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fillwright.core import events as ev
from fillwright.core.effects import Alert, FetchSnapshot
from fillwright.core.inputs import (
    ClosePosition,
    EmergencyStop,
    Pause,
    Reconcile,
    Resume,
    StreamChanged,
)
from fillwright.core.types import MINUTE, SECOND
from fillwright.ports import (
    CorruptStoreError,
    DiskFullError,
    Halt,
    ReadOnlyStoreError,
    SeqConflictError,
    StorageError,
    VenueUnavailableError,
)
from fillwright.runtime.account import READY, RECOVERING, STOPPED, STOPPING
from fillwright.runtime.errors import EngineStoppedError, LaneFullError, NotReadyError, NotStoredError
from fillwright.runtime.inbox import Bounds
from fillwright.runtime.trials import STORE_TRIES_MAX
from fillwright.storage.sql import SqliteStore, open_store
from tests.runtime.builders import (
    OWNER,
    SYMBOL,
    Bench,
    D,
    make_candle,
    make_settings,
    make_signal,
    open_bench,
    run,
    turns,
    until,
)

FULL = DiskFullError("no room on the disk")


# -- coming up ---------------------------------------------------------------------------------------------------


def test_signals_are_taken_once_the_venues_books_have_been_read(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        bench.venue.held = lambda effect: isinstance(effect, FetchSnapshot)
        assert bench.account.state == RECOVERING
        async with bench.running(ready=False) as account:
            await until(bench.venue.questions)
            assert account.state == RECOVERING
            assert account.detail == "the venue's books are being read"
            assert not account.came_up.is_set()
            with pytest.raises(NotReadyError, match="account paper is recovering: the venue's books"):
                await account.submit(make_signal())
            with pytest.raises(NotReadyError):
                account.preview(make_signal().signal)
            assert (await account.submit(Pause(until=0, by="ada"))).ok  # operators are heard already
            bench.venue.release()
            await bench.ready()
            assert account.came_up.is_set()
            assert account.detail == ""
            assert account.preview(make_signal().signal).code is None
            assert (await account.submit(make_signal())).ok

    run(check())


def test_reports_that_come_while_the_books_are_read_are_taken_with_them(tmp_path: Path) -> None:
    """An entry fills, and a stop is hit, while the snapshot of the restart is under way."""

    async def check() -> None:
        with open_store(tmp_path / "f.db") as store:
            first = Bench(store)
            async with first.running():
                await first.submit(make_signal("a"))
                await turns()
            second = Bench(store, first.clock)
            second.venue = first.venue
            second.account.venue = first.venue
            first.venue.held = lambda effect: isinstance(effect, FetchSnapshot)
            async with second.running(ready=False) as account:
                await until(lambda: account.engine.state.reconciling)
                second.price(D(94), volume=D(1_000))
                await turns()
                assert account.state == RECOVERING
                first.venue.release()
                await until(lambda: account.state == READY)
                await turns()
                assert [p.status.value for p in account.engine.state.positions.values()] == ["closed"]
                second.check()

    run(check())


def test_operators_are_told_why_when_there_is_no_engine_yet(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        with pytest.raises(NotReadyError, match="account paper is recovering: starting"):
            await bench.account.submit(Reconcile())
        bench.venue.open_errors.append(VenueUnavailableError("the exchange sleeps"))
        async with bench.running(ready=False) as account:
            await until(lambda: account.detail == "the exchange sleeps")
            with pytest.raises(NotReadyError, match="the exchange sleeps"):
                await account.submit(Reconcile())
            await bench.clock.pass_by(SECOND)
            await bench.ready()

    run(check())


def test_a_venue_that_cannot_be_opened_is_tried_for_ever(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        bench.venue.open_errors += [VenueUnavailableError("no")] * 50
        async with bench.running(ready=False) as account:
            await asyncio.wait_for(account.came_up.wait(), 10)  # nobody waits for it longer than this
            assert account.state == RECOVERING
            await bench.clock.pass_by(5 * MINUTE)
            assert bench.venue.opened == 51
            await bench.ready()
            (said,) = {event.what for event in bench.events(ev.Error)}  # type: ignore[attr-defined]
            assert said == "no"
            assert len(bench.events(ev.Error)) == 1  # told once, not fifty times
            assert account.failure == ""

    run(check())


@pytest.mark.parametrize("ends", ["stream", "call"])
def test_a_venue_that_fails_on_the_way_is_opened_anew(tmp_path: Path, ends: str) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            await bench.submit(make_signal("a"))
            await turns()
            if ends == "stream":
                assert bench.venue.run_error is not None
                bench.venue.run_error.set_exception(StorageError("its own books"))
            else:
                bench.venue.call_errors.append(StorageError("its own books"))
                account.post(ClosePosition(position_id=1, by="ada"))
            await until(lambda: account.state == RECOVERING)
            assert bench.venue.closed == 1
            await bench.clock.pass_by(SECOND)
            await until(lambda: account.state == READY)
            assert bench.venue.opened == 2
            await bench.clock.pass_by(30 * SECOND)
            if ends == "call":
                assert not account.engine.ledger.open_positions  # the sale was made up for
            bench.check()

    run(check())


def test_a_stream_that_ends_without_a_word_is_trouble_too(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            assert bench.venue.run_error is not None
            bench.venue.run_error.set_result(None)
            await until(lambda: account.state == RECOVERING)
            assert account.detail == "the venue's stream has ended"
            await bench.clock.pass_by(SECOND)
            await until(lambda: account.state == READY)

    run(check())


def test_a_stream_that_breaks_and_comes_back_does_not_make_the_account_unready(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            assert bench.venue.reports is not None
            bench.venue.reports([StreamChanged(False, "lost")])
            await turns()
            assert account.state == READY
            assert not account.engine.state.stream_connected

    run(check())


# -- asking ------------------------------------------------------------------------------------------------------


def test_the_same_key_and_body_gets_the_first_answer_again(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            first = await account.submit(make_signal("k"))
            again = await account.submit(make_signal("k"))
            assert (again.signal_id, again.position_id, again.repeated) == (first.signal_id, 1, True)
            other = await account.submit(make_signal("k", stop_loss=D(90)))
            assert other.code == "KEY_CONFLICT"
            await turns()
            assert len(bench.venue.sent()) == 1

    run(check())


def test_a_read_after_the_answer_sees_the_effect(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            with bench.real_store.read_model() as model:
                for number in range(5):
                    answer = await account.submit(make_signal(f"k{number}", trader_id=f"t{number}"))
                    view = model.signal(OWNER.account_id, answer.signal_id)
                    assert view is not None
                    assert view.position_id == answer.position_id

    run(check())


def test_the_feed_shows_what_the_journal_holds(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            seen: list[ev.Record] = []

            async def follow() -> None:
                seq = account.feed.last_seq
                while True:
                    await account.feed.wait(seq)
                    for published in account.feed.since(seq) or []:
                        seen.append(published.record)
                    seq = account.feed.last_seq

            start = account.feed.last_seq
            task = asyncio.create_task(follow())
            await turns(2)
            for number in range(5):
                await account.submit(make_signal(f"k{number}", trader_id=f"t{number}"))
            await turns(200)
            task.cancel()
            assert seen == bench.records()[start:]

    run(check())


def test_a_full_lane_refuses_and_what_waits_is_answered(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path, bounds=Bounds(signals=3))
        async with bench.running() as account:
            replies = [account.post(make_signal(f"k{n}", trader_id=f"t{n}")) for n in range(3)]
            with pytest.raises(LaneFullError):
                await account.submit(make_signal("more"))
            assert (await account.submit(Pause(until=0, by="ada"))).ok
            assert [answer.ok for answer in await asyncio.gather(*replies)] == [True] * 3
            assert (await account.submit(make_signal("more", trader_id="x"))).ok

    run(check())


def test_an_asker_who_leaves_does_not_stop_the_signal(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            task = asyncio.create_task(account.submit(make_signal("k")))
            await asyncio.sleep(0)
            task.cancel()
            await until(lambda: bench.events(ev.OrderFilled))
            assert (await account.submit(make_signal("k"))).repeated

    run(check())


def test_trouble_outside_of_the_core_is_recorded(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        bench.account.note("config", "before it was up")
        async with bench.running() as account:
            account.note("trader x", "it raised")
            await turns()
            assert bench.events(ev.Error) == [
                ev.Error(where="config", what="before it was up"),
                ev.Error(where="trader x", what="it raised"),
            ]
            bench.check()

    run(check())


def test_candles_that_find_no_engine_or_a_full_lane_are_lost_without_harm(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path, bounds=Bounds(candles=1))
        bench.account.candle(make_candle(0))
        async with bench.running() as account:
            for row in range(1, 5):
                account.candle(make_candle(row))
            await turns()
            assert bench.events(ev.CandleClosed) == [ev.CandleClosed(make_candle(1))]

    run(check())


def test_a_person_is_told_at_once(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            await account.submit(EmergencyStop(by="ada"))
            await turns()
            assert bench.alerts == ["HALTED"]
            account.tell(Alert("warning", "SLOW", "slow"))
            assert bench.alerts == ["HALTED", "SLOW"]

    run(check())


# -- a store that fails ------------------------------------------------------------------------------------------


def test_a_batch_that_cannot_be_stored_never_happened_and_the_account_recovers(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            await account.submit(make_signal("a", trader_id="a"))
            await turns()
            sent, records, engine = len(bench.venue.sent()), bench.records(), account.engine
            bench.store.journal.errors += [FULL, FULL]  # the batch, and the first recovery
            replies = [account.post(make_signal(f"k{n}", trader_id=f"t{n}")) for n in range(5)]
            late = []
            replies[0].add_done_callback(lambda _: late.append(account.post(Reconcile())))
            failures = await asyncio.gather(*replies, return_exceptions=True)
            assert [type(failure) for failure in failures] == [NotStoredError] * 5
            await until(lambda: account.state == RECOVERING)
            assert [type(reply.exception()) for reply in late] == [NotReadyError]
            assert account.detail == "no room on the disk"
            assert bench.records() == records
            with pytest.raises(NotReadyError, match="no room on the disk"):
                await account.submit(make_signal("k0", trader_id="t0"))
            assert len(bench.venue.sent()) == sent
            await bench.clock.pass_by(2 * SECOND)
            await until(lambda: account.state == READY)
            assert account.engine is not engine
            bench.price(D(100))
            assert (await account.submit(make_signal("k0", trader_id="t0"))).signal_id == 2
            assert [event.what for event in bench.events(ev.Error)] == [str(FULL)]  # type: ignore[attr-defined]
            await turns()
            bench.check()

    run(check())


def test_fills_of_a_lost_batch_are_found_in_the_venues_books(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            await account.submit(make_signal("a"))
            await turns()
            bench.store.journal.errors.append(FULL)
            bench.price(D(94), volume=D(1_000))
            await until(lambda: account.state == RECOVERING)
            assert not bench.events(ev.PositionClosed)
            await bench.clock.pass_by(SECOND)
            await until(lambda: account.state == READY)
            await turns()
            assert len(bench.events(ev.PositionClosed)) == 1
            bench.check()

    run(check())


def test_an_entry_whose_answer_was_lost_with_the_store_is_protected_after_the_recovery(
    tmp_path: Path,
) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            answer = account.post(make_signal("a"))
            await asyncio.sleep(0)
            await until(lambda: len(bench.store.journal.appends) >= 2)  # the reconciliation, then the intent
            bench.store.journal.errors.append(FULL)
            assert (await answer).ok
            await until(lambda: account.state == RECOVERING)
            await bench.clock.pass_by(2 * SECOND)
            await until(lambda: account.state == READY)
            await bench.clock.pass_by(2 * SECOND)
            (position,) = account.engine.ledger.open_positions.values()
            assert position.quantity > 0
            assert not position.unprotected_since
            bench.check()

    run(check())


def test_read_models_that_fail_are_made_up_for(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            start = account.feed.last_seq
            bench.store.read_model_errors.append(FULL)
            with pytest.raises(NotStoredError) as caught:
                await account.submit(make_signal("a"))
            assert caught.value.recorded
            await until(lambda: account.state == RECOVERING)
            await bench.clock.pass_by(SECOND)
            await until(lambda: account.state == READY)
            assert account.feed.since(start) is None  # a reader goes to the journal for what it missed
            again = await account.submit(make_signal("a"))
            assert (again.signal_id, again.repeated) == (1, True)
            await turns()
            bench.check()

    run(check())


def test_a_store_that_stays_broken_stops_the_account_with_its_reason(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            bench.store.journal.errors += [ReadOnlyStoreError("may not be written")] * 100
            stop = account.post(EmergencyStop(by="ada"))
            await bench.clock.pass_by(2 * MINUTE)
            assert bench.task is not None
            await until(bench.task.done)
            with pytest.raises(ReadOnlyStoreError):
                bench.task.result()
            assert len(bench.store.journal.errors) == 100 - STORE_TRIES_MAX
            assert (account.state, account.failure) == (STOPPED, "may not be written")
            assert account.feed.closed
            for asked in (stop, account.submit(make_signal())):
                with pytest.raises(EngineStoppedError, match="may not be written"):
                    await asked

    run(check())


def test_more_emergency_stops_than_their_lane_holds_do_not_end_the_service(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            bench.store.journal.errors.append(FULL)
            first, second = (account.post(EmergencyStop(by=name)) for name in ("ada", "zoe"))
            account._inbox.bounds = Bounds(operator=1)
            await bench.clock.pass_by(MINUTE)
            assert (await first).ok
            with pytest.raises(LaneFullError):
                await second
            assert (account.state, account.engine.state.safety.halted_cause) == (READY, "emergency_stop")
            bench.check()

    run(check())


@pytest.mark.parametrize("error", [SeqConflictError("paper", 1, 2), CorruptStoreError("torn")])
def test_what_waiting_does_not_mend_stops_at_once(tmp_path: Path, error: StorageError) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            sent = len(bench.venue.calls)
            bench.store.journal.errors.append(error)
            with pytest.raises(NotStoredError):
                await account.submit(make_signal())
            assert bench.task is not None
            await until(bench.task.done)
            assert account.state == STOPPED
            assert len(bench.venue.calls) == sent
            assert bench.venue.closed == 1

    run(check())


def test_another_process_that_writes_the_journal_stops_this_one(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            with open_store(tmp_path / "fillwright.db") as other:
                last = bench.records()[-1]
                other.journal.append(
                    OWNER.account_id, last.seq, [ev.Record(last.seq + 1, last.time, 0, last.event)]
                )
            stop = account.post(EmergencyStop(by="ada"))
            assert bench.task is not None
            await until(bench.task.done)
            assert "another process writes this account" in account.failure
            with pytest.raises(EngineStoppedError):
                await stop
            assert bench.venue.sent() == []

    run(check())


def test_a_bug_of_the_core_is_not_hidden(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:

            def broken(*items: Any, now: int) -> Any:
                raise ZeroDivisionError("a bug")

            account.engine.step = broken  # type: ignore[method-assign]
            reply = account.post(make_signal())
            assert bench.task is not None
            await until(bench.task.done)
            assert isinstance(bench.task.exception(), ZeroDivisionError)
            assert account.state == STOPPED
            assert isinstance(reply.exception(), NotStoredError)

    run(check())


def test_while_a_failed_account_lets_go_of_its_venue_nothing_is_taken(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        gate = asyncio.Event()

        async def slow() -> None:
            await gate.wait()

        bench.venue.close = slow  # type: ignore[method-assign]
        async with bench.running() as account:
            bench.store.journal.errors.append(FULL)
            with pytest.raises(NotStoredError):
                await account.submit(make_signal("a"))
            await turns()
            assert account.state == RECOVERING
            for item in (make_signal("b"), Reconcile()):
                with pytest.raises(NotReadyError, match="the account is being recovered"):
                    await account.submit(item)
            account.note("trader x", "it raised")
            gate.set()
            await turns()
            await bench.clock.pass_by(SECOND)
            await until(lambda: account.state == READY)
            assert [(e.where, e.what) for e in bench.events(ev.Error)] == [  # type: ignore[attr-defined]
                ("trader x", "it raised"),
                ("store", str(FULL)),
            ]

    run(check())


# -- stopping ----------------------------------------------------------------------------------------------------


def test_a_graceful_stop_cancels_entries_and_keeps_protection(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            await account.submit(make_signal("a", trader_id="a"))
            await account.submit(make_signal("b", trader_id="b", limit=D(99)))
            await turns()
            account.stop()
            assert account.state == STOPPING
            with pytest.raises(NotReadyError, match="stopping"):
                await account.submit(make_signal("c"))
            assert bench.task is not None
            await until(bench.task.done)
            bench.task.result()
            assert account.state == STOPPED
            names = {view.client_order_id for view in bench.venue.exchange.open_orders(OWNER.account_id)}
            assert names == {"RT_t_1_S_1", "RT_t_1_T_1"}
            assert len(bench.events(ev.ShutdownBegun)) == 1
            assert bench.venue.closed == 1
            snapshot = bench.real_store.journal.load_snapshot(OWNER.account_id)
            assert snapshot is not None
            assert snapshot.seq == bench.records()[-1].seq
            bench.check()
            with pytest.raises(EngineStoppedError, match="the service has stopped"):
                await account.submit(Reconcile())

    run(check())


def test_signals_that_wait_when_it_stops_are_not_denied_for_good(tmp_path: Path) -> None:
    async def check() -> None:
        with open_store(tmp_path / "f.db") as store:
            bench = Bench(store)
            async with bench.running() as account:
                replies = [account.post(make_signal(f"k{n}", trader_id=f"t{n}")) for n in range(100)]
                replies[0].add_done_callback(lambda _: account.stop())
                found = await asyncio.gather(*replies, return_exceptions=True)
                taken = len(bench.events(ev.SignalReceived))
                assert [type(answer) for answer in found[taken:]] == [NotReadyError] * (100 - taken)
                assert 0 < taken < 100
                assert bench.task is not None
                await until(bench.task.done)
                assert len(bench.events(ev.SignalReceived)) == taken
            bench = restart(bench, store)
            async with bench.running() as account:
                answer = await account.submit(make_signal("k99", trader_id="t99"))
                assert not answer.repeated

    run(check())


def test_a_stop_waits_for_the_venues_word_and_a_second_one_does_not(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            await account.submit(make_signal("b", limit=D(99)))
            await turns()
            bench.venue.held = lambda effect: True
            account.stop()
            await turns(500)
            assert account.state == STOPPING
            assert bench.task is not None
            assert not bench.task.done()
            account.stop_now()
            await until(bench.task.done)
            bench.task.result()
            assert len(bench.events(ev.OrderCancelRequested)) > 0

    run(check())


def test_a_stop_ends_a_venue_that_cannot_be_opened(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)

        async def never() -> Any:
            await asyncio.Event().wait()

        bench.venue.open = never  # type: ignore[method-assign]
        async with bench.running(ready=False) as account:
            await turns()
            account.stop()
            assert bench.task is not None
            await until(bench.task.done)
            bench.task.result()

    run(check())


def test_a_stop_ends_the_pause_of_a_recovery(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        bench.venue.open_errors += [VenueUnavailableError("no")] * 5
        async with bench.running(ready=False) as account:
            await turns()
            account.stop()
            assert bench.task is not None
            await until(bench.task.done)
            bench.task.result()
            assert bench.venue.opened == 1

    run(check())


def test_a_store_that_fails_while_stopping_is_told(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            await account.submit(make_signal("b", limit=D(99)))
            await turns()
            bench.store.journal.errors += [FULL] * 9
            account.stop()
            assert bench.task is not None
            await until(bench.task.done)
            with pytest.raises(DiskFullError):
                bench.task.result()

    run(check())


def test_a_venue_that_does_not_close_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fillwright.runtime.account.CLOSE_MAX_S", 0.01)

    async def check() -> None:
        bench = open_bench(tmp_path)

        async def never() -> None:
            await asyncio.Event().wait()

        bench.venue.close = never  # type: ignore[method-assign]
        async with bench.running() as account:
            account.stop()
            assert bench.task is not None
            await asyncio.wait((bench.task,))
            bench.task.result()

    run(check())


@pytest.mark.parametrize("fails", [None, SeqConflictError("paper", 1, 2)])
def test_a_venue_that_cannot_close_its_books_hides_nothing(
    tmp_path: Path, fails: StorageError | None
) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)

        async def failing() -> None:
            raise DiskFullError("its snapshot")

        bench.venue.close = failing  # type: ignore[method-assign]
        async with bench.running() as account:
            assert bench.task is not None
            if fails is None:
                account.stop()
            else:
                bench.store.journal.errors.append(fails)
                account.post(Reconcile()).add_done_callback(lambda reply: reply.exception())
            await until(bench.task.done)
            assert bench.task.exception() is fails

    run(check())


def test_a_cancelled_account_leaves_nothing_behind(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            bench.venue.held = lambda effect: True
            await account.submit(make_signal())
            assert bench.task is not None
            bench.task.cancel()
            await asyncio.wait((bench.task,))
            assert bench.task.cancelled()
            assert account.state == STOPPED
        await turns()
        assert len(asyncio.all_tasks()) == 1

    run(check())


# -- restarts ----------------------------------------------------------------------------------------------------


def restart(bench: Bench, store: SqliteStore) -> Bench:
    """Another process, as it were: new objects over the same store and the same exchange."""
    again = Bench(store, bench.clock)
    again.venue = bench.venue
    again.account.venue = bench.venue
    return again


@pytest.mark.parametrize("graceful", [True, False])
def test_a_restart_goes_on_where_the_journal_ends(tmp_path: Path, graceful: bool) -> None:
    async def check() -> None:
        with open_store(tmp_path / "f.db") as store:
            bench = Bench(store)
            for life in range(6):
                async with bench.running() as account:
                    answer = await account.submit(make_signal(f"k{life}", trader_id=f"t{life}"))
                    assert answer.ok, answer
                    again = await account.submit(make_signal("k0", trader_id="t0"))
                    assert again.repeated
                    assert again.signal_id == 1
                    await bench.clock.pass_by(SECOND)
                    bench.price(D(100))
                    dumped = account.engine.ledger.dump()
                    if graceful:
                        account.stop()
                        assert bench.task is not None
                        await until(bench.task.done)
                    else:
                        assert bench.task is not None
                        bench.task.cancel()  # no farewell
                        await asyncio.wait((bench.task,))
                        assert account.engine.ledger.dump() == dumped
                bench.check()
                bench = restart(bench, store)
            async with bench.running() as account:
                assert len(account.engine.ledger.open_positions) == 6
                assert not any(p.unprotected_since for p in account.engine.ledger.open_positions.values())
                assert (await account.submit(Resume(by="ada", reason="look"))).ok
                bench.check()
                assert SYMBOL in account.engine.state.instruments

    run(check())


def test_a_crash_between_journal_and_venue_neither_loses_nor_repeats(tmp_path: Path) -> None:
    """The intent is journaled, the request never leaves: the order never arrived, and its signal fails."""

    async def check() -> None:
        with open_store(tmp_path / "f.db") as store:
            bench = Bench(store)
            async with bench.running() as account:
                account._work.dispatch.stop()  # type: ignore[union-attr]
                assert (await account.submit(make_signal("a"))).ok
                assert bench.task is not None
                bench.task.cancel()
                await asyncio.wait((bench.task,))
            assert bench.venue.sent() == []
            bench = restart(bench, store)
            async with bench.running() as account:
                await bench.clock.pass_by(SECOND)
                assert bench.venue.sent() == []
                assert account.engine.state.signals[1].status.value == "failed"
                assert (await account.submit(make_signal("a"))).repeated
                bench.check()

    run(check())


def test_trades_do_not_make_a_stale_quote_look_fresh(tmp_path: Path) -> None:
    """§5 QUOTE_STALE: what counts is when bid and ask were heard of."""

    async def check() -> None:
        risk = msgspec.structs.replace(make_settings().risk, quote_age_max_s=D(2))
        bench = open_bench(tmp_path, settings=make_settings(risk=risk))
        async with bench.running():
            bench.price(D(100))
            bench.clock.move(3 * SECOND)
            bench.hub.trade(SYMBOL, D(100), D(1), True, bench.clock.now())
            assert (await bench.submit(make_signal("a", created_at=bench.clock.now()))).code == "QUOTE_STALE"
            bench.price(D(100))
            assert (await bench.submit(make_signal("b", created_at=bench.clock.now()))).ok

    run(check())


# -- a halt that the journal does not have -------------------------------------------------------------------------


class Mark:
    """Remembers; ``room`` False: nothing can be written."""

    def __init__(self, halt: Halt | None = None, *, room: bool = True) -> None:
        self.halt, self.room = halt, room
        self.cleared = 0

    def get(self) -> Halt | None:
        return self.halt

    def put(self, halt: Halt) -> bool:
        if self.room:
            self.halt = halt
        return self.room

    def clear(self) -> None:
        self.halt = None
        self.cleared += 1


def test_a_stop_during_a_recovery_is_taken_marked_and_halts_before_anything_else(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        mark = bench.account._mark = Mark()
        bench.venue.open_errors.append(VenueUnavailableError("the exchange sleeps"))
        async with bench.running(ready=False) as account:
            await until(lambda: account.detail == "the exchange sleeps")
            stop = account.post(EmergencyStop(by="ada", reason="smoke", flatten=True))
            assert mark.halt == Halt(by="ada", reason="smoke", flatten=True)
            assert "a restart halts" in account.unrecorded
            await bench.clock.pass_by(SECOND)
            await bench.ready()
            assert (await stop).ok
            assert (account.engine.state.safety.halted_cause, account.unrecorded) == ("emergency_stop", "")
            assert mark.get() is None
            assert mark.cleared == 1
            bench.check()

    run(check())


@pytest.mark.parametrize("room", [True, False])
def test_a_stop_that_the_store_does_not_take_is_marked_if_that_can_be(tmp_path: Path, room: bool) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        mark = bench.account._mark = Mark(room=room)
        async with bench.running() as account:
            bench.store.journal.errors += [FULL] * 3
            stop = account.post(EmergencyStop(by="ada", reason="smoke"))
            await until(lambda: account.unrecorded != "")
            assert ("a restart halts" in account.unrecorded) is room
            assert (mark.halt is not None) is room
            with pytest.raises(NotReadyError):
                await account.submit(make_signal())
            await bench.clock.pass_by(MINUTE)
            assert (await stop).ok
            assert account.unrecorded == ""
            assert account.engine.state.safety.halted_reason == "smoke"
            assert mark.get() is None
            bench.check()

    run(check())


def test_a_mark_of_the_process_before_halts_at_the_start(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        mark = bench.account._mark = Mark(Halt(by="ada", reason="the disk was full"))
        async with bench.running() as account:
            safety = account.engine.state.safety
            assert (safety.halted_by, safety.halted_reason) == ("ada", "the disk was full")
            assert mark.get() is None
            assert (await account.submit(make_signal())).code == "HALTED"
            bench.check()

    run(check())


@pytest.mark.parametrize("venue_fails", [False, True])
def test_a_stop_cancels_also_while_the_journal_can_only_be_read(tmp_path: Path, venue_fails: bool) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        bench.account._mark = Mark()
        async with bench.running() as account:
            await account.submit(make_signal("a", limit=D(99)))
            await account.submit(make_signal("b", trader_id="bob"))
            await turns()
            assert len(bench.venue.exchange.open_orders(OWNER.account_id)) == 5
            bench.store.journal.errors += [FULL] * 3
            with pytest.raises(NotStoredError):
                await account.submit(make_signal("c", trader_id="eve"))
            await until(lambda: account.state == RECOVERING)
            stop = account.post(EmergencyStop(by="ada"))
            if venue_fails:
                bench.venue.call_errors.append(DiskFullError("full, too"))
            await bench.clock.pass_by(SECOND // 3)
            await turns()
            live = bench.venue.exchange.open_orders(OWNER.account_id)
            assert len(live) == (5 if venue_fails else 2), "the other's exits"
            assert not stop.done()
            await bench.clock.pass_by(MINUTE)
            assert (await stop).ok
            await until(lambda: account.state == READY)
            await turns()
            assert len(bench.venue.exchange.open_orders(OWNER.account_id)) == 2
            bench.check()

    run(check())
