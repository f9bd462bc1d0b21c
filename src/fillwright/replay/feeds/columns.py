"""Feeds over columns of one symbol: trades and candles, searched instead of read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from decimal import Decimal

from fillwright.core.types import MINUTE, Symbol, Time
from fillwright.market.averages import AveragePrice
from fillwright.market.candles import CandleAggregator
from fillwright.market.columns import CandleColumns, Scale, TradeColumns
from fillwright.market.intervals import Interval
from fillwright.market.tapes.tape import Chunk, Tape
from fillwright.replay.feeds.base import AVERAGE_MINUTES, Bounds, Feed, Market, as_view

FEW_ROWS = 4
"""Between a request and its answer there are hardly more: looking at each is quicker than bisecting a chunk."""


class ColumnFeed(Feed):
    """What feeds over columns of one symbol share: scale, averages, candles, thresholds as integers."""

    symbol: Symbol
    scale: Scale

    def __init__(self, tape: Tape, market: Market, intervals: Sequence[Interval]) -> None:
        super().__init__(tape, market, intervals)
        self.symbol = tape.symbols[0]
        self.scale = tape.scales[self.symbol]
        self._averages = AveragePrice(AVERAGE_MINUTES)
        self._aggregators = [CandleAggregator(self.symbol, interval, self.scale) for interval in intervals]
        self._times: Sequence[Time] = ()
        self._bounds: Bounds = (None, None)
        self._low: int | None = None
        self._high: int | None = None
        self._rows_averaged = 0
        self._settled = True
        self._sought: Time = -1
        """Up to which time moments were sought last."""
        self._limit = 0
        """The first moment at or after that time."""
        self._found = 0
        """The moment found, as long as the cursor is not beyond it."""
        self._unaveraged: TradeColumns | CandleColumns | None = None
        """The current chunk while none of it has been passed: averages are still those of the one before."""
        self._passed_time: Time = 0
        """Of the last moment before this chunk."""
        self._marks: list[tuple[int, Time]] = []
        """Row and time at which the chunks began that a resumed run may have to read again."""
        self.cursor = 0
        self.base = 0
        self.count = 0

    def _leave(self, chunk: TradeColumns | CandleColumns, begins_at: Time) -> None:
        """The chunk before another is done with."""
        self.settle_slots()
        self._take_up_averages()
        self._unaveraged = chunk
        self._passed_time = self.end
        needed = self._needed_since(self._passed_time)
        while len(self._marks) > 1 and self._marks[1][1] < needed:
            del self._marks[0]
        self._marks.append((chunk.row, begins_at))

    def _take_up_averages(self) -> None:
        if self._unaveraged is not None:
            self._averages.push(self._unaveraged)
            self._rows_averaged = len(self._unaveraged)
            self._unaveraged = None

    def _average_at(self, rows: int) -> Decimal | None:
        """The average price as of so many rows of this chunk; without any, of the last row of the one before."""
        if rows:
            self._take_up_averages()
            return self._averages.at(rows - 1)
        if self._unaveraged is None or not self._rows_averaged:
            return None
        return self._averages.at(self._rows_averaged - 1)

    def _needed_since(self, last_passed: Time) -> Time:
        """From which time on rows matter to the average and the open candles as of the last moment passed."""
        candles = [interval.open_time(last_passed) for interval in self.intervals]
        return min(last_passed - AVERAGE_MINUTES * MINUTE, *candles)

    def _restart(self, times: Sequence[Time], passed_rows: int) -> int:
        """The row to read from again, by the times of the chunk's rows and how many of them have been passed."""
        needed = self._needed_since(times[passed_rows - 1] if passed_rows else self._passed_time)
        if passed_rows and times[0] < needed:
            return self.base + bisect_left(times, needed, 0, passed_rows)
        row = self.tape.start_row
        for first_row, begins_at in self._marks:
            if begins_at < needed:
                row = first_row
        return row

    def _fold(self, chunk: TradeColumns | CandleColumns) -> None:
        """Make candles of the wanted intervals and hand them on."""
        for aggregator in self._aggregators:
            candles = aggregator.push(chunk)
            for index in range(len(candles)):
                self.market.candle_closed(candles.candle(index))

    def _thresholds(self) -> tuple[int | None, int | None]:
        bounds = self.market.bounds(self.symbol)
        if bounds is not self._bounds and bounds != self._bounds:
            low, high = self._bounds = bounds
            self._low = None if low is None else self.scale.price_floor(low)
            self._high = None if high is None else self.scale.price_ceiling(high)
        return self._low, self._high

    @property
    def is_done(self) -> bool:
        """Whether every moment of the chunk has been passed."""
        return self.cursor >= self.count


