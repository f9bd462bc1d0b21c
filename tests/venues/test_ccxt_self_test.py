"""What a switch to an account through ccxt looks at; what cannot be asked is said so, and is not passed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fillwright.runtime.clock import SystemClock
from fillwright.venues.binance_self_test import Looked
from fillwright.venues.ccxt_client import CcxtClient, CcxtSettings
from fillwright.venues.ccxt_self_test import KEY_RIGHTS, look
from tests.venues.ccxt_boxes import KEYS

NOW_MS = 1_795_000_000_000
RIGHTS = {
    "ipRestrict": True,
    "enableReading": True,
    "enableWithdrawals": False,
    "enableSpotAndMarginTrading": True,
}


class Exchange:
    """Answers as it is told."""

    def __init__(self, exchange_id: str = "binance", **answers: Any) -> None:
        self.id = exchange_id
        self.has = {"fetchTime": "fetch_time" in answers}
        for name, answer in answers.items():
            setattr(self, name, self._saying(answer))

    def _saying(self, answer: Any) -> Any:
        async def say() -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return say


def looked(exchange: Exchange, *, reads_key_rights: bool = True) -> dict[str, Looked]:
    client = CcxtClient(CcxtSettings(exchange_id=exchange.id), KEYS)
    client.exchange = exchange
    found = asyncio.run(look(client, lambda: NOW_MS * 1_000, reads_key_rights=reads_key_rights))
    return {one.name: one for one in found}


def good(exchange_id: str = "binance", **changes: Any) -> Exchange:
    answers = {"fetch_balance": {"info": {"canTrade": True}}, "fetch_time": NOW_MS, KEY_RIGHTS: RIGHTS}
    return Exchange(exchange_id, **{**answers, **changes})


def test_all_is_well() -> None:
    found = looked(good())
    assert all(one.passed for one in found.values())
    assert list(found) == ["account", "clock", "key"]
    assert "key" not in looked(good(), reads_key_rights=False)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"fetch_balance": OSError("gone")}, "account"),
        ({"fetch_balance": {"info": {"canTrade": False}}}, "account"),
        ({"fetch_balance": "?"}, "account"),
        ({"fetch_time": NOW_MS - 1_000}, "clock"),
        ({"fetch_time": OSError("gone")}, "clock"),
        ({KEY_RIGHTS: RIGHTS | {"enableWithdrawals": True}}, "key"),
    ],
)
def test_what_is_wrong_is_not_passed_by_anybodys_word(changes: dict[str, Any], name: str) -> None:
    found = looked(good(**changes))
    assert [one.name for one in found.values() if not one.passed] == [name]
    assert not found[name].is_unverified
    assert found[name].detail


@pytest.mark.parametrize("answer", [OSError("gone"), {"ipRestrict": "?"}, []])
def test_rights_that_cannot_be_read_are_not_verified(answer: Any) -> None:
    found = looked(good(**{KEY_RIGHTS: answer}))["key"]
    assert (found.passed, found.is_unverified) == (False, True)


def test_what_ccxt_cannot_ask_another_exchange_is_not_verified() -> None:
    found = looked(Exchange("bitrue", fetch_balance={"info": {}}))
    assert found["account"].passed
    for name in ("clock", "key"):
        assert (found[name].passed, found[name].is_unverified) == (False, True)


def test_a_venue_that_is_not_open_is_not_passed() -> None:
    found = asyncio.run(look(CcxtClient(CcxtSettings(), KEYS), SystemClock().now, reads_key_rights=False))
    assert [(one.passed, one.is_unverified) for one in found] == [(False, False)]
