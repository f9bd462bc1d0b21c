"""A halt in a file of its own: kept, torn, cleared, and written where there is no room for anything new."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fillwright.ports import Halt
from fillwright.storage.halt_mark import LENGTH, FileHaltMark, halt_mark

HALT = Halt(by="ada", reason="smoke", flatten=True)


def test_a_halt_is_kept_and_forgotten(tmp_path: Path) -> None:
    mark = halt_mark(tmp_path, "testnet")
    assert (tmp_path / "halt-testnet").stat().st_size == LENGTH
    assert (tmp_path / "halt-testnet").stat().st_mode & 0o777 == 0o600
    assert mark.get() is None
    assert mark.put(HALT)
    assert halt_mark(tmp_path, "testnet").get() == HALT
    assert halt_mark(tmp_path, "mainnet").get() is None
    mark.clear()
    assert mark.get() is None
    assert (tmp_path / "halt-testnet").stat().st_size == LENGTH


def test_long_words_are_cut_to_the_room_there_is(tmp_path: Path) -> None:
    mark = halt_mark(tmp_path, "testnet")
    assert mark.put(Halt(by="\x01" * 2_000, reason="\x02" * 2_000))
    assert (tmp_path / "halt-testnet").stat().st_size == LENGTH
    found = mark.get()
    assert found is not None
    assert (len(found.by), len(found.reason)) == (300, 300)


@pytest.mark.parametrize("garbage", [b"{", b"\0" * LENGTH, b'{"by": 7}'])
def test_what_cannot_be_read_is_a_halt(tmp_path: Path, garbage: bytes) -> None:
    mark = halt_mark(tmp_path, "testnet")
    (tmp_path / "halt-testnet").write_bytes(garbage)
    found = mark.get()
    assert found is not None
    assert "cannot be read" in found.reason


def test_a_folder_that_is_gone_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    mark = FileHaltMark(tmp_path / "gone" / "halt-testnet")
    mark.prepare()
    assert mark.get() is None
    assert not mark.put(HALT)
    mark.clear()


def test_it_is_written_over_in_place(tmp_path: Path) -> None:
    mark = halt_mark(tmp_path, "testnet")
    before = os.stat(tmp_path / "halt-testnet")
    mark.put(HALT)
    after = os.stat(tmp_path / "halt-testnet")
    assert (before.st_ino, before.st_blocks) == (after.st_ino, after.st_blocks)
