"""A shadow's life beside its real account, and that nothing of it reaches that."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fillwright.core import events as ev
from fillwright.core.effects import Send
from fillwright.core.types import Mode
from fillwright.ports import DiskFullError, SeqConflictError
from fillwright.runtime.account import READY, STOPPED
from fillwright.runtime.shadow import shadow_owner, until_ready
from tests.runtime.builders import make_signal, run, turns, until
from tests.runtime.shadows import REAL, Beside


def test_a_shadow_is_a_paper_account_that_nobody_takes_for_their_own() -> None:
    owner = shadow_owner(REAL)
    assert (owner.account_id, owner.user_id, owner.mode) == (
        "shadow-testnet",
        "local:shadow-testnet",
        Mode.PAPER,
    )


def test_both_enter_and_each_keeps_its_own_books(tmp_path: Path) -> None:
    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            await two.real.submit(make_signal("a"))
            await two.until(lambda: two.open_positions() == (1, 1), "both entered")
            with two.store.store.read_model() as model:
                assert [one.account_id for one in model.accounts()] == ["shadow-testnet", "testnet"]
                assert model.portfolio("testnet").mode is Mode.TESTNET
                assert model.portfolio("shadow-testnet").mode is Mode.PAPER
            status = two.shadow.status
            assert (status.state, status.detail, status.mirrored, status.missed) == (READY, "", 1, 0)
            assert (status.waiting, status.ticks_lost) == (0, 0)

    run(story())


def test_the_pairs_are_there_after_a_restart_and_go_on(tmp_path: Path) -> None:
    async def story() -> None:
        two = Beside(tmp_path)
        async with two.running():
            await two.real.submit(make_signal("a"))
            await two.until(lambda: two.open_positions() == (1, 1), "both entered")
        again = Beside(tmp_path)
        again.venue.exchange, again.venue.link, again.venue.replay = (
            two.venue.exchange,
            two.venue.link,
            two.venue.replay,
        )
        ours, theirs = again.shadow_venue, two.shadow_venue
        ours.exchange, ours.link, ours.replay = theirs.exchange, theirs.link, theirs.replay
        again.clock.time = two.clock.time
        async with again.running():
            assert again.open_positions() == (1, 1)
            await again.settled()
            assert again.open_positions() == (1, 1), "nothing was sold there on command"
            repeated = await again.real.submit(make_signal("a"))
            assert repeated.repeated
            await again.settled()
            assert len(again.events(ev.SignalReceived)) == 1

    run(story())


def test_a_store_that_fails_for_the_shadow_alone_ends_it_alone(tmp_path: Path) -> None:
    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            two.shadow_store.journal.errors += [SeqConflictError("shadow-testnet", 1, 2)]
            await two.real.submit(make_signal("a"))
            await two.until(lambda: two.account.state == STOPPED, "the shadow has ended")
            assert "shadow-testnet" in two.shadow.status.detail
            await two.real.submit(make_signal("b", trader_id="bob"))
            assert two.open_positions()[0] == 2
            assert two.real.state == READY
            assert two.real.follower is None

    run(story())


def test_a_full_disk_of_the_shadow_is_got_over(tmp_path: Path) -> None:
    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            two.shadow_store.journal.errors += [DiskFullError("full")]
            await two.real.submit(make_signal("a"))
            await two.until(lambda: two.shadow.status.missed, "missed")
            await two.until(lambda: two.account.state == READY, "back")
            await two.until(lambda: two.real.engine.ledger.open_positions)
            await two.real.submit(make_signal("b", trader_id="bob", created_at=two.clock.now()))
            await two.until(lambda: two.open_positions() == (2, 1), "the next one has its twin")

    run(story())


def test_a_bug_in_the_shadow_ends_it_alone(tmp_path: Path) -> None:
    """In its exchange, as the market passes: the market of the real account goes on."""

    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            market = two.shadow_venue.market

            def broken(*what: object) -> None:
                raise AssertionError("a bug")

            market.quote = broken  # type: ignore[method-assign, assignment]
            two.price(101)
            await until(lambda: two.account.state == STOPPED, "the shadow has ended")
            await turns()
            assert two.shadow.failure
            two.price(102)
            assert two.hub.quotes["AAAUSDT"].bid > 101
            answer = await two.real.submit(make_signal("a", stop_loss=None, take_profit=None))
            assert answer.signal_id == 1
            assert two.real.state == READY

    run(story())


def test_the_real_account_is_done_before_the_shadow_begins(tmp_path: Path) -> None:
    """The order is on its way to the venue, journaled and answered, when the shadow hears of the signal."""

    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            heard = []
            inner = two.real.follower
            assert inner is not None

            def follower(item: object, reply: asyncio.Future[object]) -> None:
                heard.append(len(two.venue.sent()))
                inner(item, reply)  # type: ignore[arg-type]

            two.real.follower = follower  # type: ignore[assignment]
            two.shadow_venue.held = lambda effect: isinstance(effect, Send)  # it hangs
            await two.real.submit(make_signal("a"))
            await two.until(lambda: two.open_positions()[0] == 1, "the real account enters all the same")
            assert heard == [1]

    run(story())


def test_it_is_waited_for_the_real_account(tmp_path: Path) -> None:
    async def story() -> None:
        two = Beside(tmp_path)
        waiting = asyncio.create_task(until_ready(two.real, two.clock))
        await turns()
        assert not waiting.done()
        async with two.running():
            await two.until(waiting.done, "ready")

    run(story())
