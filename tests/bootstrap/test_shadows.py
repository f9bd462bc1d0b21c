"""A real account and its shadow, as the service puts them together: an exchange whose delay, prices and fees are known.

Real sockets, virtual time: what the drift report must say can be worked out beforehand.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fillwright.bootstrap.real import RealAccount
from fillwright.bootstrap.shadows import shadows_of
from fillwright.config import Config, load
from fillwright.core.inputs import ClosePosition, Entry, Signal, Size, SubmitSignal
from fillwright.core.settings import PaperSettings
from fillwright.core.types import MILLISECOND, Direction, Mode
from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.admin_service import add_fault
from fillwright.exchange.server.fault_plan import CallFault
from fillwright.exchange.server.server import serve
from fillwright.exchange.settings import ExchangeSettings
from fillwright.market.live.late import LateMarket
from fillwright.ports import DriftGroup, DriftReport, Owner, SignalExecution, Spread
from fillwright.reports.drift import drift_of
from fillwright.runtime.account import READY, AccountEngine
from fillwright.runtime.market import MarketHub
from fillwright.runtime.recovery import Configured
from fillwright.runtime.shadow import Shadow
from fillwright.storage.sql import open_store
from fillwright.venues.binance import BinanceSettings
from tests.binance.live_box import ed25519_signer
from tests.faults.world import symbol_rows
from tests.sim.harness import LITTLE, MUCH, make_settings
from tests.venues.box_kit import ACCOUNT, box_clock, box_settings, place_of
from tests.warp import WarpClock, warped

D = Decimal
SYMBOL = "AAAUSDT"
OWNER = Owner(account_id=ACCOUNT, user_id="local", mode=Mode.TESTNET)
DELAY_MS = 80
"""The exchange carries each request out so much later."""
PAPER = PaperSettings(latency_ms=20, taker_fee=D("0.0005"), maker_fee=D("0.0005"), slippage_bps=D(0))
"""The exchange's fee is 0.001."""
SEEN = (D("99.99"), D(100))
"""Bid and ask, as the accounts see them."""
TRADED = (D("99.90"), D("100.10"))
"""Bid and ask, as the exchange has them."""


def config_of(folder: Path, **trading: Any) -> Config:
    lines = [f"{key} = {str(value).lower()}" for key, value in {"shadow": True, **trading}.items()]
    (folder / "fillwright.toml").write_text("\n".join(["[trading]", *lines]) + "\n")
    return load(environment={}, folder=folder)


