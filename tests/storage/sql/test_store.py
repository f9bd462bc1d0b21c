"""A store as a whole: one file, one thread that writes, any number that read."""

from __future__ import annotations

from pathlib import Path

import pytest

from fillwright.ports import CannotOpenError, SeqConflictError, StorageError
from fillwright.storage.sql import open_read_model, open_store
from tests.storage.story import OWNER, Story


def test_a_store_survives_its_process(tmp_path: Path) -> None:
    story = Story()
    with open_store(tmp_path / "journal.db", "full") as store:
        projection = store.projection(OWNER)
        projection.observe(story.records, story.ledger)
        store.journal.append_group("main", story.records, projection=projection)
        assert store.path == tmp_path / "journal.db"

    with open_read_model(tmp_path / "journal.db") as model:
        assert model.accounts() == [OWNER]
    assert [file.name for file in tmp_path.iterdir()] == ["journal.db"]


def test_queries_see_what_has_been_committed_and_no_more(tmp_path: Path) -> None:
    story = Story()
    with open_store(tmp_path / "journal.db") as store:
        model = store.read_model()
        projection = store.projection(OWNER)
        projection.observe(story.records, story.ledger)
        with store.journal.group():
            projection.flush()
            assert model.accounts() == []
        assert model.accounts() == [OWNER]


def test_what_was_closed_is_closed(tmp_path: Path) -> None:
    store = open_store(tmp_path / "journal.db")
    store.close()

    with pytest.raises(StorageError, match="closed"):
        store.journal.last_seq("main")


def test_a_lost_fence_leaves_the_projection_ready_for_nothing(tmp_path: Path) -> None:
    """Somebody else writes the account: the group fails, and the rows stay theirs."""
    story = Story()
    with open_store(tmp_path / "journal.db") as store, open_store(tmp_path / "journal.db") as other:
        projection = store.projection(OWNER)
        projection.observe(story.records, story.ledger)
        other.journal.append("main", 0, story.records)

        with pytest.raises(SeqConflictError):
            store.journal.append_group("main", story.records, projection=projection)

        assert store.read_model().accounts() == []
        assert projection.seq == 0


def test_housekeeping_is_offered(tmp_path: Path) -> None:
    with open_store(tmp_path / "journal.db") as store:
        store.journal.append("main", 0, Story().records)

        assert not store.checkpoint_due()
        assert store.checkpoint()


def test_queries_need_a_store(tmp_path: Path) -> None:
    with pytest.raises(CannotOpenError):
        open_read_model(tmp_path / "journal.db")
