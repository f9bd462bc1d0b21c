"""A restart at each await: the process is killed at every turn of the loop between a signal and its position's end.

Whatever waits for anything does so at the end of a turn, so that no await is left out, the exchange's own among them.
"""

from __future__ import annotations

import pytest

from fillwright.core.types import MILLISECOND, Time
from tests.faults.scenarios import OUTCOMES, PLANS, FaultCase, PlanCase, close, play
from tests.faults.test_matrix import DOUBT_MAX
from tests.faults.world import BoxWorld
from tests.warp import WarpLoop, warped

CLOSED_AT: Time = 1_500 * MILLISECOND
"""When the trader closes; once more after the restart, if it was for nothing."""
CLOSED_AGAIN_AT: Time = 8_000 * MILLISECOND
STORY_US: Time = 2_500 * MILLISECOND
"""Until then every turn is one in which the process is killed."""
OUTCOMES_KILLED = ("full_fill", "partial_then_timeout")
EVERY = 13


class KillingLoop(WarpLoop):
    """Kills a world at one of its turns, counted from the signal."""

    def __init__(self, turn: int) -> None:
        super().__init__()
        self._turn = turn
        self.world: BoxWorld | None = None
        self.turns = 0
        """Until the story was over."""
        self._end = 0

    def watch(self, world: BoxWorld) -> None:
        """Count from now on."""
        self.world = world
        self._end = self.now() + STORY_US

    def _run_once(self) -> None:
        super()._run_once()  # type: ignore[misc]
        if self.world is None or self.now() > self._end:
            return
        self.turns += 1
        if self.turns == self._turn:
            self.world.crash()


def killed_at(turn: int, plan: PlanCase, outcome: str) -> tuple[BoxWorld, int]:
    """Play a story and kill it at a turn (0: never); the world that has ended, and how many turns there were."""
    loop = KillingLoop(turn)

    def act(world: BoxWorld) -> None:
        loop.watch(world)
        world.at(CLOSED_AT, lambda: close(world))
        world.at(CLOSED_AGAIN_AT, lambda: close(world))

    world = warped(play(plan, OUTCOMES[outcome], FaultCase(f"killed at turn {turn}", act=act)), loop)
    assert max(world.doubts.values(), default=0) <= DOUBT_MAX, (turn, world.told)
    return world, loop.turns


def killed_everywhere(plan: PlanCase, outcome: str, every: int = 1) -> int:
    """Kill it at every turn, one after the other; how many there were."""
    _, turns = killed_at(0, plan, outcome)
    for turn in range(1, turns + 1, every):
        world, _ = killed_at(turn, plan, outcome)
        assert world.lives == 2, turn
        assert world.naked_us <= FaultCase("").naked_max, (turn, world.told)
    return turns


@pytest.mark.parametrize("plan", [PLANS[0], PLANS[4]], ids=lambda plan: plan.name)
def test_a_restart_now_and_then(plan: PlanCase) -> None:
    assert killed_everywhere(plan, "full_fill", EVERY) > EVERY * 4


@pytest.mark.faults
@pytest.mark.parametrize("outcome", OUTCOMES_KILLED)
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_a_restart_at_each_await(plan: PlanCase, outcome: str) -> None:
    killed_everywhere(plan, outcome)
