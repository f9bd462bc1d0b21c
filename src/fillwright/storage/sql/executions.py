"""How signals were executed: signals, positions, orders and fills in a handful of queries, whatever their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Column, Table, select
from sqlalchemy.engine import Connection, Row

from fillwright.core.types import ZERO, AccountId, ClientOrderId, Time
from fillwright.ports import OrderExecution, Owner, SignalExecution
from fillwright.storage.sql import rows, schema

IDS_MAX = 500
"""Ids named in one statement."""
READ_ROWS = 1_000
ACKNOWLEDGED = "OrderPlaced"


def _columns(table: Table, *names: str) -> tuple[Column[Any], ...]:
    return tuple(table.c[name] for name in names)


_SIGNALS = _columns(
    schema.signals,
    *(
        "id",
        "key",
        "trader_id",
        "symbol",
        "received_at",
        "received_seq",
        "status",
        "status_reason",
        "position_id",
    ),
)
_POSITIONS = _columns(schema.positions, "id", "status", "realized_pnl", "entry_order_ids", "exit_order_ids")
_ORDERS = _columns(
    schema.orders,
    *("id", "position_id", "leg", "side", "order_type", "sent_at", "created_at"),
    *("executed_quantity", "executed_quote"),
)
_FILLS = _columns(schema.fills, "order_id", "created_at", "commission_quote")


class _Acknowledged(msgspec.Struct):
    """Of the record that the venue has an order, all that is of interest."""

    id: ClientOrderId


class _Filled(msgspec.Struct):
    """What the fills of one order come to."""

    first_at: Time
    commission_quote: Decimal = ZERO


def executions(connection: Connection, owner: Owner, since: Time, limit: int) -> list[SignalExecution]:
    """Signals that were received since a time, the newest ``limit`` of them, oldest first, and their executions."""
    account_id = owner.account_id
    signals = _signals(connection, account_id, since, limit)
    if not signals:
        return []
    numbers = [row.position_id for row in signals if row.position_id is not None]
    positions = {row.id: row for row in _of(connection, _POSITIONS, account_id, numbers)}
    trades = schema.trades_of(owner.mode).c
    values = {
        row.id: row.entry_value
        for row in _of(connection, (trades.id, trades.entry_value), account_id, numbers)
    }
    names = [name for row in positions.values() for name in (*row.entry_order_ids, *row.exit_order_ids)]
    filled = _filled(connection, account_id, names)
    starts = [row.received_seq for row in signals if row.received_seq is not None]
    acknowledged = _acknowledged(connection, account_id, min(starts, default=1), names)
    orders: dict[int, list[OrderExecution]] = {}
    for row in _of(connection, _ORDERS, account_id, names):
        made = _order(row, acknowledged.get(row.id), filled.get(row.id))
        orders.setdefault(row.position_id, []).append(made)
    found = []
    for row in signals:
        number = row.position_id
        position = None if number is None else positions.get(number)
        mine = sorted(orders.get(number, ()), key=lambda order: (order.sent_at, order.id))
        found.append(_signal(row, position, values.get(number, ZERO), tuple(mine)))
    return found


def _signals(connection: Connection, account_id: AccountId, since: Time, limit: int) -> list[Row[Any]]:
    table = schema.signals.c
    query = (
        select(*_SIGNALS)
        .where(table.account_id == account_id, table.received_at >= since)
        .order_by(table.id.desc())
        .limit(limit)
    )
    return list(reversed(connection.execute(query).all()))


def _of(
    connection: Connection,
    columns: tuple[Column[Any], ...],
    account_id: AccountId,
    names: Sequence[int] | Sequence[str],
) -> Iterator[Row[Any]]:
    """Columns of an account's rows, the first of which says which rows."""
    query = select(*columns).where(columns[0].table.c.account_id == account_id)
    for start in range(0, len(names), IDS_MAX):
        yield from connection.execute(query.where(columns[0].in_(names[start : start + IDS_MAX])))


def _filled(connection: Connection, account_id: AccountId, names: Sequence[str]) -> dict[str, _Filled]:
    found: dict[str, _Filled] = {}
    for row in _of(connection, _FILLS, account_id, names):
        one = found.setdefault(row.order_id, _Filled(row.created_at))
        one.first_at = min(one.first_at, row.created_at)
        one.commission_quote += row.commission_quote
    return found


def _acknowledged(
    connection: Connection, account_id: AccountId, start: int, names: Iterable[str]
) -> dict[str, Time]:
    """When the venue's first word about each order was journaled."""
    journal, wanted = schema.journal.c, set(names)
    query = (
        select(journal.time, journal.body)
        .where(journal.account_id == account_id, journal.seq >= start, journal.kind == ACKNOWLEDGED)
        .order_by(journal.seq)
        .execution_options(yield_per=READ_ROWS)
    )
    decode = msgspec.json.Decoder(_Acknowledged).decode
    found: dict[str, Time] = {}
    for time, body in connection.execute(query):
        name = decode(body).id
        if name in wanted:
            found.setdefault(name, time)
    return found


def _order(row: Row[Any], acknowledged_at: Time | None, filled: _Filled | None) -> OrderExecution:
    first_fill_at = None if filled is None else filled.first_at
    words = [time for time in (acknowledged_at, first_fill_at) if time is not None]
    return OrderExecution(
        id=row.id,
        leg=row.leg,
        side=row.side,
        order_type=row.order_type,
        sent_at=row.sent_at or row.created_at,
        acknowledged_at=min(words, default=None),
        first_fill_at=first_fill_at,
        executed_quantity=row.executed_quantity,
        executed_quote=row.executed_quote,
        commission_quote=ZERO if filled is None else filled.commission_quote,
    )


def _signal(
    row: Row[Any], position: Row[Any] | None, entry_value: Decimal, orders: tuple[OrderExecution, ...]
) -> SignalExecution:
    return SignalExecution(
        signal_id=row.id,
        key=row.key,
        trader_id=row.trader_id,
        symbol=row.symbol,
        received_at=row.received_at,
        status=row.status,
        code=row.status_reason if row.status == "denied" else "",
        has_position=position is not None,
        is_ended=position is not None and position.status not in rows.OPEN_POSITION_STATUSES,
        entry_value=entry_value,
        realized_pnl=ZERO if position is None else position.realized_pnl,
        orders=orders,
    )
