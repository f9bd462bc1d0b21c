"""Replay: ticks per second with and without orders, journal and parsing; cost per bracket; memory."""

from __future__ import annotations

import gc
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import material
from fillwright.core.types import Mode
from fillwright.market.columns import TradeColumns
from fillwright.market.tapes import Tape, open_tape
from fillwright.ports import Owner
from fillwright.replay.run import Plan, Replay
from fillwright.replay.signals import PlannedSignal
from fillwright.storage.sql import open_store


def replay(
    tapes: Sequence[Tape],
    signals: Sequence[PlannedSignal],
    folder: Path,
    *,
    tick_by_tick: bool = False,
) -> tuple[float, int, int]:
    """Play tapes with signals into a journal; (seconds, ticks, trades). Opening the store is not counted."""
    instrument = material.instrument()
    plan = Plan(
        account_id="bench",
        settings=material.settings(),
        limits={},
        instruments={instrument.symbol: instrument},
        open_tapes=lambda rows: tapes,
        open_signals=lambda: iter(signals),
        runners=(),
        symbols=None,
        fingerprint="bench",
        tick_by_tick=tick_by_tick,
    )
    path = folder / "journal.db"
    with open_store(path) as store:
        job = Replay(plan, store.journal, store.projection(Owner("bench", "bench", Mode.PAPER)), None)
        gc.collect()
        begin = time.perf_counter()
        simulation = job.start()
        simulation.run(lambda: job.recorder.between_turns(simulation))
        job.recorder.commit(simulation, snapshot=True, finished=True)
        took = time.perf_counter() - begin
        ticks = sum(feed.visited + feed.passed for feed in simulation.feeds)
        trades = simulation.engine.state.portfolio.trades
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return took, ticks, trades


def timed(
    chunks: Sequence[TradeColumns], signals: Sequence[PlannedSignal], rounds: int, **options: bool
) -> tuple[float, int, int]:
    """The median of several rounds."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            results.append(replay([material.MemoryTape(chunks)], signals, Path(folder), **options))
    return sorted(results)[len(results) // 2]


def write_csv(chunks: Sequence[TradeColumns], path: Path) -> None:
    """Write trades as Binance's public dumps have them."""
    with path.open("w") as file:
        for chunk in chunks:
            price, quantity = chunk.scale.price_decimals, chunk.scale.quantity_decimals
            for row in range(len(chunk)):
                amount = chunk.price[row] / 10**price
                size = chunk.quantity[row] / 10**quantity
                file.write(
                    f"{chunk.trade_id[row]},{amount:.2f},{size:.5f},{amount * size:.8f},"
                    f"{chunk.time_us[row]},{chunk.buyer_is_maker[row]},True\n"
                )


def parsed(chunks: Sequence[TradeColumns], signals: Sequence[PlannedSignal]) -> tuple[float, int, int]:
    """The same with the tape read and parsed from a CSV file."""
    instrument = material.instrument()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "BTCUSDT-trades.csv"
        write_csv(chunks, path)
        tape = open_tape(path, material.SYMBOL, {instrument.symbol: instrument})
        return replay([tape], signals, Path(folder))


def resident_mb() -> float:
    """The most memory that this process has held, in megabytes (on Linux by its own mark, not its parent's)."""
    status = Path("/proc/self/status")
    if status.exists():
        marks = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(marks[0].split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if sys.platform != "darwin" else 1024 * 1024)
