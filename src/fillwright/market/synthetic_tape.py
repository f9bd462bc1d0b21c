"""The synthetic market as a tape: trades, quotes, candles, or depth and trades, like recorded ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fillwright.core.instruments import Instrument
from fillwright.market.candles import CandleAggregator
from fillwright.market.columns import Columns, QuoteColumns, TradeColumns
from fillwright.market.events import DepthSnapshot, Event, EventChunk, Levels, Trade
from fillwright.market.intervals import Interval
from fillwright.market.synthetic import BLOCK_TICKS, MarketShape, SyntheticMarket, Ticks
from fillwright.market.tapes.tape import EVENT_CHUNK_ROWS, Chunk, Tape, TapeKind, cut_into_chunks

DEPTH_LEVELS = 10
"""Levels a side of the made-up book."""
_CANDLE_TICKS = 30
"""Mean trades of a candle: what candle tapes are made of."""
_LEVEL_STRIDE = 131


class SyntheticTape(Tape):
    """A synthetic market read like a recorded tape; ``path`` is only a name."""

    def __init__(
        self,
        market: SyntheticMarket,
        rows: int,
        kind: TapeKind = TapeKind.TRADES,
        interval: Interval = Interval.M1,
        start_row: int = 0,
    ) -> None:
        symbol = market.instrument.symbol
        super().__init__(Path(f"synthetic-{symbol}-seed-{market.seed}"), kind, start_row)
        self._market = market
        self._rows = rows
        self._trades_made = 0
        self._aggregator = CandleAggregator(symbol, interval, market.scale)
        self.symbols = (symbol,)
        self.scales = {symbol: market.scale}
        self.interval = interval if kind is TapeKind.CANDLES else None

    @property
    def consumed(self) -> int:
        """Rows made."""
        return self.row

    @property
    def total(self) -> int:
        """Rows there will be."""
        return self._rows

    def chunks(self) -> Iterator[Chunk]:
        """The rows from ``start_row`` on; those before are drawn and dropped."""
        if self.kind is TapeKind.EVENTS:
            yield from self._event_chunks()
            return
        for chunk in cut_into_chunks(self._pieces(), self.start_row):
            self.row = chunk.row + len(chunk)
            yield chunk
        self.row = self._rows

    def _pieces(self) -> Iterator[Columns]:
        made = 0
        while made < self._rows:
            piece = self._columns(self._market.next_block())
            piece = piece.slice(0, min(len(piece), self._rows - made))
            skip = max(0, self.start_row - made)
            made += len(piece)
            if skip < len(piece):
                yield piece.slice(skip, len(piece))

    def _columns(self, ticks: Ticks) -> Columns:
        symbol, scale = self._market.instrument.symbol, self._market.scale
        if self.kind is TapeKind.QUOTES:
            return QuoteColumns(
                symbol, scale, ticks.time_us, ticks.bid, ticks.bid_quantity, ticks.ask, ticks.ask_quantity
            )
        first_id = self._trades_made + 1
        self._trades_made += BLOCK_TICKS
        ids = np.arange(first_id, first_id + BLOCK_TICKS, dtype=np.int64)
        trades = TradeColumns(
            symbol, scale, ticks.time_us, ticks.price, ticks.quantity, ticks.buyer_is_maker, ids
        )
        return trades if self.kind is TapeKind.TRADES else self._aggregator.push(trades)

    def _event_chunks(self) -> Iterator[Chunk]:
        row, held = 0, list[Event]()
        for event in self._events():
            if row == self._rows:
                break
            row += 1
            if row <= self.start_row:
                continue
            held.append(event)
            if row % EVENT_CHUNK_ROWS == 0:
                self.row = row
                yield EventChunk(held, row - len(held))
                held = []
        self.row = row
        if held:
            yield EventChunk(held, row - len(held))

    def _events(self) -> Iterator[Event]:
        """Endlessly: the book whenever its best prices have changed, and each trade after it."""
        symbol, scale = self._market.instrument.symbol, self._market.scale
        best, trade_id, book_id = (0, 0), 0, 0
        while True:
            ticks = self._market.next_block()
            bids, asks = ticks.bid.tolist(), ticks.ask.tolist()
            prices, quantities = ticks.price.tolist(), ticks.quantity.tolist()
            bid_sizes, ask_sizes = ticks.bid_quantity.tolist(), ticks.ask_quantity.tolist()
            makers = ticks.buyer_is_maker.tolist()
            for index, time_us in enumerate(ticks.time_us.tolist()):
                trade_id += 1
                if best != (bids[index], asks[index]):
                    best, book_id = (bids[index], asks[index]), book_id + 1
                    book_bids = self._levels(index, best[0], -1, bid_sizes)
                    book_asks = self._levels(index, best[1], 1, ask_sizes)
                    yield DepthSnapshot(symbol, time_us, book_id, book_bids, book_asks)
                price, quantity = scale.price(prices[index]), scale.quantity(quantities[index])
                yield Trade(symbol, time_us, trade_id, price, quantity, makers[index])

    def _levels(self, index: int, best: int, direction: int, sizes: list[int]) -> Levels:
        """One side of the book: a level each tick away from the best, sizes of ticks elsewhere in the block."""
        scale, tick = self._market.scale, self._market.tick_units
        levels = range(min(DEPTH_LEVELS, best // tick) if direction < 0 else DEPTH_LEVELS)
        return tuple(
            (
                scale.price(best + direction * level * tick),
                scale.quantity(sizes[(index + level * _LEVEL_STRIDE) % BLOCK_TICKS]),
            )
            for level in levels
        )


def synthetic_tape(
    seed: int,
    instrument: Instrument,
    rows: int,
    *,
    kind: TapeKind = TapeKind.TRADES,
    interval: Interval = Interval.M1,
    start_row: int = 0,
    shape: MarketShape | None = None,
) -> SyntheticTape:
    """A tape of so many rows (trades, quotes, candles or events) of a seeded synthetic market.

    Candles are made of about thirty trades each when no shape says how often there are trades.
    """
    if shape is None and kind is TapeKind.CANDLES and interval.length_us is not None:
        shape = MarketShape(trades_per_second=_CANDLE_TICKS * 1_000_000 / interval.length_us)
    return SyntheticTape(SyntheticMarket(seed, instrument, shape=shape), rows, kind, interval, start_row)
