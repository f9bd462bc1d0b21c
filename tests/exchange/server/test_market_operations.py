"""What everybody may ask of books, trades, candles and the server, parameters as clients send them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fillwright.core.types import MINUTE, SymbolStatus
from fillwright.exchange.market import PriceRange
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.market_operations import GENERAL, MARKET
from fillwright.exchange.server.operations import Call, Operation
from fillwright.exchange.server.parameters import Parser
from fillwright.exchange.server.ticker_operations import TICKERS
from tests.exchange.server.boxes import START, frozen_box, limit_order

OPERATIONS: dict[str, Operation] = {one.name: one for one in (*GENERAL, *MARKET, *TICKERS)}
MS = START // 1000


def call_of(box: Box, name: str, **params: object) -> Call:
    operation = OPERATIONS[name]
    parsed = Parser(operation).websocket(dict(params), is_logged_on=False)
    return Call(box, operation, parsed.values, box.now)


def ask(box: Box, name: str, **params: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(call_of(box, name, **params).perform()))


def refused(box: Box, name: str, **params: object) -> int:
    with pytest.raises(ExchangeError) as caught:
        ask(box, name, **params)
    return caught.value.code


def weight(box: Box, name: str, **params: object) -> int:
    call = call_of(box, name, **params)
    given = call.operation.weight
    return given if isinstance(given, int) else given(call)


@pytest.fixture
def box() -> Box:
    return frozen_box()


def test_the_servers_own(box: Box) -> None:
    assert ask(box, "ping") == {}
    assert ask(box, "time") == {"serverTime": MS}
    box.clock.skew_us = 5_000_000
    assert ask(box, "time") == {"serverTime": MS + 5000}
    call = Call(box, OPERATIONS["time"], {}, box.now, microseconds=True)
    assert call.perform() == {"serverTime": START + 5_000_000}


# -- exchangeInfo ----------------------------------------------------------------------------------------------


def symbols(answer: Any) -> list[str]:
    return [one["symbol"] for one in answer["symbols"]]


def test_exchange_info(box: Box) -> None:
    whole = ask(box, "exchangeInfo")
    assert list(whole) == ["timezone", "serverTime", "rateLimits", "exchangeFilters", "symbols"]
    assert symbols(whole) == ["BTCUSDT", "ETHUSDT"]
    assert whole["symbols"][0]["pegInstructionsAllowed"] is False
    assert {one["rateLimitType"] for one in whole["rateLimits"]} == {
        "REQUEST_WEIGHT",
        "ORDERS",
        "RAW_REQUESTS",
    }
    assert symbols(ask(box, "exchangeInfo", symbol="ETHUSDT")) == ["ETHUSDT"]
    assert symbols(ask(box, "exchangeInfo", symbols=["ETHUSDT", "BTCUSDT"])) == ["ETHUSDT", "BTCUSDT"]
    assert symbols(ask(box, "exchangeInfo", permissions="SPOT")) == ["BTCUSDT", "ETHUSDT"]
    assert symbols(ask(box, "exchangeInfo", permissions=["TRD_GRP_009"])) == []
    assert ask(box, "exchangeInfo", showPermissionSets="false")["symbols"][0]["permissionSets"] == []
    box.exchange.set_status("ETHUSDT", SymbolStatus.HALT, box.now)
    assert symbols(ask(box, "exchangeInfo", symbolStatus="HALT")) == ["ETHUSDT"]
    assert symbols(ask(box, "exchangeInfo", symbolStatus="BREAK")) == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"symbol": "NOPE"}, -1121),
        ({"symbols": ["BTCUSDT", "NOPE"]}, -1121),
        ({"symbols": ["BTCUSDT", "BTCUSDT"]}, -1151),
        ({"symbol": "BTCUSDT", "symbols": ["BTCUSDT"]}, -1128),
        ({"symbol": "BTCUSDT", "permissions": "SPOT"}, -1128),
        ({"symbol": "BTCUSDT", "symbolStatus": "TRADING"}, -1128),
        ({"symbolStatus": "ASLEEP"}, -1122),
        ({"symbol": "btcusdt"}, -1100),
        ({"nonsense": "1"}, -1104),
    ],
)
def test_exchange_info_refuses(box: Box, params: dict[str, object], code: int) -> None:
    assert refused(box, "exchangeInfo", **params) == code


def test_execution_rules(box: Box) -> None:
    assert ask(box, "executionRules", symbol="BTCUSDT") == {
        "symbolRules": [{"symbol": "BTCUSDT", "rules": []}]
    }
    rule = PriceRange(Decimal("1.1"), Decimal("0.9"), Decimal("1.2"), Decimal("0.8"))
    box.exchange.set_price_range("ETHUSDT", rule)
    found = ask(box, "executionRules")["symbolRules"]
    assert [one["symbol"] for one in found] == ["BTCUSDT", "ETHUSDT"]
    assert found[1]["rules"] == [
        {
            "ruleType": "PRICE_RANGE",
            "bidLimitMultUp": "1.1",
            "bidLimitMultDown": "0.9",
            "askLimitMultUp": "1.2",
            "askLimitMultDown": "0.8",
        }
    ]
    assert ask(box, "executionRules", symbolStatus="HALT") == {"symbolRules": []}
    assert refused(box, "executionRules", symbol="NOPE") == -1121
    assert refused(box, "executionRules", symbol="BTCUSDT", symbolStatus="TRADING") == -1128
    weights = [{"symbol": "BTCUSDT"}, {"symbols": ["BTCUSDT", "ETHUSDT"]}, {"symbolStatus": "HALT"}, {}]
    assert [weight(box, "executionRules", **one) for one in weights] == [2, 4, 40, 40]


# -- the book and trades -----------------------------------------------------------------------------------------


def test_depth(box: Box) -> None:
    box.depth(
        "BTCUSDT",
        [(Decimal(49_999 - step), Decimal(1)) for step in range(150)],
        [(Decimal(50_001), Decimal(2))],
        box.now,
    )
    answer = ask(box, "depth", symbol="BTCUSDT")
    assert list(answer) == ["lastUpdateId", "bids", "asks"]
    assert len(answer["bids"]) == 100
    assert answer["asks"] == [["50001.00000000", "2.00000000"]]
    assert len(ask(box, "depth", symbol="BTCUSDT", limit=7)["bids"]) == 7
    assert len(ask(box, "depth", symbol="BTCUSDT", limit=9_999)["bids"]) == 150
    box.exchange.execute("main", limit_order("49999", "0.5"), box.now)
    assert ask(box, "depth", symbol="BTCUSDT", limit=1)["bids"] == [["49999.00000000", "1.50000000"]]
    limits = (None, 100, 101, 500, 501, 1000, 1001, 5000)
    weights = [
        weight(box, "depth", symbol="BTCUSDT", **({} if one is None else {"limit": one})) for one in limits
    ]
    assert weights == [5, 5, 25, 25, 50, 50, 250, 250]
    assert refused(box, "depth", symbol="BTCUSDT", limit=0) == -1130
    assert refused(box, "depth", symbol="BTCUSDT", symbolStatus="HALT") == -1220
    assert refused(box, "depth", symbol="NOPE") == -1121
    assert refused(box, "depth") == -1102


def test_trades(box: Box) -> None:
    for step in range(3):
        box.trade("BTCUSDT", Decimal(50_001 + step), Decimal("0.5"), True, box.now)
    rows = ask(box, "trades.recent", symbol="BTCUSDT", limit=2)
    assert [row["id"] for row in rows] == [3, 4]
    assert rows[0] == {
        "id": 3, "price": "50002.00000000", "qty": "0.50000000", "quoteQty": "25001.00000000", "time": MS,
        "isBuyerMaker": True, "isBestMatch": True,
    }  # fmt: skip
    assert [row["id"] for row in ask(box, "trades.historical", symbol="BTCUSDT", fromId=2, limit=2)] == [2, 3]
    assert len(ask(box, "trades.historical", symbol="BTCUSDT")) == 4
    assert ask(box, "trades.recent", symbol="ETHUSDT") == []
    assert ask(box, "blockTrades.historical", symbol="BTCUSDT", fromId=0) == []
    assert refused(box, "blockTrades.historical", symbol="BTCUSDT") == -1102
    assert refused(box, "trades.recent", symbol="NOPE") == -1121


def test_executions_of_accounts_are_trades(box: Box) -> None:
    box.exchange.execute("main", limit_order("60000", "0.001"), box.now)
    box.settle()
    (row,) = ask(box, "trades.recent", symbol="BTCUSDT", limit=1)
    (fill,) = box.exchange.trades("main", "BTCUSDT")
    assert (row["id"], row["isBuyerMaker"], row["qty"]) == (fill.trade_id, False, "0.00100000")


def test_aggregate_trades(box: Box) -> None:
    box.trade("BTCUSDT", Decimal(50_001), Decimal("0.5"), True, box.now)
    rows = ask(box, "trades.aggregate", symbol="BTCUSDT")
    assert rows[-1] == {
        "a": 2, "p": "50001.00000000", "q": "0.50000000", "f": 2, "l": 2, "T": MS, "m": True, "M": True,
    }  # fmt: skip
    assert [row["a"] for row in ask(box, "trades.aggregate", symbol="BTCUSDT", fromId=2)] == [2]
    assert ask(box, "trades.aggregate", symbol="BTCUSDT", startTime=MS + 1) == []
    assert len(ask(box, "trades.aggregate", symbol="BTCUSDT", endTime=MS)) == 2
    assert refused(box, "trades.aggregate", symbol="BTCUSDT", fromId=1, startTime=1) == -1128


# -- candles -----------------------------------------------------------------------------------------------------


def test_klines(box: Box) -> None:
    box.clock.step(MINUTE)
    box.tick()
    box.trade("BTCUSDT", Decimal(50_100), Decimal(2), False, box.now)
    for name in ("klines", "uiKlines"):
        rows = ask(box, name, symbol="BTCUSDT", interval="1m")
        assert rows[-1] == [
            MS + 60_000, "50100.00000000", "50100.00000000", "50100.00000000", "50100.00000000", "2.00000000",
            MS + 119_999, "100200.00000000", 1, "2.00000000", "100200.00000000", "0",
        ]  # fmt: skip
    assert len(ask(box, "klines", symbol="BTCUSDT", interval="1s", limit=1000)) == 61
    assert ask(box, "klines", symbol="BTCUSDT", interval="1m", startTime=MS + 120_000) == []
    assert ask(box, "klines", symbol="ETHUSDT", interval="1m") == []


@pytest.mark.parametrize(
    ("zone", "hour"),
    [("0", 0), ("8", 16), ("+8:00", 16), ("-1:00", 1), ("05:45", 18), ("14:00", 10), ("-12", 12)],
)
def test_days_of_a_zone(box: Box, zone: str, hour: int) -> None:
    (row,) = ask(box, "klines", symbol="BTCUSDT", interval="1d", timeZone=zone)
    assert row[0] // 3_600_000 % 24 == hour
    assert row[6] - row[0] == 86_399_999


@pytest.mark.parametrize("zone", ["14:01", "-12:01", "15", "1:60", "x", "8:0", "--1", "", "٨"])
def test_zones_that_there_are_not(box: Box, zone: str) -> None:
    assert refused(box, "klines", symbol="BTCUSDT", interval="1d", timeZone=zone) in (-1130, -1105)


def test_klines_refuse(box: Box) -> None:
    assert refused(box, "klines", symbol="BTCUSDT") == -1102
    assert refused(box, "klines", symbol="BTCUSDT", interval="1D") == -1120
    assert refused(box, "klines", symbol="BTCUSDT", interval="5s") == -1120
    assert refused(box, "klines", symbol="NOPE", interval="1d") == -1121


# -- prices ------------------------------------------------------------------------------------------------------


def test_the_average_price(box: Box) -> None:
    assert ask(box, "avgPrice", symbol="BTCUSDT") == {"mins": 5, "price": "50000.00000000", "closeTime": MS}
    assert ask(box, "avgPrice", symbol="ETHUSDT") == {"mins": 5, "price": "0.00000000", "closeTime": 0}


def test_reference_prices(box: Box) -> None:
    assert refused(box, "referencePrice", symbol="BTCUSDT") == -2043
    assert refused(box, "referencePrice.calculation", symbol="BTCUSDT") == -2043
    box.exchange.set_reference_price("BTCUSDT", Decimal("50000.5"))
    assert ask(box, "referencePrice", symbol="BTCUSDT") == {
        "symbol": "BTCUSDT",
        "referencePrice": "50000.50000000",
        "timestamp": MS,
    }
    box.exchange.set_reference_price("BTCUSDT", None)
    assert ask(box, "referencePrice", symbol="BTCUSDT")["referencePrice"] is None
    calculation = ask(box, "referencePrice.calculation", symbol="BTCUSDT")
    assert calculation == {"symbol": "BTCUSDT", "calculationType": "EXTERNAL", "externalCalculationId": 1}
    assert refused(box, "referencePrice.calculation", symbol="BTCUSDT", symbolStatus="BREAK") == -1220
    assert refused(box, "referencePrice", symbol="NOPE") == -1121
