"""What commands need of the composition root; ``fillwright.bootstrap`` is one, tests bring another."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

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
from fillwright.ports import ReadModel


class Services(Protocol):
    """The composition root as commands see it."""

    def replay(self, options: ReplayOptions, progress: Callable[[ReplayProgress], None]) -> ReplayResult:
        """Run a replay; raises Failure (of ``options``) for whatever a user can put right, and StorageError.

        KeyboardInterrupt ends it in order: what was journaled stays, and ``resume`` goes on from there.
        """

    def read_model(self, database: Path) -> AbstractContextManager[ReadModel]:
        """Open a store for queries; raises StorageError."""

    def run_service(self, options: ServiceOptions, tell: Callable[[ServiceUp], None]) -> None:
        """Run the service until told to stop; ``tell`` is called once it answers. Raises Failure, StorageError."""

    def new_token(self, data: Path) -> str:
        """Make a new bearer token for the service of a data folder; raises Failure."""

    def stop_by_keys(self, options: KeysStopOptions) -> KeysStopReport:
        """Stop an account straight at the exchange; raises ConfigError, Failure."""

    def doctor(self, config: Config) -> list[Finding]:
        """Look at everything that the service needs; never raises for what it finds."""
