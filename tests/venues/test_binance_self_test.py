"""The self-test against the exchange: with keys that it tells the rights of, and by answers as Binance's."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from fillwright.binance.budget import Lane, RateBudget
from fillwright.binance.clock_sync import ClockSync
from fillwright.binance.outcomes import Answered, Outcome, Refused
from fillwright.binance.private_rest import PrivateRest
from fillwright.core.types import ErrorClass
from fillwright.exchange.server.security import Security
from fillwright.venues.binance_self_test import Looked, look
from fillwright.wire.requests import WireRequest
from tests.binance.live_box import ED25519_KEY, ed25519_signer, live_box

RIGHTS = b'{"ipRestrict":%b,"enableReading":true,"enableWithdrawals":%b,"enableSpotAndMarginTrading":true}'


class Rest(PrivateRest):
    """Answers what is asked about the key itself."""

    rights: Outcome | None = None

    async def call(self, request: WireRequest, lane: Lane, **more: Any) -> Outcome:
        if self.rights is not None and request.rest[1].startswith("/sapi/"):
            return self.rights
        return await super().call(request, lane, **more)


async def looked(
    rights: Outcome | None = None, *, skew_us: int = 0, mainnet: bool = False
) -> dict[str, Looked]:
    async with live_box() as live:
        clock = ClockSync(wall=lambda: live.box.clock.now() + skew_us)
        rest = Rest(live.endpoints.rest, ed25519_signer(), clock, RateBudget(clock.now))
        rest.rights = rights
        return {one.name: one for one in await look(rest, clock, reads_key_rights=mainnet)}


def test_an_account_in_order_passes() -> None:
    found = asyncio.run(looked())
    assert list(found) == ["ping", "account", "clock"]
    assert all(one.passed for one in found.values())


@pytest.mark.parametrize(("skew_us", "passed"), [(900_000, True), (1_100_000, False), (-1_100_000, False)])
def test_the_clock_is_less_than_a_second_off(skew_us: int, passed: bool) -> None:
    clock = asyncio.run(looked(skew_us=skew_us))["clock"]
    assert clock.passed is passed
    assert f"{skew_us // 1_000:+}"[:3] in clock.detail


def answered(*, withdraws: bool, bound: bool) -> Outcome:
    words = {True: b"true", False: b"false"}
    return Answered(RIGHTS % (words[bound], words[withdraws]), 0)


@pytest.mark.parametrize(
    ("withdraws", "bound", "passed", "said"),
    [
        (False, True, True, ""),
        (True, True, False, "withdraw"),
        (False, False, False, "not bound"),
    ],
)
def test_a_key_may_not_withdraw_and_is_bound_to_addresses(
    withdraws: bool, bound: bool, passed: bool, said: str
) -> None:
    key = asyncio.run(looked(answered(withdraws=withdraws, bound=bound), mainnet=True))["key"]
    assert (key.passed, key.is_unverified) == (passed, False)
    assert said in key.detail


@pytest.mark.parametrize(
    "rights", [None, Refused(-2015, "no", 401, ErrorClass.PERMANENT), Answered(b"<html>", 0)]
)
def test_rights_that_cannot_be_read_are_not_passed(rights: Outcome | None) -> None:
    key = asyncio.run(looked(rights, mainnet=True))["key"]
    assert (key.passed, key.is_unverified) == (False, True)


@pytest.mark.parametrize(
    ("rights", "passed", "said"),
    [
        ({"ip_addresses": ["127.0.0.1"]}, True, ""),
        ({"ip_addresses": ["127.0.0.1"], "can_withdraw": True}, False, "it may withdraw"),
        ({}, False, "it is not bound to addresses (IP)"),
        ({"ip_addresses": ["127.0.0.1"], "permissions": ["USER_DATA"]}, False, "it may not trade on Spot"),
    ],
)
def test_what_the_exchange_tells_of_a_key_counts(rights: dict[str, Any], passed: bool, said: str) -> None:
    """Over the wire, as mainnet would: a key that may withdraw is refused."""

    async def story() -> dict[str, Looked]:
        async with live_box(tells_key_rights=True) as live:
            key = live.box.keys.get(ED25519_KEY)
            assert key is not None
            wanted = {
                name: tuple(value) if isinstance(value, list) else value for name, value in rights.items()
            }
            if "permissions" in wanted:
                wanted["permissions"] = tuple(map(Security, wanted["permissions"]))
            live.box.keys.change(msgspec.structs.replace(key, **wanted))
            clock = ClockSync(wall=live.box.clock.now)
            rest = PrivateRest(live.endpoints.rest, ed25519_signer(), clock, RateBudget(clock.now))
            return {one.name: one for one in await look(rest, clock, reads_key_rights=True)}

    found = asyncio.run(story())
    assert (found["key"].passed, found["key"].is_unverified, found["key"].detail) == (passed, False, said)
    assert found["account"].passed


def test_an_exchange_that_is_not_there_passes_nothing() -> None:
    async def story() -> list[Looked]:
        clock = ClockSync()
        rest = PrivateRest("http://127.0.0.1:1", ed25519_signer(), clock, RateBudget(clock.now))
        return await look(rest, clock, reads_key_rights=True)

    found = asyncio.run(story())
    assert [one.name for one in found] == ["ping", "account", "clock", "key"]
    assert not any(one.passed for one in found)
    assert all(one.detail for one in found)
