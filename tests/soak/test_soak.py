"""Two services under load on one exchange, faults in one call of twenty, killed every 20 seconds: nothing is lost,
nothing happens twice, nothing stays without its stop, and the books are the same to the last unit.

``FILLWRIGHT_SOAK_SEED`` and ``FILLWRIGHT_SOAK_SECONDS`` choose another run.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.soak.evidence import stories
from tests.soak.place import running_place
from tests.soak.soak import Soak

SECONDS = 30.0
SECONDS_LONG = 1_800.0
SEED = 20261121


def soak(folder: Path, seconds: float, say: Callable[[str], None]) -> None:
    """One soak; fails with all that is needed to find out why."""
    seed = int(os.environ.get("FILLWRIGHT_SOAK_SEED", SEED))
    seconds = float(os.environ.get("FILLWRIGHT_SOAK_SECONDS", seconds))
    again = f"FILLWRIGHT_SOAK_SEED={seed} FILLWRIGHT_SOAK_SECONDS={seconds:g} pytest tests/soak"
    with running_place(folder, seed) as place:
        it = Soak(place, seed, say)
        problems: list[str] = []
        try:
            asyncio.run(it.run(seconds))
            problems += it.problems()
        except* AssertionError as found:
            problems += [line for error in leaves(found) for line in str(error).splitlines()]
        say(it.summary)
        stores = {side.name: side.service.database for side in it.sides if side.judge is not None}
        assert problems == [], "\n".join(
            [*problems, f"again: {again}", f"logs and stores: {folder}", stories(problems, stores, place[1])]
        )


def leaves(group: BaseExceptionGroup[AssertionError]) -> Iterator[BaseException]:
    """What went wrong, out of its groups."""
    for one in group.exceptions:
        if isinstance(one, BaseExceptionGroup):
            yield from leaves(one)
        else:
            yield one


def test_half_a_minute_of_chaos(tmp_path: Path) -> None:
    soak(tmp_path, SECONDS, lambda line: None)


@pytest.mark.long
@pytest.mark.parametrize("seconds", [SECONDS_LONG], ids=["half an hour"])
def test_chaos_for_long(tmp_path: Path, capfd: pytest.CaptureFixture[str], seconds: float) -> None:
    """It tells how it goes every ten seconds."""

    def say(line: str) -> None:
        with capfd.disabled():
            sys.stderr.write(f"{line}\n")

    soak(tmp_path, seconds, say)
