"""ccxt goes where the settings say; what is not Spot goes nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from fillwright.venues.ccxt_places import UnknownAddressError, at_binance, at_urls


class Exchange:
    """The part of ccxt's object that has the addresses."""

    id = "somewhere"

    def __init__(self) -> None:
        self.urls: dict[str, Any] = {
            "api": {
                "public": "https://a.example",
                "private": "https://a.example",
                "fapiPublic": "https://futures.example",
                "ws": {"spot": "wss://a.example", "ws-api": {"spot": "wss://b.example"}},
            }
        }


def test_binance_is_where_the_settings_say_and_nothing_else_is_anywhere() -> None:
    exchange = Exchange()
    at_binance("https://rest.example", "wss://streams.example", "wss://api.example")(exchange)
    assert exchange.urls["api"] == {
        "public": "https://rest.example/api/v3",
        "private": "https://rest.example/api/v3",
        "sapi": "https://rest.example/sapi/v1",
        "fapiPublic": "https://rest.example/nowhere",
        "ws": {
            "spot": "wss://streams.example/stream",
            "ws-api": {"spot": "wss://api.example/ws-api/v3"},
        },
    }


def test_addresses_are_replaced_by_their_names() -> None:
    exchange = Exchange()
    at_urls({"public": "http://x", "ws.spot": "ws://y", "ws": {"ws-api": {"spot": "ws://z"}}})(exchange)
    places = exchange.urls["api"]
    assert (places["public"], places["private"]) == ("http://x", "https://a.example")
    assert places["ws"] == {"spot": "ws://y", "ws-api": {"spot": "ws://z"}}


@pytest.mark.parametrize("name", ["publik", "ws", "ws.swap", "public.rest", "ws.spot.x"])
def test_an_address_that_ccxt_does_not_have_is_named(name: str) -> None:
    with pytest.raises(UnknownAddressError, match=f"'{name}' at somewhere"):
        at_urls({name: "http://x"})(Exchange())
