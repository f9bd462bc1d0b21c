"""Recording: groups and snapshots between turns; a snapshot gives back all that was there."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from fillwright.core.events import Record
from fillwright.ports import CorruptStoreError, Snapshot
from fillwright.replay import recording
from fillwright.replay.recording import GROUP_RECORDS, RUN_PART, restore
from fillwright.replay.simulation import Simulation
from tests.replay.builders import ACCOUNT, Case, MemoryJournal, lines, planned, trades_tape


class Grouped(MemoryJournal):
    """Remembers its groups."""

    def __init__(self) -> None:
        super().__init__()
        self.groups: list[tuple[int, bool]] = []

    def append_group(
        self,
        account_id: str,
        records: Sequence[Record],
        *,
        verify: bool = False,
        snapshot: Snapshot | None = None,
        projection: Any = None,
    ) -> None:
        super().append_group(account_id, records, verify=verify, snapshot=snapshot, projection=projection)
        self.groups.append((len(records), snapshot is not None))


def busy(ticks: int = 6_000, signals: int = 100) -> Case:
    rows = [(number, 100 + ((number * 7) % 13 - 6) * 0.2, 5) for number in range(ticks)]
    return Case(
        tapes=[trades_tape(rows, chunk_rows=500)],
        signals=[
            planned(number, 5 + number * (ticks - 10) // signals, stop_percent=1, target_percent="0.5")
            for number in range(signals)
        ],
    )


@pytest.fixture(autouse=True)
def _time_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "SNAPSHOT_INTERVAL_S", 0)


def test_snapshots_are_a_twenty_fifth_apart() -> None:
    journal = Grouped()
    job = busy(60_000, 600).job(journal)
    outcome = job.play(job.start())
    passed = [sum(feed.visited + feed.passed for feed in restore(one).run.feeds) for one in journal.snapshots]
    assert outcome.ticks == passed[-1] == 60_000
    assert passed[0] == 0
    assert passed[1] < 100
    for before, after in itertools.pairwise(passed[:-1]):
        assert after - before <= before // 25 + 110  # what is due comes with the next turn


def test_records_are_written_in_groups_though_no_snapshot_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "GROUP_RECORDS", 50)
    monkeypatch.setattr(recording, "SNAPSHOT_INTERVAL_S", float("inf"))
    journal = Grouped()
    job = busy(1_000, 100).job(journal)
    job.play(job.start())
    assert GROUP_RECORDS == 4_000
    assert len(journal.groups) > 10
    assert all(count < 200 for count, _ in journal.groups)
    assert [snapshot for _, snapshot in journal.groups].count(True) == 2  # the first and the last


def test_snapshots_are_an_interval_of_work_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that says how far the run is, they come as rarely as it says, and as a twenty-fifth says."""
    journal = Grouped()
    job = busy(30_000, 600).job(journal)
    started: list[Simulation] = []

    def passed_so_far() -> float:
        return sum(feed.visited + feed.passed for one in started for feed in one.feeds)

    monkeypatch.setattr(recording, "SNAPSHOT_INTERVAL_S", 2_000)
    monkeypatch.setattr(recording.time, "perf_counter", passed_so_far)
    started.append(job.start())
    job.play(started[0])
    passed = [sum(feed.visited + feed.passed for feed in restore(one).run.feeds) for one in journal.snapshots]
    assert len(passed) >= 14
    for before, after in itertools.pairwise(passed[:-1]):
        assert 2_000 <= after - before <= 2_300


def test_a_snapshot_of_another_format_is_named() -> None:
    job = busy(500, 5).job(journal := MemoryJournal())
    job.play(job.start())
    last = journal.snapshots[-1]
    other = Snapshot(last.seq, last.time, {**last.parts, RUN_PART: b"\x28\xb5\x2f\xfd"})
    with pytest.raises(CorruptStoreError, match="replay again"):
        restore(other)


def test_a_snapshot_is_of_a_state_the_run_was_in() -> None:
    case = busy()
    job = case.job(journal := MemoryJournal())
    simulation = job.start()
    for _ in range(200):
        assert simulation.turn()
    job.recorder.commit(simulation, snapshot=True)
    restored = restore(journal.snapshots[-1])
    assert journal.snapshots[-1].seq == len(journal.records) == simulation.engine.state.seq
    assert restored.ledger.dump() == simulation.engine.ledger.dump()
    assert restored.exchange == simulation.exchange.dump()
    assert restored.venue == simulation.venue.dump()
    run = restored.run
    assert run.now == simulation.now
    assert run.quotes == simulation.engine.quotes
    assert run.wakes == simulation.engine.wakes
    assert run.signals_taken == simulation.agenda.signals_taken
    assert run.fingerprint == "one"
    assert not run.finished
    (feed,) = run.feeds
    assert feed.moment == simulation.feeds[0].moment
    assert feed.visited + feed.passed == feed.moment


def test_a_resumed_simulation_stands_where_the_other_one_stood() -> None:
    case = busy()
    job = case.job(journal := MemoryJournal())
    simulation = job.start()
    for _ in range(300):
        assert simulation.turn()
    job.recorder.commit(simulation, snapshot=True)
    resumed = case.job(journal).resume()
    assert resumed is not None
    assert resumed.engine.ledger.dump() == simulation.engine.ledger.dump()
    assert resumed.exchange.dump() == simulation.exchange.dump()
    assert resumed.engine.next_deadline == simulation.engine.next_deadline
    assert resumed.engine.price_bounds("BTCUSDT") == simulation.engine.price_bounds("BTCUSDT")
    assert resumed.bounds("BTCUSDT") == simulation.bounds("BTCUSDT")
    assert resumed.average("BTCUSDT", 5) == simulation.average("BTCUSDT", 5)
    for _ in range(50):
        assert resumed.turn() == simulation.turn()
        assert resumed.now == simulation.now


def test_the_last_snapshot_says_that_all_is_done() -> None:
    job = busy(500, 5).job(journal := MemoryJournal())
    job.play(job.start())
    assert restore(journal.snapshots[-1]).run.finished
    assert lines(journal.records) == lines(list(journal.load(ACCOUNT)))
