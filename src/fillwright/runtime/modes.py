"""Which mode each user is in: remembered in the journal, and switched without a restart.

A switch is one record of the stream ``admin``. Before it the old account is left, which its core refuses while anything
is open; after it the new one takes entries. A crash between the two is mended at the next start. Trading rules §8.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
import structlog

from fillwright.core import events as ev
from fillwright.core.commands import open_things
from fillwright.core.inputs import CancelAll, ClosePosition, SwitchMode
from fillwright.core.types import AccountId, Mode
from fillwright.ports import ADMIN, Clock, Journal, StorageError, UnknownAccountError
from fillwright.runtime.account import READY, STOPPED, AccountEngine
from fillwright.runtime.errors import (
    EngineStoppedError,
    ModeUnavailableError,
    NotReadyError,
    NotStoredError,
    UnavailableError,
)
from fillwright.runtime.recovery import load
from fillwright.runtime.rollout import RolloutGuard

BY_SERVICE = "service"
FLATTEN_MAX_S = 10.0
"""So long a switch waits for its sales."""
SELF_TEST_MAX_S = 10.0
LOOK_S = 1.0
"""How often it is looked whether an account that was not ready is."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a self-test looked at."""

    name: str
    passed: bool
    detail: str = ""
    is_unverified: bool = False
    """It could not be looked at; whoever switches may say that it is so, and go on."""


SelfTest = Callable[[], Awaitable[Sequence[Finding]]]


