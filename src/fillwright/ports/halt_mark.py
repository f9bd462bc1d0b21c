"""Where a halt is kept that the journal could not take: it must hold also after a restart."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Halt(msgspec.Struct, frozen=True, kw_only=True):
    """An emergency stop that is still to be recorded."""

    by: str
    reason: str
    flatten: bool = False
    external: bool = False


class HaltMark(Protocol):
    """Keeps at most one halt of an account, in a place that needs no more room when it is set."""

    def get(self) -> Halt | None:
        """The halt that is marked; one that cannot be read counts as a halt."""

    def put(self, halt: Halt) -> bool:
        """Mark it, durably; False when that cannot be done."""

    def clear(self) -> None:
        """Forget it: the journal has it."""
