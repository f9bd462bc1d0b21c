"""Every recorded payload of orders, accounts and user data events, found by shape: where it stands and what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import zstandard

EVENTS = frozenset(
    {
        "executionReport",
        "outboundAccountPosition",
        "balanceUpdate",
        "listStatus",
        "externalLockUpdate",
        "eventStreamTerminated",
        "serverShutdown",
    }
)


class Recording(NamedTuple):
    """One payload: file and place in it, its kind by shape, and its body."""

    place: str
    kind: str
    body: Any


def recordings(fixtures: Path) -> Iterator[Recording]:
    """Give all payloads that have one of our kinds; a reply's result and a wrapper's event stand for themselves."""
    for place, body in _bodies(fixtures):
        yield from _named(place, body)


def _named(place: str, body: Any) -> Iterator[Recording]:
    kind = kind_of(body)
    if kind == "reply":
        yield Recording(place, kind, body)
        yield from _named(f"{place} result", body.get("result"))
    elif kind == "wrapped data":
        yield from _named(f"{place} data", body["data"])
    elif kind:
        yield Recording(place, kind, body)


def kind_of(body: Any) -> str:
    """Name a payload's kind by its fields; '' for what is none of ours."""
    if isinstance(body, list):
        kinds = {kind_of(item) for item in body}
        if kinds & {"cancel", "order list"} and kinds <= {"cancel", "order list"} and "cancel" in kinds:
            return "cancels"
        return {
            frozenset({"order"}): "orders",
            frozenset({"order list"}): "order lists",
            frozenset({"trade"}): "trades",
            frozenset({"rate limit"}): "rate limits",
            frozenset({"prevented match"}): "prevented matches",
            frozenset({"an order of another shape"}): "orders of another shape",
        }.get(frozenset(kinds), "")
    return _kind_of_object(body) if isinstance(body, dict) else ""


def _kind_of_object(body: dict[str, Any]) -> str:
    has = body.keys()
    if isinstance(body.get("event"), dict) and body["event"].get("e") in EVENTS:
        return "frame"
    if isinstance(body.get("data"), dict):
        if body["data"].get("e") in EVENTS:
            return "frame"
        if has == {"data"} and "cancelResult" in body["data"]:
            return "wrapped data"
    if body.get("e") in EVENTS:
        return "frame"
    for kind, needed in (
        ("reply", {"id", "status", "rateLimits"}),
        ("amendment", {"amendedOrder"}),
        ("cancelReplace", {"cancelResult"}),
        ("order list", {"listClientOrderId", "orders"}),
        ("account", {"makerCommission", "balances"}),
        ("account commission", {"symbol", "standardCommission"}),
        ("order commission", {"standardCommissionForOrder"}),
        ("trade", {"isBuyer", "commissionAsset"}),
        ("prevented match", {"preventedMatchId", "takerOrderId"}),
        ("rate limit", {"rateLimitType", "count"}),
        ("order", {"symbol", "orderId", "isWorking"}),
        ("cancel", {"symbol", "orderId", "origClientOrderId"}),
        ("order response", {"symbol", "orderId", "transactTime"}),
        ("an order of another shape", {"symbol", "orderId"}),
    ):
        if needed <= has:
            return kind
    return "error" if has in ({"code", "msg"}, {"code", "msg", "data"}) and body["code"] < 0 else ""


# -- files -------------------------------------------------------------------------------------------------------


_TEMPLATES = "Subscriptions/Spot/ExchangeData/Concurrent.txt"
"""Market streams over several connections, each line with its connection's number: no JSON, no order."""


def _bodies(fixtures: Path) -> Iterator[tuple[str, Any]]:
    yield from _go_binance(fixtures / "go-binance")
    yield from _gocryptotrader(fixtures / "gocryptotrader")
    yield from _binance_net(fixtures / "Binance.Net")
    yield from _trading_bot(fixtures / "binance-trading-bot")


def _go_binance(folder: Path) -> Iterator[tuple[str, Any]]:
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            yield f"{path.name}:{number}", json.loads(json.loads(line)["raw"])


def _gocryptotrader(folder: Path) -> Iterator[tuple[str, Any]]:
    for path in sorted(folder.glob("*.zst")):
        data = zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())
        for route, methods in json.loads(data)["routes"].items():
            for method, replies in methods.items():
                for number, reply in enumerate(replies):
                    yield f"{path.name} {method} {route} {number}", reply["data"]
    for path in sorted(folder.glob("*wsHandleData.json")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.strip():
                yield f"{path.name}:{number}", json.loads(line)


def _binance_net(folder: Path) -> Iterator[tuple[str, Any]]:
    """Endpoints: three lines and a body. Sockets: ``>`` sent, ``<`` received, ``=`` received over several lines."""
    for path in sorted(folder.rglob("*.txt")):
        name = path.relative_to(folder).as_posix()
        if name == _TEMPLATES:
            continue
        text = path.read_text(encoding="utf-8-sig")
        if name.startswith("Endpoints"):
            starts = [at for at in (text.find("{"), text.find("[")) if at >= 0]
            pieces = [text[min(starts) :]] if starts else []
        else:
            pieces = [line[1:] for line in text.splitlines() if line.startswith("<")]
            pieces += [part.split("\n>")[0] for part in text.split("\n=")[1:]]
        for number, piece in enumerate(pieces):
            # In subscriptions |1| stands for a number; in scripts it is quoted.
            plain = piece if '"|1|"' in piece else piece.replace("|1|", "1")
            yield f"{name} {number}", json.loads(plain)


def _trading_bot(folder: Path) -> Iterator[tuple[str, Any]]:
    for path in sorted(folder.rglob("*.json")):
        yield path.relative_to(folder).as_posix(), json.loads(path.read_text())["response"]["body"]
    for path in sorted(folder.rglob("*.jsonl")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            yield f"{path.relative_to(folder).as_posix()}:{number}", json.loads(line)["data"]
