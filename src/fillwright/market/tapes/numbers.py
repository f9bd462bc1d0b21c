"""Exact numbers of recorded messages: plain decimals that are positive and no finer than their symbol's scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from fillwright.core.types import MILLISECOND, SECOND, ZERO, NumberError, Time, exact
from fillwright.market.columns import Scale, decimals_of
from fillwright.market.events import Levels
from fillwright.market.tapes.checks import TIME_MAX, TIME_MIN

NUMBER_MAX = Decimal(10) ** 15
"""No price or quantity on Binance Spot comes near."""
_WIRE_DECIMALS = 8


class NumberReader:
    """Reads prices and quantities of one symbol; ``NumberError`` says what is wrong."""

    __slots__ = ("_price_decimals", "_price_zeros", "_quantity_decimals", "_quantity_zeros")

    def __init__(self, scale: Scale) -> None:
        self._price_decimals = scale.price_decimals
        self._quantity_decimals = scale.quantity_decimals
        self._price_zeros = "0" * (_WIRE_DECIMALS - scale.price_decimals)
        self._quantity_zeros = "0" * (_WIRE_DECIMALS - scale.quantity_decimals)

    def price(self, text: str) -> Decimal:
        """A price above 0."""
        number = _number(text, self._price_zeros, self._price_decimals)
        if not ZERO < number < NUMBER_MAX:
            raise NumberError(f"the price {text!r:.60} is not above 0 and below {NUMBER_MAX:f}")
        return number

    def quantity(self, text: str) -> Decimal:
        """A quantity not below 0."""
        number = _number(text, self._quantity_zeros, self._quantity_decimals)
        if not ZERO <= number < NUMBER_MAX:
            raise NumberError(f"the quantity {text!r:.60} is not from 0 to {NUMBER_MAX:f}")
        return number

    def traded(self, text: str) -> Decimal:
        """A quantity above 0."""
        number = self.quantity(text)
        if not number:
            raise NumberError("the quantity is zero")
        return number

    def levels(self, levels: Iterable[Sequence[str]]) -> Levels:
        """Depth levels: price and quantity each."""
        price, quantity = self.price, self.quantity
        return tuple((price(level[0]), quantity(level[1])) for level in levels)


def _number(text: str, zeros: str, decimals: int) -> Decimal:
    # Binance writes eight decimals; then the zeros at the end tell that the number is no finer than the scale.
    if text[-9:-8] == "." and text.endswith(zeros) and text[:-9].isdigit() and text[-8:].isdigit():
        return Decimal(text)
    number = exact(text)
    if decimals_of(number) > decimals:
        raise NumberError(f"{text!r:.60} has more than {decimals} decimals")
    return number


def wire_time(number: int) -> Time:
    """A time of a message, in milliseconds or microseconds, as microseconds; NumberError when it is none."""
    time_us = number * MILLISECOND if number < 10**14 else number
    if not TIME_MIN <= time_us <= TIME_MAX:
        raise NumberError(f"the time {number} is not between 2009 and 2100")
    return time_us


def receive_time(text: str) -> Time:
    """A recorder's clock, in seconds with a fraction or in milli-, micro- or nanoseconds, as microseconds."""
    if "." in text:
        time_us = int(Decimal(text) * SECOND)
    else:
        number = int(text)
        if number < 10**11:
            time_us = number * SECOND
        else:
            time_us = number // 1000 if number >= 10**17 else wire_time(number)
    if not TIME_MIN <= time_us <= TIME_MAX:
        raise NumberError(f"the time of receipt {text} is not between 2009 and 2100")
    return time_us
