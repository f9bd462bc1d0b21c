"""A store whose journal does not wait for the disk: for accounts that nothing real hangs on, beside those it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

from fillwright.core.events import Record
from fillwright.core.types import AccountId
from fillwright.ports import Journal, Owner, Projection, ReadModel, Snapshot, Store


class RelaxedJournal:
    """``ports.Journal`` whose records survive the end of the process, but a power cut only once others were synced."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def append(
        self, account_id: AccountId, expected_seq: int, records: Sequence[Record], *, durable: bool = True
    ) -> None:
        """Add records; they are never waited for."""
        self._journal.append(account_id, expected_seq, records, durable=False)

    def verify_or_append(self, account_id: AccountId, records: Sequence[Record]) -> int:
        """As the journal behind it."""
        return self._journal.verify_or_append(account_id, records)

    def append_group(
        self,
        account_id: AccountId,
        records: Sequence[Record],
        *,
        verify: bool = False,
        snapshot: Snapshot | None = None,
        projection: Projection | None = None,
    ) -> None:
        """As the journal behind it: a recovery's records, rare and many."""
        self._journal.append_group(
            account_id, records, verify=verify, snapshot=snapshot, projection=projection
        )

    def group(self) -> AbstractContextManager[object]:
        """As the journal behind it."""
        return self._journal.group()

    def load(self, account_id: AccountId, after_seq: int = 0) -> Iterator[Record]:
        """Read records in order."""
        return self._journal.load(account_id, after_seq)

    def last_seq(self, account_id: AccountId) -> int:
        """The seq of the last record."""
        return self._journal.last_seq(account_id)

    def accounts(self) -> list[AccountId]:
        """The accounts that have records."""
        return self._journal.accounts()

    def save_snapshot(self, account_id: AccountId, snapshot: Snapshot) -> None:
        """As the journal behind it."""
        self._journal.save_snapshot(account_id, snapshot)

    def load_snapshot(self, account_id: AccountId, seq_max: int | None = None) -> Snapshot | None:
        """The newest snapshot."""
        return self._journal.load_snapshot(account_id, seq_max)

    def digest(self, account_id: AccountId) -> str:
        """Of all records."""
        return self._journal.digest(account_id)


class RelaxedStore:
    """``ports.Store`` with such a journal; everything else is that of the store behind it."""

    def __init__(self, store: Store) -> None:
        self.journal = RelaxedJournal(store.journal)
        self._store = store

    def projection(self, owner: Owner) -> Projection:
        """The writer of one account's read models."""
        return self._store.projection(owner)

    def read_model(self) -> ReadModel:
        """Queries."""
        return self._store.read_model()

    def checkpoint(self) -> bool:
        """Housekeeping is that of whoever owns the store."""
        return self._store.checkpoint()

    def checkpoint_due(self) -> bool:
        """Whether housekeeping has waited long enough."""
        return self._store.checkpoint_due()

    def close(self) -> None:
        """The store stays open: it is not ours."""
