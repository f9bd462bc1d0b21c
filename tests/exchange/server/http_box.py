"""A server on a port of its own, in a thread, and a client of it that signs by hand; time stands still."""

from __future__ import annotations

import asyncio
import hmac
import http.client
import importlib.resources
import json
import threading
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from fillwright.exchange.server.box import Box
from fillwright.exchange.server.server import Server, serve
from fillwright.exchange.server.settings import BoxSettings
from tests.exchange.server.boxes import API_KEY, SECRET, START

START_S = 20.0
ANSWER_S = 10.0
NOW_MS = START // 1000
Result = TypeVar("Result")


class HttpAnswer(NamedTuple):
    """Status and JSON of an answer."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def error(self) -> tuple[int, int, str]:
        """HTTP status, code and message."""
        return self.status, self.body["code"], self.body["msg"]


class HttpBox:
    """A server as long as the block lasts."""

    def __init__(self, settings: BoxSettings) -> None:
        self._settings = settings
        self._ready = threading.Event()
        self._done: asyncio.Event
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self.server: Server

    async def _run(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        async with AsyncExitStack() as stack:
            self.server = await stack.enter_async_context(serve(self._settings))
            self._ready.set()
            await self._done.wait()

    def __enter__(self) -> HttpBox:
        self._thread.start()
        assert self._ready.wait(START_S), "the server did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(START_S)

    def do(self, action: Callable[[Box], Result]) -> Result:
        """Do something with the box where it lives."""

        async def act() -> Result:
            return action(self.server.box)

        return asyncio.run_coroutine_threadsafe(act(), self._loop).result(ANSWER_S)

    def price(self, symbol: str, price: str) -> None:
        """Quotes a cent around a price, and a trade at it."""
        value, cent = Decimal(price), Decimal("0.01")

        def push(box: Box) -> None:
            box.quote(symbol, value - cent, Decimal(5), value + cent, Decimal(5), box.now)
            box.trade(symbol, value, Decimal(1), False, box.now)

        self.do(push)


class HttpClient:
    """One connection that stays open; what it sends is signed with HMAC unless it says otherwise."""

    def __init__(self, port: int, api_key: str = API_KEY, secret: str = SECRET) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
        self.api_key = api_key
        self.secret = secret.encode()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def signed(self, params: Mapping[str, Any]) -> str:
        """The text of parameters with a timestamp, unless they have one, and their signature."""
        text = urlencode({"timestamp": NOW_MS} | dict(params))
        return f"{text}&signature={hmac.digest(self.secret, text.encode(), 'sha256').hex()}"

    def ask(self, method: str, path: str, /, **params: Any) -> HttpAnswer:
        """Ask under /api/v3, signed; parameters of POST and PUT go in a form body."""
        return self.send(method, path, self.signed(params))

    def send(self, method: str, path: str, text: str, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Send exactly this text, in the query or in the body."""
        target, body = f"/api/v3/{path}", None
        sent = {"X-MBX-APIKEY": self.api_key} | dict(headers or {})
        if method in ("POST", "PUT"):
            body, sent["Content-Type"] = text.encode(), "application/x-www-form-urlencoded"
        elif text:
            target += f"?{text}"
        self._connection.request(method, target, body, sent)
        response = self._connection.getresponse()
        raw = response.read()
        named = {name.lower(): value for name, value in response.getheaders()}
        return HttpAnswer(response.status, json.loads(raw) if raw[:1] in (b"{", b"[") else raw, named)


def info_file(folder: Path, symbols: Mapping[str, Mapping[str, Any]], **whole: Any) -> Path:
    """A body of exchangeInfo: BTCUSDT of the built-in one under other names, each with changes.

    ``filters`` change filters by their names: None takes one away, a dictionary changes or adds one.
    """
    built_in = importlib.resources.files("fillwright.wire").joinpath("default_exchange_info.json")
    body = json.loads(built_in.read_bytes())
    model = next(one for one in body["symbols"] if one["symbol"] == "BTCUSDT")
    rows = []
    for name, changes in symbols.items():
        filters = {one["filterType"]: one for one in model["filters"]}
        for kind, change in changes.get("filters", {}).items():
            filters[kind] = None if change is None else filters.get(kind, {"filterType": kind}) | change
        row = {**model, **changes, "symbol": name, "filters": [one for one in filters.values() if one]}
        rows.append(row)
    path = folder / "exchangeInfo.json"
    path.write_text(json.dumps({**body, **whole, "symbols": rows}))
    return path
