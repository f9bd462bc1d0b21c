"""The exchange in this process, with the keys of an account, for tests of what talks to Binance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr

from fillwright.binance.budget import RateBudget
from fillwright.binance.endpoints import Endpoints
from fillwright.binance.signers import Ed25519Signer, HmacSigner, Signer
from fillwright.binance.websocket_api import Account
from fillwright.core.requests import OrderRequest
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.clock import BoxClock
from fillwright.exchange.server.fault_plan import Rule
from fillwright.exchange.server.server import Server, serve
from fillwright.exchange.server.settings import (
    AccountSettings,
    BoxSettings,
    ClockSettings,
    KeySettings,
    MarketSettings,
    SourceKind,
)
from fillwright.exchange.server.websocket_api import ApiSession
from fillwright.wire.requests import WireRequest, encoded
from tests.exchange.server.boxes import API_KEY, SECRET, START, limit_order

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
ED25519_KEY = "e" * 64
STORY_MAX_S = 30.0


def ed25519_signer() -> Signer:
    """Of the account ``main``."""
    return Ed25519Signer(SecretStr(ED25519_KEY), PRIVATE)


def hmac_signer() -> Signer:
    """Of the account ``main``."""
    return HmacSigner(SecretStr(API_KEY), SecretStr(SECRET))


class LiveBox:
    """A running server, and a market of BTCUSDT at 50,000."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.box: Box = server.box
        base = f"127.0.0.1:{server.port}"
        self.endpoints = Endpoints(
            rest=f"http://{base}", streams=f"ws://{base}", websocket_api=f"ws://{base}"
        )
        self.budget = RateBudget(self.now)
        self.clock_refusals = 0
        self.skew_us = 0
        """How far our clock is ahead."""

    def now(self) -> int:
        return self.box.clock.now() + self.skew_us

    def account(self, signer: Signer | None = None) -> Account:
        """The account ``main``, as its sessions see it."""
        return Account("main", signer or ed25519_signer(), self.now, self._clock_refused, self.budget)

    def _clock_refused(self) -> None:
        self.clock_refusals += 1

    @property
    def sessions(self) -> list[ApiSession]:
        """Connections to the WebSocket API, oldest first."""
        assert self.box.sockets is not None
        return [one for one in self.box.sockets if isinstance(one, ApiSession) and one.is_open]

    def pass_time(self, by_us: int) -> None:
        """Let time pass that stands still."""
        self.box.clock.step(by_us)
        self.box.tick()

    def shut_down(self) -> None:
        """Say that the server will go away."""
        for one in self.sessions:
            one.send(one.shutdown_message())

    def fault(self, rule: Rule) -> None:
        self.box.faults.install(rule)

    def trade(self, price: str, quantity: str = "5") -> None:
        """The market goes there, and trades there."""
        value, cent = Decimal(price), Decimal("0.01")
        self.box.quote("BTCUSDT", value - cent, Decimal(5), value + cent, Decimal(5), self.box.now)
        self.box.trade("BTCUSDT", value, Decimal(quantity), False, self.box.now)


@asynccontextmanager
async def live_box(runs_by: BoxClock | None = None, **changes: Any) -> AsyncIterator[LiveBox]:
    """Serve on a free port of loopback."""
    keys = (
        KeySettings(api_key=API_KEY, secret=SECRET),
        KeySettings(api_key=ED25519_KEY, public_key=PUBLIC),
    )
    values: dict[str, Any] = {
        "port": 0,
        "symbols": ("BTCUSDT", "ETHUSDT"),
        "clock": ClockSettings(),
        "market": MarketSettings(source=SourceKind.SCRIPT),
        "accounts": (
            AccountSettings(balances={"USDT": Decimal(100_000), "BTC": Decimal(1)}, keys=keys),
            AccountSettings(account_id="other", balances={"USDT": Decimal(100_000)}),
        ),
        **changes,
    }
    async with serve(BoxSettings(**values), runs_by) as server:
        live = LiveBox(server)
        live.trade("50000")
        yield live


def play(story: Callable[[LiveBox], Awaitable[None]], settings: Mapping[str, Any] | None = None) -> None:
    """Run a story against a server of its own, on the loop that the service runs on."""

    async def run() -> None:
        async with asyncio.timeout(STORY_MAX_S), live_box(**(settings or {})) as live:
            await story(live)

    uvloop.run(run())


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Something that runs while the block lasts, and does not end before."""
    task = asyncio.create_task(work)
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    """Wait until something is so."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
                await asyncio.sleep(0.001)
    except TimeoutError:
        raise AssertionError(f"after {seconds} s still not {what}") from None


FROZEN: Mapping[str, Any] = {"clock": ClockSettings(is_frozen=True, start_us=START)}
"""Time passes by ``LiveBox.pass_time`` alone."""


def limit(own: str, price: str = "40000", **changes: Any) -> WireRequest:
    """A limit order to buy BTC that rests, unless its price meets the market's."""
    return encoded(order(own, price, **changes))


def order(own: str, price: str = "40000", **changes: Any) -> OrderRequest:
    """The same, for whoever spells it."""
    return limit_order(price, own=own, **changes)
