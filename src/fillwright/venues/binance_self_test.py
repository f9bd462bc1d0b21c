"""What is looked at before an account at Binance is traded: ping, account, clock, and what its key may do.

Trading rules §8. Nothing is changed at Binance.
"""

from __future__ import annotations

import msgspec

from fillwright.binance.budget import Lane
from fillwright.binance.clock_sync import ClockSync, ClockSyncError
from fillwright.binance.outcomes import Answered, Refused, Unknown, Unsent, read
from fillwright.binance.private_rest import PrivateRest
from fillwright.wire import queries
from fillwright.wire.accounts import Account, decode_account
from fillwright.wire.key_rights import KeyRights, decode_key_rights

SKEW_MAX_MS = 1_000
"""Beyond it Binance refuses requests as dated ahead, and our own time says little."""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at; ``is_unverified``: it could not be read."""

    name: str
    passed: bool
    detail: str = ""
    is_unverified: bool = False


async def look(rest: PrivateRest, clock: ClockSync, *, reads_key_rights: bool) -> list[Looked]:
    """Look at everything; ``rest`` is entered here. ``reads_key_rights``: where Binance tells them (mainnet)."""
    async with rest:
        found = [await _ping(rest), await _account(rest), await _clock(rest, clock)]
        if reads_key_rights:
            found.append(await _key(rest))
    return found


async def _ping(rest: PrivateRest) -> Looked:
    outcome = await rest.call(queries.ping(), Lane.QUERY)
    return Looked(name="ping", passed=isinstance(outcome, Answered), detail=_why(outcome))


async def _account(rest: PrivateRest) -> Looked:
    told = read(await rest.call(queries.account_status(), Lane.QUERY), decode_account)
    if not isinstance(told, Account):
        return Looked(name="account", passed=False, detail=_why(told))
    if not told.can_trade:
        return Looked(name="account", passed=False, detail="Binance does not let this account trade")
    return Looked(name="account", passed=True)


async def _clock(rest: PrivateRest, clock: ClockSync) -> Looked:
    try:
        await clock.sync(rest.server_time)
    except ClockSyncError as error:
        return Looked(name="clock", passed=False, detail=f"Binance does not tell its time: {error}")
    skew_ms = clock.state.skew_ms
    detail = f"this machine's clock is {-skew_ms:+} ms from Binance's"
    return Looked(name="clock", passed=abs(skew_ms) < SKEW_MAX_MS, detail=detail)


async def _key(rest: PrivateRest) -> Looked:
    told = read(await rest.call(queries.key_rights(), Lane.QUERY), decode_key_rights)
    if not isinstance(told, KeyRights):
        return Looked(
            name="key", passed=False, detail=f"its rights cannot be read: {_why(told)}", is_unverified=True
        )
    return of_key(told)


def of_key(told: KeyRights) -> Looked:
    """Whether a key may do what it must, and nothing that it should not."""
    wrong = [
        what
        for what, is_wrong in (
            ("it may withdraw", told.enable_withdrawals),
            ("it is not bound to addresses (IP)", not told.ip_restrict),
            ("it may not read", not told.enable_reading),
            ("it may not trade on Spot", not told.enable_spot_and_margin_trading),
        )
        if is_wrong
    ]
    return Looked(name="key", passed=not wrong, detail="; ".join(wrong))


def _why(outcome: object) -> str:
    if isinstance(outcome, Refused):
        return f"{outcome.message} ({outcome.error.code})"
    return outcome.why if isinstance(outcome, Unknown | Unsent) else ""
