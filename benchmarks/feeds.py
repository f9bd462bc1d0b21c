"""Market data as it comes: frames of Binance's streams into slots, the synthetic market's start and its ticks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from decimal import Decimal

from benchmarks.figures import Row, microseconds
from fillwright.binance.symbol_streams import SymbolStreams
from fillwright.core.inputs import Candle
from fillwright.core.types import SECOND, Symbol, Time
from fillwright.market.live.synthetic import LiveSyntheticMarket
from fillwright.market.synthetic import MarketShape
from fillwright.ports import FeedState, Levels
from fillwright.wire.exchange_info import default_exchange_info
from fillwright.wire.market_streams import StreamDecoder

SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT"]
BEGIN: Time = 1_790_000_000 * SECOND
FRAMES = 100_000
ROUNDS = 5


class Slots:
    """A sink that keeps the newest of everything, as the service's hub does."""

    def __init__(self) -> None:
        self.quotes: dict[Symbol, tuple[Decimal, Decimal, Decimal, Decimal, Time]] = {}
        self.trades: dict[Symbol, tuple[Decimal, Decimal, bool, Time]] = {}
        self.ticks = 0

    def quote(
        self, symbol: Symbol, bid: Decimal, bid_size: Decimal, ask: Decimal, ask_size: Decimal, time: Time
    ) -> None:
        """Overwrite the best prices."""
        self.quotes[symbol] = (bid, bid_size, ask, ask_size, time)
        self.ticks += 1

    def trade(self, symbol: Symbol, price: Decimal, quantity: Decimal, maker: bool, time: Time) -> None:
        """Overwrite the last trade."""
        self.trades[symbol] = (price, quantity, maker, time)
        self.ticks += 1

    def depth(self, symbol: Symbol, bids: Levels, asks: Levels, time: Time) -> None:
        """Not measured."""

    def candle(self, candle: Candle) -> None:
        """Not measured."""

    def state(self, state: FeedState) -> None:
        """Not measured."""


class Enough(Exception):
    """The made time is over."""


class MadeClock:
    """Time that passes at once."""

    def __init__(self, seconds: int) -> None:
        self._now, self._end = BEGIN, BEGIN + seconds * SECOND

    def now(self) -> Time:
        """Microseconds."""
        return self._now

    async def sleep_until(self, time: Time) -> None:
        """Enough at the end."""
        if time > self._end:
            raise Enough
        self._now = max(self._now, time)


def frames(count: int) -> list[bytes]:
    """As many frames of trades and best prices, half and half, as Binance sends them."""
    made = []
    for number in range(0, count, 2):
        price = f"{78_000 + number % 1_000}.{number % 100:02}000000"
        made.append(
            b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1795168800123456,"s":"BTCUSDT","t":%d,"p":"%b",'
            b'"q":"0.00080000","T":1795168800121000,"m":true,"M":true}}' % (number, price.encode())
        )
        made.append(
            b'{"stream":"btcusdt@bookTicker","data":{"u":%d,"s":"BTCUSDT","b":"%b","B":"31.21000000",'
            b'"a":"79001.01000000","A":"40.66000000"}}' % (number, price.encode())
        )
    return made


def decoding() -> Row:
    """Frames to typed messages to slots."""
    made, samples = frames(FRAMES), []
    for _ in range(ROUNDS):
        slots, decoder = Slots(), StreamDecoder()
        streams = SymbolStreams("BTCUSDT", [], slots, MadeClock(1), lambda: None, depth=None)
        handlers = {name.encode(): handle for name, handle in streams.handlers.items()}
        begin = time.perf_counter()
        for frame in made:
            stream, message = decoder.decode(frame)
            handlers[stream](message)
        samples.append(time.perf_counter() - begin)
        assert slots.ticks == len(made)
    took = sorted(samples)[ROUNDS // 2] / len(made)
    return Row(
        "Binance frame → typed message → slot", f"{1 / took / 1e3:.0f} k ticks/s", "", "aim: 150 k ticks/s"
    )


def synthetic() -> list[Row]:
    """The start with its history, and what a tick costs."""
    instruments = default_exchange_info().instruments
    shape = MarketShape(trades_per_second=500.0, pause_chance=0.0)

    async def ready() -> float:
        source = LiveSyntheticMarket(instruments, SYMBOLS, ["5s"], MadeClock(1))
        begin = time.perf_counter()
        for symbol in SYMBOLS:
            assert len(await source.history(symbol, "5s", 500)) == 500
        return time.perf_counter() - begin

    async def running() -> float:
        source, slots = LiveSyntheticMarket(instruments, SYMBOLS, ["5s"], MadeClock(20), shape=shape), Slots()
        await source.history("BTCUSDT", "5s", 1)
        begin = time.process_time()
        with contextlib.suppress(Enough):
            await source.run(slots)
        return (time.process_time() - begin) / slots.ticks * 2

    starts = sorted(asyncio.run(ready()) for _ in range(ROUNDS))
    ticks = sorted(asyncio.run(running()) for _ in range(ROUNDS))
    return [
        Row(
            "synthetic market: 3 symbols with 500 candles of 5 s",
            f"{starts[ROUNDS // 2] * 1e3:.0f} ms",
            "",
            "aim: 1 s",
        ),
        Row("synthetic market: one trade and its quote", microseconds(ticks[ROUNDS // 2]), "", ""),
    ]


def rows() -> list[Row]:
    """All of it."""
    return [decoding(), *synthetic()]
