"""Every entry plan, with every outcome of its entry, under every fault, over the wire: the judge finds nothing."""

from __future__ import annotations

import pytest

from fillwright.core.types import SECOND
from tests.faults.scenarios import FAULTS, OUTCOMES, PLANS, FaultCase, play
from tests.faults.world import BoxWorld
from tests.sim.scenarios import PlanCase
from tests.warp import warped

DOUBT_MAX = 27 * SECOND
"""recvWindow 5 s, the engine's limit 10 s, then at most the longest wait between two questions, and their way."""
NAMES = tuple(OUTCOMES)


def judged(plan: PlanCase, outcome: str, fault: FaultCase, *, over_websocket: bool = True) -> BoxWorld:
    world = warped(play(plan, OUTCOMES[outcome], fault, over_websocket=over_websocket))
    longest = max(world.doubts.values(), default=0)
    assert longest <= DOUBT_MAX, f"{longest / SECOND} s in doubt\n{world.told}"
    assert world.naked_us <= fault.naked_max, f"{world.naked_us / SECOND} s without a stop\n{world.told}"
    return world


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=[fault.name for fault in FAULTS])
def test_a_plan_survives_every_fault(number: int) -> None:
    """A plan and an outcome that change from fault to fault."""
    judged(PLANS[number % len(PLANS)], NAMES[number % 4], FAULTS[number])


@pytest.mark.faults
@pytest.mark.parametrize("outcome", NAMES)
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_combination(fault: FaultCase, plan: PlanCase, outcome: str) -> None:
    judged(plan, outcome, fault)


@pytest.mark.faults
@pytest.mark.parametrize("outcome", NAMES[:3])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_over_rest_alone(fault: FaultCase, outcome: str) -> None:
    for plan in PLANS:
        judged(plan, outcome, fault, over_websocket=False)


@pytest.mark.faults
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.trace], ids=lambda fault: fault.name)
def test_every_fault_leaves_its_trace(fault: FaultCase) -> None:
    """A fault that changes nothing tests nothing: some combination's journal tells of it."""
    for outcome in NAMES:
        for plan in PLANS:
            if fault.trace in judged(plan, outcome, fault).told:
                return
    pytest.fail(f"{fault.trace!r} in no journal")
