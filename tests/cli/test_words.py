from __future__ import annotations

from pathlib import Path

import pytest

from fillwright.cli.words import Status, folder_of, listing


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def put(folder: Path) -> None:
    folder.mkdir()
    (folder / "journal.db").touch()


def test_a_named_folder_is_meant() -> None:
    assert folder_of(Path("x")) == Path("x")


def test_the_services_data_come_before_a_replays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder_of(None) == Path("data")
    put(tmp_path / "out")
    assert folder_of(None) == Path("out")
    put(tmp_path / "data")
    assert folder_of(None) == Path("data")
    monkeypatch.setenv("FILLWRIGHT__DATA__DIR", "elsewhere")
    put(tmp_path / "elsewhere")
    assert folder_of(None) == Path("elsewhere")


def test_all_is_no_status() -> None:
    assert listing(Status.ALL, None, None, 5, None, False).status is None
    assert listing(Status.OPEN, None, None, 5, None, False).status == "open"
