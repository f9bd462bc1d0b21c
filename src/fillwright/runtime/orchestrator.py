"""The orchestrator: every account's engine, the market, the traders and the watchdog, as one group of tasks.

It holds one engine per user and mode and knows which mode a user is in. It ends when it is told to, within ten seconds
and with working entries cancelled, or with the first failure that nothing mends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec
import structlog

from fillwright.core.inputs import Candle
from fillwright.core.types import MILLISECOND, SECOND, AccountId, Mode, Time
from fillwright.ports import (
    Clock,
    FeedState,
    MarketData,
    MarketUnavailableError,
    SeqConflictError,
    StorageError,
    Store,
    Strategy,
    UnknownAccountError,
)
from fillwright.runtime.account import STOPPED, AccountEngine
from fillwright.runtime.errors import ModeUnavailableError, first_of
from fillwright.runtime.market import MarketHub
from fillwright.runtime.modes import Modes, SelfTest
from fillwright.runtime.shadow import Shadow
from fillwright.runtime.status import ServiceStatus, account_status, reasons, unready
from fillwright.runtime.strategies import StrategyTask
from fillwright.runtime.watchdog import Watchdog

STOP_MAX: Time = 6 * SECOND
"""So long a graceful stop waits for the venue's word on working entries; the rest of ten seconds is for closing."""
SHADOWS_END_MAX_S = 1.0
"""So long shadows have to write their last records, once all accounts have ended."""
HOUSEKEEPING_EVERY: Time = SECOND
MARKET_PAUSE_FIRST: Time = 500 * MILLISECOND
MARKET_PAUSE_MAX: Time = 30 * SECOND
STOPPING = "the service is stopping"
FEED_ENDED = "the source has come to its end"


class Enlisted(msgspec.Struct, frozen=True):
    """A trader and whose it is; it is asked while its user is in its mode (None: the one at the start)."""

    user_id: str
    strategy: Strategy
    mode: Mode | None = None


class MarketLine(msgspec.Struct, frozen=True):
    """A source of prices, and the hub of the accounts that trade at them."""

    hub: MarketHub
    market: MarketData


