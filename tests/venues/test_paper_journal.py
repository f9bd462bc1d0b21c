"""The paper exchange's journal: on a real store, with snapshots and without, and with what is not its own."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from fillwright.core.events import Record, TransferSeen, VenueRecorded
from fillwright.exchange.snapshot import ExchangeDump
from fillwright.ports import SeqConflictError, Snapshot, VenueUnavailableError
from fillwright.storage.sql import SqliteStore, open_store
from fillwright.venues.paper_books import PaperExchange
from fillwright.venues.paper_journal import PREFIX, PaperJournal
from tests.exchange.builders import BUY, limit
from tests.venues.papers import START
from tests.venues.test_paper_books import begin

D = Decimal


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with open_store(tmp_path / "journal.db") as opened:
        yield opened


def worked(exchange: PaperExchange, name: str) -> PaperExchange:
    exchange.execute("a", limit(BUY, "1", "90", name), START + 1)
    exchange.drain()
    return exchange


def test_an_account_of_its_own(store: SqliteStore) -> None:
    books = PaperJournal(store.journal, "main")
    assert books.restore() is None
    exchange = worked(begin(), "l")
    books.write(exchange, START)
    assert exchange.commands == []
    books.write(exchange, START)
    assert store.journal.accounts() == [PREFIX + "main"]
    names = [record.event.name for record in store.journal.load(PREFIX + "main")]  # type: ignore[attr-defined]
    assert names == ["opened", "executed"]


@pytest.mark.parametrize("every", [1, 3, 1_000])
def test_the_exchange_comes_back(store: SqliteStore, every: int) -> None:
    books = PaperJournal(store.journal, "main", every)
    exchange = begin()
    for number in range(7):
        worked(exchange, f"l{number}")
        books.write(exchange, START)
        if books.snapshot_due:
            books.save_snapshot(exchange, START)
        again = PaperJournal(store.journal, "main", every)
        restored = again.restore()
        assert restored is not None
        assert restored.dump() == exchange.dump()
        assert (again.seq, restored.commands) == (books.seq, [])
        assert again.snapshot_due is books.snapshot_due
    snapshot = store.journal.load_snapshot(PREFIX + "main")
    assert (snapshot is None) is (every == 1_000)


def test_a_snapshot_is_saved_once(store: SqliteStore) -> None:
    books = PaperJournal(store.journal, "main")
    exchange = begin()
    books.write(exchange, START)
    books.save_snapshot(exchange, START)
    books.save_snapshot(exchange, START + 5)
    snapshot = store.journal.load_snapshot(PREFIX + "main")
    assert snapshot is not None
    assert snapshot.time == START


def test_a_snapshot_of_another_version_is_passed_over(store: SqliteStore) -> None:
    books = PaperJournal(store.journal, "main")
    exchange = worked(begin(), "l")
    books.write(exchange, START)
    books.save_snapshot(exchange, START)
    name = PREFIX + "main"
    snapshot = store.journal.load_snapshot(name)
    assert snapshot is not None
    dump = msgspec.msgpack.decode(snapshot.parts["exchange"], type=ExchangeDump)
    dump.version += 1
    parts = {**snapshot.parts, "exchange": msgspec.msgpack.encode(dump)}
    store.journal.save_snapshot(name, Snapshot(snapshot.seq, START, parts))

    restored = PaperJournal(store.journal, "main").restore()
    assert restored is not None
    assert restored.dump() == exchange.dump()


@pytest.mark.parametrize(
    "event", [TransferSeen("USDT", D(1)), VenueRecorded("executed", b"\x00"), VenueRecorded("traded", b"")]
)
def test_what_is_not_its_own_is_named(store: SqliteStore, event: VenueRecorded) -> None:
    books = PaperJournal(store.journal, "main")
    books.write(begin(), START)
    store.journal.append(PREFIX + "main", 1, [Record(2, START, 0, event)])
    with pytest.raises(VenueUnavailableError, match="paper exchange of main cannot be restored"):
        PaperJournal(store.journal, "main").restore()


def test_who_comes_second_loses(store: SqliteStore) -> None:
    first, second = PaperJournal(store.journal, "main"), PaperJournal(store.journal, "main")
    first.write(begin(), START)
    exchange = begin()
    with pytest.raises(SeqConflictError):
        second.write(exchange, START)
    assert (second.seq, len(exchange.commands)) == (0, 1)
