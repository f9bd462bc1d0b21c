"""Candles for the report's chart, gathered while a tape is read; made coarser whenever they become too many."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fillwright.core.types import SECOND, Symbol, Time
from fillwright.market.candles import CandleAggregator
from fillwright.market.columns import CandleColumns, QuoteColumns, Scale, TradeColumns
from fillwright.market.events import Trade
from fillwright.market.intervals import Interval
from fillwright.market.tapes.tape import Chunk, Tape

CANDLES_MAX = 40_000
"""Candles of one symbol at most; beyond, every so many become one."""
STEPS: tuple[Interval, ...] = (
    Interval.S1,
    Interval.M1,
    Interval.M5,
    Interval.M15,
    Interval.H1,
    Interval.H4,
    Interval.D1,
    Interval.W1,
)


class ChartCandles:
    """One symbol's candles."""

    def __init__(self, symbol: Symbol, scale: Scale, first: Interval) -> None:
        self.symbol = symbol
        self.scale = scale
        self.interval = first
        self._parts: list[CandleColumns] = []
        self._count = 0
        self._aggregator = CandleAggregator(symbol, first, scale)

    def add(self, rows: TradeColumns | CandleColumns) -> None:
        """Take the next rows of the tape."""
        self._keep(self._aggregator.push(rows))
        while self._count > CANDLES_MAX and self.interval is not STEPS[-1]:
            self._coarsen()

    def _keep(self, candles: CandleColumns) -> None:
        if len(candles):
            self._parts.append(candles)
            self._count += len(candles)

    def _coarsen(self) -> None:
        whole = self.finished()
        longer = [step for step in STEPS if (step.length_us or 0) > (self.interval.length_us or 0)]
        self.interval = longer[0]
        self._aggregator = CandleAggregator(self.symbol, self.interval, self.scale)
        self._parts, self._count = [], 0
        if whole is not None:
            self._keep(self._aggregator.push(whole))

    def finished(self) -> CandleColumns | None:
        """All candles so far, the unfinished one included; None without any."""
        self._keep(self._aggregator.flush())
        return CandleColumns.join(self._parts) if self._parts else None


class Charts:
    """The candles of every symbol of a run."""

    def __init__(self) -> None:
        self._series: dict[Symbol, ChartCandles] = {}

    def add(self, tape: Tape, chunk: Chunk) -> None:
        """Take the next chunk of a tape."""
        if isinstance(chunk, TradeColumns | CandleColumns):
            first = chunk.interval if isinstance(chunk, CandleColumns) else Interval.S1
            self._of(chunk.symbol, chunk.scale, first).add(chunk)
        elif not isinstance(chunk, QuoteColumns):
            self._add_trades(tape, [event for event in chunk.events if isinstance(event, Trade)])

    def _of(self, symbol: Symbol, scale: Scale, first: Interval) -> ChartCandles:
        series = self._series.get(symbol)
        if series is None:
            series = self._series[symbol] = ChartCandles(symbol, scale, first)
        return series

    def _add_trades(self, tape: Tape, trades: list[Trade]) -> None:
        for symbol in dict.fromkeys(trade.symbol for trade in trades):
            scale = tape.scales[symbol]
            mine = [trade for trade in trades if trade.symbol == symbol]
            rows = TradeColumns(
                symbol,
                scale,
                np.array([trade.time_us for trade in mine], dtype=np.int64),
                np.array([scale.price_units(trade.price) for trade in mine], dtype=np.int64),
                np.array([scale.quantity_units(trade.quantity) for trade in mine], dtype=np.int64),
                np.array([trade.buyer_is_maker for trade in mine], dtype=np.bool_),
                np.array([trade.trade_id for trade in mine], dtype=np.int64),
            )
            self._of(symbol, scale, Interval.S1).add(rows)

    def columns(self) -> list[CandleColumns]:
        """The candles of each symbol that has any."""
        found = [series.finished() for series in self._series.values()]
        return [columns for columns in found if columns is not None]

    @property
    def span(self) -> tuple[Time, Time] | None:
        """From the first candle's open to the last one's close; None without candles."""
        columns = self.columns()
        if not columns:
            return None
        return (
            min(int(one.open_time_us[0]) for one in columns),
            max(int(one.close_time_us[-1]) for one in columns) // SECOND * SECOND + SECOND,
        )


def read_charts(tapes: Iterable[Tape]) -> Charts:
    """Read tapes from their beginning for their candles alone (after a resumed run)."""
    charts = Charts()
    for tape in tapes:
        for chunk in tape.chunks():
            charts.add(tape, chunk)
    return charts
