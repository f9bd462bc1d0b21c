"""The exchange in this process, reached through ccxt: one account, and the market of BTCUSDT at 100."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import Any

from pydantic import SecretStr

from fillwright.core.inputs import Input, StreamChanged
from fillwright.exchange.server.server import serve
from fillwright.exchange.server.settings import (
    AccountSettings,
    BoxSettings,
    ClockSettings,
    KeySettings,
    MarketSettings,
    SourceKind,
)
from fillwright.ports import VenueTerms
from fillwright.runtime.clock import SystemClock
from fillwright.venues.ccxt import CcxtKeys, CcxtSettings, CcxtVenue
from tests.binance.live_box import LiveBox, until
from tests.exchange.server.boxes import API_KEY, SECRET

KEYS = CcxtKeys(SecretStr(API_KEY), SecretStr(SECRET))
SYMBOL = "BTCUSDT"


@asynccontextmanager
async def hundred() -> AsyncIterator[LiveBox]:
    """A server whose market is at 100, with 10,000 USDT and 10 BTC in the account."""
    account = AccountSettings(
        balances={"USDT": Decimal(10_000), "BTC": Decimal(10)},
        keys=(KeySettings(api_key=API_KEY, secret=SECRET),),
    )
    settings = BoxSettings(
        port=0,
        symbols=(SYMBOL,),
        clock=ClockSettings(),
        market=MarketSettings(source=SourceKind.SCRIPT),
        accounts=(account,),
    )
    async with serve(settings) as server:
        live = LiveBox(server)
        live.box.quote(SYMBOL, Decimal("99.99"), Decimal(50), Decimal(100), Decimal(50), live.box.now)
        live.box.trade(SYMBOL, Decimal(100), Decimal(1), False, live.box.now)
        yield live


def at(live: LiveBox) -> Any:
    """Point ccxt at the server: what is not Spot is nowhere, so that nothing outside is ever asked."""

    def prepare(exchange: Any) -> None:
        rest, ws = live.endpoints.rest, live.endpoints.streams
        for name, url in exchange.urls["api"].items():
            if isinstance(url, str):
                exchange.urls["api"][name] = f"{rest}/nowhere"
        exchange.urls["api"]["public"] = exchange.urls["api"]["private"] = f"{rest}/api/v3"
        exchange.urls["api"]["ws"]["spot"] = f"{ws}/stream"
        exchange.urls["api"]["ws"]["ws-api"]["spot"] = f"{ws}/ws-api/v3"

    return prepare


class CcxtDesk:
    """One process's view: a venue that is open and runs, with everything that its stream told."""

    def __init__(self, live: LiveBox, **settings: Any) -> None:
        values = {"symbols": (SYMBOL,), "is_throttled": False, "settle_ms": 60, **settings}
        self.live = live
        self.venue = CcxtVenue("main", KEYS, SystemClock(), CcxtSettings(**values), at(live))
        self.terms: VenueTerms
        self.told: list[Input] = []

    async def start(self) -> CcxtDesk:
        self.terms = await self.venue.open()
        self._running = asyncio.ensure_future(self.venue.run(self.told.extend))
        await until(lambda: bool(self.told) or self._running.done(), "the stream is there")
        assert isinstance(self.told[0], StreamChanged)
        return self

    async def end(self) -> None:
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running
        await self.venue.close()

    async def quiet(self) -> None:
        """Until nothing more is heard for a moment."""
        heard = -1
        while heard != len(self.told):
            heard = len(self.told)
            await asyncio.sleep(0.05)
