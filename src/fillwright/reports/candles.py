"""Candles for charts: columns of floats (a chart needs no more), kept beside the journal as a feather file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import feather

from fillwright.core.types import HOUR, MINUTE, SECOND, Symbol, Time

CANDLES_MAX = 150_000
"""Candles of one symbol in a report; a longer run takes a longer interval."""
CHART_INTERVALS: tuple[tuple[str, Time], ...] = (
    ("1s", SECOND),
    ("1m", MINUTE),
    ("5m", 5 * MINUTE),
    ("15m", 15 * MINUTE),
    ("1h", HOUR),
    ("4h", 4 * HOUR),
    ("1d", 24 * HOUR),
)
SECONDS_CHART_MAX: Time = 6 * HOUR
"""Runs longer than this begin with minutes."""

_COLUMNS = ("time_us", "open", "high", "low", "close", "volume")


class CandlesError(ValueError):
    """A file does not hold candles of a report."""


class CandleSeries(msgspec.Struct, kw_only=True):
    """Candles of one symbol in order of time; ``time_us`` is when each opens."""

    symbol: Symbol
    interval_us: Time
    price_decimals: int
    time_us: npt.NDArray[np.int64]
    open: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    close: npt.NDArray[np.float64]
    volume: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.time_us)

    @property
    def change_percent(self) -> float | None:
        """How the market itself moved, first open to last close; None without candles."""
        if not len(self) or not self.open[0]:
            return None
        return float(100 * (self.close[-1] / self.open[0] - 1))

    def coarser(self, interval_us: Time) -> CandleSeries:
        """The same prices in candles of a multiple of the interval; empty ones do not appear."""
        if not len(self) or interval_us <= self.interval_us:
            return self
        bucket = self.time_us // interval_us
        starts = np.flatnonzero(np.r_[True, bucket[1:] != bucket[:-1]])
        ends = np.r_[starts[1:], len(bucket)] - 1
        return CandleSeries(
            symbol=self.symbol,
            interval_us=interval_us,
            price_decimals=self.price_decimals,
            time_us=bucket[starts] * interval_us,
            open=self.open[starts],
            high=np.maximum.reduceat(self.high, starts),
            low=np.minimum.reduceat(self.low, starts),
            close=self.close[ends],
            volume=np.add.reduceat(self.volume, starts),
        )

    def bounded(self, candles_max: int = CANDLES_MAX) -> CandleSeries:
        """The finest series of at most so many candles."""
        series = self
        for _, interval_us in CHART_INTERVALS:
            if len(series) <= candles_max:
                break
            series = self.coarser(interval_us)
        return series


def chart_interval(start: Time, end: Time) -> str:
    """The interval whose candles suit a chart of a period: seconds for hours, minutes for months, and so on."""
    length = end - start
    for name, interval_us in CHART_INTERVALS:
        if name == "1s" and length > SECONDS_CHART_MAX:
            continue
        if length <= CANDLES_MAX * interval_us:
            return name
    return CHART_INTERVALS[-1][0]


def save_candles(path: Path, series: Iterable[CandleSeries]) -> None:
    """Write candles of several symbols as one feather file (columns symbol, time_us, open, …, volume)."""
    tables = []
    meta: dict[str, str] = {}
    for one in series:
        columns: dict[str, Any] = {name: getattr(one, name) for name in _COLUMNS}
        tables.append(pa.table({"symbol": pa.array([one.symbol] * len(one), pa.string()), **columns}))
        meta[f"fillwright.{one.symbol}"] = f"{one.interval_us} {one.price_decimals}"
    table = pa.concat_tables(tables) if tables else pa.table({"symbol": pa.array([], pa.string())})
    feather.write_feather(table.replace_schema_metadata(meta), path, compression="zstd")


def load_candles(path: Path) -> tuple[CandleSeries, ...]:
    """Read what ``save_candles`` wrote; CandlesError for any other file, FileNotFoundError where there is none."""
    if not path.is_file():
        raise FileNotFoundError(path)
    try:
        table = feather.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise CandlesError(f"{path}: not a feather file: {error}") from None
    meta = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    symbols = [key.removeprefix("fillwright.") for key in meta if key.startswith("fillwright.")]
    missing = [name for name in ("symbol", *_COLUMNS) if name not in table.column_names]
    if missing and (table.num_rows or symbols):
        raise CandlesError(f"{path}: no column {missing[0]}")
    return tuple(_series_of(table, symbol, meta[f"fillwright.{symbol}"]) for symbol in symbols)


def _series_of(table: Any, symbol: Symbol, meta: str) -> CandleSeries:
    interval_us, _, price_decimals = meta.partition(" ")
    rows = table.filter(pc.equal(table["symbol"], symbol))
    columns = {name: rows[name].to_numpy() for name in _COLUMNS}
    return CandleSeries(
        symbol=symbol, interval_us=int(interval_us), price_decimals=int(price_decimals), **columns
    )


def packed_columns(series: CandleSeries) -> Sequence[npt.NDArray[np.generic]]:
    """Columns for a page, as small differences that pack well: all int32, the volume float32.

    Time: steps in intervals; open: ticks from the close before; close, high, low: ticks from open or the body's ends.
    """
    scale = 10.0**series.price_decimals
    ticks = {
        name: np.rint(getattr(series, name) * scale).astype(np.int64)
        for name in ("open", "high", "low", "close")
    }
    steps = np.diff(series.time_us // series.interval_us, prepend=0)
    open_steps = ticks["open"] - np.r_[np.int64(0), ticks["close"][:-1]]
    body_high = np.maximum(ticks["open"], ticks["close"])
    body_low = np.minimum(ticks["open"], ticks["close"])
    columns = (
        steps,
        open_steps,
        ticks["high"] - body_high,
        body_low - ticks["low"],
        ticks["close"] - ticks["open"],
    )
    return (*(_as_int32(column) for column in columns), series.volume.astype("<f4"))


def with_needed_decimals(series: CandleSeries) -> CandleSeries:
    """The same prices with no more decimals than they have: a tape may come with room for finer ones."""
    decimals = series.price_decimals
    while decimals > 0 and all(
        _is_whole(getattr(series, name) * 10.0 ** (decimals - 1)) for name in ("open", "high", "low", "close")
    ):
        decimals -= 1
    return msgspec.structs.replace(series, price_decimals=decimals)


def _is_whole(column: npt.NDArray[np.float64]) -> bool:
    tolerance = 1e-6 + 1e-15 * np.abs(column)  # what multiplying floats may cost
    return bool(np.all(np.abs(column - np.rint(column)) < tolerance))


def fits_packed(series: CandleSeries) -> bool:
    """Whether the differences of prices fit 32 bits at this many decimals."""
    return not len(series) or float(series.high.max()) * 10.0**series.price_decimals < 2**31


def _as_int32(column: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    assert not len(column) or int(np.abs(column).max()) < 2**31, "use fits_packed"
    return column.astype("<i4")
