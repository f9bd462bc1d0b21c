"""The texts that are signed, and what is sent with them.

REST signs the query exactly as it is sent, percent-encoded, in its order. The WebSocket API signs names and values as
they are, sorted by name. Sources: Binance Spot REST "SIGNED Endpoint security", WebSocket API "Request security".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from fillwright.wire.requests import Parameters, Value

RECV_WINDOW_MAX_MS = 60_000
_is_plain = re.compile(r"[A-Za-z0-9_.\-~]*", re.ASCII).fullmatch


def text(value: Value) -> str:
    """A value as it is signed."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return msgspec.json.encode(value).decode()


def percent_encoded(value: str) -> str:
    """Text with everything percent-encoded but letters, digits, ``_.-~``."""
    return value if _is_plain(value) else quote(value, safe="")


def query(parameters: Parameters) -> str:
    """The query of a REST request; signed, it is the payload."""
    return "&".join([f"{name}={percent_encoded(text(value))}" for name, value in parameters])


def timed(parameters: Parameters, timestamp_ms: int, recv_window_ms: int) -> Parameters:
    """Parameters with what every signed request has; ValueError for a window that Binance does not take."""
    if not 0 < recv_window_ms <= RECV_WINDOW_MAX_MS:
        raise ValueError(f"recvWindow is 1 to {RECV_WINDOW_MAX_MS} ms, not {recv_window_ms}")
    return (*parameters, ("recvWindow", recv_window_ms), ("timestamp", timestamp_ms))


def websocket_payload(params: Mapping[str, Value]) -> bytes:
    """What is signed of a WebSocket API request: all its params, ``apiKey`` among them, but not the signature."""
    return "&".join([f"{name}={text(params[name])}" for name in sorted(params)]).encode()
