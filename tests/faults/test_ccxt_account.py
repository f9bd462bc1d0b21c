"""The account's engine on ccxt's venue: it comes up or is left at any moment, whatever the exchange does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from fillwright.core.types import MILLISECOND, SECOND
from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.fault_plan import CallFault, Cut
from fillwright.runtime.account import READY
from tests.faults.ccxt_world import CcxtWorld
from tests.warp import the_loop, warped

pytestmark = pytest.mark.filterwarnings("default")  # ccxt's own
END_MAX_S = 4.0
"""Of an account that is cancelled: ccxt's connections may take their second, what was cancelled its own."""


async def left_at(world: CcxtWorld, moments: list[float], trouble: Callable[[], CallFault]) -> None:
    """Let an account come up under trouble, and cancel it after each of these."""
    await world.kill()
    world.fault(trouble())
    for moment in moments:
        await world.begin(ready=False)
        await asyncio.sleep(moment)
        began = the_loop().time()
        await world.kill()
        assert the_loop().time() - began <= END_MAX_S, f"cancelled after {moment} s"
    world.box.faults.remove()
    await world.begin()
    assert world.account.state == READY
    await world.audit()


@pytest.mark.parametrize(
    "trouble",
    [
        lambda: CallFault(outcome=Outcome.LOST, by=Cut.SILENCE, times=None),
        lambda: CallFault(outcome=Outcome.LOST, times=None),
        lambda: CallFault(outcome=Outcome.REFUSED, http_status=503, times=None),
        lambda: CallFault(outcome=Outcome.DELAYED, delay_us=300 * MILLISECOND, times=None),
    ],
    ids=["silence", "cut", "503", "slow"],
)
def test_an_account_that_is_cancelled_while_it_comes_up_ends(trouble: Callable[[], CallFault]) -> None:
    async def story() -> None:
        async with CcxtWorld() as world:
            world.signal()
            await world.run(SECOND)
            await left_at(world, [step * 0.43 for step in range(9)], trouble)

    warped(story())


def test_an_exchange_that_is_silent_for_a_while_is_found_again() -> None:
    async def story() -> None:
        async with CcxtWorld() as world:
            world.signal()
            await world.run(SECOND)
            world.fault(CallFault(outcome=Outcome.LOST, by=Cut.SILENCE, times=None, for_us=40 * SECOND))
            await world.restart()
            assert world.account.state == READY
            assert world.live_stop()
            await world.audit()

    warped(story())
