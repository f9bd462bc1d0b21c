"""The composition root: the only place that names concrete classes and puts them together."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fillwright.config import Config
from fillwright.options import (
    Finding,
    KeysStopOptions,
    KeysStopReport,
    ReplayOptions,
    ReplayProgress,
    ReplayResult,
    ServiceOptions,
    ServiceUp,
)

if TYPE_CHECKING:  # every command loads what it needs
    from fillwright.storage.sql import SqlReadModel

__all__ = ["doctor", "new_token", "read_model", "replay", "run_service", "stop_by_keys"]


def read_model(database: Path) -> SqlReadModel:
    """Open a journal's read models for queries alone; a context manager, like the store itself."""
    from fillwright.storage.sql import open_read_model

    return open_read_model(database)


def replay(options: ReplayOptions, progress: Callable[[ReplayProgress], None] | None = None) -> ReplayResult:
    """Replay tapes (or a synthetic market) and write journal, summary and report.

    Raises BadInputError, TraderFailedError or StorageFailedError, each with one clear line.
    """
    from fillwright.bootstrap.replaying import replay as run  # a service needs none of it

    return run(options, progress)


def run_service(options: ServiceOptions, tell: Callable[[ServiceUp], None]) -> None:
    """Run the service until it is told to stop; ``tell`` is called once it answers requests.

    Raises Failure and StorageError.
    """
    # What is loaded until it is up stays: looking for garbage in it would only delay the protection of what is open.
    # The service goes on with collections once it is up.
    gc.disable()
    try:
        from fillwright.bootstrap.service import run_service as run  # a replay needs no server

        run(options, tell)
    finally:
        gc.enable()


def stop_by_keys(options: KeysStopOptions) -> KeysStopReport:
    """Stop an account straight at the exchange, without database or service. Raises ConfigError, BadInputError."""
    from fillwright.bootstrap.keys_stop import stop_by_keys as stop

    return stop(options)


def new_token(data: Path) -> str:
    """Make a new bearer token for the service of a data folder; the one before is worth nothing from now on.

    Raises Failure.
    """
    from fillwright.bootstrap.folder import TOKEN_NAME, make_folder
    from fillwright.bootstrap.tokens import new_token as make

    make_folder(data)
    return make(data / TOKEN_NAME)


def doctor(config: Config) -> list[Finding]:
    """Look at everything that the service needs; never raises for what it finds."""
    from fillwright.bootstrap.examination import examine
    from fillwright.ops.logs import configure_logs

    configure_logs(config.log.format, "warning")  # what is found is told, and not on standard output twice
    return examine(config)
