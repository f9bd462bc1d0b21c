from __future__ import annotations

import threading
from pathlib import Path

import pytest

from fillwright.ports import StorageError
from fillwright.storage.sql import checkpoint_beside, open_store
from tests.commands.fake import write_journal


def test_the_log_goes_into_the_file_while_the_store_is_open(tmp_path: Path) -> None:
    write_journal(tmp_path)
    path = tmp_path / "journal.db"
    with open_store(path) as store:
        account = store.journal.accounts()[0]
        before = store.journal.digest(account)
        done: list[bool] = []
        thread = threading.Thread(target=lambda: done.append(checkpoint_beside(path)))
        thread.start()
        thread.join()
        assert done == [True]
        assert store.journal.digest(account) == before


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        checkpoint_beside(tmp_path / "journal.db")
