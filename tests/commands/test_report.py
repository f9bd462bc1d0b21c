from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from fillwright.commands.report import report
from fillwright.core.types import DAY
from fillwright.options import BadInputError
from fillwright.reports.data import RunInfo, gather
from fillwright.reports.files import write_candles, write_summary
from fillwright.storage.sql import open_read_model
from tests.commands.fake import FakeServices, write_journal
from tests.reports.sample import candles
from tests.storage.story import OWNER, START


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A finished run, whose page is gone."""
    story = write_journal(tmp_path)
    run = RunInfo(
        start=START, end=story.now, symbols=("BTCUSDT",), initial_balance=Decimal(10_000), version="0.1.0"
    )
    assert story.now - START > DAY
    with open_read_model(tmp_path / "journal.db") as model:
        write_summary(
            tmp_path / "summary.json", gather(model, OWNER.account_id, run, (candles(days=7),)), {"x": 1}
        )
    write_candles(tmp_path / "candles.feather", (candles(days=7),))
    return tmp_path


def test_a_report_is_written_again(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (out / "summary.json").read_bytes()
    page = report(FakeServices(), out, None, True)
    assert json.loads(capsys.readouterr().out) == {"report": str(page), "summary": str(out / "summary.json")}
    assert '"symbol":"BTCUSDT"' in page.read_text()
    assert (out / "summary.json").read_bytes() == before
    first = page.read_bytes()
    report(FakeServices(), out, None, False)
    assert page.read_bytes() == first


def test_without_candles_there_is_still_a_report(out: Path) -> None:
    (out / "candles.feather").unlink()
    assert '"candles":[]' in report(FakeServices(), out, None, False).read_text()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("summary.json", "{", "not JSON"),
        ("summary.json", "[]", "not a summary"),
        ("summary.json", '{"version": 99}', "of version 99"),
        ("summary.json", '{"version": 1, "run": {}}', "not a summary"),
        ("candles.feather", "x", "not a feather file"),
    ],
)
def test_what_is_broken_is_named(out: Path, name: str, content: str, expected: str) -> None:
    (out / name).write_text(content)
    with pytest.raises(BadInputError, match=expected):
        report(FakeServices(), out, None, False)
    assert not (out / "report.html").exists()
