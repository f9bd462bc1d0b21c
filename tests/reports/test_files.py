from __future__ import annotations

from pathlib import Path

import pytest

from fillwright.reports.candles import load_candles
from fillwright.reports.data import gather
from fillwright.reports.files import (
    RunFileError,
    read_run,
    write_candles,
    write_page,
    write_summary,
    write_whole,
)
from tests.reports.sample import ACCOUNT, candles, run_info
from tests.reports.test_data import model


def test_a_run_is_read_back_from_its_summary(tmp_path: Path) -> None:
    end = run_info(days=7).end + 7
    run = run_info(
        days=7,
        end=end,
        seed=5,
        settings={"risk.max_positions": "8"},
        notes=("no depth",),
        facts={"Verified": "all"},
    )
    write_summary(tmp_path / "summary.json", gather(model(), ACCOUNT, run), {"verification": {"ok": True}})
    read, sections = read_run(tmp_path / "summary.json")
    assert read == run
    assert list(sections)[-1] == "verification"


def test_files_are_written(tmp_path: Path) -> None:
    series = (candles(days=7),)
    data = gather(model(), ACCOUNT, run_info(days=7), series)
    write_page(tmp_path / "report.html", data)
    write_candles(tmp_path / "candles.feather", series)
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert len(load_candles(tmp_path / "candles.feather")[0]) == len(series[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["candles.feather", "report.html"]
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o644


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_text("old")

    def fail(part: Path) -> None:
        part.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_whole(target, fail)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_missing_summary_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunFileError, match="no such file"):
        read_run(tmp_path / "summary.json")
    with pytest.raises(RunFileError, match="directory"):
        read_run(tmp_path)
