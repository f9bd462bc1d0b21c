"""What tests of the live shell build on: a clock that a test moves, a venue over the exchange in the box that says
when it was called, a store that fails when told to, and a service put together from them. Nothing sleeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fillwright.core import events as ev
from fillwright.core.apply import apply
from fillwright.core.context import Answer
from fillwright.core.effects import FetchSnapshot, QueryOrder, Send
from fillwright.core.inputs import Candle, Entry, Input, Signal, Size, StreamChanged, SubmitSignal
from fillwright.core.instruments import Instrument
from fillwright.core.settings import Settings, VenueProfile
from fillwright.core.state import Ledger, State
from fillwright.core.types import SECOND, Direction, Mode, Symbol, Time
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.faults import FaultPlan
from fillwright.exchange.link import Link
from fillwright.exchange.settings import ExchangeSettings
from fillwright.ports import (
    FeedState,
    MarketSink,
    Owner,
    Projection,
    Snapshot,
    StorageError,
    VenueEffect,
    VenueTerms,
)
from fillwright.replay.venue import ReplayVenue
from fillwright.runtime.account import READY, AccountEngine
from fillwright.runtime.inbox import Bounds
from fillwright.runtime.market import MarketHub
from fillwright.runtime.recovery import Configured
from fillwright.storage.sql import SqliteStore, open_store
from tests.sim.harness import CASH, FEE, LIMITS, LITTLE, MUCH, STOP, TARGET, make_instrument

D = Decimal
NOW: Time = 1_795_168_800_000_000
"""2026-11-20 10:00 UTC."""
SYMBOL: Symbol = "AAAUSDT"
OWNER = Owner(account_id="paper", user_id="local", mode=Mode.PAPER)
PROFILE = VenueProfile(in_flight_max_ms=0, protection_read_s=0, reconciliation=False)
TURNS_MAX = 20_000
"""Turns of the loop that a test waits for a condition; more means that it never comes."""
PATIENCE_S = 60
"""A test that hangs fails after this long."""
T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a test's coroutine on a loop of its own; one that hangs fails."""

    async def bounded() -> T:
        async with asyncio.timeout(PATIENCE_S):
            return await coroutine

    return asyncio.run(bounded())


async def until(condition: Callable[[], object], what: str = "") -> None:
    """Let the loop turn until something is so."""
    for _ in range(TURNS_MAX):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError(f"it never came: {what or condition}")


async def turns(count: int = 50) -> None:
    """Let the loop turn so often: whatever was to happen at once has happened."""
    for _ in range(count):
        await asyncio.sleep(0)


class ManualClock:
    """Time stands still until the test moves it."""

    def __init__(self, now: Time = NOW) -> None:
        self.time = now
        self._sleepers: list[tuple[Time, asyncio.Future[None]]] = []

    def now(self) -> Time:
        return self.time

    async def sleep_until(self, time: Time) -> None:
        if time <= self.time:
            return
        sleeper = asyncio.get_running_loop().create_future()
        self._sleepers.append((time, sleeper))
        await sleeper

    @property
    def sleeping_until(self) -> list[Time]:
        """When those wake that still sleep, the earliest first."""
        return sorted(time for time, sleeper in self._sleepers if not sleeper.done())

    def move(self, duration: Time) -> None:
        """Let time pass; whoever is due wakes at the loop's next turn."""
        self.time += duration
        for time, sleeper in self._sleepers:
            if time <= self.time and not sleeper.done():
                sleeper.set_result(None)
        self._sleepers = [(time, sleeper) for time, sleeper in self._sleepers if not sleeper.done()]

    async def pass_by(self, duration: Time) -> None:
        """Let time pass, deadline by deadline, and everything happen that comes of it."""
        end = self.time + duration
        while True:
            await turns()
            due = [time for time in self.sleeping_until if time <= end]
            if not due:
                break
            self.move(max(due[0] - self.time, 0))
        self.move(end - self.time)
        await turns()


class Call(msgspec.Struct, frozen=True):
    """One effect that reached the venue, and how far the journal was then."""

    effect: VenueEffect
    journal_seq: int


