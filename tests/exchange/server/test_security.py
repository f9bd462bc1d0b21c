from __future__ import annotations

from fillwright.exchange.server.security import Security


def test_their_names_are_binances() -> None:
    assert [one.value for one in Security] == ["NONE", "TRADE", "USER_DATA", "USER_STREAM"]
