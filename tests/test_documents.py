"""Commands, settings and signals that the documents show are accepted as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from fillwright.cli import app
from fillwright.config import load
from fillwright.replay.signals import read_signals

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
README = (ROOT / "README.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    """All blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Every call of fillwright in a block of shell lines."""
    lines = [
        line
        for document in DOCUMENTS
        for block in blocks(document.read_text(), "sh")
        for line in block.splitlines()
    ]
    return sorted({line for line in lines if line.startswith("fillwright ")})


@pytest.mark.parametrize("command", commands())
def test_a_command_is_one_that_the_command_line_takes(command: str) -> None:
    _, name, *arguments = shlex.split(command, comments=True)
    group = typer.main.get_command(app)
    with typer.Context(group) as context:
        found = group.get_command(context, name)  # type: ignore[attr-defined]
        assert found is not None
        found.make_context(name, arguments)


def test_commands_are_found() -> None:
    assert len(commands()) >= 8


def test_the_settings_shown_are_settings(tmp_path: Path) -> None:
    (text,) = blocks(README, "toml")
    (tmp_path / "shown.toml").write_text(text)
    found = load((tmp_path / "shown.toml",), environment={}, folder=tmp_path)
    assert found.settings.risk.max_position_size_usdt == 500
    assert list(found.traders) == ["momentum"]


def test_the_signal_shown_is_a_signal(tmp_path: Path) -> None:
    (text,) = blocks(README, "json")
    (tmp_path / "shown.jsonl").write_text(text)
    (planned,) = read_signals(tmp_path / "shown.jsonl")
    assert planned.signal.stop_loss is not None
    assert planned.signal.take_profit is not None
    assert planned.signal.stop_loss < planned.signal.take_profit
