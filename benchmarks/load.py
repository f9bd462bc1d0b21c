"""The whole service under load, from a second process: signals a second, open positions, ticks, deaf readers.

``python -m benchmarks.load`` runs it alone: ``--rate``, ``--seconds``, ``--positions``; ``--json`` for the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sqlite3
import tempfile
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import msgspec
import uvloop

from benchmarks.figures import Row, percentiles
from benchmarks.http import Pool
from fillwright.venues.paper_commands import Executed, decode
from tests.e2e.judge import Judge
from tests.e2e.service import HOST, TOKEN, Service, exchange_info
from tests.e2e.traffic import Answered, Prices, Sent, Traffic

BASES = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "LTCUSDT")
COPIES = 10
SYMBOLS = tuple(base if not copy else f"{base[:3]}{copy}USDT" for copy in range(COPIES) for base in BASES)
TICKS_PER_SECOND = 5_600
"""Quotes and trades asked of all symbols together (each trade comes with a quote); about a tenth fewer come."""
TRADED = 0.28
"""Of all signals those that nothing speaks against; the others are denied: no stop, or the trader has a position."""
FAR = 0.09
"""Stop and target of the positions that stay, as a fraction of the price."""
STAYING = 250
"""With those that come and go about 500 positions are open."""
CONNECTIONS = 128
DEAF = 3
QUOTE = "20"
STOPS_MAX = 4


class Outcome(msgspec.Struct, kw_only=True):
    """What came of a run."""

    sent: int = 0
    seconds: float = 0.0
    statuses: dict[str, int] = {}
    codes: dict[str, int] = {}
    orders: int = 0
    answer_ms: tuple[float, float, float] = (0, 0, 0)
    """p50, p99, most."""
    exchange_ms: tuple[float, float, float] = (0, 0, 0)
    """From the client's stamp to the exchange's acceptance."""
    positions: tuple[int, int, int] = (0, 0, 0)
    """Open: least, median, most."""
    ticks_per_second: float = 0.0
    resident_mb: list[float] = []
    """Each five seconds."""
    cpu_percent: float = 0.0
    lag_ms: float = 0.0
    late: int = 0
    """Signals that were sent more than 50 ms after their time: the client's fault."""
    events: int = 0
    """Records that the one reader who reads was told."""
    problems: list[str] = []
    summary: str = ""


