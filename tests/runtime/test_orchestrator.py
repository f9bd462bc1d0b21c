from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from fillwright.core import events as ev
from fillwright.core.inputs import Candle, Input, Reconcile
from fillwright.core.positions import Position
from fillwright.core.types import SECOND, Mode, Time
from fillwright.ports import (
    DiskFullError,
    MarketUnavailableError,
    Owner,
    SeqConflictError,
    VenueUnavailableError,
)
from fillwright.runtime import orchestrator as module
from fillwright.runtime.account import READY, STOPPED, AccountEngine
from fillwright.runtime.errors import ModeUnavailableError, UnknownAccountError
from fillwright.runtime.market import MarketHub
from fillwright.runtime.orchestrator import FEED_ENDED, STOP_MAX, Enlisted, MarketLine, Orchestrator
from fillwright.runtime.recovery import Configured
from fillwright.runtime.shadow import Shadow, shadow_owner
from fillwright.runtime.watchdog import Watchdog
from tests.runtime.builders import (
    BoxVenue,
    D,
    FailingStore,
    ManualClock,
    StillMarket,
    make_candle,
    make_settings,
    make_signal,
    opened,
    run,
    turns,
    until,
)

PAPER = Owner(account_id="paper", user_id="local", mode=Mode.PAPER)
TESTNET = Owner(account_id="local-testnet", user_id="local", mode=Mode.TESTNET)
ADA = Owner(account_id="ada-paper", user_id="ada", mode=Mode.PAPER)


class Entering:
    """A trader that enters at every candle."""

    trader_id, symbols, interval, window_size = "entering", ("AAAUSDT",), "15m", 5

    def __init__(self) -> None:
        self.warmed = 0

    def warm(self, candle: Candle) -> None:
        self.warmed += 1

    def on_candle(self, candle: Candle, position: Position | None, now: Time) -> Sequence[Input]:
        return (make_signal(str(candle.open_time), trader_id=self.trader_id),)


class Service:
    """An orchestrator with box venues for some accounts, and its market."""

    def __init__(
        self,
        path: Path,
        *owners: Owner,
        traders: Sequence[Enlisted] = (),
        clock: ManualClock | None = None,
        hubs: Mapping[str, MarketHub] | None = None,
        **fields: Any,
    ) -> None:
        """``hubs``: of accounts that trade at other prices."""
        self.clock = clock or ManualClock()
        self.store = FailingStore(opened(path / "f.db"))
        self.market = StillMarket()
        self.hub = MarketHub(self.clock)
        owners = owners or (PAPER,)
        self.venues = {
            owner.account_id: BoxVenue(self.clock, self.store.store, owner.account_id) for owner in owners
        }
        self.accounts = [
            AccountEngine(
                owner,
                self.store,
                self.venues[owner.account_id],
                self.clock,
                (hubs or {}).get(owner.account_id, self.hub),
                Configured(make_settings()),
                tag=lambda: "t",
            )
            for owner in owners
        ]
        self.orchestrator = Orchestrator(
            store=self.store,
            clock=self.clock,
            hub=self.hub,
            market=self.market,
            accounts=self.accounts,
            traders=traders,
            version="1.2.3",
            watchdog=Watchdog(look_every_s=60),
            **fields,
        )
        self.task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Orchestrator]:
        self.task = asyncio.create_task(self.orchestrator.run())
        try:
            await until(lambda: all(account.state == READY for account in self.accounts), "ready")
            self.price()
            yield self.orchestrator
        finally:
            self.orchestrator.stop()
            self.orchestrator.stop()
            for venue in self.venues.values():
                venue.release()
            await asyncio.wait((self.task,))
            if not self.task.cancelled():
                self.task.exception()

    def price(self) -> None:
        assert self.market.sink is not None
        self.market.sink.quote("AAAUSDT", D("99.99"), D(1_000), D("100.01"), D(1_000), self.clock.now())
        self.market.sink.trade("AAAUSDT", D(100), D("0.01"), False, self.clock.now())

    async def ended(self) -> None:
        assert self.task is not None
        await until(self.task.done, "ended")
        self.task.result()


