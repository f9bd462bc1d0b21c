"""A small Binance on loopback: combined streams, klines, time. It does what it is told, and breaks when it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from fillwright.binance.endpoints import Endpoints
from fillwright.core.types import MILLISECOND, SECOND, Time
from fillwright.market.intervals import Interval


class Client(WSListener):
    """One connection that somebody made."""

    def __init__(self, server: FakeBinance, streams: list[str]) -> None:
        self.server = server
        self.streams = streams
        self.transport: WSTransport | None = None
        self.requests: list[dict[str, Any]] = []
        self.pings: list[bytes] = []
        self.pongs: list[bytes] = []
        self.is_open = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.is_open = True
        self.server.clients.append(self)
        self.server.changed.set()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.PING:
            self.pings.append(frame.get_payload_as_bytes())
            if self.server.answers_pings:
                transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.PONG:
            self.pongs.append(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif frame.msg_type == WSMsgType.TEXT:
            request = json.loads(frame.get_payload_as_bytes())
            self.requests.append(request)
            self._answer(request)
        self.server.changed.set()

    def _answer(self, request: dict[str, Any]) -> None:
        if self.server.is_mute:
            return
        bad = [name for name in request["params"] if name in self.server.bad_streams]
        if bad:
            error = {"code": 2, "msg": "Invalid request: invalid stream"}
            self.send_text({"error": error, "id": request["id"]})
            return
        self.streams += request["params"]
        self.send_text({"result": None, "id": request["id"]})

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.is_open = False
        self.server.changed.set()

    def send_text(self, body: Any) -> None:
        assert self.transport is not None
        text = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        if self.is_open:
            self.transport.send(WSMsgType.TEXT, text)

    def shut_down(self) -> None:
        self.send_text({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}})

    def drop(self) -> None:
        """The line is cut."""
        assert self.transport is not None
        self.transport.disconnect(graceful=False)


class FakeBinance:
    """The server's side of the tests."""

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self.attempts = 0
        self.refusals = 0
        """How many connections to refuse yet."""
        self.is_mute = False
        """Requests get no reply."""
        self.answers_pings = True
        self.bad_streams: set[str] = set()
        self.changed = asyncio.Event()
        self.base = ""
        self.rest_requests: list[tuple[str, dict[str, str]]] = []
        self.rest_answers: list[tuple[int, bytes, dict[str, str]]] = []
        """What to say to the next REST requests instead of the truth."""
        self.time: Time = 1_790_000_040 * SECOND
        self.klines: dict[tuple[str, str], list[list[Any]]] = {}
        self.books: dict[str, dict[str, str]] = {}
        """Bids by price."""
        self._trade_id = self._update_id = 1_000

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(rest=f"http://{self.base}", streams=f"ws://{self.base}")

    @property
    def open(self) -> list[Client]:
        return [client for client in self.clients if client.is_open]

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise AssertionError(f"after {seconds} s still not {what}") from None

    # -- requests --------------------------------------------------------------------------------------------

    def route(self, request: WSUpgradeRequest) -> Client | WSUpgradeResponseWithListener:
        url = urlsplit(request.path.decode())
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if url.path == "/stream":
            self.attempts += 1
            self.changed.set()
            if self.refusals > 0:
                self.refusals -= 1
                return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(503), None)
            assert query["timeUnit"] == "MICROSECOND"
            return Client(self, unquote(query["streams"]).split("/"))
        self.rest_requests.append((url.path, query))
        self.changed.set()
        status, body, headers = self._rest(url.path, query)
        if status == 200:
            response = WSUpgradeResponse.create_ok_response(body, headers)
        else:
            response = WSUpgradeResponse.create_error_response(status, body, headers)
        return WSUpgradeResponseWithListener(response, None)

    def _rest(self, path: str, query: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        if self.rest_answers:
            return self.rest_answers.pop(0)
        if path == "/api/v3/time":
            return 200, json.dumps({"serverTime": self.time // MILLISECOND}).encode(), {}
        if path == "/api/v3/depth":
            bids = [[price, size] for price, size in self.books.get(query["symbol"], {}).items()]
            return 200, json.dumps({"lastUpdateId": self._update_id, "bids": bids, "asks": []}).encode(), {}
        assert path == "/api/v3/klines", path
        rows = self.klines.get((query["symbol"], query["interval"]))
        if rows is None:
            return 400, b'{"code":-1121,"msg":"Invalid symbol."}', {}
        start, end = int(query.get("startTime", 0)), int(query.get("endTime", 10**15))
        found = [row for row in rows if start <= row[0] <= end]
        limit = int(query["limit"])
        found = found[:limit] if "startTime" in query else found[-limit:]
        return 200, json.dumps(found).encode(), {}

    # -- the market ------------------------------------------------------------------------------------------

    def add_klines(self, symbol: str, interval: Interval, first: Time, count: int) -> None:
        """Candles that REST has; prices tell which they are."""
        rows = self.klines.setdefault((symbol, interval.value), [])
        open_time = first
        for _ in range(count):
            rows.append(kline_row(interval, open_time))
            open_time = interval.next_open_time(open_time)

    def send(self, stream: str, data: Any, clients: list[Client] | None = None) -> None:
        for client in self.clients if clients is None else clients:
            if stream in client.streams:
                client.send_text({"stream": stream, "data": data})

    def trade(self, symbol: str, price: str, clients: list[Client] | None = None, *, again: int = 0) -> None:
        self._trade_id += 0 if again else 1
        number = self._trade_id - max(0, again - 1)
        data = {
            "e": "trade",
            "E": self.time,
            "s": symbol,
            "t": number,
            "p": price,
            "q": "0.5",
            "T": self.time,
            "m": True,
            "M": True,
        }
        self.send(f"{symbol.lower()}@trade", data, clients)

    def quote(self, symbol: str, bid: str, ask: str, clients: list[Client] | None = None) -> None:
        self._update_id += 1
        data = {"u": self._update_id, "s": symbol, "b": bid, "B": "1.5", "a": ask, "A": "2.5"}
        self.send(f"{symbol.lower()}@bookTicker", data, clients)

    def book(self, symbol: str, bid: str, ask: str) -> None:
        self._update_id += 1
        data = {"lastUpdateId": self._update_id, "bids": [[bid, "1"]], "asks": [[ask, "2"]]}
        self.send(f"{symbol.lower()}@depth20@100ms", data)

    def change(self, symbol: str, bids: list[list[str]]) -> None:
        first = self._update_id + 1
        self._update_id += 2
        self.books.setdefault(symbol, {}).update((price, size) for price, size in bids)
        data = {"e": "depthUpdate", "E": self.time, "s": symbol, "U": first, "u": self._update_id}
        self.send(f"{symbol.lower()}@depth@100ms", {**data, "b": bids, "a": []})

    def kline(self, symbol: str, interval: Interval, open_time: Time, *, closed: bool) -> None:
        row = kline_row(interval, open_time)
        fields = dict(zip("tohlcvTqnVQ", [open_time, *row[1:6], interval.close_time(open_time), *row[7:11]]))  # noqa: B905
        k = {**fields, "s": symbol, "i": interval.value, "f": 1, "L": 2, "x": closed, "B": "0"}
        data = {"e": "kline", "E": self.time, "s": symbol, "k": k}
        self.send(f"{symbol.lower()}@kline_{interval.value}", data)


def kline_row(interval: Interval, open_time: Time) -> list[Any]:
    """A candle as REST has it; its close tells its open time in seconds."""
    second = open_time // SECOND % 100_000
    return [
        open_time // MILLISECOND,
        f"{second + 1}.10",
        f"{second + 3}.00",
        f"{second + 1}.00",
        f"{second + 2}.00",
        "10.5",
        interval.close_time(open_time) // MILLISECOND,
        "1.0",
        7,
        "2.0",
        "3.0",
        "0",
    ]


@asynccontextmanager
async def fake_binance() -> AsyncIterator[FakeBinance]:
    """Serve on a free port of loopback."""
    server = FakeBinance()
    listening = await ws_create_server(server.route, "127.0.0.1", 0, enable_auto_pong=False)
    port = listening.sockets[0].getsockname()[1]
    server.base = f"127.0.0.1:{port}"
    try:
        yield server
    finally:
        for client in server.open:
            client.drop()
        listening.close()
        await listening.wait_closed()
