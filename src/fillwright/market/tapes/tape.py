"""What every tape offers: its kind and symbols, chunks in time order, progress, and gaps counted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from enum import StrEnum, unique
from pathlib import Path
from typing import TypeAlias

from fillwright.core.types import Symbol
from fillwright.market.columns import CandleColumns, Columns, QuoteColumns, Scale, TradeColumns
from fillwright.market.events import EventChunk
from fillwright.market.intervals import Interval

CHUNK_ROWS = 262_144
"""Rows of a columnar chunk: about 10 MB."""
EVENT_CHUNK_ROWS = 8_192
"""Events of an event chunk."""
EVENT_CHUNK_LEVELS = 262_144
"""Depth levels after which an event chunk ends early, because whole books are large."""

Chunk: TypeAlias = TradeColumns | CandleColumns | QuoteColumns | EventChunk


@unique
class TapeKind(StrEnum):
    """What a tape's chunks are."""

    TRADES = "trades"
    CANDLES = "candles"
    QUOTES = "quotes"
    EVENTS = "events"


class Tape(ABC):
    """Recorded (or made) market data, read once from front to back.

    Chunks begin at multiples of their length, whatever row the reading started at: a tape opened at ``start_row``
    yields the rows from there on, exactly as the whole reading would have. ``TapeError`` says what is wrong where.
    """

    def __init__(self, path: Path, kind: TapeKind, start_row: int = 0) -> None:
        self.path = path
        self.kind = kind
        self.start_row = start_row
        self.symbols: tuple[Symbol, ...] = ()
        self.scales: dict[Symbol, Scale] = {}
        self.interval: Interval | None = None
        """Of candles."""
        self.row = start_row
        """Rows passed so far, skipped ones included; at the end: how many there are."""
        self.gaps = 0
        """Holes seen so far: runs of missing candles, jumps of trade ids."""
        self.missing = 0
        """Candles or trades missing in those holes."""

    @abstractmethod
    def chunks(self) -> Iterator[Chunk]:
        """The data, a bounded piece at a time; may be called once."""

    @property
    @abstractmethod
    def consumed(self) -> int:
        """How much is read: file bytes or rows, as ``total`` counts."""

    @property
    @abstractmethod
    def total(self) -> int:
        """How much there is to read."""


def cut_into_chunks(
    pieces: Iterator[Columns], start_row: int, chunk_rows: int = CHUNK_ROWS
) -> Iterator[Columns]:
    """Join and cut pieces so that chunks begin at multiples of ``chunk_rows``."""
    row, held, held_rows = start_row, list[Columns](), 0
    for piece in pieces:
        position = 0
        while position < len(piece):
            room = chunk_rows - (row + held_rows) % chunk_rows
            part = piece.slice(position, min(position + room, len(piece)))
            held.append(part)
            held_rows += len(part)
            position += len(part)
            if (row + held_rows) % chunk_rows == 0:
                yield joined(held, row)
                row, held, held_rows = row + held_rows, [], 0
    if held:
        yield joined(held, row)


def joined(pieces: list[Columns], row: int) -> Columns:
    """One chunk of several pieces of a symbol."""
    first = pieces[0]
    whole = first.slice(0, len(first)) if len(pieces) == 1 else type(first).join(pieces)  # type: ignore[arg-type]
    whole.row = row
    return whole
