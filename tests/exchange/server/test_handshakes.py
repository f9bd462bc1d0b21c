"""What a client asks for when it connects, and how it is refused."""

from __future__ import annotations

import json

import pytest

from fillwright.exchange.server.handshakes import Handshake, Refused, limited, parse_target, request_head
from fillwright.exchange.server.limits import RateLimited
from tests.exchange.server.boxes import START


def test_the_time_unit_of_the_url() -> None:
    assert not parse_target("/ws", "ip").microseconds
    assert parse_target("/ws/a%40b?timeUnit=microsecond&x=1", "ip") == Handshake(
        "/ws/a@b", {"timeUnit": "microsecond", "x": "1"}, "ip", True
    )
    with pytest.raises(Refused) as refused:
        parse_target("/ws?timeUnit=Microsecond", "ip")
    assert refused.value.status == 400
    assert json.loads(refused.value.body)["code"] == -1194


def test_the_upgrade_is_told_in_the_words_that_the_protocol_wants() -> None:
    headers = {
        "host": "x",
        "connection": "keep-alive, Upgrade",
        "upgrade": "websocket",
        "sec-websocket-key": "k",
        "sec-websocket-extensions": "permessage-deflate",
    }
    assert request_head(headers) == (
        b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nsec-websocket-key: k\r\nupgrade: websocket\r\n\r\n"
    )
    assert b"Connection: close\r\n" in request_head({"connection": "close"})


def test_a_limited_address_is_told_in_seconds_when_to_come_back() -> None:
    refusal = limited(RateLimited("too much", 418, START + 1_500_000), START)
    assert (refusal.status, refusal.headers) == (418, "retry-after: 2\r\n")
    assert json.loads(refusal.body) == {"code": -1003, "msg": "too much"}


def test_an_upgrade_is_handed_on_in_ascii() -> None:
    head = request_head({"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "1\xb3"})
    assert b"\r\nsec-websocket-version: 1?\r\n" in head
