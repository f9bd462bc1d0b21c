"""The service put together: data folder, store, paper venue, prices, traders, orchestrator and API on one loop."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog
import uvloop

from fillwright import __version__
from fillwright.api.address import PortInUseError, bind, url_of
from fillwright.bootstrap.enlisting import Lineup, line_up
from fillwright.bootstrap.folder import DataFolder
from fillwright.bootstrap.prices import exchange_info_of, known, on_tape, with_order_limits
from fillwright.bootstrap.tokens import new_token, read_digest
from fillwright.config import GATE, Config, ServerConfig
from fillwright.core.events import UnknownEventError
from fillwright.core.types import MILLISECOND, SECOND, AccountId, Mode, Time
from fillwright.exchange.faults import FaultPlan
from fillwright.market.live.late import LateMarket
from fillwright.ops.logs import configure_logs
from fillwright.options import (
    AddressInUseError,
    BadInputError,
    ExitCode,
    ServiceOptions,
    ServiceUp,
    StorageFailedError,
)
from fillwright.ports import FeedState, Journal, MarketUnavailableError, Owner, ReadModel
from fillwright.runtime.account import AccountEngine
from fillwright.runtime.clock import SystemClock
from fillwright.runtime.errors import first_of
from fillwright.runtime.market import MarketHub
from fillwright.runtime.orchestrator import Enlisted, Orchestrator
from fillwright.runtime.recovery import Configured
from fillwright.storage.halt_mark import halt_mark
from fillwright.storage.sql import SqliteStore, checkpoint_beside, open_store
from fillwright.venues.paper import PaperVenue, paper_terms
from fillwright.wire.exchange_info import ExchangeInfoError

if TYPE_CHECKING:
    from fillwright.binance.signers import Signer
    from fillwright.bootstrap.ccxt import CcxtAccess
    from fillwright.bootstrap.real import RealAccount
    from fillwright.bootstrap.serving import Api
    from fillwright.bootstrap.sources import Prices
    from fillwright.runtime.shadow import Shadow
    from fillwright.traders import TraderRunner

ACCOUNT_ID: AccountId = "paper"
USER_ID = "local"
FAULTS_BYTES_MAX = 1_000_000
FIRST_MAX_S = 1.0
"""So long everything else waits for the accounts to come up: prices and API take longer to load than they do."""
PRICES_TOLD_MAX_S = 5.0
"""So long it is waited for what the source says before the service says that it is up."""
SAME_SIGNAL: Time = 300 * MILLISECOND
"""Ctrl-C reaches all of a terminal, and some who start others hand it on: what comes so soon is no second signal."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_service(options: ServiceOptions, tell: Callable[[ServiceUp], None]) -> None:
    """Run the service until it is told to stop; ``tell`` is called once it answers requests.

    Raises Failure, each with one clear line, and StorageError.
    """
    config = options.config
    configure_logs(config.log.format, config.log.level)
    with _failures():
        plan = _Plan(options)
        with (
            DataFolder(config.data.dir) as folder,
            closing(bind(config.server.host, config.server.port)) as bound,
            open_store(folder.private_journal(), plan.durability, lay_out=True) as store,
            store.read_model() as model,
        ):
            service = _Service(plan, folder, bound, store, model, tell)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(service.run())


@contextmanager
def _failures() -> Iterator[None]:
    """Turn the rooms' errors into the failures that a caller knows; the store's are known as they are."""
    try:
        yield
    except PortInUseError as error:
        raise AddressInUseError(f"{error} (--port, or server.port)") from error
    except UnknownEventError as error:
        raise StorageFailedError(f"the journal was written by a newer fillwright: {error}") from error
    except _mistakes() as error:
        raise BadInputError(str(error)) from error


def _mistakes() -> tuple[type[Exception], ...]:
    """Errors of whoever started the service; their rooms are loaded when there is one."""
    from fillwright.market.intervals import IntervalError
    from fillwright.market.tapes import TapeError
    from fillwright.traders import TraderLoadError

    return ExchangeInfoError, IntervalError, MarketUnavailableError, TapeError, TraderLoadError


