"""What a synthetic market is remembered by: seed, shape, and where each symbol stood at its last blocks.

A small JSON file in the data folder. A market is the same function of it always, so that after a stop, or a kill, it
goes on as if it had never stopped; an older file leads to the same prices, with more of them to draw anew.
"""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import msgspec

from fillwright.core.instruments import Instrument
from fillwright.core.types import DAY, MINUTE, SECOND, Symbol, Time
from fillwright.market.columns import Scale
from fillwright.market.intervals import Interval
from fillwright.market.synthetic import BLOCK_TICKS, START_PRICES, MarketShape, MarketState, SyntheticMarket

STOPPED_MAX: Time = 7 * DAY
"""After a longer stop a market starts anew."""
HISTORY_CANDLES = 600
"""Candles of each interval that a new market has behind it, as far as the blocks below reach."""
HISTORY_BLOCKS_MAX = 64
"""Blocks that are kept for history, and drawn at a start; drawing one takes about 9 ms."""
CATCH_UP_BLOCKS_MAX = 256
"""Blocks that are drawn at most to make up for a stop; a market further behind starts anew, at its last price."""
_FILE_BYTES_MAX = 16 << 20


class SymbolEpoch(msgspec.Struct):
    """Of one symbol: where its prices began, in which ticks, and where it stood before each of its last blocks."""

    start_price: Decimal
    tick: Decimal
    states: list[MarketState]

    def keep(self, state: MarketState) -> None:
        """Note where it stands before the next block, if that is news."""
        if state.block > self.states[-1].block:
            self.states.append(state)
            del self.states[: -HISTORY_BLOCKS_MAX - 1]

    def state_at(self, time: Time) -> MarketState:
        """The last one known that is not after a time; else the first."""
        found = self.states[0]
        for state in self.states:
            if state.time_us > time:
                break
            found = state
        return found


class Epoch(msgspec.Struct):
    """The synthetic markets of one data folder."""

    seed: int
    shape: MarketShape
    alive_at: Time
    """When the market was last known to run."""
    symbols: dict[Symbol, SymbolEpoch]
    version: int = 1

    @property
    def block_us(self) -> float:
        """How long a block lasts, about."""
        return BLOCK_TICKS / self.shape.trades_per_second * SECOND

    def market(self, instrument: Instrument, state: MarketState) -> SyntheticMarket:
        """The market of a symbol, standing where it did."""
        start_price = self.symbols[instrument.symbol].start_price
        market = SyntheticMarket(self.seed, instrument, start_price=start_price, shape=self.shape)
        market.restore(state)
        return market

    def renew(self, instrument: Instrument, intervals: tuple[Interval, ...], now: Time) -> str:
        """Make sure that a symbol can go on from here; why it starts anew, or nothing."""
        known = self.symbols.get(instrument.symbol)
        tick = instrument.price_filter.tick
        block_us = self.block_us
        price, why = START_PRICES.get(instrument.symbol, Decimal(100)), ""
        if known is not None:
            behind = now - known.states[-1].time_us
            if known.tick == tick and known.states[0].time_us <= now and behind <= self._reach(block_us):
                return ""
            why = f"{instrument.symbol} starts anew near its last price: it was too far behind, or is shaped anew"
            price = _last_price(known, instrument)
        begin = now - history_span(intervals, block_us)
        market = SyntheticMarket(
            self.seed, instrument, start_time_us=begin - begin % MINUTE, start_price=price, shape=self.shape
        )
        self.symbols[instrument.symbol] = SymbolEpoch(price, tick, [market.state()])
        return why

    def _reach(self, block_us: float) -> float:
        return min(float(STOPPED_MAX) + block_us, CATCH_UP_BLOCKS_MAX * block_us)


def _last_price(known: SymbolEpoch, instrument: Instrument) -> Decimal:
    """About where it stood, on today's ticks."""
    tick = instrument.price_filter.tick or Decimal(1).scaleb(-Scale.of(instrument).price_decimals)
    price = instrument.price_down(Decimal(int(known.states[-1].mid)) * (known.tick or tick))
    return max(price, tick)


def history_span(intervals: tuple[Interval, ...], block_us: float) -> Time:
    """How long before its first start a market begins, so that there is history."""
    longest = max((interval.length_us or 31 * DAY for interval in intervals), default=MINUTE)
    return int(min(HISTORY_CANDLES * longest, (HISTORY_BLOCKS_MAX - 2) * block_us))


def open_epoch(path: Path | None, seed: int, shape: MarketShape, now: Time) -> tuple[Epoch, str]:
    """The epoch to go on from, or a new one; in words, why an old one is not used."""
    new = Epoch(seed, shape, now, {})
    if path is None:
        return new, ""
    try:
        if path.stat().st_size > _FILE_BYTES_MAX:
            return new, f"starts anew: {path.name} is too large to be one of ours"
        old = msgspec.json.decode(path.read_bytes(), type=Epoch)
    except FileNotFoundError:
        return new, ""
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        return new, f"starts anew: {path.name} cannot be read ({error})"
    if old.version != new.version or not all(epoch.states for epoch in old.symbols.values()):
        return new, f"starts anew: {path.name} was written by another version"
    if old.seed != seed:
        return new, f"starts anew: the seed was {old.seed}"
    if now - old.alive_at > STOPPED_MAX:
        return new, f"starts anew after {(now - old.alive_at) // DAY} days of standing still"
    if old.alive_at > now + DAY:
        return new, "starts anew: it was last seen in the future"
    if old.shape != shape:
        old.shape = shape
        for epoch in old.symbols.values():
            epoch.states = [msgspec.structs.replace(epoch.states[-1], time_us=0)]  # out of reach: renewed
    return old, ""


def save_epoch(path: Path, body: bytes) -> None:
    """Put the file in place at once and whole, so that a kill leaves the old or the new one; raises OSError."""
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
