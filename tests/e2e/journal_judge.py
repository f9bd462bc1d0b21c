"""The judge of a live account's journal: what must hold whenever the service was killed, from what it stored alone.

It makes the ledger anew from the first record on, without any snapshot. What the service stored of its own state
(snapshots, read models), and what it answered, is compared with that. It looks at a store while the service runs, each
time at what is new, in one transaction. What the venue's books say is for those who know the venue.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal, localcontext
from pathlib import Path

import msgspec

from fillwright.core import events as ev
from fillwright.core.apply import apply
from fillwright.core.positions import HOLDING, Position
from fillwright.core.state import Ledger, State
from fillwright.core.types import CONTEXT, Asset, Leg, PositionStatus, Time
from fillwright.ports import STATE_PART, TradeView, every
from fillwright.replay.verification import verify
from fillwright.runtime.recovery import STARTED
from fillwright.storage.sql import open_read_model
from fillwright.storage.sql.database import Database, connect_readonly
from fillwright.storage.sql.journal import SqliteJournal
from tests.e2e.traffic import Sent

PROBLEMS_MAX = 40
_P = PositionStatus
STEPS: dict[PositionStatus, set[PositionStatus]] = {
    _P.CREATED: {_P.SUBMITTING, _P.FAILED},
    _P.SUBMITTING: {_P.OPEN, _P.FAILED},
    _P.OPEN: {_P.MONITORING, _P.CLOSING, _P.CLOSED},
    _P.MONITORING: {_P.OPEN, _P.CLOSING, _P.CLOSED},
    _P.CLOSING: {_P.CLOSED, _P.OPEN, _P.MONITORING},
    _P.CLOSED: {_P.OPEN},
    _P.FAILED: {_P.OPEN},
}
"""The life of a position, said a second time. After an end only a late execution leads back."""


class Signal(msgspec.Struct):
    """What the journal tells of one signal."""

    id: int
    trader_id: str
    key: str
    denied: str = ""
    positions: list[int] = []


class Start(msgspec.Struct):
    """One start of the service, as its journal shows it."""

    seq: int
    time: Time
    positions: list[int]
    """Open when it was killed."""
    is_compared: bool = False
    """The exchange's books have been read and compared with ours."""
    protected_us: int | None = None
    """After how long that was so, and all of them had their stop at the exchange or were gone; None: the next kill came
    before."""

    @property
    def protected_at(self) -> Time | None:
        """That moment."""
        return None if self.protected_us is None else self.time + self.protected_us