class BoxVenue:
    """``ports.Venue`` over the exchange in the box, without latency; it notes every call and can be held or broken."""

    def __init__(
        self,
        clock: ManualClock,
        store: SqliteStore,
        account_id: str = OWNER.account_id,
        instrument: Instrument | None = None,
    ) -> None:
        self.clock = clock
        self.store = store
        self.account_id = account_id
        self.exchange = Exchange((instrument or make_instrument(SYMBOL),), ExchangeSettings(order_counts=()))
        self.exchange.open_account(account_id, {"USDT": CASH}, maker_fee=FEE, taker_fee=FEE)
        self.exchange.average_price = lambda symbol, minutes: self.exchange.quote(symbol).last
        self.link = Link(self.exchange, account_id, 0, FaultPlan())
        self.replay = ReplayVenue(self.exchange, self.link, 0)
        self.market = BoxMarket(self)
        self.calls: list[Call] = []
        self.opened = 0
        self.closed = 0
        self.open_errors: list[Exception] = []
        """Raised by the next calls of open, one each."""
        self.run_error: asyncio.Future[None] | None = None
        self.call_errors: list[Exception] = []
        """Raised by the next calls of carry_out, one each."""
        self.held: Callable[[VenueEffect], bool] = lambda effect: False
        """Effects that wait until ``release``."""
        self.reports: Callable[[Sequence[Input]], None] | None = None
        self._gate = asyncio.Event()

    async def open(self) -> VenueTerms:
        self.opened += 1
        if self.open_errors:
            raise self.open_errors.pop(0)
        held = self.exchange.balances(self.account_id)
        return VenueTerms(
            instruments=tuple(self.exchange.instrument(symbol) for symbol in self.exchange.symbols),
            maker_fee=FEE,
            taker_fee=FEE,
            balances=tuple((balance.asset, balance.free, balance.locked) for balance in held),
            profile=PROFILE,
        )

    async def run(self, reports: Callable[[Sequence[Input]], None]) -> None:
        self.reports = reports
        self.run_error = asyncio.get_running_loop().create_future()
        reports([StreamChanged(True, "box")])
        await self.run_error

    async def carry_out(self, effect: VenueEffect) -> Sequence[Input]:
        self.calls.append(Call(effect, self.store.journal.last_seq(self.account_id)))
        if self.call_errors:
            raise self.call_errors.pop(0)
        while self.held(effect):
            await self._gate.wait()
        now = self.clock.now()
        self.replay.carry_out((effect,), now)
        return self.replay.advance(now)

    async def close(self) -> None:
        self.closed += 1
        self.reports = None

    # -- what a test does ------------------------------------------------------------------------------------

    def release(self) -> None:
        """Let go of what is held."""
        self.held = lambda effect: False
        gate, self._gate = self._gate, asyncio.Event()
        gate.set()

    def tell(self) -> None:
        """Report what the market has set off."""
        now = self.clock.now()
        self.link.collect(now)
        inputs = self.replay.advance(now)
        if inputs and self.reports is not None:
            self.reports(inputs)

    def sent(self) -> list[Call]:
        """The calls that were requests."""
        return [call for call in self.calls if isinstance(call.effect, Send)]

    def questions(self) -> list[Call]:
        """The calls that were questions."""
        return [call for call in self.calls if isinstance(call.effect, QueryOrder | FetchSnapshot)]


class BoxMarket:
    """The live market as the box venue takes it."""

    def __init__(self, venue: BoxVenue) -> None:
        self.venue = venue
        self.quotes = 0

    def quote(
        self,
        symbol: Symbol,
        bid: Decimal,
        bid_quantity: Decimal,
        ask: Decimal,
        ask_quantity: Decimal,
        time: Time,
    ) -> None:
        self.quotes += 1
        now = self.venue.clock.now()
        self.venue.exchange.on_quote(symbol, bid, bid_quantity, ask, ask_quantity, now)
        self.venue.tell()

    def trade(
        self, symbol: Symbol, price: Decimal, quantity: Decimal, buyer_is_maker: bool, time: Time
    ) -> None:
        self.venue.exchange.on_trade(symbol, price, quantity, self.venue.clock.now())
        self.venue.tell()

    def depth(self, symbol: Symbol, bids: Any, asks: Any, time: Time) -> None:
        pass

    def candle(self, candle: Candle) -> None:
        raise AssertionError("venues take no candles")

    def state(self, state: FeedState) -> None:
        raise AssertionError("venues take no feed states")


