"""What the doctor finds: each trouble by itself, with a remedy. Nothing outside of this machine is asked."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from fillwright.api.address import bind
from fillwright.bootstrap import examination
from fillwright.bootstrap.examination import examine
from fillwright.bootstrap.tokens import new_token
from fillwright.config import load
from fillwright.options import Finding
from fillwright.storage.sql import open_store

QUIET = '[market]\nfeed = "synthetic"\n[server]\nport = 0\n'


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "CLOCK_LOOK_S", 0.001)
    monkeypatch.setattr(examination, "CLOCK_DRIFT_MAX", 1e9)


def findings(tmp_path: Path, text: str = QUIET) -> dict[str, Finding]:
    (tmp_path / "fillwright.toml").write_text(text)
    config = load(environment={}, folder=tmp_path, overrides={"data.dir": str(tmp_path / "data")})
    return {finding.name: finding for finding in examine(config)}


def test_a_machine_that_is_fit(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert {one.name for one in found.values() if one.result == "failed"} == set()
    assert set(found) == {
        "Python", "Clock", "Data folder", "Disk", "Database", "Token", "Prices", "Port", "Reach",
    }  # fmt: skip
    assert not (tmp_path / "data").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"fillwright.toml"}


def test_a_folder_and_a_token_that_others_can_read(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o755)
    new_token(tmp_path / "data" / "token.sha256")
    (tmp_path / "data" / "token.sha256").chmod(0o644)
    found = findings(tmp_path)
    assert (found["Data folder"].result, found["Token"].result) == ("warning", "warning")
    assert found["Data folder"].remedy.startswith("chmod 700")


def test_a_file_in_the_folders_place(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    assert findings(tmp_path)["Data folder"].result == "failed"


def test_a_database_of_a_newer_version(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with open_store(tmp_path / "data" / "journal.db"):
        pass
    assert findings(tmp_path)["Database"].result == "ok"
    connection = sqlite3.connect(tmp_path / "data" / "journal.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    found = findings(tmp_path)["Database"]
    assert found.result == "failed"
    assert "newer fillwright" in found.text


def test_a_token_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "token.sha256").write_text("nonsense")
    assert findings(tmp_path)["Token"].result == "failed"
    told = findings(tmp_path, QUIET + 'token = "a-token-of-the-settings"\n')["Token"]
    assert told.text == "from the settings"


def test_a_port_that_is_anothers(tmp_path: Path) -> None:
    bound = bind("127.0.0.1", 0)
    try:
        port = bound.getsockname()[1]
        found = findings(tmp_path, f'[market]\nfeed = "synthetic"\n[server]\nport = {port}\n')["Port"]
    finally:
        bound.close()
    assert found.result == "failed"
    assert "--port" in found.remedy


@pytest.mark.parametrize(
    ("market", "result", "expected"),
    [
        ('feed = "tape"', "failed", "no tape is named"),
        ('feed = "tape"\ntapes = ["nowhere.csv"]', "failed", "nowhere.csv"),
        ('feed = "synthetic"\nexchange_info = "nowhere.json"', "failed", "nowhere.json"),
    ],
)
def test_prices_that_cannot_be_had(tmp_path: Path, market: str, result: str, expected: str) -> None:
    found = findings(tmp_path, f"[market]\n{market}\n[server]\nport = 0\n")["Prices"]
    assert found.result == result
    assert expected in found.text


@pytest.mark.parametrize(("feed", "result"), [("auto", "warning"), ("binance", "failed")])
def test_binance_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, feed: str, result: str
) -> None:
    async def nobody() -> int:
        raise examination.MarketUnavailableError("no route")

    monkeypatch.setattr(examination, "_server_time", nobody)
    found = findings(tmp_path, f'[market]\nfeed = "{feed}"\n[server]\nport = 0\n')
    assert found["Prices"].result == result
    assert found["Clock"].result == "ok"


@pytest.mark.parametrize(("offset_s", "result"), [(0, "ok"), (5, "warning")])
def test_a_clock_that_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offset_s: int, result: str
) -> None:
    async def binance() -> int:
        return int((examination.time.time() + offset_s) * 1e6)

    monkeypatch.setattr(examination, "_server_time", binance)
    found = findings(tmp_path, "[server]\nport = 0\n")
    assert (found["Clock"].result, found["Prices"].result) == (result, "ok")


def test_a_service_open_to_others_without_tls(tmp_path: Path) -> None:
    text = '[market]\nfeed = "synthetic"\n[server]\nport = 0\nhost = "0.0.0.0"\n'
    assert findings(tmp_path, text)["Reach"].result == "warning"
    assert findings(tmp_path, text + "tls_proxy = true\n")["Reach"].result == "ok"
