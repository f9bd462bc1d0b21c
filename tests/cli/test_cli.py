from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from fillwright import __version__
from fillwright.cli import app
from fillwright.config import ConfigError, Problem
from fillwright.options import BadInputError, StorageFailedError, TraderFailedError
from fillwright.ports import CorruptStoreError, DiskFullError, NotADatabaseError, UnknownAccountError
from tests.commands.fake import DIGEST, FakeServices, write_journal

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str | Path, services: FakeServices | None = None) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments], obj=services or FakeServices())


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith("FILLWRIGHT__"):
            monkeypatch.delenv(name)


# -- replay ------------------------------------------------------------------------------------------------------


def test_a_replay_prints_what_came_of_it(tmp_path: Path) -> None:
    services = FakeServices()
    result = run("replay", "--tape", "a.csv", "--tape", "b.csv", "--out", tmp_path / "x", services=services)
    assert result.exit_code == 0, result.output
    for expected in ("+22.50 USDT", "20 (14 won, 6 lost), 1 open", "4.67", DIGEST, "report.html"):
        assert expected in result.stdout
    assert result.stderr == ""
    (options,) = services.asked
    assert options.tapes == (Path("a.csv"), Path("b.csv"))
    assert (options.seed, options.days, options.synthetic, options.resume) == (1, 30, False, False)


def test_every_option_arrives(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[risk]\nmax_positions = 9\n")
    services = FakeServices()
    names = [
        "--symbol",
        "BTCUSDT",
        "--symbol",
        "ETHUSDT",
        "--exchange-info",
        "e.json",
        "--signals",
        "s.jsonl",
    ]
    result = run(
        "replay",
        "--synthetic",
        "--seed",
        "7",
        "--days",
        "3",
        "--resume",
        *names,
        "--config",
        config,
        services=services,
    )
    assert result.exit_code == 0, result.output
    (options,) = services.asked
    assert (options.seed, options.days, options.synthetic, options.resume) == (7, 3, True, True)
    assert options.symbols == ("BTCUSDT", "ETHUSDT")
    assert (options.exchange_info, options.signals, options.trader) == (Path("e.json"), Path("s.jsonl"), None)
    assert options.config.settings.risk.max_positions == 9
    assert options.out == Path("out")


def test_json_is_one_document_and_nothing_else() -> None:
    result = run("replay", "--synthetic", "--json")
    content = json.loads(result.stdout)
    assert content["digest"] == DIGEST
    assert content["summary"]["trades"]["profit"] == "22"
    assert content["report"] == str(Path("out") / "report.html")


def test_quiet_prints_nothing() -> None:
    result = run("replay", "--synthetic", "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_no_desktop_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("webbrowser.open", lambda *_: pytest.fail("a browser was opened"))
    result = run("replay", "--synthetic", "--open")
    assert result.exit_code == 0
    assert "open the report yourself" in result.stderr


def test_a_desktop_gets_the_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    assert run("replay", "--synthetic", "--open").exit_code == 0
    assert opened == [(tmp_path / "out" / "report.html").as_uri()]


# -- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "nothing to replay: give --tape FILE, or --synthetic"),
        (["--tape", "a", "--synthetic"], "not both"),
        (["--tape", "a", "--seed", "1"], "--seed belongs to --synthetic"),
        (["--tape", "a", "--days", "1"], "--days belongs to --synthetic"),
        (["--tape", "a", "--trader", "x:Y", "--signals", "z"], "either --trader or --signals"),
        (["--synthetic", "--days", "0"], "must be from 1 to 3650"),
        (["--synthetic", "--seed", "-1"], "--seed -1"),
        (["--tape", "a", "--symbol", "btc/usdt"], "a symbol is in capitals"),
        (["--tape", "a", "--config", "nowhere.toml"], "nowhere.toml: no such file"),
    ],
)
def test_bad_input_is_one_clear_line(arguments: list[str], expected: str) -> None:
    services = FakeServices()
    result = run("replay", *arguments, services=services)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("fillwright: ")
    assert expected in line
    assert services.asked == []


def test_out_must_not_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    result = run("replay", "--synthetic", "--out", tmp_path / "taken")
    assert result.exit_code == 2
    assert "is a file, not a folder" in result.stderr


def test_every_problem_of_the_configuration_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "fillwright.toml").write_text("[risk]\nmax_positions = -1\nmax_daily_loss_usdt = 1e400\n")
    result = run("replay", "--synthetic", "--json")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "BAD_INPUT"
    assert len(error["details"]) == 2


@pytest.mark.parametrize(
    "arguments", [["--nonsense"], ["replay", "--nonsense"], ["why"], ["trades", "--limit", "0"]]
)
def test_wrong_usage_is_bad_input(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


# -- exit codes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "name"),
    [
        (BadInputError("tape.csv:7: price is negative"), 2, "BAD_INPUT"),
        (ConfigError([Problem(key="a.b", given="1", allowed="must be 2", source="f:1")]), 2, "BAD_INPUT"),
        (UnknownAccountError("no such account"), 2, "BAD_INPUT"),
        (NotADatabaseError("journal.db is not a database"), 2, "BAD_INPUT"),
        (TraderFailedError("trader Momentum: ZeroDivisionError"), 3, "TRADER_FAILED"),
        (StorageFailedError("the disk is full"), 4, "STORAGE_FAILED"),
        (DiskFullError("the disk is full"), 4, "STORAGE_FAILED"),
        (CorruptStoreError("journal.db is damaged"), 4, "STORAGE_FAILED"),
        (KeyboardInterrupt(), 130, "INTERRUPTED"),
    ],
)
def test_exit_codes(error: BaseException, code: int, name: str) -> None:
    result = run("replay", "--synthetic", "--json", services=FakeServices(error))
    assert result.exit_code == code
    content = json.loads(result.stdout)["error"]
    assert content["code"] == name
    (line,) = result.stderr.splitlines()
    assert line == f"fillwright: {content['message']}"


