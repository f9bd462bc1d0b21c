"""A tape in real time, or faster: recorded trades, quotes, books and candles as if they happened now."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path

from fillwright.core.inputs import Candle
from fillwright.core.instruments import Instrument
from fillwright.core.types import Symbol, Time
from fillwright.market.candles import CandleBuilder, CandleFolder
from fillwright.market.events import CandleClosed, DepthSnapshot, DepthUpdate, Event, Quote, Trade
from fillwright.market.intervals import Interval
from fillwright.market.live.book import LocalBook
from fillwright.market.live.synthetic import parsed_intervals
from fillwright.market.live.tape_events import TapeReel
from fillwright.market.tapes import TapeError
from fillwright.ports import Clock, FeedState, MarketSink, MarketUnavailableError

SOURCE = "tape"
SPEED_MAX = 1_000_000.0
BATCH_EVENTS = 4_096
"""Read ahead in a thread."""
EVENTS_AT_ONCE = 256
"""Handed on before others get their turn."""
HISTORY_MAX = 1_000
"""Candles of each symbol and interval that are kept of what lies before the tape's beginning."""


class _Desk:
    """One symbol: its book and its candles that are being made."""

    def __init__(self, symbol: Symbol, intervals: Sequence[Interval], candles: Interval | None) -> None:
        self.symbol = symbol
        self.book: LocalBook | None = None
        self.has_quotes = False
        self.best: tuple[Decimal, Decimal, Decimal, Decimal] | None = None
        self.builders: list[CandleBuilder] = []
        self.folders: list[CandleFolder] = []
        if candles is None:
            self.builders = [CandleBuilder(symbol, interval) for interval in intervals]
            return
        for interval in intervals:
            if not candles.divides(interval):
                raise MarketUnavailableError(
                    f"candles of {interval} cannot be made of the tape's {symbol} candles of {candles}"
                )
            self.folders.append(CandleFolder(interval))

    def closed_by(self, time: Time) -> list[Candle]:
        """Candles whose interval has passed."""
        done = [builder.close_due(time) for builder in self.builders]
        return [candle for candle in done if candle is not None]

    def traded(self, trade: Trade) -> list[Candle]:
        """Candles that a trade shows to be complete."""
        done = [builder.add(trade.time_us, trade.price, trade.quantity) for builder in self.builders]
        return [candle for candle in done if candle is not None]

    def folded(self, candle: Candle) -> list[Candle]:
        """Candles that one of the tape's completes."""
        return [whole for folder in self.folders for whole in folder.add(candle)]


