"""Books as ccxt reads them: named orders, ids that are no numbers, exchanges that are asked symbol by symbol."""

from __future__ import annotations

import asyncio
from typing import Any

import ccxt
import pytest

from fillwright.core.effects import FetchInstruments, FetchSnapshot, QueryOrder
from fillwright.core.inputs import OrderAbsent, OrderReport
from fillwright.runtime.clock import SystemClock
from fillwright.venues import ccxt_reading
from fillwright.venues.ccxt_client import CcxtClient, CcxtSettings
from fillwright.venues.ccxt_reading import Reader
from fillwright.venues.ccxt_words import TICK_SIZE, NotOffered, whole_id
from tests.exchange.builders import D
from tests.venues.ccxt_boxes import KEYS
from tests.venues.test_ccxt_words import MARKET, ORDER, TRADE

PARTLY = {**ORDER, "symbol": "BTC/USD", "filled": "0.5", "average": "100.05"}


class SmallExchange:
    """As much of an exchange of ccxt's as reads need: one whose ids are words, asked symbol by symbol."""

    precisionMode = TICK_SIZE  # noqa: N815
    has = {"fetchTime": True}
    features: dict[str, Any] = {}
    clients: dict[str, Any] = {}

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failing: list[Exception] = []

    async def load_markets(self, again: bool = False) -> dict[str, Any]:
        odd = {**MARKET, "symbol": "ODD/USD", "base": "ODD", "precision": {}}
        closed = {**MARKET, "symbol": "OLD/USD", "base": "OLD", "active": False}
        return {"BTC/USD": MARKET, "ODD/USD": odd, "OLD/USD": closed, "F": {**MARKET, "spot": False}}

    async def fetch_open_orders(self, symbol: str | None = None) -> list[dict[str, Any]]:
        self.asked.append(f"open {symbol}")
        if self.failing:
            raise self.failing.pop()
        if symbol is None:
            raise ccxt.ArgumentsRequired("small needs a symbol")
        return [PARTLY]

    async def fetch_closed_orders(self, symbol: str) -> list[dict[str, Any]]:
        return [{**ORDER, "symbol": "BTC/USD", "id": "O-2", "clientOrderId": "closed", "status": "closed"}]

    async def fetch_canceled_orders(self, symbol: str) -> list[dict[str, Any]]:
        raise ccxt.NotSupported("small has no such list")

    async def fetch_order(self, own: str | None, symbol: str, params: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(f"order {own}")
        if own is None:
            raise ccxt.ArgumentsRequired("small needs an id")
        if own != "O-ABC":
            raise ccxt.OrderNotFound("small has none")
        return PARTLY

    async def fetch_my_trades(self, symbol: str, since: int | None, limit: int) -> list[dict[str, Any]]:
        return [TRADE, {**TRADE, "id": "t-9", "order": "other"}]

    async def fetch_balance(self) -> dict[str, Any]:
        return {"free": {"BTC": "1", "EUR": "0"}, "used": {"BTC": "0.5", "EUR": "0"}}

    async def load_time_difference(self) -> int:
        self.asked.append("time")
        return 0


def reader() -> tuple[Reader, SmallExchange]:
    client = CcxtClient(CcxtSettings(exchange_id="small"), KEYS)
    exchange = client.exchange = SmallExchange()
    made = Reader(client, SystemClock())
    found = made.learn(asyncio.run(exchange.load_markets()))
    assert [one.symbol for one in found] == ["BTCUSD"]
    return made, exchange


def test_the_books_of_an_exchange_that_is_asked_symbol_by_symbol() -> None:
    made, exchange = reader()
    asked = FetchSnapshot(None, ("RT_a", "closed", "never"), "test", symbols=("BTCUSD",) * 3)
    snapshot = asyncio.run(made.snapshot(asked))
    assert [one.client_order_id for one in snapshot.orders] == ["RT_a", "closed"]
    assert snapshot.absent == ("never",)
    assert snapshot.balances == (("BTC", D(1), D("0.5")),)
    (fill,) = snapshot.orders[0].fills
    assert fill.trade_id == whole_id("t-1")
    assert exchange.asked[:2] == ["open None", "open BTC/USD"]


def test_an_order_is_asked_about_by_the_id_that_the_venue_gave() -> None:
    made, exchange = reader()
    made.remember(ORDER)
    found = asyncio.run(made.about(QueryOrder("BTCUSD", "RT_a", whole_id("O-ABC"))))
    assert isinstance(found, OrderReport)
    assert exchange.asked == ["order O-ABC"]
    again = asyncio.run(made.about(QueryOrder("BTCUSD", "RT_a")))
    assert again == found
    absent = asyncio.run(made.about(QueryOrder("BTCUSD", "never", 12)))
    assert absent == OrderAbsent(symbol="BTCUSD", client_order_id="never")


def test_a_read_that_fails_is_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_reading, "READ_AGAIN_FIRST", 1_000)
    made, exchange = reader()
    exchange.failing = [ccxt.NetworkError("small"), ccxt.InvalidNonce("small"), ccxt.ExchangeError("small")]
    assert len(asyncio.run(made.open_orders("BTCUSD"))) == 1
    assert exchange.asked == ["open BTC/USD"] * 2 + ["time"] + ["open BTC/USD"] * 2


def test_symbols() -> None:
    made, _ = reader()
    update = asyncio.run(made.instruments(FetchInstruments(("BTCUSD", "NOSUCH"))))
    assert [one.symbol for one in update.instruments] == ["BTCUSD"]
    with pytest.raises(NotOffered, match="NOSUCH"):
        made.market("NOSUCH")


def test_orders_that_work_are_known_until_their_end_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    client = CcxtClient(CcxtSettings(), KEYS)
    made = Reader(client, SystemClock())
    made.symbols["BTC/USD"] = "BTCUSD"
    made.remember({**ORDER, "symbol": "BTC/USD", "status": None})
    made.remember({**ORDER, "id": "2", "symbol": None, "status": "open"}, "BTCUSD")
    made.remember({**ORDER, "id": "3", "symbol": "ETH/USD", "status": "open"})
    assert made.working == {str(ORDER["id"]): "BTCUSD", "2": "BTCUSD"}
    made.remember({**ORDER, "symbol": "BTC/USD", "status": "canceled"})
    assert made.working == {"2": "BTCUSD"}
    monkeypatch.setattr(ccxt_reading, "WORKING_MAX", 3)
    for own in range(10, 20):
        made.remember({**ORDER, "id": str(own), "symbol": "BTC/USD", "status": "open"})
    assert list(made.working) == ["17", "18", "19"]
