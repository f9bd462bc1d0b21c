"""The judge of a live store of paper trading: what must hold whenever the service was killed.

It reads the account's journal and that of its paper exchange side by side, in the order of time, and makes both anew:
the ledger (``journal_judge``), and the exchange from its commands. What both books hold is compared.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

import msgspec

from fillwright.core import events as ev
from fillwright.core.positions import HOLDING, Position
from fillwright.core.types import (
    STOP_TYPES,
    ZERO,
    ExecutionType,
    OrderType,
    PositionStatus,
    Side,
    Time,
    VenueOrderStatus,
    parse_client_order_id,
)
from fillwright.exchange.messages import ExecutionReport, OrderView
from fillwright.ports import STATE_PART
from fillwright.storage.sql.journal import SqliteJournal
from fillwright.venues.in_process import balances
from fillwright.venues.paper_books import PaperExchange
from fillwright.venues.paper_commands import decode
from fillwright.venues.paper_journal import EXCHANGE_PART, PREFIX
from tests.e2e.journal_judge import PROBLEMS_MAX, JournalJudge, Start


class Executions(msgspec.Struct):
    """What the exchange executed under one of our names."""

    position_id: int
    is_buy: bool
    order_ids: set[int] = set()
    trades: dict[int, Decimal] = {}


class Judge(JournalJudge):
    """Follows one account's store from its first record on, and its exchange's."""

    def __init__(self, database: Path, account_id: str = "paper") -> None:
        super().__init__(database, account_id)
        self.exchange: PaperExchange | None = None
        self.venue_seq = 0
        self.executions: dict[str, Executions] = {}
        self.sold: dict[int, Decimal] = {}
        """By position, what the exchange has sold, whether the account has heard of it or not."""
        self._unprotected: Start | None = None

    # -- reading ---------------------------------------------------------------------------------------------

    def _take(self, journal: SqliteJournal) -> None:
        ours = journal.load_snapshot(self.account_id)
        theirs = journal.load_snapshot(PREFIX + self.account_id)
        state = {} if ours is None else {ours.seq: ours.parts[STATE_PART]}
        books = {} if theirs is None else {theirs.seq: theirs.parts[EXCHANGE_PART]}
        for which, record in self._merged(journal):
            if self._unprotected is not None:
                self._look_at_protection(record.time)
            if which:
                self._command(record)
                self._compare_snapshot("the exchange's", books, record.seq, self._dump_exchange)
            else:
                self._record(record)
                self._compare_snapshot("the account's", state, record.seq, self.ledger.dump)

    def _dump_exchange(self) -> bytes:
        assert self.exchange is not None
        return self.exchange.dump()

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

    # -- protection ------------------------------------------------------------------------------------------

    def _stream(self, event: ev.StreamStateChanged, record: ev.Record) -> None:
        before = len(self.starts)
        super()._stream(event, record)
        if len(self.starts) > before:
            self._unprotected = self.starts[-1]

    def _compared(self, event: ev.ReconciliationComplete, record: ev.Record) -> None:
        super()._compared(event, record)
        if self._unprotected is not None and not event.symbol:
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
        if position.status is PositionStatus.CLOSING and any(
            view.type is OrderType.LIMIT_MAKER for view in live
        ):
            return ""  # the target fills: what is left of it rests
        covered = sum((v.quantity - v.executed_quantity for v in live if v.type in STOP_TYPES), ZERO)
        unheard = max(self.sold.get(position.id, ZERO) - position.exit_quantity, ZERO)
        left = position.quantity - unheard - covered
        if not instrument.is_sellable(left, position.stop_loss):
            return ""
        return f"position {position.id} ({position.status}): {left} of {position.quantity} without a stop"

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
        assert self.exchange is not None
        return self.settled(balances(self.exchange.balances(self.account_id)))

    @property
    def summary(self) -> str:
        """What was looked at, in one line."""
        return f"{super().summary}, {self.venue_seq} commands"
