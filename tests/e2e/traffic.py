"""Signals over HTTP at a steady rate, and a note of every answer: what the judge holds against the journal."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from random import Random
from typing import Any

import aiohttp
import msgspec

from tests.e2e.service import TOKEN

AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}
TIMEOUT_S = 10.0


class Answered(msgspec.Struct):
    """One answer with status 2xx."""

    status: int
    body: dict[str, Any]


class Sent(msgspec.Struct):
    """One signal: sent once or more often, always with the same key and body."""

    trader_id: str
    key: str
    body: bytes
    answers: list[Answered] = []
    refusals: list[tuple[int, Any]] = []
    """Answers that are not 2xx."""
    tries: int = 0
    seconds: list[float] = []
    """How long each answer took."""

    @property
    def name(self) -> tuple[str, str]:
        """What makes it one signal."""
        return self.trader_id, self.key


class Prices:
    """The newest quotes, as the service tells them once a second."""

    def __init__(self) -> None:
        self.quotes: dict[str, tuple[float, float]] = {}
        self.news = asyncio.Event()

    async def follow(self, url: str, http: aiohttp.ClientSession) -> None:
        """Listen until the service goes or this is cancelled."""
        async with http.ws_connect(f"{url}/api/events?prices=true", max_msg_size=0) as socket:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT and message.data.startswith('{"type":"prices"'):
                    for quote in json.loads(message.data)["quotes"]:
                        self.quotes[quote["symbol"]] = (float(quote["bid"]), float(quote["ask"]))
                    self.news.set()

    async def wait_for(self, symbols: Sequence[str], timeout_s: float = 15) -> None:
        """Until each symbol has a quote."""
        async with asyncio.timeout(timeout_s):
            while not all(symbol in self.quotes for symbol in symbols):
                self.news.clear()
                await self.news.wait()


def draw_body(
    random: Random, symbol: str, bid: float, ask: float, trader_id: str, far: float = 0.0015
) -> dict[str, Any]:
    """A signal with stop and target at some distance; one in eight is a limit order, one in twelve has no stop."""
    stop, target = bid * (1 - random.uniform(0.0001, far)), ask * (1 + random.uniform(0.00025, far))
    body: dict[str, Any] = {
        "symbol": symbol,
        "side": "long",
        "trader_id": trader_id,
        "stop_loss": f"{stop:.8f}",
        "take_profit": f"{target:.8f}",
        "size": {"quote": str(random.choice((15, 25, 60)))},
    }
    kind = random.randrange(24)
    if kind < 3:
        body["entry"] = {"type": "limit", "price": f"{bid * (1 - random.uniform(0, 0.0004)):.8f}"}
    elif kind < 5:
        del body["stop_loss"]
    return body


class Traffic:
    """All that was ever sent to one service, through however many of its lives."""

    def __init__(self, symbols: Sequence[str], seed: int = 1, traders: int = 12) -> None:
        self.symbols = tuple(symbols)
        self.random = Random(seed)
        self.traders = traders
        self.sent: list[Sent] = []
        self.prices = Prices()

    @property
    def unanswered(self) -> list[Sent]:
        """Those that never had an answer of 2xx."""
        return [one for one in self.sent if not one.answers]

    def draw(self) -> Sent:
        """The next signal."""
        random = self.random
        symbol = random.choice(self.symbols)
        bid, ask = self.prices.quotes[symbol]
        trader_id = f"trader-{random.randrange(self.traders)}"
        key = f"{len(self.sent)}"
        body = {**draw_body(random, symbol, bid, ask, trader_id), "key": key}
        sent = Sent(trader_id, key, json.dumps(body).encode())
        self.sent.append(sent)
        return sent

    async def post(self, url: str, http: aiohttp.ClientSession, sent: Sent) -> int:
        """Send a signal and note what was answered: its status; 0 when the connection broke."""
        sent.tries += 1
        begin = time.perf_counter()
        try:
            async with http.post(
                f"{url}/api/signals", data=sent.body, headers={"Content-Type": "application/json"}
            ) as response:
                body = await response.json(content_type=None)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return 0
        sent.seconds.append(time.perf_counter() - begin)
        if 200 <= response.status < 300:
            sent.answers.append(Answered(response.status, body))
        else:
            sent.refusals.append((response.status, body))
        return response.status

    async def flow(self, url: str, rate: float, seconds: float) -> None:
        """Send at a steady rate, waiting for no answer; ends when the time is over, or the service is gone."""
        self.prices = Prices()
        async with self.session() as http, asyncio.TaskGroup() as tasks:
            follower = tasks.create_task(self._follow(url, http))
            try:
                await self.prices.wait_for(self.symbols)
                begin = time.monotonic()
                posts = []
                for number in range(int(rate * seconds)):
                    await asyncio.sleep(max(0.0, begin + number / rate - time.monotonic()))
                    if follower.done():
                        break  # it was killed
                    posts.append(tasks.create_task(self.post(url, http, self.draw())))
                if posts:
                    await asyncio.wait(posts)
            finally:
                follower.cancel()

    async def _follow(self, url: str, http: aiohttp.ClientSession) -> None:
        try:
            await self.prices.follow(url, http)
        except (aiohttp.ClientError, OSError):
            return

    async def repeat(self, url: str, again: Sequence[Sent], at_once: int = 20) -> None:
        """Send signals once more, a few at a time."""
        async with self.session() as http:
            for begin in range(0, len(again), at_once):
                await asyncio.gather(*(self.post(url, http, one) for one in again[begin : begin + at_once]))

    @staticmethod
    def session() -> aiohttp.ClientSession:
        """A client that shows the token and has as many connections as it needs."""
        return aiohttp.ClientSession(
            headers=AUTHORIZATION,
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(TIMEOUT_S),
        )
