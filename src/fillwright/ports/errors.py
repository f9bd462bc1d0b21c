"""What can go wrong with a store, as types that every adapter raises.

```
StorageError
├── SeqConflictError       somebody else wrote our sequence number: the fence
├── JournalMismatchError   a resumed run differs from what is recorded
├── DiskFullError          ├── ReadOnlyStoreError    ├── StoreLockedError
├── CorruptStoreError      ├── NotADatabaseError     ├── CannotOpenError
├── SchemaTooNewError      ├── UnknownAccountError   └── CursorError
```
"""

from __future__ import annotations

from fillwright.core.types import AccountId


class StorageError(Exception):
    """A store could not do what was asked; nothing of the failed group was written."""


class SeqConflictError(StorageError):
    """The journal does not end where the writer believed: another engine writes this account."""

    def __init__(self, account_id: AccountId, expected_seq: int, last_seq: int) -> None:
        super().__init__(
            f"account {account_id}: the journal ends at record {last_seq}, not at {expected_seq}; "
            "another process writes this account"
        )
        self.account_id, self.expected_seq, self.last_seq = account_id, expected_seq, last_seq


class JournalMismatchError(StorageError):
    """A record differs from the one the journal holds under the same sequence number."""

    def __init__(self, account_id: AccountId, seq: int, stored: str, given: str) -> None:
        super().__init__(
            f"account {account_id}: record {seq} differs from the journal's: stored {stored}, now {given}"
        )
        self.account_id, self.seq = account_id, seq


class DiskFullError(StorageError):
    """There is no room left for the store."""


class ReadOnlyStoreError(StorageError):
    """The store may not be written."""


class StoreLockedError(StorageError):
    """Another process holds the store's write lock for longer than we wait."""


class CorruptStoreError(StorageError):
    """The store is damaged."""


class NotADatabaseError(StorageError):
    """The file is something else than a store."""


class CannotOpenError(StorageError):
    """The store is not there, or may not be opened."""


class SchemaTooNewError(StorageError):
    """A newer fillwright wrote the store; this one would misread it."""


class UnknownAccountError(StorageError):
    """The store has no such account."""


class CursorError(StorageError):
    """A cursor is not one that a listing gave."""
