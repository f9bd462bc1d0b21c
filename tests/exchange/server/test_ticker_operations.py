"""Tickers: one row for ``symbol``, a list for ``symbols`` and for none; weights; what is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core.types import HOUR, SymbolStatus
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.ticker_operations import WINDOWS
from tests.exchange.server.boxes import START, frozen_box
from tests.exchange.server.test_market_operations import ask, refused, weight

MS = START // 1000
ALL = ("ticker.24hr", "ticker.price", "ticker.book")
SOME = ("ticker", "ticker.tradingDay")


@pytest.fixture
def box() -> Box:
    box = frozen_box()
    box.clock.step(HOUR)
    box.tick()
    box.trade("BTCUSDT", Decimal(51_000), Decimal("0.5"), False, box.now)
    return box


def test_windows() -> None:
    assert len(WINDOWS) == 59 + 23 + 7
    assert (WINDOWS["59m"], WINDOWS["23h"], WINDOWS["7d"]) == (59, 1380, 10_080)


def test_prices(box: Box) -> None:
    assert ask(box, "ticker.price", symbol="BTCUSDT") == {"symbol": "BTCUSDT", "price": "51000.00000000"}
    assert ask(box, "ticker.price", symbol="ETHUSDT") == {"symbol": "ETHUSDT", "price": "0.00000000"}
    assert ask(box, "ticker.book", symbol="BTCUSDT") == {
        "symbol": "BTCUSDT",
        "bidPrice": "49999.99000000",
        "bidQty": "5.00000000",
        "askPrice": "50000.01000000",
        "askQty": "5.00000000",
    }


def test_statistics(box: Box) -> None:
    day = ask(box, "ticker.24hr", symbol="BTCUSDT")
    assert (day["openPrice"], day["lastPrice"], day["priceChangePercent"]) == (
        "50000.00000000", "51000.00000000", "2.000",
    )  # fmt: skip
    assert (day["count"], day["volume"], day["weightedAvgPrice"]) == (2, "1.50000000", "50333.33333333")
    window = ask(box, "ticker", symbol="BTCUSDT", windowSize="59m")
    assert (window["openTime"], window["count"], window["openPrice"]) == (MS + 60_000, 1, "51000.00000000")
    assert ask(box, "ticker", symbol="BTCUSDT")["count"] == 2
    trading_day = ask(box, "ticker.tradingDay", symbol="BTCUSDT", timeZone="8")
    assert trading_day["closeTime"] - trading_day["openTime"] == 86_399_999
    assert trading_day["openTime"] % 86_400_000 == 16 * 3_600_000
    for name in ("ticker.24hr", *SOME):
        mini = ask(box, name, symbol="BTCUSDT", type="MINI")
        assert list(mini) == [
            "symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume", "openTime",
            "closeTime", "firstId", "lastId", "count",
        ]  # fmt: skip


@pytest.mark.parametrize("name", [*ALL, *SOME])
def test_one_row_or_a_list(box: Box, name: str) -> None:
    assert ask(box, name, symbol="BTCUSDT")["symbol"] == "BTCUSDT"
    assert [row["symbol"] for row in ask(box, name, symbols=["ETHUSDT"])] == ["ETHUSDT"]
    both = ask(box, name, symbols=["ETHUSDT", "BTCUSDT"])
    assert [row["symbol"] for row in both] == ["ETHUSDT", "BTCUSDT"]
    assert refused(box, name, symbol="BTCUSDT", symbols=["ETHUSDT"]) == -1128
    assert refused(box, name, symbol="NOPE") == -1121
    assert refused(box, name, symbols=["BTCUSDT", "NOPE"]) == -1121
    assert refused(box, name, symbols=["BTCUSDT", "BTCUSDT"]) == -1151


@pytest.mark.parametrize("name", [*ALL, *SOME])
def test_status(box: Box, name: str) -> None:
    box.exchange.set_status("ETHUSDT", SymbolStatus.HALT, box.now)
    assert refused(box, name, symbol="ETHUSDT", symbolStatus="TRADING") == -1220
    rows = ask(box, name, symbols=["ETHUSDT", "BTCUSDT"], symbolStatus="HALT")
    assert [row["symbol"] for row in rows] == ["ETHUSDT"]


def test_all_symbols_or_some(box: Box) -> None:
    for name in ALL:
        assert [row["symbol"] for row in ask(box, name)] == ["BTCUSDT", "ETHUSDT"]
    for name in SOME:
        assert refused(box, name) == -1102
        assert refused(box, name, symbols=[f"S{number}" for number in range(101)]) == -1101


def test_weights(box: Box) -> None:
    many = [f"S{number}" for number in range(101)]
    assert [weight(box, "ticker.24hr", symbols=many[:count]) for count in (1, 20, 21, 100, 101)] == [
        2, 2, 40, 40, 80,
    ]  # fmt: skip
    assert [weight(box, name, symbol="BTCUSDT") for name in (*ALL, *SOME)] == [2, 2, 2, 4, 4]
    assert [weight(box, name) for name in ALL] == [80, 4, 4]
    assert [weight(box, name, symbols=["BTCUSDT"]) for name in ALL[1:]] == [4, 4]
    assert [weight(box, "ticker", symbols=many[:count]) for count in (1, 50, 51, 100)] == [4, 200, 200, 200]


def test_refusals(box: Box) -> None:
    assert refused(box, "ticker", symbol="BTCUSDT", windowSize="60m") == -1130
    assert refused(box, "ticker", symbol="BTCUSDT", windowSize="1d2h") == -1130
    assert refused(box, "ticker.24hr", type="HUGE") == -1130
    assert refused(box, "ticker.tradingDay", symbol="BTCUSDT", timeZone="15") == -1130
