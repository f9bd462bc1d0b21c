"""A report's files: written whole or not at all, and read back to write them again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from fillwright.core.types import NumberError, Time, exact
from fillwright.reports.candles import CandleSeries, save_candles
from fillwright.reports.data import ReportData, RunInfo
from fillwright.reports.page import render
from fillwright.reports.summary import EPOCH, SUMMARY_VERSION, summary_json


class RunFileError(ValueError):
    """A ``summary.json`` is missing, broken, or of another version."""


def write_page(path: Path, data: ReportData) -> None:
    """Write the HTML page; OSError when it cannot be written."""
    content = render(data).encode()
    write_whole(path, lambda part: part.write_bytes(content))


def write_summary(path: Path, data: ReportData, extra: Mapping[str, Any] | None = None) -> None:
    """Write ``summary.json`` with ``extra`` sections after the report's own; OSError when it cannot be written."""
    content = summary_json(data, extra)
    write_whole(path, lambda part: part.write_bytes(content))


def write_candles(path: Path, series: tuple[CandleSeries, ...]) -> None:
    """Write the charts' candles; OSError when they cannot be written."""
    write_whole(path, lambda part: save_candles(part, series))


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside a file and put it in its place when all of it is there, so that no half of it ever stands there."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        write(part)
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_run(path: Path) -> tuple[RunInfo, dict[str, Any]]:
    """Read from a ``summary.json`` what was run, and all its sections; RunFileError when it does not say."""
    try:
        content: Any = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        raise RunFileError(f"{path}: no such file; a finished replay writes it") from None
    except OSError as error:
        raise RunFileError(f"{path}: {error.strerror or error}") from None
    except msgspec.DecodeError:
        raise RunFileError(f"{path}: not JSON") from None
    try:
        if content["version"] != SUMMARY_VERSION:
            raise RunFileError(f"{path}: of version {content['version']}, not {SUMMARY_VERSION}")
        run = content["run"]
        info = RunInfo(
            start=_time(run["start"]),
            end=_time(run["end"]),
            traders=tuple(run["traders"]),
            symbols=tuple(run["symbols"]),
            tapes=tuple(run["tapes"]),
            seed=run["seed"],
            ticks=run["ticks"],
            settings=dict(run["settings"]),
            digest=run["digest"],
            version=run["fillwright"],
            initial_balance=exact(run["initial_balance"]),
            facts=dict(run["facts"]),
            notes=tuple(run["notes"]),
        )
        return info, content
    except (KeyError, TypeError, AttributeError, NumberError, ValueError) as error:
        if isinstance(error, RunFileError):
            raise
        raise RunFileError(f"{path}: not a summary of a replay") from None


def _time(text: str) -> Time:
    moment = datetime.fromisoformat(text) - EPOCH
    return (moment.days * 86_400 + moment.seconds) * 1_000_000 + moment.microseconds
