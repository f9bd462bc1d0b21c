"""What is shown when the soak finds something: a position's story, from the journal and from the exchange's log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fillwright.core import events as ev
from fillwright.core.types import SECOND, Time
from fillwright.storage.sql.database import Database, connect_readonly
from fillwright.storage.sql.journal import SqliteJournal
from tests.soak.judge import ACCOUNT

STORIES_MAX = 3
LINES_MAX = 120
"""Of one story, the newest."""
ROUND: Time = SECOND // 2
"""Before and after what a position did, what the whole account went through is told."""
_POSITION = re.compile(r"position (\d+)|RT_[A-Za-z0-9]+_(\d+)_[A-Z]_")
_OF_THE_ACCOUNT = (
    ev.StreamStateChanged,
    ev.ReconciliationComplete,
    ev.VenueErrorSeen,
    ev.CircuitBreakerOpened,
    ev.Halted,
    ev.Anomaly,
    ev.Error,
)
_HIDDEN = ("apiKey", "signature", "timestamp", "recvWindow")
Line = tuple[Time, str]


def stories(problems: Sequence[str], stores: dict[str, Path], log: Path) -> str:
    """The stories of the first positions that problems name; each problem begins with its customer's name."""
    found: dict[tuple[str, int], None] = {}
    for problem in problems:
        name, _, text = problem.partition(": ")
        match = _POSITION.search(text)
        if match is not None and name in stores:
            found[name, int(match[1] or match[2])] = None
    told = []
    for name, position_id in list(found)[:STORIES_MAX]:
        told.append(f"--- {name}, position {position_id}")
        told += story(stores[name], log, name, position_id)
    return "\n".join(told)


def story(store: Path, log: Path, name: str, position_id: int) -> list[str]:
    """All that a position's journal and the exchange say of it, by time."""
    lines = [*_journaled(store, position_id), *_logged(log, name, position_id)]
    lines.sort(key=lambda line: line[0])
    begin = lines[0][0] if lines else 0
    return [f"{(time - begin) / SECOND:10.4f} {text}" for time, text in lines[-LINES_MAX:]]


def _journaled(store: Path, position_id: int) -> list[Line]:
    mark = f"_{position_id}_"
    connection = connect_readonly(store)
    try:
        records = list(SqliteJournal(Database(store, connection)).load(ACCOUNT))
    finally:
        connection.close()
    own = [
        record
        for record in records
        if getattr(record.event, "position_id", 0) == position_id or mark in getattr(record.event, "id", "")
    ]
    if not own:
        return []
    begin, end = own[0].time - ROUND, own[-1].time + ROUND
    around = [one for one in records if begin <= one.time <= end and isinstance(one.event, _OF_THE_ACCOUNT)]
    return [(one.time, f"journal {one.seq} {one.event!s:.260}") for one in (*own, *around)]


def _logged(log: Path, name: str, position_id: int) -> Iterator[Line]:
    mark, account = f"_{position_id}_".encode(), f'"{name}"'.encode()
    with log.open("rb") as file:
        for line in file:
            if mark not in line or account not in line or not line.endswith(b"\n"):
                continue
            said: dict[str, Any] = msgspec.json.decode(line)
            if "answer" in said:
                sent = {k: v for k, v in said.get("parameters", {}).items() if k not in _HIDDEN}
                told = f"{said.get('status', 0)} {said.get('code', '')} {said.get('fault', '')}"
                yield said["time"], f"exchange {said['answer']} {sent} -> {told}"
            elif said["says"] == "ExecutionReport":
                names = (
                    "client_order_id",
                    "type",
                    "execution_type",
                    "status",
                    "quantity",
                    "executed_quantity",
                )
                yield said["time"], "exchange " + " ".join(str(said[one]) for one in names)
