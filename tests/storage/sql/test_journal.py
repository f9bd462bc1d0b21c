"""The journal on SQLite itself: a killed writer, a row that does not read, a hole; the rest is the contract's."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from fillwright.core import events as ev
from fillwright.ports import CorruptStoreError
from fillwright.storage.sql import SqliteStore, open_store

ROOT = Path(__file__).resolve().parents[3]
GROUP = 7

WRITER = f"""
import sys
from pathlib import Path
from fillwright.core import events as ev
from fillwright.storage.sql import open_store

with open_store(Path(sys.argv[1])) as store:
    seq = store.journal.last_seq("main")
    while True:
        records = [ev.Record(seq + n, seq + n, 0, ev.Error("here", "w" * 300)) for n in range(1, {GROUP} + 1)]
        store.journal.append("main", seq, records)
        seq += {GROUP}
        print(seq, flush=True)
        if seq % 100 == 0:
            store.checkpoint()
"""


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """A store with some records."""
    made = open_store(tmp_path / "journal.db")
    records = [ev.Record(seq, seq, 0, ev.Error("here", f"w{seq}")) for seq in range(1, 11)]
    made.journal.append("main", 0, records)
    return made


def test_a_killed_writer_leaves_whole_groups(tmp_path: Path) -> None:
    """SIGKILL between and inside commits, again and again: nothing that was said to be written is lost."""
    path = tmp_path / "journal.db"
    for round_ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(5 + 20 * round_)][-1]
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split("\n")
        writer.stdout.close()
        writer.wait()
        said = max([said, *(int(line) for line in rest[:-1] if line)])

        with open_store(path) as store:
            last = store.journal.last_seq("main")
            assert last >= said
            assert last % GROUP == 0
            assert [record.seq for record in store.journal.load("main")] == list(range(1, last + 1))


def test_a_hole_in_the_journal_is_named(store: SqliteStore) -> None:
    outside = sqlite3.connect(store.path)
    outside.execute("DELETE FROM journal WHERE seq = 4")
    outside.commit()
    outside.close()

    with pytest.raises(CorruptStoreError, match="record 4 is missing"):
        list(store.journal.load("main"))
    assert [record.seq for record in store.journal.load("main", after_seq=4)] == list(range(5, 11))
    store.close()


@pytest.mark.parametrize("body", ["", "{", '{"kind":"Error"}', '{"kind":"Error","where":1,"what":"x"}'])
def test_a_body_that_does_not_read_is_named(store: SqliteStore, body: str) -> None:
    outside = sqlite3.connect(store.path)
    outside.execute("UPDATE journal SET body = ? WHERE seq = 4", (body,))
    outside.commit()
    outside.close()

    with pytest.raises(CorruptStoreError, match=r"record 4 \(Error\) does not read"):
        list(store.journal.load("main"))
    store.close()


def test_an_event_of_a_newer_program_is_named(store: SqliteStore) -> None:
    outside = sqlite3.connect(store.path)
    outside.execute("UPDATE journal SET version = 2 WHERE seq = 4")
    outside.commit()
    outside.close()

    with pytest.raises(ev.UnknownEventError, match="Error version 2"):
        list(store.journal.load("main"))
    store.close()


def test_anyone_can_read_the_journal_with_sqlite_alone(store: SqliteStore) -> None:
    outside = sqlite3.connect(store.path)

    row = outside.execute(
        "SELECT seq, time, cause, kind, version, json_extract(body, '$.what') FROM journal WHERE seq = 2"
    ).fetchone()

    assert row == (2, 2, 0, "Error", 1, "w2")
    outside.close()
    store.close()
