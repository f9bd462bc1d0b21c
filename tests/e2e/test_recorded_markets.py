"""``fillwright replay`` over recorded markets: over a hundred trades each, every figure recomputed, twice the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fillwright.bootstrap import replay
from fillwright.config import load
from fillwright.options import ReplayOptions
from tests.conftest import ROOT
from tests.e2e.processes import example, fillwright

PROFILE = ROOT / "examples" / "limits-test.toml"
CANDLES = ("BTCUSDT_1m_2025-05-20_2025-08-18.feather", "ETHUSDT_1m_2025-05-20_2025-08-18.feather")
TICKS = ("trades/BTCUSDT_trades_2026-02-03.csv.gz", "ws/btcusdt_20240808_ws.gz", "ws/ethusdt_20240808_ws.gz")
UNPROTECTED_US_MAX = 1_000_000
"""``arm_timeout_s``: by then an entry's exits are live, or its coins are sold."""


@pytest.mark.parametrize("name", CANDLES)
def test_months_of_candles_with_the_example_trader(shared_data: Path, tmp_path: Path, name: str) -> None:
    tape = shared_data / "tapes" / "klines" / name
    answer = told(fillwright("replay", "--tape", tape, "--out", "out", "--json", cwd=tmp_path))
    judge(name, answer)


@pytest.mark.parametrize("name", TICKS)
def test_minutes_of_ticks_with_a_file_of_signals(shared_data: Path, tmp_path: Path, name: str) -> None:
    tape, signals = shared_data / "tapes" / name, tmp_path / "signals.jsonl"
    example(ROOT / "examples" / "make_signals.py", "--tape", tape, "--out", signals, cwd=tmp_path)
    words = ("replay", "--tape", tape, "--sort", "--signals", signals, "--config", PROFILE, "--out", "one")
    first = told(fillwright(*words, "--json", cwd=tmp_path))
    again = replay(
        ReplayOptions(
            config=load([PROFILE], environment={}, folder=tmp_path),
            out=tmp_path / "two",
            tapes=(tape,),
            signals=signals,
            sort=True,
        )
    )
    judge(name, first)
    assert first["digest"] == again.digest


def told(done: Any) -> dict[str, Any]:
    """What a command printed with ``--json``."""
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def judge(name: str, answer: dict[str, Any]) -> None:
    """What every replay of a recorded market must show."""
    summary = answer["summary"]
    verification, trades = summary["verification"], summary["trades"]
    print(name, trades["trades"], "trades,", verification)  # noqa: T201 - figures for who runs it with -s
    assert verification["ok"], verification
    assert verification["differences"] == []
    assert verification["filter_rejections"] == 0
    assert verification["trades"] == trades["trades"] >= 100
    assert verification["fills"] >= 2 * trades["trades"]
    assert verification["unprotected_us"]["max"] <= UNPROTECTED_US_MAX
