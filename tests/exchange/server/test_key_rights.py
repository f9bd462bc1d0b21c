"""What a key may do is told where the settings say so, over REST, and as the key is."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from fillwright.exchange.server.desk import Desk
from fillwright.exchange.server.key_rights import NOT_HERE, PATH
from fillwright.exchange.server.keys import ApiKey, make_hmac_key
from fillwright.exchange.server.replies import Reply
from fillwright.exchange.server.security import Security
from fillwright.wire.key_rights import KeyRights, decode_key_rights
from tests.exchange.server.boxes import START, frozen_box

IP = "10.0.0.1"


def asked(key: ApiKey, *, tells: bool = True, signature: str | None = None) -> tuple[int, bytes]:
    """What a key is told of itself."""
    box = frozen_box(tells_key_rights=tells)
    box.keys.add(key)
    assert isinstance(box.desk, Desk)
    text = urlencode({"timestamp": START // 1000})
    signed = signature or hmac.digest(key.secret.encode(), text.encode(), "sha256").hex()
    query = f"{text}&signature={signed}".encode()
    reply = box.desk.serve_rest("GET", PATH, query, {"x-mbx-apikey": key.api_key}, b"", IP)
    assert isinstance(reply, Reply)
    return reply.status, reply.body


def changed(**rights: Any) -> ApiKey:
    return msgspec.structs.replace(make_hmac_key("main"), **rights)


@pytest.mark.parametrize(
    ("rights", "told"),
    [
        ({}, KeyRights(False, True, False, True)),
        ({"ip_addresses": (IP,)}, KeyRights(True, True, False, True)),
        ({"can_withdraw": True}, KeyRights(False, True, True, True)),
        ({"permissions": (Security.USER_DATA,)}, KeyRights(False, True, False, False)),
    ],
)
def test_a_key_is_told_its_rights(rights: dict[str, Any], told: KeyRights) -> None:
    status, body = asked(changed(**rights))
    assert (status, decode_key_rights(body)) == (200, told)


def test_the_answer_has_binance_s_fields_and_no_right_to_what_is_not_here() -> None:
    body = msgspec.json.decode(asked(changed(made_at=START))[1])
    assert body["createTime"] == START // 1000
    assert not any(body[name] for name in NOT_HERE)


def test_it_is_signed() -> None:
    status, body = asked(changed(), signature="00")
    assert (status, msgspec.json.decode(body)["code"]) == (400, -1022)


def test_a_key_used_from_elsewhere_is_refused() -> None:
    status, body = asked(changed(ip_addresses=("10.0.0.9",)))
    assert (status, msgspec.json.decode(body)["code"]) == (401, -2015)


def test_testnet_and_demo_mode_do_not_have_it() -> None:
    assert asked(changed(), tells=False)[0] == 404