class Load:
    """One run against one service."""

    def __init__(self, service: Service, rate: float, seconds: float, positions: int, seed: int = 1) -> None:
        self.service = service
        self.rate, self.seconds, self.positions = rate, seconds, positions
        self.random = Random(seed)
        self.prices = Prices()
        self.pool = Pool(HOST, service.port, CONNECTIONS, TOKEN)
        self.sent: list[Sent] = []
        self.stamps: dict[tuple[str, str], int] = {}
        self.times: list[float] = []
        self.open: list[int] = []
        self.outcome = Outcome()

    async def run(self) -> Outcome:
        """Open the positions that stay, then send at the rate."""
        async with Traffic.session() as http:
            following = asyncio.create_task(self.prices.follow(self.service.url, http))
            await self.prices.wait_for(SYMBOLS)
            await self.pool.open()
            await self._open_positions()
            listening = asyncio.create_task(self._listen(http))
            deaf = [self._deaf() for _ in range(DEAF)]
            watching = asyncio.create_task(self._watch())
            await self._send_all()
            for task in (following, listening, watching):
                task.cancel()
            for one in deaf:
                one.close()
            self.pool.close()
        return self.outcome

    def body(self, number: int, trader_id: str, far: float | None = None) -> bytes:
        """A signal with its time; ``far``: how far its stop and target are."""
        random = self.random
        symbol = SYMBOLS[number % len(SYMBOLS)]
        bid, ask = self.prices.quotes[symbol]
        stop, target = far or random.uniform(0.0002, 0.0004), far or random.uniform(0.0005, 0.0008)
        now = datetime.now(UTC)
        key = str(len(self.sent))
        content: dict[str, Any] = {
            "symbol": symbol,
            "side": "long",
            "trader_id": trader_id,
            "key": key,
            "stop_loss": f"{bid * (1 - stop):.8f}",
            "take_profit": f"{ask * (1 + target):.8f}",
            "size": {"quote": QUOTE},
            "created_at": now.isoformat(),
        }
        self.stamps[trader_id, key] = int(now.timestamp() * 1e6)
        kind = random.random()
        if far is None and kind > TRADED:
            if kind > (1 + TRADED) / 2:
                del content["stop_loss"]
            else:
                content["trader_id"] = trader_id = f"stays-{number // len(SYMBOLS) % self._stays}"
        body = json.dumps(content).encode()
        self.sent.append(Sent(trader_id, key, body))
        return body

    @property
    def _stays(self) -> int:
        return max(self.positions // len(SYMBOLS), 1)

    async def post(self, sent: Sent, keep: bool = True) -> None:
        """Send a signal, and note what is answered (``keep``: and after how long)."""
        sent.tries += 1
        try:
            status, body, took = await self.pool.ask(self.pool.request("POST", "/api/signals", sent.body))
        except (ConnectionError, TimeoutError):
            return
        if keep:
            self.times.append(took)
        if 200 <= status < 300:
            sent.answers.append(Answered(status, json.loads(body)))
        else:
            sent.refusals.append((status, json.loads(body)))

    async def _open_positions(self) -> None:
        for begin in range(0, self.positions, 20):
            posts = []
            for number in range(begin, min(begin + 20, self.positions)):
                self.body(number, f"stays-{number // len(SYMBOLS)}", FAR)
                posts.append(self.post(self.sent[-1], keep=False))
            await asyncio.gather(*posts)
        denied = [one.answers[0].body for one in self.sent if one.answers[0].body["position_id"] is None]
        assert len(denied) < self.positions / 10 + 1, denied[0]

    async def _send_all(self) -> None:
        loop, begin = asyncio.get_running_loop(), time.perf_counter()
        ticks, cpu = self.service.got("/api/status")["ticks"], self.service.cpu_s
        tasks: set[asyncio.Task[None]] = set()
        total = int(self.rate * self.seconds)
        first = len(self.sent)
        for number in range(total):
            due = begin + number / self.rate
            late = time.perf_counter() - due
            if late < 0:
                await asyncio.sleep(-late)
            elif late > 0.05:
                self.outcome.late += 1
            self.body(number, f"trader-{number}")
            task = loop.create_task(self.post(self.sent[-1]))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        if tasks:
            await asyncio.wait(tasks)
        outcome, took = self.outcome, time.perf_counter() - begin
        status = await asyncio.to_thread(self.service.got, "/api/status")
        outcome.sent, outcome.seconds = total, took
        outcome.ticks_per_second = (status["ticks"] - ticks) / took
        outcome.cpu_percent = (self.service.cpu_s - cpu) / took * 100
        measured = self.sent[first:]
        outcome.statuses = Counter(
            str(one.answers[0].status if one.answers else one.refusals[0][0] if one.refusals else "none")
            for one in measured
        )
        outcome.codes = Counter(
            one.answers[0].body["code"] or one.answers[0].body["status"] for one in measured if one.answers
        )
        outcome.orders = sum(
            one.answers[0].body["position_id"] is not None for one in measured if one.answers
        )
        outcome.answer_ms = summed([one * 1e3 for one in self.times])
        opened = sorted(self.open) or [0]
        outcome.positions = opened[0], opened[len(opened) // 2], opened[-1]

    async def _watch(self) -> None:
        """Look at memory, positions and the loop's lag now and then."""
        second = 0
        while True:
            status, body, _ = await self.pool.ask(self.pool.request("GET", "/api/status"))
            if status == 200:
                found = json.loads(body)
                self.open.append(found["positions_open"])
                self.outcome.lag_ms = max(self.outcome.lag_ms, found["lag_ms"])
            if second % 5 == 0:
                self.outcome.resident_mb.append(round(self.service.resident_mb, 1))
            second += 1
            await asyncio.sleep(1)

    async def _listen(self, http: aiohttp.ClientSession) -> None:
        """One reader who reads."""
        with suppress(aiohttp.ClientError):
            async with http.ws_connect(f"{self.service.url}/api/events", max_msg_size=0) as stream:
                async for message in stream:
                    self.outcome.events += str(message.data).count('"seq":')

    def _deaf(self) -> socket.socket:
        """A reader who never reads."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        connection.connect((HOST, self.service.port))
        connection.sendall(
            f"GET /api/events HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {TOKEN}\r\n\r\n".encode()
        )
        return connection


def summed(values: list[float]) -> tuple[float, float, float]:
    """p50, p99 and the most."""
    if not values:
        return 0.0, 0.0, 0.0
    p50, p99 = percentiles(values)
    return round(p50, 3), round(p99, 3), round(max(values), 3)


def signal_to_exchange(database: Path, stamps: dict[tuple[str, str], int]) -> list[float]:
    """Milliseconds from each client's stamp to the exchange's first command for that signal's position."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        created: dict[int, int] = {}
        signals: dict[int, tuple[str, str]] = {}
        query = (
            "SELECT kind, body FROM journal WHERE account_id = 'paper' "
            "AND kind IN ('SignalReceived', 'PositionCreated') ORDER BY seq"
        )
        for kind, body in connection.execute(query):
            event = json.loads(body)
            if kind == "SignalReceived":
                trader, _, key = event["key"].partition("|")
                signals[event["signal_id"]] = (trader, key)
            elif (stamp := stamps.get(signals[event["signal_id"]])) is not None:
                created[event["position_id"]] = stamp
        found = []
        for at, body in connection.execute(
            "SELECT time, body FROM journal WHERE account_id = 'venue:paper' ORDER BY seq"
        ):
            command = decode(msgspec.json.decode(body, type=_Recorded).data)
            if isinstance(command, Executed):
                legs = getattr(command.request, "legs", None) or (command.request,)
                parts = str(getattr(legs[0], "client_order_id", "")).split("_")
                stamp = created.pop(int(parts[2]), None) if len(parts) == 5 else None
                if stamp is not None:
                    found.append((at - stamp) / 1e3)
        return found
    finally:
        connection.close()


class _Recorded(msgspec.Struct):
    data: bytes


def measured(rate: float, seconds: float, positions: int, durability: str = "normal") -> Outcome:
    """Run a service of its own under load, stop it, and have it judged."""
    with tempfile.TemporaryDirectory(prefix="fillwright-load-") as name:
        changes: dict[str, dict[str, Any]] = {
            "journal": {"durability": durability},
            "risk": {"max_position_size_usdt": 1_000, "signal_age_max_s": 60},
        }
        with Service(
            Path(name),
            symbols=SYMBOLS,
            info=exchange_info(BASES, copies=COPIES),
            trades_per_second=TICKS_PER_SECOND / 2 / len(SYMBOLS),
            changes=changes,
        ) as service:
            service.start().wait_ready()
            load = Load(service, rate, seconds, positions)
            outcome = uvloop.run(load.run())
            judge = Judge(service.database)
            settled = _settled(service, judge)
            judge.heard(load.sent)
            outcome.problems = [*judge.problems, *settled]
            lost = [one for one in load.sent if not one.answers and not one.refusals]
            outcome.problems += [f"{len(lost)} signals have no answer"] if lost else []
            outcome.summary = judge.summary
            outcome.exchange_ms = summed(signal_to_exchange(service.database, load.stamps))
            return outcome


def _settled(service: Service, judge: Judge) -> list[str]:
    """Stop it; once more if an execution was on its way to the account just then. What differs at last."""
    for _ in range(STOPS_MAX):
        assert service.stop() == 0, service.log[-2_000:]
        judge.look()
        if not judge.differences():
            return judge.settle()
        service.start().wait_ready()
        time.sleep(1)
    service.close()
    return judge.differences()


def idle(seconds: float) -> float:
    """Percent of one core that the service uses with quotes of three symbols and no signals."""
    with (
        tempfile.TemporaryDirectory(prefix="fillwright-idle-") as name,
        Service(Path(name), symbols=("BTCUSDT", "ETHUSDT", "SOLUSDT"), trades_per_second=5) as service,
    ):
        service.start().wait_ready()
        time.sleep(3)
        before = service.cpu_s
        time.sleep(seconds)
        return (service.cpu_s - before) / seconds * 100


def rows(quick: bool) -> list[Row]:
    """The figures as a table."""
    seconds = 5.0 if quick else 60.0
    outcome = measured(1_000, seconds, STAYING)
    if outcome.problems:
        raise AssertionError(outcome.problems)
    ticks = f"{outcome.ticks_per_second:,.0f} ticks/s"
    what = f"1,000 signals/s for {seconds:.0f} s, {outcome.positions[1]} positions, {ticks}"
    share = outcome.orders / max(outcome.sent, 1) * 100
    return [
        Row(f"{what}: answer", f"{outcome.answer_ms[0]:.2f} ms", f"{outcome.answer_ms[1]:.2f} ms", ""),
        Row(
            "  signal → exchange", f"{outcome.exchange_ms[0]:.2f} ms", f"{outcome.exchange_ms[1]:.2f} ms", ""
        ),
        Row("  became orders", f"{share:.0f} %", "", "aim ≥ 20 %"),
        Row("  processor, loaded", f"{outcome.cpu_percent:.0f} % of a core", "", ""),
        Row(
            "  memory, at the beginning and the end",
            f"{outcome.resident_mb[0]:.0f} MB",
            f"{outcome.resident_mb[-1]:.0f} MB",
            "",
        ),
        Row(
            "processor, idle (3 symbols of quotes)",
            f"{idle(5 if quick else 20):.1f} % of a core",
            "",
            "aim < 5 %",
        ),
    ]


def main() -> None:
    """Run it alone."""
    parser = argparse.ArgumentParser(prog="benchmarks.load")
    parser.add_argument("--rate", type=float, default=1_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--positions", type=int, default=STAYING, help="that stay open; others come and go")
    parser.add_argument("--durability", choices=("normal", "full"), default="normal")
    parser.add_argument("--idle", action="store_true", help="measure the idle service alone")
    parser.add_argument(
        "--profile", default="", help="a command to start the service with, such as a profiler's"
    )
    options = parser.parse_args()
    if options.idle:
        print(f"idle: {idle(options.seconds):.2f} % of a core")
        return
    outcome = measured(options.rate, options.seconds, options.positions, options.durability)
    print(json.dumps(msgspec.to_builtins(outcome), indent=2, default=str))


if __name__ == "__main__":
    main()
