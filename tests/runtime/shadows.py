"""A real account and its shadow, both over exchanges in the box, on one store and one clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fillwright.core import events as ev
from fillwright.core.types import SECOND, Mode
from fillwright.ports import Owner
from fillwright.runtime.account import READY, AccountEngine
from fillwright.runtime.market import MarketHub
from fillwright.runtime.recovery import Configured
from fillwright.runtime.relaxed import RelaxedStore
from fillwright.runtime.shadow import Shadow, shadow_owner
from tests.runtime.builders import (
    SYMBOL,
    BoxVenue,
    D,
    FailingStore,
    ManualClock,
    make_settings,
    opened,
)
from tests.runtime.builders import until as until_so
from tests.sim.harness import LITTLE, MUCH

REAL = Owner(account_id="testnet", user_id="local", mode=Mode.TESTNET)


class Beside:
    """The two, and what a test does with them."""

    def __init__(self, path: Path, waiting_max: int = 1_000) -> None:
        self.clock = ManualClock()
        self.store = FailingStore(opened(path / "f.db"))
        self.shadow_store = FailingStore(self.store.store)
        self.hub = MarketHub(self.clock)
        self.venue = BoxVenue(self.clock, self.store.store, REAL.account_id)
        self.real = self._account(REAL, self.store, self.venue, self.hub)
        owner = shadow_owner(REAL)
        self.shadow_venue = BoxVenue(self.clock, self.store.store, owner.account_id)
        relaxed = RelaxedStore(self.shadow_store)
        account = self._account(owner, relaxed, self.shadow_venue, MarketHub(self.clock))
        self.shadow = Shadow(self.real, account, self.clock, waiting_max)

    def _account(self, owner: Owner, store: Any, venue: BoxVenue, hub: MarketHub) -> AccountEngine:
        return AccountEngine(
            owner, store, venue, self.clock, hub, Configured(make_settings()), tag=lambda: owner.account_id[0]
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Beside]:
        """Both live meanwhile."""
        tasks = [asyncio.create_task(self.real.run()), asyncio.create_task(self.shadow.run())]
        try:
            await until_so(lambda: self.real.state == self.account.state == READY, "both are ready")
            self.price(100)
            await self.until(lambda: SYMBOL in self.account.hub.quotes, "the shadow sees prices")
            await self.until(lambda: True, "a look")
            yield self
        finally:
            self.real.stop_now()
            self.shadow.stop_now()
            self.venue.release()
            self.shadow_venue.release()
            await asyncio.wait(tasks)
            tasks[1].result()

    @property
    def account(self) -> AccountEngine:
        """The shadow's."""
        return self.shadow.account

    def price(self, last: int) -> None:
        """The market moves."""
        tick = D("0.01")
        self.hub.quote(SYMBOL, D(last) - tick, MUCH, D(last) + tick, MUCH, self.clock.now())
        self.hub.trade(SYMBOL, D(last), LITTLE, False, self.clock.now())

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Let time pass until something is so."""
        for _ in range(200):
            for _ in range(20):
                await asyncio.sleep(0)
            if condition():
                return
            self.clock.move(SECOND // 10)
            self.price_again()
        raise AssertionError(f"it never came: {what}")

    def price_again(self) -> None:
        """The same quote, fresh."""
        quote = self.hub.quotes.get(SYMBOL)
        if quote is not None:
            self.hub.quote(SYMBOL, quote.bid, MUCH, quote.ask, MUCH, self.clock.now())

    async def settled(self) -> None:
        """Nothing waits for the shadow any more."""
        await self.until(lambda: not self.shadow.status.waiting, "told")
        for _ in range(200):
            await asyncio.sleep(0)

    def events(self, *kinds: type[ev.Event]) -> list[Any]:
        """What the shadow's journal holds of some kinds."""
        records = self.store.store.journal.load(self.account.owner.account_id)
        return [record.event for record in records if isinstance(record.event, kinds)]

    def open_positions(self) -> tuple[int, int]:
        """How many are open: in the real account, in the shadow."""
        return len(self.real.engine.ledger.open_positions), len(self.account.engine.ledger.open_positions)
