"""Small tapes for tests, written as Binance and its recorders write them."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import zstandard

from fillwright.core.instruments import Instrument
from fillwright.core.types import Symbol
from fillwright.market.columns import CandleColumns, QuoteColumns, TradeColumns
from fillwright.market.events import Event, EventChunk
from fillwright.market.tapes import Tape
from fillwright.wire.exchange_info import default_exchange_info

INSTRUMENTS: dict[Symbol, Instrument] = default_exchange_info().instruments
START_MS = 1_770_076_800_000

TRADES = "".join(
    f"{100 + n},{78_738 + n}.60000000,0.0{n}059000,46.45577400,{START_MS + 7 * n},{'True' if n % 2 else 'False'},True\n"
    for n in range(9)
)
"""Binance's public trades dump."""
AGGREGATES = f"""\
7,78738.60000000,0.00059000,100,104,{START_MS},True,True
8,78739.00000000,1.50000000,105,105,{START_MS + 3},False,True
"""
TRADES_WITH_HEADER = f"""\
TradeId,Symbol,Price,Quantity,QuoteQuantity,TradeTime,IsBuyerMaker,IsBestMatch
5,BTCUSDT,78738.60000000,0.00059000,46.45577400,{START_MS},t,t
6,BTCUSDT,78738.61000000,0.00007000,5.51170200,{START_MS},f,t
"""


def kline(minute: int, close: str = "7186.68000000") -> str:
    begin = START_MS + minute * 60_000
    prices = f"7195.24000000,7196.25000000,7183.14000000,{close},51.64281200"
    return f"{begin},{prices},{begin + 59_999},371233.5,493,19.5,140.9,0\n"


KLINES = "".join(kline(minute) for minute in (0, 1, 2, 5, 6))
"""Binance's public klines dump, with a hole of two minutes."""
QUOTES = f"""\
update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time
1,60000.10000000,1.00000000,60000.20000000,2.00000000,{START_MS},{START_MS + 1}
2,60000.10000000,0.50000000,60000.20000000,2.00000000,{START_MS + 4},{START_MS + 5}
"""


def zipped(data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tape.csv", data)
    return packed.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".zip": zipped,
}


def written(folder: Path, text: str | bytes, name: str = "BTCUSDT.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def trades_of(tape: Tape) -> TradeColumns:
    parts = [chunk for chunk in tape.chunks() if isinstance(chunk, TradeColumns)]
    return TradeColumns.join(parts)


def candles_of(tape: Tape) -> CandleColumns:
    parts = [chunk for chunk in tape.chunks() if isinstance(chunk, CandleColumns)]
    return CandleColumns.join(parts)


def quotes_of(tape: Tape) -> QuoteColumns:
    parts = [chunk for chunk in tape.chunks() if isinstance(chunk, QuoteColumns)]
    return QuoteColumns.join(parts)


def events_of(tape: Tape) -> list[Event]:
    return [event for chunk in tape.chunks() if isinstance(chunk, EventChunk) for event in chunk.events]


def drained(tape: Tape) -> int:
    return sum(len(chunk) for chunk in tape.chunks())
