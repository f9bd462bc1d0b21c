"""Who may ask for what. Source: Binance Spot REST "Endpoint security type"."""

from __future__ import annotations

from enum import StrEnum, unique


@unique
class Security(StrEnum):
    """Who may call: everybody, or the owner of a key that signed the request."""

    NONE = "NONE"
    TRADE = "TRADE"
    USER_DATA = "USER_DATA"
    USER_STREAM = "USER_STREAM"
