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

import msgspec
import structlog
import uvloop

from fillwright import __version__
from fillwright.api.app import make_app
from fillwright.api.entrance import Entrance
from fillwright.api.server import PortInUseError, bind, serve, url_of
from fillwright.api.tokens import Caller, Tokens
from fillwright.bootstrap.enlisting import Lineup, line_up
from fillwright.bootstrap.folder import DataFolder
from fillwright.bootstrap.prices import Prices, exchange_info_of, known, on_tape, with_order_limits
from fillwright.bootstrap.tokens import FixedToken, TokenFile, new_token, read_digest
from fillwright.config import ServerConfig
from fillwright.core.events import UnknownEventError
from fillwright.core.types import MILLISECOND, SECOND, AccountId, Mode, Time
from fillwright.exchange.faults import FaultPlan
from fillwright.market.intervals import IntervalError
from fillwright.market.tapes import TapeError
from fillwright.ops.logs import configure_logs
from fillwright.options import (
    AddressInUseError,
    BadInputError,
    ExitCode,
    ServiceOptions,
    ServiceUp,
    StorageFailedError,
)
from fillwright.ports import FeedState, Journal, MarketData, MarketUnavailableError, Owner, ReadModel
from fillwright.runtime.account import AccountEngine
from fillwright.runtime.clock import SystemClock
from fillwright.runtime.market import MarketHub
from fillwright.runtime.orchestrator import Enlisted, Orchestrator, first_of
from fillwright.runtime.recovery import Configured
from fillwright.storage.sql import SqliteStore, checkpoint_beside, open_store
from fillwright.traders import TraderLoadError, TraderRunner
from fillwright.venues.paper import PaperVenue, paper_terms
from fillwright.wire.exchange_info import ExchangeInfoError

ACCOUNT_ID: AccountId = "paper"
USER_ID = "local"
OPERATOR = "operator"
"""By this name what the holder of the token does is recorded."""
FAULTS_BYTES_MAX = 1_000_000
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
            open_store(folder.private_journal(), config.durability_in(Mode.PAPER), lay_out=True) as store,
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
    except (
        ExchangeInfoError,
        IntervalError,
        MarketUnavailableError,
        TapeError,
        TraderLoadError,
    ) as error:
        raise BadInputError(str(error)) from error
    except UnknownEventError as error:
        raise StorageFailedError(f"the journal was written by a newer fillwright: {error}") from error


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
        self.tokens, self.new_token = self._tokens()
        self.entrance = None if self.new_token is None else Entrance(self.new_token, self.clock)
        self._orchestrator: Orchestrator | None = None
        self._starting: asyncio.Task[None] | None = None
        self._signals = 0
        self._signalled_at: Time = 0
        self._log = structlog.get_logger()

    def _tokens(self) -> tuple[Tokens, str | None]:
        """Who may ask, and the token if it has just been made."""
        caller = Caller(USER_ID, OPERATOR)
        given = self.plan.config.server.token
        if given is not None:
            return FixedToken(given, caller), None
        made = None if read_digest(self.folder.token) else new_token(self.folder.token)
        return TokenFile(self.folder.token, caller), made

    async def run(self) -> None:
        """Start, live, stop."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
        self._starting = asyncio.current_task()
        try:
            market = await self._market()
        except asyncio.CancelledError:
            if self._signals:
                return
            raise
        finally:
            self._starting = None
        await self._live(market)

    async def _market(self) -> MarketData:
        plan = self.plan
        prices = Prices(
            plan.config.market,
            plan.instruments,
            plan.lineup.symbols,
            plan.intervals,
            self.clock,
            self.folder.market,
        )
        return await prices.choose()

    async def _live(self, market: MarketData) -> None:
        orchestrator = self._orchestrator = self._assemble(market)
        server = self.plan.config.server
        app = make_app(
            orchestrator,
            self.model,
            self.tokens,
            self.clock,
            version=__version__,
            hosts=hosts_of(server),
            entrance=self.entrance,
        )
        serving, stop_serving = asyncio.Event(), asyncio.Event()
        prices_told = _told(orchestrator.hub)
        try:
            async with asyncio.TaskGroup() as tasks:
                announcing = tasks.create_task(self._announce(orchestrator, serving, prices_told))
                tasks.create_task(serve(app, self.bound, serving.set, stop_serving))
                try:
                    await orchestrator.run()
                finally:
                    stop_serving.set()
                    announcing.cancel()
        except BaseExceptionGroup as group:
            raise first_of(group) from None
        self._log.info("stopped")

    def _assemble(self, market: MarketData) -> Orchestrator:
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
        )
        return Orchestrator(
            store=self.store,
            clock=clock,
            hub=hub,
            market=market,
            accounts=(account,),
            traders=[Enlisted(USER_ID, runner) for runner in plan.runners],
            version=__version__,
            checkpoint=partial(checkpoint_beside, self.folder.journal),
        )

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
        elif self._starting is not None:
            self._starting.cancel()

    # -- telling ---------------------------------------------------------------------------------------------

    async def _announce(
        self, orchestrator: Orchestrator, serving: asyncio.Event, prices_told: asyncio.Event
    ) -> None:
        """Tell once requests are answered and it is known where prices come from."""
        await serving.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(PRICES_TOLD_MAX_S):
                await prices_told.wait()
        plan, feed = self.plan, orchestrator.hub.feed
        url = url_of(self.bound)
        self.folder.tell(url, orchestrator.started_at, __version__)
        warnings = warnings_of(plan.config.server)
        for warning in warnings:
            self._log.warning(warning)
        self._log.info("listening", url=url, prices=feed.source, symbols=list(plan.lineup.symbols))
        gc.collect()
        gc.freeze()  # what is there now stays; collections need not look at it again
        self.tell(
            ServiceUp(
                url=url,
                pid=os.getpid(),
                version=__version__,
                mode=Mode.PAPER,
                data=self.folder.path.absolute(),
                source=feed.source,
                source_detail=feed.detail,
                symbols=plan.lineup.symbols,
                traders=tuple(f"{one.trader_id} on {one.interval} candles" for one in plan.runners),
                token=self.new_token,
                code=None if self.entrance is None else self.entrance.code,
                warnings=warnings,
            )
        )


def clock_after(journal: Journal) -> SystemClock:
    """A clock that goes on from the journal's end, though the system's may have been set back meanwhile.

    The core's time never runs backwards: with a clock behind it, it would stand still, and every deadline with it.
    """
    last = next(iter(journal.load(ACCOUNT_ID, max(journal.last_seq(ACCOUNT_ID) - 1, 0))), None)
    told = 0 if last is None else last.time
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


def hosts_of(server: ServerConfig) -> tuple[str, ...]:
    """Names that the Host header may have beside those of this machine."""
    return server.allowed_hosts if server.is_loopback else (server.host, *server.allowed_hosts)


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
