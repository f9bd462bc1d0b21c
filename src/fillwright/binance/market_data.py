"""Binance's public streams as ``ports.MarketData``: trades, best quotes, books, and candles that are never missing."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Sequence

from fillwright.binance.candles import CandleLine
from fillwright.binance.endpoints import MARKET_DATA, Endpoints
from fillwright.binance.full_book import FullBook
from fillwright.binance.pacing import RateWindow
from fillwright.binance.rest import MarketRest, RestLimits
from fillwright.binance.stream_group import (
    CONNECTIONS_MAX,
    CONNECTIONS_WINDOW_S,
    StreamGroup,
    StreamSettings,
)
from fillwright.binance.symbol_streams import DepthKind, SymbolStreams
from fillwright.core.inputs import Candle
from fillwright.core.types import MILLISECOND, MINUTE, Symbol, Time
from fillwright.market.candles import CandleFolder
from fillwright.market.intervals import Interval, IntervalError
from fillwright.ports import Clock, FeedState, MarketSink, MarketUnavailableError
from fillwright.wire.klines import KLINES_MAX
from fillwright.wire.market_streams import STREAMS_PER_CONNECTION_MAX, MarketMessage

SOURCE = "binance"
HISTORY_PAGES_MAX = 40
"""Answers of a thousand candles that one history may take."""
FETCHES_AT_ONCE = 4
SKEW_EVERY: Time = 5 * MINUTE
"""How often Binance's clock is compared with ours."""


