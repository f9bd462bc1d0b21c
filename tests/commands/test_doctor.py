from __future__ import annotations

import json
from pathlib import Path

import pytest

from fillwright.commands.doctor import doctor, line
from fillwright.config import load
from fillwright.options import Finding
from tests.commands.fake import FakeServices

WELL = Finding(name="Clock", result="ok", text="steady", remedy="none needed")
UNWELL = Finding(name="Disk", result="failed", text="full\x1b[2J", remedy="make room")
SO_SO = Finding(name="Port", result="warning", text="busy", remedy="wait")


def examined(tmp_path: Path, *findings: Finding, json_wanted: bool = False) -> bool:
    services = FakeServices()
    services.findings = list(findings)
    return doctor(services, load(environment={}, folder=tmp_path), json_wanted)


def test_remedies_stand_under_what_needs_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not examined(tmp_path, WELL, SO_SO, UNWELL)
    text = capsys.readouterr().out
    assert "make room" in text
    assert "wait" in text
    assert "none needed" not in text


def test_a_warning_is_no_failure(tmp_path: Path) -> None:
    assert examined(tmp_path, WELL, SO_SO)


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not examined(tmp_path, UNWELL, json_wanted=True)
    told = json.loads(capsys.readouterr().out)
    assert told["findings"][0]["remedy"] == "make room"


def test_findings_do_not_command_the_terminal() -> None:
    assert "\x1b" not in line(UNWELL).plain
