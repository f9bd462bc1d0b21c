"""The synthetic market as a source: seeded random walks of many symbols, each with a book and a past."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np

from fillwright.core.instruments import Instrument
from fillwright.core.types import MINUTE, Symbol, Time
from fillwright.exchange.server.market_sink import FAR, MarketSourceError, Sink
from fillwright.exchange.server.public_candles import Units
from fillwright.exchange.server.synthetic_depth import SyntheticDepth
from fillwright.exchange.server.synthetic_past import PastShape, SyntheticPast
from fillwright.market.synthetic import (
    QUOTE_VALUES,
    START_PRICES,
    MarketShape,
    SyntheticMarket,
    Ticks,
)

BLOCK_TICKS = 8_192
"""Drawn at a time: what many symbols cost at the start, and in memory."""
LEAST = Decimal("0.00000001")
SYMBOLS_LIVE_MAX = 50
"""Symbols whose synthetic prices move; more stand still at where they begin."""
RATE_MIN, RATE_MAX = 0.1, 5_000.0
"""Trades a second of one synthetic symbol."""
DUE_MAX = 5_000
"""Ticks of one symbol in one go; of more than that (the machine slept, or time was stepped) each minute before the last
ones of all keeps its first, lowest, highest and last."""


class SyntheticSymbol:
    """One symbol's random walk, tick by tick."""

    def __init__(
        self, instrument: Instrument, seed: int, shape: MarketShape, begin: Time, start_price: Decimal
    ) -> None:
        self.symbol = instrument.symbol
        self.start_price = start_price
        self._begin = begin
        self._market = SyntheticMarket(
            seed,
            instrument,
            start_time_us=begin,
            start_price=start_price,
            shape=shape,
            block_ticks=BLOCK_TICKS,
        )
        self._scale = self._market.scale
        self._instrument = instrument
        value = float(start_price) / QUOTE_VALUES.get(instrument.quote, 1.0)
        self._unit = 10.0**self._scale.quantity_decimals / value
        price = self._scale.price_floor(start_price)
        self._depth = SyntheticDepth(
            instrument, self._scale, seed, price, max(1, int(shape.depth_value * self._unit))
        )
        self._shift = 0
        """How far, in units of price, the walk was moved from where it would be."""
        self._ticks: Ticks | None = None
        self._times: list[Time] = []
        self._index = 0

    def past(self) -> SyntheticPast:
        """What was before it began."""
        units, shape, instrument = Units.of(self._instrument), self._market.shape, self._instrument
        return SyntheticPast(
            PastShape(
                seed=self._market.seed,
                symbol=self.symbol,
                units=units,
                begin=self._begin,
                price=units.price(self.start_price),
                tick=max(1, units.price(instrument.price_filter.tick)),
                step=max(1, units.quantity(instrument.lot_size.step)),
                daily_volatility=shape.daily_volatility,
                trades_per_second=shape.trades_per_second,
                quantity=2.0
                * shape.trade_value
                * self._unit
                * 10.0 ** (units.quantity_decimals - self._scale.quantity_decimals),
            )
        )

    @property
    def next_time(self) -> Time:
        """When the next tick is; it is drawn if need be."""
        while self._index >= len(self._times):
            self._take(self._market.next_block())
        return self._times[self._index]

    def has_drawn(self) -> bool:
        """Whether the next tick is the first of those just drawn; they are drawn if need be."""
        return bool(self.next_time) and not self._index

    def _take(self, ticks: Ticks) -> None:
        self._ticks = ticks
        self._times = ticks.time_us.tolist()
        self._index = 0

    def thin(self, now: Time) -> None:
        """Leave out most of what is due, if it is too much: extremes stay."""
        ticks = self._ticks
        stop = bisect_right(self._times, now)
        due = stop - self._index
        if ticks is None or due <= DUE_MAX:
            return
        last = stop - DUE_MAX // 10 if stop < len(self._times) else stop
        minutes = ticks.time_us[self._index : last] // MINUTE
        starts = np.flatnonzero(np.diff(minutes, prepend=minutes[0] - 1)) + self._index
        kept: list[int] = []
        for first, end in zip(starts.tolist(), [*starts.tolist()[1:], last], strict=True):
            prices = ticks.price[first:end]
            kept += sorted({first, first + int(prices.argmin()), first + int(prices.argmax()), end - 1})
        places = np.array([*kept, *range(last, len(self._times))])
        names = Ticks.__struct_fields__
        self._take(Ticks(*[getattr(ticks, name)[places] for name in names]))

    def push(self, sink: Sink, *, with_depth: bool = True) -> None:
        """Hand on the next tick: the book around it, then its trade."""
        ticks, index, symbol, scale = self._ticks, self._index, self.symbol, self._scale
        assert ticks is not None
        time = self._times[index]
        self._index += 1
        if with_depth:
            self._push_book(sink, index, time)
        is_sell = bool(ticks.buyer_is_maker[index])
        bid, ask = self._best(index)
        price = scale.price(bid if is_sell else ask)
        sink.trade(symbol, price, scale.quantity(int(ticks.quantity[index])), is_sell, time)

    def push_book(self, sink: Sink, now: Time) -> None:
        """Hand on the book as it is around the last tick, or the first one."""
        if self.next_time and self._ticks is not None:
            self._push_book(sink, max(0, self._index - 1), now)

    def _push_book(self, sink: Sink, index: int, now: Time) -> None:
        ticks = self._ticks
        assert ticks is not None
        bid, ask = self._best(index)
        quantities = int(ticks.bid_quantity[index]), int(ticks.ask_quantity[index])
        bids, asks, is_snapshot = self._depth.update(bid, quantities[0], ask, quantities[1], now)
        sink.depth(self.symbol, bids, asks, now, snapshot=is_snapshot)

    def _best(self, index: int) -> tuple[int, int]:
        ticks = self._ticks
        assert ticks is not None
        bid, ask = int(ticks.bid[index]), int(ticks.ask[index])
        low = max(self._market.tick_units, bid + self._shift)
        return low, low + ask - bid

    def move(self, price: Decimal) -> None:
        """Let the walk go on from here, as it would from where it is."""
        if self.next_time:
            bid, _ = self._best(max(0, self._index - 1))
            tick = self._market.tick_units
            self._shift += max(tick, self._scale.price_floor(price) // tick * tick) - bid

    def push_still(self, sink: Sink, now: Time) -> None:
        """Hand on a book around the price where it begins, and one trade there; nothing is drawn for that."""
        tick, lot = self._market.tick_units, max(self._instrument.lot_size.step, LEAST)
        bid = max(tick, self._scale.price_floor(self.start_price))
        size = self._scale.quantity_units(lot)
        bids, asks, is_snapshot = self._depth.update(bid, size, bid + tick, size, now)
        sink.depth(self.symbol, bids, asks, now, snapshot=is_snapshot)
        sink.trade(self.symbol, self.start_price, lot, False, now)


class SyntheticSource:
    """Seeded random walks of several symbols, in the order of time.

    Args:
        instruments: whose prices move; those beyond SYMBOLS_LIVE_MAX only get a first tick.
        seed: of the prices.
        begin: when the walks begin, a whole minute.
        trades_per_second: of each symbol.
        start_prices: where symbols begin, if not at what is usual for them.

    Raises:
        MarketSourceError: a rate that cannot be.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        seed: int,
        begin: Time,
        *,
        trades_per_second: float = 5.0,
        start_prices: Mapping[Symbol, Decimal] | None = None,
    ) -> None:
        if not RATE_MIN <= trades_per_second <= RATE_MAX:
            raise MarketSourceError(f"a synthetic symbol has {RATE_MIN:g} to {RATE_MAX:g} trades a second")
        shape = MarketShape(trades_per_second=trades_per_second, pause_chance=0.0)
        known = start_prices or {}
        self._symbols = {
            one.symbol: SyntheticSymbol(one, seed, shape, begin, known.get(one.symbol) or start_price(one))
            for one in instruments
        }
        # The best known come first: they are the ones that live where not all can.
        order = sorted(self._symbols, key=lambda symbol: symbol not in START_PRICES)
        self._still = dict.fromkeys(order[SYMBOLS_LIVE_MAX:])
        self._heap: list[tuple[Time, int, SyntheticSymbol]] = []
        for number, symbol in enumerate(order[:SYMBOLS_LIVE_MAX]):
            walk = self._symbols[symbol]
            heapq.heappush(self._heap, (walk.next_time, number, walk))

    @property
    def next_time(self) -> Time:
        """When the next tick of any symbol is."""
        return self._heap[0][0] if self._heap else FAR

    def past(self, symbol: Symbol) -> SyntheticPast | None:
        """A symbol's past; those that stand still have none."""
        return None if symbol in self._still else self._symbols[symbol].past()

    def start_price(self, symbol: Symbol) -> Decimal:
        """Where a symbol began."""
        return self._symbols[symbol].start_price

    def move(self, symbol: Symbol, price: Decimal, sink: Sink, now: Time) -> None:
        """Let a symbol's best bid be a price from now on; the walk goes on from there."""
        walk = self._symbols[symbol]
        walk.move(price)
        walk.push_book(sink, now)

    def open(self, sink: Sink, now: Time) -> None:
        """Show everybody's book as it is now; give those that stand still their one trade."""
        for symbol in self._still:
            self._symbols[symbol].push_still(sink, now)
        for _, _, walk in self._heap:
            walk.push_book(sink, now)

    def advance(self, now: Time, sink: Sink, *, with_depth: bool = True) -> None:
        """Push what is due up to a time."""
        heap = self._heap
        if not heap or heap[0][0] > now:
            return
        for place, (_, number, walk) in enumerate(heap):
            walk.thin(now)
            heap[place] = (walk.next_time, number, walk)
        heapq.heapify(heap)
        while heap[0][0] <= now:
            _, number, walk = heap[0]
            walk.push(sink, with_depth=with_depth)
            if walk.has_drawn():
                walk.thin(now)
            heapq.heapreplace(heap, (walk.next_time, number, walk))


def start_price(instrument: Instrument) -> Decimal:
    """Where a symbol begins: where it is known to be, else at 100, or well inside of what its filter allows."""
    rule = instrument.price_filter
    price = START_PRICES.get(instrument.symbol, Decimal(100))
    tick = rule.tick or Decimal("0.00000001")
    least, most = max(rule.minimum, tick) * 100, (rule.maximum or price * 100) / 10
    if not least <= price <= most:
        price = (least * max(most, least)).sqrt()
    return max(tick, instrument.price_down(price))