class TradeFeed(ColumnFeed):
    """Trades: a row is a moment."""

    _chunk: TradeColumns

    def _take(self, chunk: Chunk) -> None:
        assert isinstance(chunk, TradeColumns)
        self._leave(chunk, int(chunk.time_us[0]))
        self._chunk = chunk
        self._times = as_view(chunk.time_us)
        self.end = self._times[-1]
        self._sought, self._found = -1, 0
        self._prices = as_view(chunk.price)
        self._quantities = as_view(chunk.quantity)
        self._makers = chunk.buyer_is_maker
        self.cursor, self.count, self.base = 0, len(chunk), chunk.row
        self._fold(chunk)

    @property
    def row(self) -> int:
        """The tape's row at the cursor."""
        return self.base + self.cursor

    @property
    def moment(self) -> int:
        """As many as rows."""
        return self.base + self.cursor

    def go_to(self, moment: int) -> bool:
        """Put the cursor at a moment of this chunk."""
        if moment > self.base + self.count:
            return False
        self.cursor = moment - self.base
        return True

    def next_time(self) -> Time:
        """The time of the trade at the cursor."""
        return self._times[self.cursor]

    def seek(self, stop: Time) -> Time | None:
        """The first moment before ``stop`` whose price is not strictly inside the bounds."""
        self._found = cursor = self.cursor
        limit = self._limit = self._position(stop)
        self._sought = stop
        if limit <= cursor:
            return None
        low, high = self._thresholds()
        if low is None and high is None:
            return None
        index = self._chunk.search.first_outside(cursor, limit, low, high)
        if index >= limit:
            return None
        self._found = index
        return self._times[index]

    def _position(self, time: Time) -> int:
        """The first row at or after a time: one of the next few, or to be searched for."""
        times, cursor, count = self._times, self.cursor, self.count
        few = min(cursor + FEW_ROWS, count)
        for row in range(cursor, few):
            if times[row] >= time:
                return row
        return bisect_left(times, time, few, count)

    def skip(self, time: Time, inclusive: bool) -> None:
        """Pass moments that do not matter."""
        if inclusive:
            limit = bisect_right(self._times, time, self.cursor, self.count)
        else:
            limit = self._limit if time == self._sought else self._position(time)
        if limit > self.cursor:
            self.passed += limit - self.cursor
            self.cursor = limit
            self._settled = False

    def settle_slots(self) -> None:
        """Show the exchange the last price passed."""
        if self._settled:
            return
        self._settled = True
        index = self.cursor - 1
        time = self._times[index]
        self.market.exchange.set_last(self.symbol, self.scale.price(self._prices[index]), time)
        self.market.quoted(self.symbol, time)

    def visit(self) -> None:
        """Let the trade happen that was sought just now, those before it pass."""
        index = self._found
        if index > self.cursor:
            self.passed += index - self.cursor
        else:
            index = self.cursor
        self.cursor = index + 1
        self.visited += 1
        self._settled = True
        time = self._times[index]
        self.market.exchange.on_trade(
            self.symbol,
            self.scale.price(self._prices[index]),
            self.scale.quantity(self._quantities[index]),
            time,
            bool(self._makers[index]),
        )
        self.market.moved(self.symbol, time)

    def average(self, symbol: Symbol, minutes: int) -> Decimal | None:
        """The average price as of the last moment passed."""
        return self._average_at(self.cursor) if symbol == self.symbol else None

    def restart_row(self) -> int:
        """The row to read from so that averages and open candles come out the same."""
        return self._restart(self._times, self.cursor)


