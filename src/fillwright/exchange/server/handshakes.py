"""The beginning of a WebSocket: what a client asked for, and the answer when it does not get it.

Sources: Binance Spot WebSocket Streams "General WSS information"; WebSocket API "Rate limits".
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

import msgspec

from fillwright.core.types import Time
from fillwright.exchange.server.limits import RateLimited
from fillwright.exchange.server.replies import error_reply

_HEADERS = ("sec-websocket-key", "sec-websocket-version", "upgrade")


class Handshake(msgspec.Struct, frozen=True):
    """What a client asked for when it connected."""

    path: str
    """Without percent-encoding and query."""
    query: dict[str, str]
    """Parameters of the URL; of a name given twice the last one."""
    ip: str
    microseconds: bool = False
    """Whether times are told in microseconds (``timeUnit``)."""


class Refused(Exception):
    """A connection is not upgraded: an HTTP status, a body, and lines of headers."""

    def __init__(self, status: int, body: bytes = b"", headers: str = "") -> None:
        super().__init__(f"refused with {status}")
        self.status = status
        self.body = body
        self.headers = headers


def parse_target(target: str, ip: str) -> Handshake:
    """Read a request's target; Refused for a ``timeUnit`` that is none."""
    path, _, query = target.partition("?")
    pairs = dict(parse_qsl(query, keep_blank_values=True))
    unit = pairs.get("timeUnit", "MILLISECOND")
    if unit.upper() not in ("MILLISECOND", "MICROSECOND") or unit not in (unit.upper(), unit.lower()):
        body = {
            "code": -1194,
            "msg": "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
        }
        raise Refused(400, msgspec.json.encode(body))
    return Handshake(unquote(path), pairs, ip, unit.upper() == "MICROSECOND")


def request_head(headers: Mapping[str, str]) -> bytes:
    """The upgrade as picows wants it: one word in Connection, and nothing that does not matter.

    ASCII alone: picows 2.3 quotes what it refuses, and stumbles over anything else.
    """
    connection = headers.get("connection", "")
    is_upgrade = "upgrade" in [word.strip().lower() for word in connection.split(",")]
    lines = ["GET / HTTP/1.1", f"Connection: {'Upgrade' if is_upgrade else connection}"]
    lines += [f"{name}: {headers[name]}" for name in _HEADERS if name in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii", "replace")


def limited(error: RateLimited, now: Time) -> Refused:
    """What an address is told that asks for too much."""
    reply = error_reply(error, now)
    return Refused(reply.status, reply.body, reply.headers)


def refuse(transport: asyncio.Transport, refusal: Refused) -> None:
    """Answer a request that does not become a WebSocket, and close its connection."""
    phrase = HTTPStatus(refusal.status).phrase
    kind = "content-type: application/json;charset=UTF-8\r\n" if refusal.body else ""
    head = (
        f"HTTP/1.1 {refusal.status} {phrase}\r\n{kind}{refusal.headers}"
        f"content-length: {len(refusal.body)}\r\nconnection: close\r\n\r\n"
    )
    transport.write(head.encode() + refusal.body)
    transport.close()
