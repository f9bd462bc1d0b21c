"""The live service killed (SIGKILL) at any moment under load: nothing answered is lost, nothing happens twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.killing import Killing
from tests.e2e.service import SYMBOLS, Service

KILLS = 6
KILLS_LONG = 200
STOPPED_EVERY = 10
"""Each tenth life ends by SIGTERM, so that a state as it was lived can be compared with its journal."""
STARTING_EVERY = 8


def live(killing: Killing, kills: int) -> None:
    """One life after the other."""
    life = 0
    while killing.kills < kills:
        life += 1
        if life % STARTING_EVERY == STARTING_EVERY // 2:
            killing.killed_while_starting()
        else:
            killing.life(0.2, 1.2, graceful=life % STOPPED_EVERY == STOPPED_EVERY // 2)
    killing.finish()


def test_killed_under_load(tmp_path: Path) -> None:
    with Service(tmp_path, symbols=SYMBOLS[:5], trades_per_second=50, seed=3, forked=True) as service:
        killing = Killing(service, seed=3)
        live(killing, KILLS)


@pytest.mark.long
@pytest.mark.parametrize(
    ("seed", "changes"),
    [
        (101, {}),
        (102, {"paper": {"latency_ms": 50}}),
        (103, {"paper": {"latency_ms": 5}, "basic": {"take_profit_style": "maker"}}),
        (104, {"paper": {"latency_ms": 20}, "journal": {"durability": "full"}}),
    ],
    ids=["at once", "50 ms to the exchange", "resting targets", "every commit on disk"],
)
def test_killed_two_hundred_times(tmp_path: Path, seed: int, changes: dict[str, dict[str, object]]) -> None:
    with Service(tmp_path, trades_per_second=50, seed=seed, changes=changes) as service:
        killing = Killing(service, seed)
        live(killing, KILLS_LONG // 4)
        print(killing.summary)  # noqa: T201 - what a long run is for
        assert (
            sum(len(start.positions) for start in killing.judge.starts) > KILLS_LONG
            if killing.judge
            else False
        )
