from __future__ import annotations

import io
from pathlib import Path

import pytest

from fillwright.commands.replay import (
    check_options,
    dust_of,
    figures_of,
    fixed,
    note_of,
    progress_bar,
    verification_of,
    without_stop,
)
from fillwright.config import Config
from fillwright.options import BadInputError, ReplayOptions, ReplayProgress
from fillwright.reports.data import gather
from fillwright.reports.summary import summary
from tests.reports.sample import ACCOUNT, START, MemoryModel, run_info


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


PROGRESS = ReplayProgress(phase="replaying", done=1, total=2, time=1_747_699_200_000_000, ticks=5_000)


def test_the_bar_is_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        monkeypatch.setattr("sys.stderr", stream)
        with progress_bar(quiet=False) as progress:
            progress(PROGRESS)
    assert "replaying" in terminal.getvalue()
    assert pipe.getvalue() == ""


def test_quiet_has_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress_bar(quiet=True) as progress:
        progress(PROGRESS)
    assert terminal.getvalue() == ""


def test_good_options_pass() -> None:
    options = ReplayOptions(
        config=Config(), out=Path("nowhere"), synthetic=True, seed=3, symbols=("BTCUSDT",)
    )
    check_options(options, seed_given=True, days_given=True)


@pytest.mark.parametrize("symbol", ["", "btcusdt", "BTC/USDT", "BTC USDT", "БТК", "../x"])
def test_what_is_no_symbol(symbol: str) -> None:
    options = ReplayOptions(config=Config(), out=Path("nowhere"), synthetic=True, symbols=(symbol,))
    with pytest.raises(BadInputError, match="a symbol is in capitals"):
        check_options(options, seed_given=False, days_given=False)


def test_figures_of_nothing_are_dashes() -> None:
    figures = dict(figures_of(summary(gather(MemoryModel(), ACCOUNT, run_info(days=1)))))
    assert figures["Profit factor"] == "–"
    assert figures["Net result"] == "0.00 USDT (+0.00 %)" or figures["Net result"] == "+0.00 USDT (+0.00 %)"
    assert figures["Closed trades"] == "0 (0 won, 0 lost), 0 open"


def test_fixed() -> None:
    assert [fixed(value) for value in ("1234.567", 1.005, None)] == ["1,234.57", "1.00", "–"]
    assert fixed("0.5", signed=True) == "+0.50"
    assert [fixed(value, 1, unit="%") for value in (None, 58.1)] == ["–", "58.1 %"]


def test_progress_fits_a_small_terminal() -> None:
    now = ReplayProgress(phase="replaying", time=START, ticks=1_234_567_890, signals=9, trades=12_345)
    assert note_of(now) == "2025-05-20 00:00 · 1,234.6 M ticks · 12345 trades"
    assert note_of(ReplayProgress(phase="reading")) == ""


def test_verification_is_said() -> None:
    good = {"ok": True, "trades": 3, "fills": 9, "differences": []}
    assert verification_of({"verification": good}) == [
        ("Verified", "3 trades recomputed from 9 fills: all equal, exactly")
    ]
    bad = {"ok": False, "trades": 3, "fills": 9, "differences": ["trade 1: recorded 1, recomputed 2"]}
    assert verification_of({"verification": bad})[0][0] == "NOT VERIFIED"
    assert verification_of({"verification": {**bad, "differences": []}})[0][0] == "NOT VERIFIED"
    assert verification_of({}) == []


def test_dust_is_explained() -> None:
    assert dust_of({"dust_cost": "0", "dust_value": "0"}, "USDT") == "0.00 USDT at cost"
    told = dust_of({"dust_cost": "80.31", "dust_value": "79.5"}, "USDT")
    assert told.startswith("80.31 USDT at cost, worth 79.50 now; not in the net result")
    assert "worth" not in dust_of({"dust_cost": "80.31", "dust_value": None}, "USDT")


def test_time_without_a_stop_is_a_spell_or_a_sum_and_says_which() -> None:
    summary = {"protection": {"maximum_ms": "500"}}
    assert without_stop(summary) == "at most 500.0 ms in all for one position"
    summary["verification"] = {"unprotected_us": {"count": 3, "max": 100_000}}
    assert without_stop(summary) == "at most 100.0 ms at once, 500.0 ms in all for one position"
    summary["verification"] = {"unprotected_us": {"count": 0}}
    assert without_stop(summary) == "at most 500.0 ms in all for one position"
