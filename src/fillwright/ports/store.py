"""One store as a whole: what the composition root opens and the shells use."""

from __future__ import annotations

from typing import Protocol

from fillwright.ports.journal import Journal, Owner, Projection
from fillwright.ports.read_model import ReadModel


class Store(Protocol):
    """Journal, projections and queries of the same accounts."""

    @property
    def journal(self) -> Journal:
        """The journal."""

    def projection(self, owner: Owner) -> Projection:
        """The writer of one account's read models; it shares the journal's transactions."""

    def read_model(self) -> ReadModel:
        """Queries; they see what has been committed."""

    def checkpoint(self) -> bool:
        """Do the housekeeping that must not stall a commit; whether all of it is done."""

    def checkpoint_due(self) -> bool:
        """Whether housekeeping has waited long enough."""

    def close(self) -> None:
        """Let go of the store."""
