from __future__ import annotations

import json
from pathlib import Path

import pytest

from fillwright.commands.settings import show_config


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_setting_has_value_and_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.toml"
    file.write_text("[paper]\nlatency_ms = 5\n")
    show_config([file], True, False)
    rows = {row["setting"]: row for row in json.loads(capsys.readouterr().out)["settings"]}
    assert rows["paper.latency_ms"] == {"setting": "paper.latency_ms", "value": "5", "source": f"{file}:2"}
    assert rows["paper.taker_fee"] == {"setting": "paper.taker_fee", "value": "0.001", "source": "default"}


def test_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    show_config([], False, False)
    assert "risk.max_daily_loss_usdt" in capsys.readouterr().out
    show_config([], False, True)
    assert capsys.readouterr().out == "Everything is at its default.\n"