# -- who is who --------------------------------------------------------------------------------------------------


def test_a_user_is_routed_to_the_account_of_their_mode(tmp_path: Path) -> None:
    service = Service(tmp_path, PAPER, TESTNET, ADA, modes={"local": Mode.TESTNET})
    found = service.orchestrator
    assert found.mode("local") is Mode.TESTNET
    assert found.mode("ada") is Mode.PAPER
    assert found.engine("local") is service.accounts[1]
    assert found.engine("local", Mode.PAPER) is service.accounts[0]
    assert found.engine("ada") is service.accounts[2]
    assert found.account("ada-paper") is service.accounts[2]
    with pytest.raises(ModeUnavailableError, match="user ada has no mainnet account"):
        found.engine("ada", Mode.MAINNET)
    for wrong in (
        lambda: found.engine("bob"),
        lambda: found.engine("bob", Mode.PAPER),
        lambda: found.mode("bob"),
        lambda: found.account("x"),
    ):
        with pytest.raises(UnknownAccountError):
            wrong()


def test_without_a_word_a_user_is_in_the_mode_of_their_first_account(tmp_path: Path) -> None:
    assert Service(tmp_path, PAPER, TESTNET).orchestrator.mode("local") is Mode.PAPER


def test_accounts_trade_apart(tmp_path: Path) -> None:
    async def check() -> None:
        service = Service(tmp_path, PAPER, ADA)
        async with service.running() as found:
            assert (await found.engine("local").submit(make_signal("k"))).ok
            assert (await found.engine("ada").submit(make_signal("k"))).ok
            await turns()
            assert not (await found.engine("ada").submit(make_signal("k", stop_loss=D(90)))).ok
            for account in service.accounts:
                assert len(account.engine.ledger.open_positions) == 1

    run(check())


# -- status ------------------------------------------------------------------------------------------------------


def test_it_says_how_it_is_doing(tmp_path: Path) -> None:
    async def check() -> None:
        service = Service(tmp_path, traders=[Enlisted("local", Entering())])
        before = service.orchestrator.status()
        assert not before.ready
        assert before.reasons == (
            "account paper is recovering: starting",
            "no prices from synthetic: starting",
        )
        async with service.running() as found:
            await turns()
            status = found.status()
            assert (status.ready, status.reasons, status.version, status.mode) == (True, (), "1.2.3", "paper")
            assert status.feed.connected
            assert [trader.state for trader in status.traders] == ["running"]
            assert status.started_at == service.clock.now()
            assert status.ticks == 2
            found.stop()
            assert found.status().reasons[0] == "the service is stopping"

    run(check())


# -- market and traders ------------------------------------------------------------------------------------------


def test_a_traders_candle_becomes_a_protected_position(tmp_path: Path) -> None:
    async def check() -> None:
        service = Service(tmp_path, traders=[Enlisted("local", Entering())])
        service.market.candles["AAAUSDT"] = [make_candle(row) for row in range(-5, 0)]
        async with service.running() as found:
            await until(lambda: found.status().traders[0].state == "running")
            service.hub.candle(make_candle(0))
            await turns(200)
            (position,) = service.accounts[0].engine.ledger.open_positions.values()
            assert not position.unprotected_since
            assert len(service.venues["paper"].exchange.open_orders("paper")) == 2

    run(check())


