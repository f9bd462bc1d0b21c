"""Commands about journals, without ``--out``: those of the service's data folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fillwright.cli import app
from tests.commands.fake import FakeServices, write_journal


@pytest.mark.parametrize("command", [["positions"], ["orders"], ["trades"], ["why", "1"]])
def test_a_services_journal_is_read_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    write_journal(tmp_path / "data")
    result = CliRunner().invoke(app, [*command, "--json"], obj=FakeServices())
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)
