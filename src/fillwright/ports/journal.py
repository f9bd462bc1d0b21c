"""The journal as the core's shells see it: records in, records out, snapshots beside them.

The journal is the truth; everything else in a store follows from it. ``(account, seq)`` is unique, so that of two
writers the second loses before anything has left its process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from fillwright.core.events import Record
from fillwright.core.state import Ledger
from fillwright.core.types import AccountId, Mode, Time

ADMIN: AccountId = "admin"
"""The stream of what is done to users rather than to an account."""
STATE_PART = "state"
"""The part of a snapshot that ``Ledger.load`` reads."""


class Owner(msgspec.Struct, frozen=True, gc=False):
    """Whose ledger it is: one user in one mode."""

    account_id: AccountId
    user_id: str
    mode: Mode


class Snapshot(msgspec.Struct, frozen=True):
    """What is true after the record ``seq``, as named blobs (engine state, exchange state, tape position)."""

    seq: int
    time: Time
    parts: Mapping[str, bytes]


class Projection(Protocol):
    """Read models of one account: it watches records and writes the rows that follow from them."""

    @property
    def seq(self) -> int:
        """The last record that the stored rows show."""

    def observe(self, records: Sequence[Record], ledger: Ledger) -> None:
        """Take note of one step's records; the ledger has applied them. Records already shown are passed over."""

    def flush(self) -> int:
        """Write the rows of all that was observed, in one transaction (the open group's, if any); how many rows."""

    def catch_up(self) -> int:
        """Bring the rows up to the journal's end by applying its records anew; how many records that took."""


class Journal(Protocol):
    """Records of accounts in order, and snapshots of what they add up to."""

    def append(
        self, account_id: AccountId, expected_seq: int, records: Sequence[Record], *, durable: bool = True
    ) -> None:
        """Add records in one transaction; ``expected_seq`` is the journal's last (0: empty).

        ``durable`` False, for records that nothing needs which is not journaled after them: they survive the end of the
        process, and a power cut once any later append, to whatever account, does.
        Raises SeqConflictError when the journal ends elsewhere, other StorageErrors when it cannot be written.
        """

    def verify_or_append(self, account_id: AccountId, records: Sequence[Record]) -> int:
        """Add those records that are not there yet, in one transaction; how many were added.

        For a resumed replay. Raises JournalMismatchError when a record that is there differs.
        """

    def append_group(
        self,
        account_id: AccountId,
        records: Sequence[Record],
        *,
        verify: bool = False,
        snapshot: Snapshot | None = None,
        projection: Projection | None = None,
    ) -> None:
        """Add records, a snapshot and the read models' rows, all or nothing; ``verify``: as verify_or_append."""

    def group(self) -> AbstractContextManager[object]:
        """Make one transaction of everything written inside, or of nothing when an exception leaves it."""

    def load(self, account_id: AccountId, after_seq: int = 0) -> Iterator[Record]:
        """Read records in order, streaming; raises UnknownEventError (core) for those of a newer program."""

    def last_seq(self, account_id: AccountId) -> int:
        """The seq of the last record; 0 when there is none."""

    def accounts(self) -> list[AccountId]:
        """The accounts that have records."""

    def save_snapshot(self, account_id: AccountId, snapshot: Snapshot) -> None:
        """Store a snapshot; the two newest stay."""

    def load_snapshot(self, account_id: AccountId, seq_max: int | None = None) -> Snapshot | None:
        """The newest snapshot (not after ``seq_max``, if given)."""

    def digest(self, account_id: AccountId) -> str:
        """SHA-256 (hex) of all records' seq, time, cause, kind, version and body: equal journals, equal digests."""
