"""The exchange over its wire: an order over HTTP and over WebSocket beside the machine's floor, throughput, fan-out."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvloop
from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    ws_connect,
)

from benchmarks import wire_floor
from benchmarks.figures import Row, percentiles, row
from tests.e2e.exchange.box import Box, running_box

ORDER = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=59000"
FLASH = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity=0.001&price=59000"
WARM_UP = 200
CONNECTIONS = 8
AHEAD = 4
"""Requests under way on each connection of the load."""
READERS = 200
FAN_OUT_S = 5.0


def rows(quick: bool) -> list[Row]:
    """Everything of the server."""
    times = 500 if quick else 4_000
    with (
        floor() as (floor_process, plain, sockets),
        running_box(limits=False, source="script") as box,
        apart(floor_process, box.process.pid),
    ):
        http_floor = blocking(wire_floor.HOST, plain, lambda: _http(box, ORDER), times)
        http = order_over_http(box, times)
        socket_floor = uvloop.run(
            over_websocket(f"ws://{wire_floor.HOST}:{sockets}/", lambda: b"x" * 250, times)
        )
        placed = uvloop.run(order_over_websocket(box, times))
        per_second = uvloop.run(throughput(box, 5_000 if quick else 60_000))
    found = [
        row(
            "floor: a canned answer over HTTP",
            http_floor,
            "two cores; baseline 20.9 µs on one, +40-50 on two",
        ),
        row("POST /api/v3/order, LIMIT", http, f"{_ratio(http, http_floor)} of the floor, aim ≤ 5"),
        row("floor: a canned answer over WebSocket", socket_floor, "two cores; baseline 23.9 µs on one"),
        row("order.place, LIMIT", placed, f"{_ratio(placed, socket_floor)} of the floor, aim ≤ 3"),
        Row("orders from a load on the other core", f"{per_second:,.0f} a second", "", "aim ≥ 8,000"),
    ]
    with running_box(limits=False, source="synthetic", trades_per_second=50.0) as box:
        lags = uvloop.run(fan_out(box, 20 if quick else READERS, 1.0 if quick else FAN_OUT_S))
    found.append(row(f"depth@100ms to {READERS} readers: event time → read", lags, "aim: no lag"))
    return found


def _ratio(ours: list[float], base: list[float]) -> str:
    return f"{percentiles(ours)[0] / percentiles(base)[0]:.1f} ×"


@contextmanager
def apart(*servers: int) -> Iterator[None]:
    """Keep this process on one core and the servers on another: who shares one is chance otherwise."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2:
        yield
        return
    for server in servers:
        os.sched_setaffinity(server, {cores[1]})
    os.sched_setaffinity(0, {cores[0]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextmanager
def floor() -> Iterator[tuple[int, int, int]]:
    """Process id and ports (HTTP, WebSocket) of a server that answers canned bytes."""
    command = [sys.executable, "-m", "benchmarks.wire_floor"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        plain, sockets = process.stdout.readline().split()
        try:
            yield process.pid, int(plain), int(sockets)
        finally:
            process.stdin.close()


# -- HTTP ----------------------------------------------------------------------------------------------------------


def _signed(box: Box, parameters: str) -> str:
    payload = f"{parameters}&timestamp={time.time_ns() // 1_000_000}"
    return f"{payload}&signature={hmac.digest(box.secret.encode(), payload.encode(), hashlib.sha256).hex()}"


def _http(box: Box, parameters: str, method: str = "POST") -> bytes:
    return (
        f"{method} /api/v3/order?{_signed(box, parameters)} HTTP/1.1\r\nHost: {box.host}\r\n"
        f"X-MBX-APIKEY: {box.api_key}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def blocking(host: str, port: int, request: Callable[[], bytes], times: int) -> list[float]:
    """One request after the other on a blocking socket; only the round trip is timed."""
    with socket.create_connection((host, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return [_round_trip(connection, request())[0] for _ in range(WARM_UP + times)][WARM_UP:]


def _round_trip(connection: socket.socket, request: bytes) -> tuple[float, bytes]:
    begin = time.perf_counter()
    connection.sendall(request)
    answer = connection.recv(65_536)
    took = time.perf_counter() - begin
    assert answer.startswith(b"HTTP/1.1 200"), answer[:500]
    return took, answer


def order_over_http(box: Box, times: int) -> list[float]:
    """Place and cancel, over and over; the placing is timed."""
    samples = []
    with socket.create_connection((box.host, box.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(WARM_UP + times):
            took, answer = _round_trip(connection, _http(box, ORDER))
            samples.append(took)
            number = json.loads(answer.partition(b"\r\n\r\n")[2])["orderId"]
            _round_trip(connection, _http(box, f"symbol=BTCUSDT&orderId={number}", "DELETE"))
    return samples[WARM_UP:]


class _Load(asyncio.Protocol):
    """Keeps so many requests under way on one connection."""

    def __init__(self, box: Box, count: int) -> None:
        self._box, self._left, self._missing = box, count, count
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._send(AHEAD)

    def _send(self, count: int) -> None:
        count = min(count, self._left)
        self._left -= count
        self._transport.write(b"".join(_http(self._box, FLASH) for _ in range(count)))

    def data_received(self, data: bytes) -> None:
        """Each answer lets the next request go."""
        answers = data.count(b"HTTP/1.1 200 ")
        assert answers == data.count(b"HTTP/1.1"), data[:500]
        self._missing -= answers
        if self._missing:
            self._send(answers)
        elif not self.done.done():
            self.done.set_result(None)
            self._transport.close()


async def throughput(box: Box, orders: int) -> float:
    """Orders a second that one server takes from a load in this process."""
    loop = asyncio.get_running_loop()
    begin = time.perf_counter()
    loads = [
        (await loop.create_connection(lambda: _Load(box, orders // CONNECTIONS), box.host, box.port))[1]
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(one.done for one in loads))
    return orders / (time.perf_counter() - begin)


# -- WebSocket -----------------------------------------------------------------------------------------------------


class Asker(WSListener):  # type: ignore[misc]
    """One request under way at a time; the time of each round trip."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] | None = None

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """The answer."""
        if frame.msg_type == WSMsgType.TEXT and self.answer is not None and not self.answer.done():
            self.answer.set_result(frame.get_payload_as_bytes())

    async def ask(self, transport: WSTransport, request: bytes) -> tuple[float, bytes]:
        """Send and wait."""
        self.answer = asyncio.get_running_loop().create_future()
        begin = time.perf_counter()
        transport.send(WSMsgType.TEXT, request)
        answer = await self.answer
        return time.perf_counter() - begin, answer


def asker_for(request: WSUpgradeRequest | None = None, response: WSUpgradeResponse | None = None) -> Asker:
    """What picows asks for."""
    return Asker()


async def over_websocket(url: str, request: Callable[[], bytes], times: int) -> list[float]:
    """Round trips of one request after the other."""
    transport, listener = await ws_connect(asker_for, url)
    asker = cast(Asker, listener)
    samples = [(await asker.ask(transport, request()))[0] for _ in range(WARM_UP + times)]
    transport.disconnect()
    return samples[WARM_UP:]


def frame(box: Box, method: str, **parameters: Any) -> bytes:
    """A signed request of the account ``main``."""
    named = {**parameters, "apiKey": box.api_key, "timestamp": time.time_ns() // 1_000_000}
    payload = "&".join(f"{name}={named[name]}" for name in sorted(named))
    named["signature"] = hmac.digest(box.secret.encode(), payload.encode(), hashlib.sha256).hex()
    return json.dumps({"id": 1, "method": method, "params": named}).encode()


async def order_over_websocket(box: Box, times: int) -> list[float]:
    """Place and cancel, over and over; the placing is timed."""
    transport, listener = await ws_connect(asker_for, f"{box.ws}/ws-api/v3")
    asker = cast(Asker, listener)
    order = dict(pair.split("=") for pair in ORDER.split("&"))
    samples = []
    for _ in range(WARM_UP + times):
        took, answer = await asker.ask(transport, frame(box, "order.place", **order))
        samples.append(took)
        number = json.loads(answer)["result"]["orderId"]
        _, answer = await asker.ask(transport, frame(box, "order.cancel", symbol="BTCUSDT", orderId=number))
        assert json.loads(answer)["status"] == 200, answer
    transport.disconnect()
    return samples[WARM_UP:]


class _Reader(WSListener):  # type: ignore[misc]
    """Notes how old each event is when it is read."""

    def __init__(self, lags: list[float]) -> None:
        self.lags = lags

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Event time is in milliseconds."""
        if frame.msg_type == WSMsgType.TEXT:
            now = time.time()
            begin = (text := frame.get_payload_as_bytes()).index(b'"E":') + 4
            self.lags.append(now - int(text[begin : text.index(b",", begin)]) / 1e3)
        elif frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())


async def fan_out(box: Box, readers: int, seconds: float) -> list[float]:
    """Ages of depth events as so many readers see them."""
    lags: list[float] = []
    connections = [
        await ws_connect(lambda: _Reader(lags), f"{box.ws}/ws/btcusdt@depth@100ms") for _ in range(readers)
    ]
    lags.clear()
    await asyncio.sleep(seconds)
    seen = list(lags)
    for transport, _ in connections:
        transport.disconnect()
    assert len(seen) > readers * seconds * 5, "readers missed events"
    return seen
