from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import msgspec
import pytest

from fillwright.exchange.server.keys import ApiKey, KeyKind
from fillwright.exchange.server.state_file import VERSION, SavedState, StateFile, StateFileError


def saved(number: int) -> SavedState:
    key = ApiKey("k" * 64, "main", KeyKind.HMAC, "s")
    return SavedState(now=number, seed=1, symbols=("BTCUSDT",), exchange=b"dump", keys=(key,))


def test_what_was_saved_last_is_loaded(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.db")
    assert file.load() is None
    file.save(saved(1))
    file.save(saved(2))
    file.close()
    again = StateFile(tmp_path / "state.db")
    assert again.load() == saved(2)
    again.close()


def test_it_is_its_owner_s_alone(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.db")
    file.save(saved(1))
    file.close()
    assert stat.S_IMODE((tmp_path / "state.db").stat().st_mode) == 0o600


def test_a_file_in_use_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fillwright.exchange.server.state_file.BUSY_MS", 1)
    first = StateFile(tmp_path / "state.db")
    first.save(saved(1))
    with pytest.raises(StateFileError, match="in use by another process: stop that"):
        StateFile(tmp_path / "state.db")
    first.close()


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("these are no state of an exchange, however long one looks at them")
    with pytest.raises(StateFileError, match="not a database"):
        StateFile(text)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    with pytest.raises(StateFileError, match="something else"):
        StateFile(other)
    with pytest.raises(StateFileError, match="cannot be opened"):
        StateFile(tmp_path / "nowhere" / "state.db")


@pytest.mark.parametrize(
    "body", [b"\x00", msgspec.msgpack.encode(msgspec.structs.replace(saved(1), version=VERSION + 1))]
)
def test_a_state_that_cannot_be_read_is_named(tmp_path: Path, body: bytes) -> None:
    file = StateFile(tmp_path / "state.db")
    file.save(saved(1))
    file.close()
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute("UPDATE state SET body = ?", (body,))
    connection.close()
    again = StateFile(tmp_path / "state.db")
    with pytest.raises(StateFileError, match="move it away"):
        again.load()
    again.close()
