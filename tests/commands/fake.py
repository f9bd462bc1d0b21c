"""A composition root for tests of commands: a journal written by hand, and replays that do as they are told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

from fillwright.config import Config
from fillwright.core.types import Mode
from fillwright.options import (
    Finding,
    KeysStopOptions,
    KeysStopReport,
    ReplayOptions,
    ReplayProgress,
    ReplayResult,
    ServiceOptions,
    ServiceUp,
)
from fillwright.ports import ReadModel
from fillwright.reports.data import gather
from fillwright.reports.files import write_candles, write_page, write_summary
from fillwright.reports.summary import summary
from fillwright.storage.sql import open_read_model, open_store
from tests.reports.sample import ACCOUNT, candles, run_info
from tests.reports.test_data import model
from tests.storage.story import OWNER, Story, long_story, replayed

DIGEST = "0" * 64


def write_journal(folder: Path, story: Story | None = None) -> Story:
    """Write a story's journal and read models into a folder."""
    story = story or long_story(12)
    store = open_store(folder / "journal.db")
    projection = store.projection(story.owner)
    for records, ledger in replayed(story.steps):
        store.journal.append(OWNER.account_id, records[0].seq - 1, records)
        projection.observe(records, ledger)
    projection.flush()
    store.close()
    return story


class FakeServices:
    """Replays by writing a made-up account's report; or raises, or is interrupted, as it is told."""

    def __init__(self, error: BaseException | None = None, noise: str = "") -> None:
        self.error = error
        self.noise = noise
        self.asked: list[ReplayOptions] = []
        self.services: list[ServiceOptions] = []
        self.stops: list[KeysStopOptions] = []
        self.stopped = KeysStopReport(
            where="https://api.binance.com",
            cancelled=("RT_abc_2_E_1",),
            sold=(("RT_abc_1_X_9", "BTCUSDT", Decimal("0.01")),),
            kept=(),
            left=(),
            flag="BTCUSDT",
            no_flag="",
            clean_after_s=0.25,
            took_s=15.0,
        )
        self.findings = [Finding(name="Clock", result="ok", text="steady")]
        self.up = ServiceUp(
            url="http://127.0.0.1:8080",
            pid=4711,
            version="1.2.3",
            mode=Mode.PAPER,
            data=Path("data").absolute(),
            source="synthetic",
            source_detail="made up",
            symbols=("BTCUSDT", "ETHUSDT"),
            traders=("breakout on 5s candles",),
            token="the-new-token",
            code="the-code",
        )

    def replay(self, options: ReplayOptions, progress: Callable[[ReplayProgress], None]) -> ReplayResult:
        self.asked.append(options)
        progress(ReplayProgress(phase="replaying", done=1, total=2, time=1, ticks=5, signals=1, trades=1))
        if self.noise:
            sys.stderr.write(self.noise)
        if self.error is not None:
            raise self.error
        options.out.mkdir(parents=True, exist_ok=True)
        series = (candles(days=7),)
        data = gather(model(), ACCOUNT, run_info(days=7), series)
        write_page(options.out / "report.html", data)
        write_summary(options.out / "summary.json", data)
        write_candles(options.out / "candles.feather", series)
        figures: dict[str, Any] = summary(data)
        return ReplayResult(
            journal=options.out / "journal.db",
            summary=options.out / "summary.json",
            report=options.out / "report.html",
            digest=DIGEST,
            figures=figures,
        )

    def run_service(self, options: ServiceOptions, tell: Callable[[ServiceUp], None]) -> None:
        self.services.append(options)
        if self.error is not None:
            raise self.error
        tell(self.up)

    def stop_by_keys(self, options: KeysStopOptions) -> KeysStopReport:
        self.stops.append(options)
        return self.stopped

    def new_token(self, data: Path) -> str:
        return f"a-token-of-{data.name}"

    def doctor(self, config: Config) -> list[Finding]:
        return self.findings

    def read_model(self, database: Path) -> AbstractContextManager[ReadModel]:
        return open_read_model(database)
