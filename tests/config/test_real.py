"""Accounts at Binance in the settings; the canary: whatever goes wrong, no word of a key is ever shown."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from fillwright.binance.endpoints import DEMO, MAINNET, TESTNET
from fillwright.config import Config, ConfigError, load, load_account
from fillwright.core.types import Mode

CANARY = "canary7f3a9e"
KEYS = f'api_key = "{CANARY}-name"\nsecret = "{CANARY}-secret"\n'


def config_of(tmp_path: Path, text: str = "", **environment: str) -> Config:
    (tmp_path / "fillwright.toml").write_text(text)
    return load(environment=environment, folder=tmp_path)


def opened(secret: SecretStr | None) -> str:
    assert secret is not None
    return secret.get_secret_value()


def mistakes_of(tmp_path: Path, text: str, **environment: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        config_of(tmp_path, text, **environment)
    told = caught.value.explain() + str(caught.value) + repr(caught.value)
    assert CANARY not in told
    return {problem.key: problem.allowed for problem in caught.value.problems}


def test_paper_is_traded_and_no_account_exists_unless_something_is_said(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    assert (config.trading.mode, config.trading.real_mode) == ("paper", "testnet")
    assert (config.real, config.allows_mainnet) == ({}, False)


def test_defaults_are_binances_addresses(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    for section, endpoints in (
        (config.testnet, TESTNET),
        (config.demo, DEMO),
        (config.mainnet, MAINNET),
    ):
        urls = (section.rest_url, section.websocket_api_url, section.streams_url)
        assert urls == (endpoints.rest, endpoints.websocket_api, endpoints.streams)
    assert (config.testnet.cap_usdt, config.demo.cap_usdt) == (50, 50)
    assert config.mainnet.cap_usdt is None, "the rollout's caps hold there"


def test_an_account_has_keys_addresses_and_a_cap(tmp_path: Path) -> None:
    text = (
        f"[testnet]\n{KEYS}rest_url = 'http://127.0.0.1:9000'\ncap_usdt = 100\n[trading]\nmode = 'testnet'\n"
    )
    config = config_of(tmp_path, text)
    account = config.real[Mode.TESTNET]
    assert (opened(account.api_key), opened(account.secret)) == (f"{CANARY}-name", f"{CANARY}-secret")
    assert (account.rest_url, account.cap_usdt) == ("http://127.0.0.1:9000", Decimal(100))
    assert (config.trading.mode, list(config.real)) == ("testnet", [Mode.TESTNET])


def test_keys_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "name").write_text(f"{CANARY}-name\n")
    (tmp_path / "pem").write_text(f"-----BEGIN {CANARY}-pem\n")
    text = f"[testnet]\napi_key_file = '{tmp_path}/name'\nprivate_key_file = '{tmp_path}/pem'\n"
    account = config_of(tmp_path, text).real[Mode.TESTNET]
    assert opened(account.api_key) == f"{CANARY}-name"
    assert opened(account.secret) == f"-----BEGIN {CANARY}-pem"


def test_the_environment_wins_over_a_file(tmp_path: Path) -> None:
    (tmp_path / "pem").write_text("-----BEGIN newer")
    account = config_of(
        tmp_path,
        f"[testnet]\n{KEYS}",
        FILLWRIGHT__TESTNET__API_KEY="newer-name",
        FILLWRIGHT__TESTNET__PRIVATE_KEY_FILE=str(tmp_path / "pem"),
    ).real[Mode.TESTNET]
    assert opened(account.api_key) == "newer-name"
    assert opened(account.secret) == "-----BEGIN newer"


def test_an_account_through_ccxt(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{CANARY}-password\n")
    text = (
        f"[mainnet]\n{KEYS}through = 'ccxt'\nexchange = 'okx'\npassword_file = '{tmp_path}/password'\n"
        "ccxt_options = { brokerId = '' }\n[mainnet.ccxt_urls]\nrest = 'http://127.0.0.1:1'\n"
    )
    account = config_of(tmp_path, text, ALLOW_MAINNET_TRADING="true").real[Mode.MAINNET]
    assert (account.through, account.exchange, opened(account.password)) == (
        "ccxt",
        "okx",
        f"{CANARY}-password",
    )
    assert (account.ccxt_options, account.ccxt_urls) == ({"brokerId": ""}, {"rest": "http://127.0.0.1:1"})
    config = config_of(
        tmp_path,
        f"[testnet]\n{KEYS}",
        FILLWRIGHT__TESTNET__THROUGH="ccxt",
        FILLWRIGHT__TESTNET__EXCHANGE="bybit",
    )
    assert (config.testnet.through, config.testnet.exchange) == ("ccxt", "bybit")
    assert config_of(tmp_path).testnet.through == "binance"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exchange = 'okx'\n", {"testnet.exchange"}),
        ("ccxt_maker_fee = 0.001\n", {"testnet.ccxt_maker_fee"}),
        ("through = 'ccxt'\nccxt_taker_fee = 0.2\n", {"testnet.ccxt_taker_fee"}),
        (f"password = '{CANARY}'\nccxt_options = {{ a = 1 }}\n", {"testnet.password", "testnet.ccxt_options"}),
        ("through = 'ccxt'\nprivate_key_password = 'x'\n", {"testnet.private_key_password"}),
        ("through = 'ccxt'\nexchange = 'okx'\nrest_url = 'http://a'\n", {"testnet.rest_url"}),
        ("through = 'nowhere'\n", {"testnet.through"}),
        ("through = 'ccxt'\nexchange = 'O K X'\n", {"testnet.exchange"}),
        ("through = 'ccxt'\nccxt_urls = 'http://a'\n", {"testnet.ccxt_urls"}),
    ],
)  # fmt: skip
def test_what_has_no_meaning_the_way_an_account_is_reached_is_refused(
    tmp_path: Path, text: str, expected: set[str]
) -> None:
    assert mistakes_of(tmp_path, f"[testnet]\n{KEYS}{text}").keys() == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("True", True), ("1", False), ("yes", False), ("", False)]
)
def test_mainnet_needs_the_environments_word(tmp_path: Path, value: str, expected: bool) -> None:
    config = config_of(tmp_path, f"[mainnet]\n{KEYS}", ALLOW_MAINNET_TRADING=value)
    assert config.allows_mainnet is expected
    assert (Mode.MAINNET in config.real) is expected


def test_no_file_can_allow_mainnet(tmp_path: Path) -> None:
    assert "trading.allow_mainnet_trading" in mistakes_of(
        tmp_path, f"[mainnet]\n{KEYS}[trading]\nallow_mainnet_trading = true\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'api_key = "{CANARY}"\n', {"testnet.secret"}),
        (f'secret = "{CANARY}"\n', {"testnet.api_key"}),
        (f'{KEYS}private_key = "{CANARY}"\n', {"testnet.secret"}),
        (f'api_key = "a"\nprivate_key = "{CANARY}"\n', {"testnet.private_key"}),
        (f'{KEYS}api_key_file = "{CANARY}"\n', {"testnet.api_key_file"}),
        (f'api_key = "a"\nsecret_file = "{CANARY}"\n', {"testnet.secret_file"}),
        (f'api_key = "a"\nsecret_file = "/{CANARY}\\u0000"\n', {"testnet.secret_file"}),
        ('api_key = " "\nsecret = "b"\n', {"testnet.api_key"}),
        (f'api_key = ["{CANARY}"]\nsecret = 5\n', {"testnet.api_key", "testnet.secret"}),
        (f'{KEYS}sekret_of_mine = "{CANARY}"\n', {"testnet.sekret_of_mine"}),
        (f'{KEYS}rest_url = "{CANARY}"\nstreams_url = "http://a"\n', {"testnet.rest_url", "testnet.streams_url"}),
        (f'{KEYS}key_type = "{CANARY}"\ncap_usdt = -1\n', {"testnet.key_type", "testnet.cap_usdt"}),
    ],
)  # fmt: skip
def test_mistakes_are_told_and_keys_are_not(tmp_path: Path, text: str, expected: set[str]) -> None:
    assert mistakes_of(tmp_path, f"[testnet]\n{text}").keys() == expected


def test_both_accounts_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = f'[testnet]\napi_key = "{CANARY}"\n[mainnet]\nsecret = "{CANARY}"\n[risk]\nmin_position_size_usdt = 5000\n'
    assert mistakes_of(tmp_path, text).keys() == {
        "testnet.secret",
        "mainnet.api_key",
        "risk.min_position_size_usdt",
    }


def test_an_empty_or_unreadable_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "long").write_text(CANARY * 10_000)
    for name, word in (("empty", "empty"), ("binary", "UTF-8"), ("long", "too long")):
        text = f'[testnet]\napi_key = "a"\nsecret_file = "{tmp_path}/{name}"\n'
        assert word in mistakes_of(tmp_path, text)["testnet.secret_file"]


def _as_text(config: Config) -> str:
    return str(config)


@pytest.mark.parametrize(
    "tell",
    [
        repr,
        _as_text,
        lambda config: repr(config.testnet) + str(config.real),
        lambda config: str(config.values) + str(config.places),
    ],
)
def test_no_word_of_a_key_is_in_what_a_configuration_says_of_itself(
    tmp_path: Path, tell: Callable[[Config], str]
) -> None:
    text = f'[testnet]\n{KEYS}private_key_password = "{CANARY}"\n'
    told = tell(config_of(tmp_path, text))
    assert CANARY not in told


def test_settings_are_shown_as_hidden(tmp_path: Path) -> None:
    config = config_of(tmp_path, f"[testnet]\n{KEYS}")
    assert config.values["testnet.api_key"] == config.values["testnet.secret"] == "(hidden)"
    assert config.values["testnet.private_key"] == "none"


# -- a file of keys ----------------------------------------------------------------------------------------------


def account_in(tmp_path: Path, text: str, section: str | None = None) -> tuple[str, str]:
    """The section that was meant, and its secret."""
    (tmp_path / "keys.toml").write_text(text)
    name, account = load_account(tmp_path / "keys.toml", section)
    return name, opened(account.secret)


@pytest.mark.parametrize(
    ("text", "section", "expected"),
    [
        ("api_key = 'a'\nsecret = 'b'\n", None, ("mainnet", "b")),
        ("api_key = 'a'\nsecret = 'b'\n", "testnet", ("testnet", "b")),
        ("[testnet]\napi_key = 'a'\nsecret = 'b'\n", None, ("testnet", "b")),
        (
            "[risk]\nmax_positions = 'nonsense'\n[mainnet]\napi_key = 'a'\nsecret = 'b'\n",
            None,
            ("mainnet", "b"),
        ),
        (
            "[testnet]\napi_key = 'a'\nsecret = 'b'\n[mainnet]\napi_key = 'c'\nsecret = 'd'\n",
            "mainnet",
            ("mainnet", "d"),
        ),
    ],
)
def test_keys_are_found_in_a_file(
    tmp_path: Path, text: str, section: str | None, expected: tuple[str, str]
) -> None:
    assert account_in(tmp_path, text, section) == expected


@pytest.mark.parametrize(
    ("text", "section"),
    [
        ("", None),
        ("[risk]\nmax_positions = 1\n", None),
        ("[testnet]\napi_key = 'a'\nsecret = 'b'\n", "mainnet"),
        ("[testnet]\napi_key = 'a'\nsecret = 'b'\n[mainnet]\napi_key = 'c'\nsecret = 'd'\n", None),
        (f"api_key = '{CANARY}'\n", None),
        (f"api_key = '{CANARY}'\nsecret = ['{CANARY}']\n", None),
        ("not toml", None),
    ],
)
def test_a_file_that_does_not_say_whose_keys_is_refused(
    tmp_path: Path, text: str, section: str | None
) -> None:
    with pytest.raises(ConfigError) as caught:
        account_in(tmp_path, text, section)
    assert CANARY not in caught.value.explain()


def test_a_shadow_is_there_when_it_is_wanted(tmp_path: Path) -> None:
    trading = config_of(tmp_path).trading
    assert (trading.shadow, trading.shadow_balance) == (False, None)
    trading = config_of(tmp_path, "[trading]\nshadow = true\nshadow_balance = 2500\n").trading
    assert (trading.shadow, trading.shadow_balance) == (True, Decimal(2500))
    assert config_of(tmp_path, FILLWRIGHT__TRADING__SHADOW_BALANCE="none").trading.shadow_balance is None
    assert list(mistakes_of(tmp_path, "[trading]\nshadow = 1.5\nshadow_balance = -1\n")) == [
        "trading.shadow",
        "trading.shadow_balance",
    ]
