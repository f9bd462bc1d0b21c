"""The rollout over a user's accounts: testnet, then demo mode, then mainnet, each after clean trades in the one before.

What an account has proved is in its journal; a stage that is skipped is on record with who said so, and why, in the
stream ``admin``. Trading rules §8.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from fillwright.core import events as ev
from fillwright.core.rollout import CLEAN_TRADES, STAGES, Judgement, Rollout
from fillwright.core.state import State
from fillwright.core.types import Mode, Time
from fillwright.ports import ADMIN, Clock, Journal
from fillwright.runtime.account import AccountEngine
from fillwright.runtime.recovery import load


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """How far one stage has come."""

    mode: Mode
    is_configured: bool
    """Whether the service has an account there."""
    clean_trades: int
    unclean_trades: int
    needed: int
    cap: Decimal | None
    """Quote that one trade may be worth there; None: the rollout has no cap."""
    lifted_by: str = ""
    lifted_reason: str = ""
    lifted_at: Time = 0
    overridden_by: str = ""
    """Who let it begin although the stage before it was not complete."""
    override_reason: str = ""
    judged: tuple[Judgement, ...] = ()
    """The newest judgements, oldest first."""

    @property
    def is_complete(self) -> bool:
        """Whether its clean trades are made."""
        return self.clean_trades >= self.needed


class RolloutGuard:
    """Says which mode may follow which."""

    def __init__(self, journal: Journal, clock: Clock, accounts: Sequence[AccountEngine]) -> None:
        """Raises StorageError when the journal cannot be read."""
        self._journal = journal
        self._clock = clock
        self._accounts = {(account.owner.user_id, account.owner.mode): account for account in accounts}
        self._overrides: dict[tuple[str, Mode], ev.RolloutOverridden] = {}
        for record in journal.load(ADMIN):
            if isinstance(record.event, ev.RolloutOverridden):
                self._overrides[record.event.user_id, record.event.mode] = record.event

    def stages(self, user_id: str) -> list[Stage]:
        """All stages, the first one first. Raises StorageError."""
        return [self.stage(user_id, mode) for mode in STAGES]

    def stage(self, user_id: str, mode: Mode) -> Stage:
        """One stage; raises StorageError."""
        account = self._accounts.get((user_id, mode))
        state = self._state(account, mode)
        rollout = state.rollout
        overridden = self._overrides.get((user_id, mode))
        return Stage(
            mode=mode,
            is_configured=account is not None,
            clean_trades=rollout.clean_trades,
            unclean_trades=rollout.unclean_trades,
            needed=state.settings.rollout.clean_trades or CLEAN_TRADES,
            cap=rollout.cap,
            lifted_by=rollout.lifted_by,
            lifted_reason=rollout.lifted_reason,
            lifted_at=rollout.lifted_at,
            overridden_by="" if overridden is None else overridden.by,
            override_reason="" if overridden is None else overridden.reason,
            judged=tuple(rollout.judged),
        )

    def _state(self, account: AccountEngine | None, mode: Mode) -> State:
        """Of an account that is up; else as the journal has it, also of one whose key is gone from the settings."""
        if account is not None and account.engine.state.seq:
            return account.engine.state
        account_id = str(mode) if account is None else account.owner.account_id
        if not self._journal.last_seq(account_id):
            return State(rollout=Rollout())
        return load(self._journal, account_id)[0].state

    def missing(self, user_id: str, wanted: Mode) -> str:
        """What is still to be done before a mode, in words; empty: it may be gone over to. Raises StorageError."""
        place = STAGES.index(wanted) if wanted in STAGES else 0
        if not place or (user_id, wanted) in self._overrides:
            return ""
        before = self.stage(user_id, STAGES[place - 1])
        if before.is_complete:
            return ""
        made = f"{before.clean_trades} of {before.needed} clean trades are made there"
        return f"{wanted} comes after {before.mode}, and {made}"

    def override(self, user_id: str, mode: Mode, reason: str, by: str) -> None:
        """Record that a mode may be gone over to all the same; raises StorageError."""
        seq = self._journal.last_seq(ADMIN)
        event = ev.RolloutOverridden(user_id=user_id, mode=mode, reason=reason, by=by)
        self._journal.append(ADMIN, seq, (ev.Record(seq + 1, self._clock.now(), 0, event),))
        self._overrides[user_id, mode] = event
