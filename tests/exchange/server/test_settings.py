from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fillwright.exchange.server.settings import AccountSettings, BoxSettings, check_rates


def read(**content: Any) -> BoxSettings:
    return msgspec.convert(content, BoxSettings)


def test_settings_are_read_from_plain_data() -> None:
    settings = read(
        port=0,
        symbols=["BTCUSDT"],
        accounts=[{"account_id": "a", "balances": {"USDT": "1.5"}}],
        market={"source": "script"},
        clock={"is_frozen": True, "start_us": 5},
    )
    assert settings.accounts[0].balances == {"USDT": Decimal("1.5")}
    assert (settings.market.source, settings.clock.start_us) == ("script", 5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ports": 1},
        {"port": 65_536},
        {"save_every_us": 0},
        {"accounts": [{"account_id": ""}]},
        {"accounts": [{"maker_fee": "1"}]},
        {"accounts": [{"balances": {"USDT": "-1"}}]},
        {"accounts": [{"balances": {"USDT": "NaN"}}]},
        {"accounts": [{"balances": {"USDT": "1E+400"}}]},
        {"limits": {"request_weight": 0}},
        {"websocket": {"ping_every_us": 0}},
        {"market": {"source": "elsewhere"}},
        {"clock": {"start_us": -1}},
        {"clock": {"start_us": 10**18}},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(**wrong)


@pytest.mark.parametrize("rate", ["-0.1", "1", "NaN", "Infinity"])
def test_a_rate_is_a_part_of_one(rate: str) -> None:
    with pytest.raises(ValueError, match="rates"):
        check_rates(Decimal(rate))


def test_accounts_do_not_share_what_they_begin_with() -> None:
    assert AccountSettings().balances is not AccountSettings().balances
