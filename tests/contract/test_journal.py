"""The journal's contract, for every store: order, fence, wholeness, snapshots, digest."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core import events as ev
from fillwright.core.apply import SequenceGapError
from fillwright.ports import Journal, JournalMismatchError, SeqConflictError, Snapshot, Store
from tests.contract.conftest import ADAPTERS
from tests.storage.story import long_story, replayed

ACCOUNT = "main"


def records(count: int, first: int = 1) -> list[ev.Record]:
    """Small records in a row."""
    return [
        ev.Record(seq, 1_000 + seq, seq - 1, ev.Error("here", f"w{seq}"))
        for seq in range(first, first + count)
    ]


def test_records_that_need_not_be_durable_are_there_like_others(open_again: Callable[[], Store]) -> None:
    store = open_again()
    journal = store.journal

    journal.append(ACCOUNT, 0, records(2), durable=False)
    journal.append(ACCOUNT, 2, records(1, first=3))
    journal.append(ACCOUNT, 3, records(30, first=4), durable=False)
    with pytest.raises(SeqConflictError):
        journal.append(ACCOUNT, 3, records(1, first=4), durable=False)
    with journal.group():
        journal.append(ACCOUNT, 33, records(1, first=34), durable=False)

    assert list(open_again().journal.load(ACCOUNT)) == records(34)


def test_an_empty_journal_has_nothing(store: Store) -> None:
    journal = store.journal

    assert journal.last_seq(ACCOUNT) == 0
    assert list(journal.load(ACCOUNT)) == []
    assert journal.load_snapshot(ACCOUNT) is None
    assert journal.accounts() == []
    assert journal.digest(ACCOUNT) == hashlib.sha256().hexdigest()


def test_what_was_appended_is_read_back_whole(open_again: Callable[[], Store]) -> None:
    story = long_story(20)
    journal = open_again().journal
    at = 0
    for step in story.steps:
        journal.append(ACCOUNT, at, step)
        at += len(step)

    again = open_again().journal

    assert list(again.load(ACCOUNT)) == story.records
    assert list(again.load(ACCOUNT, after_seq=100)) == story.records[100:]
    assert again.last_seq(ACCOUNT) == len(story.records)


def test_more_records_than_are_fetched_at_once_are_read(store: Store) -> None:
    made = records(2_500)
    store.journal.append(ACCOUNT, 0, made)

    assert list(store.journal.load(ACCOUNT, after_seq=499)) == made[499:]


@pytest.mark.parametrize("count", [99, 100, 101, 350])
def test_groups_of_any_size_are_written_whole_and_in_order(store: Store, count: int) -> None:
    made = records(3 + count)
    store.journal.append(ACCOUNT, 0, made[:3])
    store.journal.append(ACCOUNT, 3, made[3:])
    with pytest.raises(SeqConflictError):
        store.journal.append(ACCOUNT, 2, made[2:])

    assert list(store.journal.load(ACCOUNT)) == made


@pytest.mark.parametrize("expected_seq", [0, 1, 4, 9])
def test_who_writes_from_a_wrong_place_loses(store: Store, expected_seq: int) -> None:
    store.journal.append(ACCOUNT, 0, records(5))

    with pytest.raises(SeqConflictError) as error:
        store.journal.append(ACCOUNT, expected_seq, records(2, first=expected_seq + 1))

    assert (error.value.expected_seq, error.value.last_seq) == (expected_seq, 5)
    assert list(store.journal.load(ACCOUNT)) == records(5)


def test_of_two_writers_the_second_loses_and_nothing_of_it_stays(open_again: Callable[[], Store]) -> None:
    first, second = open_again().journal, open_again().journal
    first.append(ACCOUNT, 0, records(3))
    second.append(ACCOUNT, 3, records(2, first=4))

    with pytest.raises(SeqConflictError, match="ends at record 5, not at 3"):
        first.append(ACCOUNT, 3, records(4, first=4))

    assert first.last_seq(ACCOUNT) == 5


def test_accounts_do_not_see_each_other(store: Store) -> None:
    store.journal.append("b", 0, records(2))
    store.journal.append("a", 0, records(3))

    assert store.journal.accounts() == ["a", "b"]
    assert store.journal.last_seq("b") == 2
    assert list(store.journal.load("a")) == records(3)


@pytest.mark.parametrize("seqs", [(1, 3), (2,), (1, 1), (2, 1)])
def test_records_that_do_not_follow_each_other_are_a_bug(store: Store, seqs: tuple[int, ...]) -> None:
    with pytest.raises(SequenceGapError):
        store.journal.append(ACCOUNT, 0, [ev.Record(seq, 1, 0, ev.VenueAnswered()) for seq in seqs])

    assert store.journal.last_seq(ACCOUNT) == 0


# -- a resumed run -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "first", "count", "added"), [(5, 1, 5, 0), (5, 3, 6, 3), (5, 6, 2, 2), (0, 1, 2, 2)]
)
def test_a_resumed_run_adds_what_is_missing(
    store: Store, stored: int, first: int, count: int, added: int
) -> None:
    store.journal.append(ACCOUNT, 0, records(stored))

    assert store.journal.verify_or_append(ACCOUNT, records(count, first)) == added
    assert list(store.journal.load(ACCOUNT)) == records(max(stored, first + count - 1))


@pytest.mark.parametrize("field", ["time", "cause", "event"])
def test_a_resumed_run_that_differs_is_told_where(store: Store, field: str) -> None:
    store.journal.append(ACCOUNT, 0, records(5))
    other = {"time": 7, "cause": 2, "event": ev.Error("there", "else")}[field]
    made = records(4, first=3)
    made[1] = msgspec.structs.replace(made[1], **{field: other})

    with pytest.raises(JournalMismatchError) as error:
        store.journal.verify_or_append(ACCOUNT, made)

    assert error.value.seq == 4
    assert list(store.journal.load(ACCOUNT)) == records(5)


def test_a_resumed_run_may_not_leave_a_gap(store: Store) -> None:
    store.journal.append(ACCOUNT, 0, records(5))

    with pytest.raises(SeqConflictError):
        store.journal.verify_or_append(ACCOUNT, records(2, first=7))


def test_the_same_number_written_otherwise_is_a_difference(store: Store) -> None:
    def mark(text: str) -> list[ev.Record]:
        return [ev.Record(1, 1, 0, ev.EquityMarked(Decimal(text)))]

    store.journal.append(ACCOUNT, 0, mark("1.50"))

    with pytest.raises(JournalMismatchError):
        store.journal.verify_or_append(ACCOUNT, mark("1.5"))


# -- groups ------------------------------------------------------------------------------------------------------


def test_a_group_is_written_whole(store: Store) -> None:
    story = long_story(3)
    owner = story.owner
    projection = store.projection(owner)
    for step, ledger in replayed(story.steps):
        projection.observe(step, ledger)
    snapshot = Snapshot(len(story.records), story.now, {"state": story.ledger.dump(), "tape": b"\x00\xff"})

    store.journal.append_group(ACCOUNT, story.records, snapshot=snapshot, projection=projection)

    assert store.journal.last_seq(ACCOUNT) == len(story.records)
    assert store.journal.load_snapshot(ACCOUNT) == snapshot
    assert projection.seq == len(story.records)
    assert store.read_model().seq(ACCOUNT) == len(story.records)


def test_a_group_that_fails_leaves_nothing_and_can_be_tried_again(store: Store) -> None:
    story = long_story(3)
    projection = store.projection(story.owner)
    for step, ledger in replayed(story.steps):
        projection.observe(step, ledger)
    snapshot = Snapshot(len(story.records), story.now, {"state": b"x"})

    def fail() -> None:
        with store.journal.group():
            store.journal.append_group(ACCOUNT, story.records, snapshot=snapshot, projection=projection)
            raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        fail()

    assert store.journal.last_seq(ACCOUNT) == 0
    assert store.journal.load_snapshot(ACCOUNT) is None
    assert store.read_model().accounts() == []
    store.journal.append_group(ACCOUNT, story.records, snapshot=snapshot, projection=projection)
    assert store.read_model().seq(ACCOUNT) == len(story.records)


def test_a_group_may_verify(store: Store) -> None:
    store.journal.append(ACCOUNT, 0, records(5))

    store.journal.append_group(ACCOUNT, records(6, first=3), verify=True)
    store.journal.append_group(ACCOUNT, [], snapshot=Snapshot(8, 1, {"a": b"b"}))

    assert store.journal.last_seq(ACCOUNT) == 8
    with pytest.raises(SeqConflictError):
        store.journal.append_group(ACCOUNT, records(2, first=8))


# -- snapshots ---------------------------------------------------------------------------------------------------


def test_the_two_newest_snapshots_stay(store: Store) -> None:
    for seq in (10, 20, 30):
        store.journal.save_snapshot(ACCOUNT, Snapshot(seq, seq * 2, {"state": bytes([seq])}))

    assert store.journal.load_snapshot(ACCOUNT) == Snapshot(30, 60, {"state": bytes([30])})
    assert store.journal.load_snapshot(ACCOUNT, seq_max=29) == Snapshot(20, 40, {"state": bytes([20])})
    assert store.journal.load_snapshot(ACCOUNT, seq_max=19) is None
    assert store.journal.load_snapshot("other") is None


def test_a_snapshot_at_the_same_place_replaces_the_old_one(store: Store) -> None:
    store.journal.save_snapshot(ACCOUNT, Snapshot(10, 20, {"state": b"1", "tape": b"2"}))
    store.journal.save_snapshot(ACCOUNT, Snapshot(10, 20, {"state": b"3"}))

    assert store.journal.load_snapshot(ACCOUNT) == Snapshot(10, 20, {"state": b"3"})


# -- digest ------------------------------------------------------------------------------------------------------


def test_the_digest_is_that_of_the_records(store: Store) -> None:
    made = records(1_500)
    store.journal.append(ACCOUNT, 0, made)
    lines = "".join(f"{r.seq}|{r.time}|{r.cause}|Error|1|{ev.encode(r.event).decode()}\n" for r in made)

    assert store.journal.digest(ACCOUNT) == hashlib.sha256(lines.encode()).hexdigest()


def test_the_digest_does_not_depend_on_groups_or_snapshots_or_accounts(store: Store) -> None:
    made = records(30)
    store.journal.append("a", 0, made)
    for at in range(0, 30, 7):
        store.journal.append_group("b", made[at : at + 7], snapshot=Snapshot(at, 1, {"x": b"y"}))

    assert store.journal.digest("a") == store.journal.digest("b")
    store.journal.append("b", 30, records(1, first=31))
    assert store.journal.digest("a") != store.journal.digest("b")


# -- any order of things -----------------------------------------------------------------------------------------

WAYS = ["append", "verify", "group", "abort"]
ACTION = st.tuples(st.integers(0, 1), st.sampled_from(WAYS), st.integers(-3, 3), st.integers(1, 4))


def write(journal: Journal, way: str, made: list[ev.Record]) -> None:
    """Write records in one of the ways; ``abort`` leaves the group with an exception."""
    if way == "append":
        journal.append(ACCOUNT, made[0].seq - 1, made)
    elif way == "verify":
        journal.verify_or_append(ACCOUNT, made)
    else:
        with journal.group():
            journal.append_group(ACCOUNT, made)
            if way == "abort":
                raise KeyError


@pytest.mark.parametrize("adapter", sorted(ADAPTERS))
@given(actions=st.lists(ACTION, max_size=12))
def test_two_writers_never_make_anything_but_one_whole_row(
    adapter: str, actions: list[tuple[int, str, int, int]]
) -> None:
    """Each writes at a place that may be wrong; the journal holds what was accepted, in a row, and both see it."""
    folder = Path(tempfile.mkdtemp())
    stores = [ADAPTERS[adapter](folder)(), ADAPTERS[adapter](folder)()]
    last = 0
    try:
        for writer, way, offset, count in actions:
            before = max(last + offset, 0)
            made = records(count, first=before + 1)
            if before == last or (way == "verify" and before < last):
                with pytest.raises(KeyError) if way == "abort" else nullcontext():
                    write(stores[writer].journal, way, made)
                last = last if way == "abort" else max(last, before + count)
            else:
                with pytest.raises(SeqConflictError):
                    write(stores[writer].journal, way, made)
            assert stores[1 - writer].journal.last_seq(ACCOUNT) == last
        assert list(stores[0].journal.load(ACCOUNT)) == records(last)
    finally:
        for store in stores:
            store.close()
        shutil.rmtree(folder)
