from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
import uvloop

from fillwright.binance.market_data import BinanceMarketData
from fillwright.binance.stream_group import StreamSettings
from fillwright.binance.symbol_streams import DepthKind
from fillwright.core.types import MILLISECOND, MINUTE, SECOND
from fillwright.market.intervals import Interval
from fillwright.ports import MarketUnavailableError
from tests.binance.server import FakeBinance, fake_binance
from tests.market.live.worlds import Book, WallClock

QUICK = StreamSettings(
    silence_s=5.0,
    overlap_s=0.05,
    look_every_s=0.05,
    backoff_base_s=0.02,
    backoff_cap_s=0.1,
    connect_timeout_s=2.0,
)
NOW = 1_790_000_040 * SECOND


def source(
    server: FakeBinance,
    symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT"),
    intervals: tuple[str, ...] = ("1m",),
    settings: StreamSettings = QUICK,
    **options: Any,
) -> BinanceMarketData:
    return BinanceMarketData(
        symbols,
        intervals,
        WallClock(),
        endpoints=server.endpoints,
        settings=settings,
        **options,
    )


@asynccontextmanager
async def running(data: BinanceMarketData, book: Book) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(data.run(book))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


def play(story: Callable[[FakeBinance], Awaitable[None]]) -> None:
    async def run() -> None:
        async with fake_binance() as server:
            await story(server)

    asyncio.run(run())


def is_up(book: Book) -> bool:
    return bool(book.states) and book.states[-1].connected


def test_messages_become_market_data() -> None:
    async def story(server: FakeBinance) -> None:
        book = Book()
        async with running(source(server), book):
            await book.until(lambda: is_up(book), "connected")
            assert set(server.clients[0].streams) == {
                f"{symbol}@{stream}"
                for symbol in ("btcusdt", "ethusdt")
                for stream in ("trade", "bookTicker", "depth20@100ms", "kline_1m")
            }
            server.trade("BTCUSDT", "90000.10")
            server.quote("ETHUSDT", "3000.00", "3000.01")
            server.book("BTCUSDT", "90000.00", "90000.20")
            server.kline("BTCUSDT", Interval.M1, NOW, closed=False)
            server.kline("BTCUSDT", Interval.M1, NOW, closed=True)
            server.quote("ETHUSDT", "0.00", "3000.01")
            await book.until(lambda: bool(book.candles), "a candle")
        assert book.trades == [("BTCUSDT", Decimal("90000.10"), Decimal("0.5"), True, NOW)]
        ((symbol, bid, bid_size, ask, ask_size, time),) = book.quotes
        assert (symbol, bid, bid_size, ask, ask_size) == (
            "ETHUSDT",
            Decimal(3000),
            Decimal("1.5"),
            Decimal("3000.01"),
            Decimal("2.5"),
        )
        assert abs(time - WallClock().now()) < 20 * SECOND
        assert book.depths[0][:3] == (
            "BTCUSDT",
            ((Decimal(90000), Decimal(1)),),
            ((Decimal("90000.20"), Decimal(2)),),
        )
        assert (book.candles[0].open_time, book.candles[0].close_time) == (NOW, NOW + MINUTE - 1)
        assert book.states[0].source == "binance"
        assert "public streams of 127.0.0.1" in book.states[-1].detail

    play(story)


def test_it_works_on_uvloop_too() -> None:
    async def story() -> Book:
        book = Book()
        async with fake_binance() as server:
            server.add_klines("BTCUSDT", Interval.M1, NOW - 10 * MINUTE, 10)
            data = source(server, ("BTCUSDT",))
            assert len(await data.history("BTCUSDT", "1m", 5)) == 5
            async with running(data, book):
                await book.until(lambda: is_up(book), "connected")
                server.clients[0].shut_down()
                await server.until(lambda: len(server.clients) == 2, "another connection")
                server.trade("BTCUSDT", "1.0")
                await server.until(lambda: len(server.open) == 1, "rotated")
                await book.until(lambda: len(book.trades) == 1, "a trade, once")
        return book

    assert [state.connected for state in uvloop.run(story()).states] == [True]


