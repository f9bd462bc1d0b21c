"""The plan that is left through ccxt, an entry and then a stop alone, under what goes wrong most; one judge for all.

Exactly one order per leg, the position protected or closed, the ledger equal to the exchange's.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fillwright.core.types import MILLISECOND, SECOND
from fillwright.exchange.server.fault_plan import CallFault, Rule
from tests.faults.ccxt_world import CcxtWorld
from tests.faults.scenarios import (
    ALL,
    ANSWER_LOST,
    DELAYED,
    LOST,
    MASKED,
    OUTCOMES,
    REFUSED,
    WAY,
    FaultCase,
    PlanCase,
    calls,
    crash_at,
    cut_streams,
)
from tests.faults.world import SYMBOL
from tests.sim.harness import TARGET
from tests.sim.scenarios import close_soon
from tests.venues.ccxt_elsewhere import elsewhere
from tests.warp import warped

pytestmark = pytest.mark.filterwarnings("default")  # ccxt's own
CALLS = ("order.place", "order.cancel")
CHANGES = ("order.cancel",)
DOUBT_MAX = 32 * SECOND
"""As at Binance itself, and for as long as a request may wait for its turn in ccxt."""
NAKED_MAX = 22 * SECOND
PLANS = (PlanCase("STOP and target", {}, TARGET), PlanCase("STOP", {}, None))
NAMES = ("full_fill", "partial_then_rest", "partial_then_timeout", "no_fill", "rejected")


def of_the_stop(times: int = 1, **fault: Any) -> Callable[[], list[Rule]]:
    """Let a fault meet what is placed after the entry."""
    return calls(("order.place",), times, skip=1, **fault)


FAULTS = (
    FaultCase("nothing", trace="PositionProtected"),
    FaultCase("lost before execution", calls(CALLS, outcome=LOST), trace="OrderUnknown"),
    FaultCase("answer lost after execution", calls(CALLS, outcome=ANSWER_LOST), trace="OrderUnknown"),
    FaultCase("two answers lost", calls(CALLS, 2, outcome=ANSWER_LOST), trace="OrderUnknown"),
    FaultCase("503", calls(CALLS, outcome=REFUSED, http_status=503), trace="503"),
    FaultCase("503 executed", calls(CALLS, outcome=MASKED, http_status=503), trace="503"),
    FaultCase("-1007 executed", calls(CALLS, outcome=MASKED, code=-1007), trace="-1007"),
    FaultCase(
        "429",
        calls(CALLS, 2, outcome=REFUSED, code=-1003, http_status=429, retry_after_s=1),
        trace="-1003",
    ),
    FaultCase("-1021", calls(CALLS, outcome=REFUSED, code=-1021), trace="-1021"),
    FaultCase("stop lost", of_the_stop(outcome=LOST), trace="OrderUnknown"),
    FaultCase("stop's answer lost", of_the_stop(outcome=ANSWER_LOST)),
    FaultCase("stop 503", of_the_stop(outcome=REFUSED, http_status=503), trace="503"),
    FaultCase("stop -1021", of_the_stop(2, outcome=REFUSED, code=-1021), trace="-1021"),
    *[
        FaultCase(f"close, {name}", calls(CHANGES, **fault), close_soon, trace="PositionClosed")
        for name, fault in (
            ("lost", {"outcome": LOST}),
            ("answer lost", {"outcome": ANSWER_LOST}),
            ("503", {"outcome": REFUSED, "http_status": 503}),
            ("503 executed", {"outcome": MASKED, "http_status": 503}),
            ("429", {"outcome": REFUSED, "code": -1003, "http_status": 429, "retry_after_s": 1}),
            ("-1021", {"outcome": REFUSED, "code": -1021}),
        )
    ],
    FaultCase("streams cut", act=cut_streams, trace="connected=False"),
    *[
        FaultCase(
            f"killed at request {number}, {delay // MILLISECOND} ms on",
            act=crash_at(number, delay),
        )
        for number in (1, 2)
        for delay in (0, 30 * MILLISECOND, 60 * MILLISECOND)
    ],
)


async def play(plan: PlanCase, outcome: str, fault: FaultCase, **options: Any) -> CcxtWorld:
    """A minute of story, then the price falls through every stop."""
    async with CcxtWorld(**options) as world:
        for rule in fault.rules():
            world.fault(rule)
        for endpoint in ALL:
            world.fault(
                CallFault(endpoint=endpoint, outcome=DELAYED, times=None, delay_us=WAY, answer_delay_us=WAY)
            )
        OUTCOMES[outcome](world, plan)
        if fault.act is not None:
            fault.act(world)
        await world.run(70 * SECOND)
        await world.audit()
        world.price(SYMBOL, Decimal(90), volume=Decimal(1000))
        await world.audit()
        world.told = "\n".join(str(record.event) for record in world.records)
    return world


def judged(plan: PlanCase, outcome: str, fault: FaultCase, **options: Any) -> CcxtWorld:
    world = warped(play(plan, outcome, fault, **options))
    longest = max(world.doubts.values(), default=0)
    assert longest <= DOUBT_MAX, f"{longest / SECOND} s in doubt\n{world.told}"
    assert world.naked_us <= NAKED_MAX, f"{world.naked_us / SECOND} s without a stop\n{world.told}"
    return world


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=[fault.name for fault in FAULTS])
def test_the_plan_survives_every_fault(number: int) -> None:
    """With an outcome that changes from fault to fault."""
    judged(PLANS[number % 2], NAMES[number % 3], FAULTS[number])


@pytest.mark.faults
@pytest.mark.parametrize("outcome", NAMES)
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_combination(fault: FaultCase, plan: PlanCase, outcome: str) -> None:
    judged(plan, outcome, fault)


@pytest.mark.parametrize("number", range(0, len(FAULTS), 3))
def test_another_exchange_survives_faults(number: int) -> None:
    """By streams, and by reading again and again, in turn."""
    with elsewhere() as exchange_id:
        judged(
            PLANS[number % 2],
            NAMES[(number + 1) % 3],
            FAULTS[number],
            exchange_id=exchange_id,
            has_streams=number % 2 > 0,
        )


@pytest.mark.faults
@pytest.mark.parametrize("has_streams", [True, False], ids=["streams", "reading"])
@pytest.mark.parametrize("outcome", NAMES)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_at_another_exchange(fault: FaultCase, outcome: str, has_streams: bool) -> None:
    """With a plan that changes from outcome to outcome."""
    plan = PLANS[(NAMES.index(outcome) + FAULTS.index(fault)) % 2]
    with elsewhere() as exchange_id:
        judged(plan, outcome, fault, exchange_id=exchange_id, has_streams=has_streams)


@pytest.mark.faults
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.trace], ids=lambda fault: fault.name)
def test_every_fault_leaves_its_trace(fault: FaultCase) -> None:
    """A fault that changes nothing tests nothing."""
    if not any(fault.trace in judged(plan, name, fault).told for name in NAMES for plan in PLANS):
        pytest.fail(f"{fault.trace!r} in no journal")
