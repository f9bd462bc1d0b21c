"""A shadow: a paper account that gets the same signals as a real one, at the same prices, so that both can be compared.

It lives beside the real account and never in its way. It hears of signals once they are answered, sees the market after
everybody else and from a queue of its own, writes to the journal without waiting for the disk, and whatever ends it,
a bug included, ends it alone.
"""

from __future__ import annotations

import asyncio

import msgspec
import structlog

from fillwright.core.types import AccountId, Mode
from fillwright.ports import Clock, Owner, shadow_of
from fillwright.runtime.account import READY, AccountEngine
from fillwright.runtime.errors import first_of
from fillwright.runtime.mirror import WAITING_MAX, Mirror
from fillwright.runtime.relay import Relay

READY_LOOK_US = 100_000
"""How often it is looked whether the real account is ready."""


class ShadowStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a shadow is doing."""

    account_id: AccountId
    state: str
    """recovering | ready | stopping | stopped"""
    detail: str
    """Why it is not ready; '' when it is."""
    mirrored: int
    """Signals and commands that it has taken since the start."""
    missed: int
    waiting: int
    ticks_lost: int


def shadow_owner(real: Owner) -> Owner:
    """Who a shadow is: nobody's own paper account, and of a user of its own, whom nobody is."""
    return Owner(
        account_id=shadow_of(real.account_id),
        user_id=f"{real.user_id}:{shadow_of(real.account_id)}",
        mode=Mode.PAPER,
    )


async def until_ready(account: AccountEngine, clock: Clock) -> None:
    """Wait until an account takes signals."""
    await account.came_up.wait()
    while account.state != READY:
        await clock.sleep_until(clock.now() + READY_LOOK_US)


class Shadow:
    """The life of a shadow; its account has a hub of its own."""

    def __init__(
        self, real: AccountEngine, account: AccountEngine, clock: Clock, waiting_max: int = WAITING_MAX
    ) -> None:
        self.real = real
        self.account = account
        self.failure = ""
        """What ended it; '' while nothing has."""
        self._relay = Relay(account.hub)
        self._mirror = Mirror(real, account, clock, waiting_max)
        self._log = structlog.get_logger().bind(account=account.owner.account_id)

    @property
    def status(self) -> ShadowStatus:
        """How it is doing."""
        account = self.account
        return ShadowStatus(
            account_id=account.owner.account_id,
            state=account.state,
            detail="" if account.state == READY else self.failure or account.failure or account.detail,
            mirrored=self._mirror.mirrored,
            missed=self._mirror.missed,
            waiting=self._mirror.waiting,
            ticks_lost=self._relay.lost,
        )

    async def run(self) -> None:
        """Live until stopped, cancelled or ended by a failure, which is told and goes no further."""
        self.real.follower = self._mirror.heard
        self.real.hub.add_follower(self._relay)
        life = asyncio.create_task(self._live())
        try:
            await asyncio.wait((life,))
        finally:
            self.real.hub.remove_follower(self._relay)
            self.real.follower = None
            life.cancel()
            await asyncio.wait((life,))
            error = None if life.cancelled() else life.exception()
            if isinstance(error, BaseExceptionGroup):
                error = first_of(error)
            if error is not None:
                self.failure = str(error) or type(error).__name__
                self._log.error("the shadow has ended; the real account goes on", exc_info=error)

    async def _live(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            others = [tasks.create_task(self._relay.run()), tasks.create_task(self._mirror.run())]
            await self.account.run()
            for task in others:
                task.cancel()

    def stop(self) -> None:
        """Stop in order: its working entries are cancelled, its protection stays."""
        self.account.stop()

    def stop_now(self) -> None:
        """Stop at once."""
        self.account.stop_now()
