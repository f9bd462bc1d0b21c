"""One account, live: who may ask what of it and when, and its sessions from one recovery to the next.

A session opens the venue, recovers the state from the journal, and works until it is told to stop. When the store or
the venue fails the session ends, the engine is thrown away, and after a pause the next session recovers from the
journal, as after a crash.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from fillwright.core.context import Answer
from fillwright.core.effects import Alert
from fillwright.core.engine import Engine
from fillwright.core.inputs import Candle, EmergencyStop, Input, Quote, Signal, SubmitSignal
from fillwright.core.risk.situation import Assessment
from fillwright.core.types import Time
from fillwright.ports import (
    Clock,
    Halt,
    HaltMark,
    MarketDriven,
    MarketSink,
    Owner,
    StorageError,
    Store,
    Venue,
    VenueTerms,
    VenueUnavailableError,
)
from fillwright.runtime.committing import cancels_of_entries, may_cancel_unrecorded
from fillwright.runtime.errors import EngineStoppedError, LaneFullError, NotReadyError
from fillwright.runtime.feed import Feed
from fillwright.runtime.inbox import Bounds, Depths, Inbox, Reply, Trouble
from fillwright.runtime.market import MarketHub
from fillwright.runtime.recovery import Configured, Market, Recovered, draw_tag, load, recover
from fillwright.runtime.trials import Trials, the_trouble
from fillwright.runtime.work import Work, send_urgently

CLOSE_MAX_S = 2.0
"""A venue that takes longer to let go of its connections is left alone."""
STOPPING_TAKES_NONE = "the service is stopping: nothing of it took place"
MARKED = (
    "the journal does not have it yet: nothing enters meanwhile, and a restart halts, since a mark is set"
)
NOT_MARKED = "neither journal nor mark have it: nothing enters meanwhile, but A RESTART KNOWS NOTHING OF IT"
RECOVERING, READY, STOPPING, STOPPED = "recovering", "ready", "stopping", "stopped"


class AccountEngine:
    """The engine task of one account. ``alert`` tells a person at once, ``tag`` draws that of a new ledger."""

    def __init__(
        self,
        owner: Owner,
        store: Store,
        venue: Venue,
        clock: Clock,
        hub: MarketHub,
        configured: Configured,
        *,
        alert: Callable[[Owner, Alert], None] | None = None,
        bounds: Bounds | None = None,
        tag: Callable[[], str] = draw_tag,
        lost_tag: str = "",
        mark: HaltMark | None = None,
    ) -> None:
        """``lost_tag``: a new ledger takes back the positions of this tag.

        ``mark`` keeps an emergency stop that the journal cannot take, so that it holds after a restart, too.
        """
        self.owner = owner
        self.venue = venue
        self.hub = hub
        """The prices that it trades at."""
        self.feed = Feed()
        self.engine = Engine()
        """For looking; it is another one after each recovery."""
        self.state = RECOVERING
        """recovering | ready | stopping | stopped"""
        self.failure = ""
        """Why it stopped for good; '' when it did not, or was told to."""
        self.detail = "starting"
        """Why it is not ready, in words for a person."""
        self.follower: Callable[[Input, Reply], None] | None = None
        """Is told of every signal and command once it is answered, whatever the answer; it must not wait."""
        self.came_up = asyncio.Event()
        """Set once it was ready, or could not come up, or has ended: what waits for its turn may have it now."""
        self._store = store
        self._clock = clock
        self._configured = configured
        self._alert = alert
        self._tag = tag
        self._lost_tag = lost_tag
        self._mark = mark
        self.unrecorded = ""
        """An emergency stop that the journal does not have yet, in words for a person; '' when there is none."""
        self._log = structlog.get_logger().bind(account=owner.account_id)
        self._inbox = Inbox(bounds)
        self._trials = Trials(clock)
        self._work: Work | None = None
        self._market: MarketSink | None = None
        """What of the venue is shown the live market."""
        self._questions_dropped = 0
        """By the sessions before this one."""
        self._troubles: dict[str, str] = {}
        """Where and what: recorded as soon as there is an engine again, of each place the last."""

    # -- what others ask -------------------------------------------------------------------------------------

    async def submit(self, item: Input) -> Answer:
        """Have an input happen; the answer comes once the journal and the read models have it.

        Raises LaneFullError, NotReadyError, EngineStoppedError or NotStoredError: asking again with the same key is
        safe after each of them.
        """
        return await self.post(item)

    def post(self, item: Input) -> Reply:
        """As ``submit``, without waiting: the answer, or NotReadyError or NotStoredError, comes as a future."""
        self._check_open(item)
        reply: Reply = asyncio.get_running_loop().create_future()
        if type(item) is SubmitSignal:
            self._inbox.signal(item, reply)
        else:
            self._inbox.command(item, reply)
            if self._work is None and isinstance(item, EmergencyStop):
                self._keep(item)
        if self.follower is not None:
            reply.add_done_callback(partial(self.follower, item))
        return reply

    def _check_open(self, item: Input) -> None:
        if self.state == STOPPED:
            raise EngineStoppedError(self.failure or "the service has stopped")
        if isinstance(item, EmergencyStop):
            return  # while the account is being recovered, too: it is owed, and halts before anything else happens
        if self._work is None or (type(item) is SubmitSignal and self.state != READY):
            why = "the service is stopping" if self.state == STOPPING else self.detail
            raise NotReadyError(f"account {self.owner.account_id} is {self.state}: {why}")

    def preview(self, signal: Signal) -> Assessment:
        """Every risk check of a signal, without recording anything; raises NotReadyError, EngineStoppedError."""
        self._check_open(SubmitSignal(signal))
        return self.engine.preview(signal, self._clock.now())

    def note(self, where: str, what: str) -> None:
        """Have it in the journal that something went wrong outside of the core."""
        self._log.error("trouble", where=where, what=what)
        if self._work is None:
            self._troubles[where] = what
            return
        try:
            self._inbox.command(Trouble(where, what))
        except LaneFullError as error:
            self._log.warning("not recorded", where=where, reason=str(error))

    @property
    def depths(self) -> Depths:
        """How much waits in each lane."""
        return self._inbox.depths

    @property
    def in_flight(self) -> int:
        """How many requests and questions are under way to the venue."""
        return 0 if self._work is None else self._work.dispatch.in_flight

    @property
    def heard_at(self) -> Time:
        """When the venue's stream said something last; 0: not since the account was recovered."""
        return 0 if self._work is None else self._work.heard_at

    @property
    def questions_dropped(self) -> int:
        """How many questions to the venue were dropped, because too many were waiting; they were asked again."""
        return self._questions_dropped + (0 if self._work is None else self._work.dispatch.questions_dropped)

    # -- the market ------------------------------------------------------------------------------------------

    def observe(self, quote: Quote) -> None:
        """Take a tick."""
        if self.engine.observe(quote):
            self._inbox.cross(quote.symbol)

    def candle(self, candle: Candle) -> None:
        """Take a closed candle, if it is of the account's interval and of a symbol that it knows."""
        state = self.engine.state
        if self._work is None or candle.interval != state.settings.candle_interval:
            return
        if candle.symbol not in state.instruments:
            return
        try:
            self._inbox.candle(candle)
        except LaneFullError as error:
            self._log.warning("a candle is lost", symbol=candle.symbol, reason=str(error))

    # -- stopping --------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Take no more signals, cancel working entries, keep protection; ``run`` returns when that is done."""
        if self.state in (STOPPING, STOPPED):
            return
        self.state = STOPPING
        for _, reply in self._inbox.clear_signals():  # stepped now they would be denied for good
            if reply is not None and not reply.done():
                reply.set_exception(NotReadyError(STOPPING_TAKES_NONE))
        self._trials.stop()
        if self._work is not None:
            self._work.stop()

    def stop_now(self) -> None:
        """Stop without waiting for the venue's word; what it has not said is found at the next start."""
        self.stop()
        if self._work is not None:
            self._work.stop_now()

    # -- living ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Live until stopped. Raises the StorageError that cannot be got over, SeqConflictError among them."""
        self.hub.add_watcher(self)
        try:
            while self.state != STOPPING:
                trouble = await self._session()
                if trouble is None:
                    return
                self._recovering_from(trouble)
                await self._trials.pause(trouble)
        except StorageError as error:
            self.failure = str(error)
            self._log.error("the account has stopped", reason=self.failure)
            raise
        finally:
            self._end()

    def _recovering_from(self, trouble: StorageError | VenueUnavailableError) -> None:
        self.came_up.set()
        self.detail = str(trouble)
        self._troubles["store" if isinstance(trouble, StorageError) else "venue"] = self.detail
        self._log.error("the account is to be recovered", reason=self.detail, failures=self._trials.count + 1)

    async def _session(self) -> StorageError | VenueUnavailableError | None:
        """From opening the venue to the end of the work; what ended it, None when it was told to end."""
        try:
            terms = await self._trials.unless_stopped(self.venue.open())
            if terms is None:
                return None
            try:
                try:
                    recovered = self._recover(terms)
                except StorageError as error:
                    if self.unrecorded and may_cancel_unrecorded(error):
                        await self._cancel_unrecorded()
                    raise
                await self._live(recovered)
            finally:
                await self._close()
        except (StorageError, VenueUnavailableError) as error:
            return error
        except ExceptionGroup as group:
            return the_trouble(group)
        return None

    def _recover(self, terms: VenueTerms) -> Recovered:
        halt = None if self._mark is None else self._mark.get()
        recovered = recover(
            self._store,
            self.owner,
            terms,
            self._configured,
            Market(self.hub.quotes, self.hub.averages),
            self._clock.now(),
            tag=self._tag,
            lost_tag=self._lost_tag,
            troubles=tuple(self._troubles.items()),
            halt=halt,
        )
        self._troubles, self.unrecorded = {}, ""
        if halt is not None and self._mark is not None:
            self._mark.clear()
        self.engine = recovered.engine
        if self._lost_tag not in ("", self.engine.state.tag):
            self._log.warning(
                "the ledger has a tag of its own: the old one is for a new data folder alone",
                tag=self.engine.state.tag,
                old=self._lost_tag,
            )
        self.feed.start(self.engine.state.seq)
        return recovered

    async def _live(self, recovered: Recovered) -> None:
        work = Work(
            self.owner,
            self._store,
            self.venue,
            self._clock,
            self._inbox,
            self.feed,
            recovered.engine,
            recovered.projection,
            self._configured,
            self,
        )
        self._work = work
        if self.state == STOPPING:
            work.stop()
        if isinstance(self.venue, MarketDriven):
            self._market = self.venue.market
            self.hub.add_venue(self._market)
        try:
            await work.run(recovered.effects)
        finally:
            self.rested()
            self._leave(work)

    def _leave(self, work: Work) -> None:
        """The engine is not stepped any more: whoever waits is told, but an emergency stop is not forgotten."""
        self._work = None
        self._questions_dropped += work.dispatch.questions_dropped
        why = "the account stops"
        if self.state != STOPPING:
            self.state = RECOVERING
            self.detail = why = "the account is being recovered"
        owed = work.abandon(why)
        for item, reply in self._inbox.clear():
            if isinstance(item, EmergencyStop):
                owed.append((item, reply))
            elif isinstance(item, Trouble):
                self._troubles[item.where] = item.what
            elif reply is not None and not reply.done():
                reply.set_exception(NotReadyError(f"{why}: nothing of it took place"))
        for item, reply in owed:
            if isinstance(item, EmergencyStop):
                self._keep(item)
            try:
                self._inbox.command(item, reply)
            except LaneFullError as error:  # so many stops before it say the same
                if reply is not None and not reply.done():
                    reply.set_exception(error)

    def _keep(self, stop: EmergencyStop) -> None:
        """The journal does not have an emergency stop: mark it, that it holds whatever becomes of this process."""
        halt = Halt(by=stop.by, reason=stop.reason, flatten=stop.flatten, external=stop.external)
        kept = self._mark is not None and self._mark.put(halt)
        self.unrecorded = MARKED if kept else NOT_MARKED
        self._log.error("an emergency stop is not in the journal", marked=kept, reason=stop.reason)

    async def _cancel_unrecorded(self) -> None:
        """The journal can be read and not written: what a marked stop is to cancel goes out all the same."""
        stop = None if self._mark is None else self._mark.get()
        if stop is None:
            return
        engine = Engine(load(self._store.journal, self.owner.account_id)[0])
        step = engine.step(EmergencyStop(by=stop.by, reason=stop.reason), now=self._clock.now())
        cancels = cancels_of_entries(engine, step)
        self._log.error("cancels of an emergency stop go out unrecorded", count=len(cancels))
        await send_urgently(self.venue, cancels)

    def _end(self) -> None:
        """Nothing is taken any more."""
        self.state = STOPPED
        self.came_up.set()
        self.feed.close()
        for _, reply in self._inbox.clear():
            if reply is not None and not reply.done():
                reply.set_exception(EngineStoppedError(self.failure or "the service has stopped"))

    async def _close(self) -> None:
        """Let go of the venue; what goes wrong with that is told, and changes nothing."""
        try:
            async with asyncio.timeout(CLOSE_MAX_S):
                await self.venue.close()
        except TimeoutError:
            self._log.warning("the venue's connections did not close in time")
        except (StorageError, VenueUnavailableError) as error:
            self._log.error("the venue did not close well", reason=str(error))

    # -- what the work tells ---------------------------------------------------------------------------------

    def turned(self) -> None:
        """A batch is committed: the account may be ready now."""
        if self.state != RECOVERING:
            return
        state = self.engine.state
        if state.stream_connected and not state.reconciling and not state.lost:
            self.state, self.detail = READY, ""
            self.came_up.set()
            self._trials.reset()
            self._log.info(
                "the account is ready", seq=state.seq, positions=len(self.engine.ledger.open_positions)
            )
        else:
            self.detail = "the venue's books are being read" if state.stream_connected else "no stream yet"

    def rested(self) -> None:
        """Nothing that the venue does is heard any more: one whose market is shown to it here does nothing more."""
        if self._market is not None:
            self.hub.remove_venue(self._market)
            self._market = None

    def tell(self, alert: Alert) -> None:
        """Tell a person at once."""
        log = self._log.error if alert.level == "error" else self._log.warning
        log("alert", code=alert.code, message=alert.message)
        if self._alert is not None:
            self._alert(self.owner, alert)
