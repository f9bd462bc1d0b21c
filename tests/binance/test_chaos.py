"""A bad day of Binance's, drawn from a seed: whatever breaks, candles come once and in order, trades never twice."""

from __future__ import annotations

import asyncio
import itertools
import random

import pytest

from fillwright.binance.market_data import BinanceMarketData
from fillwright.binance.stream_group import StreamSettings
from fillwright.core.types import SECOND
from fillwright.market.intervals import Interval
from tests.binance.server import FakeBinance, fake_binance
from tests.market.live.worlds import Book, WallClock

SETTINGS = StreamSettings(
    silence_s=0.3,
    rotate_after_s=0.5,
    overlap_s=0.01,
    connect_timeout_s=0.2,
    backoff_base_s=0.005,
    backoff_cap_s=0.05,
    look_every_s=0.02,
    stable_s=0.1,
    url_streams_max=2,
)
SECONDS = 300
SYMBOLS = ("BTCUSDT", "ETHUSDT")


def misfortune(server: FakeBinance, draw: random.Random) -> None:
    """Something goes wrong, or nothing does."""
    turn = draw.random()
    if turn < 0.03 and server.open:
        draw.choice(server.open).drop()
    elif turn < 0.06 and server.open:
        draw.choice(server.open).shut_down()
    elif turn < 0.08:
        server.refusals = draw.randint(1, 5)
    elif turn < 0.10:
        server.is_mute = not server.is_mute
    elif turn < 0.13:
        status = draw.choice([500, 503, 200])
        server.rest_answers = [(status, b"<html>", {})] * draw.randint(1, 4)
    elif turn < 0.15 and server.open:
        draw.choice(server.open).send_text(b'{"stream":"btcusdt@trade","data":{"e":"tr')


def say_second(server: FakeBinance, draw: random.Random, second: int) -> None:
    """What the streams tell of one second: some of it, sometimes twice."""
    for symbol in SYMBOLS:
        server.add_klines(symbol, Interval.S1, second, 1)
        server.trade(symbol, str(second // SECOND % 100_000))
        server.kline(symbol, Interval.S1, second + SECOND, closed=False)
        for _ in range(draw.choice([0, 1, 1, 1, 2])):
            server.kline(symbol, Interval.S1, second, closed=True)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_lost_and_nothing_comes_twice(seed: int) -> None:
    async def story() -> tuple[Book, int, int]:
        draw, book, clock = random.Random(seed), Book(), WallClock()
        begin = clock.now() // (60 * SECOND) * 60 * SECOND - 10_000 * SECOND
        async with fake_binance() as server:
            for symbol in SYMBOLS:
                server.add_klines(symbol, Interval.S1, begin - 100 * SECOND, 100)
            server.time = begin
            data = BinanceMarketData(
                SYMBOLS,
                ["1s", "5s"],
                clock,
                endpoints=server.endpoints,
                settings=SETTINGS,
                draw=random.Random(seed),
            )
            for symbol, interval in itertools.product(SYMBOLS, ("1s", "5s")):
                assert (await data.history(symbol, interval, 2))[-1].close_time == begin - 1
            running = asyncio.create_task(data.run(book))
            for number in range(SECONDS):
                second = begin + number * SECOND
                server.time = second + SECOND
                say_second(server, draw, second)
                if number < SECONDS - 20:
                    misfortune(server, draw)
                await asyncio.sleep(0.005)
            server.refusals, server.is_mute, server.rest_answers = 0, False, []
            server.time += 10 * SECOND
            await book.until(lambda: len(book.candles) >= 2 * (SECONDS + SECONDS // 5), "all candles", 20.0)
            await book.until(lambda: book.states[-1].connected, "connected again")
            assert not running.done()
            await server.until(lambda: len(server.open) <= 2, "old connections closed")
            running.cancel()
            await asyncio.wait([running])
            await server.until(lambda: not server.open, "all connections closed")
            return book, begin, len(server.clients)

    book, begin, connections = asyncio.run(story())
    assert connections > 5
    for symbol in SYMBOLS:
        opens = [candle.open_time for candle in book.line(symbol, "1s")]
        assert opens == [begin + number * SECOND for number in range(SECONDS)]
        opens = [candle.open_time for candle in book.line(symbol, "5s")]
        assert opens == [begin + number * 5 * SECOND for number in range(SECONDS // 5)]
        trades = [int(trade[1]) for trade in book.trades if trade[0] == symbol]
        assert all(before < after for before, after in itertools.pairwise(trades))
        assert len(trades) > 10
