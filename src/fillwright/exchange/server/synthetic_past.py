"""What a synthetic symbol's past was: candles that lead up to the price at which its market begins.

Walked backwards from that price, by seconds, before those by minutes, before those by hours; always the same for one
seed, symbol, time and price. Longer candles are folded of shorter ones, so that all intervals tell the same story.
Volumes are made up and nobody's money.
"""

from __future__ import annotations

import math
import zlib

import msgspec
import numpy as np
import numpy.typing as npt

from fillwright.core.types import DAY, HOUR, MINUTE, SECOND, Symbol, Time
from fillwright.exchange.server.public_candles import (
    CLOSE,
    COLUMNS,
    COUNT,
    FIRST_ID,
    HIGH,
    HOURS_KEPT,
    LAST_ID,
    LOW,
    MINUTES_KEPT,
    OPEN,
    OPEN_TIME,
    QUOTE,
    TAKER_QUOTE,
    TAKER_VOLUME,
    VOLUME,
    Rows,
    Units,
    fold,
)
from fillwright.market.intervals import Interval

LAST_TRADE_ID = 1_000_000_000
"""The number of the last trade of the past."""
SECONDS_KNOWN = 30 * MINUTE
"""So far back there are candles of a second."""
MINUTES_RECENT = 2_880
"""Minutes that are drawn at first: those that tickers of a day look at, and more."""
HOURLY_COUNT_MAX = 30_000
"""Trades of an hour: all of the past has fewer than there are numbers."""
STEP_MAX = 0.1
_WICK = 0.6
"""Length of wicks, in standard deviations of a candle."""
_NUMBER_MAX = 9.0e18
_SALT = 0x70617374


class PastShape(msgspec.Struct, frozen=True, kw_only=True):
    """What a past is made of; price and tick in units."""

    seed: int
    symbol: Symbol
    units: Units
    begin: Time
    """Where it ends and the market begins: a whole minute."""
    price: int
    tick: int
    step: int
    """The least quantity, in units."""
    daily_volatility: float
    trades_per_second: float
    quantity: float
    """Mean quantity of a trade, in units."""


class SyntheticPast:
    """The past of one symbol, drawn as far back as somebody looks."""

    def __init__(self, shape: PastShape) -> None:
        self._shape = shape
        self._minutes: Rows | None = None

    def recent(self) -> tuple[Rows, Rows]:
        """Seconds, and minutes of the last days."""
        shape, generator = self._shape, self._generator(0)
        seconds = _walk(shape, generator, SECOND, shape.begin, SECONDS_KNOWN // SECOND, shape.price)
        until = shape.begin - SECONDS_KNOWN
        before = _walk(shape, generator, MINUTE, until, MINUTES_RECENT, int(seconds[0, OPEN]))
        minutes = self._minutes = np.concatenate([before, fold(seconds, Interval.M1)])
        _number(seconds, LAST_TRADE_ID)
        _number(minutes, LAST_TRADE_ID)
        return seconds, minutes

    def older(self) -> tuple[Rows, Rows]:
        """Minutes before those, and all hours."""
        shape, generator = self._shape, self._generator(1)
        recent = self.recent()[1] if self._minutes is None else self._minutes
        self._minutes = None
        until = int(recent[0, OPEN_TIME])
        begin = (shape.begin - MINUTES_KEPT * MINUTE) // HOUR * HOUR
        older = _walk(shape, generator, MINUTE, until, (until - begin) // MINUTE, int(recent[0, OPEN]))
        _number(older, int(recent[0, FIRST_ID]) - 1)
        hours = fold(np.concatenate([older, recent]), Interval.H1)
        ancient = _walk(shape, generator, HOUR, begin, HOURS_KEPT - len(hours), int(older[0, OPEN]))
        _number(ancient, int(hours[0, FIRST_ID]) - 1)
        return older, np.concatenate([ancient, hours])

    def _generator(self, part: int) -> np.random.Generator:
        seeds = [self._shape.seed, zlib.crc32(self._shape.symbol.encode()), _SALT, part]
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seeds)))


def _walk(
    shape: PastShape, generator: np.random.Generator, length: Time, until: Time, count: int, price: int
) -> Rows:
    """Candles of a length up to a time, the last of which closes at a price."""
    sigma = shape.daily_volatility * math.sqrt(length / DAY)
    steps = np.clip(generator.standard_normal(count) * sigma, -STEP_MAX, STEP_MAX)
    before = price / np.cumprod(1.0 + steps[::-1])
    wicks = np.abs(generator.standard_normal((2, count))) * (sigma * _WICK)
    rows = np.zeros((count, COLUMNS), dtype=np.int64)
    rows[:, OPEN_TIME] = np.arange(until - count * length, until, length)
    rows[:, OPEN] = _on_tick(before[::-1], shape.tick)
    rows[:-1, CLOSE] = rows[1:, OPEN]
    rows[-1, CLOSE] = price
    top, bottom = np.maximum(rows[:, OPEN], rows[:, CLOSE]), np.minimum(rows[:, OPEN], rows[:, CLOSE])
    rows[:, HIGH] = np.maximum(top, _on_tick(top * (1.0 + wicks[0]), shape.tick))
    rows[:, LOW] = np.minimum(bottom, _on_tick(bottom * (1.0 - wicks[1]), shape.tick))
    counts = shape.trades_per_second * (length / SECOND) * generator.lognormal(0.0, 0.3, count)
    rows[:, COUNT] = np.clip(counts, 1, HOURLY_COUNT_MAX * length / HOUR + 1)
    volume = counts * shape.quantity * generator.lognormal(0.0, 0.3, count)
    rows[:, VOLUME] = np.maximum(_whole(volume / shape.step), 1) * shape.step
    scale = 10.0 ** (shape.units.quote_decimals - shape.units.price_decimals - shape.units.quantity_decimals)
    mean = (rows[:, HIGH] + rows[:, LOW]) * 0.5
    rows[:, QUOTE] = _whole(rows[:, VOLUME] * mean * scale)
    share = generator.uniform(0.3, 0.7, count)
    rows[:, TAKER_VOLUME] = _whole(rows[:, VOLUME] * share / shape.step) * shape.step
    rows[:, TAKER_QUOTE] = _whole(rows[:, TAKER_VOLUME] * mean * scale)
    return rows


def _whole(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return np.asarray(np.clip(values, 0.0, _NUMBER_MAX).astype(np.int64))


def _on_tick(prices: npt.NDArray[np.float64], tick: int) -> npt.NDArray[np.int64]:
    return np.maximum(_whole(prices / tick), 1) * tick


def _number(rows: Rows, last_id: int) -> None:
    """Give the trades of candles their numbers, backwards from the last one."""
    after = np.cumsum(rows[::-1, COUNT])[::-1]
    rows[:, FIRST_ID] = last_id + 1 - after
    rows[:, LAST_ID] = rows[:, FIRST_ID] + rows[:, COUNT] - 1
