"""The journal in SQLite, on the calling thread: records are rows, a group of them is one transaction."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain

import msgspec
from sqlalchemy import BindParameter, bindparam, delete, func, select

from fillwright.core.apply import SequenceGapError
from fillwright.core.events import Record, decode, encode
from fillwright.core.types import AccountId
from fillwright.ports import (
    CorruptStoreError,
    JournalMismatchError,
    Projection,
    SeqConflictError,
    Snapshot,
)
from fillwright.storage.sql import schema
from fillwright.storage.sql.database import Database
from fillwright.storage.sql.errors import translate
from fillwright.storage.sql.statements import compiled, insert

READ_ROWS = 1_000
"""Records fetched at once while streaming."""
SNAPSHOTS_KEPT = 2

_JOURNAL, _SNAPSHOTS = schema.journal.c, schema.snapshots.c
_ACCOUNT: BindParameter[str] = bindparam("account_id")

INSERT = insert(schema.journal)
INSERT_ROWS = 100
INSERT_MANY = insert(schema.journal, INSERT_ROWS)
"""A third quicker per row; for groups that have so many."""
SMALL_ROWS = 16
"""So many records are one statement: its own transaction, where the journal's end is known."""
_INSERTS = tuple(insert(schema.journal, rows) for rows in range(SMALL_ROWS + 1))
HAS = compiled(select(_JOURNAL.seq).where(_JOURNAL.account_id == _ACCOUNT, _JOURNAL.seq == bindparam("seq")))
LAST = compiled(select(func.max(_JOURNAL.seq)).where(_JOURNAL.account_id == _ACCOUNT))
# Its parameters: account, the seq before the first, how many, and how many to pass over (0).
READ = compiled(
    select(_JOURNAL.seq, _JOURNAL.time, _JOURNAL.cause, _JOURNAL.kind, _JOURNAL.version, _JOURNAL.body)
    .where(_JOURNAL.account_id == _ACCOUNT, _JOURNAL.seq > bindparam("after"))
    .order_by(_JOURNAL.seq)
    .limit(bindparam("rows"))
)
ACCOUNTS = compiled(select(_JOURNAL.account_id).distinct().order_by(_JOURNAL.account_id))
INSERT_SNAPSHOT = insert(schema.snapshots)
DELETE_SNAPSHOTS = compiled(
    delete(schema.snapshots).where(_SNAPSHOTS.account_id == _ACCOUNT, _SNAPSHOTS.seq == bindparam("seq"))
)
SNAPSHOT_SEQS = compiled(
    select(_SNAPSHOTS.seq, _SNAPSHOTS.time)
    .distinct()
    .where(_SNAPSHOTS.account_id == _ACCOUNT)
    .order_by(_SNAPSHOTS.seq.desc())
)
READ_SNAPSHOT = compiled(
    select(_SNAPSHOTS.name, _SNAPSHOTS.body)
    .where(_SNAPSHOTS.account_id == _ACCOUNT, _SNAPSHOTS.seq == bindparam("seq"))
    .order_by(_SNAPSHOTS.name)
)

Row = tuple[str, int, int, int, str, int, str]
"""account_id, seq, time, cause, kind, version, body."""


