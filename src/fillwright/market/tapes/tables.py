"""Pieces of a table (CSV, parquet, feather) as checked columns of trades, candles or quotes of one symbol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fillwright.core.types import MILLISECOND, Symbol
from fillwright.market.columns import CandleColumns, Columns, QuoteColumns, Scale, TradeColumns
from fillwright.market.intervals import Interval, IntervalError
from fillwright.market.tapes.arrays import flags_of, integers_of, times_of, units_of
from fillwright.market.tapes.checks import CandleChecker, Fail, QuoteChecker, TradeChecker, first_true
from fillwright.market.tapes.layouts import Content, Layout
from fillwright.market.tapes.tape import joined

SORT_ROWS_MAX = 20_000_000
"""Sorting holds all rows at once: 0.8 GB of trades."""
CLOSE_TIME_SLACK_US = MILLISECOND
"""Binance's close time is the last millisecond of the candle, in files of microseconds the last microsecond."""


class TableReader:
    """Turns record batches of a layout into columns and checks them; one per reading."""

    def __init__(self, layout: Layout, symbol: Symbol, scale: Scale, interval: Interval | None) -> None:
        self.layout = layout
        self.symbol = symbol
        self.scale = scale
        self.interval = interval
        self.checker: TradeChecker | CandleChecker | QuoteChecker
        if layout.content is Content.CANDLES:
            assert interval is not None
            self.checker = CandleChecker(interval)
        else:
            self.checker = QuoteChecker() if layout.content is Content.QUOTES else TradeChecker()

    @property
    def gaps(self) -> tuple[int, int]:
        """Holes so far, and what is missing in them."""
        return (0, 0) if isinstance(self.checker, QuoteChecker) else (self.checker.gaps, self.checker.missing)

    def read(self, batch: Any, fail: Fail) -> Columns:
        """Read the next rows and check them."""
        columns = self.convert(batch, fail)
        self.check(columns, fail)
        return columns

    def check(self, columns: Columns, fail: Fail) -> None:
        """Check rows that follow those checked before."""
        if isinstance(columns, TradeColumns):
            assert isinstance(self.checker, TradeChecker)
            self.checker.check(columns, fail)
        elif isinstance(columns, CandleColumns):
            assert isinstance(self.checker, CandleChecker)
            self.checker.check(columns, fail)
        else:
            assert isinstance(self.checker, QuoteChecker)
            self.checker.check(columns, fail)

    def convert(self, batch: Any, fail: Fail) -> Columns:
        """Read the next rows, in whatever order they are."""
        roles = self.layout.roles
        if "symbol" in roles:
            self._same_symbol(batch.column(roles["symbol"]), fail)
        if self.layout.content is Content.CANDLES:
            return self._candles(batch, fail)
        if self.layout.content is Content.QUOTES:
            return self._quotes(batch, fail)
        return self._trades(batch, fail)

    def _same_symbol(self, symbols: Any, fail: Fail) -> None:
        other = first_true(pc.not_equal(symbols, self.symbol).to_numpy(zero_copy_only=False))
        if other is not None:
            fail(other, f"is of {symbols[other].as_py()!r:.40}, the rows before of {self.symbol}")

    def _units(self, batch: Any, role: str, fail: Fail) -> np.ndarray[Any, np.dtype[np.int64]]:
        of_quantity = role == "volume" or role.endswith("quantity")
        decimals = self.scale.quantity_decimals if of_quantity else self.scale.price_decimals
        return units_of(batch.column(self.layout.roles[role]), decimals, role.replace("_", " "), fail)

    def _trades(self, batch: Any, fail: Fail) -> TradeColumns:
        roles = self.layout.roles
        return TradeColumns(
            self.symbol,
            self.scale,
            times_of(batch.column(roles["time"]), "time", fail),
            self._units(batch, "price", fail),
            self._units(batch, "quantity", fail),
            flags_of(batch.column(roles.get("maker") or roles["taker_side"]), "the maker's flag", fail),
            integers_of(batch.column(roles["trade_id"]), "trade id", fail),
        )

    def _quotes(self, batch: Any, fail: Fail) -> QuoteColumns:
        time_us = times_of(batch.column(self.layout.roles["time"]), "time", fail)
        return QuoteColumns(
            self.symbol,
            self.scale,
            time_us,
            bid=self._units(batch, "bid", fail),
            bid_quantity=self._units(batch, "bid_quantity", fail),
            ask=self._units(batch, "ask", fail),
            ask_quantity=self._units(batch, "ask_quantity", fail),
        )

    def _candles(self, batch: Any, fail: Fail) -> CandleColumns:
        roles = self.layout.roles
        assert self.interval is not None
        open_time_us = times_of(batch.column(roles["open_time"]), "open time", fail)
        candles = CandleColumns(
            self.symbol,
            self.interval,
            self.scale,
            open_time_us,
            self.interval.close_times(open_time_us),
            open=self._units(batch, "open", fail),
            high=self._units(batch, "high", fail),
            low=self._units(batch, "low", fail),
            close=self._units(batch, "close", fail),
            volume=self._units(batch, "volume", fail),
        )
        if "close_time" in roles:
            told = times_of(batch.column(roles["close_time"]), "close time", fail)
            # A candle cut short by an outage closes early in Binance's oldest files; none closes late.
            bad = first_true((told < open_time_us) | (told > candles.close_time_us + CLOSE_TIME_SLACK_US))
            if bad is not None:
                fail(bad, f"close time {told[bad]} µs is not inside a {self.interval} candle")
        return candles


