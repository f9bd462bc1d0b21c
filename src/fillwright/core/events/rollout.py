"""Events of the rollout guard: trades that were judged, caps that were lifted, stages that were skipped."""

from __future__ import annotations

from fillwright.core.events.base import Event
from fillwright.core.types import Mode, Symbol


class TradeJudged(Event, frozen=True):
    """A closed trade of a real account was looked at: without reasons against it it was clean."""

    position_id: int
    symbol: Symbol
    reasons: tuple[str, ...] = ()


class RolloutCapChanged(Event, frozen=True):
    """The cap on the first trades of an account was lifted by somebody, or put back."""

    lifted: bool
    reason: str
    by: str


class RolloutOverridden(Event, frozen=True):
    """A user may go over to a mode although the stage before it lacks clean trades; in the stream ``admin``."""

    user_id: str
    mode: Mode
    reason: str
    by: str