def test_traders_of_a_mode_see_its_prices_and_are_asked_while_it_is_their_users(tmp_path: Path) -> None:
    async def check() -> None:
        on_paper, on_testnet = Entering(), Entering()
        other_market = StillMarket()
        clock = ManualClock()
        other = MarketLine(MarketHub(clock), other_market)
        service = Service(
            tmp_path,
            PAPER,
            TESTNET,
            clock=clock,
            hubs={"local-testnet": other.hub},
            traders=[Enlisted("local", on_paper, Mode.PAPER), Enlisted("local", on_testnet, Mode.TESTNET)],
            others=[other],
        )
        paper, testnet = service.accounts
        async with service.running() as found:
            await until(lambda: other_market.sink is not None)
            other.hub.quote("AAAUSDT", D("199.99"), D(9), D("200.01"), D(9), clock.now())
            assert (paper.engine.quotes["AAAUSDT"].last, testnet.engine.quotes["AAAUSDT"].bid) == (
                D(100),
                D("199.99"),
            )
            assert [trader.trader_id for trader in found.status().traders] == ["entering"]
            await turns(20)
            other.hub.candle(make_candle(0))
            await turns(50)
            assert (on_paper.warmed, on_testnet.warmed) == (0, 1), "shown, and not asked"
            assert not testnet.engine.state.signals
            await found.modes.switch("local", Mode.TESTNET, "eve")
            service.hub.candle(make_candle(0))
            other.hub.candle(make_candle(1))
            await turns(50)
            assert (on_paper.warmed, on_testnet.warmed) == (1, 1)
            assert len(testnet.engine.state.signals) == 1
            assert not paper.engine.state.signals

    run(check())


def test_the_real_account_is_that_of_the_mode_or_the_first(tmp_path: Path) -> None:
    service = Service(tmp_path, PAPER, TESTNET, ADA)
    found = service.orchestrator
    assert found.real_engine("local") is service.accounts[1]
    with pytest.raises(ModeUnavailableError):
        found.real_engine("ada")


def test_what_is_not_traded_does_not_keep_the_service_from_being_ready(tmp_path: Path) -> None:
    async def check() -> None:
        service = Service(tmp_path, PAPER, TESTNET)
        async with service.running() as found:
            assert found.status().ready
            service.accounts[1].state = "recovering"
            assert found.status().ready
            service.accounts[0].state = "recovering"
            assert found.status().reasons[0].startswith("account paper is recovering")
            service.accounts[0].state = service.accounts[1].state = READY

    run(check())


def test_a_source_that_fails_is_begun_again_and_told(tmp_path: Path) -> None:
    async def check() -> None:
        service = Service(tmp_path)
        original, began = service.market.run, 0

        async def failing(sink: Any) -> None:
            nonlocal began
            began += 1
            if began <= 2:
                raise MarketUnavailableError("no prices")
            await original(sink)

        service.market.run = failing  # type: ignore[method-assign]
        task = asyncio.create_task(service.orchestrator.run())
        await until(lambda: service.accounts[0].state == READY)
        assert service.orchestrator.status().reasons == ("no prices from synthetic: no prices",)
        await service.clock.pass_by(2 * SECOND)
        assert service.orchestrator.status().ready
        assert began == 3
        service.orchestrator.stop()
        await until(task.done)

    run(check())


def test_a_source_that_ends_leaves_the_service_up(tmp_path: Path) -> None:
    async def check() -> None:
        service = Service(tmp_path)
        async with service.running() as found:
            service.market.ends.set()
            await turns()
            assert found.status().feed.detail == FEED_ENDED
            assert not found.status().ready
            assert (await found.engine("local").submit(Reconcile())).ok

    run(check())


# -- housekeeping ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("apart", [True, False])
def test_housekeeping_is_done_when_it_is_due(tmp_path: Path, apart: bool) -> None:
    async def check() -> None:
        threads: list[bool] = []
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def checkpoint() -> None:
            try:
                asyncio.get_running_loop()
                threads.append(False)
            except RuntimeError:
                threads.append(True)
            service.store.is_checkpoint_due = False
            loop.call_soon_threadsafe(done.set)

        service = Service(tmp_path, checkpoint=checkpoint if apart else None)
        async with service.running():
            await service.clock.pass_by(3 * SECOND)
            assert (service.store.checkpoints, threads) == (0, [])
            service.store.is_checkpoint_due = True
            await service.clock.pass_by(SECOND)
            if apart:
                await done.wait()
            assert (service.store.checkpoints, threads) == ((0, [True]) if apart else (1, []))

    run(check())


