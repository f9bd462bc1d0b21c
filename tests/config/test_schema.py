from __future__ import annotations

from fillwright.config.real import REAL_GROUPS
from fillwright.config.schema import GROUPS, keys_of
from fillwright.config.service import SERVICE_GROUPS


def test_every_key_says_what_it_may_be() -> None:
    for section in (*GROUPS, *SERVICE_GROUPS, *REAL_GROUPS, "journal"):
        assert all(keys_of((section,)).values())
    assert keys_of(("traders", "a")).keys() == {"class", "parameters", "interval", "symbols"}
    assert "day_start_hour_utc" not in keys_of(("limits", "a", "BTCUSDT"))
    assert keys_of(("nowhere",)) == {}
