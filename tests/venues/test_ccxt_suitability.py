"""Exchanges that would not do are refused before anything is asked of them, and all that they lack is named."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fillwright.core.types import OrderType
from fillwright.venues.ccxt_client import CcxtKeys, CcxtSettings
from fillwright.venues.ccxt_places import at_urls
from fillwright.venues.ccxt_suitability import UnsuitedExchangeError, examine

pytestmark = pytest.mark.filterwarnings("default")  # ccxt's own
KEYS = CcxtKeys(SecretStr("a" * 32), SecretStr("b" * 32))


def of(name: str, prepare: Any = None, **settings: Any) -> tuple[OrderType, ...]:
    return examine(CcxtSettings(exchange_id=name, **settings), KEYS, prepare).stop_types


def lacks(name: str, prepare: Any = None, **settings: Any) -> str:
    with pytest.raises(UnsuitedExchangeError) as error:
        of(name, prepare, **settings)
    assert error.value.exchange_id == name
    assert all(one in str(error.value) for one in error.value.missing)
    return "; ".join(error.value.missing)


@pytest.mark.parametrize("name", ["binance", "binanceus", "bitrue", "toobit"])
def test_an_exchange_that_sends_ids_and_stops_is_suited(name: str) -> None:
    assert of(name) == (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("krakenfutures", "a Spot market"),
        ("cex", "fetchOrder in ccxt"),
        ("gemini", "market orders"),
        ("luno", "client order ids: ccxt's create_order does not know them"),
        ("coinbase", "client order ids: ccxt does not send ours"),
        ("kucoin", "the password that it wants"),
        ("okx", "letters and digits alone"),
        ("mexc", "stop orders: ccxt knows none"),
        ("bybit", "asked for and cancelled apart"),
        ("whitebit", "fill-or-kill"),
        ("bitfinex", "steps of prices and amounts"),
        ("hyperliquid", "a way to give the privateKey"),
    ],
)
def test_what_an_exchange_lacks_is_named(name: str, words: str) -> None:
    assert words in lacks(name)


@pytest.mark.long
def test_the_document_names_those_that_are_suited() -> None:
    import ccxt.pro

    suited = []
    for name in ccxt.pro.exchanges:
        with contextlib.suppress(UnsuitedExchangeError):
            of(name)
            suited.append(name)
    text = (Path(__file__).parents[2] / "docs" / "CCXT.md").read_text()
    (told,) = re.findall(rf"With ccxt {re.escape(ccxt.__version__)} these pass: (.*?)\.\n", text)
    assert re.findall(r"`(\w+)`", told) == suited


def test_all_that_is_missing_is_told_at_once() -> None:
    assert lacks("p2b").count(";") >= 3


def test_names_that_ccxt_does_not_have_and_ones_that_were_meant() -> None:
    assert "did you mean" not in lacks("nowhereatall")
    assert "did you mean binance" in lacks("binanc")


def test_a_test_network_is_asked_for_where_there_is_one() -> None:
    assert "has no test network" in lacks("kraken", sandbox=True)
    assert of("binanceus", sandbox=True)


def test_addresses_that_ccxt_does_not_have() -> None:
    assert "'publik' at binanceus" in lacks("binanceus", at_urls({"publik": "http://x"}))


def test_a_trial_sends_nothing_and_its_refusal_is_told() -> None:
    """A lacking exchange in disguise: ccxt refuses stops, or leaves their price away."""

    def without_stops(exchange: Any) -> None:
        create = exchange.create_order

        async def refusing(*arguments: Any) -> Any:
            if "stopLossPrice" in arguments[-1]:
                import ccxt

                raise ccxt.NotSupported("binance createOrder() has no stops today")
            return await create(*arguments)

        exchange.create_order = refusing

    def forgetful(exchange: Any) -> None:
        create = exchange.create_order

        async def losing(*arguments: Any) -> Any:
            params = {key: value for key, value in arguments[-1].items() if key != "stopLossPrice"}
            return await create(*arguments[:-1], params)

        exchange.create_order = losing

    def broken(exchange: Any) -> None:
        async def create_order(*arguments: Any) -> Any:
            raise KeyError("canary")

        exchange.create_order = create_order

    assert "stop orders: binance createOrder() has no stops today" in lacks("binance", without_stops)
    assert "the price of a stop would not be sent" in lacks("binance", forgetful)
    assert "could not be tried (KeyError)" in lacks("binance", broken)


def test_ccxt_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt.pro", None)
    assert "make setup" in lacks("binance")
