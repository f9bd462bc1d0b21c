"""Make a file of signals for a tape: evenly spaced, long, at the market, with a tight stop and target.

    python examples/make_signals.py --tape TAPE --count 240 --out signals.jsonl

They know nothing of the market and lose their commissions; what they are good for is exercising an engine. Replay
them with ``examples/limits-test.toml``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from fillwright.market.columns import CandleColumns
from fillwright.market.events import EventChunk
from fillwright.market.tapes import Tape, TapeError, open_tape
from fillwright.wire.exchange_info import default_exchange_info

MARGIN = 40
"""The first and the last 1/40 of the tape stay without signals: a quote comes first, an exit last."""


def span_of(tape: Tape) -> tuple[int, int]:
    """The times of the first and the last row, microseconds."""
    first, last = None, 0
    for chunk in tape.chunks():
        if isinstance(chunk, EventChunk):
            times = [chunk.events[0].time_us, chunk.events[-1].time_us]
        elif isinstance(chunk, CandleColumns):
            times = [int(chunk.open_time_us[0]), int(chunk.close_time_us[-1])]
        else:
            times = [int(chunk.time_us[0]), int(chunk.time_us[-1])]
        first, last = times[0] if first is None else first, times[1]
    return first or 0, last


def signals(symbol: str, span: tuple[int, int], count: int, stop: str, target: str, quote: str) -> list[str]:
    """Lines of a signal file."""
    first, last = span
    margin = (last - first) // MARGIN
    step = (last - first - 2 * margin) // count
    return [
        json.dumps(
            {
                "key": f"signal {number}",
                "trader_id": f"trader {number}",
                "symbol": symbol,
                "side": "long",
                "created_at": first + margin + number * step,
                "stop_loss_percent": stop,
                "take_profit_percent": target,
                "size": {"quote": quote},
            }
        )
        for number in range(count)
    ]


def main() -> None:
    """Read the tape's span and write the file."""
    parser = argparse.ArgumentParser(description="Make a file of evenly spaced signals for a tape.")
    parser.add_argument("--tape", type=Path, required=True, metavar="FILE")
    parser.add_argument("--symbol", help="where the tape does not tell it, or has several")
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--stop", default="0.01", help="percent below the last price (default 0.01)")
    parser.add_argument("--target", default="0.025", help="percent above the last price (default 0.025)")
    parser.add_argument("--quote", default="100", help="size of each in quote (default 100)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    arguments = parser.parse_args()
    if not 1 <= arguments.count <= 1_000_000:
        sys.exit("make_signals: --count must be from 1 to 1000000")
    try:
        tape = open_tape(arguments.tape, arguments.symbol, default_exchange_info().instruments, sort=True)
        span = span_of(tape)
    except TapeError as error:
        sys.exit(f"make_signals: {error}")
    symbol = arguments.symbol or tape.symbols[0]
    made = signals(symbol, span, arguments.count, arguments.stop, arguments.target, arguments.quote)
    arguments.out.write_text("\n".join(made) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
