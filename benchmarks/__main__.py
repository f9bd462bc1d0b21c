"""``python -m benchmarks``: measures everything, prints it, and with ``--write`` renews ``benchmarks/RESULTS.md``."""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from benchmarks import (
    exchange_server,
    feeds,
    load,
    material,
    order_path,
    replaying,
    service,
    stops,
    unprotected,
)
from benchmarks.calibration import calibration
from benchmarks.figures import Row
from benchmarks.stepping import commits, steps
from fillwright import __version__

RESULTS = Path(__file__).with_name("RESULTS.md")
MILLION = 1_000_000


def throughput(ticks: int, every: int, rounds: int, compared: str) -> list[Row]:
    """Replay of a tape in memory at one bracketed trade per so many ticks."""
    chunks = material.trades(ticks)
    signals = material.brackets(chunks, every) if every else []
    took, passed, trades = replaying.timed(chunks, signals, rounds)
    label = f"one bracket per {every:,} ticks" if every else "no orders"
    rows = [Row(f"replay of {ticks:,} ticks, {label}", f"{passed / took / 1e6:.2f} M ticks/s", "", compared)]
    if trades:
        rows.append(Row("  per bracket", f"{took / trades * 1e6:.0f} µs", "", ""))
    return rows


def slow_tape(ticks: int) -> list[Row]:
    """One bracket per 1,000 ticks of a tape of fewer trades a second."""
    chunks = material.trades(ticks, per_second=material.SLOW_TRADES_PER_SECOND)
    signals = material.brackets(chunks, 1_000, material.SLOW_BRACKET_PERCENT)
    took, passed, made = replaying.timed(chunks, signals, 3)
    return [
        Row(
            f"  on a tape of {material.SLOW_TRADES_PER_SECOND:.0f} trades a second",
            f"{passed / took / 1e6:.2f} M ticks/s",
            "",
            f"{took / made * 1e6:.0f} µs a bracket",
        )
    ]


def with_parsing(ticks: int, every: int) -> list[Row]:
    """The same, read and parsed from CSV."""
    chunks = material.trades(ticks)
    took, passed, _ = replaying.parsed(chunks, material.brackets(chunks, every) if every else [])
    label = f"one bracket per {every:,}" if every else "no orders"
    return [
        Row(f"replay of {ticks:,} ticks from CSV, {label}", f"{passed / took / 1e6:.2f} M ticks/s", "", "")
    ]


def history() -> list[Row]:
    """Cost per bracket after 1,000 and after 50,000 trades."""
    rows = []
    every = 200
    for trades in (1_000, 50_000):
        chunks = material.trades(trades * every)
        took, _, made = replaying.timed(chunks, material.brackets(chunks, every), 1)
        rows.append(Row(f"per bracket, run of {trades:,} trades", f"{took / made * 1e6:.0f} µs", "", "flat"))
    return rows


def memory() -> list[Row]:
    """The most memory of a whole process that replays synthetic tapes of 1 and 5 million ticks."""
    rows = []
    for ticks in (MILLION, 5 * MILLION):
        code = (
            "import sys, tempfile, pathlib\n"
            "from benchmarks import material, replaying\n"
            "from fillwright.market.synthetic_tape import synthetic_tape\n"
            f"ticks = {ticks}\n"
            "probe = material.trades(10_000)\n"
            "start, step = int(probe[0].time_us[0]), 20_000_000\n"
            "signals = (material.bracket(n, start + n * step, material.D('0.05')) for n in range(1, ticks // 1000))\n"
            "tape = synthetic_tape(7, material.instrument(), ticks)\n"
            "with tempfile.TemporaryDirectory() as folder:\n"
            "    replaying.replay([tape], list(signals), pathlib.Path(folder))\n"
            "print(replaying.resident_mb())\n"
        )
        printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        rows.append(
            Row(
                f"memory of a process, {ticks:,} ticks with brackets",
                f"{float(printed.stdout):.0f} MB",
                "",
                "NautilusTrader 1,600-1,750 MB at 5 M",
            )
        )
    return rows


SECTIONS: dict[str, Callable[[bool], list[Row]]] = {
    "calibration": lambda quick: calibration(),
    "engine": lambda quick: steps(300 if quick else 3_000),
    "journal": lambda quick: [
        *commits("normal", 200 if quick else 1_000),
        *commits("full", 100 if quick else 1_000),
    ],
    "replay": lambda quick: [
        *throughput(MILLION if quick else 5 * MILLION, 0, 3, "hftbacktest 11-30 M, Nautilus 0.3-1.2 M"),
        *throughput(
            MILLION // 5 if quick else MILLION, 1_000, 3, "aim ≥ 3 M; hftbacktest 9.0, Nautilus 0.16-0.52"
        ),
        *slow_tape(MILLION // 5 if quick else MILLION),
        *throughput(MILLION if quick else 5 * MILLION, 100_000, 3, "aim ≥ 100 M"),
        *with_parsing(MILLION // 5 if quick else MILLION, 0),
        *with_parsing(MILLION // 5 if quick else MILLION, 1_000),
    ],
    "history": lambda quick: [] if quick else history(),
    "memory": lambda quick: [] if quick else memory(),
    "feeds": lambda quick: feeds.rows(),
    "service": service.rows,
    "load": load.rows,
    "exchange_server": exchange_server.rows,
    "order_path": order_path.rows,
    "stops": stops.rows,
    "unprotected": unprotected.rows,
}


def versions() -> dict[str, str]:
    """What the figures were measured with."""
    return {
        "fillwright": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "numpy": np.__version__,
        "msgspec": msgspec.__version__,
        "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
    }


def table(title: str, rows: Sequence[Row]) -> str:
    """Rows as a Markdown table."""
    lines = [f"## {title}", "", "| what | median | p99 | beside |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.value} | {row.p99} | {row.compared} |" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the sections that were asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--only", choices=list(SECTIONS), action="append")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="renew benchmarks/RESULTS.md")
    options = parser.parse_args()
    results: dict[str, list[Row]] = {}
    for name in options.only or SECTIONS:
        print(f"{name} …", file=sys.stderr, flush=True)
        results[name] = SECTIONS[name](options.quick)
        if not options.json:
            print(table(name, results[name]))
    if options.json:
        print(json.dumps({"versions": versions(), "rows": msgspec.to_builtins(results)}, indent=2))
    if options.write:
        RESULTS.write_text(page(results), encoding="utf-8")


def page(results: dict[str, list[Row]]) -> str:
    """The whole of RESULTS.md."""
    made_with = ", ".join(f"{name} {version}" for name, version in versions().items())
    head = (
        "# Results\n\n"
        "Written by `make bench`. Machines differ and are noisy: compare ratios within one run (the first table\n"
        "calibrates), not single times. The clients beside the order path ran in this run; other peers' figures\n"
        "are of another day, on a machine of the same kind: they are no ratios.\n\n"
        f"Bracketed trades are replayed over a synthetic tape of {material.TRADES_PER_SECOND:.0f} trades a second.\n"
        "On a slower tape a bracket lives longer, and equity is marked each minute meanwhile: it costs more.\n\n"
        f"{datetime.now(UTC):%Y-%m-%d}: {made_with}.\n\n"
    )
    return head + "\n".join(table(name, rows) for name, rows in results.items())


if __name__ == "__main__":
    main()
