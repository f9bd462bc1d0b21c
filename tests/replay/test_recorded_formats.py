"""Every format of recorded tape through the replay once: skipping and visiting agree, and so does a resumed run."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

from fillwright.core.settings import ExecutionSettings, PaperSettings
from fillwright.market.events import EventChunk
from fillwright.market.tapes import Tape, open_tape, open_tapes
from fillwright.market.tapes.tape import Chunk
from fillwright.replay.signals import PlannedSignal
from fillwright.wire.exchange_info import default_exchange_info, load_exchange_info
from tests.replay.builders import START, Case, MemoryJournal, lines, planned

D = Decimal
SIGNALS = 12
SORT = "trades/BTCUSDT_trades_2026-02-03.csv.gz"
TEN = "ws/cryptofeed_10symbols_20210405_ws.zst"
TAPES: dict[str, tuple[Sequence[str], str]] = {
    "trades in CSV": ((SORT,), "BTCUSDT"),
    "trades in parquet": (("l2/trades_btc_spot_2026-02-16_04.parquet",), "BTCUSDT"),
    "books in parquet and their trades": (
        ("l2/lobdeep_btc_spot_2026-02-16_04.parquet", "l2/trades_btc_spot_2026-02-16_04.parquet"),
        "BTCUSDT",
    ),
    "candles in CSV": (("klines/BTCUSDT_1m_2025-10-29_3d.csv.zst",), "BTCUSDT"),
    "candles in zipped dumps": (
        tuple(f"klines/lostleaf_BTCUSDT-1m-2020-01-0{day}.zip" for day in (1, 2, 3)),
        "BTCUSDT",
    ),
    "one of ten symbols of a recording": ((TEN,), "MANAUSDT"),
}


class Market:
    """Recorded tapes as a case of the tests."""

    def __init__(self, folder: Path, names: Sequence[str], symbol: str) -> None:
        info = default_exchange_info()
        if TEN in names:  # its symbols are of that year
            info = load_exchange_info(min((folder / "fixtures" / "exchangeInfo").glob("*")))
        self.instruments = info.instruments
        self.symbol = symbol or None
        self.paths = [folder / "tapes" / name for name in names]
        if "klines" in names[0]:
            self.groups = [self.paths]
        else:
            self.groups = [[path] for path in self.paths]
        self.tapes = self.open(())
        self.symbols = list(dict.fromkeys(one for tape in self.tapes for one in tape.symbols))

    def open(self, rows: Sequence[int]) -> list[Tape]:
        return [
            open_tapes(
                group,
                self.symbol,
                self.instruments,
                start_row=rows[place] if rows else 0,
                sort=SORT in str(group),
            )
            if len(group) > 1
            else open_tape(
                group[0],
                self.symbol,
                self.instruments,
                start_row=rows[place] if rows else 0,
                sort=SORT in str(group[0]),
            )
            for place, group in enumerate(self.groups)
        ]

    def case(self) -> Case:
        chunks: list[Chunk] = [chunk for tape in self.open(()) for chunk in islice(tape.chunks(), 100)]
        ends = [_times(chunk) for chunk in chunks]
        first, last = min(one for one, _ in ends), max(other for _, other in ends)
        step = (last - first) / 1_000_000 / (SIGNALS + 1)
        begin = (first - START) / 1_000_000
        signals: list[PlannedSignal] = [
            planned(
                number,
                round(begin + number * step, 6),
                symbol=self.symbols[number % len(self.symbols)],
                stop_percent="0.02" if step < 100 else "0.8",
                target_percent="0.04" if step < 100 else "1.2",
                trailing=number % 3 == 0 and step > 100,
                quote=100,
            )
            for number in range(1, SIGNALS + 1)
        ]
        return Case(
            tapes=[],
            signals=signals,
            instruments={symbol: self.instruments[symbol] for symbol in self.symbols},
            execution=ExecutionSettings(slippage_max_percent=D("0.01")),
            paper=PaperSettings(spread_bps=D("0.02"), slippage_bps=D("0.5")),
        )


def _times(chunk: Chunk) -> tuple[int, int]:
    if isinstance(chunk, EventChunk):
        return chunk.events[0].time_us, chunk.events[-1].time_us
    times = getattr(chunk, "time_us", None)
    if times is None:
        return int(chunk.open_time_us[0]), int(chunk.close_time_us[-1])  # type: ignore[union-attr]
    return int(times[0]), int(times[-1])


@pytest.mark.parametrize("name", TAPES)
def test_recorded_tapes(shared_data: Path, name: str) -> None:
    market = Market(shared_data, *TAPES[name])
    case = market.case()
    skipping = case.play(open_tapes=market.open)
    assert skipping.outcome.verification.ok, skipping.outcome.verification.differences
    assert skipping.outcome.verification.trades >= (0 if TEN in TAPES[name][0] else 2)
    assert skipping.outcome.signals == SIGNALS
    assert skipping.lines == case.play(open_tapes=market.open, tick_by_tick=True).lines

    journal = MemoryJournal()
    begun = case.job(journal, open_tapes=market.open)
    simulation = begun.start()
    half = sum(feed.tape.total for feed in simulation.feeds) // 2
    while sum(feed.tape.consumed for feed in simulation.feeds) < half:
        assert simulation.turn()
    for _ in range(20):
        assert simulation.turn()
    begun.recorder.commit(simulation, snapshot=True)
    job = case.job(journal, open_tapes=market.open)
    resumed = job.resume()
    assert resumed is not None
    assert job.play(resumed).digest == skipping.outcome.digest
    assert lines(journal.records) == skipping.lines
