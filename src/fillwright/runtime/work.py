"""The work of one account between two recoveries: take what waits, step the engine, commit; set the alarm; again.

One task does all of it, so that an engine is never stepped from two places. What has to go out unrecorded (the cancels
of an emergency stop whose journal cannot be written) goes out from here, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from fillwright.core.effects import Alert, ConsultAdvisor, Effect, Send
from fillwright.core.engine import Engine
from fillwright.core.inputs import Input, Shutdown, StreamChanged
from fillwright.core.positions import HOLDING
from fillwright.core.types import MILLISECOND, SECOND, Leg, Time
from fillwright.ports import (
    Clock,
    Owner,
    Projection,
    StorageError,
    Store,
    Venue,
    VenueEffect,
    VenueUnavailableError,
)
from fillwright.runtime.alarm import Alarm
from fillwright.runtime.committing import Committer, may_cancel_unrecorded
from fillwright.runtime.dispatch import WAIT_MAX, Dispatch
from fillwright.runtime.feed import Feed
from fillwright.runtime.inbox import Asked, Batch, Inbox, Trouble
from fillwright.runtime.recovery import Configured, snapshot_of

BATCH_MAX = 64
"""Inputs of one commit."""
SNAPSHOT_RECORDS = 5_000
"""A snapshot is taken when so many records have come since the last."""
SNAPSHOT_TIME_SHARE = 50
"""Snapshots take at most a fiftieth of the time, however large the state."""
DEADLINE_PAUSE: Time = 10 * MILLISECOND
"""A deadline that stands where it stood after its time was told is told again after this long."""
URGENT_MAX_S = 3.0
"""So long an emergency stop's cancels may take when the journal cannot be written."""


_OURS = (Alert, ConsultAdvisor)
"""Effects that are not the venue's."""


class Watch(Protocol):
    """Who is told how the work goes."""

    def turned(self) -> None:
        """A batch is committed."""

    def rested(self) -> None:
        """The last batch is committed: what happens at the venue from now on is heard at the next start."""

    def tell(self, alert: Alert) -> None:
        """A person is to be told."""


