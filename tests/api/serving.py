"""The real application on a real server at a loopback port, over a real orchestrator with the box venue."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from fillwright.api.address import bind, url_of
from fillwright.api.app import make_app
from fillwright.api.entrance import Entrance
from fillwright.api.server import serve
from fillwright.api.tokens import Caller, HashedTokens, token_hash
from fillwright.core.types import Mode
from fillwright.runtime.account import READY
from fillwright.runtime.inbox import Bounds
from fillwright.runtime.orchestrator import Orchestrator
from tests.runtime.builders import Bench, StillMarket, open_bench, until

TOKEN = "a-token-of-the-tests"
VERSION = "9.9.9"
SIGNAL: dict[str, Any] = {
    "symbol": "AAAUSDT",
    "side": "long",
    "trader_id": "ada",
    "stop_loss": "95",
    "take_profit": "110",
    "size": {"quote": "200"},
}


class Service:
    """A running service and a client of its own."""

    def __init__(
        self, bench: Bench, orchestrator: Orchestrator, url: str, http: aiohttp.ClientSession
    ) -> None:
        self.bench = bench
        self.orchestrator = orchestrator
        self.url = url
        self.http = http
        self.read_model: Any = None
        self.entrance: Entrance | None = None

    @property
    def account(self) -> Any:
        return self.bench.account

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def reader_tasks(self) -> list[asyncio.Task[Any]]:
        """Tasks of those who follow events."""
        return [task for task in asyncio.all_tasks() if "Reader." in repr(task.get_coro())]

    async def ask(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> tuple[int, Any]:
        """Status and decoded body; ``raw`` goes out as it is. Header names use underscores."""
        async with self.respond(method, path, body, raw=raw, **headers) as response:
            return response.status, await response.json(content_type=None)

    def respond(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Authorization", f"Bearer {TOKEN}")
        if raw is not None:
            return self.http.request(method, self.url + path, data=raw, headers=named)
        return self.http.request(method, self.url + path, json=body, headers=named)

    async def get(self, path: str) -> Any:
        status, body = await self.ask("GET", path)
        assert status == 200, body
        return body

    async def send(self, **changes: Any) -> tuple[int, Any]:
        return await self.ask("POST", "/api/signals", {**SIGNAL, **changes})

    async def open_position(self) -> int:
        """A position with its protection."""
        trader = f"trader-{self.account.engine.state.signals_made}"
        status, body = await self.send(trader_id=trader)
        assert (status, body["status"]) == (201, "entering"), body
        ledger = self.account.engine.ledger
        position_id: int = body["position_id"]
        await until(
            lambda: position_id in ledger.open_positions and ledger.open_positions[position_id].stop_order_id,
            "an open position",
        )
        return position_id


@asynccontextmanager
async def service(
    path: Path,
    *,
    ready: bool = True,
    hosts: tuple[str, ...] = (),
    bounds: Bounds | None = None,
    entrance: bool = False,
) -> AsyncIterator[Service]:
    """Run a service meanwhile."""
    bench = open_bench(path, bounds=bounds)
    market = StillMarket()
    orchestrator = Orchestrator(
        store=bench.store,
        clock=bench.clock,
        hub=bench.hub,
        market=market,
        accounts=[bench.account],
        modes={"local": Mode.PAPER},
        version=VERSION,
    )
    bound = bind("127.0.0.1", 0)
    model = bench.real_store.read_model()
    tokens = HashedTokens({token_hash(TOKEN): Caller("local", "tester")})
    way_in = Entrance(TOKEN, bench.clock) if entrance else None
    app = make_app(orchestrator, model, tokens, bench.clock, version=VERSION, hosts=hosts, entrance=way_in)
    up, stop = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(serve(app, bound, up.set, stop))
    running = asyncio.create_task(orchestrator.run()) if ready else None
    await up.wait()
    if ready:
        await until(lambda: bench.account.state == READY, "ready")
        bench.price(Decimal(100))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as http:
        made = Service(bench, orchestrator, url_of(bound), http)
        made.read_model, made.entrance = model, way_in
        try:
            yield made
        finally:
            bench.venue.release()
            stop.set()
            await asyncio.wait((serving,))
            if running is not None:
                orchestrator.stop()
                orchestrator.stop()
                await asyncio.wait((running,))
                running.result()
            serving.result()
            bench.real_store.close()


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until something is so, that takes the network's time."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
