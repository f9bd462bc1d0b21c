"""exchangeInfo: what the body says is passed on, but for what the server decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fillwright.core.types import SymbolStatus
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.exchange_info import DEFAULT_PERMISSIONS, InfoBook
from fillwright.wire.exchange_info import ExchangeInfoError, parse_exchange_info

ONE: dict[str, Any] = {
    "symbol": "AAABBB",
    "status": "TRADING",
    "baseAsset": "AAA",
    "quoteAsset": "BBB",
    "filters": [{"filterType": "FROM_THE_FUTURE", "x": "1"}],
    "pegInstructionsAllowed": True,
    "permissions": [],
    "permissionSets": [["SPOT", "MARGIN"], ["TRD_GRP_004"]],
    "somethingNew": {"a": 1},
}
BODY: dict[str, Any] = {
    "timezone": "UTC",
    "serverTime": 5,
    "rateLimits": [],
    "exchangeFilters": [],
    "symbols": [
        ONE,
        {**ONE, "symbol": "CCCBBB", "baseAsset": "CCC", "permissionSets": [["TRD_GRP_004"]]},
        {**ONE, "symbol": "OLDBBB", "baseAsset": "OLD", "permissions": ["LEVERAGED"], "permissionSets": []},
        {**ONE, "symbol": "ELSEWHERE", "baseAsset": "ELSE"},
    ],
}


@pytest.fixture
def exchange() -> Exchange:
    instruments = parse_exchange_info(msgspec.json.encode(BODY)).instruments
    return Exchange([one for symbol, one in instruments.items() if symbol != "ELSEWHERE"])


@pytest.fixture
def book(exchange: Exchange) -> InfoBook:
    return InfoBook(msgspec.json.encode(BODY), exchange)


def shown(book: InfoBook, symbol: str = "AAABBB", *, with_permission_sets: bool = True) -> dict[str, Any]:
    (raw,) = book.shown([symbol], with_permission_sets=with_permission_sets)
    decoded = json.loads(bytes(raw))
    assert isinstance(decoded, dict)
    return decoded


def test_everything_is_passed_on_but_pegged_orders(book: InfoBook) -> None:
    assert shown(book) == {**ONE, "pegInstructionsAllowed": False}
    assert list(shown(book)) == list(ONE)
    assert book.symbols == ("AAABBB", "CCCBBB", "OLDBBB")
    assert (book.timezone, book.exchange_filters) == ("UTC", [])


def test_the_status_is_as_it_is_now(book: InfoBook, exchange: Exchange) -> None:
    assert shown(book)["status"] == "TRADING"
    exchange.set_status("AAABBB", SymbolStatus.HALT, 6)
    assert shown(book)["status"] == "HALT"
    exchange.set_status("AAABBB", SymbolStatus.TRADING, 7)
    assert shown(book)["status"] == "TRADING"


def test_permission_sets_may_be_left_out(book: InfoBook) -> None:
    assert shown(book, with_permission_sets=False)["permissionSets"] == []
    assert shown(book)["permissionSets"] == ONE["permissionSets"]


def test_permissions(book: InfoBook) -> None:
    assert book.with_permissions(DEFAULT_PERMISSIONS) == ("AAABBB", "OLDBBB")
    assert book.with_permissions(["TRD_GRP_004"]) == ("AAABBB", "CCCBBB")
    assert book.with_permissions(["LEVERAGED"]) == ("OLDBBB",)
    assert book.with_permissions(["NONE"]) == ()


def test_a_symbol_that_does_not_trade_here(book: InfoBook) -> None:
    with pytest.raises(ExchangeError, match="-1121"):
        shown(book, "ELSEWHERE")


def test_the_built_in_body() -> None:
    instruments = parse_exchange_info(msgspec.json.encode(BODY)).instruments
    assert InfoBook.load(None, Exchange(instruments.values())).symbols == ()


def test_files(tmp_path: Path, exchange: Exchange) -> None:
    path = tmp_path / "info.json"
    path.write_bytes(msgspec.json.encode({"id": 1, "status": 200, "result": BODY}))
    assert InfoBook.load(path, exchange).symbols == ("AAABBB", "CCCBBB", "OLDBBB")
    with pytest.raises(ExchangeInfoError, match=r"gone\.json"):
        InfoBook.load(tmp_path / "gone.json", exchange)
    path.write_bytes(b"{")
    with pytest.raises(ExchangeInfoError, match="not an exchangeInfo body"):
        InfoBook.load(path, exchange)
