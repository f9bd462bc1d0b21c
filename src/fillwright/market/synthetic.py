"""A seeded synthetic market: trends, volatility clusters, spread, depth, jumps and pauses, millions of ticks a second.

Ticks are drawn in blocks, each from its own generator seeded by (seed, symbol, block), so that the market is the same
whatever chunks it is read in. Within a block, slots of 64 ticks share a variance (GARCH: it follows the squared
return of the slot before), a trend regime, and now and then a jump or a pause. Beyond numpy's generator only sums,
products and square roots shape the price: nothing whose last digit differs between machines.
"""

from __future__ import annotations

import math
import zlib
from decimal import Decimal

import msgspec
import numpy as np
import numpy.typing as npt

from fillwright.core.instruments import Instrument
from fillwright.core.types import DAY, SECOND, Time
from fillwright.market.columns import Booleans, Integers, Scale

BLOCK_TICKS = 65_536
SLOT_TICKS = 64

START_TIME: Time = 1_767_225_600 * SECOND
"""2026-01-01."""
START_PRICES = {
    "BTCUSDT": Decimal(90_000),
    "ETHUSDT": Decimal(3_000),
    "BNBUSDT": Decimal(850),
    "SOLUSDT": Decimal(150),
    "XRPUSDT": Decimal("2.2"),
    "ADAUSDT": Decimal("0.5"),
    "DOGEUSDT": Decimal("0.15"),
    "LTCUSDT": Decimal(90),
    "TRXUSDT": Decimal("0.28"),
    "ETHBTC": Decimal("0.034"),
}
"""Where well-known symbols begin; others at 100."""

GARCH_SHOCK = 0.06
GARCH_MEMORY = 0.93
VARIANCE_MIN = 0.15
VARIANCE_MAX = 25.0
"""Bounds of a slot's variance in multiples of its long-run mean."""
STEP_MAX = 0.05
"""The largest move of one tick."""
QUOTE_VALUES = {"BTC": 1 / 90_000, "ETH": 1 / 3_000, "BNB": 1 / 850}
"""What a dollar is in quote assets that are none."""