class BinanceMarketData:
    """Market data of some symbols.

    Args:
        symbols: as Binance spells them.
        intervals: the candles that are wanted; those that Binance does not have are made of seconds.
        clock: tells when a quote was received: Binance does not.
        endpoints: where Binance is.
        settings: how connections are looked after.
        depth: which books are wanted; None: none.
        streams_max: streams of one connection.
        tls: another context for wss than the usual one.

    Raises:
        MarketUnavailableError: an interval that does not exist.
    """

    def __init__(
        self,
        symbols: Sequence[Symbol],
        intervals: Sequence[str],
        clock: Clock,
        *,
        endpoints: Endpoints = MARKET_DATA,
        settings: StreamSettings | None = None,
        depth: DepthKind | None = DepthKind.BEST,
        streams_max: int = STREAMS_PER_CONNECTION_MAX,
        tls: ssl.SSLContext | None = None,
        draw: random.Random | None = None,
    ) -> None:
        self._symbols = tuple(dict.fromkeys(symbols))
        try:
            self._intervals = tuple(dict.fromkeys(Interval.parse(interval) for interval in intervals))
        except IntervalError as error:
            raise MarketUnavailableError(str(error)) from error
        if not self._symbols:
            raise MarketUnavailableError("no symbols were named")
        self._clock = clock
        self._endpoints = endpoints
        self._settings = settings or StreamSettings()
        self._depth = depth
        self._streams_max = streams_max
        self._tls = tls
        self._draw = draw or random.Random()
        self._limits = RestLimits()
        self._sink: MarketSink | None = None
        self._lines = {
            (symbol, interval): CandleLine(symbol, interval, self._candle)
            for symbol in self._symbols
            for interval in self._intervals
        }
        self.groups: list[StreamGroup] = []
        """The connections of the run under way."""
        self._up: dict[int, str | None] = {}
        """Of each group, by its number: why it is down, or None."""
        self._note = self._trouble = ""
        """What Binance refused; why missing candles cannot be fetched."""
        self._told: FeedState | None = None
        self._skew_ms: int | None = None
        """How far Binance's clock is ahead of ours."""
        self._compare_at: Time = 0
        """When the clocks are compared next."""
        self._streams: dict[Symbol, SymbolStreams] = {}
        self._look_now = asyncio.Event()

    @property
    def source(self) -> str:
        """Always binance."""
        return SOURCE

    # -- history ---------------------------------------------------------------------------------------------

    async def history(self, symbol: Symbol, interval: str, count: int) -> Sequence[Candle]:
        """The last closed candles, oldest first. Raises MarketUnavailableError."""
        try:
            wanted = Interval.parse(interval)
        except IntervalError as error:
            raise MarketUnavailableError(str(error)) from error
        source = wanted if wanted.is_binance else Interval.S1
        parts = 1 if wanted is source else (wanted.length_us or 0) // (source.length_us or 1)
        async with MarketRest(self._endpoints, self._limits, self._draw) as rest:
            now = await self._server_time(rest)
            needed = count * parts + (parts if parts > 1 else 0)
            candles = await _closed_candles(rest, symbol, source, needed, now)
        if wanted is not source:
            folder = CandleFolder(wanted)
            candles = [whole for candle in candles for whole in folder.add(candle)]
        candles = candles[max(0, len(candles) - count) :] if count > 0 else []
        line = self._lines.get((symbol, wanted))
        if candles and line is not None:
            line.history_given(candles[-1])
        return candles

    async def _server_time(self, rest: MarketRest) -> Time:
        """Binance's clock, compared with ours half-way between question and answer; raises MarketUnavailableError."""
        asked_at = self._clock.now()
        time = await rest.server_time()
        answered_at = self._clock.now()
        self._skew_ms = (time - (asked_at + answered_at) // 2) // MILLISECOND
        self._compare_at = answered_at + SKEW_EVERY
        return time

    # -- streams ---------------------------------------------------------------------------------------------

    async def run(self, sink: MarketSink) -> None:
        """Push market data until cancelled; connections that break are made again."""
        self._sink = sink
        handlers: dict[bytes, Callable[[MarketMessage], None]] = {}
        symbols = self._streams = dict[Symbol, SymbolStreams]()
        for symbol in self._symbols:
            lines = [line for line in self._lines.values() if line.symbol == symbol]
            symbols[symbol] = streams = SymbolStreams(
                symbol, lines, sink, self._clock, self._look_now.set, depth=self._depth
            )
            handlers.update({name.encode(): handle for name, handle in streams.handlers.items()})
        attempts = RateWindow(CONNECTIONS_MAX, CONNECTIONS_WINDOW_S)
        self.groups, self._up = [], {}
        for number, members in enumerate(self._members(symbols)):
            self._up[number] = "connecting"
            self.groups.append(
                StreamGroup(
                    self._endpoints.streams,
                    [name for member in members for name in member.handlers],
                    _deliverer(handlers),
                    self._state_teller(number, members),
                    settings=self._settings,
                    attempts=attempts,
                    tls=self._tls,
                    draw=self._draw,
                )
            )
        async with asyncio.TaskGroup() as tasks:
            for group in self.groups:
                tasks.create_task(group.run())
            tasks.create_task(self._fill_holes())

    def _members(self, symbols: dict[Symbol, SymbolStreams]) -> list[list[SymbolStreams]]:
        """Which symbols share a connection."""
        groups: list[list[SymbolStreams]] = [[]]
        room = self._streams_max
        for streams in symbols.values():
            if len(streams.handlers) > room and groups[-1]:
                groups.append([])
                room = self._streams_max
            groups[-1].append(streams)
            room -= len(streams.handlers)
        return groups

    def _state_teller(self, number: int, members: Sequence[SymbolStreams]) -> Callable[[bool, str], None]:
        def told(is_up: bool, why: str) -> None:
            if is_up and self._up[number] is not None:
                for member in members:
                    member.begin_anew()
                self._look_now.set()
            self._up[number] = None if is_up else why
            self._note = why if is_up else ""
            self._tell()

        return told

    def _tell(self) -> None:
        """Tell the sink how things are, when that is news."""
        down = [reason for reason in self._up.values() if reason is not None]
        host = self._endpoints.host
        if down:
            detail = f"{host}: {down[0]}; trying again"
        else:
            detail = "; ".join(filter(None, [f"public streams of {host}", self._note, self._trouble]))
        state = FeedState(SOURCE, not down, detail, self._skew_ms)
        if state != self._told and self._sink is not None:
            self._told = state
            self._sink.state(state)

    def _candle(self, candle: Candle) -> None:
        assert self._sink is not None
        self._sink.candle(candle)

    # -- holes -----------------------------------------------------------------------------------------------

    async def _fill_holes(self) -> None:
        """Fetch candles that the streams should have told of and did not."""
        async with MarketRest(self._endpoints, self._limits, self._draw) as rest:
            while True:
                if any(why is None for why in self._up.values()):
                    try:
                        await self._fill_all(rest)
                        self._trouble = ""
                    except MarketUnavailableError as error:
                        self._trouble = f"what is missing cannot be fetched: {error}"
                    self._tell()
                self._look_now.clear()
                try:
                    async with asyncio.timeout(self._settings.look_every_s):
                        await self._look_now.wait()
                except TimeoutError:
                    continue

    async def _fill_all(self, rest: MarketRest) -> None:
        """Fetch what lines and books miss; raises MarketUnavailableError."""
        lines, now = self._lines.values(), self._clock.now()
        if now >= self._compare_at:
            await self._server_time(rest)
        if any(line.is_late(now) for line in lines):
            now = await self._server_time(rest)  # our clock may be ahead, and an unfinished candle is none
            for line in lines:
                line.look(now)
        room = asyncio.Semaphore(FETCHES_AT_ONCE)

        async def fill(line: CandleLine) -> None:
            async with room:
                await _fill(rest, line)

        async def fetch(symbol: Symbol, book: FullBook) -> None:
            async with room:
                book.snapshot(await rest.book(symbol))

        missing = [fill(line) for line in lines if line.missing is not None]
        books = ((symbol, streams.full_book) for symbol, streams in self._streams.items())
        wanted = [fetch(symbol, book) for symbol, book in books if book is not None and book.wants_snapshot]
        for answer in await asyncio.gather(*missing, *wanted, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer


async def _fill(rest: MarketRest, line: CandleLine) -> None:
    """Fetch what one line misses, a page at a time as long as that helps."""
    while (missing := line.missing) is not None:
        start, end = missing
        candles = await rest.candles(line.symbol, line.source, start=start, end=end)
        line.fill(candles, end, len(candles) < KLINES_MAX)
        if not candles:
            return


async def _closed_candles(
    rest: MarketRest, symbol: Symbol, interval: Interval, count: int, now: Time
) -> list[Candle]:
    """The last closed candles, page by page backwards."""
    pages: list[list[Candle]] = []
    end, left = now, count
    for _ in range(HISTORY_PAGES_MAX):
        if left <= 0:
            break
        limit = min(left + 1, KLINES_MAX)
        page = await rest.candles(symbol, interval, end=end, limit=limit)
        is_last = len(page) < limit
        page = [candle for candle in page if candle.close_time < now]
        pages.append(page)
        left -= len(page)
        if is_last or not page:
            break
        end = page[0].open_time - 1
    return [candle for page in reversed(pages) for candle in page]


def _deliverer(
    handlers: dict[bytes, Callable[[MarketMessage], None]],
) -> Callable[[bytes, MarketMessage], None]:
    def deliver(stream: bytes, message: MarketMessage) -> None:
        handle = handlers.get(stream)
        if handle is not None:
            handle(message)

    return deliver