class JournalJudge:
    """Follows one account's store from its first record on."""

    def __init__(self, database: Path, account_id: str) -> None:
        self.database = database
        self.account_id = account_id
        self.ledger = Ledger(State())
        self.signals: dict[tuple[str, str], Signal] = {}
        self.by_id: dict[int, Signal] = {}
        self.histories: dict[int, list[PositionStatus]] = {}
        self.intents: dict[str, ev.OrderSubmitted] = {}
        self.starts: list[Start] = []
        self.spells_us: list[int] = []
        """How long coins were without a live stop, each time."""
        self.snapshots_compared = 0
        self.anomalies: list[str] = []
        self.problems: list[str] = []

    def note(self, problem: str) -> None:
        """Remember what is not as it must be."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)

    # -- reading ---------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Take in all that is new, as one moment of the store."""
        connection = connect_readonly(self.database)
        try:
            connection.execute("BEGIN")
            with localcontext(CONTEXT):
                self._take(SqliteJournal(Database(self.database, connection)))
            self._compare_rows(connection)
            connection.execute("COMMIT")
        finally:
            connection.close()

    def _take(self, journal: SqliteJournal) -> None:
        ours = journal.load_snapshot(self.account_id)
        state = {} if ours is None else {ours.seq: ours.parts[STATE_PART]}
        for record in journal.load(self.account_id, self.ledger.state.seq):
            self._record(record)
            self._compare_snapshot("the account's", state, record.seq, self.ledger.dump)

    def _compare_snapshot(
        self, whose: str, stored: dict[int, bytes], seq: int, dump: Callable[[], bytes]
    ) -> None:
        if seq not in stored:
            return
        self.snapshots_compared += 1
        if dump() != stored[seq]:
            self.note(f"{whose} snapshot at record {seq} is not what its journal makes")

    # -- the account -----------------------------------------------------------------------------------------

    def _record(self, record: ev.Record) -> None:
        apply(self.ledger, record)
        event = record.event
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            getattr(self, handler)(event, record)
        position_id = getattr(event, "position_id", 0)
        if not position_id and (order := self.ledger.state.orders.get(getattr(event, "id", ""))) is not None:
            position_id = order.position_id
        position = self.ledger.state.positions.get(position_id)
        if position is not None:
            self._step(position)

    def _step(self, position: Position) -> None:
        history = self.histories.setdefault(position.id, [_P.CREATED])
        if position.status is not history[-1]:
            if position.status not in STEPS[history[-1]]:
                self.note(f"position {position.id} went from {history[-1]} to {position.status}")
            history.append(position.status)

    def _received(self, event: ev.SignalReceived, record: ev.Record) -> None:
        name = (event.signal.trader_id, event.signal.key or event.key)
        if name in self.signals:
            self.note(f"signal {name} was received twice: {self.signals[name].id} and {event.signal_id}")
        self.signals[name] = self.by_id[event.signal_id] = Signal(event.signal_id, *name)

    def _denied(self, event: ev.SignalDenied, record: ev.Record) -> None:
        self.by_id[event.signal_id].denied = event.code

    def _created(self, event: ev.PositionCreated, record: ev.Record) -> None:
        signal = self.by_id.get(event.signal_id)
        if signal is None:
            self.note(f"position {event.position_id} has no signal")
            return
        signal.positions.append(event.position_id)
        if len(signal.positions) > 1 or signal.denied:
            self.note(f"signal {signal.id} ({signal.denied or 'approved'}) made positions {signal.positions}")

    def _submitted(self, event: ev.OrderSubmitted, record: ev.Record) -> None:
        known = self.intents.get(event.id)
        if event.resent:
            if known is None:
                self.note(f"{event.id} was sent again, and never before")
            if event.leg is Leg.ENTRY:
                self.note(f"the entry {event.id} was sent again")
        elif known is not None:
            self.note(f"{event.id} was submitted twice")
        self.intents.setdefault(event.id, event)

    def _protected(self, event: ev.PositionProtected, record: ev.Record) -> None:
        self.spells_us.append(event.unprotected_us)

    def _wrong(self, event: ev.Anomaly | ev.Error, record: ev.Record) -> None:
        self.anomalies.append(f"record {record.seq}: {event}")

    def _stream(self, event: ev.StreamStateChanged, record: ev.Record) -> None:
        if event.connected or event.detail != STARTED:
            return
        open_now = [p.id for p in self.ledger.open_positions.values() if p.status in HOLDING]
        self.starts.append(Start(record.seq, record.time, open_now))

    def _compared(self, event: ev.ReconciliationComplete, record: ev.Record) -> None:
        if self.starts and not event.symbol:
            self.starts[-1].is_compared = True

    # -- what the service stored and said --------------------------------------------------------------------

    def _compare_rows(self, connection: sqlite3.Connection) -> None:
        """The read models, where they show the journal's very end: open positions, open orders, signals."""
        seq = connection.execute(
            "SELECT seq FROM read_model_positions WHERE account_id = ?", (self.account_id,)
        ).fetchone()
        if seq is None or seq[0] != self.ledger.state.seq:
            return
        rows = connection.execute(
            "SELECT id, status, quantity, stop_loss FROM positions WHERE account_id = ? "
            "AND status NOT IN ('closed', 'failed') ORDER BY id",
            (self.account_id,),
        ).fetchall()
        shown = [(n, s, Decimal(q), None if stop is None else Decimal(stop)) for n, s, q, stop in rows]
        made = [(p.id, p.status, p.quantity, p.stop_loss) for p in self.ledger.open_positions.values()]
        if shown != sorted(made):
            self.note(f"open positions at record {seq[0]}: the table has {shown}, the journal makes {made}")
        orders = connection.execute(
            "SELECT id, executed_quantity FROM orders WHERE account_id = ? "
            "AND state NOT IN ('Filled', 'Cancelled', 'Rejected', 'Expired') ORDER BY id",
            (self.account_id,),
        ).fetchall()
        known = sorted((o.id, o.executed_quantity) for o in self.ledger.open_orders.values())
        if [(name, Decimal(quantity)) for name, quantity in orders] != known:
            self.note(f"open orders at record {seq[0]} differ: {len(orders)} in the table, {len(known)} made")
        count = connection.execute(
            "SELECT count(*) FROM signals WHERE account_id = ?", (self.account_id,)
        ).fetchone()[0]
        if count != len(self.by_id):
            self.note(f"{count} signals in the table, {len(self.by_id)} in the journal")

    def heard(self, sent: Sequence[Sent]) -> None:
        """Every answer that was given stands in the journal, and repeated signals got the same one."""
        for one in sent:
            if not one.answers:
                continue
            signal = self.signals.get(one.name)
            if signal is None:
                self.note(f"{one.name} was answered {one.answers[0].body}, and is lost")
                continue
            for answer in one.answers:
                body = answer.body
                if body["id"] != signal.id:
                    self.note(f"{one.name} was answered as {body['id']}, the journal has {signal.id}")
                if (body["code"] or "") != signal.denied:
                    self.note(f"{one.name} was answered {body['code']}, the journal has {signal.denied!r}")
                position = body.get("position_id")
                if position is not None and [position] != signal.positions:
                    self.note(f"{one.name} was answered position {position}, not {signal.positions}")
            if len(one.answers) != sum(a.body["repeated"] for a in one.answers) + 1 and one.tries == len(
                one.answers
            ):
                self.note(f"{one.name} was new {one.tries} times")

    # -- at the end ------------------------------------------------------------------------------------------

    def settled(self, held: Iterable[tuple[Asset, Decimal, Decimal]]) -> list[str]:
        """With the service stopped: money by exact fractions, from executions alone; the store's own integrity.

        ``held``: what the venue says that the account has, free and locked.
        """
        connection = connect_readonly(self.database)
        try:
            (whole,) = connection.execute("PRAGMA integrity_check").fetchone()
            journal = SqliteJournal(Database(self.database, connection))
            with localcontext(CONTEXT):
                found = verify(journal.load(self.account_id), self.ledger, held, self._trades())
        finally:
            connection.close()
        problems = [] if whole == "ok" else [f"integrity_check: {whole}"]
        problems += found.differences
        if found.filter_rejections:
            problems.append(f"{found.filter_rejections} rejections that filters foresee")
        return problems

    def _trades(self) -> Iterator[TradeView]:
        with open_read_model(self.database) as model:
            yield from every(
                lambda cursor: model.trades(self.account_id, limit=1000, cursor=cursor, oldest_first=True)
            )

    @property
    def summary(self) -> str:
        """What was looked at, in one line."""
        approved = sum(1 for signal in self.signals.values() if signal.positions)
        ended = sum(1 for one in self.histories.values() if one[-1] in (_P.CLOSED, _P.FAILED))
        return (
            f"{self.ledger.state.seq} records, {len(self.signals)} signals "
            f"({approved} became positions, {ended} of them ended), {len(self.intents)} orders, "
            f"{len(self.starts)} starts with {sum(len(s.positions) for s in self.starts)} open positions, "
            f"{self.snapshots_compared} snapshots compared, {len(self.anomalies)} anomalies"
        )


_HANDLERS: dict[type[ev.Event], str] = {
    ev.SignalReceived: "_received",
    ev.SignalDenied: "_denied",
    ev.PositionCreated: "_created",
    ev.OrderSubmitted: "_submitted",
    ev.PositionProtected: "_protected",
    ev.StreamStateChanged: "_stream",
    ev.ReconciliationComplete: "_compared",
    ev.Anomaly: "_wrong",
    ev.Error: "_wrong",
}
"""By name, so that a judge who knows more may take them over."""
