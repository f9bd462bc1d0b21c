"""What a mark of a halt holds, as it stands in its file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from fillwright.ports import Halt, HaltMark
from fillwright.storage.halt_mark import FileHaltMark


def test_a_halt_is_plain_json_and_what_is_not_said_is_off() -> None:
    told = msgspec.json.decode(b'{"by":"ada","reason":"smoke"}', type=Halt)
    assert told == Halt(by="ada", reason="smoke")
    assert (told.flatten, told.external) == (False, False)


def test_the_file_is_such_a_mark(tmp_path: Path) -> None:
    mark: HaltMark = FileHaltMark(tmp_path / "halt")
    assert mark.get() is None
