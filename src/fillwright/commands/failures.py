"""How a command ends when it cannot do what it was asked: one clear line, and an exit code that means something."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import typer

from fillwright.commands.output import clean, print_json
from fillwright.config import ConfigError
from fillwright.options import AlreadyToldError, BadInputError, ExitCode, Failure, TraderFailedError
from fillwright.ports import (
    CannotOpenError,
    CursorError,
    NotADatabaseError,
    StorageError,
    UnknownAccountError,
)

NOT_THE_STORES_FAULT = (CannotOpenError, CursorError, NotADatabaseError, UnknownAccountError)
"""Storage errors that mean a wrong path or argument."""


@contextmanager
def ending(json_wanted: bool) -> Iterator[None]:
    """Turn failures into a line on standard error (and with ``--json`` a document on standard output) and an exit code.

    Anything else is a bug: it leaves with its traceback and code 1.
    """
    try:
        yield
    except ConfigError as error:
        problems = [clean(line) for line in error.explain().splitlines()]
        end(ExitCode.BAD_INPUT, problems, json_wanted)
    except TraderFailedError as error:
        if error.traceback_text:
            sys.stderr.write(error.traceback_text.rstrip() + "\n")
        end(error.exit_code, [str(error)], json_wanted)
    except AlreadyToldError as error:
        raise typer.Exit(int(error.exit_code)) from error
    except Failure as error:
        end(error.exit_code, [str(error)], json_wanted)
    except StorageError as error:
        mistaken = isinstance(error, NOT_THE_STORES_FAULT)
        end(ExitCode.BAD_INPUT if mistaken else ExitCode.STORAGE_FAILED, [str(error)], json_wanted)
    except KeyboardInterrupt:
        end(ExitCode.INTERRUPTED, ["interrupted"], json_wanted)


@contextmanager
def writing_files() -> Iterator[None]:
    """Turn errors of the file system into failures: a full disk is the store's, the rest a wrong path."""
    try:
        yield
    except OSError as error:
        text = f"{error.filename or 'a file'}: {os.strerror(error.errno) if error.errno else error}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise DiskError(text) from error
        raise BadInputError(text) from error


class DiskError(Failure):
    """A report cannot be written where it should be."""

    exit_code = ExitCode.STORAGE_FAILED


def end(code: ExitCode, lines: list[str], json_wanted: bool) -> None:
    """Say why, and leave; where nothing can be written (a full disk) the exit code says it alone."""
    with suppress(OSError):
        for line in lines:
            sys.stderr.write(f"fillwright: {clean(' '.join(line.split()))}\n")
        if json_wanted:
            print_json({"error": {"code": code.name, "message": "; ".join(lines), "details": lines}})
    raise typer.Exit(int(code))
