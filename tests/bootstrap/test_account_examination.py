"""What the doctor tells of accounts with a key, against an exchange of this machine; of a key it tells nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fillwright.bootstrap.account_examination import examine_accounts
from fillwright.config import load
from fillwright.exchange.server.settings import ClockSettings
from fillwright.options import Finding
from tests.exchange.server.boxes import API_KEY, SECRET, frozen
from tests.exchange.server.http_box import HttpBox

CANARY = "canary9d1f77"
SYMBOLS = '[market]\nsymbols = ["BTCUSDT"]\n'


@pytest.fixture(scope="module")
def box() -> Iterator[HttpBox]:
    settings = frozen(port=0, tells_key_rights=True, clock=ClockSettings())
    with HttpBox(settings) as running:
        yield running


def section(name: str, port: int, *, secret: str = SECRET, api_key: str = API_KEY) -> str:
    base = f"127.0.0.1:{port}"
    return (
        f"[{name}]\napi_key = '{api_key}'\nsecret = '{secret}'\nrest_url = 'http://{base}'\n"
        f"websocket_api_url = 'ws://{base}'\nstreams_url = 'ws://{base}'\n"
    )


def findings(tmp_path: Path, text: str, **environment: str) -> dict[str, Finding]:
    (tmp_path / "fillwright.toml").write_text(text)
    config = load(environment=environment, folder=tmp_path, overrides={"data.dir": str(tmp_path / "data")})
    found = examine_accounts(config)
    told = repr(found)
    assert CANARY not in told
    assert SECRET not in told
    return {one.name: one for one in found}


def test_a_testnet_account_in_order(tmp_path: Path, box: HttpBox) -> None:
    found = findings(tmp_path, SYMBOLS + section("testnet", box.server.port))
    assert {name: one.result for name, one in found.items()} == dict.fromkeys(
        [
            f"testnet {name}"
            for name in (
                "ping", "account", "clock", "symbols", "protection", "minimum", "money", "fees", "orders", "stream"
            )
        ],
        "ok",
    )  # fmt: skip
    assert "a trade may be worth 50" in found["testnet minimum"].text
    assert not (tmp_path / "data").exists()


def test_mainnet_s_key_is_looked_at_and_its_first_trades_are_small(tmp_path: Path, box: HttpBox) -> None:
    text = SYMBOLS + section("mainnet", box.server.port)
    found = findings(tmp_path, text, ALLOW_MAINNET_TRADING="true")
    key = found["mainnet key"]
    assert (key.result, key.text) == ("failed", "it is not bound to addresses (IP)")
    assert "withdrawals not" in key.remedy
    assert "a trade may be worth 50" in found["mainnet minimum"].text
    assert found["mainnet stream"].result == "ok"


def test_mainnet_without_the_environment_s_word_is_not_looked_at(tmp_path: Path) -> None:
    found = findings(tmp_path, section("mainnet", 1))
    assert list(found) == ["mainnet"]
    assert (found["mainnet"].result, "ALLOW_MAINNET_TRADING" in found["mainnet"].text) == ("warning", True)


def test_an_exchange_that_is_not_reached_is_told_in_one_line(tmp_path: Path) -> None:
    found = findings(tmp_path, SYMBOLS + section("demo", 1, secret=CANARY))
    assert list(found) == ["demo ping"]
    assert (found["demo ping"].result, "http://127.0.0.1:1" in found["demo ping"].remedy) == ("failed", True)


@pytest.mark.parametrize("wrong", [{"secret": CANARY}, {"api_key": "a" * 64}])
def test_a_key_that_is_refused_ends_it(tmp_path: Path, box: HttpBox, wrong: dict[str, Any]) -> None:
    found = findings(tmp_path, SYMBOLS + section("testnet", box.server.port, **wrong))
    assert {name: one.result for name, one in found.items()} == {
        "testnet ping": "ok",
        "testnet account": "failed",
        "testnet clock": "ok",
    }
    assert "keys of its own" in found["testnet account"].remedy


def test_a_key_that_is_none_is_told(tmp_path: Path) -> None:
    text = f"[testnet]\napi_key = 'a'\nprivate_key = '-----BEGIN {CANARY}'\n"
    (only,) = findings(tmp_path, text).values()
    assert (only.name, only.result) == ("Keys", "failed")


CCXT = "through = 'ccxt'\n"


def test_an_account_through_ccxt_is_tested_as_before_a_switch(tmp_path: Path, box: HttpBox) -> None:
    found = findings(tmp_path, SYMBOLS + section("testnet", box.server.port) + CCXT)
    assert {name: one.result for name, one in found.items()} == dict.fromkeys(
        [f"testnet {name}" for name in ("account", "clock", "symbols", "minimum", "money")], "ok"
    )


def test_an_exchange_of_ccxt_s_that_is_not_reached_is_told_in_one_line(tmp_path: Path) -> None:
    found = findings(tmp_path, SYMBOLS + section("testnet", 1, secret=CANARY) + CCXT)
    assert {name: one.result for name, one in found.items()} == {"testnet account": "failed"}


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("[basic]\nsymbols = ['ETHUSDT']\n", "ETHUSDT"),
        (
            "[traders.a]\nsymbols = ['ETHUSDT', 'BTCUSDT']\n[traders.b]\nsymbols = ['ETHUSDT']\n",
            "ETHUSDT, BTCUSDT",
        ),
    ],
)
def test_symbols_are_those_that_the_settings_name(
    tmp_path: Path, box: HttpBox, text: str, symbols: str
) -> None:
    found = findings(tmp_path, text + section("testnet", box.server.port))
    assert found["testnet symbols"].text == f"{symbols} trade"


def test_without_a_symbol_in_the_settings_the_service_s_own_are_looked_at(
    tmp_path: Path, box: HttpBox
) -> None:
    found = findings(tmp_path, section("testnet", box.server.port))
    assert found["testnet symbols"].text == "there is no SOLUSDT", "BTCUSDT and ETHUSDT are there"


def test_without_a_key_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    assert findings(tmp_path, "") == {}
