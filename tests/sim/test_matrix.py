"""Every entry plan, with every outcome of its entry, under every fault: the judge finds nothing."""

from __future__ import annotations

import pytest

from fillwright.core.types import SECOND
from tests.sim.harness import World, make_instrument
from tests.sim.scenarios import FAULTS, OUTCOMES, PLANS, STOP, SYMBOL, FaultCase, PlanCase, play

DOUBT_MAX = 27 * SECOND
"""recvWindow 5 s, the engine's limit 10 s, then at most the longest wait between two questions, and their way."""
NAMES = tuple(OUTCOMES)
FAULT_IDS = [fault.name for fault in FAULTS]


def judged(plan: PlanCase, outcome: str, fault: FaultCase) -> World:
    world = play(plan, OUTCOMES[outcome], fault)
    longest = max(world.doubts.values(), default=0)
    assert longest <= DOUBT_MAX, f"{longest / SECOND} s in doubt\n{world.story()}"
    return world


@pytest.mark.parametrize("fault", FAULTS, ids=FAULT_IDS)
def test_every_plan_survives_every_fault(fault: FaultCase) -> None:
    """Each plan with a full fill and with two other outcomes, which change from fault to fault."""
    for number, plan in enumerate(PLANS):
        turn = number + FAULTS.index(fault)
        judged(plan, NAMES[0], fault)
        judged(plan, NAMES[1 + turn % 6], fault)
        judged(plan, NAMES[1 + (turn + 3) % 6], fault)


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS, ids=FAULT_IDS)
def test_every_combination(fault: FaultCase) -> None:
    for plan in PLANS:
        for outcome in OUTCOMES:
            judged(plan, outcome, fault)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.trace], ids=lambda fault: fault.name)
def test_every_fault_leaves_its_trace(fault: FaultCase) -> None:
    """A fault that changes nothing tests nothing: some combination's journal tells of it."""
    for outcome in OUTCOMES.values():
        for plan in PLANS:
            world = play(plan, outcome, fault)
            if any(fault.trace in str(record.event) for record in world.records):
                return
    pytest.fail(f"{fault.trace!r} in no journal")


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_each_plan_is_the_one_that_is_meant(plan: PlanCase) -> None:
    world = World(instruments=[make_instrument(SYMBOL, **plan.changes)])
    world.signal(stop=STOP, target=plan.target)
    assert world.position().plan.name == plan.name
    world.run(SECOND)
    kinds = {type(request).__name__ for _, request in world.requests}
    assert kinds == ({"OrderListRequest"} if plan.name.startswith("O") and plan.name != "OCO" else kinds)
    assert world.live_stop().quantity > 0
    world.audit()


def test_outcomes_are_what_they_say() -> None:
    """Executed quantity of the entry, and how many entries there were, without any fault."""
    found = {}
    for name, outcome in OUTCOMES.items():
        position = play(PLANS[0], outcome, FAULTS[0], ends=False).position()
        found[name] = (
            position.entry_quantity == position.requested_quantity,
            bool(position.entry_quantity),
            len(position.entry_order_ids),
            position.failure_status,
        )
    assert found == {
        "full_fill": (True, True, 1, ""),
        "partial_then_rest": (True, True, 1, ""),
        "partial_then_timeout": (False, True, 1, ""),
        "dust_then_timeout": (False, True, 1, ""),
        "no_fill": (False, False, 1, "cancelled"),
        "rejected": (False, False, 1, "rejected"),
        "unfilled_then_repriced": (True, True, 2, ""),
    }
