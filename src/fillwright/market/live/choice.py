"""Which source prices come from when nobody has said: the preferred one if it answers in time, else the other.

The choice holds until the next start, because prices of another source would be a jump, not a move of the market.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

from fillwright.core.inputs import Candle
from fillwright.core.types import Symbol, Time
from fillwright.ports import FeedState, Levels, MarketData, MarketUnavailableError

CHOICE_S = 3.0
"""How long the preferred source may take."""
CLOSE_S = 1.0
"""How long a source that was tried may take to let go."""


class _Probe:
    """A sink that only wants to know whether anything comes."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()
        self.detail = ""

    def quote(
        self,
        symbol: Symbol,
        bid: Decimal,
        bid_quantity: Decimal,
        ask: Decimal,
        ask_quantity: Decimal,
        time: Time,
    ) -> None:
        self.heard.set()

    def trade(
        self, symbol: Symbol, price: Decimal, quantity: Decimal, buyer_is_maker: bool, time: Time
    ) -> None:
        self.heard.set()

    def depth(self, symbol: Symbol, bids: Levels, asks: Levels, time: Time) -> None:
        self.heard.set()

    def candle(self, candle: Candle) -> None:
        self.heard.set()

    def state(self, state: FeedState) -> None:
        self.detail = state.detail
        if state.connected:
            self.heard.set()


async def trouble_with(market: MarketData, symbol: Symbol, interval: str, limit_s: float = CHOICE_S) -> str:
    """Why a source is of no use now, in words; nothing when candles and streams can be had within the limit.

    Both are wanted: prices without history keep traders waiting for hours, history without prices is useless.
    """
    probe = _Probe()
    asked = asyncio.create_task(market.history(symbol, interval, 1))
    heard = asyncio.create_task(probe.heard.wait())
    running = asyncio.create_task(market.run(probe))
    tasks: set[asyncio.Task[object]] = {asked, heard, running}
    try:
        async with asyncio.timeout(limit_s):
            await asyncio.wait({asked})
            asked.result()
            await asyncio.wait({heard, running}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        return "" if probe.heard.is_set() else "it sends no prices"
    except TimeoutError:
        what = "no candles came" if not asked.done() else "no prices came"
        why = f" ({probe.detail})" if probe.detail else ""
        return f"{what} within {limit_s:g} s{why}"
    except MarketUnavailableError as error:
        return str(error)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=CLOSE_S)


async def first_available(
    make_preferred: Callable[[], MarketData],
    make_other: Callable[[str], MarketData],
    symbol: Symbol,
    interval: str,
    *,
    limit_s: float = CHOICE_S,
) -> MarketData:
    """The preferred source if it is of use within the limit, else the other, made with the reason in words.

    Args:
        make_preferred: makes it, once to be tried and once to be used.
        make_other: makes the other; it is given what its state's detail should say.
        symbol: with which candles are tried.
        interval: likewise.
        limit_s: seconds.
    """
    preferred = make_preferred()
    why = await trouble_with(preferred, symbol, interval, limit_s)
    if not why:
        return make_preferred()
    return make_other(
        f"{preferred.source.capitalize()} cannot be used now: {why}. Prices are made up here, by a seeded random walk; "
        f"they are not the market's. {preferred.source.capitalize()} is tried again at the next start"
    )
