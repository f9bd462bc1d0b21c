from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core.types import HOUR
from fillwright.exchange.server.settings import AccountSettings, KeySettings
from fillwright.exchange.settings import AssetLimit, ExchangeSettings
from tests.exchange.server.asking import OPERATIONS, Asker, names
from tests.exchange.server.boxes import API_KEY, SECRET, START, frozen_box

NOW_MS = START // 1000
BTC = {"symbol": "BTCUSDT"}


@pytest.fixture
def asker() -> Asker:
    return Asker(frozen_box())


def at(asker: Asker, seconds: int) -> None:
    """Let time pass, counted from the box's beginning."""
    asker.box.advance(START + seconds * 1_000_000)


def test_an_account_shows_all_assets_unless_asked_for_what_there_is(asker: Asker) -> None:
    shown = asker.ask("account.status")
    assert list(shown) == [
        "makerCommission", "takerCommission", "buyerCommission", "sellerCommission", "commissionRates", "canTrade",
        "canWithdraw", "canDeposit", "brokered", "requireSelfTradePrevention", "preventSor", "updateTime",
        "accountType", "balances", "permissions", "uid",
    ]  # fmt: skip
    assert (shown["makerCommission"], shown["commissionRates"]["taker"]) == (10, "0.00100000")
    assert names(shown["balances"], "asset") == ["BTC", "USDT", "ETH"]
    held = asker.ask("account.status", omitZeroBalances="true")["balances"]
    assert held == [
        {"asset": "USDT", "free": "100000.00000000", "locked": "0.00000000"},
        {"asset": "BTC", "free": "1.00000000", "locked": "0.00000000"},
    ]
    at(asker, 1)
    asker.bid("45000")
    after = asker.ask("account.status")
    assert after["updateTime"] == NOW_MS + 1000
    assert after["balances"][1] == {"asset": "USDT", "free": "99955.00000000", "locked": "45.00000000"}


def test_an_account_that_may_not_trade_or_is_in_a_group() -> None:
    grouped = AccountSettings(trade_group=7, keys=(KeySettings(api_key=API_KEY, secret=SECRET),))
    asker = Asker(frozen_box(accounts=(grouped,)))
    asker.box.exchange.set_can_trade("main", False)
    shown = asker.ask("account.status")
    assert (shown["canTrade"], shown["tradeGroupId"]) == (False, 7)


def test_rates_counts_and_filters(asker: Asker) -> None:
    rates = asker.ask("account.commission", **BTC)
    assert list(rates) == ["symbol", "standardCommission", "specialCommission", "taxCommission", "discount"]
    assert rates["standardCommission"] == {
        "maker": "0.00100000",
        "taker": "0.00100000",
        "buyer": "0.00000000",
        "seller": "0.00000000",
    }
    asker.bid("45000")
    first, second = asker.ask("account.rateLimits.orders")
    assert first == {
        "rateLimitType": "ORDERS",
        "interval": "SECOND",
        "intervalNum": 10,
        "limit": 100,
        "count": 1,
    }
    assert (second["interval"], second["count"]) == ("DAY", 1)
    at(asker, 10)
    assert asker.ask("account.rateLimits.orders")[0]["count"] == 0
    filters = asker.ask("myFilters", **BTC)
    assert "PRICE_FILTER" in names(filters["symbolFilters"], "filterType")
    assert filters["assetFilters"] == []
    for name in ("account.commission", "myFilters"):
        assert asker.refused(name, symbol="NOPE") == (-1121, "Invalid symbol.")


def test_asset_limits_are_shown_where_they_bind() -> None:
    limits = (AssetLimit("BTC", Decimal(2)), AssetLimit("ETH", Decimal(3)))
    asker = Asker(frozen_box(exchange=ExchangeSettings(asset_limits=limits)))
    shown = asker.ask("myFilters", **BTC)["assetFilters"]
    assert shown == [{"filterType": "MAX_ASSET", "asset": "BTC", "limit": "2.00000000"}]


def test_orders_one_open_and_all(asker: Asker) -> None:
    for second, name in enumerate(("a", "b", "c")):
        at(asker, second)
        asker.bid("45000", newClientOrderId=name)
    asker.ask("order.cancel", **BTC, origClientOrderId="b")
    assert asker.ask("order.status", **BTC, origClientOrderId="b")["status"] == "CANCELED"
    assert asker.refused("order.status", **BTC, orderId=9) == (-2013, "Order does not exist.")
    assert asker.refused("order.status", **BTC)[0] == -1102
    assert names(asker.ask("openOrders.status")) == ["a", "c"]
    assert asker.ask("openOrders.status", symbol="ETHUSDT") == []
    assert names(asker.ask("allOrders", **BTC)) == ["a", "b", "c"]
    assert names(asker.ask("allOrders", **BTC, limit=2)) == ["b", "c"]
    assert names(asker.ask("allOrders", **BTC, orderId=2, limit=1)) == ["b"]
    assert names(asker.ask("allOrders", **BTC, startTime=NOW_MS + 1000)) == ["b", "c"]
    assert names(asker.ask("allOrders", **BTC, endTime=NOW_MS + 1000)) == ["a", "b"]
    weight = OPERATIONS["openOrders.status"].weight
    assert not isinstance(weight, int)
    assert weight(asker.call("openOrders.status")) == 80
    assert weight(asker.call("openOrders.status", **BTC)) == 6


def test_a_day_is_the_longest_window(asker: Asker) -> None:
    day_ms = 24 * HOUR // 1000
    for name in ("allOrders", "myTrades", "myAllocations"):
        assert asker.ask(name, **BTC, startTime=NOW_MS, endTime=NOW_MS + day_ms) == []
        late = {"startTime": NOW_MS, "endTime": NOW_MS + day_ms + 1}
        text = "More than 24 hours between startTime and endTime."
        assert asker.refused(name, **BTC, **late) == (-1127, text)


