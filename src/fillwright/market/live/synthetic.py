"""The synthetic market in real time: quotes and trades of several symbols as they happen, candles when they close.

Prices are a function of seed and epoch, whoever looks and whenever: a restart goes on where the market would be had it
never stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from fillwright.core.inputs import Candle
from fillwright.core.instruments import Instrument
from fillwright.core.types import MILLISECOND, MINUTE, Symbol, Time
from fillwright.market.intervals import Interval, IntervalError
from fillwright.market.live.epoch import Epoch, open_epoch, save_epoch
from fillwright.market.live.walk import SymbolWalk
from fillwright.market.synthetic import MarketShape
from fillwright.ports import Clock, FeedState, MarketSink, MarketUnavailableError

LIVE_SHAPE = MarketShape(pause_chance=0.0)
"""Nobody wants to look at a market that stands still for five minutes."""
WAKE_EVERY: Time = 5 * MILLISECOND
"""Busy markets are pushed this often at most, all ticks since then at once."""
RATE_MIN, RATE_MAX = 0.1, 50_000.0
"""Trades a second of one symbol."""
SAVE_EVERY: Time = 10 * MINUTE
SOURCE = "synthetic"


class LiveSyntheticMarket:
    """Synthetic prices as ``ports.MarketData``.

    Args:
        instruments: what the exchange says of symbols; must have all of ``symbols``.
        symbols: whose market it is.
        intervals: the candles that are wanted.
        clock: tells the time.
        seed: of the prices.
        epoch_file: where to remember the market, in the data folder; None: it begins anew at each start.
        shape: how the market behaves, and how many trades a second each symbol has.
        detail: what the feed's state should say, such as why prices are synthetic.

    Raises:
        MarketUnavailableError: a symbol or interval that does not exist.
    """

    def __init__(
        self,
        instruments: Mapping[Symbol, Instrument],
        symbols: Sequence[Symbol],
        intervals: Sequence[str],
        clock: Clock,
        *,
        seed: int = 1,
        epoch_file: Path | None = None,
        shape: MarketShape = LIVE_SHAPE,
        detail: str = "prices are made up here, by a seeded random walk",
    ) -> None:
        unknown = [symbol for symbol in symbols if symbol not in instruments]
        if unknown:
            raise MarketUnavailableError(f"the synthetic market does not know {', '.join(unknown)}")
        if not RATE_MIN <= shape.trades_per_second <= RATE_MAX:
            raise MarketUnavailableError(
                f"a synthetic market has {RATE_MIN:g} to {RATE_MAX:g} trades a second and symbol"
            )
        self._instruments = [instruments[symbol] for symbol in dict.fromkeys(symbols)]
        self._intervals = parsed_intervals(intervals)
        self._clock = clock
        self._seed = seed
        self._file = epoch_file
        self._shape = shape
        self._detail = detail
        self._epoch: Epoch | None = None
        self._walks: dict[Symbol, SymbolWalk] = {}
        self._notes: list[str] = []
        self._preparing = asyncio.Lock()
        self._saved_at: Time = 0

    @property
    def source(self) -> str:
        """Always synthetic."""
        return SOURCE

    async def history(self, symbol: Symbol, interval: str, count: int) -> Sequence[Candle]:
        """The last closed candles, oldest first; as many as a market's 64 blocks and 1,000 candles hold."""
        await self._prepare()
        walk = self._walks.get(symbol)
        line = None if walk is None else walk.lines.get(parsed_intervals([interval])[0])
        if walk is None or line is None:
            raise MarketUnavailableError(f"the synthetic market was not made for {symbol} {interval}")
        now = self._clock.now()
        walk.draw_to(now)
        return line.closed_before(now, count)

    async def run(self, sink: MarketSink) -> None:
        """Push ticks and candles until cancelled."""
        await self._prepare()
        walks, clock = list(self._walks.values()), self._clock
        for walk in walks:
            walk.begin(clock.now())
        sink.state(FeedState(SOURCE, True, "; ".join([self._detail, *self._notes])))
        try:
            while True:
                now, is_behind = clock.now(), False
                for walk in walks:
                    if walk.push(sink, now):
                        is_behind = True
                        await asyncio.sleep(0)
                await self._save_if_due(sink, now)
                if not is_behind:
                    next_time = min((walk.next_time for walk in walks), default=now + MINUTE)
                    await clock.sleep_until(max(next_time, now + WAKE_EVERY))
                await asyncio.sleep(0)  # the time may have come already, and others want their turn
        finally:
            self._save_at_end()

    # -- the epoch -------------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        async with self._preparing:
            if self._epoch is None:
                self._epoch = await asyncio.to_thread(self._begin, self._clock.now())

    def _begin(self, now: Time) -> Epoch:
        epoch, why = open_epoch(self._file, self._seed, self._shape, now)
        notes = [why] if why else []
        for instrument in self._instruments:
            note = epoch.renew(instrument, self._intervals, now)
            notes += [note] if note else []
            walk = self._walks[instrument.symbol] = SymbolWalk(epoch, instrument, self._intervals)
            walk.draw_to(now)
        self._notes = notes
        if self._file is not None:
            try:
                save_epoch(self._file, self._body(epoch, now))
            except OSError as error:
                raise MarketUnavailableError(
                    f"the synthetic market cannot be remembered in {self._file}: {error.strerror or error}"
                ) from error
        return epoch

    def _body(self, epoch: Epoch, now: Time) -> bytes:
        epoch.alive_at = self._saved_at = now
        return msgspec.json.encode(epoch)

    async def _save_if_due(self, sink: MarketSink, now: Time) -> None:
        """Remember the market now and then; a disk that is full costs a later start some drawing, nothing else."""
        epoch = self._epoch
        if self._file is None or epoch is None or now - self._saved_at < SAVE_EVERY:
            return
        try:
            await asyncio.to_thread(save_epoch, self._file, self._body(epoch, now))
        except OSError as error:
            what = f"{self._file.name} cannot be written ({error.strerror or error})"
            sink.state(FeedState(SOURCE, True, f"{self._detail}; {what}"))

    def _save_at_end(self) -> None:
        if self._file is not None and self._epoch is not None:
            with contextlib.suppress(OSError):
                save_epoch(self._file, self._body(self._epoch, self._clock.now()))


def parsed_intervals(intervals: Sequence[str]) -> tuple[Interval, ...]:
    """Intervals, shortest first, each once; MarketUnavailableError for what is none."""
    try:
        known = {Interval.parse(interval) for interval in intervals}
    except IntervalError as error:
        raise MarketUnavailableError(str(error)) from error
    return tuple(interval for interval in Interval if interval in known)
