from __future__ import annotations

import re
import tomllib
from pathlib import Path

from fillwright.config import load, template


def test_as_it_is_it_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "fillwright.toml").write_text(template())
    config = load(environment={}, folder=tmp_path)
    assert config.places == {}


def test_every_line_can_be_switched_on(tmp_path: Path) -> None:
    lines = [
        line.removeprefix("# ") if re.match(r"# \w+ = (?!\"(…|FILE)\")", line) else line
        for line in template().splitlines()
    ]
    text = "\n".join(lines)
    assert len(tomllib.loads(text)["risk"]) > 20
    text = text[: text.index("# Traders:")]
    (tmp_path / "fillwright.toml").write_text(text)
    switched_on, plain = (load(environment={}, folder=folder) for folder in (tmp_path, tmp_path / "nowhere"))
    assert switched_on.values == plain.values
    assert len(switched_on.places) > 60


def test_every_setting_is_in_it(tmp_path: Path) -> None:
    text = template()
    for key in load(environment={}, folder=tmp_path).values:
        section, _, name = key.rpartition(".")
        assert f"[{section}]" in text
        assert re.search(rf"^# {name} = ", text, flags=re.MULTILINE), key


def test_its_examples_of_traders_and_limits_are_right(tmp_path: Path) -> None:
    text = template()
    foot = text[text.index("# Traders:") :]
    shown = "\n".join(
        line.removeprefix("# ") for line in foot.splitlines() if re.match(r"# (\[|\w+ = )", line)
    )
    (tmp_path / "fillwright.toml").write_text(shown)
    config = load(environment={}, folder=tmp_path)
    assert list(config.traders) == ["momentum"]
    assert list(config.limits) == ["momentum|"]