def test_history_is_closed_candles_only_page_by_page() -> None:
    async def story(server: FakeBinance) -> None:
        server.time = NOW + 30 * SECOND
        server.add_klines("BTCUSDT", Interval.M1, NOW - 1_500 * MINUTE, 1_501)
        data = source(server)
        candles = await data.history("BTCUSDT", "1m", 1_200)
        assert len(candles) == 1_200
        assert candles[-1].close_time == NOW - 1
        assert all(a.close_time + 1 == b.open_time for a, b in itertools.pairwise(candles))
        assert len(await data.history("BTCUSDT", "1m", 5_000)) == 1_500
        assert len(await data.history("BTCUSDT", "1m", 1)) == 1
        assert await data.history("BTCUSDT", "1m", 0) == []
        with pytest.raises(MarketUnavailableError, match="Invalid symbol"):
            await data.history("NEWUSDT", "1m", 1)
        with pytest.raises(MarketUnavailableError, match="is not an interval"):
            await data.history("BTCUSDT", "7m", 1)

    play(story)


def test_intervals_that_binance_lacks_are_made_of_seconds() -> None:
    async def story(server: FakeBinance) -> None:
        server.time = NOW + 3 * SECOND
        server.add_klines("BTCUSDT", Interval.S1, NOW - 3_000 * SECOND, 3_003)
        data = source(server, ("BTCUSDT",), ("5s", "1s"))
        candles = await data.history("BTCUSDT", "5s", 500)
        assert len(candles) == 500
        assert candles[-1].close_time == NOW - 1
        assert all(a.close_time + 1 == b.open_time for a, b in itertools.pairwise(candles))
        assert {candle.volume for candle in candles} == {Decimal("52.5")}
        book = Book()
        async with running(data, book):
            await book.until(lambda: is_up(book), "connected")
            assert "btcusdt@kline_1s" in server.clients[0].streams
            server.kline("BTCUSDT", Interval.S1, NOW + 3 * SECOND, closed=True)
            server.kline("BTCUSDT", Interval.S1, NOW + 4 * SECOND, closed=True)
            await book.until(lambda: bool(book.line("BTCUSDT", "5s")), "a candle")
        (candle,) = book.line("BTCUSDT", "5s")
        assert (candle.open_time, candle.volume) == (NOW, Decimal("52.5"))

    play(story)


def test_candles_that_closed_while_nobody_listened_are_fetched_in_order() -> None:
    async def story(server: FakeBinance) -> None:
        server.time = NOW
        server.add_klines("BTCUSDT", Interval.M1, NOW - 10 * MINUTE, 10)
        data, book = source(server, ("BTCUSDT",)), Book()
        await data.history("BTCUSDT", "1m", 5)
        server.add_klines("BTCUSDT", Interval.M1, NOW, 2)
        async with running(data, book):
            await book.until(lambda: is_up(book), "connected")
            server.kline("BTCUSDT", Interval.M1, NOW + 2 * MINUTE, closed=True)
            await book.until(lambda: len(book.candles) == 3, "two that were missed and one that came")
            server.clients[0].drop()
            await server.until(lambda: len(server.clients) == 2, "connected again")
            server.add_klines("BTCUSDT", Interval.M1, NOW + 2 * MINUTE, 5)
            server.kline("BTCUSDT", Interval.M1, NOW + 7 * MINUTE, closed=False)
            await book.until(lambda: len(book.candles) == 7, "four that were missed")
            server.kline("BTCUSDT", Interval.M1, NOW + 6 * MINUTE, closed=True)
            server.kline("BTCUSDT", Interval.M1, NOW + 7 * MINUTE, closed=True)
            await book.until(lambda: len(book.candles) == 8, "the next one")
        opens = [candle.open_time for candle in book.candles]
        assert opens == [NOW + minute * MINUTE for minute in range(8)]
        states = [(state.connected, state.detail) for state in book.states]
        assert [connected for connected, _ in states] == [True, False, True]
        assert "trying again" in states[1][1]

    play(story)


def test_candles_that_cannot_be_fetched_are_told_and_come_later() -> None:
    async def story(server: FakeBinance) -> None:
        data, book = source(server, ("BTCUSDT",)), Book()
        async with running(data, book):
            await book.until(lambda: is_up(book), "connected")
            server.kline("BTCUSDT", Interval.M1, NOW, closed=True)
            server.rest_answers = [(451, b"", {})] * 2
            server.kline("BTCUSDT", Interval.M1, NOW + 2 * MINUTE, closed=True)
            await book.until(lambda: "what is missing cannot be fetched" in book.states[-1].detail, "told")
            assert "does not serve the place" in book.states[-1].detail
            server.add_klines("BTCUSDT", Interval.M1, NOW, 2)
            await book.until(lambda: len(book.candles) == 3, "fetched")
            await book.until(lambda: "cannot be fetched" not in book.states[-1].detail, "told again")

    play(story)