class Orchestrator:
    """The whole live shell. ``modes`` says which mode each user is in (not named: that of their first account)."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        hub: MarketHub,
        market: MarketData,
        accounts: Sequence[AccountEngine],
        traders: Sequence[Enlisted] = (),
        modes: Mapping[str, Mode] | None = None,
        version: str = "",
        watchdog: Watchdog | None = None,
        checkpoint: Callable[[], object] | None = None,
        others: Sequence[MarketLine] = (),
        self_tests: Mapping[AccountId, SelfTest] | None = None,
        shadows: Sequence[Shadow] = (),
    ) -> None:
        """``checkpoint`` is called in a worker thread in place of ``store.checkpoint`` on the loop's.

        ``others``: prices of accounts that do not trade at those of ``hub``. ``self_tests``: of accounts, before a
        switch to them. ``shadows``: paper accounts beside real ones; nobody's mode, and nothing waits for them.
        """
        self.accounts = accounts
        self.shadows = shadows
        self.hub = hub
        self.started_at: Time = clock.now()
        self._store = store
        self._clock = clock
        self._lines = (MarketLine(hub, market), *others)
        self._version = version
        self._watchdog = watchdog or Watchdog()
        self._checkpoint = checkpoint
        self._by_id = {account.owner.account_id: account for account in accounts}
        self.modes = Modes(store.journal, clock, accounts, modes or {}, self_tests or {})
        self._traders = tuple(self._task_of(trader) for trader in traders)
        for line in self._lines:
            line.hub.feed = FeedState(source=line.market.source, connected=False, detail="starting")
            line.hub.on_candle = partial(self._on_candle, line.hub)
            line.hub.on_state = self._on_feed
        self._log = structlog.get_logger()
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._failure: BaseException | None = None

    def _task_of(self, trader: Enlisted) -> StrategyTask:
        account = self.engine(trader.user_id, trader.mode)
        market = next((line.market for line in self._lines if line.hub is account.hub), self._lines[0].market)
        return StrategyTask(
            trader.user_id,
            trader.strategy,
            account,
            market,
            self._clock,
            lambda: self.modes.is_current(account),
        )

    # -- who is who ------------------------------------------------------------------------------------------

    def mode(self, user_id: str) -> Mode:
        """The mode that a user is in; raises UnknownAccountError."""
        return self.modes.mode(user_id)

    def engine(self, user_id: str, mode: Mode | None = None) -> AccountEngine:
        """A user's account, of the mode that they are in unless one is named.

        Raises UnknownAccountError for a user without any account, ModeUnavailableError for one without it in that mode.
        """
        return self.modes.engine(user_id, mode)

    def real_engine(self, user_id: str) -> AccountEngine:
        """A user's real account: of their mode, else the first; UnknownAccountError, ModeUnavailableError."""
        current = self.engine(user_id)
        if current.owner.mode is not Mode.PAPER:
            return current
        for account in self.accounts:
            if account.owner.user_id == user_id and account.owner.mode is not Mode.PAPER:
                return account
        raise ModeUnavailableError(user_id, Mode.TESTNET)

    def shadow(self, account: AccountEngine) -> Shadow | None:
        """The shadow of an account, if it has one."""
        return next((shadow for shadow in self.shadows if shadow.real is account), None)

    def account(self, account_id: AccountId) -> AccountEngine:
        """An account by its id; raises UnknownAccountError."""
        account = self._by_id.get(account_id)
        if account is None:
            raise UnknownAccountError(f"there is no account {account_id}")
        return account

    def status(self) -> ServiceStatus:
        """How all of it is doing."""
        now = self._clock.now()
        accounts = tuple(account_status(account, now) for account in self.accounts)
        current = [account for account in self.accounts if self.modes.is_current(account)]
        feed = current[0].hub.feed if current else self.hub.feed
        traded = tuple(account_status(account, now) for account in current)
        why, parts = reasons(traded, feed), unready(traded, feed)
        if self._stopping.is_set():
            why, parts = (STOPPING, *why), (STOPPING, *parts)
        return ServiceStatus(
            version=self._version,
            mode=self.modes.first,
            ready=not why,
            reasons=why,
            unready=parts,
            feed=feed,
            accounts=accounts,
            traders=tuple(task.status for task in self._traders if task.is_asked),
            started_at=self.started_at,
            lag_ms=self._watchdog.lag_ms,
            ticks=self.hub.ticks,
        )

    # -- running ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until ``stop`` and its end; raises the first failure that nothing mends."""
        try:
            async with asyncio.TaskGroup() as tasks:
                lives = [tasks.create_task(self._live(account)) for account in self.accounts]
                shadows = [tasks.create_task(shadow.run()) for shadow in self.shadows]
                others = [
                    *(tasks.create_task(self._push_market(line)) for line in self._lines),
                    tasks.create_task(self.modes.run()),
                    tasks.create_task(self._watchdog.run()),
                    tasks.create_task(self._keep_house()),
                    *(tasks.create_task(task.run()) for task in self._traders),
                ]
                others.append(tasks.create_task(self._stop_in_time()))
                await asyncio.wait(lives)
                await self._end_shadows(shadows)
                for task in others:
                    task.cancel()
        except BaseExceptionGroup as group:
            raise first_of(group) from None
        if self._failure is not None:
            raise self._failure

    async def _end_shadows(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Shadows end with the accounts; one that does not end soon is left alone."""
        for shadow in self.shadows:
            shadow.stop_now()
        if tasks:
            await asyncio.wait(tasks, timeout=SHADOWS_END_MAX_S)
        for task in tasks:
            task.cancel()

    def stop(self) -> None:
        """Stop gracefully, within ten seconds; called again: at once."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    async def _live(self, account: AccountEngine) -> None:
        """Run an account. One that has lost its fence stops alone; when none is left the service has failed."""
        try:
            await account.run()
        except SeqConflictError as error:
            if all(other.state == STOPPED for other in self.accounts):
                raise
            self._failure = self._failure or error

    async def _stop_in_time(self) -> None:
        await self._stopping.wait()
        for account in self.accounts:
            account.stop()
        for shadow in self.shadows:
            shadow.stop()
        late = asyncio.create_task(self._clock.sleep_until(self._clock.now() + STOP_MAX))
        hurry = asyncio.create_task(self._hurry.wait())
        try:
            await asyncio.wait((late, hurry), return_when=asyncio.FIRST_COMPLETED)
        finally:
            late.cancel()
            hurry.cancel()
        self._log.warning("the service stops without the venue's last word")
        for account in self.accounts:
            account.stop_now()

    # -- the market ------------------------------------------------------------------------------------------

    async def _push_market(self, line: MarketLine) -> None:
        hub, market = line.hub, line.market
        pause = MARKET_PAUSE_FIRST
        while True:
            try:
                await market.run(hub)
            except MarketUnavailableError as error:
                hub.state(FeedState(market.source, connected=False, detail=str(error)))
            else:
                hub.state(FeedState(market.source, connected=False, detail=FEED_ENDED))
                return
            await self._clock.sleep_until(self._clock.now() + pause)
            pause = min(pause * 2, MARKET_PAUSE_MAX)

    def _on_candle(self, hub: MarketHub, candle: Candle) -> None:
        for task in self._traders:
            if task.account.hub is hub:
                task.candle(candle)

    def _on_feed(self, feed: FeedState) -> None:
        log = self._log.info if feed.connected else self._log.warning
        log("prices", source=feed.source, connected=feed.connected, detail=feed.detail)

    # -- housekeeping ----------------------------------------------------------------------------------------

    async def _keep_house(self) -> None:
        while True:
            await self._clock.sleep_until(self._clock.now() + HOUSEKEEPING_EVERY)
            if self._store.checkpoint_due():
                try:
                    if self._checkpoint is not None:
                        await asyncio.to_thread(self._checkpoint)
                    else:
                        self._store.checkpoint()
                except (
                    StorageError
                ) as error:  # the log grows on; commits say so themselves when nothing is left
                    self._log.error("the store's housekeeping failed", reason=str(error))
