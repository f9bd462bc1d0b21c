"""One symbol of the synthetic market in time: its ticks up to now, and its candles when they close.

Blocks are drawn as time reaches them, and candles are made of whole blocks, so that a tick costs no candle's
arithmetic. As at Binance, an interval in which nobody trades has a flat candle at the last price.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np

from fillwright.core.inputs import Candle
from fillwright.core.instruments import Instrument
from fillwright.core.types import MINUTE, Time
from fillwright.market.candles import CandleAggregator
from fillwright.market.columns import CandleColumns, TradeColumns
from fillwright.market.intervals import Interval
from fillwright.market.live.epoch import Epoch, history_span
from fillwright.market.synthetic import BLOCK_TICKS, Ticks
from fillwright.ports import MarketSink

CANDLES_KEPT = 1_000
"""Closed candles of each interval that can be asked for."""
FILLED_CANDLES_MAX = 2_000_000
"""Candles that one block may be filled up to; beyond it holes stay."""
TICKS_AT_ONCE = 512
"""Ticks pushed before others get their turn."""
LATE_MAX: Time = MINUTE
"""Ticks older than this (the machine slept) are passed over, but for the last; their candles are not."""
_NOT_DRAWN: Time = 2**62


class CandleLine:
    """The candles of one interval: those of the past, and those of the drawn blocks that are still to close."""

    def __init__(self, aggregator: CandleAggregator) -> None:
        self.delivered: Time = -1
        """The close of the last candle that somebody got."""
        self._aggregator = aggregator
        self._known: CandleColumns = aggregator.flush()
        self._closes: list[Time] = []
        self._cursor = 0
        self._begun = False

    def push(self, trades: TradeColumns, now: Time) -> None:
        """Add a block's trades."""
        before = self._known
        new = filled(before, self._aggregator.push(trades))
        start = max(0, bisect_left(self._closes, now) - CANDLES_KEPT)
        if self._begun:
            start = min(start, self._cursor)
        self._known = CandleColumns.join([before.slice(start, len(before)), new])
        self._closes = self._known.close_time_us.tolist()
        self._cursor = max(0, self._cursor - start)

    def closed_before(self, now: Time, count: int) -> list[Candle]:
        """The last candles that are closed; those that close from now on follow them."""
        end = bisect_left(self._closes, now)
        candles = [self._known.candle(index) for index in range(max(0, end - count), end)]
        if candles:
            self.delivered = candles[-1].close_time
        return candles

    def begin(self, now: Time) -> None:
        """Go on after the last candle that was given out, or from now on."""
        since = now - 1 if self.delivered < 0 else self.delivered
        self._cursor = bisect_right(self._closes, since)
        self._begun = True

    @property
    def next_close(self) -> Time:
        """When the next candle closes; after every drawn tick as long as the next block has to tell."""
        closes = self._closes
        return closes[self._cursor] if self._cursor < len(closes) else _NOT_DRAWN

    def take(self, now: Time) -> Candle | None:
        """The next candle if it is over."""
        if self._cursor >= len(self._closes) or self._closes[self._cursor] >= now:
            return None
        candle = self._known.candle(self._cursor)
        self._cursor += 1
        self.delivered = candle.close_time
        return candle


