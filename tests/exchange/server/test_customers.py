from __future__ import annotations

from decimal import Decimal

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fillwright.exchange.server.customers import first_keys, kind_of, made_key, open_account
from fillwright.exchange.server.keys import KeyFormatError, KeyKind
from fillwright.exchange.server.settings import AccountSettings, BoxSettingsError, KeySettings
from tests.exchange.server.boxes import API_KEY, frozen_box

ED25519 = Ed25519PrivateKey.from_private_bytes(b"7" * 32).public_key()


def pem(key: object) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def test_the_kind_of_a_public_key_is_seen() -> None:
    assert kind_of(pem(ED25519)) is KeyKind.ED25519
    assert kind_of(pem(rsa.generate_private_key(65537, 2048).public_key())) is KeyKind.RSA
    with pytest.raises(KeyFormatError):
        kind_of("nonsense")


def test_a_key_of_settings_has_a_secret_or_a_public_key() -> None:
    assert made_key("main", KeySettings(api_key="a", secret="s")).kind is KeyKind.HMAC
    assert made_key("main", KeySettings(api_key="a", public_key=pem(ED25519))).kind is KeyKind.ED25519
    for wrong in (KeySettings(api_key="a"), KeySettings(api_key="a", secret="s", public_key=pem(ED25519))):
        with pytest.raises(KeyFormatError, match="either"):
            made_key("main", wrong)


def test_an_account_is_opened_once_and_keeps_what_it_has() -> None:
    box = frozen_box()
    account = AccountSettings(account_id="second", balances={"USDT": Decimal(5)})
    assert open_account(box, account)
    assert not open_account(box, AccountSettings(account_id="second", balances={"USDT": Decimal(99)}))
    assert [one.free for one in box.exchange.balances("second")] == [Decimal(5)]


def test_an_account_that_cannot_be_is_named() -> None:
    with pytest.raises(BoxSettingsError, match="account second"):
        open_account(frozen_box(), AccountSettings(account_id="second", keys=(KeySettings(api_key="a"),)))


def test_only_accounts_without_any_key_get_one() -> None:
    box = frozen_box()
    open_account(box, AccountSettings(account_id="second"))
    first_keys(box)
    first_keys(box)
    keys = box.keys.all()
    assert [key.account_id for key in keys] == ["main", "second"]
    assert keys[0].api_key == API_KEY
