from __future__ import annotations

import errno
from pathlib import Path

import pytest
import typer

from fillwright.commands.failures import DiskError, end, ending, writing_files
from fillwright.options import BadInputError, ExitCode


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_is_the_stores_failure(number: int) -> None:
    with pytest.raises(DiskError, match="a file: "), writing_files():
        raise OSError(number, "no space")
    assert DiskError.exit_code == ExitCode.STORAGE_FAILED


def test_a_wrong_path_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="nowhere"), writing_files():
        (tmp_path / "nowhere" / "x").write_text("")


def test_an_end_is_a_line_and_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught:
        end(ExitCode.BAD_INPUT, ["one\ntwo", "three"], False)
    assert caught.value.exit_code == 2
    assert capsys.readouterr() == ("", "fillwright: one two\nfillwright: three\n")


def test_success_passes_through() -> None:
    with ending(False):
        pass


def test_an_exit_passes_through() -> None:
    with pytest.raises(typer.Exit), ending(False):
        raise typer.Exit(0)
