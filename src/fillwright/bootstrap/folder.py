"""The data folder: who may read it, that one service alone uses it, and what in it is called what."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType

import msgspec

from fillwright.core.types import Time
from fillwright.options import (
    JOURNAL_NAME,
    LOCK_NAME,
    RUNNING_NAME,
    AlreadyRunningError,
    BadInputError,
    Running,
    StorageFailedError,
)

MARKET_NAME = "synthetic-market.json"
TOKEN_NAME = "token.sha256"
FOLDER_MODE = 0o700
FILE_MODE = 0o600


class DataFolder:
    """A data folder that is ours alone until it is closed; the lock goes with the process, whatever ends it."""

    def __init__(self, path: Path) -> None:
        """Make the folder if need be, and lock it. Raises AlreadyRunningError, BadInputError, StorageFailedError."""
        self.path = path
        make_folder(path)
        try:
            self._lock = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            raise _cannot_be_used(path, error) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise AlreadyRunningError(_in_use(path)) from error
        try:
            (path / RUNNING_NAME).unlink(missing_ok=True)  # of one that was killed
            self._write_lock(b"%d\n" % os.getpid())
        except OSError as error:
            os.close(self._lock)
            raise _cannot_be_used(path, error) from error

    def _write_lock(self, text: bytes) -> None:
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, text, 0)

    @property
    def journal(self) -> Path:
        """The store."""
        return self.path / JOURNAL_NAME

    def private_journal(self) -> Path:
        """The store, which is about to be opened; a new one is its owner's alone even in a folder that is not.

        SQLite gives what it keeps beside it the same mode. Raises BadInputError, StorageFailedError.
        """
        try:
            os.close(os.open(self.journal, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))
        except FileExistsError:
            pass
        except OSError as error:
            raise _cannot_be_used(self.path, error) from error
        return self.journal

    @property
    def market(self) -> Path:
        """Where the synthetic market stands."""
        return self.path / MARKET_NAME

    @property
    def token(self) -> Path:
        """The SHA-256 of the bearer token."""
        return self.path / TOKEN_NAME

    def tell(self, url: str, started_at: Time, version: str) -> None:
        """Say where the service is found, for commands of the same data folder; raises StorageFailedError."""
        running = Running(pid=os.getpid(), url=url, started_at=started_at, version=version)
        try:
            write_private(self.path / RUNNING_NAME, msgspec.json.encode(running) + b"\n")
        except OSError as error:
            raise _cannot_be_used(self.path, error) from error

    def close(self) -> None:
        """Let others have it."""
        with contextlib.suppress(OSError):
            (self.path / RUNNING_NAME).unlink(missing_ok=True)
            self._write_lock(b"")
        os.close(self._lock)

    def __enter__(self) -> DataFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def make_folder(path: Path) -> None:
    """Make a data folder that nobody else may enter, unless it is there; raises BadInputError, StorageFailedError."""
    try:
        path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_be_used(path, error) from error


def write_private(path: Path, content: bytes) -> None:
    """Put a file in place, whole or not at all, that nobody else may read; raises OSError."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _in_use(path: Path) -> str:
    try:
        pid = (path / LOCK_NAME).read_text().strip()
    except OSError:
        pid = ""
    who = f"process {pid}" if pid else "another process"
    return (
        f"{path}: {who} runs fillwright on this data folder already; stop it (kill {pid or 'its pid'}),"
        " or name another folder with --data"
    )


def _cannot_be_used(path: Path, error: OSError) -> BadInputError | StorageFailedError:

    text = f"{path}: the data folder cannot be used: {error.strerror or error}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
        return StorageFailedError(text)
    return BadInputError(text)
