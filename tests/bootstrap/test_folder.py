from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from fillwright.bootstrap.folder import DataFolder, make_folder, write_private
from fillwright.options import AlreadyRunningError, BadInputError, Running
from fillwright.storage.sql import open_store


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with DataFolder(tmp_path / "a" / "data") as folder:
        assert folder.path.stat().st_mode & 0o777 == 0o700
        assert folder.journal == folder.path / "journal.db"


def test_the_store_is_its_owners_alone_even_in_a_folder_that_is_open(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with DataFolder(tmp_path) as folder:
        assert not folder.journal.exists()
        for _ in range(2):  # new, and there already
            with open_store(folder.private_journal(), lay_out=True):
                found = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("journal.db*")}
            assert found == dict.fromkeys(("journal.db", "journal.db-wal", "journal.db-shm"), 0o600)


def test_a_second_one_is_told_whose_it_is(tmp_path: Path) -> None:
    with DataFolder(tmp_path), pytest.raises(AlreadyRunningError, match=rf"process {os.getpid()} runs"):
        DataFolder(tmp_path)
    with DataFolder(tmp_path):
        pass


def test_it_says_where_the_service_is_while_it_runs(tmp_path: Path) -> None:
    with DataFolder(tmp_path) as folder:
        folder.tell("http://127.0.0.1:1", 5, "1.0.0")
        found = msgspec.json.decode((tmp_path / "service.json").read_bytes(), type=Running)
        assert found == Running(pid=os.getpid(), url="http://127.0.0.1:1", started_at=5, version="1.0.0")
    assert not (tmp_path / "service.json").exists()


def test_what_a_killed_service_left_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "service.json").write_text("{}")
    with DataFolder(tmp_path):
        assert not (tmp_path / "service.json").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInputError, match="cannot be used"):
        DataFolder(tmp_path / "file")
    with pytest.raises(BadInputError, match="cannot be used"):
        make_folder(tmp_path / "file" / "below")


def test_a_private_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_private(path, b"one")
    write_private(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
