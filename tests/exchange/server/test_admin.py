from __future__ import annotations

import pytest

from fillwright.exchange.server.admin import BODY_BYTES_MAX
from tests.exchange.server.admin_door import Door


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.mark.parametrize("token", ["", "wrong", "the-admin-tokem", "é"])
def test_only_the_token_opens_the_door(door: Door, token: str) -> None:
    status, content = door.ask("GET", "/status", token=token)
    assert status == 401
    assert "token" in content["error"]


@pytest.mark.parametrize(
    ("ip", "status"),
    [
        ("127.0.0.1", 200),
        ("127.8.8.8", 200),
        ("::1", 200),
        ("10.0.0.1", 403),
        ("", 403),
        ("::ffff:10.0.0.1", 403),
    ],
)
def test_only_this_machine_is_let_in(door: Door, ip: str, status: int) -> None:
    assert door.ask("GET", "/status", ip=ip)[0] == status


def test_what_is_not_there_is_named(door: Door) -> None:
    status, content = door.ask("GET", "/statos")
    assert status == 404
    assert "/status" in content["error"]
    assert door.ask("DELETE", "/status")[0] == 405
    assert door.ask("GET", "")[0] == 200


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"symbol": 1, "price": "1"}', b'{"symbol": "BTCUSDT"}', b"\xff", b'{"what": 1}']
)
def test_a_body_that_cannot_be_read_is_refused(door: Door, body: bytes) -> None:
    status, content = door.ask("POST", "/price", body)
    assert status == 400
    assert "cannot be read" in content["error"]


def test_a_body_is_bounded(door: Door) -> None:
    assert door.ask("POST", "/price", b" " * (BODY_BYTES_MAX + 1))[0] == 413


def test_what_the_exchange_refuses_comes_with_its_code(door: Door) -> None:
    assert door.refused("/price", symbol="NOPE", price="1") == "Invalid symbol. (-1121)"
