"""Signals and commands over HTTP to one service, through however many of its lives, each with its idempotency key."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import aiohttp
import msgspec

from tests.e2e.traffic import Prices, Sent, Traffic, draw_body

COMMANDS_EVERY = 5
"""After so many signals a command follows."""
LOOK_EVERY_S = 1.0
FAR = 0.0008
"""How far stops and targets are from the price: most are reached within a minute."""
HOLDS = 0.03
"""Part of the signals that wait: their trader has not decided yet."""


class Command(msgspec.Struct):
    """One command, sent until it was answered."""

    key: str
    path: str
    body: dict[str, Any]
    statuses: list[int] = []
    tries: int = 0


class SoakTraffic(Traffic):
    """Entries of all kinds, and what traders and operators do with positions."""

    def __init__(self, symbols: tuple[str, ...], seed: int, traders: int = 50) -> None:
        super().__init__(symbols, seed, traders)
        self.commands: list[Command] = []
        self.positions: list[dict[str, Any]] = []
        """Open ones, as they were told last."""

    def draw(self) -> Sent:
        """The next signal; some are on hold, and what is done with a position comes between them."""
        random = self.random
        symbol = random.choice(self.symbols)
        bid, ask = self.prices.quotes[symbol]
        trader_id, key = f"trader-{random.randrange(self.traders)}", f"{len(self.sent)}"
        body = {**draw_body(random, symbol, bid, ask, trader_id, FAR), "key": key}
        if random.random() < HOLDS:
            body["decision"] = "wait"
        sent = Sent(trader_id, key, json.dumps(body).encode())
        self.sent.append(sent)
        return sent

    def draw_command(self) -> Command | None:
        """Close, reduce or move the levels of an open position."""
        random = self.random
        if not self.positions:
            return None
        position = random.choice(self.positions)
        bid, ask = self.prices.quotes.get(position["symbol"], (0.0, 0.0))
        kind = random.choice(("close", "close", "reduce", "adjust"))
        body: dict[str, Any] = {}
        if kind == "reduce":
            body = {"fraction": random.choice(("0.3", "0.5"))}
        elif kind == "adjust":
            body = {"take_profit": f"{ask * (1 + random.uniform(0.0005, 0.002)):.8f}"}
            if random.random() < 0.7:
                body = {"stop_loss": f"{bid * (1 - random.uniform(0.0003, 0.001)):.8f}"}
        one = Command(f"command-{len(self.commands)}", f"/api/positions/{position['id']}/{kind}", body)
        self.commands.append(one)
        return one

    async def command(self, url: str, http: aiohttp.ClientSession, one: Command) -> None:
        """Send a command and note how it was answered."""
        one.tries += 1
        try:
            async with http.post(
                f"{url}{one.path}", json=one.body, headers={"Idempotency-Key": one.key}
            ) as response:
                await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return
        if response.status != 503:
            one.statuses.append(response.status)

    async def drive(self, url: str, rate: float, begin: float, until: float) -> None:
        """Send at a steady rate since ``begin``, and what was missed at most twice as fast; ends with the service.

        ``begin``, ``until``: by the loop's clock.
        """
        self.prices = Prices()
        loop = asyncio.get_running_loop()
        async with self.session() as http, asyncio.TaskGroup() as tasks:
            follower = tasks.create_task(self._follow(url, http))
            looker = tasks.create_task(self._look(url, http))
            posts: list[asyncio.Task[Any]] = []
            while (now := loop.time()) < until and not follower.done():
                is_due = len(self.sent) < rate * (now - begin)
                if is_due and all(symbol in self.prices.quotes for symbol in self.symbols):
                    posts.append(tasks.create_task(self.post(url, http, self.draw())))
                    if len(self.sent) % COMMANDS_EVERY == 0 and (command := self.draw_command()) is not None:
                        posts.append(tasks.create_task(self.command(url, http, command)))
                await asyncio.sleep(0.5 / rate)
            if posts:
                await asyncio.wait(posts)
            follower.cancel()
            looker.cancel()

    async def _look(self, url: str, http: aiohttp.ClientSession) -> None:
        """Note which positions are open."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError):
                async with http.get(f"{url}/api/positions?status=open&limit=100") as response:
                    if response.status == 200:
                        self.positions = (await response.json())["positions"]
            await asyncio.sleep(LOOK_EVERY_S)

    async def once_more(self, url: str, also: int = 25) -> None:
        """After a restart: all that was never answered, and some that was, under the same keys."""
        unanswered = [one for one in self.unanswered if one.tries]
        answered = [one for one in self.sent[-2_000:] if one.answers]
        drawn = self.random.sample(answered, min(also, len(answered)))
        await self.repeat(url, [*unanswered, *drawn])
        async with self.session() as http:
            for one in self.commands:
                if not one.statuses and one.tries:
                    await self.command(url, http, one)
