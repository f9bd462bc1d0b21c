"""The live service piece by piece: a signal over HTTP to the exchange, ticks past resting orders, many readers."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import msgspec
import structlog
import uvloop

from benchmarks.feeds import FRAMES, ROUNDS, MadeClock, frames
from benchmarks.figures import Row
from benchmarks.http import Pool
from benchmarks.load import Load, signal_to_exchange, summed
from benchmarks.material import instrument, settings
from fillwright.binance.symbol_streams import SymbolStreams
from fillwright.core.inputs import Signal, Size, SubmitSignal
from fillwright.core.types import Direction, Mode
from fillwright.ports import Owner
from fillwright.runtime.account import READY, AccountEngine
from fillwright.runtime.clock import SystemClock
from fillwright.runtime.market import MarketHub
from fillwright.runtime.recovery import Configured
from fillwright.storage.sql import open_store
from fillwright.venues.paper import PaperVenue, paper_terms
from fillwright.wire.market_streams import StreamDecoder
from tests.e2e.service import HOST, TOKEN, Service, exchange_info
from tests.e2e.traffic import Traffic

SYMBOL = "BTCUSDT"
FAR = 0.09
"""How far stops and targets are from the price: none is reached."""
PAUSE_S = 0.005
"""Between one answer and the next signal."""
RESTING = 1_000
READERS = 100
RECORDS = 9_000
"""Records that each reader gets; the feed holds 10,000."""


# -- over HTTP -----------------------------------------------------------------------------------------------------


def over_http(durability: str, signals: int) -> list[Row]:
    """One signal after the other from a second process, on one connection."""
    with (
        tempfile.TemporaryDirectory(prefix="fillwright-http-") as name,
        Service(
            Path(name),
            symbols=(SYMBOL,),
            info=exchange_info((SYMBOL,)),
            trades_per_second=5,
            changes={"journal": {"durability": durability}},
        ) as service,
    ):
        service.start().wait_ready()
        load = Load(service, 1, 1, 0)
        uvloop.run(_one_by_one(load, signals))
        assert service.stop() == 0
        answers = summed([one * 1e6 for one in load.times])
        exchange = summed([one * 1e3 for one in signal_to_exchange(service.database, load.stamps)])
    name = durability.upper()
    return [
        Row(
            f"POST /api/signals → answer, {name}",
            f"{answers[0]:.0f} µs",
            f"{answers[1]:.0f} µs",
            "aim ≤ 400 µs",
        ),
        Row(
            f"  → accepted at the paper exchange, {name}",
            f"{exchange[0]:.0f} µs",
            f"{exchange[1]:.0f} µs",
            "",
        ),
    ]


async def _one_by_one(load: Load, signals: int) -> None:
    pool = Pool(HOST, load.service.port, 1, TOKEN)
    load.pool = pool
    async with Traffic.session() as http:
        following = asyncio.create_task(load.prices.follow(load.service.url, http))
        await load.prices.wait_for((SYMBOL,))
        following.cancel()
    await pool.open()
    for number in range(signals):
        load.body(0, f"trader-{number}", FAR)
        await load.post(load.sent[-1])
        await asyncio.sleep(PAUSE_S)
    assert all(one.answers and one.answers[0].body["position_id"] for one in load.sent)
    pool.close()


# -- ticks ---------------------------------------------------------------------------------------------------------


def ticks() -> list[Row]:
    """Frames of Binance through decoder, hub, paper exchange and engine, with so many orders resting."""
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=sys.stderr))
    took = uvloop.run(_ticks())
    return [
        Row(
            f"Binance frame → decoded → hub → exchange and engine, {RESTING:,} orders resting",
            f"{1 / took / 1e3:.0f} k ticks/s",
            "",
            "",
        )
    ]


async def _ticks() -> float:
    with tempfile.TemporaryDirectory() as name, open_store(Path(name) / "journal.db") as store:
        clock, wanted = SystemClock(), settings()
        risk = msgspec.structs.replace(wanted.risk, max_spread_percent=Decimal(5))  # that of the frames
        wanted = msgspec.structs.replace(wanted, risk=risk)
        hub = MarketHub(clock)
        venue = PaperVenue("bench", store.journal, clock, paper_terms(wanted, (instrument(),)))
        owner = Owner(account_id="bench", user_id="local", mode=Mode.PAPER)
        account = AccountEngine(owner, store, venue, clock, hub, Configured(wanted))
        running = asyncio.create_task(account.run())
        while account.state != READY:  # noqa: ASYNC110 - the account tells nobody
            await asyncio.sleep(0)
        made, decoder = frames(FRAMES), StreamDecoder()
        streams = SymbolStreams(SYMBOL, [], hub, MadeClock(1), lambda: None, depth=None)
        handlers = {name.encode(): handle for name, handle in streams.handlers.items()}
        for frame in made[:2]:
            stream, message = decoder.decode(frame)
            handlers[stream](message)
        bid = hub.quotes[SYMBOL].bid
        for number in range(RESTING // 2):
            signal = Signal(
                trader_id=f"t{number}",
                symbol=SYMBOL,
                side=Direction.LONG,
                created_at=clock.now(),
                stop_loss=instrument().price_down(bid * 95 / 100),
                take_profit=instrument().price_down(bid * 105 / 100),
                size=Size(quote=instrument().price_down(bid / 1_000)),
                key=str(number),
            )
            answer = await account.submit(SubmitSignal(signal))
            assert answer.ok, answer
        while len(account.engine.ledger.open_orders) < RESTING:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0)
        samples = []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            for frame in made:
                stream, message = decoder.decode(frame)
                handlers[stream](message)
            samples.append((time.perf_counter() - begin) / len(made))
            await asyncio.sleep(0)
        assert len(account.engine.ledger.open_orders) == RESTING
        account.stop_now()
        await running
    return sorted(samples)[ROUNDS // 2]


# -- readers -------------------------------------------------------------------------------------------------------


class Reader(asyncio.Protocol):
    """A WebSocket that counts records in what it is sent, and decodes nothing."""

    def __init__(self, request: bytes, records: int) -> None:
        self._request = request
        self._left = records
        self._tail = b""
        self.done: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Count."""
        self._left -= (self._tail + data).count(b'{"seq":')
        self._tail = data[-6:]
        if self._left <= 0 and not self.done.done():
            self.done.set_result(time.perf_counter())

    def connection_lost(self, error: Exception | None) -> None:
        """It must not be."""
        if not self.done.done():
            self.done.set_exception(ConnectionResetError("a reader was dropped"))


