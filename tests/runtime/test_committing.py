from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from fillwright.core.context import Answer
from fillwright.core.effects import Effect, Send
from fillwright.core.engine import Engine, Step
from fillwright.core.inputs import EmergencyStop, PlaceOrder, Quote, Reconcile, SubmitSignal
from fillwright.core.requests import CancelListRequest, CancelReplaceRequest, CancelRequest
from fillwright.core.types import OrderType, Side
from fillwright.ports import DiskFullError, SeqConflictError, StorageError, VenueTerms
from fillwright.runtime.committing import DONE, Committer, cancels_of_entries, may_cancel_unrecorded
from fillwright.runtime.errors import NotStoredError
from fillwright.runtime.feed import Feed
from fillwright.runtime.inbox import Reply
from fillwright.runtime.recovery import Configured, Market, recover
from fillwright.storage.sql import SqliteStore, open_store
from tests.runtime.builders import (
    NOW,
    OWNER,
    SYMBOL,
    BoxVenue,
    D,
    FailingStore,
    ManualClock,
    make_settings,
    make_signal,
    run,
)
from tests.sim.harness import MUCH


class Stand:
    """A committer whose effects lie on a table; ``log`` says in which order things happened."""

    def __init__(self, store: SqliteStore, engine: Engine, projection: Any) -> None:
        self.real = store
        self.store = FailingStore(store)
        self.log: list[str] = []
        self.left: list[Effect] = []
        self.feed = Feed()
        self.feed.start(engine.state.seq)
        self.engine = engine
        self.began = engine.state.seq
        self._log_flush(projection)
        self.committer = Committer(
            engine, OWNER.account_id, self.store.journal, projection, self.feed, self._carry_out
        )

    def _log_flush(self, projection: Any) -> None:
        flush = projection.flush

        def logged() -> int:
            self.log.append(f"read models, feed at {self.feed.last_seq - self.began}")
            if self.store.read_model_errors:
                raise self.store.read_model_errors.pop(0)
            return int(flush())

        projection.flush = logged

    def _carry_out(self, effects: Sequence[Effect]) -> bool:
        self.log.append(f"effects, journal at {self.journal_seq - self.began}")
        self.left += effects
        return any(isinstance(effect, Send) for effect in effects)

    @property
    def journal_seq(self) -> int:
        return self.real.journal.last_seq(OWNER.account_id)

    def ask(self, item: Any) -> Reply:
        reply: Reply = asyncio.get_running_loop().create_future()
        reply.add_done_callback(lambda _: self.log.append("answer"))
        self.committer.step(item, now=NOW, reply=reply)
        return reply


async def terms_of(store: SqliteStore) -> VenueTerms:
    return await BoxVenue(ManualClock(), store).open()


def with_stand(path: Path, check: Callable[[Stand], Coroutine[Any, Any, None]]) -> None:
    async def body() -> None:
        with open_store(path / "f.db") as store:
            market = Market({}, Engine().averages)
            found = recover(
                store, OWNER, await terms_of(store), Configured(make_settings()), market, NOW, tag=lambda: "t"
            )
            stand = Stand(store, found.engine, found.projection)
            quote(found.engine)
            await check(stand)

    run(body())


def quote(engine: Engine) -> None:
    engine.observe(Quote(SYMBOL, D("99.99"), D("100.01"), D(100), NOW))


def signal(number: int, **changes: Any) -> SubmitSignal:
    return make_signal(f"k{number}", trader_id=f"t{number}", **changes)


def test_journal_then_effects_then_read_models_then_answer_and_feed(tmp_path: Path) -> None:
    async def check(stand: Stand) -> None:
        reply = stand.ask(signal(1))
        assert stand.log == []
        assert stand.journal_seq == stand.began
        await stand.committer.commit()
        await asyncio.sleep(0)
        assert reply.result().ok
        count = stand.committer.seq - stand.began
        assert stand.log == [f"effects, journal at {count}", "read models, feed at 0", "answer"]
        assert stand.feed.last_seq == stand.journal_seq == stand.engine.state.seq
        assert [type(effect).__name__ for effect in stand.left] == ["Send"]
        with stand.real.read_model() as model:
            assert model.signal(OWNER.account_id, 1) is not None

    with_stand(tmp_path, check)


