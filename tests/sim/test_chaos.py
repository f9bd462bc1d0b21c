"""Chaos: wishes, prices, faults and crashes in any order; the judge finds nothing."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fillwright.core import engine
from fillwright.core import events as ev
from fillwright.core.settle import AT_REST
from tests.sim.chaos import Chaos

STEPS = 45
SEEDS = st.integers(0, 2**32 - 1)


def judged(seed: int, steps: int) -> None:
    chaos = Chaos(seed)
    world = chaos.run(steps)
    try:
        world.audit()
    except AssertionError as error:
        error.add_note("\n".join(chaos.log[-40:]))
        raise


@given(seed=SEEDS)
@example(seed=553)
@example(seed=1058)
@example(seed=26639)
@example(seed=17603)
@example(seed=8324)
def test_chaos_leaves_everything_in_order(seed: int) -> None:
    """The first two seeds sold coins twice once: an exit's execution was heard of before its entry's.

    The third lost an entry that was cancelled under way and taken for never arrived before its time; in the fourth a
    stop was not moved as long as the price stayed near the target; in the last one coins worth less than the least
    notional at their average price were sent to be sold when their stop had passed.
    """
    judged(seed, STEPS)


@given(seed=SEEDS)
def test_calm_leaves_everything_in_order(seed: int) -> None:
    """The same wishes without faults and crashes: what goes wrong here is wrong by itself."""
    chaos = Chaos(seed, faults=False, restarts=False)
    chaos.run(STEPS // 2).audit()


def test_the_looks_that_the_engine_spares_itself_find_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """``settle.AT_REST``: the same journals as with a look after every record; others are not to be spared."""
    needed = 0
    for seed in range(20):
        journals = []
        for at_rest in (AT_REST, frozenset(), AT_REST | {ev.OrderCancelRequested, ev.OrderSubmitted}):
            monkeypatch.setattr(engine, "AT_REST", at_rest)
            journals.append(Chaos(seed).run(STEPS).records)
        assert journals[0] == journals[1]
        needed += journals[0] != journals[2]
    assert needed


@pytest.mark.long
@pytest.mark.parametrize("seed", range(25))
def test_long_chaos(seed: int) -> None:
    """Four hundred steps each, ten thousand in all."""
    judged(seed, 400)
