"""Every entry plan, with every outcome of its entry, under every fault, over the wire: the judge finds nothing."""

from __future__ import annotations

import functools

import pytest

from fillwright.core.types import SECOND
from tests.faults.coverage import why_idle, why_left_out
from tests.faults.scenarios import FAULTS, OUTCOMES, PLANS, FaultCase, PlanCase, play
from tests.faults.world import BoxWorld
from tests.sim import scenarios as sim
from tests.warp import warped

DOUBT_MAX = 27 * SECOND
"""recvWindow 5 s, the engine's limit 10 s, then at most the longest wait between two questions, and their way."""
NAMES = tuple(OUTCOMES)
OVER_REST = ("full_fill", "partial_then_timeout")
CELLS = [(plan, name) for plan in PLANS for name in NAMES if not why_left_out(plan, name)]


def judged(plan: PlanCase, outcome: str, fault: FaultCase, *, over_websocket: bool = True) -> BoxWorld:
    world = warped(play(plan, OUTCOMES[outcome], fault, over_websocket=over_websocket))
    longest = max(world.doubts.values(), default=0)
    assert longest <= DOUBT_MAX, f"{longest / SECOND} s in doubt\n{world.told}"
    assert world.naked_us <= fault.naked_max, f"{world.naked_us / SECOND} s without a stop\n{world.told}"
    return world


@functools.cache
def untroubled(plan_name: str, outcome: str) -> str:
    """The journal without any fault."""
    plan = next(one for one in PLANS if one.name == plan_name)
    return warped(play(plan, OUTCOMES[outcome], FAULTS[0])).told


def did_something(world: BoxWorld, plan: PlanCase, outcome: str, fault: FaultCase) -> bool:
    """Whether a fault hit a request or an event, the process, or else left the journal other than it would be.

    Where the world itself is another one its trace tells.
    """
    if world.hits or world.lives > 1:
        return True
    if fault.changes or fault.execution or fault.cash:
        return fault.trace in world.told
    return world.told != untroubled(plan.name, outcome)


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=[fault.name for fault in FAULTS])
def test_a_plan_survives_every_fault(number: int) -> None:
    """A plan and an outcome that change from fault to fault."""
    judged(PLANS[number % len(PLANS)], NAMES[number % 4], FAULTS[number])


@pytest.mark.faults
@pytest.mark.parametrize(("plan", "outcome"), CELLS, ids=[f"{plan.name} {name}" for plan, name in CELLS])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_combination(fault: FaultCase, plan: PlanCase, outcome: str) -> None:
    """And the fault does something there, or there is a reason why not."""
    world = judged(plan, outcome, fault)
    idle = why_idle(fault, plan, outcome)
    if fault is not FAULTS[0] and (idle is None or not idle.by_chance):
        assert did_something(world, plan, outcome, fault) is (idle is None), idle


@pytest.mark.faults
@pytest.mark.parametrize("outcome", OVER_REST)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_over_rest_alone(fault: FaultCase, outcome: str) -> None:
    for plan in sim.PLANS:
        judged(plan, outcome, fault, over_websocket=False)


@pytest.mark.faults
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.trace], ids=lambda fault: fault.name)
def test_every_fault_leaves_its_trace(fault: FaultCase) -> None:
    """A fault that changes nothing tests nothing: some combination's journal tells of it."""
    for outcome in NAMES:
        for plan in sim.PLANS:
            if not why_idle(fault, plan, outcome) and fault.trace in judged(plan, outcome, fault).told:
                return
    pytest.fail(f"{fault.trace!r} in no journal")
