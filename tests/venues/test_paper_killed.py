"""A paper venue killed (SIGKILL) at any moment under load: whatever it told is still so afterwards."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
from collections.abc import Iterator, Sequence
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path

from fillwright.core.effects import Send
from fillwright.core.events import Record, VenueRecorded
from fillwright.core.inputs import Input, OrderReport
from fillwright.core.requests import CancelRequest, Request
from fillwright.core.types import SECOND, Time
from fillwright.storage.sql import open_store
from fillwright.venues.paper import PaperVenue
from fillwright.venues.paper_books import PaperExchange
from fillwright.venues.paper_commands import decode
from fillwright.venues.paper_journal import PREFIX, PaperJournal
from tests.e2e.forks import server
from tests.exchange.builders import BUY, SELL, SYMBOL, an_oco, an_opoco, limit, market
from tests.venues.papers import START, TERMS

D = Decimal
LIVES = 5
LINES_MAX = 600
"""Reports after which a life ends at the latest."""


class SteppingClock:
    """A clock that goes on by itself, a little with each look; whoever sleeps has it jump."""

    def __init__(self, now: Time) -> None:
        self._now = now

    def now(self) -> Time:
        self._now += 50
        return self._now

    async def sleep_until(self, time: Time) -> None:
        await asyncio.sleep(0)
        self._now = max(self._now, time)


def some_request(chance: random.Random, life: int, number: int) -> Request:
    name, price = f"{life}-{number}", f"{chance.randint(980, 1020) / 10:.1f}"
    kind = chance.randrange(6)
    if kind == 0:
        return market(chance.choice([BUY, SELL]), "0.1", name)
    if kind == 1:
        return an_oco("0.1", "97", "103", name)
    if kind == 2:
        return an_opoco("0.1", "105", "97", "103", name)
    if kind == 3:
        return CancelRequest(symbol=SYMBOL, orig_client_order_id=f"{life}-{number - 2}")
    return limit(chance.choice([BUY, SELL]), "0.2", price, name)


async def trade_until_killed(path: Path, life: int, pipe: int) -> None:
    """Trade, and write down each report at the moment at which it is told."""
    chance = random.Random(life)
    clock = SteppingClock(START + life * 3600 * SECOND)

    def told(inputs: Sequence[Input]) -> None:
        lines = [
            f"{one.client_order_id} {one.status} {one.executed_quantity}\n"
            for one in inputs
            if isinstance(one, OrderReport)
        ]
        os.write(pipe, "".join(lines).encode())

    with open_store(path) as store:
        latency_ms = life % 2
        venue = PaperVenue("a", store.journal, clock, TERMS, latency_ms=latency_ms, snapshot_every=40)
        await venue.open()
        running = asyncio.ensure_future(venue.run(told))
        await asyncio.sleep(0)
        price = 1000
        for number in range(10_000):
            for _ in range(3):
                price = min(1030, max(970, price + chance.randint(-3, 3)))
                venue.market.trade(SYMBOL, D(price) / 10, D("0.1"), chance.random() < 0.5, clock.now())
            await venue.carry_out(Send(some_request(chance, life, number), "entry"))
            await asyncio.sleep(0)
        running.cancel()


def in_the_child(path: Path, life: int, sender: Connection) -> None:
    """Run until somebody kills this process."""
    asyncio.run(trade_until_killed(path, life, sender.fileno()))


def one_life(path: Path, life: int, lines: int) -> dict[str, tuple[str, Decimal]]:
    """Let a venue live until it has told so many reports; the last that it told of each order."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = server().Process(target=in_the_child, args=(path, life, sender))
    process.start()
    sender.close()
    data = b""
    while data.count(b"\n") < lines:
        got = os.read(receiver.fileno(), 4096)
        assert got, "it ended by itself"
        data += got
    process.kill()
    while got := os.read(receiver.fileno(), 65_536):
        data += got
    process.join()
    receiver.close()
    assert process.exitcode == -signal.SIGKILL
    told: dict[str, tuple[str, Decimal]] = {}
    for line in data.decode().splitlines():
        name, status, executed = line.split(" ")
        told[name] = (status, D(executed))
    return told


def test_nothing_that_was_told_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    chance = random.Random(1)
    for life in range(1, LIVES + 1):
        told = one_life(path, life, chance.randint(1, LINES_MAX))
        with open_store(path) as store:
            restored = PaperJournal(store.journal, "a").restore()
            assert restored is not None
            assert restored.audit() == ()
            for name, (status, executed) in told.items():
                order = restored.order("a", SYMBOL, client_order_id=name)
                assert order.executed_quantity >= executed, name
                assert order.status == status or status in ("NEW", "PARTIALLY_FILLED", "PENDING_NEW"), name
            assert whole(store.journal.load(PREFIX + "a")).dump() == restored.dump()


def whole(records: Iterator[Record]) -> PaperExchange:
    """Do every command of the journal again, from the first."""
    exchange: PaperExchange | None = None
    for record in records:
        event = record.event
        assert isinstance(event, VenueRecorded)
        exchange = PaperExchange.perform(exchange, decode(event.data))
        exchange.drain()
    assert exchange is not None
    return exchange
