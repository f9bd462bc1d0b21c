"""Average prices of the last five minutes, as Binance's ``avgPrice`` has them, kept in sums of whole seconds."""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from fillwright.core.types import CONTEXT, MINUTE, SECOND, ZERO, Symbol, Time, money
from fillwright.ports import Clock

WINDOW: Time = 5 * MINUTE
"""Binance Spot "Filters": avgPriceMins of PERCENT_PRICE_BY_SIDE and NOTIONAL on all symbols."""


_ADD, _FMA = CONTEXT.add, CONTEXT.fma


class _Second:
    """What was traded in one second."""

    __slots__ = ("begin", "notional", "quantity")

    def __init__(self, begin: Time) -> None:
        self.begin = begin
        self.notional = ZERO
        self.quantity = ZERO


class LiveAverages:
    """``core.context.Averages`` over the trades that it is told of, by the time of their coming."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seconds: dict[Symbol, deque[_Second]] = {}
        self._last: dict[Symbol, Decimal] = {}

    def add(self, symbol: Symbol, price: Decimal, quantity: Decimal, now: Time) -> None:
        """Count a trade that has come now."""
        seconds = self._seconds.get(symbol)
        if seconds is None:
            seconds = self._seconds[symbol] = deque(maxlen=WINDOW // SECOND + 1)
        if not seconds or now >= seconds[-1].begin + SECOND:
            seconds.append(_Second(now - now % SECOND))
        second = seconds[-1]
        second.notional = _FMA(price, quantity, second.notional)
        second.quantity = _ADD(second.quantity, quantity)
        self._last[symbol] = price

    def get(self, symbol: Symbol) -> Decimal | None:
        """The average, rounded to 18 decimals; the last price when nothing was traded; None when nothing ever was."""
        oldest = self._clock.now() - WINDOW
        notional = quantity = ZERO
        for second in self._seconds.get(symbol, ()):
            if second.begin > oldest:
                notional = CONTEXT.add(notional, second.notional)
                quantity = CONTEXT.add(quantity, second.quantity)
        if not quantity:
            return self._last.get(symbol)
        return money(CONTEXT.divide(notional, quantity))
