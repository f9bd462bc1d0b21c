"""How the service is doing, as one struct: what /readyz, the CLI and the page tell."""

from __future__ import annotations

import msgspec

from fillwright.core.types import ClientOrderId, Mode, Time
from fillwright.ports import FeedState
from fillwright.runtime.account import READY, AccountEngine
from fillwright.runtime.inbox import Depths
from fillwright.runtime.strategies import OFF, TraderStatus


class AccountStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One account."""

    account_id: str
    user_id: str
    mode: Mode
    state: str
    """recovering | ready | stopping | stopped"""
    detail: str
    """Why it is not ready; '' when it is."""
    seq: int
    """The last committed record."""
    open_positions: int
    open_orders: int
    unprotected: tuple[int, ...]
    """Positions with coins that no live stop protects at this moment."""
    in_doubt: tuple[ClientOrderId, ...]
    halted: str
    """The cause; '' when entries are not halted."""
    halted_reason: str
    paused_cause: str
    """'' when entries are not paused."""
    paused_until: Time
    breaker_open: bool
    stream_connected: bool
    reconciling: bool
    waiting: Depths
    in_flight: int
    """Requests and questions under way to the venue."""
    questions_dropped: int
    """Since the start; they were asked again."""


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The whole service."""

    version: str
    mode: Mode
    """Of the first user."""
    ready: bool
    reasons: tuple[str, ...]
    """Why it is not ready, in detail: for those who may know (paths and addresses may be in it)."""
    unready: tuple[str, ...]
    """Which parts are not ready, for everybody."""
    feed: FeedState
    accounts: tuple[AccountStatus, ...]
    traders: tuple[TraderStatus, ...]
    started_at: Time
    lag_ms: float
    """The loop's worst lag of the last seconds."""
    ticks: int
    """Quotes and trades so far."""


def account_status(account: AccountEngine, now: Time) -> AccountStatus:
    """How one account is doing."""
    engine, owner = account.engine, account.owner
    state, ledger = engine.state, engine.ledger
    safety = state.safety
    paused = safety.paused_until > now
    return AccountStatus(
        account_id=owner.account_id,
        user_id=owner.user_id,
        mode=owner.mode,
        state=account.state,
        detail="" if account.state == READY else account.failure or account.detail,
        seq=account.feed.last_seq,
        open_positions=len(ledger.open_positions),
        open_orders=len(ledger.open_orders),
        unprotected=tuple(p.id for p in ledger.open_positions.values() if p.unprotected_since),
        in_doubt=tuple(ledger.doubts),
        halted=safety.halted_cause,
        halted_reason=safety.halted_reason,
        paused_cause=safety.paused_cause if paused else "",
        paused_until=safety.paused_until if paused else 0,
        breaker_open=safety.breaker.is_open,
        stream_connected=state.stream_connected,
        reconciling=state.reconciling,
        waiting=account.depths,
        in_flight=account.in_flight,
        questions_dropped=account.questions_dropped,
    )


def reasons(accounts: tuple[AccountStatus, ...], feed: FeedState) -> tuple[str, ...]:
    """Why the service is not ready; empty when it is."""
    found = [
        f"account {account.account_id} is {account.state}: {account.detail}"
        for account in accounts
        if account.state != READY
    ]
    if not feed.connected:
        found.append(f"no prices from {feed.source or 'any source'}: {feed.detail or 'not connected'}")
    return tuple(found)


def unready(accounts: tuple[AccountStatus, ...], feed: FeedState) -> tuple[str, ...]:
    """Which parts of the service are not ready, as ``reasons`` has them, without a word of why."""
    found = [
        f"account {account.account_id} is {account.state}" for account in accounts if account.state != READY
    ]
    if not feed.connected:
        found.append(f"no prices from {feed.source or 'any source'}")
    return tuple(found)


def switched_off(traders: tuple[TraderStatus, ...]) -> tuple[str, ...]:
    """What does not keep the service from being ready, but a person should know: traders that are off."""
    return tuple(f"trader {t.trader_id} is off: {t.error}" for t in traders if t.state == OFF)
