"""What every feed is: a tape's rows as moments of the market.

A moment changes nothing when its prices stay strictly inside the bounds of exchange and engine. Then only the last
price moves, and nobody looks at it before the next moment that is visited, so it is set when somebody does
(``settle_slots``). The tick-by-tick way visits every moment and is the reference: both give the same journal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Protocol, cast

from fillwright.core.inputs import Candle
from fillwright.core.types import Symbol, Time
from fillwright.exchange.exchange import Exchange
from fillwright.market.columns import Integers
from fillwright.market.intervals import Interval
from fillwright.market.tapes.tape import Chunk, Tape

AVERAGE_MINUTES = 5
"""Binance's avgPriceMins on every symbol seen."""

Bounds = tuple[Decimal | None, Decimal | None]


class Market(Protocol):
    """What a feed needs of the simulation that it drives."""

    exchange: Exchange

    def bounds(self, symbol: Symbol) -> Bounds:
        """The prices strictly inside of which nothing can happen."""

    def moved(self, symbol: Symbol, now: Time) -> None:
        """Something happened in the market of a symbol: take up events, show the quote to the engine."""

    def quoted(self, symbol: Symbol, now: Time) -> None:
        """The prices of a symbol are others, and nothing came of it: show the quote to the engine."""

    def candle_closed(self, candle: Candle) -> None:
        """A candle of a wanted interval is complete."""

    def chunk_read(self, tape: Tape, chunk: Chunk) -> None:
        """A chunk of a tape has been read."""


def as_view(column: Integers) -> Sequence[int]:
    """A column whose entries come out as Python's integers, without a copy."""
    return cast("Sequence[int]", memoryview(cast(Any, column)))


class Feed(ABC):
    """One tape being replayed. Moments are numbered inside the chunk; a row may have several moments."""

    def __init__(self, tape: Tape, market: Market, intervals: Sequence[Interval]) -> None:
        self.tape = tape
        self.market = market
        self.intervals = intervals
        """Of which candles are wanted."""
        self._chunks: Iterator[Chunk] = iter(tape.chunks())
        self.visited = 0
        self.passed = 0
        self.exhausted = False
        self.end: Time = 0
        """The time of the chunk's last moment; 0 before the first chunk."""

    # -- chunks ----------------------------------------------------------------------------------------------

    def load(self) -> bool:
        """Take the next chunk that has rows; False at the tape's end."""
        for chunk in self._chunks:
            if len(chunk):
                self.market.chunk_read(self.tape, chunk)
                self._take(chunk)
                return True
        self.exhausted = True
        return False

    def resume(self, moment: int, extra: bytes) -> None:
        """After a restart: load up to a moment that was reached before; nothing happens on the way."""
        while self.load():
            if self.go_to(moment):
                break

    @abstractmethod
    def go_to(self, moment: int) -> bool:
        """Put the cursor at a moment; False when it lies behind this chunk."""

    @property
    @abstractmethod
    def moment(self) -> int:
        """The number of the moment at the cursor, counted from the tape's first."""

    def dump(self) -> bytes:
        """What else a resumed run needs."""
        return b""

    @abstractmethod
    def _take(self, chunk: Chunk) -> None:
        """Make a chunk the current one, its ``end`` included."""

    @property
    @abstractmethod
    def is_done(self) -> bool:
        """Whether every moment of the chunk has been passed."""

    @property
    @abstractmethod
    def row(self) -> int:
        """The tape's row at the cursor."""

    # -- moments ---------------------------------------------------------------------------------------------

    makes_candles: ClassVar[bool] = False
    """Whether candles are made from single trades, and ``close_candles`` is to be called before each turn."""

    def close_candles(self) -> None:
        """Hand on candles that are over by the moment at the cursor, where they are made from single trades."""
        return

    @abstractmethod
    def next_time(self) -> Time:
        """The time of the moment at the cursor."""

    @abstractmethod
    def seek(self, stop: Time) -> Time | None:
        """The time of the first moment before ``stop`` that may matter; None when there is none."""

    @abstractmethod
    def skip(self, time: Time, inclusive: bool) -> None:
        """Pass the moments before a time (or up to it), none of which matters."""

    @abstractmethod
    def visit(self) -> None:
        """Let the moment happen that was sought just now, those before it pass; unsought, the one at the cursor."""

    def settle_slots(self) -> None:
        """Show the exchange the prices of the last moment that was passed, if it has not seen them."""
        return

    def average(self, symbol: Symbol, minutes: int) -> Decimal | None:
        """The average price of a symbol as of the last moment passed; None where the exchange keeps its own."""
        return None

    @abstractmethod
    def restart_row(self) -> int:
        """The row to read from so that averages and open candles come out the same."""
