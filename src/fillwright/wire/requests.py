"""What may be asked of Binance, as its wire has it: a method's name, a path, and parameters in exact text.

One ``WireRequest`` serves the WebSocket API and REST alike; signing adds the rest (``wire.signing``). Sources:
Binance Spot REST "Trading endpoints", WebSocket API "Trading requests", "LIMITS".
"""

from __future__ import annotations

import msgspec

Value = str | int | bool | tuple[str, ...]
"""Decimals are text as it will be signed, whole numbers and flags are JSON's own; a tuple is a list of names."""
Parameters = tuple[tuple[str, Value], ...]


class WireRequest(msgspec.Struct, frozen=True, gc=False):
    """One request, complete but for key, time and signature."""

    method: str
    """The WebSocket API's name, for example ``order.place``; empty: REST only."""
    rest: tuple[str, str]
    """HTTP method and path, for example ``("POST", "/api/v3/order")``; empty: the WebSocket API only."""
    parameters: Parameters = ()
    weight: int = 1
    """What it costs of REQUEST_WEIGHT when it fails, and when it succeeds unless ``is_free``."""
    orders: int = 0
    """What it adds to ORDERS, the count of unfilled orders."""
    is_signed: bool = True
    is_free: bool = False
    """Whether a success costs no weight (placing and cancelling, since 2026-04-02)."""
    changes: bool = False
    """Whether it may change orders: without an answer its outcome is in doubt."""
