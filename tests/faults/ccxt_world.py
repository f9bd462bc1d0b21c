"""The world of the fault matrix with ccxt as the venue: same box, same stories, same judge, virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

from fillwright.binance.endpoints import Endpoints
from fillwright.runtime.account import AccountEngine
from fillwright.runtime.market import MarketHub
from fillwright.runtime.recovery import Configured
from fillwright.storage.sql import open_store
from fillwright.venues.ccxt import CcxtSettings, CcxtVenue
from fillwright.venues.ccxt_places import at_binance
from tests.faults import world as box_world
from tests.faults.world import ACCOUNT, OWNER, BoxWorld
from tests.venues.ccxt_boxes import KEYS
from tests.warp import the_loop


def at_server(endpoints: Endpoints, *, has_streams: bool = True) -> Any:
    """Point ccxt at a server whose time is the loop's; without ``has_streams`` it knows none of an account."""
    there = at_binance(endpoints.rest, endpoints.streams, endpoints.websocket_api)
    loop = the_loop()

    def prepare(exchange: Any) -> None:
        there(exchange)
        exchange.milliseconds = lambda: loop.now() // 1_000
        for name in () if has_streams else ("watchOrders", "watchMyTrades", "watchBalance"):
            exchange.has[name] = False

    return prepare


class CcxtWorld(BoxWorld):
    """See the module; ``exchange_id``: what ccxt takes the box for."""

    def __init__(self, exchange_id: str = "binance", *, has_streams: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self._exchange_id, self._has_streams = exchange_id, has_streams

    async def begin(self, *, ready: bool = True) -> None:
        """A process comes up, with the journal of the one before."""
        self.lives += 1
        self._store = open_store(self._path / "fillwright.db")
        self.hub = MarketHub(self._clock)
        for symbol in self.symbols:
            self.seen(symbol)
        base = f"127.0.0.1:{self._server.port}"
        endpoints = Endpoints(rest=f"http://{base}", streams=f"ws://{base}", websocket_api=f"ws://{base}")
        settings = CcxtSettings(
            exchange_id=self._exchange_id,
            symbols=self.symbols,
            is_throttled=False,
            profile=self._settings.venue,
        )
        there = at_server(endpoints, has_streams=self._has_streams)
        self.venue = CcxtVenue(ACCOUNT, KEYS, self._clock, settings, there)  # type: ignore[assignment]
        self.account = AccountEngine(
            OWNER,
            self._store,
            box_world._Venue(self.venue, self._sent),
            self._clock,
            self.hub,
            Configured(self._settings, {}),
            alert=self._alert,
            tag=lambda: self.tag,
        )
        self._task = asyncio.create_task(self.account.run())
        if ready:
            await self.ready()
