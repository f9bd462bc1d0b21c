"""A trader in this process, as the live shell sees it: candles in, inputs out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fillwright.core.inputs import Candle, Input
from fillwright.core.positions import Position
from fillwright.core.types import Symbol, Time


class StrategyError(Exception):
    """The trader's own code raised, or answered what makes no sense; the text names it in one line."""

    trace: str = ""
    """Its traceback, without our frames."""


class Strategy(Protocol):
    """One trader with the symbols and the interval that it works on."""

    @property
    def trader_id(self) -> str:
        """Its name."""

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbols it is asked about."""

    @property
    def interval(self) -> str:
        """The interval of its candles."""

    @property
    def window_size(self) -> int:
        """How many candles it looks back at most."""

    def warm(self, candle: Candle) -> None:
        """Show it a candle of the past, without asking."""

    def on_candle(self, candle: Candle, position: Position | None, now: Time) -> Sequence[Input]:
        """Show it a closed candle and ask; ``position`` is its own in that symbol. Raises StrategyError."""
