"""The composition root: a replay from options to files, tapes that follow each other, traders by name, failures."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fillwright.bootstrap import replay, replaying
from fillwright.bootstrap.enlisting import EXAMPLE_TRADER
from fillwright.config import load
from fillwright.options import (
    CANDLES_NAME,
    JOURNAL_NAME,
    REPORT_NAME,
    SUMMARY_NAME,
    BadInputError,
    ReplayOptions,
    ReplayProgress,
    StorageFailedError,
    TraderFailedError,
)
from fillwright.ports import DiskFullError

FIRST_MS = 1_795_168_800_000
MINE = '''
from fillwright.traders import Signal, Trader

class Mine(Trader):
    """Enters at every close while flat."""
    warm_up = 1
    percent: float = 0.5
    def on_candle(self, candles, position):
        close = float(candles.close[-1])
        if close > 65_000:
            raise RuntimeError("too dear for me")
        if position is None:
            return Signal(stop_loss=close * (1 - self.percent / 100), take_profit=close * 1.02)
'''


def write_trades(folder: Path, name: str, first: int, count: int, price: int = 60_000) -> Path:
    """A dump of trades, one a second."""
    rows = [
        f"{number},{price + 150 * (number // 40 % 4)}.01,0.5,1.0,{FIRST_MS + 1000 * number},true,true"
        for number in range(first, first + count)
    ]
    path = folder / name
    path.write_text("\n".join(rows) + "\n")
    return path


def options(folder: Path, *tapes: Path, settings: str = "", **changes: Any) -> ReplayOptions:
    (folder / "settings.toml").write_text(settings)
    config = load([folder / "settings.toml"], environment={}, folder=folder / "nowhere")
    return ReplayOptions(config=config, out=folder / "out", tapes=tapes, **changes)


def one_tape(folder: Path) -> Path:
    return write_trades(folder, "BTCUSDT-trades-2026-11-20.csv", 1, 1_900)


def test_a_replay_leaves_four_files_and_its_figures(tmp_path: Path) -> None:
    told: list[ReplayProgress] = []
    result = replay(options(tmp_path, one_tape(tmp_path)), told.append)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {JOURNAL_NAME, SUMMARY_NAME, REPORT_NAME, CANDLES_NAME}
    written = json.loads(result.summary.read_text())
    assert written["verification"]["ok"] is True
    assert written == json.loads(msgspec.json.encode(result.figures))
    assert "<html" in result.report.read_text()[:500]
    assert told[-1].phase == "report"
    assert told[-1].ticks == 1_900
    assert not result.resumed


def test_a_new_run_replaces_the_old_one(tmp_path: Path) -> None:
    wanted = options(tmp_path, one_tape(tmp_path))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    first = replay(wanted)
    again = replay(wanted)
    assert again.digest == first.digest
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_tapes_that_follow_each_other_are_one(tmp_path: Path) -> None:
    whole = replay(options(tmp_path, one_tape(tmp_path)))
    parts = [
        write_trades(tmp_path, "BTCUSDT-trades-2026-11-20a.csv", 1, 700),
        write_trades(tmp_path, "BTCUSDT-trades-2026-11-20b.csv", 701, 1_200),
    ]
    split = replay(options(tmp_path, *parts))
    assert split.digest == whole.digest


def test_tapes_of_two_symbols_run_side_by_side(tmp_path: Path) -> None:
    other = write_trades(tmp_path, "ETHUSDT-trades-2026-11-20.csv", 1, 1_900, price=2_000)
    result = replay(options(tmp_path, one_tape(tmp_path), other))
    run: Any = result.figures["run"]
    assert run["symbols"] == ["BTCUSDT", "ETHUSDT"]
    assert run["ticks"] == 3_800


def test_traders_of_the_settings_and_of_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    settings = (
        '[basic]\ncandle_interval = "1m"\n[traders.ada]\nclass = "mine.py:Mine"\nparameters = { percent = 0.4 }\n'
        f'[traders.bob]\nclass = "{EXAMPLE_TRADER}"\n[traders.webhook]\n'
    )
    tape = one_tape(tmp_path)

    def traders(**changes: Any) -> list[str]:
        run: Any = replay(options(tmp_path, tape, settings=settings, **changes)).figures["run"]
        return list(run["traders"])

    assert traders() == ["ada", "bob"]
    assert traders(trader="ada") == ["ada"]
    assert traders(trader="mine.py:Mine") == ["Mine"]
    example: Any = replay(options(tmp_path, tape)).figures["run"]
    assert example["traders"] == [EXAMPLE_TRADER]


def test_signals_stand_in_for_traders(tmp_path: Path) -> None:
    signals = tmp_path / "signals.jsonl"
    signals.write_text(json.dumps({"created_at": (FIRST_MS + 60_000) * 1000, "stop_loss_percent": 1}) + "\n")
    result = replay(options(tmp_path, one_tape(tmp_path), symbols=("BTCUSDT",), signals=signals))
    run: Any = result.figures["run"]
    assert run["traders"] == ["signals"]
    figures: Any = result.figures["signals"]
    assert figures["total"] == 1


def test_a_made_up_market_is_what_its_seed_says(tmp_path: Path) -> None:
    wanted = options(tmp_path, synthetic=True, seed=7, days=1, symbols=("BTCUSDT",))
    first, again = replay(wanted), replay(wanted)
    other = replay(msgspec.structs.replace(wanted, seed=8))
    assert first.digest == again.digest != other.digest
    run: Any = first.figures["run"]
    assert run["seed"] == 7


def test_failures_are_one_of_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    dear = write_trades(tmp_path, "BTCUSDT-trades-2026-11-21.csv", 1, 500, price=70_000)
    wanted = options(tmp_path, dear, settings='[basic]\ncandle_interval = "1m"\n', trader="mine.py:Mine")
    with pytest.raises(TraderFailedError, match="too dear for me") as failed:
        replay(wanted)
    assert 'raise RuntimeError("too dear for me")' in failed.value.traceback_text
    with pytest.raises(BadInputError, match="NOSUCH"):
        replay(msgspec.structs.replace(wanted, symbols=("NOSUCH",)))

    def full(*args: Any, **kwargs: Any) -> Any:
        raise DiskFullError("journal.db: the disk is full")

    monkeypatch.setattr(replaying, "open_store", full)
    with pytest.raises(StorageFailedError, match="the disk is full"):
        replay(wanted)


@pytest.mark.parametrize(
    ("number", "failure"),
    [(errno.ENOSPC, StorageFailedError), (errno.EROFS, StorageFailedError), (errno.EACCES, BadInputError)],
)
def test_files_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, failure: type[Exception]
) -> None:
    tape = one_tape(tmp_path)

    def fail(path: Path, series: Any) -> None:
        path.write_bytes(b"half")
        raise OSError(number, "no", str(path))

    monkeypatch.setattr(replaying, "save_candles", fail)
    with pytest.raises(failure, match=r"candles\.feather"):
        replay(options(tmp_path, tape))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {JOURNAL_NAME}


def test_what_was_asked_for_decides_what_is_gone_on_with(tmp_path: Path) -> None:
    tape = one_tape(tmp_path)
    wanted = options(tmp_path, tape)
    whole = replay(wanted)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    again = replay(msgspec.structs.replace(wanted, tapes=(tape.rename(moved / tape.name),), resume=True))
    assert (again.digest, again.resumed) == (whole.digest, True)
    settings = "[limits.breakout.BTCUSDT]\nmax_positions = 2\n"
    limited = options(tmp_path, moved / tape.name, settings=settings, resume=True)
    with pytest.raises(BadInputError, match="other tapes, signals, trader or settings"):
        replay(limited)
    replay(msgspec.structs.replace(limited, resume=False))
    tighter = options(tmp_path, moved / tape.name, settings=settings.replace("2", "1"), resume=True)
    with pytest.raises(BadInputError, match="other tapes, signals, trader or settings"):
        replay(tighter)
