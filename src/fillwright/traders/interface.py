"""The Python interface of traders: one method, called at each close of a candle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from decimal import Decimal, localcontext
from typing import Any

import msgspec
import numpy as np

from fillwright.core.inputs import Candle
from fillwright.core.positions import ENDED, Position
from fillwright.core.types import CONTEXT, Direction, PositionStatus, Symbol, Time
from fillwright.market.intervals import Interval
from fillwright.market.window import CandleWindow
from fillwright.traders.answers import Decision, Signal
from fillwright.traders.parameters import fitted, unknown

WINDOW_DEFAULT = 500
WARM_UP_DEFAULT = 50

_STATUS = {
    PositionStatus.CREATED: "entering",
    PositionStatus.SUBMITTING: "entering",
    PositionStatus.OPEN: "open",
    PositionStatus.MONITORING: "open",
    PositionStatus.CLOSING: "closing",
}


class Holding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A trader's own position as it stands at the close of a candle; amounts are in quote, quantities in base."""

    id: int
    symbol: Symbol
    side: Direction
    status: str
    """entering | open | closing; decisions are taken while it is open"""
    quantity: Decimal
    """What is held, commissions in base already taken off."""
    entry_price: Decimal
    """Average price of the entry; while nothing is bought, its limit."""
    stop_loss: Decimal | None
    take_profit: Decimal | None
    realized: Decimal
    """From parts already sold, after commissions."""
    unrealized: Decimal
    """At the candle's close, after an estimated commission of the exit."""
    opened_at: Time
    candles_held: int
    """Closes that it has lived through, by the clock: intervals without trades count, too."""

    @property
    def is_open(self) -> bool:
        """Whether decisions are taken: it is neither entering nor closing."""
        return self.status == "open"


def holding_of(position: Position | None, candle: Candle, taker_fee: Decimal) -> Holding | None:
    """A trader's view of its position at the close of a candle; None when there is none, or it has ended."""
    if position is None or position.status in ENDED:
        return None
    opened_at = position.first_fill_at or position.created_at
    with localcontext(CONTEXT):
        entry_price, unrealized = position.entry_price, position.unrealized(candle.close, taker_fee)
    return Holding(
        id=position.id,
        symbol=position.symbol,
        side=position.direction,
        status=_STATUS[position.status],
        quantity=position.quantity,
        entry_price=position.limit_price if entry_price is None else entry_price,
        stop_loss=position.stop_loss,
        take_profit=position.take_profit,
        realized=position.realized,
        unrealized=unrealized,
        opened_at=opened_at,
        candles_held=_closes_between(Interval(candle.interval), opened_at, candle.close_time),
    )


def _closes_between(interval: Interval, start: Time, end: Time) -> int:
    """How many candles closed after a time, up to one that closes at ``end``."""
    if start > end:
        return 0
    length = interval.length_us
    if length is not None:
        return (interval.open_time(end) - interval.open_time(start)) // length + 1
    first, last = (
        np.datetime64(interval.open_time(time), "us").astype("datetime64[M]") for time in (start, end)
    )
    return int((last - first).astype(np.int64)) + 1


class Trader(ABC):
    """A strategy: derive from it and answer ``on_candle``.

    Public class attributes are parameters: ``Mine(lookback=30)``, or ``parameters = {lookback = 30}`` in the settings
    file, sets ``self.lookback`` and refuses names that there are not. A constructor of your own with keyword
    parameters does as well. One object serves all symbols of an account; ``candles.symbol`` tells which one it is
    asked about. For the same candles a trader must give the same answers (no clock, no chance), or two replays differ.
    """

    interval: str | None = None
    """The candles wanted, in Binance's spelling; None: the account's ``candle_interval``."""
    window: int = WINDOW_DEFAULT
    """How many candles are kept for it."""
    warm_up: int = WARM_UP_DEFAULT
    """How many candles there must be before it is asked."""

    def __init__(self, **parameters: Any) -> None:
        known = _parameters_of(type(self))
        for name, value in parameters.items():
            if name not in known:
                raise unknown(name, known)
            setattr(self, name, fitted(name, known[name], value))

    @abstractmethod
    def on_candle(self, candles: CandleWindow, position: Holding | None) -> Signal | Decision | None:
        """Answer the close of a candle: enter, do something with the position, or nothing (None)."""

    def save(self) -> bytes:
        """State of your own, to go on with after a restart; nothing unless overridden."""
        return b""

    def load(self, data: bytes) -> None:  # noqa: B027 # most traders have no state of their own
        """Take back what ``save`` gave, before the first candle; called only when that was not empty."""


def _parameters_of(kind: type) -> dict[str, object]:
    """The public class attributes of a trader that are values, with their defaults."""
    found: dict[str, object] = {}
    for base in reversed(kind.__mro__):
        for name, value in vars(base).items():
            is_value = not (callable(value) or isinstance(value, property | classmethod | staticmethod))
            if is_value and not name.startswith("_"):
                found[name] = value
    return found
