"""The streams of one symbol: what comes twice while connections overlap is dropped, the rest goes to the sink."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum, unique
from functools import partial

from fillwright.binance.candles import CandleLine
from fillwright.binance.full_book import FullBook
from fillwright.core.inputs import Candle
from fillwright.core.types import Symbol
from fillwright.market.events import Levels
from fillwright.market.intervals import Interval
from fillwright.ports import Clock, MarketSink
from fillwright.wire.codec import moment
from fillwright.wire.market_streams import (
    BookTickerMessage,
    DepthUpdateMessage,
    KlineMessage,
    MarketMessage,
    PartialDepthMessage,
    TradeMessage,
)


@unique
class DepthKind(StrEnum):
    """Which books are wanted."""

    BEST = "best"
    """The best 20 levels as Binance sends them, ten times a second."""
    FULL = "full"
    """The best 20 of a book that is kept here from its changes: it knows the deeper levels when they come up."""


class SymbolStreams:
    """Handlers of one symbol's messages, by the stream's name."""

    def __init__(
        self,
        symbol: Symbol,
        lines: Sequence[CandleLine],
        sink: MarketSink,
        clock: Clock,
        on_hole: Callable[[], None],
        *,
        depth: DepthKind | None,
    ) -> None:
        self.symbol = symbol
        self.duplicates = 0
        """Messages dropped because they had come before."""
        self._sink, self._now, self._on_hole = sink, clock.now, on_hole
        self._trade_id = self._quote_id = self._book_id = -1
        self._lines: dict[Interval, list[CandleLine]] = {}
        for line in lines:
            self._lines.setdefault(line.source, []).append(line)
        name = symbol.lower()
        self.handlers: dict[str, Callable[[MarketMessage], None]] = {
            f"{name}@trade": self._on_trade,
            f"{name}@bookTicker": self._on_quote,
        }
        self.full_book: FullBook | None = None
        if depth is DepthKind.BEST:
            self.handlers[f"{name}@depth20@100ms"] = self._on_book
        elif depth is DepthKind.FULL:
            self.full_book = FullBook(self._show_book)
            self.handlers[f"{name}@depth@100ms"] = partial(self._on_change, self.full_book)
        for interval in self._lines:
            self.handlers[f"{name}@kline_{interval.value}"] = partial(self._on_kline, interval)

    def begin_anew(self) -> None:
        """After a connection was lost nothing can come twice, and ids may have begun anew (as on the testnet)."""
        self._trade_id = self._quote_id = self._book_id = -1
        if self.full_book is not None:
            self.full_book.begin_anew()

    def _on_trade(self, message: MarketMessage) -> None:
        if not isinstance(message, TradeMessage) or message.trade_id <= self._trade_id:
            self.duplicates += 1
            return
        self._trade_id = message.trade_id
        time = moment(message.trade_time)
        self._sink.trade(self.symbol, message.price, message.quantity, message.buyer_is_maker, time)

    def _on_quote(self, message: MarketMessage) -> None:
        if not isinstance(message, BookTickerMessage) or message.update_id <= self._quote_id:
            self.duplicates += 1
            return
        self._quote_id = message.update_id
        if message.bid and message.ask:
            self._sink.quote(
                self.symbol,
                message.bid,
                message.bid_quantity,
                message.ask,
                message.ask_quantity,
                self._now(),
            )

    def _on_book(self, message: MarketMessage) -> None:
        if not isinstance(message, PartialDepthMessage) or message.last_update_id <= self._book_id:
            self.duplicates += 1
            return
        self._book_id = message.last_update_id
        self._sink.depth(self.symbol, message.bids, message.asks, self._now())

    def _on_change(self, book: FullBook, message: MarketMessage) -> None:
        if isinstance(message, DepthUpdateMessage):
            book.changed(message)
            if book.wants_snapshot:
                self._on_hole()

    def _show_book(self, bids: Levels, asks: Levels) -> None:
        self._sink.depth(self.symbol, bids, asks, self._now())

    def _on_kline(self, interval: Interval, message: MarketMessage) -> None:
        if not isinstance(message, KlineMessage):
            return
        kline = message.kline
        open_time = moment(kline.open_time)
        candle = Candle(
            self.symbol,
            interval.value,
            open_time,
            interval.close_time(open_time),
            kline.open,
            kline.high,
            kline.low,
            kline.close,
            kline.volume,
        )
        for line in self._lines[interval]:
            if kline.is_closed:
                line.closed(candle)
            else:
                line.working(open_time)
            if line.missing is not None:
                self._on_hole()
