"""``rollout`` as it is typed; nothing answers here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fillwright.cli import app

NOBODY = ("--url", "http://127.0.0.1:1")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["rollout", *arguments])


@pytest.fixture(autouse=True)
def _a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FILLWRIGHT_TOKEN", "x")


@pytest.mark.parametrize(
    "words",
    [(), ("testnet",), ("testnet", "--lift-cap", "known", "--yes"), ("mainnet", "--restore-cap", "done")],
)
def test_without_a_service_that_is_said(words: tuple[str, ...]) -> None:
    result = run(*words, *NOBODY, "--json")
    assert result.exit_code == 7
    assert json.loads(result.stdout)["error"]["code"] == "NOT_REACHED"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--lift-cap", "known"), "which stage"),
        (("--symbol", "BTCUSDT"), "which stage"),
        (("mainnet", "--lift-cap", "a", "--restore-cap", "b"), "not both"),
        (("mainnet", "--early"), "--early needs --lift-cap"),
        (("mainnet", "--lift-cap", "known"), "add --yes"),
    ],
)
def test_what_cannot_be(words: tuple[str, ...], said: str) -> None:
    result = run(*words, *NOBODY)
    assert result.exit_code == 2
    assert said in result.output
