"""Statistics: every field of Binance's documents, in its order, as its type."""

from __future__ import annotations

import msgspec
import pytest

from fillwright.core.types import MINUTE
from fillwright.exchange.server import ticker_payloads
from fillwright.exchange.server.market_payloads import milliseconds
from fillwright.exchange.server.public_market import PublicMarket
from tests.exchange.builders import EXACT, SYMBOL, D, an_exchange

START = 1_795_168_800_000_000


@pytest.fixture
def market() -> PublicMarket:
    exchange = an_exchange(msgspec.structs.replace(EXACT, public_trades=True), last=None)
    exchange.on_depth(SYMBOL, [(D(99), D(1))], [(D(101), D(2))], START, snapshot=True)
    public = PublicMarket(exchange, SYMBOL)
    exchange.on_trade(SYMBOL, D(100), D(1), START + 7, True)
    exchange.on_trade(SYMBOL, D(110), D("0.5"), START + MINUTE, False)
    public.traded(exchange.drain_trades())
    return public


def test_statistics_of_a_day(market: PublicMarket) -> None:
    now = START + 2 * MINUTE
    mini = ticker_payloads.mini_ticker(market, now, milliseconds)
    assert list(mini) == ["e", "E", "s", "c", "o", "h", "l", "v", "q"]
    told = ticker_payloads.ticker(market, now, milliseconds)
    assert list(told) == list("eEspPwxcQbBaAohlvqOCFLn")
    assert (told["p"], told["P"], told["w"]) == ("10.00000000", "10.000", "103.33333333")
    assert (told["b"], told["B"], told["a"], told["A"]) == (
        "99.00000000", "1.00000000", "101.00000000", "2.00000000",
    )  # fmt: skip
    assert (told["Q"], told["F"], told["L"], told["n"]) == ("0.50000000", 1, 2, 2)
    row = ticker_payloads.day_row(market, now, milliseconds)
    assert list(row) == [
        "symbol", "priceChange", "priceChangePercent", "weightedAvgPrice", "prevClosePrice", "lastPrice", "lastQty",
        "bidPrice", "bidQty", "askPrice", "askQty", "openPrice", "highPrice", "lowPrice", "volume", "quoteVolume",
        "openTime", "closeTime", "firstId", "lastId", "count",
    ]  # fmt: skip


def test_statistics_of_windows(market: PublicMarket) -> None:
    now = START + 2 * MINUTE
    told = ticker_payloads.window_ticker(market, "1h", 60, now, milliseconds)
    assert list(told) == list("eEspPohlcwvqOCFLn")
    assert (told["e"], told["O"] % 60_000) == ("1hTicker", 0)
    full = ticker_payloads.ticker_row(market, market.minutes(1, now), milliseconds, is_mini=False)
    assert list(full) == [
        "symbol", "priceChange", "priceChangePercent", "weightedAvgPrice", "openPrice", "highPrice", "lowPrice",
        "lastPrice", "volume", "quoteVolume", "openTime", "closeTime", "firstId", "lastId", "count",
    ]  # fmt: skip
    mini = ticker_payloads.ticker_row(market, market.minutes(1, now), milliseconds, is_mini=True)
    assert list(mini) == [name for name in full if "Change" not in name and name != "weightedAvgPrice"]