def test_sixty_four_signals_are_one_commit_of_each(tmp_path: Path) -> None:
    async def check(stand: Stand) -> None:
        replies = [stand.ask(signal(number)) for number in range(64)]
        await stand.committer.commit()
        assert len(stand.store.journal.appends) == 1
        assert stand.log.count("read models, feed at 0") == 1
        answers = [reply.result() for reply in replies]
        assert [answer.signal_id for answer in answers] == list(range(1, 65))
        assert sum(answer.ok for answer in answers) == len(stand.left) > 0
        with stand.real.read_model() as model:
            assert model.seq(OWNER.account_id) == stand.engine.state.seq

    with_stand(tmp_path, check)


def test_the_same_key_in_one_batch_is_one_signal(tmp_path: Path) -> None:
    async def check(stand: Stand) -> None:
        first, again, other = (
            stand.ask(signal(1)),
            stand.ask(signal(1)),
            stand.ask(signal(1, stop_loss=D(90))),
        )
        await stand.committer.commit()
        assert (first.result().signal_id, first.result().repeated) == (1, False)
        assert (again.result().signal_id, again.result().repeated) == (1, True)
        assert other.result().code == "KEY_CONFLICT"
        assert len(stand.left) == 1

    with_stand(tmp_path, check)


def test_an_answer_without_records_needs_no_commit(tmp_path: Path) -> None:
    async def check(stand: Stand) -> None:
        stand.ask(signal(1))
        await stand.committer.commit()
        reply = stand.ask(signal(1))
        await stand.committer.commit()
        assert reply.result().repeated
        assert len(stand.store.journal.appends) == 1

    with_stand(tmp_path, check)


def test_an_input_without_an_answer_of_its_own_is_done(tmp_path: Path) -> None:
    async def check(stand: Stand) -> None:
        reply = stand.ask(Reconcile())
        await stand.committer.commit()
        assert reply.result() is DONE

    with_stand(tmp_path, check)


def test_who_has_gone_gets_no_answer_and_nothing_breaks(tmp_path: Path) -> None:
    async def check(stand: Stand) -> None:
        reply, other = stand.ask(signal(1)), stand.ask(signal(2))
        reply.cancel()
        await stand.committer.commit()
        assert reply.cancelled()
        assert other.result().signal_id == 2

    with_stand(tmp_path, check)


def test_a_journal_that_cannot_be_written_lets_nothing_leave(tmp_path: Path) -> None:
    async def check(stand: Stand) -> None:
        stand.store.journal.errors.append(DiskFullError("no room"))
        replies = [stand.ask(signal(number)) for number in range(3)]
        with pytest.raises(DiskFullError):
            await stand.committer.commit()
        assert stand.left == []
        assert stand.feed.last_seq == stand.journal_seq == stand.began
        for reply in replies:
            with pytest.raises(NotStoredError, match="nothing of it took place: no room") as caught:
                reply.result()
            assert not caught.value.recorded

    with_stand(tmp_path, check)


def test_read_models_that_cannot_be_written_are_told_but_the_effects_have_left(tmp_path: Path) -> None:
    async def check(stand: Stand) -> None:
        stand.store.read_model_errors.append(DiskFullError("no room"))
        reply = stand.ask(signal(1))
        with pytest.raises(DiskFullError):
            await stand.committer.commit()
        assert len(stand.left) == 1
        with pytest.raises(NotStoredError, match="it was recorded, look for its outcome") as caught:
            reply.result()
        assert caught.value.recorded

    with_stand(tmp_path, check)


def test_a_lost_fence_is_told_apart(tmp_path: Path) -> None:
    async def check(stand: Stand) -> None:
        stand.ask(signal(1))
        await stand.committer.commit()
        with open_store(tmp_path / "f.db") as another:
            engine = Engine()
            record = next(iter(stand.real.journal.load(OWNER.account_id, stand.journal_seq - 1)))
            another.journal.append(
                OWNER.account_id,
                stand.journal_seq,
                [type(record)(record.seq + 1, record.time, 0, record.event)],
            )
            assert engine.state.seq == 0
        reply = stand.ask(signal(2))
        sent = len(stand.left)
        with pytest.raises(SeqConflictError):
            await stand.committer.commit()
        assert len(stand.left) == sent
        with pytest.raises(NotStoredError, match="another process writes this account"):
            reply.result()

    with_stand(tmp_path, check)