class CandleFeed(ColumnFeed):
    """Candles: a row is two moments, its open and its close; between them only the open is known."""

    _chunk: CandleColumns

    def _take(self, chunk: Chunk) -> None:
        assert isinstance(chunk, CandleColumns)
        self._leave(chunk, int(chunk.open_time_us[0]))
        self._chunk = chunk
        self._opens_at = as_view(chunk.open_time_us)
        self._times = as_view(chunk.close_time_us)
        self.end, self._found = self._times[-1], 0
        self.cursor, self.count, self.base = 0, 2 * len(chunk), chunk.row
        self._fold(chunk)

    @property
    def row(self) -> int:
        """The tape's row at the cursor."""
        return self.base + self.cursor // 2

    @property
    def moment(self) -> int:
        """Two for each row."""
        return 2 * self.base + self.cursor

    def go_to(self, moment: int) -> bool:
        """Put the cursor at a moment of this chunk."""
        if moment > 2 * self.base + self.count:
            return False
        self.cursor = moment - 2 * self.base
        return True

    def _time(self, moment: int) -> Time:
        return self._times[moment >> 1] if moment & 1 else self._opens_at[moment >> 1]

    def next_time(self) -> Time:
        """The time of the moment at the cursor."""
        return self._time(self.cursor)

    def seek(self, stop: Time) -> Time | None:
        """The first moment before ``stop`` whose prices are not strictly inside the bounds."""
        self._found = cursor = self.cursor
        if cursor >= self.count or self._time(cursor) >= stop:
            return None
        low, high = self._thresholds()
        if low is None and high is None:
            return None
        first = cursor >> 1
        limit = bisect_left(self._opens_at, stop, first, self.count >> 1)
        row = self._chunk.search.first_outside(first, limit, low, high)
        if row >= limit:
            return None
        moment = max(2 * row, cursor)
        time = self._time(moment)
        if time >= stop:
            return None
        self._found = moment
        return time

    def skip(self, time: Time, inclusive: bool) -> None:
        """Pass moments that do not matter."""
        start = self.cursor
        if start >= self.count or self._time(start) > time:
            return
        rows = self.count >> 1
        position = bisect_right if inclusive else bisect_left
        opened = position(self._opens_at, time, start >> 1, rows)
        closed = position(self._times, time, start >> 1, rows)
        self._go(2 * closed if closed == opened else 2 * closed + 1)

    def _go(self, moment: int) -> None:
        if moment > self.cursor:
            self.passed += moment - self.cursor
            self.cursor = moment
            self._settled = False

    def settle_slots(self) -> None:
        """Show the exchange the last price passed."""
        if self._settled:
            return
        self._settled = True
        row, is_close = (self.cursor - 1) >> 1, not self.cursor & 1
        exchange, price = self.market.exchange, self.scale.price
        if is_close:
            time = self._times[row]
            exchange.set_last(self.symbol, price(int(self._chunk.close[row])), time)
            self.market.quoted(self.symbol, time)
        else:
            time = self._opens_at[row]
            exchange.on_candle_open(self.symbol, price(int(self._chunk.open[row])), time)
            self.market.moved(self.symbol, time)

    def visit(self) -> None:
        """Let the moment happen that was sought just now, those before it pass."""
        self._go(self._found)
        moment = self.cursor
        row, is_close = moment >> 1, moment & 1
        self.visited += 1
        chunk, price = self._chunk, self.scale.price
        exchange = self.market.exchange
        if is_close:
            self.settle_slots()
            self.cursor = moment + 1
            time = self._times[row]
            exchange.on_candle_close(
                self.symbol,
                price(int(chunk.open[row])),
                price(int(chunk.high[row])),
                price(int(chunk.low[row])),
                price(int(chunk.close[row])),
                self.scale.quantity(int(chunk.volume[row])),
                time,
            )
        else:
            self.cursor = moment + 1
            self._settled = True
            time = self._opens_at[row]
            exchange.on_candle_open(self.symbol, price(int(chunk.open[row])), time)
        self.market.moved(self.symbol, time)

    def average(self, symbol: Symbol, minutes: int) -> Decimal | None:
        """The average price as of the last moment passed."""
        return self._average_at(self.cursor >> 1) if symbol == self.symbol else None

    def restart_row(self) -> int:
        """The row to read from so that averages and open candles come out the same."""
        return self._restart(self._opens_at, self.cursor >> 1)
