"""Commands that ask a service, as they are typed; nothing answers here but where it says so."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fillwright.cli import app
from fillwright.options import KeysStopOptions
from tests.api.serving import TOKEN
from tests.commands.beside import service_beside
from tests.commands.fake import FakeServices


def run(*arguments: str, services: FakeServices | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), obj=services)


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith("FILLWRIGHT_"):
            monkeypatch.delenv(name)


ALL = [
    ["signal", "send", "BTCUSDT", "--stop-loss", "1"],
    ["emergency-stop", "--yes"],
    ["resume", "--reason", "drill"],
    ["mode"],
    ["status"],
]


@pytest.mark.parametrize("command", ALL)
def test_without_a_token(command: list[str]) -> None:
    result = run(*command)
    assert result.exit_code == 2
    assert "FILLWRIGHT_TOKEN" in result.stderr


@pytest.mark.parametrize("command", ALL)
def test_without_a_service(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILLWRIGHT_TOKEN", "x")
    result = run(*command, "--url", "http://127.0.0.1:1", "--json")
    assert result.exit_code == 7
    assert json.loads(result.stdout)["error"]["code"] == "NOT_REACHED"


def test_nobody_to_ask_needs_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILLWRIGHT_TOKEN", "x")
    result = run("emergency-stop")
    assert (result.exit_code, "--yes" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("command", "asked"),
    [(["mode", "mainnet"], True), (["mode", "paper", "--flatten"], True), (["mode", "testnet"], False)],
)
def test_a_switch_with_something_at_stake_is_asked_about(
    command: list[str], asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILLWRIGHT_TOKEN", "x")
    result = run(*command, "--url", "http://127.0.0.1:1")
    assert ("--yes" in result.stderr) is asked
    assert result.exit_code == (2 if asked else 7)
    assert run(*command, "--url", "http://127.0.0.1:1", "--yes").exit_code == 7


def test_a_stop_with_keys_goes_past_the_service(tmp_path: Path) -> None:
    services = FakeServices()
    result = run(
        "emergency-stop", "--keys", "k.toml", "--testnet", "--flatten", "--tag", "abc", "--watch", "0",
        "--url", "http://127.0.0.1:1", "--yes", services=services,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert services.stops == [
        KeysStopOptions(
            keys=Path("k.toml"),
            section="testnet",
            flatten=True,
            url="http://127.0.0.1:1",
            tag="abc",
            watch_s=0,
        )
    ]


@pytest.mark.parametrize(
    "words",
    [
        ["--keys", "k.toml"],
        ["--keys", "k.toml", "--testnet", "--mainnet", "--yes"],
        ["--keys", "k.toml", "--demo", "--mainnet", "--yes"],
        ["--testnet", "--yes"],
        ["--demo", "--yes"],
        ["--tag", "abc", "--yes"],
    ],
)
def test_a_stop_with_keys_that_cannot_be_meant_is_refused(words: list[str]) -> None:
    services = FakeServices()
    assert run("emergency-stop", *words, services=services).exit_code == 2
    assert services.stops == []


def test_a_resume_needs_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILLWRIGHT_TOKEN", "x")
    assert run("resume").exit_code == 2


def test_a_denied_signal_ends_with_its_own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILLWRIGHT_TOKEN", TOKEN)
    with service_beside(tmp_path) as url:
        result = run("signal", "send", "AAAUSDT", "--stop-loss", "1", "--url", url, "--json")
        assert result.exit_code == 8
        assert json.loads(result.stdout)["status"] == "denied"
        assert json.loads(run("mode", "--url", url, "--json").stdout) == {"mode": "paper"}
