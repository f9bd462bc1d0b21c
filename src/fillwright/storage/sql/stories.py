"""The story of one signal, out of the journal."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.engine import Connection

from fillwright.core.events import Event, OrderDenied, Record, SignalApproved, SignalDenied, decode
from fillwright.core.types import AccountId, ClientOrderId, Time
from fillwright.ports import Verdict
from fillwright.storage.sql import schema

READ_ROWS = 1_000
"""Records fetched at once."""
UNCONNECTED = frozenset({"CandleClosed", "EquityMarked", "BalanceUpdated"})
"""Events that name no signal, position or order; they belong to a story by their cause alone."""


def tell(
    connection: Connection,
    account_id: AccountId,
    *,
    start: int,
    end_time: Time | None,
    signal_id: int,
    position_id: int,
    order_ids: frozenset[ClientOrderId],
) -> tuple[tuple[Record, ...], tuple[Verdict, ...]]:
    """Collect the records that a signal led to, and the risk checks' verdicts among them.

    A record belongs to it when its cause does, or when it names the signal, its position or one of its orders. Reads
    from the record ``start`` to the last one at ``end_time`` (None: to the journal's end).
    """
    journal = schema.journal.c
    query = (
        select(journal.seq, journal.time, journal.cause, journal.kind, journal.version, journal.body)
        .where(journal.account_id == account_id, journal.seq >= start)
        .order_by(journal.seq)
        .execution_options(yield_per=READ_ROWS)
    )
    chain: dict[int, Record] = {}
    for seq, time, cause, kind, version, body in connection.execute(query):
        if end_time is not None and time > end_time:
            break
        if cause not in chain and kind in UNCONNECTED:
            continue
        event = decode(kind, version, body.encode())
        if cause in chain or _names(event, signal_id, position_id, order_ids):
            chain[seq] = Record(seq, time, cause, event)
    verdicts = (verdict for record in chain.values() if (verdict := _verdict(record)) is not None)
    return tuple(chain.values()), tuple(verdicts)


def _names(event: Event, signal_id: int, position_id: int, order_ids: frozenset[ClientOrderId]) -> bool:
    if getattr(event, "signal_id", 0) == signal_id:
        return True
    if position_id and getattr(event, "position_id", 0) == position_id:
        return True
    return getattr(event, "id", "") in order_ids


def _verdict(record: Record) -> Verdict | None:
    event = record.event
    if isinstance(event, SignalApproved):
        return Verdict(record.seq, record.time, True, "", event.checks)
    if isinstance(event, SignalDenied | OrderDenied):
        return Verdict(record.seq, record.time, False, event.code, event.checks)
    return None
