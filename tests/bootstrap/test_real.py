"""Accounts at Binance put together from the settings; what they do then is in tests/e2e/test_real.py."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fillwright.bootstrap.real import endpoints_of, real_accounts, settings_in, signers_of
from fillwright.config import Config, load
from fillwright.core.settings import RiskLimits, Settings
from fillwright.core.types import Mode
from fillwright.options import BadInputError
from fillwright.runtime.clock import SystemClock
from fillwright.storage.sql import open_store

CANARY = "canary51c0de"
PEM = (
    Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)
BOTH = f"[testnet]\napi_key = 'a'\nsecret = '{CANARY}'\n[mainnet]\napi_key = 'b'\nprivate_key = '''{PEM}'''\n"


def config_of(tmp_path: Path, text: str, **environment: str) -> Config:
    (tmp_path / "fillwright.toml").write_text(text)
    return load(environment=environment, folder=tmp_path)


def test_each_account_has_its_signer_that_of_the_real_mode_first(tmp_path: Path) -> None:
    config = config_of(tmp_path, BOTH, ALLOW_MAINNET_TRADING="true")
    assert [(mode, signer.kind) for mode, signer in signers_of(config).items()] == [
        (Mode.TESTNET, "HMAC"),
        (Mode.MAINNET, "ED25519"),
    ]
    config = config_of(tmp_path, BOTH + "[trading]\nreal_mode = 'mainnet'\n", ALLOW_MAINNET_TRADING="true")
    assert list(signers_of(config)) == [Mode.MAINNET, Mode.TESTNET]


def test_mainnet_is_not_there_without_the_environments_word(tmp_path: Path) -> None:
    assert list(signers_of(config_of(tmp_path, BOTH))) == [Mode.TESTNET]


def test_all_that_is_wrong_with_keys_is_told_at_once_and_nothing_of_them(tmp_path: Path) -> None:
    text = (
        f"[testnet]\napi_key = 'a'\nsecret = '{CANARY}'\nkey_type = 'Ed25519'\n"
        f"[mainnet]\napi_key = 'b'\nprivate_key = '-----BEGIN {CANARY}'\n"
    )
    with pytest.raises(BadInputError) as caught:
        signers_of(config_of(tmp_path, text, ALLOW_MAINNET_TRADING="true"))
    told = str(caught.value)
    assert "[testnet]: key_type is Ed25519, and the key is HMAC" in told
    assert "[mainnet]: the private key cannot be read" in told
    assert CANARY not in told + repr(caught.value)


@pytest.mark.parametrize("key_type", ["auto", "Ed25519"])
def test_the_kind_of_a_key_may_be_said(tmp_path: Path, key_type: str) -> None:
    text = f"[testnet]\napi_key = 'b'\nprivate_key = '''{PEM}'''\nkey_type = '{key_type}'\n"
    assert signers_of(config_of(tmp_path, text))[Mode.TESTNET].kind == "ED25519"


def test_a_cap_binds_whatever_the_limits_say() -> None:
    settings = Settings(risk=RiskLimits(max_position_size_usdt=Decimal(100), max_order_size_usdt=Decimal(30)))
    risk = settings_in(Mode.TESTNET, settings, Decimal(50)).risk
    assert (risk.max_position_size_usdt, risk.max_order_size_usdt) == (50, 30)
    assert settings_in(Mode.MAINNET, settings, None).risk == settings.risk


def test_every_real_account_proves_itself_and_mainnet_is_capped_until_it_has() -> None:
    """Trading rules §8: 10 clean trades each; caps 50, then 100 quote."""
    for mode in (Mode.TESTNET, Mode.DEMO):
        rollout = settings_in(mode, Settings(), Decimal(50)).rollout
        assert (rollout.clean_trades, rollout.caps) == (10, ())
    rollout = settings_in(Mode.MAINNET, Settings(), None).rollout
    assert (rollout.clean_trades, rollout.caps) == (10, (Decimal(50), Decimal(100)))
    assert Settings().rollout.clean_trades == 0, "paper has nothing to prove"


def test_accounts_are_made_without_asking_anybody(tmp_path: Path) -> None:
    config = config_of(tmp_path, BOTH + "rest_url = 'http://127.0.0.1:1/'\n".replace("/'", "'"))
    with open_store(tmp_path / "journal.db") as store:
        (made,) = real_accounts(
            config,
            signers_of(config),
            ("BTCUSDT",),
            user_id="local",
            store=store,
            clock=SystemClock(),
            folder=tmp_path,
        )
    assert (made.account_id, made.engine.owner.mode) == ("testnet", Mode.TESTNET)
    assert made.engine.hub is made.hub is made.line.hub
    assert endpoints_of(config.testnet) == made.endpoints
    assert CANARY not in repr(made) + repr(made.engine.venue) + str(vars(made.engine.venue))
