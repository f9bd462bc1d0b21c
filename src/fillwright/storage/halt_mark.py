"""A halt in a file of its own, whose room is taken before it is needed: a full disk does not keep it from being set.

The file is written over in place, at its full length. File systems that write anew what is changed (btrfs, ZFS) may
need room all the same: then ``put`` says that it could not.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import structlog

from fillwright.core.types import AccountId
from fillwright.ports import Halt

LENGTH = 4_096
"""Of the file, a block of most file systems; what is not used is blank."""
TEXT_MAX = 300
"""Characters of ``by`` and ``reason`` that are kept."""
MODE = 0o600
_BLANK = b" " * LENGTH
_HALT = msgspec.json.Decoder(Halt)


class FileHaltMark:
    """``ports.HaltMark`` at a path; ``prepare`` takes its room."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = structlog.get_logger()

    def prepare(self) -> None:
        """Make the file at its full length if it is not there; a failure is told, and ``put`` tries again."""
        try:
            if not self._path.exists():
                self._write(_BLANK)
        except OSError as error:
            self._log.warning("no room is set aside for a halt", path=str(self._path), reason=str(error))

    def get(self) -> Halt | None:
        """The halt that is marked; what cannot be read counts as one."""
        try:
            text = self._path.read_bytes().strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            return _unreadable(error)
        if not text:
            return None
        try:
            return _HALT.decode(text)
        except msgspec.DecodeError as error:
            return _unreadable(error)

    def put(self, halt: Halt) -> bool:
        """Write it over the blank file, and through to the disk."""
        kept = msgspec.structs.replace(halt, by=halt.by[:TEXT_MAX], reason=halt.reason[:TEXT_MAX])
        try:
            self._write(msgspec.json.encode(kept).ljust(LENGTH))
        except OSError as error:
            self._log.error("the halt could not be marked", path=str(self._path), reason=str(error))
            return False
        return True

    def clear(self) -> None:
        """Blank it. When that fails the next start halts once more, which somebody can lift."""
        try:
            self._write(_BLANK)
        except OSError as error:
            self._log.error(
                "the mark of a halt could not be cleared", path=str(self._path), reason=str(error)
            )

    def _write(self, text: bytes) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
        try:
            written = os.pwrite(descriptor, text, 0)
            if written != len(text):
                raise OSError("not all of it was written")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def halt_mark(folder: Path, account_id: AccountId) -> FileHaltMark:
    """The mark of an account in the data folder, with its room taken."""
    mark = FileHaltMark(folder / f"halt-{account_id}")
    mark.prepare()
    return mark


def _unreadable(error: Exception) -> Halt:
    return Halt(by="service", reason=f"the mark of a halt cannot be read: {error}"[:TEXT_MAX])