class _Plan:
    """What the options come to, before anything is touched."""

    def __init__(self, options: ServiceOptions) -> None:
        self.options = options
        self.config = config = options.config
        self.faults = None if config.faults is None else read_faults(config.faults)
        info = exchange_info_of(config.market)
        known_instruments = info.instruments
        self.lineup: Lineup = line_up(options, on_tape(config.market, known_instruments))
        known(self.lineup.symbols, known_instruments)
        self.settings = with_order_limits(self.lineup.settings, info)
        self.instruments = {symbol: known_instruments[symbol] for symbol in self.lineup.symbols}
        self.runners: list[TraderRunner] = self.lineup.runners()
        intervals = [str(runner.interval) for runner in self.runners]
        self.intervals = tuple(dict.fromkeys([*intervals, self.settings.candle_interval]))
        self.signers = _signers(config)
        first = Mode(config.trading.mode)
        if first not in (Mode.PAPER, *self.signers):
            raise BadInputError(f"trading.mode is {first}, and [{first}] has no api_key")
        self.modes = {USER_ID: first}
        strictest = Mode.MAINNET if Mode.MAINNET in self.signers else first
        self.durability = config.durability_in(strictest)

    @property
    def real_intervals(self) -> tuple[str, ...]:
        """The candles that real accounts want; the example is never shown to them."""
        return (self.config.settings.candle_interval,) if self.lineup.is_demo else self.intervals

    def enlisted(self) -> list[Enlisted]:
        """The traders of each mode: those of one never see the prices of another; the example trades on paper alone."""
        found = [Enlisted(USER_ID, runner, Mode.PAPER) for runner in self.runners]
        for mode in () if self.lineup.is_demo else self.signers:
            found += [Enlisted(USER_ID, runner, mode) for runner in self.lineup.runners()]
        return found


def _signers(config: Config) -> dict[Mode, Signer | CcxtAccess]:
    """Of the accounts at Binance; what makes them is loaded when there is one. Raises BadInputError."""
    if not config.real:
        return {}
    from fillwright.bootstrap.real import signers_of

    return signers_of(config)


