"""The Binance venue against the exchange in this process, over real sockets, in virtual time (``tests.warp``)."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from fillwright.binance.clock_sync import ClockSync
from fillwright.binance.endpoints import Endpoints
from fillwright.core.inputs import Input
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.clock import BoxClock
from fillwright.exchange.server.server import Server, serve
from fillwright.exchange.server.settings import (
    AccountSettings,
    BoxSettings,
    KeySettings,
    MarketSettings,
    SourceKind,
)
from fillwright.exchange.settings import ExchangeSettings
from fillwright.ports import VenueEffect, VenueTerms
from fillwright.venues.binance import BinanceSettings, BinanceVenue
from fillwright.venues.binance_place import BinancePlace
from tests.binance.live_box import ED25519_KEY, PUBLIC, ed25519_signer, hmac_signer
from tests.exchange.builders import EXACT, SYMBOL
from tests.exchange.server.boxes import API_KEY, SECRET
from tests.exchange.server.http_box import info_file
from tests.warp import WarpClock, the_loop

D = Decimal
ACCOUNT = "main"
BALANCES = {"USDT": D(10_000), "BTC": D(10)}
WIDE = {
    "bidMultiplierUp": "5",
    "bidMultiplierDown": "0.2",
    "askMultiplierUp": "5",
    "askMultiplierDown": "0.2",
}
"""Prices far from the market are allowed."""
BRIEFLY_S = 0.1
"""What was sent before has arrived after this long: time does not pass while something is under way."""


def box_settings(
    folder: Path,
    symbols: Mapping[str, Mapping[str, Any]],
    balances: Mapping[str, Decimal],
    exchange: ExchangeSettings = EXACT,
    **account: Any,
) -> BoxSettings:
    """A server of these symbols (changes to BTCUSDT's row) with one account and a key of each kind."""
    keys = (
        KeySettings(api_key=API_KEY, secret=SECRET),
        KeySettings(api_key=ED25519_KEY, public_key=PUBLIC),
    )
    return BoxSettings(
        port=0,
        exchange_info=info_file(folder, symbols),
        accounts=(AccountSettings(account_id=ACCOUNT, balances=dict(balances), keys=keys, **account),),
        market=MarketSettings(source=SourceKind.SCRIPT),
        exchange=msgspec.structs.replace(exchange, public_trades=True),
    )


def box_clock() -> BoxClock:
    """A server's clock that goes with the loop."""
    return BoxClock(real=the_loop().now)


def place_of(server: Server) -> BinancePlace:
    """Where a server is, by a clock that goes with the loop."""
    base = f"127.0.0.1:{server.port}"
    loop = the_loop()
    return BinancePlace(
        Endpoints(rest=f"http://{base}", streams=f"ws://{base}", websocket_api=f"ws://{base}"),
        clock_sync=ClockSync(wall=loop.now, steady=loop.now),
    )


class BoxKit:
    """See ``tests/contract/test_venue.py``."""

    def __init__(self, *, is_hmac: bool = False, over_rest: bool = False) -> None:
        self.told: list[Input] = []
        self.terms: VenueTerms
        self.venue: BinanceVenue
        self._signer = hmac_signer() if is_hmac else ed25519_signer()
        self._settings = BinanceSettings(symbols=(SYMBOL,), over_websocket=not over_rest)
        self._open = contextlib.AsyncExitStack()
        self.server: Server
        self._running: asyncio.Task[None]

    async def start(self) -> BoxKit:
        """Open a server and a venue at it."""
        folder = self._open.enter_context(tempfile.TemporaryDirectory())
        symbols = {SYMBOL: {"filters": {"PERCENT_PRICE_BY_SIDE": WIDE}}}
        settings = box_settings(Path(folder), symbols, BALANCES)
        self.server = await self._open.enter_async_context(serve(settings, box_clock()))
        await self.trade("100")
        await self._begin()
        return self

    async def _begin(self) -> None:
        self.told = []
        place = place_of(self.server)
        self.venue = place.venue(ACCOUNT, self._signer, WarpClock(), self._settings)
        self.terms = await self.venue.open()
        self._running = asyncio.create_task(self.venue.run(self._hear))
        await asyncio.sleep(BRIEFLY_S)

    def _hear(self, items: Sequence[Input]) -> None:
        self.told += items

    async def trade(self, price: str, quantity: str = "1") -> None:
        """The outside market trades."""
        self.box.tick()
        self.box.trade(SYMBOL, D(price), D(quantity), False, self.box.now)
        await asyncio.sleep(BRIEFLY_S)

    async def do(self, effect: VenueEffect) -> list[Input]:
        """Carry it out, and wait for what the stream tells of it."""
        before = len(self.told)
        answer = await self.venue.carry_out(effect)
        await asyncio.sleep(BRIEFLY_S)
        return [*answer, *self.told[before:]]

    @property
    def box(self) -> Box:
        """The server's heart."""
        return self.server.box

    async def leave(self) -> None:
        """Our process is gone."""
        self._running.cancel()
        await asyncio.wait((self._running,))
        await self.venue.close()

    async def restart(self) -> BoxKit:
        """Our process is gone, with its connections; another one comes."""
        await self.leave()
        await self._begin()
        return self

    async def end(self) -> None:
        """Let go, and have the exchange add up its books."""
        await self.leave()
        assert self.box.exchange.audit() == ()
        await self._open.aclose()