def test_housekeeping_that_fails_is_told_and_stops_nobody(tmp_path: Path) -> None:
    async def check() -> None:
        service = Service(tmp_path)
        async with service.running() as found:

            def failing() -> bool:
                raise DiskFullError("no room")

            service.store.checkpoint = failing  # type: ignore[method-assign]
            service.store.is_checkpoint_due = True
            with structlog.testing.capture_logs() as logs:
                await service.clock.pass_by(2 * SECOND)
            assert "the store's housekeeping failed" in [log["event"] for log in logs]
            assert (await found.engine("local").submit(make_signal("k"))).ok

    run(check())


# -- ending ------------------------------------------------------------------------------------------------------


def test_a_graceful_stop_cancels_entries_and_ends_everything(tmp_path: Path) -> None:
    async def check() -> None:
        service = Service(tmp_path, PAPER, ADA, traders=[Enlisted("local", Entering())])
        async with service.running() as found:
            await found.engine("local").submit(make_signal("a", limit=D(99)))
            await found.engine("ada").submit(make_signal("b"))
            await turns()
            began = service.clock.now()
            found.stop()
            await service.ended()
            assert service.clock.now() == began  # nothing had to be waited for
            assert service.venues["paper"].exchange.open_orders("paper") == ()
            assert len(service.venues["ada-paper"].exchange.open_orders("ada-paper")) == 2
        assert len(asyncio.all_tasks()) == 1

    run(check())


def test_a_venue_that_says_nothing_is_waited_for_so_long_and_no_longer(tmp_path: Path) -> None:
    async def check() -> None:
        service = Service(tmp_path)
        async with service.running() as found:
            await found.engine("local").submit(make_signal("a", limit=D(99)))
            await turns()
            service.venues["paper"].held = lambda effect: True
            found.stop()
            assert service.task is not None
            await service.clock.pass_by(STOP_MAX - SECOND)
            assert not service.task.done()
            await service.clock.pass_by(SECOND)
            await service.ended()
            assert STOP_MAX < 10 * SECOND

    run(check())


def test_a_second_stop_is_at_once(tmp_path: Path) -> None:
    async def check() -> None:
        service = Service(tmp_path)
        async with service.running() as found:
            await found.engine("local").submit(make_signal("a", limit=D(99)))
            await turns()
            service.venues["paper"].held = lambda effect: True
            found.stop()
            await turns(500)
            assert service.task is not None
            assert not service.task.done()
            began = service.clock.now()
            found.stop()
            await service.ended()
            assert service.clock.now() == began

    run(check())


def test_a_store_that_stays_broken_ends_the_service_with_its_error(tmp_path: Path) -> None:
    async def check() -> None:
        service = Service(tmp_path, PAPER, ADA)
        async with service.running():
            service.store.journal.errors += [DiskFullError("no room")] * 1_000
            service.accounts[0].post(Reconcile()).add_done_callback(lambda reply: reply.exception())
            await service.clock.pass_by(60 * SECOND)
            with pytest.raises(DiskFullError, match="no room"):
                await service.ended()
        assert len(asyncio.all_tasks()) == 1

    run(check())


def test_an_account_that_lost_its_fence_stops_alone(tmp_path: Path) -> None:
    async def check() -> None:
        service = Service(tmp_path, PAPER, ADA)
        async with service.running() as found:
            service.store.journal.errors.append(SeqConflictError("paper", 1, 2))
            service.accounts[0].post(Reconcile()).add_done_callback(lambda reply: reply.exception())
            await until(lambda: service.accounts[0].state == "stopped")
            assert (await found.engine("ada").submit(make_signal("k"))).ok
            assert not found.status().ready
            assert "account paper is stopped" in found.status().reasons[0]
            found.stop()
            with pytest.raises(SeqConflictError):
                await service.ended()

    run(check())


