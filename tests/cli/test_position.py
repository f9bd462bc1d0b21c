"""Commands about a position, as they are typed; nothing answers here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fillwright.cli import app

NOBODY = "http://127.0.0.1:1"
ALL = [
    ["position", "close", "7"],
    ["position", "reduce", "7", "25%"],
    ["position", "add", "7", "--quote", "50"],
    ["position", "adjust", "7", "--stop-loss", "95"],
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(autouse=True)
def _a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FILLWRIGHT_TOKEN", "x")


@pytest.mark.parametrize("command", ALL)
def test_without_a_service_the_key_is_told(command: list[str]) -> None:
    result = run(*command, "--url", NOBODY, "--json", "--key", "k1")
    assert result.exit_code == 7
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "NOT_REACHED"
    assert "--key k1" in error["message"]


@pytest.mark.parametrize(
    "command", [["position", "close", "0"], ["position", "reduce", "7", "100%"], ["position", "adjust", "7"]]
)
def test_what_cannot_be(command: list[str]) -> None:
    assert run(*command, "--url", NOBODY).exit_code == 2
