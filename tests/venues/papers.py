"""What tests of the paper venue share: a clock that is set by hand, a journal in memory, a venue in one line."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from decimal import Decimal
from types import TracebackType
from typing import Any, TypeVar

from fillwright.core.events import Record, decode, encode
from fillwright.core.inputs import Input
from fillwright.core.types import AccountId, Symbol, Time
from fillwright.exchange.faults import FaultPlan
from fillwright.ports import DiskFullError, SeqConflictError, Snapshot
from fillwright.venues.paper import PaperTerms, PaperVenue
from tests.exchange.builders import BTCUSDT, EXACT, SYMBOL

D = Decimal
T = TypeVar("T")
START: Time = 1_700_000_000_000_000


class ManualClock:
    """``ports.Clock`` that stands still until it is set."""

    def __init__(self, now: Time = START) -> None:
        self._now = now
        self._sleepers: list[tuple[Time, asyncio.Future[None]]] = []

    def now(self) -> Time:
        return self._now

    async def sleep_until(self, time: Time) -> None:
        if time <= self._now:
            return
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((time, sleeper))
        await sleeper

    def next_time(self) -> Time | None:
        """When somebody wants to be woken next."""
        self._sleepers = [one for one in self._sleepers if not one[1].done()]
        return min((time for time, _ in self._sleepers), default=None)

    def set(self, now: Time) -> None:
        self._now = max(self._now, now)
        for time, sleeper in self._sleepers:
            if time <= self._now and not sleeper.done():
                sleeper.set_result(None)

    async def advance(self, step: Time) -> None:
        """Let time pass, and everything happen that is due meanwhile, each at its own time."""
        end = self._now + step
        await settle()
        while (due := self.next_time()) is not None and due <= end:
            self.set(due)
            await settle()
        self.set(end)
        await settle()


async def settle() -> None:
    """Let everything that is ready run; nothing here waits for a real clock."""
    for _ in range(20):
        await asyncio.sleep(0)


class MemoryJournal:
    """As much of ``ports.Journal`` as a venue needs, in memory; ``full`` makes every write fail."""

    def __init__(self) -> None:
        self.rows: dict[AccountId, list[tuple[int, Time, int, str, int, bytes]]] = {}
        self.snapshots: dict[AccountId, list[Snapshot]] = {}
        self.appends = 0
        self.durable_appends = 0
        self.full = False
        self.full_snapshots = False

    def append(
        self, account_id: AccountId, expected_seq: int, records: Sequence[Record], *, durable: bool = True
    ) -> None:
        if self.full:
            raise DiskFullError("there is no room")
        rows = self.rows.setdefault(account_id, [])
        if len(rows) != expected_seq:
            raise SeqConflictError(account_id, expected_seq, len(rows))
        self.appends += 1
        self.durable_appends += durable
        for record in records:
            kind = type(record.event)
            body = encode(record.event)
            rows.append((record.seq, record.time, record.cause, kind.__name__, kind.version, body))

    def load(self, account_id: AccountId, after_seq: int = 0) -> Iterator[Record]:
        for seq, time, cause, kind, version, body in list(self.rows.get(account_id, ()))[after_seq:]:
            yield Record(seq, time, cause, decode(kind, version, body))

    def last_seq(self, account_id: AccountId) -> int:
        return len(self.rows.get(account_id, ()))

    def save_snapshot(self, account_id: AccountId, snapshot: Snapshot) -> None:
        if self.full or self.full_snapshots:
            raise DiskFullError("there is no room")
        self.snapshots.setdefault(account_id, []).append(snapshot)

    def load_snapshot(self, account_id: AccountId, seq_max: int | None = None) -> Snapshot | None:
        stored = self.snapshots.get(account_id, [])
        return stored[-1] if stored else None

    def verify_or_append(self, account_id: AccountId, records: Sequence[Record]) -> int:
        raise NotImplementedError

    def append_group(self, account_id: AccountId, records: Sequence[Record], **_: Any) -> None:
        raise NotImplementedError

    def group(self) -> AbstractContextManager[object]:
        raise NotImplementedError

    def accounts(self) -> list[AccountId]:
        return sorted(self.rows)

    def digest(self, account_id: AccountId) -> str:
        raise NotImplementedError


TERMS = PaperTerms(
    instruments=(BTCUSDT,),
    balances={"USDT": D(10_000), "BTC": D(10)},
    maker_fee=D(0),
    taker_fee=D("0.001"),
    exchange=EXACT,
)


class Desk:
    """One process's view of a paper venue: opened, running, with everything that it told."""

    def __init__(self, venue: PaperVenue, clock: ManualClock) -> None:
        self.venue = venue
        self.clock = clock
        self.told: list[Input] = []
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Desk:
        self.terms = await self.venue.open()
        self._running = asyncio.ensure_future(self.venue.run(self.told.extend))
        await settle()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.die()

    async def die(self) -> None:
        """End as a process that is killed: nothing is closed."""
        if self._running is not None and not self._running.done():
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def failed(self) -> BaseException | None:
        """What ``run`` raised, once it did."""
        assert self._running is not None
        await asyncio.wait((self._running,), timeout=10)
        return self._running.exception() if self._running.done() else None

    def trade(self, price: str, quantity: str = "1", maker: bool = False, symbol: Symbol = SYMBOL) -> None:
        self.venue.market.trade(symbol, D(price), D(quantity), maker, self.clock.now())

    def quote(self, bid: str, ask: str, quantity: str = "5") -> None:
        self.venue.market.quote(SYMBOL, D(bid), D(quantity), D(ask), D(quantity), self.clock.now())

    def depth(self, bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]]) -> None:
        self.venue.market.depth(
            SYMBOL,
            [(D(price), D(quantity)) for price, quantity in bids],
            [(D(price), D(quantity)) for price, quantity in asks],
            self.clock.now(),
        )

    def take(self) -> list[Input]:
        """What was told since the last time."""
        told, self.told[:] = list(self.told), []
        return told


def a_desk(
    journal: MemoryJournal | Any | None = None,
    clock: ManualClock | None = None,
    *,
    terms: PaperTerms = TERMS,
    latency_ms: int = 0,
    faults: FaultPlan | None = None,
    snapshot_every: int = 5_000,
) -> Desk:
    clock = clock or ManualClock()
    venue = PaperVenue(
        "a",
        journal if journal is not None else MemoryJournal(),
        clock,
        terms,
        latency_ms=latency_ms,
        faults=faults,
        snapshot_every=snapshot_every,
    )
    return Desk(venue, clock)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)
