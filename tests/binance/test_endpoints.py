from __future__ import annotations

import pytest

from fillwright.binance.endpoints import DEMO, MAINNET, MARKET_DATA, TESTNET, Endpoints


@pytest.mark.parametrize("endpoints", [MAINNET, MARKET_DATA, TESTNET, DEMO])
def test_what_is_outside_is_encrypted(endpoints: Endpoints) -> None:
    assert endpoints.rest.startswith("https://")
    assert endpoints.streams.startswith("wss://")
    assert not endpoints.rest.endswith("/")
    assert not endpoints.streams.endswith("/")


def test_the_host_is_named_for_people() -> None:
    assert MAINNET.host == "stream.binance.com:9443"
