from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fillwright.commands import exchange as commands
from fillwright.commands.exchange import Door
from fillwright.options import BadInputError, ExchangeKey, ExchangeOptions, ExchangeUp

UP = ExchangeUp(
    url="http://127.0.0.1:8090",
    port=8090,
    pid=4711,
    version="1.2.3",
    admin_token="adm",
    source="synthetic",
    symbols=tuple(f"S{number}USDT" for number in range(14)),
    accounts=("main",),
    keys=(ExchangeKey(account="main", api_key="key", secret="sec"),),
)


class FakeExchange:
    """Answers what it was told to, and remembers what it was asked."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.answers = dict(answers or {})
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.ran: list[ExchangeOptions] = []

    def run_exchange(self, options: ExchangeOptions, tell: Callable[[ExchangeUp], None]) -> None:
        self.ran.append(options)
        tell(UP)

    def ask_exchange(
        self, data: Path, url: str | None, token: str | None, method: str, path: str, wish: Mapping[str, Any]
    ) -> Any:
        self.asked.append((method, path, dict(wish)))
        return self.answers.get(path, {"now": 5, "number": None})


def door(services: FakeExchange, *, json_wanted: bool = False) -> Door:
    return Door(services=services, data=Path("data"), json=json_wanted)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2", 2_000_000),
        ("1500ms", 1_500_000),
        ("7us", 7),
        ("0.5s", 500_000),
        ("-1m", -60_000_000),
        ("1d", 86_400_000_000),
    ],
)
def test_lengths_of_time_are_read(text: str, expected: int) -> None:
    assert commands.length_us(text) == expected


@pytest.mark.parametrize("text", ["", "s", "1 s", "1w", "1e3s", "ms5"])
def test_lengths_that_are_none_are_named(text: str) -> None:
    with pytest.raises(BadInputError, match="1500ms"):
        commands.length_us(text)


def test_amounts_are_pairs() -> None:
    assert commands.amounts(["USDT=10.50", "BTC=1"]) == {"USDT": "10.50", "BTC": "1"}
    for wrong in ("USDT", "=5", "USDT=many", "USDT="):
        with pytest.raises(BadInputError):
            commands.amounts([wrong])


def test_a_book_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "book.json"
    path.write_text('{"lastUpdateId": 5, "bids": [["1", "2"]], "asks": []}')
    assert commands.levels(path) == {"bids": [["1", "2"]], "asks": []}
    path.write_text("[]")
    with pytest.raises(BadInputError, match="no book"):
        commands.levels(path)
    with pytest.raises(BadInputError, match="cannot be read"):
        commands.levels(tmp_path / "nowhere")


def test_a_server_that_is_up_tells_programs_everything(capsys: pytest.CaptureFixture[str]) -> None:
    services = FakeExchange()
    commands.run(services, ExchangeOptions(data=Path("data")), json_wanted=True)
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert told["rest"] == "http://127.0.0.1:8090/api/v3"
    assert told["websocket_api"] == "ws://127.0.0.1:8090/ws-api/v3"
    assert told["keys"] == [{"account": "main", "api_key": "key", "secret": "sec"}]


def test_a_server_that_is_up_tells_people_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    commands.run(FakeExchange(), ExchangeOptions(data=Path("data")), json_wanted=False)
    told = capsys.readouterr().out
    assert "http://127.0.0.1:8090/api/v3" in told
    assert "secret  sec" in told
    assert "and 2 more" in told


def test_wishes_without_a_value_are_left_out() -> None:
    services = FakeExchange()
    door(services).post("/fees", {"account": "main", "maker": None, "taker": "0"})
    assert services.asked == [("POST", "/fees", {"account": "main", "taker": "0"})]


@pytest.mark.parametrize(("times", "sent"), [(3, 3), (0, None)])
def test_a_fault_of_no_number_is_without_end(times: int, sent: int | None) -> None:
    services = FakeExchange()
    commands.install(door(services), {"of": "requests", "outcome": "lost", "code": None}, times)
    assert services.asked == [("POST", "/faults", {"of": "requests", "outcome": "lost", "times": sent})]


def test_answers_are_shown_as_lines_and_tables(capsys: pytest.CaptureFixture[str]) -> None:
    where = door(FakeExchange())
    commands.show(where, {"now": 5, "bans": {}, "accounts": ["a\x1b"]})
    commands.show(
        where, [{"number": 1, "of": "requests", "empty": None}, {"number": 2, "extra": "x", "empty": ""}]
    )
    commands.show(where, [])
    commands.show(where, ["main"])
    told = capsys.readouterr().out
    assert "now             5" in told
    assert "extra" in told
    assert "empty" not in told
    assert "none" in told
    assert "\x1b" not in told


def test_answers_are_shown_as_they_came_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    commands.show(door(FakeExchange(), json_wanted=True), {"now": 5})
    assert json.loads(capsys.readouterr().out) == {"now": 5}


def test_an_audit_says_whether_all_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    entry = {
        "sent": {
            "operation": "order.place",
            "client_order_id": "a-1",
            "outcome": "lost",
            "status": 0,
            "code": None,
        },
        "order": {"status": "NEW"},
    }
    sound = {"problems": [], "faulted": {"lost": 1}, "entries": [entry], "forgotten": 0}
    assert commands.audit(door(FakeExchange({"/audit": sound})))
    told = capsys.readouterr().out
    assert "everything adds up" in told
    assert "a-1" in told
    wrong = {"problems": ["BTC: too much"], "faulted": {}, "entries": [], "forgotten": 0}
    assert not commands.audit(door(FakeExchange({"/audit": wrong})))
    assert "BTC: too much" in capsys.readouterr().out
    assert not commands.audit(door(FakeExchange({"/audit": wrong}), json_wanted=True))
    assert json.loads(capsys.readouterr().out) == wrong
