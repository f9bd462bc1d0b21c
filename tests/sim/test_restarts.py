"""The process is lost at any moment and comes back from its journal, while exchange and wire go on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fillwright.core import events as ev
from fillwright.core.inputs import EmergencyStop, SubmitSignal
from fillwright.core.types import MILLISECOND, SECOND, PositionDecision
from tests.sim.harness import D, World, make_instrument
from tests.sim.scenarios import OUTCOMES, PLANS, SYMBOL, PlanCase

LENGTH = 12 * SECOND


def entry_and_stop(world: World, plan: PlanCase) -> None:
    """A limit that fills in two steps, then the stop."""
    OUTCOMES["partial_then_rest"](world, plan)
    world.at(5 * SECOND, lambda: world.price(SYMBOL, D(94), volume=D(1000)))


def entry_and_close(world: World, plan: PlanCase) -> None:
    """A market entry that the trader reduces, then closes."""
    OUTCOMES["full_fill"](world, plan)
    world.at(1 * SECOND, lambda: wish(world, PositionDecision.REDUCE))
    world.at(3 * SECOND, lambda: wish(world, PositionDecision.CLOSE))


def entry_and_moves(world: World, plan: PlanCase) -> None:
    """The stop is moved twice, coins are added."""
    OUTCOMES["full_fill"](world, plan)
    world.at(1 * SECOND, lambda: wish(world, PositionDecision.ADJUST_STOP_LOSS))
    world.at(2 * SECOND, lambda: wish(world, PositionDecision.ADD))
    world.at(3 * SECOND, lambda: wish(world, PositionDecision.ADJUST_STOP_LOSS, "97.5"))


def partial_and_emergency(world: World, plan: PlanCase) -> None:
    """Everything is flattened while an entry is partly filled."""
    OUTCOMES["partial_then_timeout"](world, plan)

    def stop() -> None:
        world.command(EmergencyStop(by="ops", flatten=True))

    world.at(300 * MILLISECOND, stop)


def wish(world: World, decision: PositionDecision, level: str = "96.5") -> None:
    if not world.is_up or 1 not in world.engine.state.positions:
        return
    world.decide(decision, price=D(level), fraction=D("0.5"), quote=D(100))


STORIES: dict[str, Callable[[World, PlanCase], None]] = {
    story.__name__: story
    for story in (entry_and_stop, entry_and_close, entry_and_moves, partial_and_emergency)
}


def begin(plan: PlanCase, story: Callable[[World, PlanCase], None]) -> World:
    world = World(instruments=[make_instrument(SYMBOL, **plan.changes)])
    story(world, plan)
    return world


def end(world: World) -> None:
    world.run(LENGTH)
    causes = [event.cause for event in world.events(ev.ReconciliationStarted)]  # type: ignore[attr-defined]
    assert "restart" in causes
    world.audit()
    world.price(SYMBOL, D(90), volume=D(1000))
    world.audit()


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_lost_after_any_turn(plan: PlanCase, story: str) -> None:
    """Turn by turn: answers and reports that were under way are lost, requests still arrive."""
    unhurt = begin(plan, STORIES[story])
    unhurt.run(LENGTH)
    turns = unhurt.turns
    assert turns > 10
    for turn in range(1, turns + 1):
        world = begin(plan, STORIES[story])
        world.crash_at_turn = turn
        end(world)


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_lost_between_journal_and_wire(plan: PlanCase, story: str) -> None:
    """At every step that sends something: the intent is journaled, the request never leaves."""
    unhurt = begin(plan, STORIES[story])
    unhurt.run(LENGTH)
    sendings = unhurt.sendings
    assert sendings > 2
    for number in range(1, sendings + 1):
        world = World(instruments=[make_instrument(SYMBOL, **plan.changes)])
        world.crash_at_sending = number
        STORIES[story](world, plan)
        end(world)


def test_lost_again_and_again() -> None:
    """Every three seconds, for a minute."""
    world = begin(PLANS[0], entry_and_moves)
    for number in range(1, 20):
        world.at(number * 3 * SECOND, world.crash)
    world.run(70 * SECOND)
    end(world)
    assert world.position().entry_quantity > 0


def is_reconciling(world: World) -> bool:
    return world.engine.state.reconciling


def test_a_snapshot_lost_with_the_process_does_not_end_reconciliation() -> None:
    world = World()
    world.signal()
    world.run(SECOND)
    world.run(300 * SECOND)
    while not is_reconciling(world):
        world.run(10 * MILLISECOND)
    world.crash()
    world.run(10 * SECOND)
    assert not is_reconciling(world)
    world.audit()


def test_a_signal_delivered_again_after_a_restart_makes_no_second_order() -> None:
    world = World()
    first = world.signal()
    signal = world.engine.state.signals[1].signal
    world.run(SECOND)
    world.crash()
    world.run(5 * SECOND)
    again = world.command(SubmitSignal(signal))
    assert again.repeated
    assert (again.signal_id, again.position_id) == (first.signal_id, first.position_id)
    world.audit()
    assert len(world.position().entry_order_ids) == 1