class MarketShape(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a synthetic market behaves."""

    daily_volatility: float = 0.03
    trades_per_second: float = 5.0
    trend_strength: float = 0.08
    """Drift of an up or down regime, in standard deviations of a slot."""
    regime_change: float = 0.004
    """Chance a slot to draw a new regime (up, flat, down)."""
    jump_chance: float = 0.0005
    """Chance a slot to begin with a jump."""
    jump_size: float = 8.0
    """Standard deviation of jumps, in standard deviations of a slot."""
    pause_chance: float = 0.00005
    """Chance a slot to begin with a pause in trading."""
    pause_seconds: float = 300.0
    """Mean length of pauses."""
    pull: float = 0.00002
    """How strongly a slot is drawn back towards the start price: keeps long tapes in range."""
    spread_ticks: int = 1
    """Spread in calm markets; it widens with volatility."""
    spread_volatility: float = 0.03
    """Spread in standard deviations of a slot, where that is wider."""
    trade_value: float = 400.0
    """Median value of a trade in dollars."""
    trade_sigma: float = 1.4
    """Log-normal spread of trade sizes."""
    depth_value: float = 25_000.0
    """Median value of a book level in dollars."""


class Ticks(msgspec.Struct):
    """One block: time, best bid and ask around each trade, and the trade."""

    time_us: Integers
    bid: Integers
    ask: Integers
    bid_quantity: Integers
    ask_quantity: Integers
    price: Integers
    quantity: Integers
    buyer_is_maker: Booleans


class MarketState(msgspec.Struct, frozen=True):
    """Where a market stands between two blocks: what the next one follows from, beside seed, symbol and shape."""

    block: int
    time_us: Time
    mid: float
    """In ticks."""
    variance: float
    regime: int


class SyntheticMarket:
    """Draws one symbol's market, block by block, always the same for the same seed, symbol and shape."""

    def __init__(
        self,
        seed: int,
        instrument: Instrument,
        *,
        start_time_us: Time = START_TIME,
        start_price: Decimal | None = None,
        shape: MarketShape | None = None,
        block_ticks: int = BLOCK_TICKS,
    ) -> None:
        """``block_ticks``: ticks of one block, whole slots; another number makes another market."""
        assert block_ticks % SLOT_TICKS == 0, block_ticks
        self._block_ticks = block_ticks
        self.seed = seed
        self.instrument = instrument
        self.scale = Scale.of(instrument)
        self.shape = shape or MarketShape()
        self.start_time_us = start_time_us
        price = START_PRICES.get(instrument.symbol, Decimal(100)) if start_price is None else start_price
        assert price > 0, price
        self.tick_units = max(1, self.scale.price_units(instrument.price_filter.tick))
        self._step = max(1, self.scale.quantity_units(instrument.lot_size.step))
        self._start_ticks = max(1.0, float(self.scale.price_floor(price) // self.tick_units))
        self._symbol_seed = zlib.crc32(instrument.symbol.encode())
        self._slot_sigma = self.shape.daily_volatility * math.sqrt(
            SLOT_TICKS / (self.shape.trades_per_second * (DAY // SECOND))
        )
        self._mid = self._start_ticks
        self._time: Time = start_time_us
        self._variance = 1.0
        self._regime = 0
        self._block = 0

    def state(self) -> MarketState:
        """Where it stands, to go on from."""
        return MarketState(self._block, self._time, self._mid, self._variance, self._regime)

    def restore(self, state: MarketState) -> None:
        """Go on from where a market of the same seed, instrument, start price and shape stood."""
        self._block, self._time, self._mid = state.block, state.time_us, state.mid
        self._variance, self._regime = state.variance, state.regime

    def next_block(self) -> Ticks:
        """Draw the next block."""
        seeds = np.random.SeedSequence([self.seed, self._symbol_seed, self._block])
        generator = np.random.Generator(np.random.PCG64(seeds))
        self._block += 1
        noise = generator.standard_normal(self._block_ticks)
        sigma, drift, jump, pause = self._slots(generator, noise)
        steps = noise * np.repeat(sigma / math.sqrt(SLOT_TICKS), SLOT_TICKS)
        steps += np.repeat(drift / SLOT_TICKS, SLOT_TICKS)
        steps[::SLOT_TICKS] += jump
        np.clip(steps, -STEP_MAX, STEP_MAX, out=steps)
        mid = np.asarray(self._mid * np.cumprod(1.0 + steps), dtype=np.float64)
        self._mid = float(mid[-1])
        return self._ticks(generator, mid, sigma, self._times(generator, sigma, pause))

    def _slots(
        self, generator: np.random.Generator, noise: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], ...]:
        """Standard deviation, drift, jump and pause of each slot."""
        shape = self.shape
        sums = np.cumsum(noise)[SLOT_TICKS - 1 :: SLOT_TICKS]
        shocks = (np.diff(sums, prepend=0.0) / math.sqrt(SLOT_TICKS)).tolist()
        slots = self._block_ticks // SLOT_TICKS
        chances = generator.random((3, slots))
        turns, regimes = chances[0].tolist(), generator.integers(-1, 2, slots).tolist()
        variance, regime, base = self._variance, self._regime, 1.0 - GARCH_SHOCK - GARCH_MEMORY
        distance = self._mid / self._start_ticks - 1.0
        variances, trend = [], []
        for slot in range(slots):
            if turns[slot] < shape.regime_change:
                regime = regimes[slot]
            variances.append(variance)
            trend.append(regime)
            shock = shocks[slot]
            variance = base + variance * (GARCH_MEMORY + GARCH_SHOCK * shock * shock)
            variance = min(max(variance, VARIANCE_MIN), VARIANCE_MAX)
        self._variance, self._regime = variance, regime
        sigma = np.sqrt(np.array(variances)) * self._slot_sigma
        drift = np.array(trend, dtype=np.float64) * sigma * shape.trend_strength - shape.pull * distance
        jumps = generator.standard_normal(slots) * self._slot_sigma * shape.jump_size
        jump = np.where(chances[1] < shape.jump_chance, jumps, 0.0)
        pauses = generator.standard_exponential(slots) * shape.pause_seconds * SECOND
        pause = np.where(chances[2] < shape.pause_chance, pauses, 0.0)
        return sigma, drift, jump, pause

    def _times(
        self,
        generator: np.random.Generator,
        sigma: npt.NDArray[np.float64],
        pause: npt.NDArray[np.float64],
    ) -> Integers:
        """Times of the ticks: busier when volatile."""
        pace = (SECOND / self.shape.trades_per_second) * (self._slot_sigma / sigma)
        waits = generator.standard_exponential(self._block_ticks) * np.repeat(pace, SLOT_TICKS)
        waits[::SLOT_TICKS] += pause
        times = self._time + np.cumsum(waits.astype(np.int64))
        self._time = int(times[-1])
        return np.asarray(times)

    def _ticks(
        self,
        generator: np.random.Generator,
        mid: npt.NDArray[np.float64],
        sigma: npt.NDArray[np.float64],
        times: Integers,
    ) -> Ticks:
        shape = self.shape
        widths = np.maximum(sigma * (self._mid * shape.spread_volatility), shape.spread_ticks)
        spread = np.repeat(widths.astype(np.int64), SLOT_TICKS)
        bid = np.maximum(np.floor(mid - 0.5 * spread).astype(np.int64), 1)
        ask = bid + spread
        sells = generator.random(self._block_ticks, dtype=np.float32) < 0.5
        price = np.where(sells, bid, ask) * self.tick_units
        # What one unit of base is worth in dollars turns values into quantities.
        unit_value = self._mid * self.tick_units / 10.0**self.scale.price_decimals
        unit_value /= QUOTE_VALUES.get(self.instrument.quote, 1.0)
        return Ticks(
            times,
            bid * self.tick_units,
            ask * self.tick_units,
            self._quantities(generator, shape.depth_value / unit_value, 1.0),
            self._quantities(generator, shape.depth_value / unit_value, 1.0),
            price,
            self._quantities(generator, shape.trade_value / unit_value, shape.trade_sigma),
            sells,
        )

    def _quantities(self, generator: np.random.Generator, median: float, sigma: float) -> Integers:
        """Log-normal quantities on the lot step, at least one step."""
        steps = median * 10.0**self.scale.quantity_decimals / self._step
        drawn = generator.lognormal(math.log(max(steps, 1.0)), sigma, self._block_ticks)
        return np.maximum(drawn.astype(np.int64), 1) * self._step
