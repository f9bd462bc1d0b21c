from __future__ import annotations

from decimal import Decimal

from fillwright.core.inputs import Candle
from fillwright.market.events import CandleClosed, Event, EventChunk, Trade


def test_a_closed_candle_is_of_its_candles_symbol() -> None:
    one = Decimal(1)
    candle = Candle("BTCUSDT", "1m", 0, 59_999_999, one, one, one, one, one)
    assert CandleClosed(60_000_000, candle).symbol == "BTCUSDT"


def test_a_chunk_knows_its_place() -> None:
    events: list[Event] = [Trade("BTCUSDT", 5, 1, Decimal(1), Decimal(1), False)]
    chunk = EventChunk(events, 17)
    assert (len(chunk), chunk.row, chunk.events) == (1, 17, events)