class SqliteJournal:
    """``ports.Journal`` in one SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ends: dict[AccountId, int] = {}
        """Where this process's last commit to an account ended: records stay, so there is no need to look."""

    # -- writing ---------------------------------------------------------------------------------------------

    def append(
        self, account_id: AccountId, expected_seq: int, records: Sequence[Record], *, durable: bool = True
    ) -> None:
        """Add records in one transaction; SeqConflictError when the journal does not end at ``expected_seq``.

        Raises SequenceGapError (a bug of the caller) when the records do not follow each other.
        """
        rows = _rows(account_id, expected_seq, records)
        if durable:
            self._append(account_id, expected_seq, rows)
        else:
            with self._database.relaxed():
                self._append(account_id, expected_seq, rows)

    def _append(self, account_id: AccountId, expected_seq: int, rows: list[Row]) -> None:
        if 0 < len(rows) <= SMALL_ROWS and not self._database.in_transaction:
            if self._ends.get(account_id) == expected_seq:
                self._append_at_once(account_id, expected_seq, rows)
                return
        with self._database.transaction() as connection:
            if expected_seq and connection.execute(HAS, (account_id, expected_seq)).fetchone() is None:
                raise SeqConflictError(account_id, expected_seq, self._last(connection, account_id))
            self._insert(connection, account_id, expected_seq, rows)
        if not self._database.in_transaction:
            self._ends[account_id] = expected_seq + len(rows)

    def _append_at_once(self, account_id: AccountId, expected_seq: int, rows: list[Row]) -> None:
        """Add a few records after those this process wrote: one statement, a transaction by itself.

        The record before them is there; if another process wrote on, the key says so.
        """
        try:
            self._database.connection.execute(_INSERTS[len(rows)], list(chain.from_iterable(rows)))
        except sqlite3.IntegrityError as error:
            raise SeqConflictError(account_id, expected_seq, self.last_seq(account_id)) from error
        except sqlite3.Error as error:
            raise translate(error, self._database.path) from error
        self._ends[account_id] = expected_seq + len(rows)

    def _insert(
        self, connection: sqlite3.Connection, account_id: AccountId, expected_seq: int, rows: list[Row]
    ) -> None:
        whole = len(rows) - len(rows) % INSERT_ROWS
        parts = (rows[start : start + INSERT_ROWS] for start in range(0, whole, INSERT_ROWS))
        try:
            connection.executemany(INSERT_MANY, (list(chain.from_iterable(part)) for part in parts))
            connection.executemany(INSERT, rows[whole:])
        except sqlite3.IntegrityError as error:
            raise SeqConflictError(account_id, expected_seq, self._last(connection, account_id)) from error

    def verify_or_append(self, account_id: AccountId, records: Sequence[Record]) -> int:
        """Add those records that are not there yet; JournalMismatchError when one that is there differs."""
        if not records:
            return 0
        before = records[0].seq - 1
        rows = _rows(account_id, before, records)
        with self._database.transaction() as connection:
            last = self._last(connection, account_id)
            if last < before:
                raise SeqConflictError(account_id, before, last)
            known = rows[: last - before]
            stored = connection.execute(READ, (account_id, before, len(known), 0)).fetchall()
            for row, there in zip(known, stored, strict=False):
                if row[1:] != there:
                    raise JournalMismatchError(account_id, row[1], _describe(there), _describe(row[1:]))
            self._insert(connection, account_id, max(last, before), rows[len(known) :])
        return len(rows) - len(known)

    def append_group(
        self,
        account_id: AccountId,
        records: Sequence[Record],
        *,
        verify: bool = False,
        snapshot: Snapshot | None = None,
        projection: Projection | None = None,
    ) -> None:
        """Add records, a snapshot and the read models' rows in one transaction."""
        with self._database.transaction():
            if verify:
                self.verify_or_append(account_id, records)
            elif records:
                self.append(account_id, records[0].seq - 1, records)
            if snapshot is not None:
                self.save_snapshot(account_id, snapshot)
            if projection is not None:
                projection.flush()

    def group(self) -> AbstractContextManager[object]:
        """Make one transaction of everything written inside."""
        return self._database.transaction()

    # -- reading ---------------------------------------------------------------------------------------------

    def _read(
        self, account_id: AccountId, after_seq: int
    ) -> Iterator[list[tuple[int, int, int, str, int, str]]]:
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(READ, (account_id, after_seq, READ_ROWS, 0)).fetchall()
            if rows:
                yield rows
                after_seq = rows[-1][0]
            if len(rows) < READ_ROWS:
                return

    def load(self, account_id: AccountId, after_seq: int = 0) -> Iterator[Record]:
        """Read records in order, a thousand at a time; CorruptStoreError when one is missing or does not read."""
        for rows in self._read(account_id, after_seq):
            for seq, time, cause, kind, version, body in rows:
                if seq != after_seq + 1:
                    raise CorruptStoreError(
                        f"{self._database.path}: account {account_id}: record {after_seq + 1} is missing"
                    )
                after_seq = seq
                try:
                    event = decode(kind, version, body.encode())
                except msgspec.MsgspecError as error:
                    raise CorruptStoreError(
                        f"{self._database.path}: account {account_id}: record {seq} ({kind}) does not read: {error}"
                    ) from error
                yield Record(seq, time, cause, event)

    def last_seq(self, account_id: AccountId) -> int:
        """The seq of the last record; 0 when there is none."""
        with self._database.reading() as connection:
            return self._last(connection, account_id)

    @staticmethod
    def _last(connection: sqlite3.Connection, account_id: AccountId) -> int:
        return connection.execute(LAST, (account_id,)).fetchone()[0] or 0

    def accounts(self) -> list[AccountId]:
        """The accounts that have records."""
        with self._database.reading() as connection:
            return [name for (name,) in connection.execute(ACCOUNTS)]

    def digest(self, account_id: AccountId) -> str:
        """SHA-256 over the records in order: of each ``seq|time|cause|kind|version|body`` and a line feed."""
        total = hashlib.sha256()
        for rows in self._read(account_id, 0):
            lines = [
                f"{seq}|{time}|{cause}|{kind}|{version}|{body}\n"
                for seq, time, cause, kind, version, body in rows
            ]
            total.update("".join(lines).encode())
        return total.hexdigest()

    # -- snapshots -------------------------------------------------------------------------------------------

    def save_snapshot(self, account_id: AccountId, snapshot: Snapshot) -> None:
        """Store a snapshot, in place of one at the same seq; the two newest stay."""
        seq, time = snapshot.seq, snapshot.time
        with self._database.transaction() as connection:
            connection.execute(DELETE_SNAPSHOTS, (account_id, seq))
            rows = [(account_id, seq, name, time, snapshot.parts[name]) for name in sorted(snapshot.parts)]
            connection.executemany(INSERT_SNAPSHOT, rows)
            stored = connection.execute(SNAPSHOT_SEQS, (account_id,)).fetchall()
            old = [(account_id, seq) for seq, _ in stored[SNAPSHOTS_KEPT:]]
            connection.executemany(DELETE_SNAPSHOTS, old)

    def load_snapshot(self, account_id: AccountId, seq_max: int | None = None) -> Snapshot | None:
        """The newest snapshot (not after ``seq_max``, if given)."""
        with self._database.reading() as connection:
            for seq, time in connection.execute(SNAPSHOT_SEQS, (account_id,)).fetchall():
                if seq_max is None or seq <= seq_max:
                    parts = dict(connection.execute(READ_SNAPSHOT, (account_id, seq)).fetchall())
                    return Snapshot(seq, time, parts)
        return None


def _rows(account_id: AccountId, before: int, records: Sequence[Record]) -> list[Row]:
    rows: list[Row] = []
    for seq, record in enumerate(records, before + 1):
        if record.seq != seq:
            raise SequenceGapError(f"record {record.seq} after {seq - 1}")
        event = record.event
        cls = type(event)
        rows.append(
            (account_id, seq, record.time, record.cause, cls.__name__, cls.version, encode(event).decode())
        )
    return rows


def _describe(row: tuple[int, int, int, str, int, str]) -> str:
    _, time, cause, kind, version, body = row
    return f"{kind} version {version} at {time}, caused by {cause}: {body:.200}"
