"""What is looked at before an account through ccxt is traded: ping, account, clock, and what its key may do.

What ccxt cannot ask an exchange is said so, and is not verified: whoever switches must say that it is so. Trading rules
§8. Nothing is changed at the exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fillwright.core.types import MILLISECOND, Time
from fillwright.ports import VenueUnavailableError
from fillwright.venues.binance_self_test import SKEW_MAX_MS, Looked, of_key
from fillwright.venues.ccxt_client import CcxtClient
from fillwright.venues.ccxt_errors import CallFailed
from fillwright.wire.codec import WireError
from fillwright.wire.key_rights import decode_key_rights

KEY_RIGHTS = "sapi_get_account_apirestrictions"
"""ccxt's name for Binance's ``GET /sapi/v1/account/apiRestrictions``."""


async def look(client: CcxtClient, now: Callable[[], Time], *, reads_key_rights: bool) -> list[Looked]:
    """Look at everything, with the client of a venue that is open. ``reads_key_rights``: where money is real."""
    if client.exchange is None:
        return [Looked(name="account", passed=False, detail="the exchange is not reached")]
    found = [await _account(client), await _clock(client, now)]
    if reads_key_rights:
        found.append(await _key(client))
    return found


async def _asked(client: CcxtClient, name: str) -> tuple[Any, str]:
    """The answer, or why there is none."""
    try:
        return await client.call(name), ""
    except (CallFailed, VenueUnavailableError) as error:
        return None, str(error)


async def _account(client: CcxtClient) -> Looked:
    account, why = await _asked(client, "fetch_balance")
    if why or not isinstance(account, Mapping):
        return Looked(name="account", passed=False, detail=why or "the answer cannot be read")
    info = account.get("info")
    if isinstance(info, Mapping) and info.get("canTrade") is False:
        return Looked(name="account", passed=False, detail="the exchange does not let this account trade")
    return Looked(name="account", passed=True)


async def _clock(client: CcxtClient, now: Callable[[], Time]) -> Looked:
    if not client.has("fetchTime"):
        detail = "ccxt cannot ask this exchange for its time"
        return Looked(name="clock", passed=False, detail=detail, is_unverified=True)
    asked_at = now()
    told, why = await _asked(client, "fetch_time")
    if why or not isinstance(told, int):
        return Looked(name="clock", passed=False, detail=f"the exchange does not tell its time: {why}")
    skew_ms = (asked_at + now()) // 2 // MILLISECOND - told
    detail = f"this machine's clock is {skew_ms:+} ms from the exchange's"
    return Looked(name="clock", passed=abs(skew_ms) < SKEW_MAX_MS, detail=detail)


async def _key(client: CcxtClient) -> Looked:
    if client.settings.exchange_id != "binance":
        detail = "what it may do cannot be asked through ccxt: look yourself whether it may withdraw"
        return Looked(name="key", passed=False, detail=detail, is_unverified=True)
    told, why = await _asked(client, KEY_RIGHTS)
    try:
        rights = None if why else decode_key_rights(msgspec.json.encode(told))
    except WireError as error:
        rights, why = None, str(error)
    if rights is None:
        detail = f"its rights cannot be read: {why}"
        return Looked(name="key", passed=False, detail=detail, is_unverified=True)
    return of_key(rights)
