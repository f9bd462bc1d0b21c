"""One symbol's market as everybody sees it: its trades, candles, tickers and book.

Told of every trade by the box (``traded``), asks the exchange for everything else when somebody looks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from typing import Protocol

import msgspec

from fillwright.core.types import DAY, MINUTE, Symbol, Time
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.messages import MarketTrade
from fillwright.exchange.server import public_candles as columns
from fillwright.exchange.server.public_book import PublicBook
from fillwright.exchange.server.public_candles import Candles, Past, Rows, Units, sums
from fillwright.market.intervals import Interval

TRADES_KEPT = 5_000
"""Trades, and aggregate trades, that can be looked up; older ones are forgotten."""
WINDOWS_KEPT = 16
AVERAGE_MINUTES = 5
NO_ID = -1


class AggregateTrade(msgspec.Struct, gc=False):
    """What one taker traded at one price at a time."""

    aggregate_id: int
    price: Decimal
    quantity: Decimal
    first_trade_id: int
    last_trade_id: int
    time: Time
    buyer_is_maker: bool


class Window(msgspec.Struct, frozen=True):
    """What happened in a span of time; prices are 0, and ids -1, where nobody traded. Units as ``Units`` says."""

    open_time: Time
    close_time: Time
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote: int
    count: int
    first_id: int
    last_id: int
    before: int
    """The last price before the span, or its first one."""


class MarketListener(Protocol):
    """Whoever wants to know at once."""

    def traded(
        self, market: PublicMarket, trades: Sequence[MarketTrade], aggregates: Sequence[AggregateTrade]
    ) -> None:
        """Trades, in order, and what they are together."""

    def touched(self, market: PublicMarket) -> None:
        """The book may have changed."""


class PublicMarket:
    """The public side of one symbol."""

    def __init__(self, exchange: Exchange, symbol: Symbol, past: Past | None = None) -> None:
        self.symbol = symbol
        self.units = Units.of(exchange.instrument(symbol))
        self.book = PublicBook(exchange, symbol)
        self.candles = Candles(self.units, past)
        self.trades: deque[MarketTrade] = deque(maxlen=TRADES_KEPT)
        self.aggregates: deque[AggregateTrade] = deque(maxlen=TRADES_KEPT)
        self.listener: MarketListener | None = None
        self._exchange = exchange
        self._next_aggregate = exchange.last_trade_id(symbol) + 1
        """Goes on above those of before a restart: there never are more aggregate trades than trades."""
        self._windows: dict[tuple[Time, int, int], Window] = {}
        """Windows as they were made last: many ask for the same."""

    # -- what happens --------------------------------------------------------------------------------------------

    def traded(self, trades: Sequence[MarketTrade]) -> None:
        """Take trades of this symbol, in order; those of one taker at one price come together."""
        found: list[AggregateTrade] = []
        for trade in trades:
            self.trades.append(trade)
            self.candles.add(
                trade.time, trade.price, trade.quantity, trade.trade_id, buyer_is_maker=trade.buyer_is_maker
            )
            last = found[-1] if found else None
            if (
                last is not None
                and last.price == trade.price
                and last.buyer_is_maker is trade.buyer_is_maker
                and last.time == trade.time
            ):
                last.quantity += trade.quantity
                last.last_trade_id = trade.trade_id
                continue
            found.append(
                AggregateTrade(
                    self._next_aggregate,
                    trade.price,
                    trade.quantity,
                    trade.trade_id,
                    trade.trade_id,
                    trade.time,
                    trade.buyer_is_maker,
                )
            )
            self._next_aggregate += 1
        self.aggregates.extend(found)
        if self.listener is not None:
            self.listener.traded(self, trades, found)

    def touched(self) -> None:
        """The book may have changed."""
        if self.listener is not None:
            self.listener.touched(self)

    # -- trades --------------------------------------------------------------------------------------------------

    @property
    def last(self) -> MarketTrade | None:
        """The last trade."""
        return self.trades[-1] if self.trades else None

    def last_price(self) -> Decimal | None:
        """The price of the last trade, or what the exchange goes by."""
        return self.trades[-1].price if self.trades else self._exchange.quote(self.symbol).last

    def recent_trades(self, limit: int) -> list[MarketTrade]:
        """The newest trades, ascending."""
        return list(islice(self.trades, max(0, len(self.trades) - limit), None))

    def trades_from(self, trade_id: int, limit: int) -> list[MarketTrade]:
        """Trades from a number on, ascending; from the oldest known one if that was forgotten."""
        start = min(max(0, trade_id - self.trades[0].trade_id), TRADES_KEPT) if self.trades else 0
        return list(islice(self.trades, start, start + limit))

    def aggregates_of(
        self, from_id: int | None, start: Time | None, end: Time | None, limit: int
    ) -> list[AggregateTrade]:
        """Aggregate trades, ascending: from a number or time on, else the newest up to a time."""
        if from_id is not None and self.aggregates:
            first = min(max(0, from_id - self.aggregates[0].aggregate_id), TRADES_KEPT)
            return list(islice(self.aggregates, first, first + limit))
        found = [
            one
            for one in self.aggregates
            if (start is None or one.time >= start) and (end is None or one.time <= end)
        ]
        return found[-limit:] if start is None else found[:limit]

    # -- candles and windows -------------------------------------------------------------------------------------

    def klines(
        self,
        interval: Interval,
        now: Time,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int = 500,
        offset_us: Time = 0,
    ) -> Rows:
        """Candles by open time, ascending: from a time on, else the newest up to a time."""
        return self.candles.read(interval, now, start=start, end=end, limit=limit, offset_us=offset_us)

    def day(self, now: Time) -> Window:
        """The last 24 hours, in steps of a minute."""
        return self.window(now - DAY, now)

    def minutes(self, count: int, now: Time) -> Window:
        """The last minutes, from a whole minute on (``/ticker``: a window may be 59,999 ms wider)."""
        return self.window((now - count * MINUTE) // MINUTE * MINUTE, now)

    def trading_day(self, now: Time, offset_us: Time = 0) -> Window:
        """The present day of a zone, as far as it has come."""
        start = columns.open_time(Interval.D1, now, offset_us)
        return msgspec.structs.replace(self.window(start, now), close_time=start + DAY - 1)

    def window(self, start: Time, now: Time) -> Window:
        """What happened from the minute after ``start`` to now."""
        lowest = -(-start // MINUTE) * MINUTE
        key = (lowest, now // MINUTE, self.trades[-1].trade_id if self.trades else NO_ID)
        known = self._windows.get(key)
        if known is None:
            if len(self._windows) >= WINDOWS_KEPT:
                self._windows.clear()
            known = self._windows[key] = self._window(lowest, now)
        return msgspec.structs.replace(known, open_time=start, close_time=now)

    def _window(self, lowest: Time, now: Time) -> Window:
        self.candles.roll(now)
        rows = self.candles.between(self.candles.minutes, lowest - MINUTE, now)
        before = 0
        if len(rows) and rows[0, columns.OPEN_TIME] < lowest:
            before, rows = int(rows[0, columns.CLOSE]), rows[1:]
        rows = rows[rows[:, columns.COUNT] > 0]
        if not len(rows):
            last = self.last
            close = before if last is None else self.units.price(last.price)
            return Window(lowest, now, close, close, close, close, 0, 0, 0, NO_ID, NO_ID, before)
        volume, quote, count = (
            int(sums(rows[:, column], [0])[0]) for column in (columns.VOLUME, columns.QUOTE, columns.COUNT)
        )
        known = rows[rows[:, columns.FIRST_ID] >= 0]
        return Window(
            lowest,
            now,
            int(rows[0, columns.OPEN]),
            int(rows[:, columns.HIGH].max()),
            int(rows[:, columns.LOW].min()),
            int(rows[-1, columns.CLOSE]),
            volume,
            quote,
            count,
            int(known[0, columns.FIRST_ID]) if len(known) else NO_ID,
            int(known[-1, columns.LAST_ID]) if len(known) else NO_ID,
            before or int(rows[0, columns.OPEN]),
        )

    def average_price(self, now: Time) -> Decimal | None:
        """The average price that the exchange's filters compare with, but for a reference price."""
        return self._exchange.traded_average(self.symbol, AVERAGE_MINUTES, now)
