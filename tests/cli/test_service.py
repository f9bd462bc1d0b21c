"""``run``, ``token``, ``init`` and ``doctor`` as they are typed."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fillwright.cli import app
from fillwright.options import AddressInUseError, AlreadyRunningError, Finding
from fillwright.ports import SchemaTooNewError
from tests.commands.fake import FakeServices


def run(*arguments: str | Path, services: FakeServices | None = None) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments], obj=services or FakeServices())


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith("FILLWRIGHT_"):
            monkeypatch.delenv(name)


def test_a_service_that_is_up_says_where_to_look() -> None:
    result = run("run")
    assert result.exit_code == 0, result.output
    for expected in (
        "http://127.0.0.1:8080/#once=the-code",
        "the-new-token",
        "SYNTHETIC: made up",
        "BTCUSDT, ETHUSDT",
    ):
        assert expected in result.stdout


def test_json_is_one_line() -> None:
    result = run("run", "--json")
    (line,) = result.stdout.splitlines()
    told = json.loads(line)
    assert told["link"] == "http://127.0.0.1:8080/#once=the-code"
    assert (told["pid"], told["mode"], told["source"]) == (4711, "paper", "synthetic")


def test_every_option_wins_over_the_settings(tmp_path: Path) -> None:
    (tmp_path / "fillwright.toml").write_text('[server]\nport = 9\nhost = "localhost"\n[market]\nseed = 5\n')
    services = FakeServices()
    words = ["--port", "0", "--data", "here", "--feed", "tape", "--symbol", "BTCUSDT", "--tape", "a.csv"]
    result = run("run", *words, "--speed", "2.5", "--trader", "mine:Mine", services=services)
    assert result.exit_code == 0, result.output
    (options,) = services.services
    config = options.config
    assert (config.server.port, config.server.host) == (0, "localhost")
    assert (config.data.dir, config.market.feed, config.market.speed) == (
        Path("here"),
        "tape",
        Decimal("2.5"),
    )
    assert (config.market.symbols, config.market.tapes) == (("BTCUSDT",), (Path("a.csv"),))
    assert (config.market.seed, options.trader, options.no_trader) == (5, "mine:Mine", False)


def test_a_tape_alone_says_which_feed() -> None:
    services = FakeServices()
    run("run", "--tape", "a.csv", services=services)
    assert services.services[0].config.market.feed == "tape"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--symbol", "btc/usdt"], "command line: market.symbols"),
        (["--speed", "0"], "command line: market.speed = '0': must be a number above 0"),
        (["--host", "two words"], "command line: server.host"),
        (["--trader", "a", "--no-trader"], "either --trader or --no-trader"),
    ],
)
def test_wrong_options_are_told_like_wrong_settings(words: list[str], expected: str) -> None:
    result = run("run", *words)
    assert result.exit_code == 2
    assert expected in result.stderr


@pytest.mark.parametrize(
    ("error", "code", "name"),
    [
        (AddressInUseError("cannot listen"), 5, "ADDRESS_IN_USE"),
        (AlreadyRunningError("process 12 runs"), 6, "ALREADY_RUNNING"),
        (SchemaTooNewError("a newer fillwright"), 4, "STORAGE_FAILED"),
    ],
)
def test_what_keeps_a_service_from_starting(error: Exception, code: int, name: str) -> None:
    result = run("run", "--json", services=FakeServices(error))
    assert result.exit_code == code
    assert json.loads(result.stdout)["error"]["code"] == name
    assert str(error) in result.stderr


def test_a_token_is_shown_alone_on_standard_output(tmp_path: Path) -> None:
    result = run("token", "--data", tmp_path / "mine")
    assert result.stdout == "a-token-of-mine\n"
    assert json.loads(run("token", "--json").stdout) == {"token": "a-token-of-data"}


def test_a_token_of_the_settings_is_changed_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILLWRIGHT__SERVER__TOKEN", "a-token-of-the-settings")
    result = run("token")
    assert result.exit_code == 2
    assert "server.token" in result.stderr


def test_init_then_show_config(tmp_path: Path) -> None:
    assert run("init", "--json").exit_code == 0
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert "Everything is at its default." in run("show-config", "--changed").stdout
    again = run("init")
    assert (again.exit_code, "--force" in again.stderr) == (2, True)
    assert run("init", "--force").exit_code == 0


def test_the_doctors_word_is_the_exit_code() -> None:
    services = FakeServices()
    assert run("doctor", services=services).exit_code == 0
    services.findings.append(Finding(name="Disk", result="failed", text="full", remedy="make room"))
    result = run("doctor", "--json", services=services)
    assert result.exit_code == 2
    assert json.loads(result.stdout)["ok"] is False
