"""Tapes: recorded market data in the formats that Binance and recorders of it publish."""

from fillwright.market.tapes.errors import TapeError
from fillwright.market.tapes.merging import events_of, open_tapes
from fillwright.market.tapes.opening import open_tape
from fillwright.market.tapes.tape import CHUNK_ROWS, EVENT_CHUNK_ROWS, Chunk, Tape, TapeKind

__all__ = [
    "CHUNK_ROWS",
    "EVENT_CHUNK_ROWS",
    "Chunk",
    "Tape",
    "TapeError",
    "TapeKind",
    "events_of",
    "open_tape",
    "open_tapes",
]
