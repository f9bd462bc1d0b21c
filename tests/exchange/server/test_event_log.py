from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from fillwright.exchange.messages import BalanceUpdate
from fillwright.exchange.server.event_log import AnswerLine, EventLog


def lines(path: Path) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def test_amounts_are_exact_and_nothing_is_said_that_is_not_there(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log")
    log.events([BalanceUpdate("main", 5, "BTC", Decimal("0.10000000000000000001"))])
    log.answer(AnswerLine(answer="ping", time=6, status=200))
    log.close()
    assert lines(tmp_path / "log") == [
        {
            "says": "BalanceUpdate",
            "account_id": "main",
            "time": 5,
            "asset": "BTC",
            "delta": "0.10000000000000000001",
        },
        {"answer": "ping", "time": 6, "status": 200},
    ]
    assert log.lines == 2


def test_lines_are_in_the_file_after_a_flush(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log")
    log.answer(AnswerLine(answer="ping", time=6))
    assert lines(tmp_path / "log") == []
    log.flush()
    assert len(lines(tmp_path / "log")) == 1
    log.close()


def test_a_log_goes_on_where_another_ended(tmp_path: Path) -> None:
    for time in (1, 2):
        log = EventLog(tmp_path / "log")
        log.answer(AnswerLine(answer="ping", time=time))
        log.close()
    assert [line["time"] for line in lines(tmp_path / "log")] == [1, 2]


def test_a_log_that_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="log"):
        EventLog(tmp_path / "nowhere" / "log")