def test_a_traders_traceback_is_shown() -> None:
    error = TraderFailedError("trader Momentum: ValueError: x", "Traceback:\n  my.py line 3\n")
    result = run("replay", "--synthetic", services=FakeServices(error))
    assert result.stderr.splitlines() == [
        "Traceback:",
        "  my.py line 3",
        "fillwright: trader Momentum: ValueError: x",
    ]


def test_a_message_cannot_command_the_terminal() -> None:
    result = run("replay", "--synthetic", services=FakeServices(BadInputError("evil\x1b[2J\nname")))
    assert result.stderr == "fillwright: evil?[2J name\n"


def test_a_bug_is_not_hidden() -> None:
    result = run("replay", "--synthetic", services=FakeServices(AssertionError("cannot be")))
    assert result.exit_code == 1
    assert isinstance(result.exception, AssertionError)


# -- reading the journal -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["trades", "orders", "positions"])
def test_listings_read_the_journal(tmp_path: Path, command: str) -> None:
    write_journal(tmp_path)
    content = json.loads(run(command, "--out", tmp_path, "--json", "--limit", "3").stdout)
    assert len(content[command]) == 3
    following = json.loads(
        run(command, "--out", tmp_path, "--json", "--limit", "3", "--cursor", content["next_cursor"]).stdout
    )
    ids = [row["id"] for row in [*content[command], *following[command]]]
    assert len(set(ids)) == 6
    text = run(command, "--out", tmp_path, "--limit", "3").stdout
    assert all(str(name) in text for name in ids[:3])
    assert "--limit shows more" in text


def test_why_tells_a_signal(tmp_path: Path) -> None:
    write_journal(tmp_path)
    result = run("why", "1", "--out", tmp_path)
    assert result.exit_code == 0
    assert "Signal 1 of breakout" in result.stdout
    assert json.loads(run("why", "1", "--out", tmp_path, "--json").stdout)["signal"]["id"] == 1


@pytest.mark.parametrize("command", [["trades"], ["orders"], ["positions"], ["why", "1"], ["report"]])
def test_no_journal_is_bad_input(tmp_path: Path, command: list[str]) -> None:
    result = run(*command, "--out", tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "nowhere" in result.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_file_that_is_no_journal_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_text("hello, I am no database, and long enough to be looked at" * 20)
    result = run("trades", "--out", tmp_path)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


# -- the rest ----------------------------------------------------------------------------------------------------


def test_show_config(tmp_path: Path) -> None:
    (tmp_path / "fillwright.toml").write_text(
        '[traders.a.parameters]\napi_key = "hush"\n[risk]\nmax_positions = 8\n'
    )
    result = run("show-config", "--changed", "--json")
    assert json.loads(result.stdout)["settings"] == [
        {"setting": "risk.max_positions", "value": "8", "source": "fillwright.toml:4"},
        {"setting": "traders.a.parameters.api_key", "value": "(hidden)", "source": "fillwright.toml:2"},
    ]
    assert "hush" not in run("show-config").stdout


def app_commands() -> list[str]:
    group = typer.main.get_command(app)
    return list(group.commands)  # type: ignore[attr-defined]


def test_all_commands_are_there() -> None:
    assert set(app_commands()) == {
        "run", "init", "doctor", "token", "status", "signal", "emergency-stop", "resume", "mode",
        "replay", "report", "why", "positions", "orders", "trades", "show-config", "position", "exchange", "shadow",
        "rollout",
    }  # fmt: skip


def test_version_and_help() -> None:
    assert run("--version").stdout == f"fillwright {__version__}\n"
    assert "Exit codes: 0 done" in " ".join(run("--help").stdout.split())
    for command in app_commands():
        assert run(command, "--help").exit_code == 0


# -- real processes ----------------------------------------------------------------------------------------------

DRIVER = """
import signal, sys, time
from fillwright import cli, options
from tests.commands.fake import FakeServices

# A shell's background job, such as a CI's, ignores Ctrl-C, and so would what it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Slow(FakeServices):
    def replay(self, options, progress):
        sys.stderr.write("started\\n")
        sys.stderr.flush()
        time.sleep(30)
        raise AssertionError("was not interrupted")

services = {services}
sys.argv[0] = "fillwright"
cli.app(obj=services)
"""


def start(services: str, *arguments: str, cwd: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "PYTHONIOENCODING": "utf-8",
    }
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER.format(services=services), *arguments],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("services", "code"),
    [
        ("FakeServices()", 0),
        ("FakeServices(AssertionError('cannot be'))", 1),
        ("FakeServices(options.BadInputError('x'))", 2),
        ("FakeServices(options.TraderFailedError('x'))", 3),
        ("FakeServices(options.StorageFailedError('x'))", 4),
    ],
)
def test_exit_codes_of_real_processes(tmp_path: Path, services: str, code: int) -> None:
    process = start(services, "replay", "--synthetic", "--json", cwd=tmp_path)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    if code != 1:
        content: dict[str, Any] = json.loads(stdout)
        assert ("error" in content) == (code != 0)


def test_control_c_ends_a_real_process(tmp_path: Path) -> None:
    process = start("Slow()", "replay", "--synthetic", cwd=tmp_path)
    assert process.stderr is not None
    assert process.stderr.readline() == "started\n"
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr == "fillwright: interrupted\n"
    assert time.monotonic() - begun < 25
