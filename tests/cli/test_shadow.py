"""``fillwright shadow``: its words."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from fillwright.cli import app
from tests.commands.fake import FakeServices, write_journal


def test_a_journal_without_a_shadow_is_bad_input_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    write_journal(tmp_path / "data")
    result = CliRunner().invoke(app, ["shadow", "report"], obj=FakeServices())
    assert result.exit_code == 2
    assert "no account has a shadow" in result.output
    result = CliRunner().invoke(
        app, ["shadow", "report", "--out", str(tmp_path), "--json"], obj=FakeServices()
    )
    assert result.exit_code == 2


def test_help_says_what_a_shadow_is() -> None:
    result = CliRunner().invoke(app, ["shadow", "--help"])
    assert result.exit_code == 0
    assert "trading.shadow" in result.output