class _Service:
    """One run of the service."""

    def __init__(
        self,
        plan: _Plan,
        folder: DataFolder,
        bound: socket.socket,
        store: SqliteStore,
        model: ReadModel,
        tell: Callable[[ServiceUp], None],
    ) -> None:
        self.plan = plan
        self.folder = folder
        self.bound = bound
        self.store = store
        self.model = model
        self.tell = tell
        self.clock = clock_after(store.journal)
        self.new_token = self._first_token()
        self.code: str | None = None
        self.real: list[RealAccount] = []
        self._orchestrator: Orchestrator | None = None
        self._signals = 0
        self._signalled_at: Time = 0
        self._log = structlog.get_logger()

    def _first_token(self) -> str | None:
        """The token, if there was none and it has just been made."""
        if self.plan.config.server.token is not None or read_digest(self.folder.token):
            return None
        return new_token(self.folder.token)

    async def run(self) -> None:
        """Start, live, stop."""
        market = LateMarket()
        orchestrator = self._orchestrator = self._assemble(market)
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
        stop_serving = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                opening = tasks.create_task(self._open(tasks, orchestrator, market, stop_serving))
                try:
                    await orchestrator.run()
                finally:
                    stop_serving.set()
                    opening.cancel()
        except BaseExceptionGroup as group:
            raise first_of(group) from None
        self._log.info("stopped")

    async def _open(
        self,
        tasks: asyncio.TaskGroup,
        orchestrator: Orchestrator,
        market: LateMarket,
        stop_serving: asyncio.Event,
    ) -> None:
        """What follows when what is open is protected: prices, the API, and word of both."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_MAX_S):
                for account in orchestrator.accounts:
                    await account.came_up.wait()
        prices_told = _told(orchestrator.engine(USER_ID).hub)
        # In a thread of their own, that the accounts go on: libraries that all of this needs take long to load.
        sources = await asyncio.to_thread(_load_sources)
        prices = self._prices(sources)
        for one in self.real:
            one.market.take(prices.of_account(one, self.plan.real_intervals))
        choosing = asyncio.create_task(prices.choose())
        try:
            made_of = await asyncio.to_thread(_load_api)
            chosen = await choosing
        finally:
            choosing.cancel()
        orchestrator.hub.feed = FeedState(chosen.source, connected=False, detail="starting")
        market.take(chosen)
        api = made_of(
            orchestrator=orchestrator,
            model=self.model,
            clock=self.clock,
            config=self.plan.config.server,
            folder=self.folder,
            user_id=USER_ID,
            new_token=self.new_token,
        )
        self.code = api.code
        serving = asyncio.Event()
        tasks.create_task(api.serve(self.bound, serving.set, stop_serving))
        await self._announce(orchestrator, serving, prices_told)

    def _prices(self, sources: type[Prices]) -> Prices:
        plan = self.plan
        return sources(
            plan.config.market,
            plan.instruments,
            plan.lineup.symbols,
            plan.intervals,
            self.clock,
            self.folder.market,
        )

    def _assemble(self, market: LateMarket) -> Orchestrator:
        plan, clock = self.plan, self.clock
        settings = plan.settings
        hub = MarketHub(clock)
        venue = PaperVenue(
            ACCOUNT_ID,
            self.store.journal,
            clock,
            paper_terms(settings, tuple(plan.instruments.values())),
            latency_ms=settings.paper.latency_ms,
            faults=plan.faults,
        )
        account = AccountEngine(
            Owner(account_id=ACCOUNT_ID, user_id=USER_ID, mode=Mode.PAPER),
            self.store,
            venue,
            clock,
            hub,
            Configured(settings, plan.config.limits),
            mark=halt_mark(self.folder.path, ACCOUNT_ID),
        )
        self.real = self._real_accounts()
        return Orchestrator(
            store=self.store,
            clock=clock,
            hub=hub,
            market=market,
            accounts=(account, *(one.engine for one in self.real)),
            traders=plan.enlisted(),
            modes=plan.modes,
            others=[one.line for one in self.real],
            self_tests={one.account_id: one.self_test for one in self.real},
            shadows=self._shadows(),
            version=__version__,
            checkpoint=partial(checkpoint_beside, self.folder.journal),
        )

    def _real_accounts(self) -> list[RealAccount]:
        plan = self.plan
        if not plan.signers:
            return []
        from fillwright.bootstrap.real import real_accounts

        return real_accounts(
            plan.config,
            plan.signers,
            plan.lineup.symbols,
            user_id=USER_ID,
            store=self.store,
            clock=self.clock,
            folder=self.folder.path,
        )

    def _shadows(self) -> list[Shadow]:
        """Paper accounts beside the real ones, if they are wanted."""
        if not self.real or not self.plan.config.trading.shadow:
            return []
        from fillwright.bootstrap.shadows import shadows_of

        return shadows_of(self.plan.config, self.real, self.store, self.clock)

    # -- signals ---------------------------------------------------------------------------------------------

    def _signalled(self, number: signal.Signals) -> None:
        """The first asks to stop in order; the second ends the process here and now, as a kill would."""
        now = self.clock.now()
        if self._signals and now - self._signalled_at < SAME_SIGNAL:
            return
        self._signals += 1
        self._signalled_at = now
        if self._signals > 1:
            self._log.warning("stopped at once; the next start goes on from the journal")
            sys.stderr.flush()
            os._exit(ExitCode.INTERRUPTED)
        self._log.info("stopping; once more to stop at once", signal=signal.Signals(number).name)
        if self._orchestrator is not None:
            self._orchestrator.stop()

    # -- telling ---------------------------------------------------------------------------------------------

    async def _announce(
        self, orchestrator: Orchestrator, serving: asyncio.Event, prices_told: asyncio.Event
    ) -> None:
        """Tell once requests are answered and it is known where prices come from."""
        await serving.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(PRICES_TOLD_MAX_S):
                await prices_told.wait()
        plan, feed = self.plan, orchestrator.engine(USER_ID).hub.feed
        url = url_of(self.bound)
        self.folder.tell(url, orchestrator.started_at, __version__)
        warnings = (*warnings_of(plan.config.server), *mainnet_warnings_of(plan.config))
        for warning in warnings:
            self._log.warning(warning)
        self._log.info("listening", url=url, prices=feed.source, symbols=list(plan.lineup.symbols))
        gc.collect()
        gc.freeze()  # what is there now stays; collections need not look at it again
        gc.enable()
        self.tell(
            ServiceUp(
                url=url,
                pid=os.getpid(),
                version=__version__,
                mode=orchestrator.mode(USER_ID),
                data=self.folder.path.absolute(),
                source=feed.source,
                source_detail=feed.detail,
                symbols=plan.lineup.symbols,
                traders=tuple(f"{one.trader_id} on {one.interval} candles" for one in plan.runners),
                token=self.new_token,
                code=self.code,
                warnings=warnings,
            )
        )


def _load_sources() -> type[Prices]:
    from fillwright.bootstrap.sources import Prices

    return Prices


def _load_api() -> type[Api]:
    from fillwright.bootstrap.serving import Api

    return Api


def clock_after(journal: Journal) -> SystemClock:
    """A clock that goes on from the journal's end, though the system's may have been set back meanwhile.

    The core's time never runs backwards: with a clock behind it, it would stand still, and every deadline with it.
    """
    told = 0
    for account_id in journal.accounts():
        last = next(iter(journal.load(account_id, max(journal.last_seq(account_id) - 1, 0))), None)
        told = max(told, 0 if last is None else last.time)
    behind_s = (told - SystemClock().now()) // SECOND
    if behind_s > 0:
        structlog.get_logger().warning(
            "the system's clock is behind the journal: time passes at half its pace until it has caught up",
            behind_s=behind_s,
        )
    return SystemClock(told=told)


def _told(hub: MarketHub) -> asyncio.Event:
    """Is set when the source has said how it is doing."""
    told, inner = asyncio.Event(), hub.on_state

    def tell(state: FeedState) -> None:
        inner(state)
        told.set()

    hub.on_state = tell
    return told


def warnings_of(server: ServerConfig) -> tuple[str, ...]:
    """What whoever opens the service to other machines should know."""
    if server.is_loopback:
        return ()
    reachable = (
        f"other machines can reach {server.host}: whoever has the token trades this account;"
        " they must ask for a name of server.allowed_hosts"
    )
    plain = (
        "there is no TLS: the token can be read on the way. Put a proxy that speaks TLS in front of it, listen on"
        " 127.0.0.1, and say server.tls_proxy = true"
    )
    return (reachable,) if server.tls_proxy else (reachable, plain)


def mainnet_warnings_of(config: Config) -> tuple[str, ...]:
    """What whoever has set up mainnet should know."""
    if not config.mainnet.is_configured or config.allows_mainnet:
        return ()
    warning = (
        f"[mainnet] has a key, but the environment does not say {GATE}=true: nothing is asked of mainnet, and what is"
        " open there has only the protection that rests there"
    )
    return (warning,)


def read_faults(path: Path) -> FaultPlan:
    """Read a fault plan; raises BadInputError."""
    try:
        if path.stat().st_size > FAULTS_BYTES_MAX:
            raise BadInputError(f"{path}: larger than {FAULTS_BYTES_MAX} bytes: not a fault plan")
        return msgspec.json.decode(path.read_bytes(), type=FaultPlan)
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror or error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: not a fault plan: {error}") from error
