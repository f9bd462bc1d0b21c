"""Read models follow the journal: objects that records touched are remembered, and written once per group.

Rows hold final values only, so that a hundred changes of an order within one group cost one row. What a row says hangs
on the records alone, never on how they were grouped: figures that need a price are written for open positions at each
flush, and what comes from objects that the state has forgotten stays as it was stored.
"""

from __future__ import annotations

import decimal
import sqlite3
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import BindParameter, Table, bindparam, delete, select

from fillwright.core import events as ev
from fillwright.core.apply import apply
from fillwright.core.events import Record
from fillwright.core.orders import Order
from fillwright.core.positions import Position
from fillwright.core.settings import Settings
from fillwright.core.state import Ledger, SignalRecord, State
from fillwright.core.types import CONTEXT, ClientOrderId, Time
from fillwright.ports import STATE_PART, Owner
from fillwright.storage.sql import rows, schema
from fillwright.storage.sql.database import Database
from fillwright.storage.sql.journal import SqliteJournal
from fillwright.storage.sql.statements import compiled, insert_once, reprice, upsert
from fillwright.storage.sql.valuing import Valuing, unrealized_of

CATCH_UP_RECORDS = 1_000
"""Records applied between two flushes while catching up."""

_ACCOUNT: BindParameter[str] = bindparam("account_id")
_POSITIONS = schema.read_model_positions.c

READ_SEQ = compiled(select(_POSITIONS.seq).where(_POSITIONS.account_id == _ACCOUNT))
WRITE_SEQ = upsert(schema.read_model_positions)
UPSERT_SIGNAL = upsert(schema.signals, keep_null=("received_seq",))
UPSERT_ORDER = upsert(schema.orders)
UPSERT_POSITION = upsert(
    schema.positions,
    computed={
        "order_list_id": select(schema.orders.c.order_list_id)
        .where(
            schema.orders.c.account_id == bindparam("stop_account"),
            schema.orders.c.id == bindparam("stop_id"),
        )
        .scalar_subquery()
    },
)
REPRICE_POSITION = reprice(schema.positions, "current_price", "unrealized_pnl")
INSERT_FILL = insert_once(schema.fills)
INSERT_DECISION = insert_once(schema.decisions)
INSERT_PNL = insert_once(schema.pnl_snapshots)
UPSERT_LIMITS = upsert(schema.risk_limits)
DELETE_LIMITS = compiled(
    delete(schema.risk_limits).where(
        schema.risk_limits.c.account_id == _ACCOUNT,
        schema.risk_limits.c.trader_id == bindparam("trader_id"),
        schema.risk_limits.c.symbol == bindparam("symbol"),
    )
)


def upsert_trade(table: Table) -> str:
    """Write a trade; without its entry and signal, what was stored of them stays."""
    return upsert(table, keep_null=("ai_confidence",), keep_unnamed=("client_order_id", "binance_order_id"))


class _Pending:
    """What has been observed since the last flush."""

    __slots__ = (
        "decisions",
        "fills",
        "limits",
        "marks",
        "orders",
        "positions",
        "received",
        "reprice",
        "seq",
        "settings",
        "signals",
        "since",
    )

    def __init__(self) -> None:
        self.seq = 0
        self.since: Time = 0
        self.orders: dict[ClientOrderId, Order] = {}
        self.positions: dict[int, Position] = {}
        self.signals: dict[int, SignalRecord] = {}
        self.received: dict[int, int] = {}
        self.fills: list[tuple[Order, ev.Fill, Time]] = []
        self.decisions: list[Record] = []
        self.marks: list[rows.Mark] = []
        self.reprice = False
        self.settings: list[tuple[Settings, Time]] = []
        self.limits: list[tuple[ev.LimitsChanged, Time]] = []