def readers() -> list[Row]:
    """How fast so many readers get the newest records of a running service."""
    with (
        tempfile.TemporaryDirectory(prefix="fillwright-readers-") as name,
        Service(Path(name), symbols=(SYMBOL,), info=exchange_info((SYMBOL,)), trades_per_second=5) as service,
    ):
        service.start().wait_ready()
        load = Load(service, 1, 1, 0)
        uvloop.run(_fill_feed(load))
        seq = service.got("/api/status")["seq"]
        took = uvloop.run(_read(service, seq - RECORDS))
    return [
        Row(
            f"records to {READERS} WebSocket readers at once",
            f"{READERS * RECORDS / took / 1e3:.0f} k records/s",
            "",
            "",
        )
    ]


async def _fill_feed(load: Load) -> None:
    pool = load.pool = Pool(HOST, load.service.port, 16, TOKEN)
    async with Traffic.session() as http:
        following = asyncio.create_task(load.prices.follow(load.service.url, http))
        await load.prices.wait_for((SYMBOL,))
        following.cancel()
    await pool.open()
    for begin in range(0, RECORDS // 10, 16):
        posts = []
        for number in range(begin, begin + 16):
            load.body(0, f"trader-{number}", FAR)
            posts.append(load.post(load.sent[-1]))
        await asyncio.gather(*posts)
    pool.close()


async def _read(service: Service, since: int) -> float:
    request = (
        f"GET /api/events?since={since} HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {TOKEN}\r\n\r\n"
    ).encode()
    loop, begin = asyncio.get_running_loop(), time.perf_counter()
    made = [
        await loop.create_connection(lambda: Reader(request, RECORDS), HOST, service.port)
        for _ in range(READERS)
    ]
    async with asyncio.timeout(60):
        ends = await asyncio.gather(*(reader.done for _, reader in made))
    for transport, _ in made:
        transport.close()
    return max(ends) - begin


def rows(quick: bool) -> list[Row]:
    """All of it."""
    signals = 100 if quick else 1_000
    return [*over_http("normal", signals), *over_http("full", signals), *ticks(), *readers()]
