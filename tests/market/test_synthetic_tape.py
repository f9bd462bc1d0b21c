from __future__ import annotations

from itertools import pairwise

import pytest

from fillwright.core.types import MINUTE
from fillwright.market.columns import CandleColumns, QuoteColumns, TradeColumns
from fillwright.market.events import DepthSnapshot, EventChunk, Trade
from fillwright.market.synthetic_tape import SyntheticTape, synthetic_tape
from fillwright.market.tapes import CHUNK_ROWS, EVENT_CHUNK_ROWS, Chunk, TapeKind
from fillwright.wire.exchange_info import default_exchange_info

BTCUSDT = default_exchange_info().instruments["BTCUSDT"]


def prices(chunks: list[Chunk]) -> list[int]:
    return [price for chunk in chunks if isinstance(chunk, TradeColumns) for price in chunk.price.tolist()]


def test_trades_come_in_chunks_of_the_usual_size() -> None:
    tape = synthetic_tape(1, BTCUSDT, CHUNK_ROWS + 100)
    chunks = list(tape.chunks())
    assert [(chunk.row, len(chunk)) for chunk in chunks] == [(0, CHUNK_ROWS), (CHUNK_ROWS, 100)]
    assert all(isinstance(chunk, TradeColumns) for chunk in chunks)
    first = chunks[0]
    assert isinstance(first, TradeColumns)
    assert first.trade_id[[0, -1]].tolist() == [1, CHUNK_ROWS]
    assert tape.consumed == tape.total == CHUNK_ROWS + 100
    assert tape.symbols == ("BTCUSDT",)


@pytest.mark.parametrize("start_row", [0, 1, 65_535, 65_536, 65_537, 69_999, 70_000, 70_010])
def test_reading_may_start_at_any_row(start_row: int) -> None:
    whole = prices(list(synthetic_tape(1, BTCUSDT, 70_000).chunks()))
    rest = synthetic_tape(1, BTCUSDT, 70_000, start_row=start_row)
    assert prices(list(rest.chunks())) == whole[start_row:]
    assert rest.row == 70_000


def test_quotes_lie_around_the_trades() -> None:
    quotes = next(synthetic_tape(1, BTCUSDT, 1_000, kind=TapeKind.QUOTES).chunks())
    trades = next(synthetic_tape(1, BTCUSDT, 1_000).chunks())
    assert isinstance(quotes, QuoteColumns)
    assert isinstance(trades, TradeColumns)
    assert ((quotes.bid <= trades.price) & (trades.price <= quotes.ask)).all()
    assert (quotes.time_us == trades.time_us).all()


@pytest.mark.parametrize("start_row", [0, 4_000])
def test_candles_are_as_many_as_asked_for(start_row: int) -> None:
    tape = synthetic_tape(1, BTCUSDT, 5_000, kind=TapeKind.CANDLES, start_row=start_row)
    chunks = [chunk for chunk in tape.chunks() if isinstance(chunk, CandleColumns)]
    assert sum(map(len, chunks)) == 5_000 - start_row
    candles = CandleColumns.join(chunks)
    assert tape.interval == candles.interval == "1m"
    assert (candles.open_time_us % MINUTE == 0).all()
    assert (candles.low <= candles.open).all()
    assert (candles.close <= candles.high).all()


def test_events_are_books_and_the_trades_in_them() -> None:
    rows = EVENT_CHUNK_ROWS + 50
    chunks = [
        c
        for c in synthetic_tape(1, BTCUSDT, rows, kind=TapeKind.EVENTS).chunks()
        if isinstance(c, EventChunk)
    ]
    assert [(chunk.row, len(chunk)) for chunk in chunks] == [(0, EVENT_CHUNK_ROWS), (EVENT_CHUNK_ROWS, 50)]
    events = [event for chunk in chunks for event in chunk.events]
    assert all(one.time_us <= other.time_us for one, other in pairwise(events))
    book: DepthSnapshot | None = None
    for event in events:
        if isinstance(event, DepthSnapshot):
            book = event
            assert all(one[0] > other[0] for one, other in pairwise(book.bids))
            assert all(one[0] < other[0] for one, other in pairwise(book.asks))
        else:
            assert isinstance(event, Trade)
            assert book is not None
            assert event.price == (book.bids if event.buyer_is_maker else book.asks)[0][0]
    tape = synthetic_tape(1, BTCUSDT, rows, kind=TapeKind.EVENTS, start_row=rows - 7)
    assert isinstance(tape, SyntheticTape)
    (rest,) = [chunk for chunk in tape.chunks() if isinstance(chunk, EventChunk)]
    assert rest.events == events[-7:]
