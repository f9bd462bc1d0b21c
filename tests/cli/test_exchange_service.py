from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_exchange import asked, invoke
from tests.commands.test_exchange import FakeExchange


def test_a_fault_of_requests_says_everything_about_itself() -> None:
    ((method, path, rule),) = asked(
        "fault", "masked", "--endpoint", "order.*", "--account", "main", "--id-prefix", "x-", "--times", 0,
        "--skip", 1, "--probability", 0.5, "--for", "30s", "--by", "silence", "--code", -1007, "--status", 504,
        "--body", "", "--retry-after", 3, "--delay", "10ms", "--answer-delay", "1s",
    )  # fmt: skip
    assert (method, path) == ("POST", "/faults")
    assert rule == {
        "of": "requests",
        "outcome": "masked",
        "endpoint": "order.*",
        "account_id": "main",
        "client_order_id": "x-",
        "skip": 1,
        "probability": 0.5,
        "for_us": 30_000_000,
        "by": "silence",
        "code": -1007,
        "http_status": 504,
        "body": "",
        "retry_after_s": 3,
        "delay_us": 10_000,
        "answer_delay_us": 1_000_000,
        "times": None,
    }


def test_a_fault_of_events_says_everything_about_itself() -> None:
    ((_, _, rule),) = asked("event-fault", "delayed", "--event", "listStatus", "--delay", "2s")
    assert rule == {
        "of": "events",
        "outcome": "delayed",
        "event": "listStatus",
        "skip": 0,
        "probability": 1.0,
        "for_us": 0,
        "delay_us": 2_000_000,
        "times": 1,
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("faults",), ("GET", "/faults", {})),
        (("faults", "--clear"), ("POST", "/faults/remove", {})),
        (("faults", "--remove", "3"), ("POST", "/faults/remove", {"number": 3})),
        (("limits",), ("GET", "/limits", {})),
        (
            ("limits", "--off", "--request-weight", "9"),
            ("POST", "/limits", {"is_enabled": False, "request_weight": 9}),
        ),
        (("limits", "--ban", "10.0.0.9"), ("POST", "/ban", {"ip": "10.0.0.9", "for_us": 120_000_000})),
        (("connections",), ("GET", "/connections", {})),
        (
            ("connections", "mute", "--kind", "api", "--for", "1s"),
            ("POST", "/connections", {"action": "mute", "kind": "api", "for_us": 1_000_000}),
        ),
        (("connections", "cut", "--number", "4"), ("POST", "/connections", {"action": "cut", "number": 4})),
        (("status",), ("GET", "/status", {})),
        (("dump",), ("GET", "/dump", {})),
        (("dump", "--json"), ("GET", "/dump", {})),
    ],
)
def test_words_become_wishes(words: tuple[str, ...], expected: tuple[str, str, dict[str, Any]]) -> None:
    assert asked(*words) == [expected]


def test_a_script_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "script.json"
    file.write_text('[{"after_us": 5, "path": "/price", "wish": {"symbol": "BTCUSDT", "price": "1"}}]')
    steps = [{"after_us": 5, "path": "/price", "wish": {"symbol": "BTCUSDT", "price": "1"}}]
    assert asked("script", file) == [("POST", "/script", {"steps": steps})]
    assert asked("script") == [("GET", "/script", {})]
    file.write_text("{}")
    assert invoke(FakeExchange(), "script", file).exit_code == 2


@pytest.mark.parametrize(("problems", "code"), [([], 0), (["BTC: too much"], 1)])
def test_an_audit_that_does_not_add_up_ends_with_code_one(problems: list[str], code: int) -> None:
    answer = {"problems": problems, "faulted": {}, "entries": [], "forgotten": 0}
    result = invoke(FakeExchange({"/audit": answer}), "audit", "--json")
    assert result.exit_code == code
    assert json.loads(result.output) == answer