class World:
    """See the module; ``async with``."""

    def __init__(self, *, in_bnb: bool = False, **trading: Any) -> None:
        self._trading = trading
        self._in_bnb = in_bnb
        self._open = contextlib.AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self.shadow: Shadow
        self.real: AccountEngine

    async def __aenter__(self) -> World:
        self._folder = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
        rows = symbol_rows((SYMBOL,), {})
        exchange = ExchangeSettings(order_counts=())
        rows["BNBUSDT"] = rows[SYMBOL] | {"baseAsset": "BNB"}
        balances = {"USDT": D(5_000), "BNB": D(10)}
        settings = box_settings(self._folder, rows, balances, exchange, pay_fees_in_bnb=self._in_bnb)
        self._server = await self._open.enter_async_context(serve(settings, box_clock()))
        self.box = self._server.box
        self.box.exchange.average_price = lambda symbol, minutes: D(100)
        self.box.tick()
        self.box.quote(SYMBOL, TRADED[0], MUCH, TRADED[1], MUCH, self.box.now)
        self.box.trade(SYMBOL, D(100), LITTLE, False, self.box.now)
        self.box.quote("BNBUSDT", D(500), MUCH, D(500), MUCH, self.box.now)
        self.box.trade("BNBUSDT", D(500), LITTLE, False, self.box.now)
        self._clock = WarpClock()
        await self.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()
        await self._open.aclose()

    async def begin(self) -> None:
        """A process comes up."""
        self._store = open_store(self._folder / "f.db")
        settings = make_settings()
        execution = msgspec.structs.replace(settings.execution, pay_fees_in_bnb=self._in_bnb)
        settings = msgspec.structs.replace(settings, paper=PAPER, execution=execution)
        hub = MarketHub(self._clock)
        place = place_of(self._server)
        wanted = BinanceSettings(symbols=(SYMBOL, "BNBUSDT"), profile=settings.venue)
        self.real = AccountEngine(
            OWNER,
            self._store,
            place.venue(ACCOUNT, ed25519_signer(), self._clock, wanted),
            self._clock,
            hub,
            Configured(settings),
        )

        async def no_test() -> tuple[()]:
            return ()

        fields: dict[str, Any] = {"engine": self.real, "settings": settings, "hub": hub, "self_test": no_test}
        rest = {name: None for name in RealAccount.__struct_fields__ if name not in fields}
        account = RealAccount(**{**rest, **fields, "market": LateMarket()})
        (self.shadow,) = shadows_of(
            config_of(self._folder, **self._trading), [account], self._store, self._clock
        )
        self._tasks = [asyncio.create_task(self.real.run()), asyncio.create_task(self.shadow.run())]
        self.see()
        await self.until(lambda: self.real.state == self.shadow.account.state == READY, "ready")
        self.see()
        await asyncio.sleep(1)

    def see(self) -> None:
        """The accounts are shown their market."""
        self.real.hub.quote(SYMBOL, SEEN[0], MUCH, SEEN[1], MUCH, self._clock.now())
        self.real.hub.trade(SYMBOL, SEEN[1], LITTLE, False, self._clock.now())
        self.real.hub.quote("BNBUSDT", D(500), MUCH, D(500), MUCH, self._clock.now())

    async def end(self) -> None:
        """The process is gone, without a word."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._store.close()

    async def until(self, condition: Callable[[], object], what: str) -> None:
        for _ in range(600):
            if condition():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"it never came: {what}; {self.shadow.status}")

    async def enter(self, number: int, *, limit: Decimal | None = None, quote: int = 200) -> int:
        """A signal, and what comes of it; the real position."""
        self.see()
        await asyncio.sleep(0.5)
        answer = await self.real.submit(self.signal(number, limit=limit, quote=quote))
        assert answer.ok, answer
        await asyncio.sleep(2)
        return answer.position_id

    def signal(self, number: int, *, limit: Decimal | None = None, quote: int = 200) -> SubmitSignal:
        """An idea of its own."""
        signal = Signal(
            trader_id=f"t{number}",
            symbol=SYMBOL,
            side=Direction.LONG,
            created_at=self._clock.now(),
            entry=Entry() if limit is None else Entry("limit", limit),
            stop_loss=D(95),
            take_profit=D(110),
            size=Size(quote=D(quote)),
            key=f"k{number}",
        )
        return SubmitSignal(signal)

    async def leave(self, position_id: int) -> None:
        """Close a position, and wait until it is closed in both."""
        assert (await self.real.submit(ClosePosition(position_id=position_id, by="eve"))).ok
        await asyncio.sleep(2)

    def slow(self) -> None:
        """The exchange takes its time with every order from now on."""
        rule = CallFault(
            outcome=Outcome.DELAYED, endpoint="order*", delay_us=DELAY_MS * MILLISECOND, times=None
        )
        add_fault(self.box, rule)

    def report(self) -> DriftReport:
        return drift_of(self._store.read_model(), ACCOUNT)

    def executions(self, account_id: str) -> list[SignalExecution]:
        return self._store.read_model().executions(account_id)

    def groups(self) -> dict[str, DriftGroup]:
        return {one.leg: one for one in self.report().groups}


def test_price_fee_and_latency_are_what_the_exchange_was_made_to_do() -> None:
    async def story() -> None:
        async with World() as world:
            world.slow()
            for number in (1, 2, 3):
                await world.leave(await world.enter(number))
            report = world.report()
            assert (report.signals, report.shadowed, report.unshadowed) == (3, 3, 0)
            assert (report.shadow_id, report.quote_asset) == ("shadow-main", "USDT")
            assert report.denials == ()
            groups = world.groups()
            entry, leave = groups["entry"], groups["exit"]
            assert (entry.order_type, entry.pairs, leave.order_type, leave.pairs) == ("LIMIT", 3, "MARKET", 3)
            # bought at 100.10 instead of 100: 10 bps; sold at 99.90 instead of 99.99: 0.09 / 99.99
            assert entry.price_bps == Spread(3, D(10), D(10), D(10))
            assert leave.price_bps == Spread(3, D("9.0009"), D("9.0009"), D("9.0009"))
            # 10 bps there, 5 bps on paper
            assert entry.fee_bps == leave.fee_bps == Spread(3, D(5), D(5), D(5))
            for group in (entry, leave):
                assert group.fees_shadow < group.fees_real < 2 * group.fees_shadow * D("1.002")
                for real, shadow in (
                    (group.ack_ms_real, group.ack_ms_shadow),
                    (group.fill_ms_real, group.fill_ms_shadow),
                ):
                    assert real.p50 is not None
                    assert DELAY_MS <= real.p50 < DELAY_MS + 5, "and what the loop and the sockets take"
                    assert shadow.p50 is not None
                    assert PAPER.latency_ms <= shadow.p50 < PAPER.latency_ms + 5
                assert (group.missed_by_real, group.missed_by_shadow, group.pending) == (0, 0, 0)
            # stops and targets came with the entry, and were never filled
            assert groups["stop_loss"].pairs == groups["take_profit"].pairs == 0
            # for 200 at the limit price: what 0.2 % worse entries and exits and 0.1 % more fees make of it
            total = report.total
            assert total.pairs == 3
            assert total.pnl_difference == total.pnl_real - total.pnl_shadow < 0
            entered = D("100.1"), D(100)
            left = D("99.9"), D("99.99")
            fees = D("0.001"), D("0.0005")
            expected = [
                (sold * (1 - fee) * (1 - fee) / bought - 1) * 10_000
                for bought, sold, fee in zip(entered, left, fees, strict=True)
            ]
            assert total.return_bps.p50 is not None
            # coins that are too few for the lot stay: some hundredths of a basis point
            assert abs(total.return_bps.p50 - (expected[0] - expected[1])) < D("0.5")
            assert world.box.exchange.audit() == ()

    warped(story())


def test_what_one_of_them_did_not_buy_is_told_and_so_is_what_it_was_not_allowed() -> None:
    async def story() -> None:
        async with World(shadow_balance=24) as world:
            await world.leave(await world.enter(1))
            add_fault(world.box, CallFault(outcome=Outcome.REFUSED, endpoint="order*", code=-2010))
            await world.enter(2)
            assert world.groups()["entry"].missed_by_real == 1
            await world.enter(3)
            await world.enter(4)  # the shadow has spent its money, and the real account has not
            report, entry = world.report(), world.groups()["entry"]
            assert (entry.missed_by_real, entry.missed_by_shadow, entry.pairs) == (1, 0, 2)
            (denial,) = report.denials
            assert (denial.code_real, denial.signals) == ("", 1)
            assert denial.code_shadow == "POSITION_SIZE_MIN"
            assert report.total.pairs == 1

    warped(story())


def test_fees_in_bnb_are_the_real_accounts_alone() -> None:
    """7.5 bps of BNB there, 5 bps on paper: 2.5 bps more."""

    async def story() -> None:
        async with World(in_bnb=True) as world:
            await world.leave(await world.enter(1))
            entry = world.groups()["entry"]
            assert entry.pairs == 1
            assert entry.fee_bps.p50 is not None
            assert abs(entry.fee_bps.p50 - D("2.5")) < D("0.1")
            assert world.report().denials == ()

    warped(story())


def test_a_limit_that_only_paper_reaches_is_pending_and_then_missed() -> None:
    """At 100 paper buys at once; the exchange asks for more, and its order rests until it is cancelled."""

    async def story() -> None:
        async with World() as world:
            await world.enter(1, limit=D(100))
            entry = world.groups()["entry"]
            assert (entry.pairs, entry.pending, entry.missed_by_real) == (0, 1, 0)
            await asyncio.sleep(60)
            entry = world.groups()["entry"]
            assert (entry.pairs, entry.pending, entry.missed_by_real) == (0, 0, 1)

    warped(story())


def test_pairs_survive_the_end_of_the_process_and_what_was_missed_meanwhile_is_told() -> None:
    async def story() -> None:
        async with World() as world:
            first = await world.enter(1)
            before = world.report()
            await world.end()
            await world.begin()
            after = world.report()
            assert (after.since, after.shadowed) == (before.since, 1)
            assert len(world.shadow.account.engine.ledger.open_positions) == 1
            follower, world.real.follower = world.real.follower, None
            await world.enter(2)
            world.real.follower = follower
            await world.leave(first)
            await world.leave(await world.enter(3))
            report = world.report()
            assert (report.signals, report.shadowed, report.unshadowed) == (3, 2, 1)
            assert report.total.pairs == 2
            held = world.shadow.account.engine.state.portfolio
            assert held.balances["USDT"].total < 5_000, "it began with what the real account had, once"

    warped(story())


@pytest.mark.parametrize("seed", range(3))
def test_whenever_the_process_ends_no_signal_has_two_twins_and_nothing_is_held_that_was_sold(
    seed: int,
) -> None:
    """Kills at any moment between signals, closes and their answers; the last word is a close of everything."""

    async def story() -> None:
        draw = random.Random(seed)
        async with World() as world:
            world.slow()
            for number in range(12):
                world.see()
                live = [*world.real.engine.ledger.open_positions]
                if live and draw.random() < 0.5:
                    item: Any = ClosePosition(position_id=draw.choice(live), by="eve")
                else:
                    item = world.signal(number)
                world.real.post(item).add_done_callback(lambda reply: reply.cancelled() or reply.exception())
                await asyncio.sleep(draw.choice((0, 0.01, 0.03, 0.1, 0.2, 1)))
                if draw.random() < 0.4:
                    await world.end()
                    await world.begin()
            await asyncio.sleep(5)
            world.see()
            for position in [*world.real.engine.ledger.open_positions]:
                await world.real.submit(ClosePosition(position_id=position, by="eve"))
            await world.end()  # at once: the shadow has not heard of the last
            await world.begin()
            await asyncio.sleep(60)  # what was under way to either exchange is lost, and is asked about first
            assert not world.real.engine.ledger.open_positions
            assert not world.shadow.account.engine.ledger.open_positions
            report = world.report()
            assert report.shadowed + report.unshadowed == report.signals > 3
            assert report.shadowed > 0
            keys = [one.key for one in world.executions("shadow-main")]
            assert len(set(keys)) == len(keys) == report.shadowed
            assert all(one.pending == 0 for one in report.groups)
            assert world.box.exchange.audit() == ()

    warped(story())


def test_there_are_none_unless_they_are_wanted(tmp_path: Path) -> None:
    nothing: Any = None
    assert shadows_of(config_of(tmp_path, shadow=False), [nothing], nothing, nothing) == []
