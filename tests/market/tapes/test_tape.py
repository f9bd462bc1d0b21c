from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fillwright.market.columns import Columns, Scale, TradeColumns
from fillwright.market.tapes.tape import cut_into_chunks, joined


def piece(start: int, rows: int) -> TradeColumns:
    column = np.arange(start, start + rows, dtype=np.int64)
    return TradeColumns("BTCUSDT", Scale(2, 5), column, column, column, column > 0, column)


@given(st.lists(st.integers(0, 30)), st.integers(0, 40), st.integers(1, 17))
def test_chunks_begin_at_multiples_and_lose_nothing(
    sizes: list[int], start_row: int, chunk_rows: int
) -> None:
    pieces: list[Columns] = []
    row = start_row
    for size in sizes:
        pieces.append(piece(row, size))
        row += size
    chunks = list(cut_into_chunks(iter(pieces), start_row, chunk_rows))
    numbers = [number for chunk in chunks for number in chunk.trade_id.tolist()]  # type: ignore[union-attr]
    assert numbers == list(range(start_row, row))
    for chunk in chunks:
        assert chunk.row == chunk.trade_id[0]  # type: ignore[union-attr]
        assert chunk.row == start_row or chunk.row % chunk_rows == 0
        assert (chunk.row + len(chunk)) % chunk_rows == 0 or chunk.row + len(chunk) == row


def test_one_piece_is_not_copied() -> None:
    single = piece(0, 3)
    assert np.shares_memory(joined([single], 7).time_us, single.time_us)  # type: ignore[union-attr]
    assert joined([single], 7).row == 7
    assert single.row == 0