class Work:
    """Steps one recovered engine until it is told to end."""

    def __init__(
        self,
        owner: Owner,
        store: Store,
        venue: Venue,
        clock: Clock,
        inbox: Inbox,
        feed: Feed,
        engine: Engine,
        projection: Projection,
        configured: Configured,
        watch: Watch,
    ) -> None:
        self.engine = engine
        self.is_stopping = False
        self.must_end = False
        self.heard_at: Time = 0
        """When the venue's stream said something last; 0: not yet."""
        self._owner = owner
        self._store = store
        self._venue = venue
        self._clock = clock
        self._inbox = inbox
        self._configured = configured
        self._watch = watch
        self._log = structlog.get_logger().bind(account=owner.account_id)
        self._alarm = Alarm(clock, inbox.reach)
        self._committer = Committer(
            engine, owner.account_id, store.journal, projection, feed, self._carry_out
        )
        self.dispatch = Dispatch(venue, inbox.report, clock)
        stale = engine.state.settings.execution.stale_order_timeout_s
        self.dispatch.wait_max = min(WAIT_MAX, int(stale * SECOND) // 2)
        self._snapshot_seq = engine.state.seq
        self._snapshot_not_before: Time = 0
        self._shutdown_due = False
        self._decided_at = clock.now()
        """When the effects that leave next were: a disk that stalls must not let an old request out."""

    def stop(self) -> None:
        """Shut down: cancel working entries, and end when nothing is under way any more."""
        if not self.is_stopping:
            self.is_stopping = self._shutdown_due = True
            self._inbox.wake()

    def stop_now(self) -> None:
        """End after the next batch."""
        self.stop()
        self.must_end = True
        self._inbox.wake()

    # -- the tasks -------------------------------------------------------------------------------------------

    async def run(self, effects: Sequence[Effect]) -> None:
        """Carry out what recovery left to do, and work until told to end; StorageErrors come in a group."""
        async with asyncio.TaskGroup() as tasks:
            self.dispatch.start(tasks)
            self._alarm.start(tasks)
            self._carry_out(effects)
            stream = tasks.create_task(self._listen())
            await self._work()
            self.dispatch.stop()
            self._alarm.stop()
            stream.cancel()

    async def _listen(self) -> None:
        await self._venue.run(self._hear)
        raise VenueUnavailableError("the venue's stream has ended")

    def _hear(self, items: Sequence[Input]) -> None:
        self.heard_at = self._clock.now()
        self._inbox.report(items)

    async def _work(self) -> None:
        committer, inbox = self._committer, self._inbox
        self._alarm.set(self.engine.next_deadline)
        while not (self.must_end or (self.is_stopping and self._is_at_rest())):
            await inbox.wait()
            batch = inbox.take(BATCH_MAX)
            self._decided_at = now = self._clock.now()
            self._step(committer, batch, now)
            try:
                await committer.commit()
            except StorageError as error:
                await self._not_stored(error)
                raise
            due = self.engine.next_deadline
            self._alarm.set(now + DEADLINE_PAUSE if due is not None and due <= now else due)
            self._watch.turned()
            if committer.seq - self._snapshot_seq >= SNAPSHOT_RECORDS and now >= self._snapshot_not_before:
                self._take_snapshot()
        self._watch.rested()
        self._take_snapshot()

    def _step(self, committer: Committer, batch: Batch, now: Time) -> None:
        if self._shutdown_due:
            self._shutdown_due = False
            committer.step(Shutdown(), now=now)
        if batch.overflowed:
            committer.step(StreamChanged(False, "too many reports were waiting"), now=now)
            if self._inbox.connected:
                committer.step(StreamChanged(True, "the books are read anew"), now=now)
        if batch.reports:
            committer.step(*batch.reports, now=now)
        for item, reply in batch.asked:
            if type(item) is Trouble:
                committer.note(item.where, item.what, now)
            else:
                committer.step(item, now=now, reply=reply)  # type: ignore[arg-type]

    def _is_at_rest(self) -> bool:
        """No entry works, nothing is under way or has been told and not taken yet, and what is held is protected."""
        ledger = self.engine.ledger
        if self._shutdown_due or not self.dispatch.is_idle or self._inbox.depths.reports:
            return False
        if any(order.leg in (Leg.ENTRY, Leg.MANUAL) for order in ledger.open_orders.values()):
            return False
        return not any(
            position.unprotected_since and position.status in HOLDING
            for position in ledger.open_positions.values()
        )

    def _take_snapshot(self) -> None:
        if self.engine.state.seq == self._snapshot_seq:
            return
        began = self._clock.now()
        snapshot = snapshot_of(self.engine, self._configured)
        self._store.journal.save_snapshot(self._owner.account_id, snapshot)
        self._snapshot_seq = snapshot.seq
        ended = self._clock.now()
        self._snapshot_not_before = ended + (ended - began) * SNAPSHOT_TIME_SHARE

    def abandon(self, reason: str) -> list[Asked]:
        """The engine is not stepped any more: whoever waits for a batch under way is told; what is owed."""
        return self._committer.owed + self._committer.abandon(reason)

    # -- out -------------------------------------------------------------------------------------------------

    def _carry_out(self, effects: Sequence[Effect]) -> bool:
        """Let effects leave; whether any is for the venue."""
        for_venue: list[VenueEffect] = [effect for effect in effects if type(effect) not in _OURS]  # type: ignore[misc]
        if len(for_venue) < len(effects):
            for effect in effects:
                if isinstance(effect, Alert):
                    self._watch.tell(effect)
                # no advisor is attached: the position is held, the signal waits on
        self.dispatch.add(for_venue, self._decided_at)
        return bool(for_venue)

    async def _not_stored(self, error: StorageError) -> None:
        """Nothing leaves; only cancels of an emergency stop have priority over recording."""
        self._log.error("the store failed: nothing leaves", reason=str(error))
        committer = self._committer
        if not committer.owed or not committer.urgent or not may_cancel_unrecorded(error):
            return
        self._log.error("an emergency stop could not be recorded: its cancels go out all the same")
        await send_urgently(self._venue, committer.urgent)


async def send_urgently(venue: Venue, cancels: Sequence[Send]) -> None:
    """Send an emergency stop's cancels that the journal does not have; what goes wrong with one is told."""
    log = structlog.get_logger().bind(account=venue.account_id)

    async def send(cancel: Send) -> None:
        try:
            async with asyncio.timeout(URGENT_MAX_S):
                await venue.carry_out(cancel)
        except (TimeoutError, StorageError) as error:
            log.error("a cancel of the emergency stop failed", effect=str(cancel), reason=repr(error))

    async with asyncio.TaskGroup() as tasks:
        for cancel in cancels:
            tasks.create_task(send(cancel))
