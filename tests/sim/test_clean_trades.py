"""Whatever the weather: a trade that is judged clean was protected, sold, and told of nothing else."""

from __future__ import annotations

from functools import partial

import pytest

from fillwright.core import events as ev
from fillwright.core.rollout import CLEAN_TRADES
from fillwright.core.settings import RolloutSettings
from fillwright.core.types import SECOND
from tests.sim import harness
from tests.sim.chaos import Chaos

STEPS = 45
ARM: int = SECOND
TROUBLE = (ev.ProtectionFailed, ev.ExitFailed, ev.PositionReduced, ev.PositionReopened)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("faults", [False, True])
def test_clean_is_what_nothing_went_wrong_with(
    monkeypatch: pytest.MonkeyPatch, seed: int, faults: bool
) -> None:
    guard = RolloutSettings(clean_trades=CLEAN_TRADES)
    monkeypatch.setattr(harness, "make_settings", partial(harness.make_settings, rollout=guard))
    world = Chaos(seed, faults=faults, restarts=faults).run(STEPS)
    world.audit()
    events = [record.event for record in world.records]
    judged = [event for event in events if isinstance(event, ev.TradeJudged)]
    clean = [event.position_id for event in judged if not event.reasons]
    for position_id in clean:
        mine = [event for event in events if getattr(event, "position_id", 0) == position_id]
        protected = [event for event in mine if isinstance(event, ev.PositionProtected)]
        assert protected
        assert all(event.unprotected_us <= ARM for event in protected)
        assert not [event for event in mine if isinstance(event, TROUBLE)]
        assert world.engine.state.positions[position_id].exit_quantity
    rollout = world.engine.state.rollout
    assert rollout.clean_trades == len(clean)
    assert rollout.unclean_trades == len(judged) - len(clean)
    assert rollout.flaws.keys() <= {*world.engine.ledger.open_positions, *rollout.closed}