def test_when_no_account_is_left_the_service_has_failed(tmp_path: Path) -> None:
    async def check() -> None:
        service = Service(tmp_path)
        async with service.running():
            service.store.journal.errors.append(SeqConflictError("paper", 1, 2))
            service.accounts[0].post(Reconcile()).add_done_callback(lambda reply: reply.exception())
            with pytest.raises(SeqConflictError):
                await service.ended()

    run(check())


def test_a_bug_in_a_trader_task_ends_the_service(tmp_path: Path) -> None:
    class Broken(Entering):
        def on_candle(self, candle: Candle, position: Position | None, now: Time) -> Sequence[Input]:
            raise ZeroDivisionError("no StrategyError: a bug of ours")

    async def check() -> None:
        service = Service(tmp_path, traders=[Enlisted("local", Broken())])
        async with service.running() as found:
            await until(lambda: found.status().traders[0].state == "running")
            service.hub.candle(make_candle(0))
            with pytest.raises(ZeroDivisionError):
                await service.ended()

    run(check())


def test_the_journal_is_the_truth_after_all_of_it(tmp_path: Path) -> None:
    async def check() -> None:
        service = Service(tmp_path)
        async with service.running() as found:
            for number in range(10):
                await found.engine("local").submit(make_signal(f"k{number}", trader_id=f"t{number}"))
            await turns(300)
            found.stop()
            await service.ended()
        kinds = [type(r.event) for r in service.store.store.journal.load("paper")]
        assert kinds.count(ev.PositionProtected) == 10
        assert kinds[-1] is ev.ShutdownBegun

    run(check())


# -- shadows -----------------------------------------------------------------------------------------------------


def shadowed(path: Path) -> tuple[Service, Shadow, BoxVenue]:
    """A service with a testnet account that has a shadow."""
    service = Service(path, TESTNET)
    owner = shadow_owner(TESTNET)
    venue = BoxVenue(service.clock, service.store.store, owner.account_id)
    account = AccountEngine(
        owner, service.store, venue, service.clock, MarketHub(service.clock), Configured(make_settings())
    )
    shadow = Shadow(service.accounts[0], account, service.clock)
    service.orchestrator.shadows = [shadow]
    return service, shadow, venue


def test_a_shadow_lives_and_stops_with_its_account_and_is_nobodys_mode(tmp_path: Path) -> None:
    async def check() -> None:
        service, shadow, _ = shadowed(tmp_path)
        found = service.orchestrator
        assert found.shadow(service.accounts[0]) is shadow
        assert found.shadow(shadow.account) is None
        async with service.running():
            await until(lambda: shadow.account.state == READY, "the shadow")
            assert [one.account_id for one in found.status().accounts] == ["local-testnet"]
            assert found.engine("local") is service.accounts[0]
            with pytest.raises(UnknownAccountError):
                found.engine(shadow.account.owner.user_id)
            found.stop()
            await service.ended()
        assert shadow.account.state == STOPPED
        assert service.store.store.journal.load_snapshot("shadow-local-testnet") is not None

    run(check())


def test_a_shadow_that_cannot_end_does_not_keep_the_service_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check() -> None:
        monkeypatch.setattr(module, "SHADOWS_END_MAX_S", 0.0)
        service, shadow, venue = shadowed(tmp_path)

        async def never() -> None:
            await asyncio.Event().wait()

        venue.close = never  # type: ignore[method-assign]
        async with service.running() as found:
            await until(lambda: shadow.account.state == READY, "the shadow")
            found.stop()
            found.stop()
            await service.ended()

    run(check())


def test_a_shadow_that_is_not_up_keeps_nobody_from_being_ready(tmp_path: Path) -> None:
    async def check() -> None:
        service, shadow, venue = shadowed(tmp_path)
        venue.open_errors = [VenueUnavailableError("no terms") for _ in range(100)]
        async with service.running() as found:
            await until(lambda: shadow.account.detail == "no terms", "it cannot be opened")
            assert found.status().ready
            assert (await service.accounts[0].submit(make_signal("a"))).ok
            await turns()
            assert shadow.status.missed == 1

    run(check())
