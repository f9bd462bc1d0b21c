"""Errors of stores say what happened, to whom and where."""

from __future__ import annotations

import pytest

from fillwright import ports
from fillwright.ports import JournalMismatchError, SeqConflictError, StorageError, errors


def test_a_lost_fence_says_where_the_journal_ends() -> None:
    error = SeqConflictError("main", expected_seq=7, last_seq=9)

    assert str(error) == (
        "account main: the journal ends at record 9, not at 7; another process writes this account"
    )
    assert (error.account_id, error.expected_seq, error.last_seq) == ("main", 7, 9)


def test_a_mismatch_names_the_record() -> None:
    error = JournalMismatchError("main", 12, "OrderPlaced v1", "OrderFilled v1")

    assert "record 12 differs" in str(error)
    assert error.seq == 12


@pytest.mark.parametrize("name", [name for name in vars(errors) if name.endswith("Error")])
def test_every_error_of_a_store_is_a_storage_error_and_offered(name: str) -> None:
    assert issubclass(getattr(ports, name), StorageError)