def test_what_was_interrupted_is_told_to_who_asked(tmp_path: Path) -> None:
    async def check(stand: Stand) -> None:
        reply = stand.ask(signal(1))
        task = asyncio.create_task(stand.committer.commit())
        await asyncio.sleep(0)  # the journal has it, the effects leave
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stand.committer.abandon("the account is being recovered") == []
        with pytest.raises(NotStoredError, match="it was recorded") as caught:
            reply.result()
        assert caught.value.recorded

    with_stand(tmp_path, check)


def test_an_emergency_stop_that_is_not_recorded_is_owed_and_its_asker_waits_on(tmp_path: Path) -> None:
    async def check(stand: Stand) -> None:
        stand.store.journal.errors.append(DiskFullError("no room"))
        item = EmergencyStop(by="ada")
        stop, other = stand.ask(item), stand.ask(signal(1))
        with pytest.raises(DiskFullError):
            await stand.committer.commit()
        assert stand.committer.owed == [(item, stop)]
        assert not stop.done()
        assert isinstance(other.exception(), NotStoredError)

    with_stand(tmp_path, check)


def test_a_recorded_emergency_stop_is_not_owed(tmp_path: Path) -> None:
    async def check(stand: Stand) -> None:
        stand.store.read_model_errors.append(DiskFullError("no room"))
        stop = stand.ask(EmergencyStop(by="ada"))
        with pytest.raises(DiskFullError):
            await stand.committer.commit()
        assert stand.committer.owed == []
        assert isinstance(stop.exception(), NotStoredError)

    with_stand(tmp_path, check)


def test_cancels_go_out_unrecorded_unless_another_process_trades() -> None:
    assert may_cancel_unrecorded(DiskFullError("full"))
    assert may_cancel_unrecorded(StorageError("I/O"))
    assert not may_cancel_unrecorded(SeqConflictError("paper", 1, 2))


def test_only_cancels_of_working_entries_and_manual_orders_are_urgent(tmp_path: Path) -> None:
    """A position with its exits, an entry that works, a manual order: flatten touches all, two cancels are urgent."""

    async def check(stand: Stand) -> None:
        venue = BoxVenue(ManualClock(), stand.real)
        venue.exchange.on_quote(SYMBOL, D("99.99"), MUCH, D("100.01"), MUCH, NOW)

        async def send() -> None:
            await stand.committer.commit()
            effects, stand.left = stand.left, []
            for effect in effects:
                if isinstance(effect, Send):
                    stand.committer.step(*await venue.carry_out(effect), now=NOW)

        for item in (
            signal(1),
            signal(2, limit=D(98)),
            PlaceOrder(
                by="ada", symbol=SYMBOL, side=Side.BUY, type=OrderType.LIMIT, quantity=D(1), price=D(97)
            ),
        ):
            stand.ask(item)
            await send()
        assert len(stand.engine.ledger.open_orders) == 2 + 3 + 1
        step: Step = stand.engine.step(EmergencyStop(by="ada", flatten=True), now=NOW)
        kinds = [type(effect.request) for effect in step.effects if isinstance(effect, Send)]
        assert CancelReplaceRequest in kinds
        assert len(kinds) == 3
        urgent = cancels_of_entries(stand.engine, step)
        assert len(urgent) == 2
        for effect in urgent:
            assert isinstance(effect.request, CancelRequest | CancelListRequest)
            assert not isinstance(effect.request, CancelReplaceRequest)
            await venue.carry_out(effect)
        left = {order.client_order_id for order in venue.exchange.open_orders(OWNER.account_id)}
        assert left == {"RT_t_1_S_1", "RT_t_1_T_1"}

    with_stand(tmp_path, check)


def test_without_an_answer_nothing_is_urgent() -> None:
    assert cancels_of_entries(Engine(), Step([], [], None)) == []
    assert cancels_of_entries(Engine(), Step([], [], Answer(ok=True))) == []