class FailingJournal:
    """A journal whose next writes fail as the test says."""

    def __init__(self, store: SqliteStore) -> None:
        self._journal = store.journal
        self.errors: list[StorageError] = []
        self.appends: list[int] = []
        """How many records each commit of a batch had."""

    def _fail(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

    def append(
        self, account_id: str, expected_seq: int, records: Sequence[ev.Record], *, durable: bool = True
    ) -> None:
        self._fail()
        self._journal.append(account_id, expected_seq, records, durable=durable)
        self.appends.append(len(records))

    def append_group(
        self,
        account_id: str,
        records: Sequence[ev.Record],
        *,
        verify: bool = False,
        snapshot: Snapshot | None = None,
        projection: Projection | None = None,
    ) -> None:
        self._fail()
        self._journal.append_group(
            account_id, records, verify=verify, snapshot=snapshot, projection=projection
        )

    def verify_or_append(self, account_id: str, records: Sequence[ev.Record]) -> int:
        return self._journal.verify_or_append(account_id, records)

    def group(self) -> AbstractContextManager[object]:
        return self._journal.group()

    def load(self, account_id: str, after_seq: int = 0) -> Iterator[ev.Record]:
        return self._journal.load(account_id, after_seq)

    def last_seq(self, account_id: str) -> int:
        return self._journal.last_seq(account_id)

    def accounts(self) -> list[str]:
        return self._journal.accounts()

    def save_snapshot(self, account_id: str, snapshot: Snapshot) -> None:
        self._journal.save_snapshot(account_id, snapshot)

    def load_snapshot(self, account_id: str, seq_max: int | None = None) -> Snapshot | None:
        return self._journal.load_snapshot(account_id, seq_max)

    def digest(self, account_id: str) -> str:
        return self._journal.digest(account_id)


class FailingProjection:
    """Read models whose next writes fail as the test says."""

    def __init__(self, projection: Projection, errors: list[StorageError]) -> None:
        self._projection = projection
        self._errors = errors

    @property
    def seq(self) -> int:
        return self._projection.seq

    def observe(self, records: Sequence[ev.Record], ledger: Ledger) -> None:
        self._projection.observe(records, ledger)

    def flush(self) -> int:
        if self._errors:
            raise self._errors.pop(0)
        return self._projection.flush()

    def catch_up(self) -> int:
        return self._projection.catch_up()


class FailingStore:
    """``ports.Store`` over a real one, failing as the test says."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.journal = FailingJournal(store)
        self.read_model_errors: list[StorageError] = []
        self.checkpoints = 0
        self.is_checkpoint_due = False

    def projection(self, owner: Owner) -> FailingProjection:
        return FailingProjection(self.store.projection(owner), self.read_model_errors)

    def read_model(self) -> Any:
        return self.store.read_model()

    def checkpoint(self) -> bool:
        self.checkpoints += 1
        self.is_checkpoint_due = False
        return True

    def checkpoint_due(self) -> bool:
        return self.is_checkpoint_due

    def close(self) -> None:
        self.store.close()


class StillMarket:
    """A source that pushes what a test says, and knows candles of the past."""

    source = "synthetic"

    def __init__(self) -> None:
        self.sink: MarketSink | None = None
        self.candles: dict[Symbol, list[Candle]] = {}
        self.errors: list[Exception] = []
        """Raised by the next calls of history or run, one each."""
        self.asked: list[tuple[Symbol, str, int]] = []
        self.ends = asyncio.Event()

    async def history(self, symbol: Symbol, interval: str, count: int) -> Sequence[Candle]:
        self.asked.append((symbol, interval, count))
        if self.errors:
            raise self.errors.pop(0)
        return self.candles.get(symbol, [])[-count:]

    async def run(self, sink: MarketSink) -> None:
        self.sink = sink
        sink.state(FeedState(self.source, connected=True))
        await self.ends.wait()


def make_settings(**changes: Any) -> Settings:
    """Settings whose limits are out of the way."""
    return msgspec.structs.replace(Settings(risk=LIMITS, venue=PROFILE), **changes)


def make_signal(key: str | None = None, *, limit: Decimal | None = None, **changes: Any) -> SubmitSignal:
    """A long signal for 200 USDT with stop and target around 100."""
    fields: dict[str, Any] = {
        "trader_id": "ada",
        "symbol": SYMBOL,
        "side": Direction.LONG,
        "created_at": NOW,
        "entry": Entry("limit", limit) if limit is not None else Entry(),
        "stop_loss": STOP,
        "take_profit": TARGET,
        "size": Size(quote=D(200)),
        "key": key,
    }
    return SubmitSignal(Signal(**{**fields, **changes}))


def make_candle(row: int, symbol: Symbol = SYMBOL, interval: str = "15m") -> Candle:
    """The row-th candle since NOW."""
    length = 900 * SECOND
    begin = NOW + row * length
    price = D(100)
    return Candle(symbol, interval, begin, begin + length - 1, price, price, price, price, D(1))


class Bench:
    """One account with everything that it needs."""

    def __init__(
        self,
        store: SqliteStore,
        clock: ManualClock | None = None,
        *,
        settings: Settings | None = None,
        limits: dict[str, Any] | None = None,
        bounds: Bounds | None = None,
        instrument: Instrument | None = None,
    ) -> None:
        self.clock = clock or ManualClock()
        self.real_store = store
        self.store = FailingStore(store)
        self.venue = BoxVenue(self.clock, store, instrument=instrument)
        self.hub = MarketHub(self.clock)
        self.alerts: list[str] = []
        self.account = AccountEngine(
            OWNER,
            self.store,
            self.venue,
            self.clock,
            self.hub,
            Configured(settings or make_settings(), limits or {}),
            alert=lambda owner, alert: self.alerts.append(alert.code),
            bounds=bounds,
            tag=lambda: "t",
        )
        self.task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self, *, ready: bool = True):  # type: ignore[no-untyped-def]
        """Run the account meanwhile, stopped at once at the end if it has not ended by itself."""
        self.task = asyncio.create_task(self.account.run())
        try:
            if ready:
                await self.ready()
            yield self.account
        finally:
            self.account.stop_now()
            self.venue.release()
            await asyncio.wait((self.task,))
            if not self.task.cancelled():
                self.task.exception()

    async def ready(self) -> None:
        """Wait until signals are taken, with a market at 100."""
        await until(lambda: self.account.state == READY, "ready")
        self.price(D(100))

    def price(self, last: Decimal, volume: Decimal = LITTLE, displayed: Decimal = MUCH) -> None:
        """The market moves."""
        tick = D("0.01")
        self.hub.quote(SYMBOL, last - tick, displayed, last + tick, displayed, self.clock.now())
        self.hub.trade(SYMBOL, last, volume, False, self.clock.now())

    async def submit(self, item: Input) -> Answer:
        return await self.account.submit(item)

    def events(self, *kinds: type[ev.Event]) -> list[ev.Event]:
        """What the journal holds of some kinds."""
        return [r.event for r in self.records() if isinstance(r.event, kinds or ev.Event)]

    def records(self) -> list[ev.Record]:
        """All that the journal holds."""
        return list(self.real_store.journal.load(OWNER.account_id))

    def check(self) -> None:
        """The journal, replayed from nothing, gives the state; the read models follow; and the books agree."""
        replayed = Ledger(State())
        for record in self.records():
            apply(replayed, record)
        assert replayed.dump() == self.account.engine.ledger.dump()
        with self.real_store.read_model() as model:
            assert model.seq(OWNER.account_id) == replayed.state.seq
        for balance in self.venue.exchange.balances(OWNER.account_id):
            ours = replayed.state.portfolio.balance_of(balance.asset)
            assert (ours.free, ours.locked) == (balance.free, balance.locked), balance


def open_bench(path: Path, **fields: Any) -> Bench:
    """A bench with a store of its own."""
    return Bench(opened(path / "fillwright.db"), **fields)


STORES: list[SqliteStore] = []
"""Opened by a test, and closed after it."""


def opened(path: Path) -> SqliteStore:
    """A store that is closed when the test has ended."""
    STORES.append(open_store(path))
    return STORES[-1]
