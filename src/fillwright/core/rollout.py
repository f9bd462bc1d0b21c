"""The rollout guard: how an account that is new at a real venue proves itself, by trades that were clean.

A trade is judged once it is closed and the venue's books were compared with ours afterwards. What went wrong meanwhile
is collected by ``apply.rollout``; nothing here decides what happens to a position. Trading rules §8.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.settings import RolloutSettings
from fillwright.core.types import MILLISECOND, SECOND, Mode, Symbol, Time

CLEAN_TRADES = 10
"""Asked of an account before the next stage, and before larger trades."""
CAPS = (Decimal(50), Decimal(100))
"""Quote that one trade on mainnet may be worth."""
STAGES = (Mode.TESTNET, Mode.DEMO, Mode.MAINNET)
"""Where an installation proves itself, one after the other: testnet charges no commission, demo mode does."""
ROLLOUT_TRADER = "rollout"
"""Trades of this name are made to be judged; until the rollout is complete their losses are no streak of a trader's."""
CAP_NAME = "rollout_cap"
"""What made an entry smaller, or too large, where it was the cap."""
JUDGED_MAX = 50
"""Judgements kept in State, the newest; the journal has all."""
UNJUDGED_MAX = 1_000
"""Closed trades that wait for their judgement at most; the oldest give way, unjudged."""
JUDGED_AFTER: Time = SECOND
"""The books are read so soon again, at first, while clean trades are missing and a closed one is not judged."""
NEWS_WITHIN: Time = 200 * MILLISECOND
"""So long after a trade was closed nobody reads: what the stream still tells of it would differ."""
FLAWS_MAX = 10
"""What went wrong with one trade, kept at most."""


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """What was found of a closed trade; clean is one without reasons against it."""

    position_id: int
    symbol: Symbol
    reasons: tuple[str, ...]
    judged_at: Time

    @property
    def clean(self) -> bool:
        """Whether nothing was wrong with it."""
        return not self.reasons


class Rollout(msgspec.Struct, kw_only=True):
    """How far the account's rollout has come."""

    clean_trades: int = 0
    unclean_trades: int = 0
    cap: Decimal | None = None
    """Quote that one trade may be worth now; None: no cap of the rollout's."""
    lifted_by: str = ""
    lifted_reason: str = ""
    lifted_at: Time = 0
    """0: the cap was not lifted."""
    flaws: dict[int, list[str]] = {}
    """What went wrong with trades that are not judged yet."""
    closed: dict[int, Time] = {}
    """Trades that wait for their judgement, and when they were closed."""
    judged: list[Judgement] = []


def cap_of(settings: RolloutSettings, rollout: Rollout) -> Decimal | None:
    """The cap in force: the first until the clean trades are made, then the last, until somebody lifts it."""
    if not settings.caps or rollout.lifted_at:
        return None
    return settings.caps[0] if rollout.clean_trades < settings.clean_trades else settings.caps[-1]


def is_proving(settings: RolloutSettings, rollout: Rollout) -> bool:
    """Whether clean trades are still missing."""
    return rollout.clean_trades < settings.clean_trades


def judge_at(rollout: Rollout, reconciled_at: Time) -> Time:
    """When the books are to be read for the oldest trade that waits: ever later, while reading does not decide it."""
    closed_at = next(iter(rollout.closed.values()))
    return max(closed_at + NEWS_WITHIN, reconciled_at + max(JUDGED_AFTER, (reconciled_at - closed_at) // 2))
