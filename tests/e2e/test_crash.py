"""A replay killed at any moment goes on with ``--resume`` and ends as one that was never killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from fillwright.bootstrap import replay
from fillwright.config import load
from fillwright.options import BadInputError, ReplayOptions, ReplayResult
from tests.conftest import ROOT
from tests.e2e.forks import server
from tests.e2e.victims import Victim

KILLS = 24
TICKS = 50_000
SIGNALS = 200
START_MS = 1_795_168_800_000
REREAD_MAX = Decimal("0.05")
PROFILE = ROOT / "examples" / "limits-test.toml"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tape of trades and signals that keep the engine busy all along."""
    folder, random = tmp_path_factory.mktemp("market"), Random(20)
    price, rows = 6_000_000, []
    for number in range(TICKS):
        price = max(5_000_000, price + random.choice((-250, -120, 0, 120, 250)))
        shown, quantity = f"{price // 100}.{price % 100:02}", f"0.{random.randrange(1, 99_999):05}"
        rows.append(
            f"{number + 1},{shown},{quantity},1.0,{START_MS + number * 100},{random.random() < 0.5},True"
        )
    (folder / "BTCUSDT-trades-2026-11-20.csv").write_text("\n".join(rows) + "\n")
    span_ms = TICKS * 100
    signals = [
        {
            "key": f"{number}",
            "trader_id": f"trader {number}",
            "created_at": (START_MS + 2_000 + number * (span_ms - 4_000) // SIGNALS) * 1000,
            "stop_loss_percent": "0.03",
            "take_profit_percent": "0.04",
            "size": {"quote": "100"},
        }
        for number in range(SIGNALS)
    ]
    (folder / "signals.jsonl").write_text("".join(json.dumps(one) + "\n" for one in signals))
    return folder


def options(market: Path, out: Path, **changes: Any) -> ReplayOptions:
    wanted = ReplayOptions(
        config=load([PROFILE], environment={}, folder=market),
        out=out,
        tapes=(market / "BTCUSDT-trades-2026-11-20.csv",),
        symbols=("BTCUSDT",),
        signals=market / "signals.jsonl",
    )
    return msgspec.structs.replace(wanted, **changes)


@pytest.fixture(scope="module")
def unkilled(market: Path) -> ReplayResult:
    """The replay that nobody killed."""
    result = replay(options(market, market / "unkilled"))
    assert ok(result)
    return result


def ok(result: ReplayResult) -> bool:
    verification: Any = result.figures["verification"]
    return bool(verification["ok"])


@pytest.fixture(scope="module", autouse=True)
def _server() -> None:
    server()


@pytest.fixture
def victims(tmp_path: Path) -> Iterator[Any]:
    """Starts victims, and leaves none behind."""
    begun: list[Victim] = []

    def start(wanted: ReplayOptions) -> Victim:
        begun.append(Victim(wanted, tmp_path / f"shared-{len(begun)}"))
        return begun[-1]

    yield start
    for victim in begun:
        victim.close()


def resumed_at(result: ReplayResult) -> int:
    verification: Any = result.figures["verification"]
    return int(verification["resumed_at_tick"])


@pytest.mark.parametrize("part", range(KILLS // 4))
def test_killed_anywhere_it_ends_as_if_nothing_had_been(
    market: Path, tmp_path: Path, unkilled: ReplayResult, victims: Any, part: int
) -> None:
    random = Random(part)
    for number in range(4):
        out = tmp_path / str(number)
        place = TICKS * (4 * part + number + 1) // (KILLS + 2) + random.randrange(TICKS // KILLS)
        victim = victims(options(market, out))
        died_at = victim.kill_at(place)
        result = replay(options(market, out, resume=True))
        assert died_at >= place
        assert result.resumed
        assert_same(result, unkilled)
        assert died_at - resumed_at(result) <= max(died_at - victim.ticks_before, died_at * REREAD_MAX)


def test_killed_again_and_again_it_gets_there(
    market: Path, tmp_path: Path, unkilled: ReplayResult, victims: Any
) -> None:
    died_at = 0
    for place in (TICKS // 4, TICKS // 2, TICKS * 3 // 4):
        victim = victims(options(market, tmp_path / "out", resume=True))
        died_at = victim.kill_at(place)
    result = replay(options(market, tmp_path / "out", resume=True))
    assert_same(result, unkilled)
    assert died_at - resumed_at(result) <= max(died_at - victim.ticks_before, died_at * REREAD_MAX)


def test_killed_between_its_last_record_and_its_report(
    market: Path, tmp_path: Path, unkilled: ReplayResult
) -> None:
    """A finished journal is left as it is, and reported again."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "journal.db").write_bytes(unkilled.journal.read_bytes())
    result = replay(options(market, out, resume=True))
    assert_same(result, unkilled)
    assert resumed_at(result) == TICKS
    assert result.report.read_text() == unkilled.report.read_text()


def test_killed_at_its_very_beginning(
    market: Path, tmp_path: Path, unkilled: ReplayResult, victims: Any
) -> None:
    victims(options(market, tmp_path / "out")).kill_at(1)
    with pytest.raises(BadInputError, match="other tapes"):
        replay(options(market, tmp_path / "out", resume=True, sort=True))
    result = replay(options(market, tmp_path / "out", resume=True))
    assert_same(result, unkilled)


def assert_same(result: ReplayResult, unkilled: ReplayResult) -> None:
    """The journal to the last byte, and what was worked out from it."""
    assert result.digest == unkilled.digest
    assert ok(result)
    for part in ("trades", "equity", "denials", "signals", "fees"):
        assert result.figures.get(part) == unkilled.figures.get(part), part


@pytest.mark.parametrize(
    "changes",
    [
        {"signals": "other.jsonl"},
        {"config": load(environment={}, folder=Path("/nowhere"))},
        {"sort": True},
        {"tapes": ()},
    ],
)
def test_a_journal_of_another_replay_is_not_gone_on_with(
    market: Path, tmp_path: Path, unkilled: ReplayResult, changes: dict[str, Any]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    before = unkilled.journal.read_bytes()
    (out / "journal.db").write_bytes(before)
    (market / "other.jsonl").write_text((market / "signals.jsonl").read_text().replace('"100"', '"90"'))
    if "signals" in changes:
        changes = {"signals": market / changes["signals"]}
    if "tapes" in changes:
        changes = {"tapes": (), "synthetic": True, "days": 1}
    with pytest.raises(
        BadInputError, match="the journal is of a replay with other tapes, signals, trader or settings"
    ):
        replay(options(market, out, resume=True, **changes))
    assert (out / "journal.db").read_bytes() == before
