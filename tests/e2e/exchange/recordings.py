"""Recorded answers and events of Binance, from several public collections, each under the name of what was asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import zstandard


class Recorded(NamedTuple):
    """One recorded body: ``GET /api/v3/depth``, ``ws depth`` (the result alone) or ``event trade``."""

    name: str
    body: Any
    source: str


COMMENT = re.compile(r'(?<=[\s,\[{}\]"\d])//[^\n]*')
TRADING = re.compile(r"(?:GET|POST|PUT|DELETE) /api/v3/")
STREAM_KINDS = {"bookTicker": "bookTicker", "depth5": "partial depth", "depth10": "partial depth"}
GO_REST = {
    "TestGetAccount": "GET /api/v3/account",
    "TestDepth": "GET /api/v3/depth",
    "TestExchangeInfoWithPermissionSets": "GET /api/v3/exchangeInfo",
    "TestKlines": "GET /api/v3/klines",
    "TestUiKlines": "GET /api/v3/uiKlines",
    "TestCreateOrderFull": "POST /api/v3/order",
    "TestListOpenOrders": "GET /api/v3/openOrders",
    "TestGetOrder": "GET /api/v3/order",
    "TestListOrders": "GET /api/v3/allOrders",
    "TestCancelOrder": "DELETE /api/v3/order",
    "TestListOpenOco": "GET /api/v3/openOrderList",
    "TestCancelOCO": "DELETE /api/v3/orderList",
    "TestCancelOpenOrders": "DELETE /api/v3/openOrders",
    "TestCreateOCO": "POST /api/v3/order/oco",
    "TestListRateLimit": "GET /api/v3/rateLimit/order",
    "TestServerTime": "GET /api/v3/time",
    "TestPing": "GET /api/v3/ping",
    "TestSingleBookTicker": "GET /api/v3/ticker/bookTicker",
    "TestListSinglePrice": "GET /api/v3/ticker/price",
    "TestAveragePrice": "GET /api/v3/avgPrice",
    "TestPriceChangeStats": "GET /api/v3/ticker/24hr",
    "TestListSymbolTicker": "GET /api/v3/ticker",
    "TestTradingDayTicker": "GET /api/v3/ticker/tradingDay",
    "TestListTrades": "GET /api/v3/myTrades",
    "TestAggregateTrades": "GET /api/v3/aggTrades",
    "TestHistoricalTrades": "GET /api/v3/historicalTrades",
    "TestRecentTrades": "GET /api/v3/trades",
}
GO_FILES = re.compile(
    r"v2/(account|depth|exchange_info|kline|uiKlines|order|rate_limit|server|ticker|trade|trading_day_ticker)\w*_test"
)


def recordings(fixtures: Path) -> Iterator[Recorded]:
    """Everything that has a counterpart on a Spot server; one that cannot be read is an error."""
    yield from _binance_net(fixtures / "Binance.Net")
    yield from _go_binance(fixtures / "go-binance" / "spot_test_payloads.jsonl")
    for name in ("binance_http.json.zst", "binance_http_2020.json.zst"):
        yield from _gocryptotrader(fixtures / "gocryptotrader" / name)
    yield from _trading_bot(fixtures / "binance-trading-bot")
    for path in sorted((fixtures / "exchangeInfo").glob("*.zst")):
        yield Recorded("GET /api/v3/exchangeInfo", _zstd(path), path.name)


# -- Binance.Net: endpoints, WebSocket API, subscriptions ----------------------------------------------------------


def _binance_net(folder: Path) -> Iterator[Recorded]:
    for path in sorted((folder / "Endpoints" / "Spot").rglob("*.txt")):
        method, _, rest = path.read_text("utf-8-sig").partition("\n")
        route, _, rest = rest.partition("\n")
        name, body = f"{method.strip()} {route.strip()}", rest.partition("\n")[2].strip()
        if body and TRADING.match(name) and "userDataStream" not in name:
            yield Recorded(name, _json(body), f"Binance.Net {path.stem}")
    for path in sorted((folder / "Socket" / "Spot").rglob("*.txt")):
        text = path.read_text("utf-8-sig")
        asked = re.search(r'"method":\s*"([^"]+)"', text)
        if asked is None:
            continue
        reply = _json(text.partition("\n=")[2].partition("\n")[2])
        yield Recorded("ws reply", {**reply, "result": None}, f"Binance.Net {path.stem}")
        yield Recorded(f"ws {asked[1]}", reply["result"], f"Binance.Net {path.stem}")
    for path in sorted((folder / "Subscriptions" / "Spot").rglob("*.txt")):
        for part in path.read_text("utf-8-sig").split("\n=")[1:]:
            body = re.split(r"\n[<>=]", part.partition("\n")[2])[0]
            if body.strip():
                yield from _events(_json(body), f"Binance.Net {path.stem}")


def _events(frame: Any, source: str) -> Iterator[Recorded]:
    stream = frame.get("stream", "") if isinstance(frame, dict) else ""
    event = frame.get("event", frame.get("data", frame)) if isinstance(frame, dict) else frame
    for one in event if isinstance(event, list) else [event]:
        kind = one.get("e") or STREAM_KINDS.get(stream.partition("@")[2].partition("@")[0])
        if kind is None and {"lastUpdateId", "bids"} <= set(one):
            kind = "partial depth"
        if kind is None and {"u", "b", "B"} <= set(one):
            kind = "bookTicker"
        if kind is not None:
            yield Recorded(f"event {kind}", one, source)


# -- the others ----------------------------------------------------------------------------------------------------


def _go_binance(path: Path) -> Iterator[Recorded]:
    for line in path.read_text().splitlines():
        item = json.loads(line)
        source = f"go-binance {item['test']}"
        if item["file"] == "v2/websocket_service_test.go":
            yield from _events(json.loads(item["raw"]), source)
        elif GO_FILES.match(item["file"]) and item["test"] in GO_REST:
            yield Recorded(GO_REST[item["test"]], json.loads(item["raw"]), source)


def _gocryptotrader(path: Path) -> Iterator[Recorded]:
    for route, methods in _zstd(path)["routes"].items():
        for method, items in methods.items():
            name = f"{method} {route}"
            if not TRADING.match(name) or "userDataStream" in route:
                continue
            for item in items:
                if item["data"]:
                    yield Recorded(name, item["data"], f"gocryptotrader {path.name}")


def _trading_bot(folder: Path) -> Iterator[Recorded]:
    for path in sorted(folder.rglob("*.json")):
        item = json.loads(path.read_text())
        if "response" in item:
            name = f"{item['request']['method']} {item['request']['path']}"
            yield Recorded(name, item["response"]["body"], f"binance-trading-bot {path.stem}")
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_text().splitlines():
            if line.strip():
                yield from _events(json.loads(line)["data"], f"binance-trading-bot {path.parent.parent.name}")


def _zstd(path: Path) -> Any:
    with path.open("rb") as file:
        return json.loads(zstandard.ZstdDecompressor().stream_reader(file).read())


def _json(text: str) -> Any:
    cleaned = COMMENT.sub("", text.replace('"|1|"', '"1"').replace("|1|", "1"))
    cleaned = re.sub(r",(\s*[}\]])", r"\1", cleaned)
    try:
        return json.loads(cleaned)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error}: {cleaned[max(0, error.pos - 80) : error.pos + 40]!r}") from error
