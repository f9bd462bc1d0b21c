"""A journal that is not waited for, and is the same journal otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from fillwright.core import events as ev
from fillwright.core.types import Mode
from fillwright.ports import Journal, Owner, SeqConflictError, Snapshot, Store
from fillwright.runtime.relaxed import RelaxedStore
from tests.runtime.builders import NOW, opened


def record(seq: int) -> ev.Record:
    return ev.Record(seq, NOW, 0, ev.Error(where="a", what=str(seq)))


class Noting:
    """Notes whether what was appended was to be waited for."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self.durable = journal, list[bool]()

    def __getattr__(self, name: str) -> object:
        return getattr(self._journal, name)

    def append(self, *words: object, durable: bool = True) -> None:
        self.durable.append(durable)
        self._journal.append(*words, durable=durable)  # type: ignore[arg-type]


def test_nothing_is_waited_for_and_everything_is_there(tmp_path: Path) -> None:
    store = opened(tmp_path / "f.db")
    noting = Noting(store.journal)
    store.journal = noting  # type: ignore[assignment]
    relaxed: Store = RelaxedStore(store)
    journal = relaxed.journal
    journal.append("a", 0, [record(1)])
    journal.append("a", 1, [record(2)], durable=True)
    assert noting.durable == [False, False]
    with pytest.raises(SeqConflictError):
        journal.append("a", 1, [record(2)])
    journal.append_group("a", [record(3)])
    assert journal.verify_or_append("a", [record(3), record(4)]) == 1
    with journal.group():
        journal.append("b", 0, [record(1)])
    journal.save_snapshot("a", Snapshot(4, NOW, {"state": b"x"}))
    found = journal.load_snapshot("a")
    assert found is not None
    assert found.seq == 4
    assert (journal.accounts(), journal.last_seq("a")) == (["a", "b"], 4)
    assert [one.seq for one in journal.load("a", 2)] == [3, 4]
    assert journal.digest("a") == store.journal.digest("a")


def test_the_rest_is_that_of_the_store_and_closing_leaves_it_open(tmp_path: Path) -> None:
    store = opened(tmp_path / "f.db")
    relaxed = RelaxedStore(store)
    assert relaxed.projection(Owner("a", "u", Mode.PAPER)).seq == 0
    assert relaxed.read_model().accounts() == []
    assert relaxed.checkpoint_due() is False
    assert relaxed.checkpoint() is True
    relaxed.close()
    assert store.journal.accounts() == []
