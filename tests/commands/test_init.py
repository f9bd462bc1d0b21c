from __future__ import annotations

from pathlib import Path

import pytest

from fillwright.commands.failures import DiskError
from fillwright.commands.init import init
from fillwright.config import template
from fillwright.options import BadInputError


def test_it_writes_settings_and_a_private_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(tmp_path / "new", Path("data"), False, False)
    assert (tmp_path / "new" / "fillwright.toml").read_text() == template()
    assert (tmp_path / "new" / "data").stat().st_mode & 0o777 == 0o700
    assert "fillwright doctor" in capsys.readouterr().out


def test_nothing_is_written_over(tmp_path: Path) -> None:
    mine = tmp_path / "fillwright.toml"
    mine.write_text("# mine\n")
    with pytest.raises(BadInputError, match="--force"):
        init(tmp_path, Path("data"), False, False)
    assert mine.read_text() == "# mine\n"
    init(tmp_path, Path("data"), True, True)
    assert mine.read_text() == template()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((BadInputError, DiskError), match="file"):
        init(tmp_path / "file" / "below", Path("data"), False, False)