class SymbolWalk:
    """A symbol's market as time goes by; ``draw_to`` may take a while and belongs to a thread."""

    def __init__(self, epoch: Epoch, instrument: Instrument, intervals: Sequence[Interval]) -> None:
        self.symbol = instrument.symbol
        self._epoch = epoch
        self._places = epoch.symbols[self.symbol]
        self._intervals = tuple(intervals)
        self._market = epoch.market(instrument, self._places.states[0])
        self._scale = self._market.scale
        self.lines = {
            interval: CandleLine(CandleAggregator(self.symbol, interval, self._scale))
            for interval in self._intervals
        }
        self._ticks: Ticks | None = None
        self._times: list[Time] = []
        self._index = 0

    # -- drawing ---------------------------------------------------------------------------------------------

    def draw_to(self, now: Time) -> None:
        """Draw what lies between the history's beginning and now."""
        if self._ticks is None:
            begin = now - history_span(self._intervals, self._epoch.block_us)
            self._market.restore(self._places.state_at(begin))
        while not self._times or self._times[-1] <= now:
            self._draw(now)

    def _draw(self, now: Time) -> None:
        self._places.keep(self._market.state())
        ticks = self._ticks = self._market.next_block()
        self._times = ticks.time_us.tolist()
        self._index = 0
        ids = np.zeros(BLOCK_TICKS, dtype=np.int64)
        trades = TradeColumns(
            self.symbol, self._scale, ticks.time_us, ticks.price, ticks.quantity, ticks.buyer_is_maker, ids
        )
        for line in self.lines.values():
            line.push(trades, now)

    # -- pushing ---------------------------------------------------------------------------------------------

    def begin(self, now: Time) -> None:
        """Stand at now: what was before is history, except candles after those that were given out."""
        self.draw_to(now)
        self._index = max(0, bisect_right(self._times, now) - 1)
        for line in self.lines.values():
            line.begin(now)

    @property
    def next_time(self) -> Time:
        """When there is something to push."""
        tick = self._times[self._index] if self._index < len(self._times) else self._times[-1]
        return min([tick, *(line.next_close + 1 for line in self.lines.values())])

    def push(self, sink: MarketSink, now: Time) -> bool:
        """Hand on ticks and candles that are due, a bounded number of them; whether more are due."""
        room = TICKS_AT_ONCE
        while room > 0:
            closing = min((line.next_close for line in self.lines.values()), default=now)
            room -= self._push_ticks(sink, min(now, closing), now, room)
            if self._index >= len(self._times) and self._times[-1] <= now:
                self._draw(now)
                room -= TICKS_AT_ONCE
                continue
            if closing >= now:
                return room <= 0
            if self._index < len(self._times) and self._times[self._index] <= closing:
                return True
            for interval in self._intervals:
                line = self.lines[interval]
                if line.next_close == closing:
                    candle = line.take(now)
                    if candle is not None:
                        sink.candle(candle)
        return True

    def _push_ticks(self, sink: MarketSink, until: Time, now: Time, room: int) -> int:
        times, start = self._times, self._index
        stop = bisect_right(times, until, start)
        if stop > start and times[start] < now - LATE_MAX:
            start = min(bisect_left(times, now - LATE_MAX, start), stop if until < now else stop - 1)
        stop = min(stop, start + room)
        self._index = stop
        if start >= stop:
            return 0
        ticks, symbol = self._ticks, self.symbol
        assert ticks is not None
        price, quantity = self._scale.price, self._scale.quantity
        part = slice(start, stop)
        columns = (
            times[part],
            ticks.bid[part].tolist(),
            ticks.ask[part].tolist(),
            ticks.bid_quantity[part].tolist(),
            ticks.ask_quantity[part].tolist(),
            ticks.quantity[part].tolist(),
            ticks.buyer_is_maker[part].tolist(),
        )
        for time, bid, ask, bid_size, ask_size, size, maker in zip(*columns, strict=True):
            best_bid, best_ask = price(bid), price(ask)
            sink.quote(symbol, best_bid, quantity(bid_size), best_ask, quantity(ask_size), time)
            sink.trade(symbol, best_bid if maker else best_ask, quantity(size), maker, time)
        return stop - start


def filled(before: CandleColumns, candles: CandleColumns) -> CandleColumns:
    """Candles with flat ones, at the close before them, wherever one is missing among them or after ``before``."""
    length = candles.interval.length_us
    if not len(candles) or length is None:
        return candles
    first = int(before.open_time_us[-1]) + length if len(before) else int(candles.open_time_us[0])
    last = int(candles.open_time_us[-1])
    count = (last - first) // length + 1
    if count == len(candles) or count > FILLED_CANDLES_MAX:
        return candles
    opens = np.arange(first, last + 1, length, dtype=np.int64)
    at = np.searchsorted(candles.open_time_us, opens)
    there = candles.open_time_us[at] == opens
    previous = np.where(there, at, at - 1)
    carried = int(before.close[-1]) if len(before) else int(candles.open[0])
    close = np.where(previous < 0, carried, candles.close[np.maximum(previous, 0)])
    row = np.minimum(at, len(candles) - 1)
    opened, high, low = (
        np.where(there, column[row], close) for column in (candles.open, candles.high, candles.low)
    )
    volume = np.where(there, candles.volume[row], 0)
    return CandleColumns(
        candles.symbol,
        candles.interval,
        candles.scale,
        opens,
        opens + (length - 1),
        opened,
        high,
        low,
        close,
        volume,
    )