class SqliteProjection:
    """``ports.Projection`` in one SQLite file; it shares the transactions of the journal beside it."""

    def __init__(self, database: Database, journal: SqliteJournal, owner: Owner) -> None:
        self._database = database
        self._journal = journal
        self._account_id = owner.account_id
        self._whose = rows.Whose(owner.account_id, owner.user_id, owner.mode.value)
        self._pending = _Pending()
        self._ledger = Ledger(State())
        self._valuing = Valuing()
        self._trade = upsert_trade(schema.trades_of(owner.mode))
        self._reprice_trade = reprice(schema.trades_of(owner.mode), "unrealized_pnl", "pnl_percentage")
        self._portfolio = upsert(schema.portfolios_of(owner.mode))
        self._settings = upsert(schema.settings_of(owner.mode))
        with database.reading() as connection:
            row = connection.execute(READ_SEQ, (owner.account_id,)).fetchone()
        self._stored: int = row[0] if row is not None else 0

    @property
    def seq(self) -> int:
        """The last record that the stored rows show."""
        return self._stored

    # -- watching --------------------------------------------------------------------------------------------

    def observe(self, records: Sequence[Record], ledger: Ledger) -> None:
        """Take note of one step's records; memory grows with what they touch until the next flush."""
        self._ledger = ledger
        if not records or records[0].seq <= self._stored:
            records = [record for record in records if record.seq > self._stored]
            if not records:
                return
        pending, state = self._pending, ledger.state
        if not pending.seq:
            pending.since = records[0].time
        pending.seq = records[-1].seq
        for record in records:
            event = record.event
            watch = _WATCHES.get(type(event))
            if watch is not None:
                watch(pending, record, event, state)

    # -- writing ---------------------------------------------------------------------------------------------

    def flush(self) -> int:
        """Write the rows of all that was observed, in one transaction (the open group's, if any); how many rows.

        By itself it does not wait for the disk: what a power cut takes is made again from the journal.

        When the transaction fails nothing is forgotten: the next flush writes it.
        """
        pending = self._pending
        if not pending.seq:
            return 0
        with self._database.transaction(derived=True) as connection, decimal.localcontext(CONTEXT):
            before = connection.total_changes
            self._write(connection, pending)
            self._database.on_commit(self._forget)
            return connection.total_changes - before

    def _forget(self) -> None:
        self._stored = self._pending.seq
        self._pending = _Pending()
        self._valuing.committed()

    def _write(self, connection: sqlite3.Connection, pending: _Pending) -> None:
        whose, ledger = self._whose, self._ledger
        self._valuing.begin()

        def many(statement: str, values: list[rows.Row]) -> None:
            if values:
                connection.executemany(statement, values)

        received = pending.received
        many(UPSERT_SIGNAL, [rows.signal_row(whose, s, received.get(s.id)) for s in pending.signals.values()])
        many(UPSERT_ORDER, [rows.order_row(whose, order) for order in pending.orders.values()])
        many(INSERT_FILL, [rows.fill_row(whose, *fill) for fill in pending.fills])
        positions = pending.positions
        valued = [(position, rows.value_of(position, ledger)) for position in positions.values()]
        many(UPSERT_POSITION, [rows.position_row(whose, position, value) for position, value in valued])
        trades = [
            rows.trade_row(whose, position, self._entry_of(position), self._confidence_of(position), value)
            for position, value in valued
            if position.entry_order_ids
        ]
        many(self._trade, trades)
        many(INSERT_DECISION, [rows.decision_row(whose, record) for record in pending.decisions])
        many(INSERT_PNL, [rows.pnl_row(whose, mark) for mark in pending.marks])
        self._write_settings(connection, pending)
        moved = self._moved(ledger, positions) if pending.reprice else []
        self._write_prices(connection, moved)
        changed = [*((position, value.unrealized) for position, value in valued), *moved]
        total = self._valuing.total(ledger, changed)
        connection.execute(self._portfolio, rows.portfolio_row(whose, ledger, pending.since, total))
        connection.execute(WRITE_SEQ, (self._account_id, pending.seq))

    def _moved(self, ledger: Ledger, touched: dict[int, Position]) -> list[tuple[Position, Decimal]]:
        """Untouched positions whose symbol has another price now, with what is unrealised of them."""
        moved = self._valuing.moved(ledger)
        return [(one, unrealized_of(one, ledger)) for number, one in moved.items() if number not in touched]

    def _write_prices(self, connection: sqlite3.Connection, moved: list[tuple[Position, Decimal]]) -> None:
        """What another price changes of rows of open positions that no record touched."""
        account_id, prices = self._account_id, self._ledger.state.prices
        written = {position.symbol: rows.maybe(prices.get(position.symbol)) for position, _ in moved}
        connection.executemany(
            REPRICE_POSITION,
            [(written[one.symbol], rows.text(worth), account_id, one.id) for one, worth in moved],
        )
        connection.executemany(
            self._reprice_trade,
            [
                (rows.text(worth), rows.text(rows.result_percent(one, worth)), account_id, one.id)
                for one, worth in moved
                if one.entry_order_ids
            ],
        )

    def _write_settings(self, connection: sqlite3.Connection, pending: _Pending) -> None:
        whose = self._whose
        for settings, now in pending.settings:
            connection.execute(self._settings, rows.settings_row(whose, settings, now))
        for change, now in pending.limits:
            key = (self._account_id, change.trader_id, change.symbol)
            if change.limits is None:
                connection.execute(DELETE_LIMITS, key)
            else:
                connection.execute(UPSERT_LIMITS, rows.limits_row(whose, change, now))

    def _entry_of(self, position: Position) -> Order | None:
        """The entry order that was executed, or else the last one tried; None when one before it is forgotten."""
        order = None
        for name in position.entry_order_ids:
            order = self._pending.orders.get(name) or self._ledger.state.orders.get(name)
            if order is None or order.executed_quantity:
                return order
        return order

    def _confidence_of(self, position: Position) -> Decimal | None:
        number = position.signal_id
        signal = self._pending.signals.get(number) or self._ledger.state.signals.get(number)
        return None if signal is None else signal.signal.confidence

    # -- catching up -----------------------------------------------------------------------------------------

    def catch_up(self) -> int:
        """Bring the rows up to the journal's end, from the newest snapshot that they already show."""
        account_id = self._account_id
        if self._journal.last_seq(account_id) <= self._stored:
            return 0
        snapshot = self._journal.load_snapshot(account_id, seq_max=self._stored)
        state = None if snapshot is None else snapshot.parts.get(STATE_PART)
        ledger = Ledger(State()) if state is None else Ledger.load(state)
        shown = self._stored
        with decimal.localcontext(CONTEXT):
            for record in self._journal.load(account_id, ledger.state.seq):
                apply(ledger, record)
                self.observe((record,), ledger)
                if record.seq % CATCH_UP_RECORDS == 0:
                    self.flush()
            self.flush()
        return self._stored - shown


