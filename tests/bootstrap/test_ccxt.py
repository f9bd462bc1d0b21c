"""An account through ccxt put together from the settings; what it does then is in tests/e2e/test_ccxt_service.py."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fillwright.bootstrap.ccxt import CcxtAccess
from fillwright.bootstrap.real import real_accounts, signers_of
from fillwright.bootstrap.sources import Prices
from fillwright.config import Config, MarketConfig, load
from fillwright.core.types import Mode
from fillwright.options import BadInputError
from fillwright.runtime.clock import SystemClock
from fillwright.storage.sql import open_store
from fillwright.venues.ccxt import CcxtVenue

pytestmark = pytest.mark.filterwarnings("default")  # ccxt's own
CANARY = "canary90d1ab"
KEYS = f"api_key = '{CANARY}'\nsecret = '{CANARY}'\nthrough = 'ccxt'\n"


def config_of(tmp_path: Path, text: str, **environment: str) -> Config:
    (tmp_path / "fillwright.toml").write_text(text)
    return load(environment=environment, folder=tmp_path)


def access(tmp_path: Path, text: str, mode: Mode = Mode.TESTNET, **environment: str) -> CcxtAccess:
    found = signers_of(config_of(tmp_path, text, **environment))[mode]
    assert isinstance(found, CcxtAccess)
    assert CANARY not in repr(found)
    return found


def test_binance_is_where_its_addresses_say_without_ccxts_own_test_network(tmp_path: Path) -> None:
    found = access(tmp_path, f"[testnet]\n{KEYS}rest_url = 'http://127.0.0.1:1'\n")
    assert (found.settings.exchange_id, found.settings.sandbox, found.kind) == ("binance", False, "ccxt")
    fees = access(tmp_path, f"[testnet]\n{KEYS}ccxt_maker_fee = 0.0010\n").settings
    assert (fees.maker_fee, fees.taker_fee) == ("0.001", None)


def test_another_exchange_is_its_test_network_in_testnet_and_itself_behind_mainnets_gate(
    tmp_path: Path,
) -> None:
    both = f"[testnet]\n{KEYS}exchange = 'binanceus'\n[mainnet]\n{KEYS}exchange = 'binanceus'\n"
    assert access(tmp_path, both).settings.sandbox
    assert Mode.MAINNET not in signers_of(config_of(tmp_path, both))
    found = access(tmp_path, both, Mode.MAINNET, ALLOW_MAINNET_TRADING="true")
    assert not found.settings.sandbox


def test_exchanges_that_will_not_do_are_bad_input_with_all_that_they_lack(tmp_path: Path) -> None:
    text = f"[testnet]\n{KEYS}exchange = 'kraken'\n[mainnet]\n{KEYS}exchange = 'okx'\n"
    with pytest.raises(BadInputError) as caught:
        signers_of(config_of(tmp_path, text, ALLOW_MAINNET_TRADING="true"))
    told = str(caught.value)
    assert "[testnet]: kraken cannot be traded at through ccxt: kraken has no test network" in told
    assert "[mainnet]: okx cannot be traded at through ccxt: names like ours" in told
    assert CANARY not in told


def test_accounts_are_made_without_asking_anybody(tmp_path: Path) -> None:
    text = f"[testnet]\n{KEYS}[mainnet]\n{KEYS}exchange = 'binanceus'\n"
    config = config_of(tmp_path, text, ALLOW_MAINNET_TRADING="true")
    clock = SystemClock()
    with open_store(tmp_path / "journal.db") as store:
        found = real_accounts(
            config, signers_of(config), ("BTCUSDT",), user_id="u", store=store, clock=clock, folder=tmp_path
        )
        assert [one.account_id for one in found] == ["testnet", "mainnet"]
        assert all(isinstance(one.engine.venue, CcxtVenue) for one in found)
        assert found[0].settings.risk.max_order_size_usdt == 50
        assert found[1].settings.rollout.caps == (50, 100)
        prices = Prices(MarketConfig(), {}, ("BTCUSDT",), ("1m",), clock, tmp_path / "memory")
        sources = [prices.of_account(one, ("1m",)).source for one in found]
        assert sources == ["binance", "binanceus"]
        for one in found:
            tested = asyncio.run(_tested(one.self_test))
            assert tested == {"account": False, "limits": True}


async def _tested(test: object) -> dict[str, bool]:
    return {one.name: one.passed for one in await test()}  # type: ignore[operator]


def test_the_settings_that_the_document_shows_are_settings(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "CCXT.md").read_text()
    shown = re.findall(r"^```toml\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert len(shown) == 2
    for name in ("key", "secret"):
        (tmp_path / name).write_text(CANARY)
    whole = "".join(shown).replace("/run/secrets", str(tmp_path))
    found = signers_of(config_of(tmp_path, whole, ALLOW_MAINNET_TRADING="true"))
    assert sorted(found) == [Mode.MAINNET, Mode.TESTNET]


def test_who_does_not_use_it_does_not_load_it() -> None:
    """ccxt takes a second and 60 MB."""
    code = (
        "import sys; import fillwright.bootstrap.real, fillwright.bootstrap.sources;"
        "sys.exit(any(name.split('.')[0] == 'ccxt' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
