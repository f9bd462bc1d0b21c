"""The judge of a live store: what must hold whenever the service was killed, from the two journals alone.

It reads the account's journal and that of its paper exchange side by side, in the order of time, and makes both anew:
the ledger from the first record on, without any snapshot, and the exchange from its commands. What the service stored
of its own state (snapshots, read models), what it answered, and what both books hold is compared with these. It looks
at a store while the service runs, each time at what is new, in one transaction.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import msgspec

from fillwright.core import events as ev
from fillwright.core.apply import apply
from fillwright.core.positions import HOLDING, Position
from fillwright.core.state import Ledger, State
from fillwright.core.types import (
    CONTEXT,
    STOP_TYPES,
    ZERO,
    ExecutionType,
    Leg,
    OrderType,
    PositionStatus,
    Side,
    Time,
    VenueOrderStatus,
    parse_client_order_id,
)
from fillwright.exchange.messages import ExecutionReport, OrderView
from fillwright.ports import STATE_PART, TradeView, every
from fillwright.replay.verification import verify
from fillwright.runtime.recovery import STARTED
from fillwright.storage.sql import open_read_model
from fillwright.storage.sql.database import Database, connect_readonly
from fillwright.storage.sql.journal import SqliteJournal
from fillwright.venues.in_process import balances
from fillwright.venues.paper_books import PaperExchange
from fillwright.venues.paper_commands import decode
from fillwright.venues.paper_journal import EXCHANGE_PART, PREFIX
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


class Executions(msgspec.Struct):
    """What the exchange executed under one of our names."""

    position_id: int
    is_buy: bool
    order_ids: set[int] = set()
    trades: dict[int, Decimal] = {}


class Judge:
    """Follows one account's store from its first record on."""

    def __init__(self, database: Path, account_id: str = "paper") -> None:
        self.database = database
        self.account_id = account_id
        self.ledger = Ledger(State())
        self.exchange: PaperExchange | None = None
        self.venue_seq = 0
        self.signals: dict[tuple[str, str], Signal] = {}
        self.by_id: dict[int, Signal] = {}
        self.histories: dict[int, list[PositionStatus]] = {}
        self.intents: dict[str, ev.OrderSubmitted] = {}
        self.executions: dict[str, Executions] = {}
        self.sold: dict[int, Decimal] = {}
        """By position, what the exchange has sold, whether the account has heard of it or not."""
        self.starts: list[Start] = []
        self.spells_us: list[int] = []
        """How long coins were without a live stop, each time."""
        self.snapshots_compared = 0
        self.anomalies: list[str] = []
        self.problems: list[str] = []
        self._unprotected: Start | None = None

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
            journal = SqliteJournal(Database(self.database, connection))
            self._take(journal)
            self._compare_rows(connection)
            connection.execute("COMMIT")
        finally:
            connection.close()

    def _take(self, journal: SqliteJournal) -> None:
        ours = journal.load_snapshot(self.account_id)
        theirs = journal.load_snapshot(PREFIX + self.account_id)
        state = {} if ours is None else {ours.seq: ours.parts[STATE_PART]}
        books = {} if theirs is None else {theirs.seq: theirs.parts[EXCHANGE_PART]}
        with localcontext(CONTEXT):
            for which, record in self._merged(journal):
                if self._unprotected is not None:
                    self._look_at_protection(record.time)
                if which:
                    self._command(record)
                    self._compare_snapshot("the exchange's", books, record.seq)
                else:
                    self._record(record)
                    self._compare_snapshot("the account's", state, record.seq)

    def _merged(self, journal: SqliteJournal) -> Iterator[tuple[int, ev.Record]]:
        def numbered(which: int, records: Iterable[ev.Record]) -> Iterator[tuple[Time, int, ev.Record]]:
            last: Time = 0
            for record in records:
                last = max(last, record.time)
                yield last, which, record

        merged = heapq.merge(
            numbered(0, journal.load(self.account_id, self.ledger.state.seq)),
            numbered(1, journal.load(PREFIX + self.account_id, self.venue_seq)),
            key=lambda item: item[:2],
        )
        for _, which, record in merged:
            yield which, record

    def _compare_snapshot(self, whose: str, stored: dict[int, bytes], seq: int) -> None:
        if seq not in stored:
            return
        self.snapshots_compared += 1
        if whose == "the exchange's":
            assert self.exchange is not None
            made = self.exchange.dump()
        else:
            made = self.ledger.dump()
        if made != stored[seq]:
            self.note(f"{whose} snapshot at record {seq} is not what its journal makes")

    # -- the exchange ----------------------------------------------------------------------------------------

    def _command(self, record: ev.Record) -> None:
        event = record.event
        assert isinstance(event, ev.VenueRecorded), event
        self.exchange = PaperExchange.perform(self.exchange, decode(event.data))
        self.venue_seq = record.seq
        for told in self.exchange.drain():
            if isinstance(told, ExecutionReport) and told.execution_type is ExecutionType.TRADE:
                self._executed(told)

    def _executed(self, report: ExecutionReport) -> None:
        name = report.client_order_id
        parsed = parse_client_order_id(name)
        if parsed is None:
            self.note(f"{name} was executed, and is not of our making")
            return
        found = self.executions.setdefault(name, Executions(parsed[1], report.side is Side.BUY))
        found.order_ids.add(report.order_id)
        if report.trade_id in found.trades:
            self.note(f"trade {report.trade_id} of {name} happened twice")
        found.trades[report.trade_id] = report.last_quantity
        if not found.is_buy:
            self.sold[parsed[1]] = self.sold.get(parsed[1], ZERO) + report.last_quantity
        if len(found.order_ids) > 1:
            self.note(f"{name} was executed as {len(found.order_ids)} orders")

    # -- the account -----------------------------------------------------------------------------------------

    def _record(self, record: ev.Record) -> None:
        apply(self.ledger, record)
        event = record.event
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event, record)
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

    # -- protection ------------------------------------------------------------------------------------------

    def _stream(self, event: ev.StreamStateChanged, record: ev.Record) -> None:
        if event.connected or event.detail != STARTED:
            return
        open_now = [p.id for p in self.ledger.open_positions.values() if p.status in HOLDING]
        start = Start(record.seq, record.time, open_now)
        self.starts.append(start)
        self._unprotected = start

    def _compared(self, event: ev.ReconciliationComplete, record: ev.Record) -> None:
        if self._unprotected is not None and not event.symbol:
            self._unprotected.is_compared = True
            self._look_at_protection(record.time)

    def _look_at_protection(self, now: Time) -> None:
        """Whether those that were open at the last start have their stops, before what happens now."""
        start = self._unprotected
        assert start is not None
        if start.is_compared and not self.unprotected(start.positions):
            start.protected_us = now - start.time
            self._unprotected = None

    def unprotected(self, positions: Iterable[int] | None = None) -> list[str]:
        """Positions with coins that could be sold and that no live stop at the exchange covers."""
        wanted = self.ledger.open_positions if positions is None else positions
        held = [p for n in wanted if (p := self.ledger.open_positions.get(n)) and p.status in HOLDING]
        if not held:
            return []
        assert self.exchange is not None
        orders: dict[int, list[OrderView]] = {}
        for view in self.exchange.open_orders(self.account_id):
            parsed = parse_client_order_id(view.client_order_id)
            if parsed is not None:
                orders.setdefault(parsed[1], []).append(view)
        return [why for position in held if (why := self._lacks(position, orders.get(position.id, [])))]

    def _lacks(self, position: Position, orders: list[OrderView]) -> str:
        instrument = self.ledger.state.instruments[position.symbol]
        if position.exit_blocked or position.stop_loss is None:
            return ""
        live = [view for view in orders if view.status is not VenueOrderStatus.PENDING_NEW]
        if position.status is _P.CLOSING and any(view.type is OrderType.LIMIT_MAKER for view in live):
            return ""  # the target fills: what is left of it rests
        covered = sum((v.quantity - v.executed_quantity for v in live if v.type in STOP_TYPES), ZERO)
        unheard = max(self.sold.get(position.id, ZERO) - position.exit_quantity, ZERO)
        left = position.quantity - unheard - covered
        if not instrument.is_sellable(left, position.stop_loss):
            return ""
        return f"position {position.id} ({position.status}): {left} of {position.quantity} without a stop"

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

    # -- at rest ---------------------------------------------------------------------------------------------

    def differences(self) -> list[str]:
        """Where the two books differ now: balances, open orders, executions, coins without a stop.

        While a report is under way from the exchange to the account something differs rightly; it does not last.
        """
        assert self.exchange is not None
        return [
            *self.exchange.audit(),
            *self._differing_balances(),
            *self._differing_orders(),
            *self._differing_executions(),
            *self.unprotected(),
        ]

    def _differing_balances(self) -> list[str]:
        assert self.exchange is not None
        found = []
        for asset, free, locked in balances(self.exchange.balances(self.account_id)):
            ours = self.ledger.state.portfolio.balance_of(asset)
            if (ours.free, ours.locked, ours.ledger) != (free, locked, free + locked):
                found.append(
                    f"{asset}: {ours.free} + {ours.locked} ({ours.ledger} by executions) here, {free} + {locked} there"
                )
        return found

    def _differing_orders(self) -> list[str]:
        assert self.exchange is not None
        theirs = {v.client_order_id: v.executed_quantity for v in self.exchange.open_orders(self.account_id)}
        ours = {order.id: order.executed_quantity for order in self.ledger.open_orders.values()}
        if ours == theirs:
            return []
        names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
        return [f"{name}: {ours.get(name)} here, {theirs.get(name)} there" for name in names[:PROBLEMS_MAX]]

    def _differing_executions(self) -> list[str]:
        found = []
        bought: dict[int, Decimal] = {}
        sold: dict[int, Decimal] = {}
        for name, one in self.executions.items():
            if name not in self.intents:
                found.append(f"{name} was executed and never intended")
            quantity = sum(one.trades.values(), ZERO)
            side = bought if one.is_buy else sold
            side[one.position_id] = side.get(one.position_id, ZERO) + quantity
            order = self.ledger.state.orders.get(name)
            if order is not None and order.executed_quantity != quantity:
                found.append(f"{name}: {order.executed_quantity} executed here, {quantity} there")
        for position_id, quantity in bought.items():
            position = self.ledger.state.positions.get(position_id)
            if position is not None and quantity > position.requested_quantity:
                found.append(f"position {position_id}: {quantity} bought of {position.requested_quantity}")
            if sold.get(position_id, ZERO) > quantity:
                found.append(f"position {position_id}: {sold[position_id]} sold of {quantity}")
        return found

    # -- at the end ------------------------------------------------------------------------------------------

    def settle(self) -> list[str]:
        """With the service stopped: money by exact fractions, from executions alone; the store's own integrity."""
        connection = connect_readonly(self.database)
        try:
            (whole,) = connection.execute("PRAGMA integrity_check").fetchone()
            journal = SqliteJournal(Database(self.database, connection))
            assert self.exchange is not None
            held = balances(self.exchange.balances(self.account_id))
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
            f"{self.ledger.state.seq} records, {self.venue_seq} commands, {len(self.signals)} signals "
            f"({approved} became positions, {ended} of them ended), {len(self.intents)} orders, "
            f"{len(self.starts)} starts with {sum(len(s.positions) for s in self.starts)} open positions, "
            f"{self.snapshots_compared} snapshots compared, {len(self.anomalies)} anomalies"
        )


_HANDLERS: dict[type[ev.Event], Callable[[Judge, Any, ev.Record], None]] = {
    ev.SignalReceived: Judge._received,
    ev.SignalDenied: Judge._denied,
    ev.PositionCreated: Judge._created,
    ev.OrderSubmitted: Judge._submitted,
    ev.PositionProtected: Judge._protected,
    ev.StreamStateChanged: Judge._stream,
    ev.ReconciliationComplete: Judge._compared,
    ev.Anomaly: Judge._wrong,
    ev.Error: Judge._wrong,
}