def test_lists(asker: Asker) -> None:
    for number in (1, 2):
        at(asker, number)
        asker.ask(
            "orderList.place.oco", **BTC, side="SELL", quantity="0.01", aboveType="LIMIT_MAKER", abovePrice="60000",
            belowType="STOP_LOSS", belowStopPrice="45000", listClientOrderId=f"l{number}",
        )  # fmt: skip
    by = "listClientOrderId"
    assert asker.ask("orderList.status", origClientOrderId="l2")["orderListId"] == 2
    assert asker.refused("orderList.status")[0] == -1102
    missing = (-2013, "Order list does not exist.")
    assert asker.refused("orderList.status", orderListId=1, origClientOrderId="l2") == missing
    assert asker.refused("orderList.status", orderListId=5) == missing
    asker.ask("orderList.cancel", **BTC, orderListId=1)
    assert names(asker.ask("openOrderLists.status"), by) == ["l2"]
    assert names(asker.ask("allOrderLists"), by) == ["l1", "l2"]
    assert names(asker.ask("allOrderLists", fromId=2), by) == ["l2"]
    assert names(asker.ask("allOrderLists", limit=1), by) == ["l2"]
    assert asker.refused("allOrderLists", fromId=2, startTime=NOW_MS)[0] == -1128


def test_trades_and_their_legal_combinations(asker: Asker) -> None:
    for second in range(3):
        at(asker, second)
        asker.place("BUY", "MARKET", quantity="0.01")
    rows = asker.ask("myTrades", **BTC)
    assert rows[0] == {
        "symbol": "BTCUSDT",
        "id": 2,
        "orderId": 1,
        "orderListId": -1,
        "price": "50000.01000000",
        "qty": "0.01000000",
        "quoteQty": "500.00010000",
        "commission": "0.00001000",
        "commissionAsset": "BTC",
        "time": NOW_MS,
        "isBuyer": True,
        "isMaker": False,
        "isBestMatch": True,
    }
    assert names(asker.ask("myTrades", **BTC, orderId=2), "id") == [3]
    assert names(asker.ask("myTrades", **BTC, fromId=3), "id") == [3, 4]
    assert names(asker.ask("myTrades", **BTC, startTime=NOW_MS + 1000), "id") == [3, 4]
    assert names(asker.ask("myTrades", **BTC, endTime=NOW_MS + 1000, limit=1), "id") == [3]
    assert asker.ask("myTrades", **BTC, orderId=2, fromId=4) == []
    combination = (-1128, "Combination of optional parameters invalid.")
    assert asker.refused("myTrades", **BTC, orderId=2, startTime=NOW_MS) == combination
    assert asker.refused("myTrades", **BTC, fromId=2, endTime=NOW_MS) == combination
    weight = OPERATIONS["myTrades"].weight
    assert not isinstance(weight, int)
    assert (weight(asker.call("myTrades", **BTC)), weight(asker.call("myTrades", **BTC, orderId=1))) == (
        20,
        5,
    )


def test_prevented_matches(asker: Asker) -> None:
    asker.bid("49000")
    asker.box.quote("BTCUSDT", Decimal(48000), Decimal(1), Decimal(50000), Decimal(1), asker.box.now)
    asker.place("SELL", "LIMIT", quantity="0.002", price="49000")
    (match,) = asker.ask("myPreventedMatches", **BTC, orderId=1)
    assert match == {
        "symbol": "BTCUSDT",
        "preventedMatchId": 1,
        "takerOrderId": 2,
        "makerSymbol": "BTCUSDT",
        "makerOrderId": 1,
        "tradeGroupId": -1,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "price": "49000.00000000",
        "makerPreventedQuantity": "0.00100000",
        "transactTime": NOW_MS,
    }
    assert asker.ask("myPreventedMatches", **BTC, preventedMatchId=1) == [match]
    assert asker.ask("myPreventedMatches", **BTC, preventedMatchId=2) == []
    assert asker.ask("myPreventedMatches", **BTC, orderId=2, fromPreventedMatchId=2) == []
    assert asker.refused("myPreventedMatches", **BTC)[0] == -1128
    weight = OPERATIONS["myPreventedMatches"].weight
    assert not isinstance(weight, int)
    calls = [{**BTC, "preventedMatchId": 1}, {**BTC, "orderId": 1}, {"symbol": "NOPE", "orderId": 1}]
    assert [weight(asker.call("myPreventedMatches", **params)) for params in calls] == [2, 20, 2]


def test_there_are_no_allocations(asker: Asker) -> None:
    assert asker.ask("myAllocations", **BTC) == []
    assert asker.refused("myAllocations", **BTC, fromAllocationId=1, startTime=NOW_MS)[0] == -1128
    assert asker.refused("myAllocations", symbol="NOPE")[0] == -1121


def test_amendments_from_an_execution_on(asker: Asker) -> None:
    number = asker.bid("45000", quantity="0.003")["orderId"]
    for quantity in ("0.002", "0.001"):
        asker.ask("order.amend.keepPriority", **BTC, orderId=number, newQty=quantity)
    rows = asker.ask("order.amendments", **BTC, orderId=number)
    assert names(rows, "newQty") == ["0.00200000", "0.00100000"]
    since = rows[1]["executionId"]
    assert asker.ask("order.amendments", **BTC, orderId=number, fromExecutionId=since) == rows[1:]
    assert asker.ask("order.amendments", **BTC, orderId=number, limit=1) == rows[:1]
    assert asker.refused("order.amendments", **BTC, orderId=9)[0] == -2013