class ModeRefusedError(Exception):
    """A mode is not switched to; ``code`` is OPEN_POSITIONS, ROLLOUT_INCOMPLETE or SELF_TEST_FAILED."""

    def __init__(self, code: str, message: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(message)
        self.code, self.findings = code, tuple(findings)


class Modes:
    """The modes of all users; ``self_tests`` by account: those without one need none."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        accounts: Sequence[AccountEngine],
        defaults: Mapping[str, Mode],
        self_tests: Mapping[AccountId, SelfTest],
    ) -> None:
        """``defaults`` are those at the very first start. Raises StorageError when the journal cannot be read."""
        self._journal = journal
        self._clock = clock
        self._accounts = tuple(accounts)
        self._by_mode = {(account.owner.user_id, account.owner.mode): account for account in accounts}
        self._self_tests = self_tests
        self.rollout = RolloutGuard(journal, clock, accounts)
        self._log = structlog.get_logger()
        self._lock = asyncio.Lock()
        self._changed = asyncio.Event()
        self._changed.set()
        first = {account.owner.user_id: account.owner.mode for account in reversed(self._accounts)}
        self._modes = {**first, **defaults}
        remembered = self._remembered()
        self._modes.update(remembered)
        users = [account.owner.user_id for account in self._accounts]
        self._new = [
            user for user in dict.fromkeys(users) if users.count(user) > 1 and user not in remembered
        ]
        """Users with a choice whose mode is not on record yet."""
        for user_id, mode in [*self._modes.items()]:
            if (user_id, mode) not in self._by_mode and user_id in first:
                self._log.error("there is no account of the mode any more", user=user_id, mode=str(mode))
                self._modes[user_id] = first[user_id]

    def _remembered(self) -> dict[str, Mode]:
        found: dict[str, Mode] = {}
        for record in self._journal.load(ADMIN):
            if isinstance(record.event, ev.UserModeSwitched):
                found[record.event.user_id] = record.event.new
        return found

    # -- who is where ----------------------------------------------------------------------------------------

    def mode(self, user_id: str) -> Mode:
        """The mode that a user is in; raises UnknownAccountError."""
        mode = self._modes.get(user_id)
        if mode is None:
            raise UnknownAccountError(f"user {user_id} has no account")
        return mode

    def engine(self, user_id: str, mode: Mode | None = None) -> AccountEngine:
        """A user's account; raises UnknownAccountError, ModeUnavailableError."""
        wanted = self.mode(user_id) if mode is None else mode
        account = self._by_mode.get((user_id, wanted))
        if account is None:
            self.mode(user_id)
            raise ModeUnavailableError(user_id, wanted)
        return account

    def is_current(self, account: AccountEngine) -> bool:
        """Whether its user is in an account's mode."""
        return self._modes.get(account.owner.user_id) is account.owner.mode

    @property
    def first(self) -> Mode:
        """The mode of the first user."""
        return next(iter(self._modes.values()), Mode.PAPER)

    # -- accounts are as their users' modes are --------------------------------------------------------------

    async def run(self) -> None:
        """Have every account take entries or not, as its user's mode is; until cancelled."""
        for user_id in self._new:
            mode = self._modes[user_id]
            try:
                self._record(user_id, mode, mode, BY_SERVICE, flatten=False)
            except StorageError as error:
                self._log.error("the mode is not on record", user=user_id, reason=str(error))
        while True:
            await self._changed.wait()
            self._changed.clear()
            async with self._lock:
                waiting = [account for account in self._accounts if not await self._settled(account)]
            if waiting:
                await self._clock.sleep_until(self._clock.now() + int(LOOK_S * 1_000_000))
                self._changed.set()

    async def _settled(self, account: AccountEngine) -> bool:
        """See to it that an account is as its user's mode is; False: it is not to be asked yet."""
        if account.state == STOPPED:
            return True
        if account.state != READY:
            return False
        enabled = self.is_current(account)
        if account.engine.state.safety.mode_off is not enabled:
            return True
        try:
            await account.submit(SwitchMode(enabled=enabled, by=BY_SERVICE, forced=True))
        except UnavailableError as error:
            self._log.warning("the mode of the account is not set yet", reason=str(error))
            return False
        return True

    # -- switching -------------------------------------------------------------------------------------------

    async def switch(
        self,
        user_id: str,
        wanted: Mode,
        by: str,
        *,
        flatten: bool = False,
        accept_unverified_key: bool = False,
        override_rollout: str = "",
        force: bool = False,
    ) -> Mode:
        """Switch a user's mode; ``flatten`` first sells what the old account holds.

        An account that is not up is left when its journal has nothing open, or by ``force``, which is on record.
        ``override_rollout``: why the stage before it need not be complete; that is on record from then on. Raises
        UnknownAccountError, ModeUnavailableError, ModeRefusedError, and UnavailableError, after which the mode is what
        ``mode`` says.
        """
        async with self._lock:
            old, new = self.engine(user_id), self.engine(user_id, wanted)
            if old is new:
                return wanted
            missing = self._missing(user_id, wanted)
            if missing and not override_rollout.strip():
                raise ModeRefusedError("ROLLOUT_INCOMPLETE", missing)
            await self._check(new, accept_unverified_key)
            if missing:
                self._override(user_id, wanted, override_rollout, by)
            forced = False
            try:
                if flatten:
                    await _flatten(old, by)
                answer = await old.submit(SwitchMode(enabled=False, by=by))
            except (NotReadyError, EngineStoppedError) as error:
                forced = self._leave(old, str(error), force=force and not flatten)
            else:
                if not answer.ok:
                    raise ModeRefusedError(answer.code, answer.message)
            try:
                self._record(user_id, old.owner.mode, wanted, by, flatten=flatten, forced=forced)
            except StorageError as error:
                self._changed.set()  # the old account takes entries again
                raise NotStoredError(f"the switch could not be recorded: {error}", recorded=False) from error
            self._modes[user_id] = wanted
            self._log.info(
                "the mode is switched", user=user_id, old=str(old.owner.mode), new=str(wanted), by=by
            )
            if not await self._settled(new):
                self._changed.set()
            return wanted

    def _leave(self, account: AccountEngine, why: str, *, force: bool) -> bool:
        """Whether an account that is not up is left by force; it is told as soon as it is up again."""
        try:
            ledger, _ = load(self._journal, account.owner.account_id)
        except StorageError as error:
            raise UnavailableError(f"its journal cannot be read: {error}") from error
        what = open_things(ledger)
        if what and not force:
            told = f"{account.owner.account_id} has {what} by its journal, and is not up ({why}): force leaves it so"
            raise ModeRefusedError("OPEN_POSITIONS", told)
        self._changed.set()
        return bool(what)

    def _missing(self, user_id: str, wanted: Mode) -> str:
        try:
            return self.rollout.missing(user_id, wanted)
        except StorageError as error:
            raise UnavailableError(f"it cannot be read how far the rollout is: {error}") from error

    def _override(self, user_id: str, wanted: Mode, reason: str, by: str) -> None:
        try:
            self.rollout.override(user_id, wanted, reason, by)
        except StorageError as error:
            raise NotStoredError(f"the override could not be recorded: {error}", recorded=False) from error
        self._log.warning("the rollout is overridden", user=user_id, mode=str(wanted), reason=reason, by=by)

    def _record(
        self, user_id: str, old: Mode, new: Mode, by: str, *, flatten: bool, forced: bool = False
    ) -> None:
        seq = self._journal.last_seq(ADMIN)
        event = ev.UserModeSwitched(user_id=user_id, old=old, new=new, by=by, flatten=flatten, forced=forced)
        self._journal.append(ADMIN, seq, (ev.Record(seq + 1, self._clock.now(), 0, event),))

    async def _check(self, account: AccountEngine, accept_unverified_key: bool) -> None:
        """The self-test of an account, before its user goes over to it."""
        state = account.engine.state
        is_up = account.state == READY and state.stream_connected
        findings = [
            Finding(name="stream", passed=is_up, detail="" if is_up else account.detail or account.state)
        ]
        test = self._self_tests.get(account.owner.account_id)
        if test is not None:
            try:
                async with asyncio.timeout(SELF_TEST_MAX_S):
                    findings += await test()
            except TimeoutError:
                late = f"no end within {SELF_TEST_MAX_S:g} s"
                findings.append(Finding(name="self-test", passed=False, detail=late))
        failed = [
            one for one in findings if not (one.passed or (one.is_unverified and accept_unverified_key))
        ]
        for one in findings:
            self._log.info("self-test", account=account.owner.account_id, name=one.name, passed=one.passed,
                           detail=one.detail)  # fmt: skip
        if failed:
            told = "; ".join(f"{one.name}: {one.detail}" for one in failed)
            raise ModeRefusedError("SELF_TEST_FAILED", told, findings)


async def _flatten(account: AccountEngine, by: str) -> None:
    """Cancel what works and sell what is held, and wait for it as long as a caller may be kept waiting."""
    await account.submit(CancelAll(by=by))
    for position in [*account.engine.ledger.open_positions]:
        await account.submit(ClosePosition(position_id=position, by=by, reason="mode switch"))
    feed = account.feed
    try:
        async with asyncio.timeout(FLATTEN_MAX_S):
            while not feed.closed and (
                account.engine.ledger.open_positions or account.engine.ledger.open_orders
            ):
                await feed.wait(feed.last_seq)
    except TimeoutError:
        return  # the core says what is left
