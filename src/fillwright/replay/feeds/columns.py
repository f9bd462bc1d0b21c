"""Feeds over columns of one symbol: trades and candles, searched instead of read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from decimal import Decimal

from fillwright.core.types import Symbol, Time
from fillwright.market.averages import AveragePrice
from fillwright.market.candles import CandleAggregator
from fillwright.market.columns import CandleColumns, Scale, TradeColumns
from fillwright.market.intervals import Interval
from fillwright.market.tapes.tape import Chunk, Tape
from fillwright.replay.feeds.base import AVERAGE_MINUTES, Bounds, Feed, Market, as_view


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
        self._settled = True
        self.cursor = 0
        self.base = 0
        self.count = 0

    def _fold(self, chunk: TradeColumns | CandleColumns) -> None:
        """Make candles of the wanted intervals and hand them on."""
        for aggregator in self._aggregators:
            candles = aggregator.push(chunk)
            for index in range(len(candles)):
                self.market.candle_closed(candles.candle(index))

    def _thresholds(self) -> tuple[int | None, int | None]:
        bounds = self.market.bounds(self.symbol)
        if bounds != self._bounds:
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
        self.settle_slots()
        self._chunk = chunk
        self._times = as_view(chunk.time_us)
        self._prices = as_view(chunk.price)
        self._quantities = as_view(chunk.quantity)
        self._makers = chunk.buyer_is_maker
        self.cursor, self.count, self.base = 0, len(chunk), chunk.row
        self._remember(chunk.row, self._times[0])
        self._averages.push(chunk)
        self._fold(chunk)

    @property
    def end(self) -> Time:
        """The time of the chunk's last moment; 0 before the first chunk."""
        return self._times[self.count - 1] if self.count else 0

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
        """The first moment before ``stop`` whose prices are not strictly inside the bounds."""
        low, high = self._thresholds()
        if low is None and high is None:
            return None
        index = self._chunk.search.first_outside(self.cursor, self.count, low, high)
        if index >= self.count or self._times[index] >= stop:
            return None
        return self._times[index]

    def skip(self, time: Time, inclusive: bool) -> None:
        """Pass moments that do not matter."""
        times, start = self._times, self.cursor
        if start >= self.count or times[start] > time or (times[start] == time and not inclusive):
            return
        self.cursor = _position(times, time, start, self.count, inclusive)
        self.passed += self.cursor - start
        self._settled = False

    def settle_slots(self) -> None:
        """Show the exchange the last price passed."""
        if self._settled:
            return
        self._settled = True
        index = self.cursor - 1
        time = self._times[index]
        price = self.scale.price(self._prices[index])
        self.market.exchange.set_market(self.symbol, last=price, now=time)
        self.market.moved(self.symbol, time)

    def visit(self) -> None:
        """Let the moment at the cursor happen."""
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
        if symbol != self.symbol or not self.cursor:
            return None
        return self._averages.at(self.cursor - 1)


class CandleFeed(ColumnFeed):
    """Candles: a row is two moments, its open and its close; between them only the open is known."""

    _chunk: CandleColumns

    def _take(self, chunk: Chunk) -> None:
        assert isinstance(chunk, CandleColumns)
        self.settle_slots()
        self._chunk = chunk
        self._opens_at = as_view(chunk.open_time_us)
        self._times = as_view(chunk.close_time_us)
        self.cursor, self.count, self.base = 0, 2 * len(chunk), chunk.row
        self._remember(chunk.row, self._opens_at[0])
        self._averages.push(chunk)
        self._fold(chunk)

    @property
    def end(self) -> Time:
        """The time of the chunk's last moment; 0 before the first chunk."""
        return self._times[-1] if self.count else 0

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
        low, high = self._thresholds()
        if low is None and high is None:
            return None
        row = self._chunk.search.first_outside(self.cursor >> 1, self.count >> 1, low, high)
        if row >= self.count >> 1:
            return None
        time = self._time(max(2 * row, self.cursor))
        return time if time < stop else None

    def skip(self, time: Time, inclusive: bool) -> None:
        """Pass moments that do not matter."""
        start = self.cursor
        rows = self.count >> 1
        opened = _position(self._opens_at, time, start >> 1, rows, inclusive)
        closed = _position(self._times, time, start >> 1, rows, inclusive)
        moment = 2 * closed if closed == opened else 2 * closed + 1
        if moment > start:
            self.cursor = moment
            self.passed += moment - start
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
            exchange.set_market(self.symbol, last=price(int(self._chunk.close[row])), now=time)
        else:
            time = self._opens_at[row]
            exchange.on_candle_open(self.symbol, price(int(self._chunk.open[row])), time)
        self.market.moved(self.symbol, time)

    def visit(self) -> None:
        """Let the moment at the cursor happen."""
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
        closed = self.cursor >> 1
        if symbol != self.symbol or not closed:
            return None
        return self._averages.at(closed - 1)


def _position(times: Sequence[Time], time: Time, start: int, stop: int, inclusive: bool) -> int:
    """The first index whose time is at or after a time (after it, if inclusive)."""
    return (bisect_right if inclusive else bisect_left)(times, time, start, stop)
