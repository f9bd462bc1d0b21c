from __future__ import annotations

import random
import re

import msgspec
import pytest

from fillwright.exchange.server import admin_accounts, admin_market, admin_service
from fillwright.exchange.server.admin import BODY_BYTES_MAX
from fillwright.exchange.server.admin_messages import RunScript
from fillwright.exchange.server.fault_plan import CallFault
from tests.conftest import ROOT
from tests.exchange.server.admin_door import Door

CALLS = 2_000


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


def test_the_document_names_every_action_and_no_other(door: Door) -> None:
    text = (ROOT / "docs" / "EXCHANGE_ADMIN.md").read_text()
    told = set(re.findall(r"`(GET|POST) /admin(/[a-z/]+)`", text))
    _, content = door.ask("GET", "/nowhere")
    paths = set(content["error"].partition("there is no /nowhere; there is ")[2].split(", "))
    assert {path for _, path in told} == paths
    assert all(door.ask(method, path)[0] in (200, 400) for method, path in told)


def test_the_plan_of_the_document_can_be_handed_in(door: Door) -> None:
    text = (ROOT / "docs" / "EXCHANGE_ADMIN.md").read_text()
    steps = msgspec.json.decode(text.partition("```json")[2].partition("```")[0])
    assert door.post("/script", steps=steps)["number"] == len(steps)
    door.post("/time", action="step", by_us=20_000_000)
    assert door.get("/script")["failures"] == []


WRONG = [
    "0",
    "-1",
    "1E+1000",
    "1E-50",
    "1E+30",
    "NaN",
    "",
    "NOPE",
    "é",
    "x" * 500,
    5,
    -5,
    10**30,
    0.5,
    None,
    [],
    {},
]
RIGHT: dict[str, list[object]] = {
    "account": ["main"],
    "asset": ["USDT", "BTC"],
    "symbol": ["BTCUSDT", "ETHUSDT"],
    "action": ["freeze", "step", "resume", "skew", "cut", "mute"],
    "by_us": [0, 5, 10**7, 10**13],
    "of": ["requests", "events"],
    "outcome": ["lost", "dropped", "masked"],
    "status": ["HALT", "BREAK", "TRADING", "CANCEL_ONLY"],
    "bids": [[], [["1", "1"]], [["50000", "1"], ["49000", "2"]], [["1E+300", "1"]]],
    "asks": [[], [["60000", "0"]], [["50001", "1"]]],
    "balances": [{}, {"USDT": "1E+500"}, {"USDT": "5"}],
    "steps": [[], [{"path": "/price", "after_us": 5}], [{"path": "/fees", "wish": {"account": "main"}}]],
    "ip": ["10.0.0.9"],
    "for_us": [0, 10**6],
    "permissions": [["TRADE"], []],
    "buyer_is_maker": [True, False],
    "can_trade": [True, False],
    "snapshot": [True, False],
}


def test_whatever_is_asked_is_answered_and_the_books_stay_sound(door: Door) -> None:
    generator = random.Random(7)
    wishes = {"/script": RunScript, "/faults": CallFault} | {
        path: kind for module in (admin_accounts, admin_market, admin_service)
        for (method, path), (kind, _) in module.ACTIONS.items() if method == "POST" and path != "/faults"
    }  # fmt: skip
    done = 0
    for number in range(CALLS):
        path, kind = generator.choice(list(wishes.items()))
        names = [name for name in kind.__struct_fields__ if generator.random() < 0.8]
        wish = {
            name: generator.choice(WRONG if generator.random() < 0.1 else RIGHT.get(name, ["1", "50000"]))
            for name in (["of", *names] if path == "/faults" else names)
        }
        status, content = door.ask("POST", path, msgspec.json.encode(wish))
        assert status in (200, 400), (path, wish, content)
        done += status == 200
        if not number % 100:
            assert door.box.exchange.audit() == (), (path, wish)
    assert done > CALLS // 20
