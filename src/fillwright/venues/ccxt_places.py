"""Where ccxt goes: Binance at addresses of our settings, or any exchange at addresses in place of ccxt's own.

At Binance everything that is not Spot is sent nowhere, so that an account of the test network never asks another place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Prepare = Callable[[Any], None]
"""Gets ccxt's object before it is used."""
NOWHERE = "nowhere"


class UnknownAddressError(ValueError):
    """ccxt has no address of this name at the exchange."""


def at_binance(rest: str, streams: str, websocket_api: str) -> Prepare:
    """Binance Spot at these addresses, without a slash at the end."""

    def prepare(exchange: Any) -> None:
        places: dict[str, Any] = exchange.urls["api"]
        for name, url in places.items():
            if isinstance(url, str):
                places[name] = f"{rest}/{NOWHERE}"
        places["public"] = places["private"] = f"{rest}/api/v3"
        places["sapi"] = f"{rest}/sapi/v1"
        # ccxt knows Spot's streams by the word "/stream" in their address.
        places["ws"]["spot"] = f"{streams}/stream"
        places["ws"]["ws-api"]["spot"] = f"{websocket_api}/ws-api/v3"

    return prepare


def at_urls(urls: Mapping[str, Any]) -> Prepare:
    """An exchange with some of its addresses replaced; nested tables, or names with dots, as in ccxt's ``urls["api"]``.

    What is made raises UnknownAddressError for a name that ccxt does not have.
    """

    def prepare(exchange: Any) -> None:
        for path, url in _flat(urls):
            *folders, name = path
            node = exchange.urls["api"]
            for folder in folders:
                node = node.get(folder) if isinstance(node, dict) else None
            if not isinstance(node, dict) or not isinstance(node.get(name), str):
                raise UnknownAddressError(f"ccxt has no address {'.'.join(path)!r} at {exchange.id}")
            node[name] = url

    return prepare


def _flat(urls: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, value in urls.items():
        path = (*before, *name.split("."))
        if isinstance(value, Mapping):
            yield from _flat(value, path)
        else:
            yield path, str(value)