def test_a_candle_that_should_have_come_is_asked_for_by_the_servers_clock() -> None:
    async def story(server: FakeBinance) -> None:
        data, book = source(server, ("BTCUSDT",)), Book()
        now = WallClock().now()
        minute = now - now % MINUTE
        server.add_klines("BTCUSDT", Interval.M1, minute - 3 * MINUTE, 4)
        server.time = minute - 2 * MINUTE + 10 * SECOND
        await data.history("BTCUSDT", "1m", 1)
        async with running(data, book):
            await server.until(lambda: len(server.rest_requests) >= 4, "asked the time again")
            assert book.candles == []
            server.time = minute + 10 * SECOND
            await book.until(lambda: len(book.candles) == 2, "both that are over")
        assert book.candles[-1].close_time == minute - 1

    play(story)


def test_many_symbols_share_connections_as_far_as_they_may() -> None:
    async def story(server: FakeBinance) -> None:
        symbols = tuple(f"COIN{number}USDT" for number in range(10))
        book = Book()
        async with running(source(server, symbols, streams_max=12), book):
            await book.until(lambda: is_up(book), "connected")
            assert sorted(len(client.streams) for client in server.clients) == [4, 12, 12, 12]
            server.clients[0].drop()
            await book.until(lambda: not is_up(book), "down")
            await book.until(lambda: is_up(book), "up again")
            assert len(server.clients) == 5

    play(story)


def test_a_whole_book_is_kept_and_begun_anew_after_a_break() -> None:
    async def story(server: FakeBinance) -> None:
        book = Book()
        async with running(source(server, ("BTCUSDT",), depth=DepthKind.FULL), book):
            await book.until(lambda: is_up(book), "connected")
            for number in range(3):
                server.change("BTCUSDT", bids=[[f"{100 + number}.0", "1"]])
            await book.until(
                lambda: book.depths[-1:] != [] and book.depths[-1][1][0][0] == 102, "the best bid"
            )
            assert [path for path, _ in server.rest_requests].count("/api/v3/depth") >= 1
            server.clients[0].drop()
            await server.until(lambda: len(server.open) == 1 and len(server.clients) == 2, "connected again")
            await book.until(lambda: is_up(book), "up")
            server.books["BTCUSDT"] = {"90.0": "1"}
            server.change("BTCUSDT", bids=[["91.0", "1"]])
            await book.until(lambda: book.depths[-1][1][0][0] == 91, "the new best bid")
            assert [price for price, _ in book.depths[-1][1]] == [91, 90]

    play(story)


def test_ids_may_begin_anew_after_a_break() -> None:
    async def story(server: FakeBinance) -> None:
        book = Book()
        async with running(source(server, ("BTCUSDT",)), book):
            await book.until(lambda: is_up(book), "connected")
            server.trade("BTCUSDT", "1.0")
            server.trade("BTCUSDT", "1.0", again=1)
            server.trade("BTCUSDT", "2.0")
            await book.until(lambda: len(book.trades) == 2, "two trades")
            server.clients[0].drop()
            await server.until(lambda: len(server.open) == 1 and len(server.clients) == 2, "connected again")
            await book.until(lambda: is_up(book), "up")
            server._trade_id = 3
            server.trade("BTCUSDT", "3.0")
            await book.until(lambda: len(book.trades) == 3, "a trade with a lower id")

    play(story)


def test_what_the_sink_raises_ends_the_run() -> None:
    class Broken(Book):
        def trade(self, *trade: object) -> None:
            raise ZeroDivisionError

    async def story(server: FakeBinance) -> None:
        book = Broken()
        async with running(source(server, ("BTCUSDT",)), book) as task:
            await book.until(lambda: is_up(book), "connected")
            server.trade("BTCUSDT", "1.0")
            await asyncio.wait([task], timeout=10)
            assert task.done()
            error = task.exception()
            assert isinstance(error, ExceptionGroup)
            assert error.subgroup(ZeroDivisionError) is not None

    play(story)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(MarketUnavailableError, match="no symbols"):
        BinanceMarketData([], ["1m"], WallClock())
    with pytest.raises(MarketUnavailableError, match="is not an interval"):
        BinanceMarketData(["BTCUSDT"], ["1x"], WallClock())


def test_binances_clock_is_compared_with_ours() -> None:
    async def story(server: FakeBinance) -> None:
        server.time = (WallClock().now() // MILLISECOND + 90_000) * MILLISECOND
        book = Book()
        async with running(source(server), book):
            await book.until(
                lambda: is_up(book) and book.states[-1].clock_skew_ms is not None, "the clocks compared"
            )
            skew = book.states[-1].clock_skew_ms
            assert skew is not None
            assert 60_000 < skew <= 90_000

    play(story)
