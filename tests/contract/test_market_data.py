"""What every source of market data promises, on each of them: synthetic, tape, and a small Binance on loopback."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from fillwright.binance.market_data import BinanceMarketData
from fillwright.binance.stream_group import StreamSettings
from fillwright.core.inputs import Candle
from fillwright.core.types import SECOND, Time
from fillwright.market.intervals import Interval
from fillwright.market.live.synthetic import LiveSyntheticMarket
from fillwright.market.live.tape import LiveTape
from fillwright.market.synthetic import MarketShape
from fillwright.ports import FeedState, MarketData, MarketUnavailableError
from fillwright.wire.exchange_info import default_exchange_info
from tests.binance.server import fake_binance
from tests.market.live.worlds import Book, WallClock

INSTRUMENTS = default_exchange_info().instruments
SYMBOL, INTERVAL = "BTCUSDT", "1s"
World = Callable[[Path], AbstractAsyncContextManager[MarketData]]
CLOCK = WallClock()


@asynccontextmanager
async def synthetic(folder: Path) -> AsyncIterator[MarketData]:
    shape = MarketShape(trades_per_second=50.0, pause_chance=0.0)
    yield LiveSyntheticMarket(
        INSTRUMENTS, [SYMBOL], [INTERVAL], CLOCK, epoch_file=folder / "market.json", shape=shape
    )


@asynccontextmanager
async def tape(folder: Path) -> AsyncIterator[MarketData]:
    begin_ms = 1_770_076_800_000
    rows = [
        f"{n},{78_000 + n % 7}.10000000,0.00100000,78.0,{begin_ms + 50 * n},{n % 2 == 0},True"
        for n in range(20_000)
    ]
    path = folder / f"{SYMBOL}-trades.csv"
    path.write_text("\n".join(rows) + "\n")
    yield LiveTape([path], INSTRUMENTS, [INTERVAL], CLOCK, past=120 * SECOND, speed=20.0)


@asynccontextmanager
async def binance(folder: Path) -> AsyncIterator[MarketData]:
    async with fake_binance() as server:
        second = CLOCK.now() // SECOND * SECOND
        server.add_klines(SYMBOL, Interval.S1, second - 120 * SECOND, 121)

        async def market() -> None:
            last = second
            for _ in range(10_000):
                server.time = now = CLOCK.now()
                server.trade(SYMBOL, "78000.10")
                server.quote(SYMBOL, "78000.00", "78000.10")
                while last + SECOND <= now:
                    server.kline(SYMBOL, Interval.S1, last, closed=True)
                    last += SECOND
                    server.add_klines(SYMBOL, Interval.S1, last, 1)
                await asyncio.sleep(0.02)

        going = asyncio.create_task(market())
        try:
            server.time = CLOCK.now()
            yield BinanceMarketData(
                [SYMBOL],
                [INTERVAL],
                CLOCK,
                endpoints=server.endpoints,
                settings=StreamSettings(overlap_s=0.05, look_every_s=0.05),
            )
        finally:
            going.cancel()
            await asyncio.wait([going])


WORLDS: dict[str, World] = {"synthetic": synthetic, "tape": tape, "binance": binance}
Story = Callable[[MarketData], Awaitable[None]]
Play = Callable[[Story], None]


@pytest.fixture(params=sorted(WORLDS))
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Play:
    """Tell a story about each source."""

    def told(story: Story) -> None:
        async def run() -> None:
            async with WORLDS[request.param](tmp_path) as market:
                assert market.source == request.param
                await story(market)

        asyncio.run(run())

    return told


@asynccontextmanager
async def running(market: MarketData, book: Book) -> AsyncIterator[None]:
    task = asyncio.create_task(market.run(book))
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=5)
        assert done, "it does not end when it is cancelled"


def in_order(candles: list[Candle]) -> bool:
    return all(a.close_time < b.open_time for a, b in itertools.pairwise(candles))


def test_history_is_the_last_closed_candles_oldest_first(play: Play) -> None:
    async def story(market: MarketData) -> None:
        candles = list(await market.history(SYMBOL, INTERVAL, 50))
        assert len(candles) == 50
        assert in_order(candles)
        assert candles[-1].close_time < CLOCK.now()
        for candle in candles:
            assert (candle.symbol, candle.interval) == (SYMBOL, INTERVAL)
            assert (
                candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
            )
            assert candle.volume >= 0
        assert [c.open_time for c in candles] == sorted({c.open_time for c in candles})
        assert len(await market.history(SYMBOL, INTERVAL, 3)) == 3
        assert len(await market.history(SYMBOL, INTERVAL, 0)) == 0

    play(story)


def test_candles_follow_the_history_each_once(play: Play) -> None:
    async def story(market: MarketData) -> None:
        history = list(await market.history(SYMBOL, INTERVAL, 20))
        book = Book()
        async with running(market, book):
            await book.until(lambda: len(book.candles) >= 2, "two candles")
        line = [*history, *book.line(SYMBOL, INTERVAL)]
        assert in_order(line)
        lengths = {candle.close_time + 1 - candle.open_time for candle in line}
        assert len(lengths) <= 2
        assert all(0 <= b.open_time - a.close_time - 1 <= 1 for a, b in itertools.pairwise(line))

    play(story)


def test_ticks_are_exact_positive_and_not_of_the_future(play: Play) -> None:
    async def story(market: MarketData) -> None:
        book = Book()
        async with running(market, book):
            await book.until(lambda: len(book.trades) >= 10, "ten trades")
        now: Time = CLOCK.now()
        for symbol, price, quantity, maker, time in book.trades:
            assert symbol == SYMBOL
            assert isinstance(price, Decimal)
            assert isinstance(quantity, Decimal)
            assert price > 0 < quantity
            assert isinstance(maker, bool)
            assert isinstance(time, int)
            assert time <= now
        for _, bid, bid_size, ask, ask_size, time in book.quotes:
            assert 0 < bid < ask
            assert bid_size > 0 < ask_size
            assert time <= now
        times = [trade[-1] for trade in book.trades]
        assert times == sorted(times)

    play(story)


def test_its_state_is_told_before_anything_else(play: Play) -> None:
    async def story(market: MarketData) -> None:
        first: list[object] = []

        class Watch(Book):
            def state(self, state: FeedState) -> None:
                first.append(state)
                super().state(state)

            def _note(self, what: str, time: Time) -> None:
                first.append(what)
                super()._note(what, time)

        book = Watch()
        async with running(market, book):
            await book.until(lambda: bool(book.trades), "a trade")
        assert isinstance(first[0], FeedState)
        assert first[0].connected
        assert first[0].source == market.source
        assert first[0].detail

    play(story)


def test_it_may_be_run_again(play: Play) -> None:
    async def story(market: MarketData) -> None:
        for _ in range(2):
            book = Book()
            async with running(market, book):
                await book.until(lambda: bool(book.trades), "a trade")  # noqa: B023 - awaited at once

    play(story)


def test_nonsense_is_refused(play: Play) -> None:
    async def story(market: MarketData) -> None:
        with pytest.raises(MarketUnavailableError, match="is not an interval"):
            await market.history(SYMBOL, "7s", 1)

    play(story)