def interval_of(layout: Layout, batch: Any, fail: Fail) -> Interval:
    """The interval of the candles in a sample of rows: from close times, else from the usual step of open times."""
    opens = times_of(batch.column(layout.roles["open_time"]), "open time", fail)
    lengths: list[int]
    if "close_time" in layout.roles:
        closes = times_of(batch.column(layout.roles["close_time"]), "close time", fail)
        lengths = [
            step + (1 if step % MILLISECOND == MILLISECOND - 1 else MILLISECOND)
            for step in (closes - opens).tolist()
        ]
    else:
        lengths = [step for step in np.diff(opens).tolist() if step > 0]
    if not lengths:
        fail(0, "one candle without a close time does not tell its interval")
    length = Counter(lengths).most_common(1)[0][0]
    try:
        return Interval.of_length(length)
    except IntervalError as error:
        fail(0, f"the rows' interval is unknown: {error}")


def first_symbol(layout: Layout, batch: Any) -> str | None:
    """The symbol of the first row, when the table has a column of symbols."""
    if "symbol" not in layout.roles or not batch.num_rows:
        return None
    value = batch.column(layout.roles["symbol"])[0].as_py()
    return None if value is None else str(value)


def record_batch(table: Any) -> Any:
    """One record batch of a table."""
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def sorted_rows(pieces: Iterator[Columns], reader: TableReader, fail: Fail) -> Columns | None:
    """All rows of a table put in order (trades by id, others by time), then checked; None when there are none.

    ``fail`` gets the row's place in the table as it was.
    """
    held, rows = list[Columns](), 0
    for piece in pieces:
        held.append(piece)
        rows += len(piece)
        if rows > SORT_ROWS_MAX:
            fail(rows - 1, f"only tapes of at most {SORT_ROWS_MAX} rows are sorted")
    if not held:
        return None
    whole = joined(held, 0)
    keys = whole.open_time_us if isinstance(whole, CandleColumns) else whole.time_us
    if isinstance(whole, TradeColumns):
        keys = whole.trade_id
    order = np.argsort(keys, kind="stable")
    ordered = whole.take(order)

    def fail_unsorted(row: int, what: str) -> NoReturn:
        fail(int(order[row]), what)

    reader.check(ordered, fail_unsorted)
    return ordered