# -- what records touch ------------------------------------------------------------------------------------------


def _see_order(pending: _Pending, record: Record, event: Any, state: State) -> None:
    order = state.orders[event.id]
    pending.orders[order.id] = order
    position = state.positions.get(order.position_id)
    if position is not None:
        pending.positions[position.id] = position


def _see_fill(pending: _Pending, record: Record, event: Any, state: State) -> None:
    _see_order(pending, record, event, state)
    pending.fills.append((state.orders[event.id], event.fill, record.time))
    pending.reprice = True


def _see_position(pending: _Pending, record: Record, event: Any, state: State) -> None:
    pending.positions[event.position_id] = state.positions[event.position_id]


def _see_moved(pending: _Pending, record: Record, event: Any, state: State) -> None:
    """A position's step that its signal follows (as long as it is remembered)."""
    position = state.positions[event.position_id]
    pending.positions[position.id] = position
    signal = state.signals.get(position.signal_id)
    if signal is not None:
        pending.signals[signal.id] = signal


def _see_received(pending: _Pending, record: Record, event: Any, state: State) -> None:
    pending.received[event.signal_id] = record.seq
    pending.signals[event.signal_id] = state.signals[event.signal_id]


def _see_signal(pending: _Pending, record: Record, event: Any, state: State) -> None:
    signal = state.signals.get(event.signal_id)
    if signal is not None:
        pending.signals[signal.id] = signal


def _see_decision(pending: _Pending, record: Record, event: Any, state: State) -> None:
    pending.decisions.append(record)


def _see_mark(pending: _Pending, record: Record, event: Any, state: State) -> None:
    money = state.portfolio
    pending.marks.append(
        (record.seq, record.time, event.equity, money.peak, money.drawdown_percent, money.realized)
    )
    pending.reprice = True


def _see_fees(pending: _Pending, record: Record, event: Any, state: State) -> None:
    pending.reprice = True


def _see_settings(pending: _Pending, record: Record, event: Any, state: State) -> None:
    pending.settings.append((event.settings, record.time))


def _see_limits(pending: _Pending, record: Record, event: Any, state: State) -> None:
    pending.limits.append((event, record.time))


_WATCHES: dict[type[ev.Event], Callable[[_Pending, Record, Any, State], None]] = {
    ev.AccountOpened: _see_settings,
    ev.SettingsChanged: _see_settings,
    ev.LimitsChanged: _see_limits,
    ev.FeesChanged: _see_fees,
    ev.EquityMarked: _see_mark,
    ev.SignalReceived: _see_received,
    ev.SignalApproved: _see_signal,
    ev.SignalDenied: _see_signal,
    ev.SignalStatusChanged: _see_signal,
    ev.DecisionMade: _see_decision,
    ev.OrderSubmitted: _see_order,
    ev.OrderAdopted: _see_order,
    ev.OrderPlaced: _see_order,
    ev.OrderPartiallyFilled: _see_fill,
    ev.OrderFilled: _see_fill,
    ev.OrderCancelRequested: _see_order,
    ev.OrderCancelRefused: _see_order,
    ev.OrderCancelled: _see_order,
    ev.OrderRejected: _see_order,
    ev.OrderExpired: _see_order,
    ev.OrderUnknown: _see_order,
    ev.OrderAmended: _see_order,
    ev.PositionCreated: _see_moved,
    ev.PositionOpened: _see_moved,
    ev.PositionUpdated: _see_position,
    ev.PositionClosing: _see_position,
    ev.PositionReopened: _see_moved,
    ev.PositionReduced: _see_position,
    ev.PositionProtected: _see_position,
    ev.PositionUnprotected: _see_position,
    ev.PositionClosed: _see_moved,
    ev.PositionFailed: _see_moved,
}
"""What a record touches; other events change nothing that the tables show, or the portfolio alone."""
