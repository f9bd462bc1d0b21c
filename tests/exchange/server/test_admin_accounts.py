from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.exchange.server.admin_door import Door
from tests.exchange.server.boxes import API_KEY


@pytest.fixture
def door() -> Door:
    return Door()


def free(door: Door, account: str, asset: str) -> Decimal:
    return next(one.free for one in door.box.exchange.balances(account) if one.asset == asset)


def test_an_account_comes_with_balances_and_a_key(door: Door) -> None:
    made = door.post("/accounts", account="bot", balances={"USDT": "12.5"}, taker_fee="0.0005")
    key = door.box.keys.get(made["api_key"])
    assert key is not None
    assert (key.account_id, key.secret, len(made["secret"])) == ("bot", made["secret"], 64)
    assert free(door, "bot", "USDT") == Decimal("12.5")
    assert door.box.exchange.fees("bot").taker == Decimal("0.0005")
    assert door.get("/accounts") == ["main", "bot"]
    assert "exists" in door.refused("/accounts", account="bot")


@pytest.mark.parametrize(
    "wrong",
    [{"account": ""}, {"account": "a", "maker_fee": "2"}, {"account": "a", "balances": {"USDT": "-1"}}],
)
def test_an_account_that_cannot_be_is_refused(door: Door, wrong: dict[str, object]) -> None:
    status, _ = door.ask("POST", "/accounts", msgspec.json.encode(wrong))
    assert status == 400
    assert door.get("/accounts") == ["main"]


def test_keys_are_listed_without_their_secrets(door: Door) -> None:
    (listed,) = door.get("/keys")
    assert listed["api_key"] == API_KEY
    assert listed["secret"] == ""


def test_keys_are_made_registered_and_revoked(door: Door) -> None:
    made = door.post("/keys", account="main")
    assert len(made["secret"]) == 64
    own = door.post("/keys", account="main", api_key="a" * 64, secret="b" * 64, permissions=["USER_DATA"])
    assert own["secret"] == ""
    public = Ed25519PrivateKey.from_private_bytes(b"7" * 32).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert door.post("/keys", account="main", public_key=pem.decode())["kind"] == "ED25519"
    assert door.post("/keys/revoke", api_key="a" * 64)["now"] == door.box.now
    assert door.box.keys.get("a" * 64) is None
    assert "no such key" in door.refused("/keys/change", api_key="a" * 64)
    assert "no such key" in door.refused("/keys/revoke", api_key="a" * 64)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"account": "nobody"}, "no account"),
        ({"account": "main", "api_key": API_KEY}, "registered"),
        ({"account": "main", "public_key": "x", "secret": "y"}, "either"),
        ({"account": "main", "public_key": "x"}, "no public key"),
    ],
)
def test_a_key_that_cannot_be_is_refused(door: Door, wish: dict[str, str], told: str) -> None:
    assert told in door.refused("/keys", **wish)


def test_funds_come_and_go(door: Door) -> None:
    before = free(door, "main", "USDT")
    door.post("/deposit", account="main", asset="USDT", amount="1.5")
    door.post("/withdraw", account="main", asset="USDT", amount="0.5")
    assert free(door, "main", "USDT") == before + 1
    assert "insufficient" in door.refused("/withdraw", account="main", asset="USDT", amount="1000000")
    assert "more than zero" in door.refused("/deposit", account="main", asset="USDT", amount="0")
    assert "number" in door.refused("/deposit", account="main", asset="USDT", amount="NaN")
    assert "no account" in door.refused("/deposit", account="nobody", asset="USDT", amount="1")
    assert door.box.exchange.audit() == ()


def test_fees_change_one_by_one(door: Door) -> None:
    door.post("/fees", account="main", maker="0", pay_in_bnb=True)
    fees = door.box.exchange.fees("main")
    assert (fees.maker, fees.taker, fees.pay_in_bnb) == (Decimal(0), Decimal("0.001"), True)
    assert "rates" in door.refused("/fees", account="main", maker="-1")
    assert door.box.exchange.fees("main") == fees


def test_an_account_may_be_kept_from_trading(door: Door) -> None:
    door.post("/trading", account="main", can_trade=False)
    assert not door.box.exchange.can_trade("main")


def test_a_key_is_given_other_rights_and_keeps_the_rest(door: Door) -> None:
    made = door.post("/keys", account="main", ip_addresses=["10.0.0.1"], can_withdraw=True)
    assert (made["ip_addresses"], made["can_withdraw"]) == (["10.0.0.1"], True)
    changed = door.post("/keys/change", api_key=made["api_key"], can_withdraw=False, permissions=["TRADE"])
    assert (changed["ip_addresses"], changed["can_withdraw"]) == (["10.0.0.1"], False)
    assert (changed["permissions"], changed["secret"]) == (["TRADE"], "")
    key = door.box.keys.get(made["api_key"])
    assert key is not None
    assert (key.secret, key.made_at) == (made["secret"], door.box.now)
