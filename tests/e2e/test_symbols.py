"""A symbol that a tape has nothing about is a mistake that is told, not a replay of nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fillwright.bootstrap import replay
from fillwright.config import load
from fillwright.options import BadInputError, ReplayOptions

STARTS = 1_723_161_255_000


def recording(path: Path, symbol: str) -> Path:
    """A recording of a few trades of one symbol."""
    lines = []
    for number in range(1, 20):
        time = STARTS + number
        trade = {"e": "trade", "E": time, "s": symbol, "t": number, "p": "2500.00", "q": "0.1000", "T": time}
        message = {"stream": f"{symbol.lower()}@trade", "data": {**trade, "m": False, "M": True}}
        lines.append(f"{time * 1_000_000} {json.dumps(message)}")
    path.write_text("\n".join(lines) + "\n")
    return path


def options(folder: Path, symbol: str) -> ReplayOptions:
    tape = recording(folder / "tape.txt", "ETHUSDT")
    config = load((), environment={}, folder=folder)
    return ReplayOptions(config=config, out=folder / "out", tapes=(tape,), symbols=(symbol,))


def test_a_symbol_that_is_on_the_tape(tmp_path: Path) -> None:
    assert replay(options(tmp_path, "ETHUSDT")).report.is_file()


def test_a_symbol_that_is_not(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"tape\.txt: has nothing about BTCUSDT"):
        replay(options(tmp_path, "BTCUSDT"))
    assert list((tmp_path / "out").iterdir()) == []
