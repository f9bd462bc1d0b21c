"""The composition root: the only place that names concrete classes and puts them together."""

from __future__ import annotations

from pathlib import Path

from fillwright.bootstrap.replaying import EXAMPLE_TRADER, replay
from fillwright.storage.sql import SqlReadModel, open_read_model

__all__ = ["EXAMPLE_TRADER", "read_model", "replay"]


def read_model(database: Path) -> SqlReadModel:
    """Open a journal's read models for queries alone; a context manager, like the store itself."""
    return open_read_model(database)
