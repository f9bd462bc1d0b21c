"""Which records belong to a signal's story."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection

from fillwright.core import events as ev
from fillwright.storage.sql import open_store
from fillwright.storage.sql.stories import tell

ERROR = ev.Error("here", "x")
RECORDS = [
    ev.Record(1, 10, 0, ERROR),
    ev.Record(2, 20, 0, ev.SignalApproved(5, (ev.Check("HALTED", True),))),
    ev.Record(3, 20, 2, ev.PositionOpened(3)),
    ev.Record(4, 30, 0, ev.PositionOpened(4)),
    ev.Record(5, 40, 0, ev.OrderCancelled("mine")),
    ev.Record(6, 40, 0, ev.OrderCancelled("theirs")),
    ev.Record(7, 40, 5, ev.BalanceUpdated((("USDT", 1, 2),))),  # type: ignore[arg-type]
    ev.Record(8, 40, 6, ev.BalanceUpdated((("USDT", 1, 2),))),  # type: ignore[arg-type]
    ev.Record(9, 50, 0, ev.OrderDenied("BTCUSDT", "BUY", "LIMIT", "PAUSED", (), position_id=3)),  # type: ignore[arg-type]
    ev.Record(10, 60, 9, ERROR),
    ev.Record(11, 70, 0, ev.PositionClosing(3, "late")),
]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A store with the records."""
    with open_store(tmp_path / "journal.db") as store:
        store.journal.append("main", 0, RECORDS)
        with store.read_model()._connect() as made:
            yield made


def ask(connection: Connection, start: int = 1, end_time: int | None = None) -> tuple[list[int], list[str]]:
    """The story of signal 5, position 3, order ``mine``: seqs, and the verdicts' codes."""
    chain, verdicts = tell(
        connection,
        "main",
        start=start,
        end_time=end_time,
        signal_id=5,
        position_id=3,
        order_ids=frozenset({"mine"}),
    )
    return [record.seq for record in chain], [verdict.code for verdict in verdicts]


def test_cause_and_name_make_a_story(connection: Connection) -> None:
    assert ask(connection) == ([2, 3, 5, 7, 9, 10, 11], ["", "PAUSED"])


def test_a_story_that_has_ended_is_read_to_its_end(connection: Connection) -> None:
    assert ask(connection, end_time=40) == ([2, 3, 5, 7], [""])


def test_a_story_is_read_from_its_start(connection: Connection) -> None:
    assert ask(connection, start=5) == ([5, 7, 9, 10, 11], ["PAUSED"])


def test_records_without_a_position_are_not_everybodys(connection: Connection) -> None:
    chain, _ = tell(
        connection,
        "main",
        start=1,
        end_time=None,
        signal_id=77,
        position_id=0,
        order_ids=frozenset(),
    )

    assert chain == ()
