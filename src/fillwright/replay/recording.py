"""Recording a replay: records in groups, read models with them, and snapshots to go on from after a crash.

A group and its snapshot are one transaction, taken between turns, when nothing is half done: whatever the moment of
a crash, the journal holds whole groups and the newest snapshot is a state that the run has been in. A resumed run
goes again over less than 1/25 of what had been passed, or over less than 25 ms of work where that is more.
"""

from __future__ import annotations

import time

import msgspec

from fillwright.core.engine import Engine, Step
from fillwright.core.events import Record
from fillwright.core.inputs import Quote
from fillwright.core.state import Ledger
from fillwright.core.types import AccountId, Symbol, Time
from fillwright.ports import STATE_PART, CorruptStoreError, Journal, Projection, Snapshot
from fillwright.replay.simulation import Simulation

GROUP_RECORDS = 4_000
"""Records that are committed together."""
SNAPSHOT_GROWTH = 25
"""A snapshot is taken when another 1/25 of the moments passed so far has passed."""
SNAPSHOT_INTERVAL_S = 0.025
"""Snapshots are at least so far apart: a millisecond each, they would cost more than the work that they save."""
ENGINE_PART, EXCHANGE_PART, VENUE_PART, RUN_PART = STATE_PART, "exchange", "venue", "run"


class FeedImage(msgspec.Struct):
    """Where a feed is: the row to read from again, and the moment at which the market stands."""

    restart_row: int
    row: int
    moment: int
    visited: int
    passed: int
    extra: bytes = b""


class RunImage(msgspec.Struct):
    """What a snapshot keeps beside the engine's, the exchange's and the venue's own images."""

    now: Time
    fingerprint: str
    quotes: dict[Symbol, Quote]
    wakes: dict[int, Time]
    feeds: list[FeedImage]
    runners: list[bytes]
    delivered: Time
    signals_taken: int
    alerts: dict[str, int]
    counts: bytes
    first_time: Time
    finished: bool = False


class Recorder:
    """Journals a simulation, group by group."""

    def __init__(
        self,
        journal: Journal,
        projection: Projection,
        account_id: AccountId,
        fingerprint: str,
        *,
        verify: bool = False,
    ) -> None:
        self.journal = journal
        self.projection = projection
        self.account_id = account_id
        self.fingerprint = fingerprint
        self.verify = verify
        """Whether records may be there already (a resumed run goes over those after its snapshot again)."""
        self.first_time: Time = 0
        self.groups = 0
        self.snapshots = 0
        self._records: list[Record] = []
        self._next_snapshot = 0
        self._snapshot_at = 0.0

    def record(self, step: Step, engine: Engine) -> None:
        """Take a step's records; they are written with their group."""
        self._records += step.records
        self.projection.observe(step.records, engine.ledger)

    def between_turns(self, simulation: Simulation) -> None:
        """Write the group when it is large enough, and a snapshot when enough of the tape has passed."""
        moments = 0
        for feed in simulation.feeds:
            moments += feed.visited + feed.passed
        if moments >= self._next_snapshot and time.perf_counter() - self._snapshot_at >= SNAPSHOT_INTERVAL_S:
            self.commit(simulation, snapshot=True)
            self.resumed_at(moments)
        elif len(self._records) >= GROUP_RECORDS:
            self.commit(simulation, snapshot=False)

    def resumed_at(self, moments: int) -> None:
        """Go on counting from what a snapshot had passed."""
        self._next_snapshot = moments + moments // SNAPSHOT_GROWTH

    def commit(self, simulation: Simulation, *, snapshot: bool, finished: bool = False) -> None:
        """Write what has been recorded, with or without a snapshot, in one transaction."""
        state = simulation.engine.state
        image = None
        if snapshot:
            image = Snapshot(seq=state.seq, time=simulation.now, parts=self._parts(simulation, finished))
            self.snapshots += 1
        self.journal.append_group(
            self.account_id,
            self._records,
            verify=self.verify,
            snapshot=image,
            projection=self.projection,
        )
        if snapshot:
            self._snapshot_at = time.perf_counter()
        self._records = []
        self.groups += 1

    def _parts(self, simulation: Simulation, finished: bool) -> dict[str, bytes]:
        for feed in simulation.feeds:
            feed.settle_slots()
        run = RunImage(
            now=simulation.now,
            fingerprint=self.fingerprint,
            quotes=dict(simulation.engine.quotes),
            wakes=dict(simulation.engine.wakes),
            feeds=[
                FeedImage(
                    restart_row=feed.restart_row(),
                    row=feed.row,
                    moment=feed.moment,
                    visited=feed.visited,
                    passed=feed.passed,
                    extra=feed.dump(),
                )
                for feed in simulation.feeds
            ],
            runners=[runner.dump() for runner in simulation.runners],
            delivered=simulation.agenda.delivered,
            signals_taken=simulation.agenda.signals_taken,
            alerts=dict(simulation.venue.alerts),
            counts=msgspec.msgpack.encode(simulation.counts),
            first_time=self.first_time,
            finished=finished,
        )
        return {
            ENGINE_PART: simulation.engine.ledger.dump(),
            EXCHANGE_PART: simulation.exchange.dump(),
            VENUE_PART: simulation.venue.dump(),
            RUN_PART: msgspec.msgpack.encode(run),
        }


class Restored(msgspec.Struct):
    """What a snapshot gives back."""

    ledger: Ledger
    exchange: bytes
    venue: bytes
    run: RunImage


def restore(snapshot: Snapshot) -> Restored:
    """Read a snapshot's parts; CorruptStoreError when they are not of this format."""
    parts = snapshot.parts
    try:
        return Restored(
            run=msgspec.msgpack.decode(parts[RUN_PART], type=RunImage),
            ledger=Ledger.load(parts[ENGINE_PART]),
            exchange=parts[EXCHANGE_PART],
            venue=parts[VENUE_PART],
        )
    except (KeyError, msgspec.MsgspecError) as error:
        raise CorruptStoreError(
            f"the snapshot after record {snapshot.seq} does not read ({error}); replay again"
        ) from error
