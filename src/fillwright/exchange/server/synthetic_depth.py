"""The synthetic market's book around its best prices: levels on a grid, each with a quantity of its own.

A level's quantity follows from seed, symbol, price and time alone (it changes every few seconds), so that a move of the
best price changes few levels, and what accounts took comes back with the next snapshot.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from decimal import Decimal

from fillwright.core.instruments import Instrument
from fillwright.core.types import SECOND, Time
from fillwright.market.columns import Scale

LEVELS = 100
"""On each side, the best one included."""
GRID = 20_000
"""Levels are this part of the price apart, at least one tick."""
CHANGES_EVERY: Time = 10 * SECOND
SNAPSHOT_EVERY: Time = SECOND
_MIX = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1

Levels = list[tuple[Decimal, Decimal]]


class SyntheticDepth:
    """One symbol's levels; prices and quantities come and go in units of ``scale``."""

    def __init__(self, instrument: Instrument, scale: Scale, seed: int, price: int, quantity: int) -> None:
        """``quantity``: about what stands at a level."""
        self._scale = scale
        self._tick = max(1, scale.price_units(instrument.price_filter.tick))
        self._lot = max(1, scale.quantity_units(instrument.lot_size.step))
        self._grid = max(1, price // self._tick // GRID) * self._tick
        self._median = max(1, quantity // self._lot)
        self._salt = (seed * _MIX ^ zlib.crc32(instrument.symbol.encode())) & _MASK
        self._best: tuple[int, int] | None = None
        self._second = -1

    def update(
        self, bid: int, bid_quantity: int, ask: int, ask_quantity: int, now: Time
    ) -> tuple[Levels, Levels, bool]:
        """Bids and asks to push, and whether they are a snapshot: one a second, changes in between."""
        last, self._best = self._best, (bid, ask)
        second = now // SNAPSHOT_EVERY
        if last is None or second != self._second or self._is_far(last, bid, ask):
            self._second = second
            bids = {bid: bid_quantity} | self._side(reversed(self._below(bid)), now)
            asks = {ask: ask_quantity} | self._side(self._above(ask), now)
            return self._shown(bids), self._shown(asks), True
        bids = self._difference(last[0], bid, bid_quantity, now, is_bid=True)
        asks = self._difference(last[1], ask, ask_quantity, now, is_bid=False)
        return self._shown(bids), self._shown(asks), False

    def _is_far(self, last: tuple[int, int], bid: int, ask: int) -> bool:
        far = LEVELS * self._grid // 2
        return abs(last[0] - bid) > far or abs(last[1] - ask) > far

    def _difference(
        self, before: int, best: int, quantity: int, now: Time, *, is_bid: bool
    ) -> dict[int, int]:
        if before == best:
            return {best: quantity}
        grid = self._grid
        places = self._below if is_bid else self._above
        old, new = places(before), places(best)
        changed = {
            before: self._quantity(before // grid, now) if not before % grid and before // grid in new else 0
        }
        for at in (*range(old.start, min(old.stop, new.start)), *range(max(old.start, new.stop), old.stop)):
            changed[at * grid] = 0
        for at in (*range(new.start, min(new.stop, old.start)), *range(max(new.start, old.stop), new.stop)):
            changed[at * grid] = self._quantity(at, now)
        changed[best] = quantity
        return changed

    def _side(self, places: Iterable[int], now: Time) -> dict[int, int]:
        return {at * self._grid: self._quantity(at, now) for at in places}

    def _below(self, best: int) -> range:
        """Places of the grid that have bids behind the best."""
        highest = (best - 1) // self._grid
        return range(max(1, highest - LEVELS + 2), highest + 1)

    def _above(self, best: int) -> range:
        """Places of the grid that have asks behind the best."""
        lowest = best // self._grid + 1
        return range(lowest, lowest + LEVELS - 1)

    def _quantity(self, at: int, now: Time) -> int:
        """What stands at a place of the grid: most have about the median, round ones three times as much."""
        epoch = (now + at * SECOND) // CHANGES_EVERY
        drawn = ((at * 0x100000001B3 ^ epoch * 0xC2B2AE3D27D4EB4F ^ self._salt) * _MIX) & _MASK
        drawn ^= drawn >> 32
        part = drawn % 1_000
        steps = self._median * (300 + part * part // 500) // 1_000
        return max(1, steps * 3 if at % 10 == 0 else steps) * self._lot

    def _shown(self, levels: dict[int, int]) -> Levels:
        price, quantity = self._scale.price, self._scale.quantity
        return [(price(at), quantity(size)) for at, size in levels.items()]