class LiveTape:
    """Recorded market data as ``ports.MarketData``.

    Args:
        paths: files of any format that tapes have.
        instruments: what the exchange says of symbols.
        intervals: the candles that are wanted; an interval without trades has none.
        clock: tells the time.
        symbol: wanted when neither rows nor file names tell it, or to pick one of several.
        symbols: whose data is wanted; None: all of the tape's.
        speed: how many seconds of the tape pass in a second.
        past: how much of the tape's beginning is history when it starts to play.
        keep_times: leave the tape's times as they are; else they are moved, and pressed together by ``speed``, so that
            its beginning is now.

    Raises:
        MarketUnavailableError: a file that cannot be read, a speed or interval that cannot be.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        instruments: Mapping[Symbol, Instrument],
        intervals: Sequence[str],
        clock: Clock,
        *,
        symbol: Symbol | None = None,
        symbols: Sequence[Symbol] | None = None,
        speed: float = 1.0,
        past: Time = 0,
        keep_times: bool = False,
    ) -> None:
        if not 0 < speed <= SPEED_MAX:
            raise MarketUnavailableError(f"a tape's speed is above 0 and at most {SPEED_MAX:g}")
        if not paths:
            raise MarketUnavailableError("no tape was named")
        self._intervals = parsed_intervals(intervals)
        self._clock = clock
        self._speed = speed
        self._past = past
        self._keep_times = keep_times
        try:
            self._reel = TapeReel(paths, symbol, instruments)
        except TapeError as error:
            raise MarketUnavailableError(str(error)) from error
        self._wanted = None if symbols is None else frozenset(symbols)
        if self._wanted is not None and self._reel.symbols and not self._wanted & set(self._reel.symbols):
            raise MarketUnavailableError(f"the tape is of {', '.join(self._reel.symbols)}")
        self._desks = {name: self._desk(name) for name in self._reel.symbols if self._is_wanted(name)}
        self._history: dict[tuple[Symbol, Interval], deque[Candle]] = {}
        self._events: Iterator[Event] = iter(())
        self._waiting: deque[Event] = deque()
        self._preparing = asyncio.Lock()
        self._is_ready = False
        self._begins: Time = 0
        """The tape's time at which playing begins, and ours."""
        self._began: Time = 0
        self._closes_at: Time = 0
        self._sink: MarketSink | None = None
        self.played = 0
        """Events handed on so far."""

    def _is_wanted(self, symbol: Symbol) -> bool:
        return self._wanted is None or symbol in self._wanted

    def _desk(self, symbol: Symbol) -> _Desk:
        return _Desk(symbol, self._intervals, self._reel.candles.get(symbol))

    @property
    def source(self) -> str:
        """Always tape."""
        return SOURCE

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """Whose data has come so far, or is known to be on the tape."""
        return tuple(self._desks)

    async def history(self, symbol: Symbol, interval: str, count: int) -> Sequence[Candle]:
        """The last candles of the part of the tape that is past; none where playing starts at its beginning."""
        await self._prepare()
        (wanted,) = parsed_intervals([interval])
        candles = self._history.get((symbol, wanted), ())
        return [self._moved(candle) for candle in list(candles)[max(0, len(candles) - count) :]]

    async def run(self, sink: MarketSink) -> None:
        """Play until the tape ends or this is cancelled; raises MarketUnavailableError where the tape is broken."""
        await self._prepare()
        self._sink = sink
        at = "" if self._speed == 1 else f" at {self._speed:g} times its speed"
        times = "its own times" if self._keep_times else "times moved to now"
        sink.state(FeedState(SOURCE, True, f"playing {self._reel.name}{at}, with {times}"))
        for desk in self._desks.values():
            self._show(sink, desk, self._begins)
        try:
            while self._waiting:
                await self._play(sink)
                self._waiting.extend(await asyncio.to_thread(self._batch))
        except TapeError as error:
            sink.state(FeedState(SOURCE, False, f"the tape is broken: {error}"))
            raise MarketUnavailableError(str(error)) from error
        sink.state(FeedState(SOURCE, False, f"the tape {self._reel.name} has ended"))

    # -- reading ---------------------------------------------------------------------------------------------

    def _batch(self) -> list[Event]:
        return list(islice(self._events, BATCH_EVENTS))

    async def _prepare(self) -> None:
        async with self._preparing:
            if not self._is_ready:
                try:
                    await asyncio.to_thread(self._read_past)
                except TapeError as error:
                    raise MarketUnavailableError(str(error)) from error
                self._began = self._clock.now()
                self._is_ready = True

    def _read_past(self) -> None:
        """Read what is history, and the first batch of what is not."""
        self._events = self._reel.events()
        first = next(self._events, None)
        if first is None:
            raise MarketUnavailableError(f"the tape {self._reel.name} is empty")
        self._begins = first.time_us + self._past
        event: Event | None = first
        while event is not None and event.time_us < self._begins:
            for candle in self._take(event):
                key = (candle.symbol, Interval(candle.interval))
                self._history.setdefault(key, deque(maxlen=HISTORY_MAX)).append(candle)
            event = next(self._events, None)
        self._waiting = deque([] if event is None else [event])
        self._waiting.extend(self._batch())

    # -- playing ---------------------------------------------------------------------------------------------

    async def _play(self, sink: MarketSink) -> None:
        """Hand on what waits, each at its time."""
        waiting, clock = self._waiting, self._clock
        due_until, turns = -1, 0
        while waiting:
            turns += 1
            if turns % EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)
            time = waiting[0].time_us
            if time > due_until:
                # A candle closes on time, even when the tape's next event is far.
                closing = self._closes_at + 1
                next_time = min(time, closing) if self._closes_at else time
                await clock.sleep_until(self._our_time(next_time) + 1)  # it has been rounded down
                due_until = self._tape_time(clock.now())
                if next_time == closing and time > closing:
                    for candle in self._close_due(closing):
                        sink.candle(self._moved(candle))
                    continue
            self._hand_on(sink, waiting.popleft())

    def _hand_on(self, sink: MarketSink, event: Event) -> None:
        symbol, time = event.symbol, self._stamp(event.time_us)
        for candle in self._take(event):
            sink.candle(self._moved(candle))
        desk = self._desks.get(symbol)
        if desk is None:
            return
        self.played += 1
        if isinstance(event, Trade):
            sink.trade(symbol, event.price, event.quantity, event.buyer_is_maker, time)
        elif isinstance(event, Quote):
            sink.quote(symbol, event.bid, event.bid_quantity, event.ask, event.ask_quantity, time)
        elif isinstance(event, DepthSnapshot | DepthUpdate):
            self._show(sink, desk, event.time_us)

    def _show(self, sink: MarketSink, desk: _Desk, tape_time: Time) -> None:
        """Show a book, and its best prices where the tape has no quotes of its own."""
        time = self._stamp(tape_time)
        if desk.book is not None:
            bids, asks = desk.book.best()
            sink.depth(desk.symbol, bids, asks, time)
            if not desk.has_quotes and bids and asks and desk.best != (*bids[0], *asks[0]):
                desk.best = (*bids[0], *asks[0])
                sink.quote(desk.symbol, *desk.best, time)

    def _take(self, event: Event) -> list[Candle]:
        """Let an event happen to book and candles; the candles that it completes."""
        symbol, time = event.symbol, event.time_us
        if not self._is_wanted(symbol):
            return []
        desk = self._desks.get(symbol)
        if desk is None:
            desk = self._desks[symbol] = self._desk(symbol)
        done = self._close_due(time) if time > self._closes_at else []
        if isinstance(event, Trade):
            done += desk.traded(event)
        elif isinstance(event, Quote):
            desk.has_quotes = True
        elif isinstance(event, DepthSnapshot):
            desk.book = desk.book or LocalBook()
            desk.book.replace(event.bids, event.asks)
        elif isinstance(event, DepthUpdate) and desk.book is not None:
            desk.book.apply(event.bids, event.asks)
        elif isinstance(event, CandleClosed):
            done += desk.folded(event.candle)
        return done

    def _close_due(self, time: Time) -> list[Candle]:
        self._closes_at = min((interval.close_time(time) for interval in self._intervals), default=2**62)
        return [candle for desk in self._desks.values() for candle in desk.closed_by(time)]

    # -- time ------------------------------------------------------------------------------------------------

    def _our_time(self, tape_time: Time) -> Time:
        return self._began + math.floor((tape_time - self._begins) / self._speed)

    def _tape_time(self, our_time: Time) -> Time:
        return self._begins + math.floor((our_time - self._began) * self._speed)

    def _stamp(self, tape_time: Time) -> Time:
        return tape_time if self._keep_times else self._our_time(tape_time)

    def _moved(self, candle: Candle) -> Candle:
        if self._keep_times:
            return candle
        return Candle(
            candle.symbol,
            candle.interval,
            self._our_time(candle.open_time),
            self._our_time(candle.close_time + 1) - 1,
            candle.open,
            candle.high,
            candle.low,
            candle.close,
            candle.volume,
        )
